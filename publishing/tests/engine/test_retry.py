"""Every waiting time: state and error in, time and reason out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from publishing.engine import retry
from publishing.engine.settle import settle
from publishing.engine.values import Decision, StepKind
from publishing.models import PublishJob, Status
from publishing.progress import JobProgress
from publishing.tests.engine.builders import (
    GRACE_S,
    MAX_ATTEMPTS,
    NOW,
    POLICY,
    ago,
    ahead,
    in_first_request,
    lowest,
    make_context,
    make_job,
    result_of,
)
from socialpublishing.errors import (
    AccountBlockedError,
    AssetChangedError,
    AssetUnreachableError,
    LimitScope,
    MalformedResponseError,
    MediaBusyError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformRefusedError,
    PlatformUnreachableError,
    PublishingOffError,
    RateLimitError,
    UploadLostError,
)
from socialpublishing.platforms.progress import Progress, Stage


def pause_of(decision: Decision) -> float:
    pause: dt.timedelta = decision.move.changes["next_attempt_at"] - NOW
    return pause.total_seconds()


def after_prepare(job: PublishJob, error: Exception, **facts: Any) -> Decision:
    return settle(result_of(job, StepKind.PREPARE, error=error), make_context(**facts))


# --- The curve -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_pause_s", "chance", "pause_s"),
    [
        (0, "highest", 3),
        (0, "lowest", 1),
        (3, "highest", 9),
        (100, "highest", 300),
        (100, "lowest", 100),
        (500, "highest", 900),
    ],
)
def test_pause_is_drawn_between_the_last_pause_and_a_multiple_of_it(
    last_pause_s: float, chance: str, pause_s: float
) -> None:
    policy = POLICY if chance == "highest" else replace(POLICY, uniform=lowest)
    job = make_job(retry_pause_s=last_pause_s)
    decision = after_prepare(job, NoResponseError(), policy=policy)
    assert pause_of(decision) == pause_s
    assert decision.move.changes["retry_pause_s"] == pause_s


@pytest.mark.parametrize(
    ("error", "attempts", "waiting_for"),
    [
        (NoResponseError(), 0, "retry"),
        (MalformedResponseError(), 1, "retry"),
        (PlatformApiError(), 1, "retry"),
        (PlatformRefusedError(), 0, "retry"),
        (AccountBlockedError(), 0, "owner"),
        (AssetUnreachableError(), 0, "retry"),
        (UploadLostError(), 1, "retry"),
        (MediaNotReadyError(uses_attempt=True), 1, "platform"),
        (MediaNotReadyError(), 0, "platform"),
        (MediaBusyError(), 0, "retry"),
        (PlatformUnreachableError(), 0, "retry"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_which_errors_use_an_attempt(
    error: PlatformApiError, attempts: int, waiting_for: str
) -> None:
    move = after_prepare(make_job(), error).move
    assert move.to == Status.PENDING
    assert (move.changes["attempts"], move.changes["waiting_for"]) == (attempts, waiting_for)
    assert move.changes["error_code"] == error.code


@pytest.mark.parametrize(
    ("error", "to"),
    [
        (NoResponseError(), Status.PENDING),
        (PlatformRefusedError(), Status.PENDING),
        (UploadLostError(), Status.FAILED),
        (PlatformUnreachableError(), Status.PENDING),
        (MediaBusyError(), Status.PENDING),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_attempts_bound_verdicts_only(error: Exception, to: Status) -> None:
    job = make_job(attempts=MAX_ATTEMPTS)
    assert after_prepare(job, error).move.to == to


def test_asset_that_changed_is_not_retried() -> None:
    move = after_prepare(make_job(), AssetChangedError()).move
    assert (move.to, move.code) == (Status.FAILED, "asset_changed")


def test_platform_names_the_pause_for_its_own_work() -> None:
    error = MediaNotReadyError(wait=dt.timedelta(seconds=42))
    assert pause_of(after_prepare(make_job(), error)) == 42


def test_lost_upload_starts_again_and_keeps_what_is_public() -> None:
    progress = JobProgress(
        platform=Progress(stage=Stage.READY, handle={"media_id": "1"}, posted=("99",))
    )
    move = after_prepare(make_job(progress=progress), UploadLostError()).move
    assert move.changes["progress"] == {"posted": ["99"]}
    assert move.changes["lookups"] == 0


def test_pause_that_the_platform_asks_for_uses_no_attempt() -> None:
    lost = Progress(stage=Stage.LOST, poll_after=dt.timedelta(hours=1), note="A daily limit.")
    job = in_first_request(attempts=MAX_ATTEMPTS)
    decision = settle(result_of(job, StepKind.CONFIRM, value=lost), make_context())
    assert (decision.move.to, pause_of(decision)) == (Status.PENDING, 3600)


# --- Rate limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "last_pause_s", "limit_s"),
    [
        (ahead(minutes=5), 0, 300),
        (None, 0, 60),
        (None, 60, 120),
        (ago(minutes=5), 0, 60),
        (ahead(hours=50), 0, 24 * 3600),
    ],
)
def test_limit_is_waited_for(
    until: dt.datetime | None, last_pause_s: float, limit_s: float
) -> None:
    job = make_job(retry_pause_s=last_pause_s, late_grace_s=3 * 24 * 3600)
    decision = after_prepare(job, RateLimitError(until=until))
    assert decision.limited_until == NOW + dt.timedelta(seconds=limit_s)
    assert pause_of(decision) == limit_s + 1
    assert decision.move.changes["waiting_for"] == "rate_limit"
    assert "attempts" not in decision.move.changes


def test_limit_of_one_kind_of_post_does_not_hold_up_the_account() -> None:
    decision = after_prepare(
        make_job(), RateLimitError(until=ahead(minutes=5), limits=LimitScope.POST)
    )
    assert decision.limited_until is None


@pytest.mark.parametrize(
    "wait",
    [
        lambda job, context: retry.wait_for_limit(
            job, context, RateLimitError(until=ahead(hours=9))
        ),
        lambda job, context: retry.wait_for_known_limit(job, context, ahead(hours=9)),
    ],
    ids=["met now", "met by another job"],
)
def test_job_that_waits_beyond_its_grace_fails_right_after_it(
    wait: Callable[..., Decision],
) -> None:
    decision = wait(make_job(), make_context())
    assert pause_of(decision) == GRACE_S + 1


# --- What others have to do ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "to", "pause_s"),
    [
        (dt.timedelta(0), Status.PENDING, 60),
        (dt.timedelta(seconds=GRACE_S - 10), Status.PENDING, 10),
        (dt.timedelta(seconds=GRACE_S), Status.FAILED, None),
    ],
)
def test_owner_is_waited_for_within_the_grace(
    age: dt.timedelta, to: Status, pause_s: float | None
) -> None:
    decision = retry.wait_for_owner(make_job(created_at=NOW - age), make_context(), "Reconnect.")
    assert decision.move.to == to
    if pause_s is not None:
        assert pause_of(decision) == pause_s
        assert decision.move.changes["waiting_for"] == "owner"
        assert decision.move.changes["error_code"] == "needs_reauth"


def test_job_that_its_owner_did_not_reconnect_for_fails_as_such() -> None:
    job = make_job(created_at=ago(hours=2), waiting_for="owner")
    move = retry.wait_for_owner(job, make_context(), "Reconnect.").move
    assert (move.to, move.code) == (Status.FAILED, "needs_reauth")


@pytest.mark.parametrize(("waited_for", "note"), [("", "Off."), ("operator", "")])
def test_history_records_a_long_wait_once(waited_for: str, note: str) -> None:
    job = make_job(status=Status.PENDING, waiting_for=waited_for)
    decision = retry.defer(job, make_context(), PublishingOffError("Off."))
    assert decision.move.note == note
    assert decision.move.changes["waiting_for"] == "operator"


@pytest.mark.parametrize(("started", "is_left"), [(ago(hours=23), False), (ago(hours=25), True)])
def test_job_in_doubt_that_cannot_go_on_is_left_to_a_person_after_a_day(
    started: dt.datetime, is_left: bool
) -> None:
    job = in_first_request(started=started)
    move = retry.defer(job, make_context(), PublishingOffError()).move
    assert move.to == Status.UNCONFIRMED
    assert (move.changes["next_attempt_at"] is None) is is_left


@pytest.mark.parametrize(
    ("status", "has_intent", "to"),
    [
        (Status.SCHEDULED, False, Status.PENDING),
        (Status.PROCESSING, False, Status.PENDING),
        (Status.PROCESSING, True, Status.PROCESSING),
        (Status.UNCONFIRMED, True, Status.UNCONFIRMED),
    ],
)
def test_refresh_by_another_is_waited_for_half_a_second(
    status: Status, has_intent: bool, to: Status
) -> None:
    job = make_job(status=status, publish_started_at=NOW if has_intent else None)
    decision = retry.wait_for_refresh(job, NOW)
    assert (decision.move.to, pause_of(decision)) == (to, 0.5)
    assert decision.move.changes.keys().isdisjoint({"error_code", "waiting_for"})


def test_post_of_the_same_text_waits_five_seconds() -> None:
    decision = retry.wait_for_same_text(make_job(), NOW)
    assert pause_of(decision) == 5
    assert decision.move.changes["waiting_for"] == "outcome"


# --- Other times ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_s", "at_least_s", "pause_s"), [(0, 2, 2), (100, 2, 10), (100, 30, 30), (9000, 2, 300)]
)
def test_platform_at_work_is_asked_less_and_less_often(
    age_s: float, at_least_s: float, pause_s: float
) -> None:
    job = in_first_request(started=ago(seconds=age_s))
    pause = retry.poll_pause(job, NOW, dt.timedelta(seconds=at_least_s))
    assert pause.total_seconds() == pause_s


@pytest.mark.parametrize(
    ("facts", "late_at"),
    [
        ({}, ahead(seconds=GRACE_S)),
        ({"scheduled_at": ahead(hours=3)}, ahead(hours=3, seconds=GRACE_S)),
        ({"late_grace_s": 0}, NOW),
        ({"late_grace_s": 60}, ahead(seconds=60)),
        (
            {"progress": JobProgress(platform=Progress(posted=("1",)))},
            ahead(hours=24, seconds=GRACE_S),
        ),
    ],
)
def test_when_a_post_is_stale(facts: dict[str, Any], late_at: dt.datetime) -> None:
    assert retry.late_at(make_job(**facts), GRACE_S) == late_at
