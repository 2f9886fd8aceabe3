"""The arrows of a job's life, and the only writer of `status`.

Moves are written many at once: one UPDATE and one INSERT of events, however many jobs a worker has
under way. One move is a list of one. A move counts only if its job is as it was read: same status,
same fence.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, IntegrityError, connection, models, transaction

from publishing.models import ENDED, JobEvent, PublishJob, Status
from socialpublishing.errors import SocialPublishingBaseError

logger = logging.getLogger(__name__)

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(
        {
            Status.PENDING,
            Status.SCHEDULED,  # given another time
            Status.PROCESSING,
            # Tried again by hand, with a mark from before.
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
    # Only a person brings these back.
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CONTENT_REJECTED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset(),
    Status.PUBLISHED: frozenset(),
}

# What a move may change beside `status`. Every move writes all of them, the unchanged ones as read.
COLUMNS = (
    "next_attempt_at",
    "late_grace_s",
    "lease_owner",
    "fencing_token",
    "claims",
    "attempts",
    "retry_pause_s",
    "waiting_for",
    "refused_token_version",
    "progress",
    "publish_started_at",
    "in_doubt_since",
    "publish_calls",
    "lookups",
    "post_url",
    "error_code",
    "error_message",
    "published_at",
)
BATCH = 400  # rows a statement; SQLite takes 32,766 parameters


class IllegalMoveError(SocialPublishingBaseError):
    code = "illegal_move"


class StaleJobError(SocialPublishingBaseError):
    """Somebody else moved the job first."""

    code = "job_changed"
    sentence = "The job has moved on meanwhile."


@dataclass(kw_only=True)
class Move:
    """One arrow: `job` as it was read, where it goes, what else changes, and what is told of it."""

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


def move(moves: Sequence[Move], *, now: dt.datetime, actor: str) -> list[Move]:
    """Carry out `moves` and record what they tell; answers those whose job was as they said.

    The moved jobs get their new values. Raises IllegalMoveError if an arrow does not exist.
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
                logger.exception("the database refuses a move", extra={"job_id": batch[0].job.pk})
                continue
            # One row must not hold up the others.
            for each in batch:
                moved += move([each], now=now, actor=actor)
    return moved


def is_legal(each: Move) -> bool:
    return each.to in MOVES[Status(each.job.status)]


def move_one(each: Move, *, now: dt.datetime, actor: str) -> None:
    """As `move`, for one; raises StaleJobError if the job is no longer as it was read."""
    if not move([each], now=now, actor=actor):
        raise StaleJobError


def record_start(jobs: Sequence[PublishJob], *, now: dt.datetime, actor: str) -> None:
    """Insert new jobs, each with the first event of its story."""
    with transaction.atomic():
        PublishJob.objects.bulk_create(jobs)
        JobEvent.objects.bulk_create(
            JobEvent(job=job, at=now, to_status=job.status, actor=actor[:150], note="Accepted.")
            for job in jobs
        )


def _move_batch(moves: Sequence[Move], now: dt.datetime, actor: str) -> list[Move]:
    rows = []
    for each in moves:
        values = {name: each.changes.get(name, getattr(each.job, name)) for name in COLUMNS}
        if each.to in ENDED:
            values |= {"next_attempt_at": None, "lease_owner": "", "waiting_for": ""}
        values |= {"status": each.to, "remote_id": each.changes.get("remote_id", "")}
        rows.append(values)
    with transaction.atomic():
        written = _update(moves, rows, now)
        moved = [
            (each, values)
            for each, values in zip(moves, rows, strict=True)
            if each.job.pk in written
        ]
        # That another step of the same begins is no news; how it went is.
        data = [each for each, _ in moved if each.note or each.to != each.job.status]
        JobEvent.objects.bulk_create([_event(each, now, actor) for each in data])
    for each, values in moved:
        each.job.updated_at = now
        for name, value in values.items():
            if name != "remote_id" or value:
                setattr(each.job, name, value)
    return [each for each, _ in moved]


def _event(each: Move, now: dt.datetime, actor: str) -> JobEvent:
    return JobEvent(
        job=each.job,
        at=now,
        from_status=each.job.status,
        to_status=each.to,
        actor=actor[:150],
        step=each.step,
        note=each.note[:500],
        code=each.code,
        platform_status=each.platform_status,
        platform_code=each.platform_code[:64],
        platform_request_id=each.platform_request_id[:64],
        duration_ms=each.duration_ms,
    )


def _update(moves: Sequence[Move], rows: Sequence[dict[str, Any]], now: dt.datetime) -> set[Any]:
    """One UPDATE from a list of values; the ids of the rows that were as read."""
    meta = PublishJob._meta
    names = [*rows[0]]
    guards = ("id", "status", "fencing_token")
    columns: list[Any] = [meta.get_field(name) for name in (*guards, *names)]
    row_sql = f"({', '.join(_placeholder(column) for column in columns)})"
    aliases = [f"v{number}" for number in range(len(columns))]
    # A post's id, once known, is never taken back by somebody who does not know it.
    settings = ", ".join(
        f"remote_id = CASE WHEN v.{alias} <> '' THEN v.{alias} ELSE job.remote_id END"
        if name == "remote_id"
        else f"{connection.ops.quote_name(column.column)} = v.{alias}"
        for name, column, alias in zip(
            names, columns[len(guards) :], aliases[len(guards) :], strict=True
        )
    )
    table = connection.ops.quote_name(meta.db_table)
    sql = (
        f"WITH v({', '.join(aliases)}) AS (VALUES {', '.join([row_sql] * len(rows))}) "  # noqa: S608  names of ours only
        f"UPDATE {table} AS job SET {settings}, updated_at = %s FROM v "
        f"WHERE job.id = v.v0 AND job.status = v.v1 AND job.fence = v.v2 RETURNING id"
    )
    params: list[Any] = []
    for each, values in zip(moves, rows, strict=True):
        read = (each.job.pk, each.job.status, each.job.fencing_token)
        for column, value in zip(columns, (*read, *values.values()), strict=True):
            params.append(column.get_db_prep_save(value, connection))
    params.append(connection.ops.adapt_datetimefield_value(now))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        to_python = meta.pk.to_python
        return {to_python(pk) for [pk] in cursor.fetchall()}


def _placeholder(column: models.Field[Any, Any]) -> str:
    # PostgreSQL has to be told what a bare value in VALUES is; SQLite would mangle what it is told.
    return (
        f"CAST(%s AS {column.db_type(connection)})" if connection.vendor == "postgresql" else "%s"
    )
