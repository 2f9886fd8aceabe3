"""How lists of jobs are ordered and cut into pages.

A cursor is the place of the last row of a page: its time and its id. The next page starts behind
that place, so that it costs the same however far the caller has come, and rows of the same time
are neither skipped nor repeated.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, Func, QuerySet, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.lookups import GreaterThan, LessThan
from rest_framework import exceptions

from publishing.indexes import DUE
from publishing.models import PublishJob

PAGE_SIZE, MAX_PAGE_SIZE = 50, 100


@dataclass(frozen=True, kw_only=True)
class Order:
    """Jobs by a time of theirs; those of the same time by their ids."""

    time: Combinable
    is_descending: bool

    def time_of(self, job: PublishJob) -> dt.datetime:
        return job.created_at if self.is_descending else job.due_at


NEWEST_FIRST = "-created"
ORDERS: Mapping[str, Order] = {
    NEWEST_FIRST: Order(time=F("created_at"), is_descending=True),
    "due": Order(time=DUE, is_descending=False),
}


def page(
    jobs: QuerySet[PublishJob], *, order: str, limit: int, cursor: str
) -> tuple[list[PublishJob], str]:
    """A page of `jobs`, and the cursor of the next one: empty if there is none.

    Raises ValidationError for a cursor that is not of this order.
    """
    chosen = ORDERS[order]
    jobs = jobs.alias(place=chosen.time)
    if cursor:
        time, job_id = _place(cursor, order)
        last = _row(Value(time), Value(job_id, output_field=UUIDField()))
        behind = LessThan if chosen.is_descending else GreaterThan
        jobs = jobs.filter(behind(_row(F("place"), F("id")), last))
    by = ("-place", "-id") if chosen.is_descending else ("place", "id")
    rows: list[Any] = list(jobs.order_by(*by)[: limit + 1])
    if len(rows) <= limit:
        return rows, ""
    end = rows[limit - 1]
    return rows[:limit], _cursor(order, chosen.time_of(end), end.pk)


def _row(*columns: Combinable) -> Func:
    """Several columns that the database compares as one value: with a single range of an index."""
    return Func(*columns, function="", output_field=BooleanField())


def _cursor(order: str, time: dt.datetime, job_id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(f"{order} {time.isoformat()} {job_id}".encode()).decode()


def _place(cursor: str, order: str) -> tuple[dt.datetime, uuid.UUID]:
    try:
        of_order, time, job_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        place = dt.datetime.fromisoformat(time).astimezone(dt.UTC), uuid.UUID(job_id)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise exceptions.ValidationError({"cursor": ["This is not a valid cursor."]}) from error
    if of_order != order:
        message = f"This cursor is of a list with order={of_order[:20]}; the order must stay."
        raise exceptions.ValidationError({"cursor": [message]})
    return place
