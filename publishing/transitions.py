"""Which status may follow which, and the only code that writes `status`.

Moves are stored many at once: one UPDATE and one INSERT of events, however many jobs a worker has
claimed. A move is stored only if its job is still as it was read, with the same status and the same
fencing token.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from publishing import job_events, job_log
from publishing.batch_state import end_batches
from publishing.follow_ups import create_first_comments
from publishing.models import ENDED, JobEvent, PublishJob, Status
from socialpublishing import prepared
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.events import outbox
from socialpublishing.events.models import Event, EventType
from socialpublishing.json_rows import (
    column,
    insert,
    insert_together,
    json_rows,
    row_of,
    rows_from_json,
)

logger = logging.getLogger(__name__)

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(
        {
            Status.PENDING,
            Status.SCHEDULED,  # rescheduled
            Status.PROCESSING,
            # Retried by hand, with the intent of a request that is in doubt.
            Status.UNCONFIRMED,
            Status.PUBLISHED,
            Status.CONTENT_REJECTED,
            Status.FAILED,
            Status.CANCELLED,
        }
    ),
    Status.SCHEDULED: frozenset(
        {
            Status.SCHEDULED,
            Status.PENDING,
            Status.PROCESSING,
            # After a backup was restored (restoring.py).
            Status.UNCONFIRMED,
            Status.PUBLISHED,
            Status.FAILED,
            Status.CANCELLED,
        }
    ),
    Status.PROCESSING: frozenset(
        {
            Status.PROCESSING,
            Status.PENDING,
            Status.UNCONFIRMED,
            Status.PUBLISHED,
            Status.CONTENT_REJECTED,
            Status.FAILED,
            Status.CANCELLED,
        }
    ),
    Status.UNCONFIRMED: frozenset(
        {
            Status.UNCONFIRMED,
            Status.PENDING,
            Status.PROCESSING,
            Status.PUBLISHED,
            Status.CONTENT_REJECTED,
            Status.FAILED,
            Status.CANCELLED,
        }
    ),
    # Only a person retries these.
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CONTENT_REJECTED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset(),
    # What follows the post: a first comment, a take-down.
    Status.PUBLISHED: frozenset({Status.PUBLISHED}),
}

# What a move may change in addition to `status`. Every move stores all of these columns.
COLUMNS = (
    "next_attempt_at",
    "late_grace_s",
    "lease_owner",
    "fencing_token",
    "claims",
    "attempts",
    "retry_pause_s",
    "waiting_for",
    "who_acts",
    "warnings",
    "at_risk",
    "checked_at",
    "refused_token_version",
    "progress",
    "publish_started_at",
    "in_doubt_since",
    "publish_requests",
    "lookups",
    "post_url",
    "error_code",
    "error_message",
    "published_at",
    "deleted_at",
    "event_sequence",
)
# What was found about a job before it changed.
OUT_OF_DATE: dict[str, Any] = {"at_risk": None, "checked_at": None}
BATCH = 1000  # rows a statement


class IllegalMoveError(SocialPublishingBaseError):
    code = "illegal_move"


class StaleJobError(SocialPublishingBaseError):
    """Another worker or request moved the job first."""

    code = "job_changed"
    sentence = "The job has changed meanwhile."


@dataclass(kw_only=True)
class Move:
    """A change of one job: its row as read, its next status, other changes, and its history."""

    job: PublishJob
    to: Status
    changes: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    code: str = ""
    step: str = ""
    platform_status: int | None = None
    platform_code: str = ""
    platform_request_id: str = ""
    duration_ms: int | None = None
    # The event of this change; None: what follows from the change itself, which may be none.
    event: EventType | None = None
    # The move right before this one, if both are stored together: see `join`.
    earlier: Move | None = None
    # What the row in the database must still have.
    status_read: Status = field(init=False)
    token_read: int = field(init=False)

    def __post_init__(self) -> None:
        self.status_read, self.token_read = Status(self.job.status), self.job.fencing_token

    def join(self, earlier: Move) -> None:
        """Store `earlier` with this move, which was decided after `earlier.apply`."""
        self.earlier = earlier
        self.token_read = earlier.token_read
        self.changes = {**earlier.changes, **self.changes}

    def apply(self) -> None:
        """Give the row in memory its new values, as if this move were stored."""
        for name, value in (OUT_OF_DATE | self.changes | {"status": self.to}).items():
            setattr(self.job, name, value)


def move(moves: Sequence[Move], *, now: dt.datetime, actor: str) -> list[Move]:
    """Store `moves`, their history and events; returns those whose job was as it had been read.

    The rows in memory get their new values, too. Raises IllegalMoveError for a status that may not
    follow; then nothing is stored.
    """
    for each in moves:
        if not is_legal(each):
            raise IllegalMoveError(f"{each.job.status} → {each.to}")
    moved: list[Move] = []
    for start in range(0, len(moves), BATCH):
        batch = moves[start : start + BATCH]
        try:
            moved += _move_batch(batch, now, actor)
        except (IntegrityError, DataError):
            if len(batch) == 1:
                logger.exception(
                    "the database refuses a move", extra=job_log.facts_of(batch[0].job)
                )
                continue
            # A row that the database refuses must not hold up the others.
            for each in batch:
                moved += move([each], now=now, actor=actor)
    return moved


def is_legal(each: Move) -> bool:
    return each.to in MOVES[Status(each.job.status)]


def move_one(each: Move, *, now: dt.datetime, actor: str) -> None:
    """As `move`, for one job. Raises StaleJobError if it is no longer as it was read."""
    if not move([each], now=now, actor=actor):
        raise StaleJobError


def record_start(jobs: Sequence[PublishJob], *, now: dt.datetime, actor: str) -> None:
    """Insert new jobs, each with the first entry of its history, and tell callers."""
    for job in jobs:
        job.event_sequence = 1
    accepted = [Move(job=job, to=Status(job.status), note="Accepted.") for job in jobs]
    entries = [history_entry(each, now, actor) | {"from_status": ""} for each in accepted]
    news = [job_events.news(EventType.JOB_ACCEPTED, job) for job in jobs]
    insert_together(
        [
            (PublishJob, [row_of(job) for job in jobs]),
            (JobEvent, entries),
            (Event, outbox.rows_of(news, at=now)),
        ]
    )


def _new_values(each: Move) -> dict[str, Any]:
    """What the columns of the job are to be."""
    stored = vars(each.job)
    values = {name: stored[name] for name in COLUMNS} | OUT_OF_DATE
    values |= {name: each.changes[name] for name in COLUMNS if name in each.changes}
    if each.to in ENDED:
        values |= {"next_attempt_at": None, "lease_owner": "", "waiting_for": ""}
    return values | {"status": each.to, "remote_id": each.changes.get("remote_id", "")}


def _move_batch(moves: Sequence[Move], now: dt.datetime, actor: str) -> list[Move]:
    rows = [_new_values(each) for each in moves]
    news: list[EventType | None] = []
    for each, values in zip(moves, rows, strict=True):
        if event := each.event or job_events.event_of(each.job, each.to, values):
            values["event_sequence"] += 1
        news.append(event)
    with transaction.atomic():
        updated = _update(moves, rows, now)
        moved = [
            (each, values, event)
            for each, values, event in zip(moves, rows, news, strict=True)
            if each.job.pk in updated
        ]
        # The start of one more step in the same status is not recorded; its end is.
        recorded = [
            part
            for each, _, _ in moved
            for part in (each.earlier, each)
            if part and (part.note or part.to != part.status_read)
        ]
        insert(JobEvent, [history_entry(each, now, actor) for each in recorded])
        outbox.record(
            [
                job_events.news(event, each.job, {**values, "updated_at": now})
                for each, values, event in moved
                if event
            ],
            at=now,
        )
        ended = {each.job.batch_id for each, _, _ in moved if each.to in ENDED}
        if batch_ids := [batch_id for batch_id in ended if batch_id is not None]:
            end_batches(batch_ids, now)
        published = [
            each.job
            for each, _, _ in moved
            if each.to == Status.PUBLISHED and each.job.status != Status.PUBLISHED
        ]
        create_first_comments(published, now)
        for each, values, _ in moved:
            job_log.write_move(each, values)
    for each, values, _ in moved:
        each.job.updated_at = now
        for name, value in values.items():
            if name != "remote_id" or value:
                setattr(each.job, name, value)
    return [each for each, _, _ in moved]


def history_entry(each: Move, now: dt.datetime, actor: str) -> dict[str, Any]:
    return {
        "job": each.job.pk,
        "at": now,
        "from_status": each.status_read,
        "to_status": each.to,
        "actor": actor[:150],
        "step": each.step,
        "note": each.note[:500],
        "code": each.code,
        "platform_status": each.platform_status,
        "platform_code": each.platform_code[:64],
        "platform_request_id": each.platform_request_id[:64],
        "duration_ms": each.duration_ms,
    }


def _update(moves: Sequence[Move], rows: Sequence[dict[str, Any]], now: dt.datetime) -> set[Any]:
    """One UPDATE. Returns the ids of the rows that were as read."""
    values = [
        {
            **row,
            "row_id": each.job.pk,
            "status_read": (each.earlier or each).status_read,
            "token_read": each.token_read,
        }
        for each, row in zip(moves, rows, strict=True)
    ]
    at = connection.ops.adapt_datetimefield_value(now)
    with prepared.cursor() as cursor:
        cursor.execute(_update_sql(), [json_rows(values), at])
        to_python = PublishJob._meta.pk.to_python
        return {to_python(pk) for [pk] in cursor.fetchall()}


@cache
def _update_sql() -> str:
    changed = {name: column(PublishJob, name) for name in (*COLUMNS, "status", "remote_id")}
    read = {"row_id": "id", "status_read": "status", "token_read": "fencing_token"}
    source = rows_from_json(PublishJob, {name: name for name in changed} | read)
    # The id of a post, once stored, is never removed by a worker that has not read it.
    kept = "CASE WHEN new.remote_id <> '' THEN new.remote_id ELSE job.remote_id END"
    assignments = ", ".join(
        f"{quoted} = {kept if name == 'remote_id' else f'new.{name}'}"
        for name, quoted in changed.items()
    )
    return (
        f"WITH new AS ({source}) "  # noqa: S608  our own names only
        f"UPDATE {connection.ops.quote_name(PublishJob._meta.db_table)} AS job "
        f"SET {assignments}, updated_at = %s FROM new WHERE id = new.row_id "
        f"AND job.status = new.status_read AND job.{changed['fencing_token']} = new.token_read "
        "RETURNING id"
    )
