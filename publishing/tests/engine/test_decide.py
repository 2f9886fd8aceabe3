"""What a claimed job does next."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from publishing.engine.decide import MAX_CLAIMS, decide
from publishing.engine.values import Paused, StepKind
from publishing.models import PublishJob, Status
from publishing.progress import JobProgress
from publishing.tests.engine.builders import (
    GRACE_S,
    LEASE_UNTIL,
    NOW,
    ago,
    ahead,
    in_first_request,
    make_connection,
    make_context,
    make_destination,
    make_job,
)
from socialpublishing.errors import PublishingOffError
from socialpublishing.platforms.progress import Progress, Stage

PICTURE = {
    "url": "https://a.example/1.jpg",
    "asset_type": "image",
    "mime_type": "image/jpeg",
    "kind": "image",
}


def at(stage: Stage, **facts: Any) -> JobProgress:
    return JobProgress(platform=Progress(stage=stage, **facts))


# --- Steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "kind"),
    [
        (make_job(), StepKind.PUBLISH),
        (make_job(assets=[PICTURE]), StepKind.PREPARE),
        (make_job(assets=[PICTURE], progress=at(Stage.READY)), StepKind.PUBLISH),
        (
            make_job(assets=[PICTURE], progress=at(Stage.PREPARING, posted=("1",))),
            StepKind.PUBLISH,
        ),
        (in_first_request(), StepKind.LOOKUP),
        (in_first_request(progress=at(Stage.CONFIRMING)), StepKind.CONFIRM),
        (make_job(refused_token_version=5), StepKind.REFRESH),
        (make_job(connection=make_connection(expires_at=ago(seconds=1))), StepKind.REFRESH),
        (
            in_first_request(connection=make_connection(expires_at=ago(seconds=1))),
            StepKind.REFRESH,
        ),
    ],
    ids=[
        "text",
        "media",
        "media that are uploaded",
        "second part of a thread",
        "in doubt",
        "processed by the platform",
        "token refused",
        "token expired",
        "token expired while in doubt",
    ],
)
def test_next_step(job: PublishJob, kind: StepKind) -> None:
    decision = decide(job, make_context())
    assert decision.step is not None
    assert decision.step.kind == kind
    assert decision.move.changes["next_attempt_at"] == LEASE_UNTIL
    assert decision.move.changes["waiting_for"] == ""
    assert ("publish_started_at" in decision.move.changes) is (kind == StepKind.PUBLISH)


def test_publish_request_is_never_made_without_its_intent() -> None:
    decision = decide(make_job(), make_context())
    assert decision.move.to == Status.PROCESSING
    assert decision.move.changes["publish_started_at"] == NOW
    assert decision.move.changes["in_doubt_since"] == NOW


def test_lookup_knows_its_time_and_the_posts_of_other_jobs() -> None:
    others = frozenset({"1", "2"})
    decision = decide(in_first_request(), make_context(other_post_ids=others))
    assert decision.step is not None
    assert decision.step.since == ago(seconds=121)
    assert decision.step.other_post_ids == others


def test_refresh_uses_the_connection_and_other_steps_the_destination() -> None:
    connection = make_connection("facebook")
    destination = make_destination(connection)
    post = make_job("facebook", connection=connection, destination=destination)
    refresh = make_job(
        "facebook", connection=connection, destination=destination, refused_token_version=5
    )
    for job, account_id in ((post, "70"), (refresh, "7")):
        step = decide(job, make_context()).step
        assert step is not None
        assert step.account.id == account_id


# --- What keeps a job from going on --------------------------------------------------------------


def limited_connection() -> Any:
    return make_connection(limited_until=ahead(minutes=5))


@pytest.mark.parametrize(
    ("job", "facts", "to", "code"),
    [
        (make_job(remote_id="99"), {}, Status.PUBLISHED, ""),
        (make_job(created_at=ago(hours=2)), {}, Status.FAILED, "too_late"),
        (make_job(claims=MAX_CLAIMS + 1), {}, Status.FAILED, "poison"),
        (
            make_job(connection=make_connection(status="needs_reauth")),
            {},
            Status.PENDING,
            "needs_reauth",
        ),
        (make_job(connection=limited_connection()), {}, Status.PENDING, "rate_limited"),
        (make_job(), {"publishing_off": PublishingOffError()}, Status.PENDING, "publishing_off"),
        (make_job(), {"same_text_in_doubt": True}, Status.PENDING, ""),
        (
            make_job(connection=make_connection(status="revoked")),
            {},
            Status.CANCELLED,
            "connection_removed",
        ),
        (make_job("linkedin", in_doubt_since=ago(minutes=30)), {}, Status.UNCONFIRMED, ""),
    ],
    ids=[
        "its id is known",
        "too late",
        "kills its workers",
        "owner",
        "rate limit",
        "publishing is off",
        "same text in doubt",
        "disconnected",
        "the platform's window is over",
    ],
)
def test_job_that_does_not_go_on(
    job: PublishJob, facts: dict[str, Any], to: Status, code: str
) -> None:
    decision = decide(job, make_context(**facts))
    assert decision.step is None
    assert (decision.move.to, decision.move.code) == (to, code)


def test_destination_without_the_right_to_publish_fails_the_job() -> None:
    connection = make_connection("facebook")
    destination = make_destination(connection)
    destination.can_publish = False
    job = make_job("facebook", connection=connection, destination=destination)
    move = decide(job, make_context()).move
    assert (move.to, move.code) == (Status.FAILED, "permission_missing")


@pytest.mark.parametrize(
    ("facts", "context"),
    [
        ({"created_at": ago(hours=2)}, {}),
        ({"claims": MAX_CLAIMS + 1}, {}),
        ({"connection": limited_connection()}, {}),
        ({}, {"publishing_off": PublishingOffError()}),
        ({}, {"same_text_in_doubt": True}),
    ],
    ids=["late", "claims", "rate limit", "publishing is off", "same text"],
)
def test_nothing_keeps_a_job_in_doubt_from_being_looked_up(
    facts: dict[str, Any], context: dict[str, Any]
) -> None:
    step = decide(in_first_request(**facts), make_context(**context)).step
    assert step is not None
    assert step.kind == StepKind.LOOKUP


@pytest.mark.parametrize(
    ("connection", "to"),
    [
        (make_connection(status="needs_reauth"), Status.UNCONFIRMED),
        (make_connection(status="revoked"), Status.UNCONFIRMED),
    ],
    ids=["needs reauth", "revoked"],
)
def test_job_in_doubt_without_a_usable_account_stays_unconfirmed(
    connection: Any, to: Status
) -> None:
    decision = decide(in_first_request(connection=connection), make_context())
    assert (decision.step, decision.move.to) == (None, to)


def test_job_whose_post_has_an_id_is_published_when_its_account_is_gone() -> None:
    progress = at(Stage.CONFIRMING, remote_id="99")
    job = in_first_request(connection=make_connection(status="revoked"), progress=progress)
    move = decide(job, make_context()).move
    assert (move.to, move.changes["remote_id"]) == (Status.PUBLISHED, "99")


def test_late_job_that_waited_for_its_owner_names_the_owner() -> None:
    job = make_job(created_at=ago(hours=2), waiting_for="owner")
    assert decide(job, make_context()).move.code == "needs_reauth"


def test_thread_that_has_begun_is_finished_after_its_grace() -> None:
    job = make_job(created_at=ago(hours=2), progress=at(Stage.READY, posted=("1",)))
    step = decide(job, make_context()).step
    assert step is not None
    assert step.kind == StepKind.PUBLISH


def test_limit_that_is_over_holds_up_nothing() -> None:
    connection = make_connection(limited_until=NOW - dt.timedelta(seconds=1))
    assert decide(make_job(connection=connection), make_context()).step is not None


# --- Pauses and tokens of destinations -----------------------------------------------------------

PAUSED = Paused(
    until=ahead(minutes=2),
    code="platform_configuration",
    reason="No credits.",
    step=StepKind.PUBLISH,
)


def test_paused_platform_gets_no_request_until_its_next_probe() -> None:
    decision = decide(make_job(), make_context(paused=(PAUSED,)))
    assert decision.step is None
    changes = decision.move.changes
    assert changes["next_attempt_at"] == PAUSED.until
    assert (changes["waiting_for"], changes["error_message"]) == ("operator", "No credits.")


@pytest.mark.parametrize(
    ("job", "met_at", "is_held"),
    [
        (make_job(), StepKind.PUBLISH, True),
        (make_job(), StepKind.PREPARE, False),
        (make_job(assets=[PICTURE]), StepKind.PUBLISH, True),
        (make_job(assets=[PICTURE]), StepKind.PREPARE, True),
        (in_first_request(), StepKind.PUBLISH, False),
    ],
)
def test_refused_preparation_holds_no_post_that_needs_none(
    job: PublishJob, met_at: StepKind, is_held: bool
) -> None:
    paused = replace(PAUSED, step=met_at)
    assert (decide(job, make_context(paused=(paused,))).step is None) is is_held


def test_limit_of_our_app_is_a_rate_limit() -> None:
    paused = replace(PAUSED, code="rate_limited")
    decision = decide(make_job(), make_context(paused=(paused,)))
    assert decision.move.changes["waiting_for"] == "rate_limit"


def test_pause_ends_with_the_grace() -> None:
    paused = replace(PAUSED, until=ahead(days=1))
    decision = decide(make_job(), make_context(paused=(paused,)))
    assert decision.move.changes["next_attempt_at"] == NOW + dt.timedelta(seconds=GRACE_S + 1)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({}, StepKind.PUBLISH),
        ({"refused_token_version": 5}, StepKind.REFRESH),
    ],
)
def test_destination_with_its_own_token_needs_no_other(
    facts: dict[str, Any], kind: StepKind
) -> None:
    connection = make_connection("facebook", expires_at=ago(days=1))
    job = make_job(
        "facebook", connection=connection, destination=make_destination(connection), **facts
    )
    step = decide(job, make_context()).step
    assert step is not None
    assert step.kind == kind


def test_destination_with_its_own_token_does_not_wait_for_the_owner() -> None:
    connection = make_connection("facebook", status="needs_reauth")
    job = make_job("facebook", connection=connection, destination=make_destination(connection))
    assert decide(job, make_context()).step is not None
    job.refused_token_version = connection.token_version
    assert decide(job, make_context()).move.changes["waiting_for"] == "owner"


def test_late_job_names_the_processing_that_did_not_end() -> None:
    job = make_job(created_at=ago(hours=2), waiting_for="platform")
    assert "X was still processing it." in decide(job, make_context()).move.note


@pytest.mark.parametrize(
    ("code", "message"), [("platform_refused", "Not today."), ("account_blocked", "Locked.")]
)
def test_late_job_keeps_the_reason_that_explains_more(code: str, message: str) -> None:
    job = make_job(
        created_at=ago(hours=2), error_code=code, error_message=message, who_acts="owner"
    )
    move = decide(job, make_context()).move
    assert (move.to, move.changes["error_code"]) == (Status.FAILED, code)
    assert (move.changes["error_message"], move.changes["who_acts"]) == (message, "owner")
