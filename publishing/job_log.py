"""The log's lines about jobs: one for each outcome, and for each state that needs somebody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from publishing.models import PublishJob, Status
from socialpublishing.events.models import EventType

if TYPE_CHECKING:  # moves are stored by transitions.py, which logs them
    from publishing.transitions import Move

logger = logging.getLogger(__name__)

OUTCOMES: Mapping[Status, tuple[int, str]] = {
    Status.PUBLISHED: (logging.INFO, "job published"),
    Status.CANCELLED: (logging.INFO, "job cancelled"),
    Status.FAILED: (logging.WARNING, "job failed"),
    Status.CONTENT_REJECTED: (logging.WARNING, "job rejected for its content"),
    Status.UNCONFIRMED: (logging.WARNING, "job has an unknown outcome"),
}


def facts_of(job: PublishJob) -> dict[str, Any]:
    """What each line about `job` has. The request is the one that accepted it."""
    found = {
        "job_id": str(job.follow_up.job_id if job.follow_up else job.pk),
        "user_id": job.user_id,
        "connection_id": str(job.connection_id or ""),
        "platform": job.platform,
        "request_id": job.request_id,
    }
    return {name: value for name, value in found.items() if value}


def write_move(each: Move, values: Mapping[str, Any]) -> None:
    """The line of a move of a job, as it was read, to `values`, if it has one."""
    if line := _line_of(each, values):
        write(*line, each, values)


def write(level: int, event: str, each: Move, values: Mapping[str, Any]) -> None:
    """Write a line once the move is committed; none if it is rolled back."""
    job = each.job
    facts: dict[str, Any] = {
        "status": str(each.to),
        "code": each.code or values.get("error_code"),
        "who_acts": values.get("who_acts"),
        "waiting_for": values.get("waiting_for"),
        "platform_status": each.platform_status,
        "platform_code": each.platform_code,
        "platform_request_id": each.platform_request_id,
    }
    if each.step:
        facts |= {"step": str(each.step), "attempt": job.attempts + 1}
        facts["duration_ms"] = each.duration_ms
    if each.to == Status.PUBLISHED and values.get("published_at"):
        facts["late_s"] = round((values["published_at"] - job.due_at).total_seconds(), 1)
    found = {name: value for name, value in facts.items() if value not in {None, ""}}
    line = partial(logger.log, level, event, extra={**facts_of(job), **found})
    transaction.on_commit(line)


def _line_of(each: Move, values: Mapping[str, Any]) -> tuple[int, str] | None:
    job = each.job
    if each.to != job.status and each.to in OUTCOMES:
        return OUTCOMES[each.to]
    if each.event == EventType.JOB_AT_RISK:
        return logging.WARNING, "scheduled job is at risk"
    if values["who_acts"] in {"", job.who_acts}:
        return None
    # Between two attempts with the same error nobody is named, and nothing is new.
    is_known = values["next_attempt_at"] and values["error_code"] == job.error_code
    return None if is_known else (logging.WARNING, "job needs somebody")
