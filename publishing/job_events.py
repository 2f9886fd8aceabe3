"""Which changes of a job are events for callers, and what these hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from publishing.models import PublishJob, Status, WaitingFor
from publishing.representation import job_as_data
from socialpublishing.events.models import EventType
from socialpublishing.events.outbox import News

OF_STATUS: Mapping[Status, EventType] = {
    Status.PUBLISHED: EventType.JOB_PUBLISHED,
    Status.FAILED: EventType.JOB_FAILED,
    Status.CONTENT_REJECTED: EventType.JOB_CONTENT_REJECTED,
    Status.CANCELLED: EventType.JOB_CANCELLED,
    Status.UNCONFIRMED: EventType.JOB_UNCONFIRMED,
}
# Waits that may be long. Our own retries, lookups and what a platform processes are soon over.
OF_WAIT: Mapping[str, EventType] = {
    WaitingFor.OWNER: EventType.JOB_WAITING_FOR_OWNER,
    WaitingFor.OPERATOR: EventType.JOB_CHANGED,
    WaitingFor.RATE_LIMIT: EventType.JOB_CHANGED,
}


def event_of(job: PublishJob, to: Status, values: Mapping[str, Any]) -> EventType | None:
    """What a move of `job`, as it was read, to `to` and `values` means to callers."""
    if to != job.status and to in OF_STATUS:
        return OF_STATUS[to]
    if values["waiting_for"] != job.waiting_for:
        return OF_WAIT.get(values["waiting_for"])
    # An Unconfirmed job is left to a person.
    return EventType.JOB_CHANGED if values["who_acts"] not in {"", job.who_acts} else None


def news(type_: EventType, job: PublishJob, changes: Mapping[str, Any] | None = None) -> News:
    """The event about `job`, as it is once `changes` are stored."""
    data = job_as_data(job, changes)
    sequence = (changes or {}).get("event_sequence", job.event_sequence)
    return News(
        type=type_,
        user_id=job.user_id,
        platform=job.platform,
        connection_id=job.connection_id,
        sequence=sequence,
        data=data,
    )
