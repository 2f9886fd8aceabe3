"""The moves that end a job or give it back: each builds one decision."""

from __future__ import annotations

import datetime as dt
from typing import Any

from publishing.engine.values import Decision
from publishing.models import PublishJob, Status, WaitingFor
from publishing.transitions import Move
from socialpublishing.errors import SocialPublishingBaseError

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
) -> Move:
    """Give the job back until then."""
    changes: dict[str, Any] = {
        "claims": 0,
        "next_attempt_at": until,
        "lease_owner": "",
        "error_code": code,
        "error_message": note[:500] if code else "",
        "waiting_for": waiting_for,
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
        "error_code": "",
        "error_message": "",
    }
    return Decision(move=Move(job=job, to=Status.PUBLISHED, changes=changes, note=note))


def ended(job: PublishJob, to: Status, code: str, message: str) -> Decision:
    message = job.with_public_parts(message)
    changes = {"error_code": code, "error_message": message[:500]}
    return Decision(move=Move(job=job, to=to, changes=changes, note=message, code=code))


def failed(job: PublishJob, code: str, message: str) -> Decision:
    return ended(job, Status.FAILED, code, message)


def too_late(job: PublishJob) -> Decision:
    """The job's grace is over."""
    if job.waiting_for == WaitingFor.OWNER:
        return failed(job, "needs_reauth", "The account was not connected again in time.")
    message = f"It was due at {job.due_at:%Y-%m-%d %H:%M} UTC and could not be sent in time."
    # Its reader also learns what the job waited for last.
    return failed(job, "too_late", f"{message} {job.error_message}".strip())


def left_to_a_person(job: PublishJob, why: str) -> Decision:
    """No further lookup can find out whether the post exists: a person resolves the job."""
    message = job.with_public_parts(f"{why} Please look at the platform, and resolve the job.")
    changes = {
        "next_attempt_at": None,
        "lease_owner": "",
        "waiting_for": "",
        "error_code": "outcome_unknown",
        "error_message": message[:500],
    }
    return Decision(move=Move(job=job, to=Status.UNCONFIRMED, changes=changes, note=message))


def code_of(error: Exception | None) -> str:
    return error.code if isinstance(error, SocialPublishingBaseError) else "internal_error"
