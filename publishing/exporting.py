"""Jobs as CSV for a spreadsheet, however many there are."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse

from publishing.models import PublishJob

BATCH = 1000
# A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")

COLUMNS: Mapping[str, Callable[[PublishJob], Any]] = {
    "id": lambda job: job.pk,
    "created_at": lambda job: job.created_at,
    "scheduled_at": lambda job: job.scheduled_at,
    "status": lambda job: job.status,
    "waiting_for": lambda job: job.waiting_for,
    "who_acts": lambda job: job.who_acts,
    "error_code": lambda job: job.error_code,
    "error_message": lambda job: job.error_message,
    "platform": lambda job: job.platform,
    "account_name": lambda job: job.account_name,
    "connection_id": lambda job: job.connection_id,
    "user_id": lambda job: job.user_id,
    "external_reference": lambda job: job.external_reference,
    "next_attempt_at": lambda job: job.next_attempt_at,
    "published_at": lambda job: job.published_at,
    "late_s": lambda job: (
        round((job.published_at - job.due_at).total_seconds()) if job.published_at else None
    ),
    "remote_id": lambda job: job.remote_id,
    "post_url": lambda job: job.post_url,
}


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds")
    text = str(value)
    is_number = isinstance(value, int)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not is_number else text


def rows(jobs: QuerySet[PublishJob]) -> Iterator[PublishJob]:
    """All of them, the newest first. No query is open while the caller sends what it has."""
    jobs = jobs.order_by("-created_at", "-id").defer("text", "assets", "progress", "first_response")
    batch = list(jobs[:BATCH])
    while batch:
        yield from batch
        last = batch[-1]
        older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
        batch = list(jobs.filter(older, created_at__lte=last.created_at)[:BATCH])


class _Line:
    """What csv.writer writes to: it returns the line."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    name: str, columns: Mapping[str, Callable[[Any], Any]], found: Iterable[Any]
) -> StreamingHttpResponse:
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        yield writer.writerow(columns)
        for row in found:
            yield writer.writerow([cell(read(row)) for read in columns.values()])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
