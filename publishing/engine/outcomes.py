"""The moves that end a job or give it back: each builds one decision."""

from __future__ import annotations

import datetime as dt
from typing import Any

from publishing.engine.values import Decision
from publishing.models import NOTHING_WRONG, PublishJob, Status, WaitingFor
from publishing.transitions import Move
from socialpublishing.errors import (
    AccountBlockedError,
    PlatformRefusedError,
    SocialPublishingBaseError,
    WhoActs,
)

# Codes that stay when the grace ends, because they explain more than "too late".
KEPT_CODES = frozenset({PlatformRefusedError.code, AccountBlockedError.code})
# Who can end the wait, where the error that led to it does not name anybody.
WHO_ENDS_WAIT = {WaitingFor.OWNER: WhoActs.OWNER, WaitingFor.OPERATOR: WhoActs.OPERATOR}
MAX_RETRY_PAUSE_S = 900.0
# A job that waits longer than its grace fails this soon after it.
JUST_LATE = dt.timedelta(seconds=1)


def wait(
    job: PublishJob,
    until: dt.datetime,
    to: Status,
    note: str,
    *,
    code: str = "",
    waiting_for: WaitingFor,
    who_acts: WhoActs = WhoActs.NOBODY,
) -> Move:
    """Give the job back until then."""
    changes: dict[str, Any] = {
        "claims": 0,
        "next_attempt_at": until,
        "lease_owner": "",
        "error_code": code,
        "error_message": note[:500] if code else "",
        "waiting_for": waiting_for,
        "who_acts": who_acts or WHO_ENDS_WAIT.get(waiting_for, WhoActs.NOBODY),
    }
    return Move(job=job, to=to, changes=changes, note=note, code=code)


def keep_waiting(
    job: PublishJob, until: dt.datetime, reason: str, *, code: str = "", waiting_for: WaitingFor
) -> Decision:
    """As `wait`, for what may last: the history records the first turn only."""
    is_recorded = (job.status, job.waiting_for) == (Status.PENDING, waiting_for)
    move = wait(job, until, Status.PENDING, reason, code=code, waiting_for=waiting_for)
    move.note = "" if is_recorded else reason
    return Decision(move=move)


def published(
    job: PublishJob, now: dt.datetime, remote_id: str = "", post_url: str = "", *, note: str
) -> Decision:
    changes = {
        "remote_id": remote_id or job.remote_id,
        "post_url": post_url or job.post_url,
        "published_at": now,
        **NOTHING_WRONG,
    }
    return Decision(move=Move(job=job, to=Status.PUBLISHED, changes=changes, note=note))


def ended(
    job: PublishJob, to: Status, code: str, message: str, who_acts: WhoActs = WhoActs.NOBODY
) -> Decision:
    message = job.with_public_parts(message)
    changes = {"error_code": code, "error_message": message[:500], "who_acts": who_acts}
    return Decision(move=Move(job=job, to=to, changes=changes, note=message, code=code))


def failed(
    job: PublishJob, code: str, message: str, who_acts: WhoActs = WhoActs.NOBODY
) -> Decision:
    return ended(job, Status.FAILED, code, message, who_acts)


def too_late(job: PublishJob) -> Decision:
    """The job's grace is over."""
    who_acts = WhoActs(job.who_acts)
    if job.error_code in KEPT_CODES:
        return failed(job, job.error_code, job.error_message, who_acts)
    if job.waiting_for == WaitingFor.OWNER:
        message = "The account was not connected again in time."
        return failed(job, "needs_reauth", message, WhoActs.OWNER)
    message = f"It was due at {job.due_at:%Y-%m-%d %H:%M} UTC and could not be sent in time."
    # Its reader also learns what the job waited for last.
    reason = job.error_message
    if not reason and job.waiting_for == WaitingFor.PLATFORM:
        reason = f"{job.platform_type.label} was still processing it."
    return failed(job, "too_late", f"{message} {reason}".strip(), who_acts)


def left_to_a_person(job: PublishJob, why: str) -> Decision:
    """No further lookup can find out whether the post exists: a person resolves the job."""
    message = job.with_public_parts(f"{why} Please look at the platform, and resolve the job.")
    changes = {
        "next_attempt_at": None,
        "lease_owner": "",
        "waiting_for": "",
        "who_acts": WhoActs.USER,
        "error_code": "outcome_unknown",
        "error_message": message[:500],
    }
    return Decision(move=Move(job=job, to=Status.UNCONFIRMED, changes=changes, note=message))


def growing_pause(previous_s: float, first: dt.timedelta) -> float:
    """The next pause in seconds: `first`, then twice the one before, at most 15 minutes."""
    return min(MAX_RETRY_PAUSE_S, max(first.total_seconds(), previous_s * 2))


def code_of(error: Exception | None) -> str:
    return error.code if isinstance(error, SocialPublishingBaseError) else "internal_error"
