"""What becomes of a job after a step, beside what test_in_doubt.py and test_retry.py show."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from publishing.engine.settle import settle
from publishing.engine.values import StepKind
from publishing.models import PublishJob, Status
from publishing.progress import JobProgress
from publishing.tests.engine.builders import (
    NOW,
    ago,
    ahead,
    in_first_request,
    make_connection,
    make_context,
    make_destination,
    make_job,
    result_of,
)
from socialpublishing.errors import (
    AssetTooLargeError,
    ContentRejectedError,
    InsufficientPermissionsError,
    LimitScope,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    PlatformUnreachableError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.progress import Progress, Stage

MINUTE = dt.timedelta(minutes=1)
# What a platform returns while it processes a post.
CONFIRMING = Progress(stage=Stage.CONFIRMING, poll_after=MINUTE)


# --- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "job", "value", "to"),
    [
        (StepKind.PREPARE, make_job(), Progress(stage=Stage.PREPARING), Status.PROCESSING),
        (StepKind.PREPARE, make_job(), Progress(stage=Stage.READY), Status.PROCESSING),
        (StepKind.PUBLISH, in_first_request(), CONFIRMING, Status.PROCESSING),
        (
            StepKind.PUBLISH,
            in_first_request(),
            Progress(stage=Stage.PUBLISHED, remote_id="99"),
            Status.PUBLISHED,
        ),
        (
            StepKind.CONFIRM,
            in_first_request(),
            Progress(stage=Stage.REFUSED, note="Spam."),
            Status.CONTENT_REJECTED,
        ),
        (StepKind.CONFIRM, in_first_request(), Progress(stage=Stage.LOST), Status.PENDING),
    ],
)
def test_stage_of_the_platform_gives_the_status(
    kind: StepKind, job: PublishJob, value: Progress, to: Status
) -> None:
    decision = settle(result_of(job, kind, value=value), make_context())
    assert decision.move.to == to
    assert decision.move.changes["claims"] == 0
    assert decision.move.step == kind


@pytest.mark.parametrize(
    ("value", "intent_stays"),
    [
        (CONFIRMING, True),
        (Progress(stage=Stage.READY, posted=("1",)), False),
        (Progress(stage=Stage.REFUSED), False),
        (Progress(stage=Stage.LOST), False),
    ],
)
def test_intent_stays_until_the_platform_reports_what_became_of_the_request(
    value: Progress, intent_stays: bool
) -> None:
    job = in_first_request()
    move = settle(result_of(job, StepKind.PUBLISH, value=value), make_context()).move
    assert ("publish_started_at" not in move.changes) is intent_stays


def test_post_with_an_id_is_no_longer_in_doubt() -> None:
    value = Progress(stage=Stage.CONFIRMING, poll_after=MINUTE, remote_id="99")
    move = settle(result_of(in_first_request(), StepKind.PUBLISH, value=value), make_context()).move
    assert move.changes["in_doubt_since"] is None
    assert "publish_started_at" not in move.changes


def test_platform_that_processes_a_post_for_a_day_is_no_longer_asked() -> None:
    job = in_first_request(started=ago(hours=25))
    move = settle(result_of(job, StepKind.CONFIRM, value=CONFIRMING), make_context()).move
    assert (move.to, move.changes["next_attempt_at"]) == (Status.UNCONFIRMED, None)


@pytest.mark.parametrize("has_pause", [False, True])
def test_job_goes_on_at_once_unless_the_platform_asks_for_a_pause(has_pause: bool) -> None:
    value = Progress(stage=Stage.PREPARING, poll_after=MINUTE if has_pause else None)
    decision = settle(result_of(make_job(), StepKind.PREPARE, value=value), make_context())
    assert decision.decide_again is not has_pause
    assert (decision.move.changes.get("waiting_for") == "platform") is has_pause


def test_refused_post_restarts_after_its_public_parts() -> None:
    posted = JobProgress(platform=Progress(stage=Stage.READY, posted=("1",)))
    job = in_first_request(progress=posted)
    value = Progress(stage=Stage.REFUSED, posted=("1",))
    move = settle(result_of(job, StepKind.CONFIRM, value=value), make_context()).move
    assert move.changes["progress"] == {"posted": ["1"]}
    assert "1 of its posts is public already" in move.note


# --- Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "to", "code"),
    [
        (ContentRejectedError(), Status.CONTENT_REJECTED, "content_rejected"),
        (InsufficientPermissionsError(), Status.FAILED, "permission_missing"),
        (RuntimeError("a bug of ours"), Status.FAILED, "internal_error"),
    ],
)
def test_error_that_no_retry_helps_ends_the_job(error: Exception, to: Status, code: str) -> None:
    move = settle(result_of(make_job(), StepKind.PREPARE, error=error), make_context()).move
    assert (move.to, move.code, move.changes["error_code"]) == (to, code, code)


def test_refusal_of_our_app_pauses_the_platform_and_the_job_waits() -> None:
    error = PlatformConfigurationError("No credits.", feature="reel")
    decision = settle(result_of(make_job(), StepKind.PREPARE, error=error), make_context())
    assert decision.pause is not None
    assert decision.pause.feature == "reel"
    assert not decision.app_was_accepted
    move = decision.move
    assert (move.to, move.changes["waiting_for"]) == (Status.PENDING, "operator")
    assert (move.changes["who_acts"], move.changes["error_message"]) == ("operator", "No credits.")


@pytest.mark.parametrize(
    ("kind", "error", "accepted"),
    [
        (StepKind.PUBLISH, None, True),
        (StepKind.PREPARE, None, True),
        (StepKind.CONFIRM, None, False),
        (StepKind.PUBLISH, ContentRejectedError(), True),
        (StepKind.PUBLISH, NoResponseError(), False),
        (StepKind.PUBLISH, PlatformRefusedError(nothing_was_created=True), False),
    ],
)
def test_what_shows_that_the_platform_accepts_our_app(
    kind: StepKind, error: Exception | None, accepted: bool
) -> None:
    value = None if error else Progress(stage=Stage.PUBLISHED, remote_id="99")
    decision = settle(result_of(in_first_request(), kind, value, error), make_context())
    assert decision.app_was_accepted is accepted


def test_limit_of_our_app_pauses_the_platform_until_its_end() -> None:
    error = RateLimitError(until=ahead(minutes=9), limits=LimitScope.APP)
    decision = settle(result_of(make_job(), StepKind.PREPARE, error=error), make_context())
    assert decision.limited_until is None
    assert decision.pause is not None
    assert decision.pause.until == ahead(minutes=9)
    assert decision.move.changes["waiting_for"] == "rate_limit"


@pytest.mark.parametrize(
    ("error", "who_acts"),
    [
        (ContentRejectedError(), "user"),
        (InsufficientPermissionsError(), "owner"),
        (AssetTooLargeError(), "user"),
        (RuntimeError("a bug of ours"), "operator"),
    ],
)
def test_job_that_ends_names_who_must_act(error: Exception, who_acts: str) -> None:
    move = settle(result_of(make_job(), StepKind.PREPARE, error=error), make_context()).move
    assert move.changes["who_acts"] == who_acts


def test_warnings_of_a_step_are_kept_each_once() -> None:
    first = {"code": "alt_text_refused", "message": "No."}
    job = make_job(warnings=[first])
    value = Progress(stage=Stage.READY).warned("alt_text_refused", "No.")
    value = value.warned("page_unreadable", "No page.")
    move = settle(result_of(job, StepKind.PREPARE, value=value), make_context()).move
    second = {"code": "page_unreadable", "message": "No page."}
    assert move.changes["warnings"] == [first, second]


@pytest.mark.parametrize("kind", [StepKind.LOOKUP, StepKind.CONFIRM])
@pytest.mark.parametrize(
    "error", [NoResponseError(), RateLimitError(), PlatformConfigurationError(), RuntimeError()]
)
def test_failed_read_of_the_outcome_is_retried(kind: StepKind, error: Exception) -> None:
    move = settle(result_of(in_first_request(), kind, error=error), make_context()).move
    assert move.to == Status.UNCONFIRMED
    assert "publish_started_at" not in move.changes


def test_history_stores_status_code_and_request_id_of_the_platform() -> None:
    error = PlatformApiError(status_code=400, platform_code="187", request_id="r-1")
    move = settle(result_of(make_job(), StepKind.PREPARE, error=error), make_context()).move
    facts = (move.platform_status, move.platform_code, move.platform_request_id)
    assert facts == (400, "187", "r-1")


@pytest.mark.parametrize(
    ("error", "is_forgotten"),
    [(RateLimitError(), True), (NoResponseError(), False), (TokenExpiredError(), False)],
)
def test_accepted_token_clears_the_refused_version(error: Exception, is_forgotten: bool) -> None:
    job = make_job(refused_token_version=4)
    move = settle(result_of(job, StepKind.PREPARE, error=error), make_context()).move
    assert ("refused_token_version" in move.changes) is is_forgotten


# --- Tokens --------------------------------------------------------------------------------------


def test_refused_token_is_refreshed_first() -> None:
    result = result_of(make_job(), StepKind.PREPARE, error=TokenExpiredError())
    decision = settle(result, make_context())
    assert decision.decide_again
    assert decision.move.changes["refused_token_version"] == 5
    assert not decision.reauth_reason


def test_refreshed_token_that_is_refused_needs_the_owner() -> None:
    job = make_job(refused_token_version=4)
    decision = settle(result_of(job, StepKind.PREPARE, error=TokenExpiredError()), make_context())
    assert decision.reauth_reason
    assert decision.move.changes["waiting_for"] == "owner"


def test_token_refreshed_a_moment_ago_gets_another_chance() -> None:
    connection = make_connection(last_refreshed_at=ago(seconds=5))
    job = make_job(connection=connection, refused_token_version=4)
    decision = settle(result_of(job, StepKind.PREPARE, error=TokenExpiredError()), make_context())
    assert decision.move.changes["next_attempt_at"] == NOW + dt.timedelta(seconds=3)
    assert not decision.reauth_reason


@pytest.mark.parametrize("own_token", [True, False])
def test_refused_token_of_a_destination_ends_that_destination_alone(own_token: bool) -> None:
    connection = make_connection("facebook")
    destination = make_destination(connection, own_token=own_token)
    job = make_job(
        "facebook", connection=connection, destination=destination, refused_token_version=4
    )
    decision = settle(result_of(job, StepKind.PREPARE, error=TokenExpiredError()), make_context())
    assert decision.ends_destination is own_token
    assert bool(decision.reauth_reason) is not own_token


def test_refused_token_of_a_lookup_keeps_the_job_in_doubt() -> None:
    job = in_first_request(refused_token_version=4)
    decision = settle(result_of(job, StepKind.LOOKUP, error=TokenExpiredError()), make_context())
    assert decision.move.to == Status.UNCONFIRMED
    assert decision.reauth_reason
    assert "publish_started_at" not in decision.move.changes


EXPIRED: dict[str, Any] = {"expires_at": ago(seconds=1)}
USABLE: dict[str, Any] = {"expires_at": NOW + dt.timedelta(minutes=5)}


@pytest.mark.parametrize(
    ("facts", "error", "goes_on"),
    [
        (USABLE, TokenExpiredError(), True),
        (USABLE, PlatformUnreachableError(), True),
        (EXPIRED, NoResponseError(), True),
        (EXPIRED, RateLimitError(), True),
        (EXPIRED, TokenExpiredError(), False),
        (EXPIRED, PlatformConfigurationError(), False),
        (EXPIRED, PlatformUnreachableError(), False),
    ],
)
def test_failed_refresh_stops_a_job_only_when_its_token_has_ended(
    facts: dict[str, Any], error: Exception, goes_on: bool
) -> None:
    job = make_job(connection=make_connection(**facts))
    decision = settle(result_of(job, StepKind.REFRESH, error=error), make_context())
    assert decision.decide_again is goes_on


def test_refresh_lets_the_job_go_on() -> None:
    decision = settle(result_of(make_job(), StepKind.REFRESH, value=Renewal()), make_context())
    assert decision.decide_again
    assert decision.move.to == Status.PROCESSING
