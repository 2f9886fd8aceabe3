"""The clock that all machines share: that of the database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, models
from django.utils import timezone

from socialpublishing import prepared


def database_now() -> dt.datetime:
    """The current time of the database, aware and in UTC.

    Several workers compare leases and due times, and their own clocks may differ. SQLite has no
    other machine, so there it is the clock of this machine.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with prepared.cursor() as cursor:
        # Not now(): within a transaction it is constant.
        cursor.execute("SELECT clock_timestamp()")
        [now] = cursor.fetchone()
    return now  # type: ignore[no-any-return]


class ReadAt(models.Func):
    """The time of the database with the rows of a query: see `read_at`."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return "NULL", []


def read_at(row: models.Model) -> dt.datetime:
    """`database_now()` of when `row` was read, if its query has ReadAt as `read_at`."""
    return getattr(row, "read_at", None) or database_now()


def readable(at: dt.datetime, now: dt.datetime) -> str:
    """`at` for people, in UTC: with its date if it is not today."""
    at = at.astimezone(dt.UTC)
    is_today = at.date() == now.astimezone(dt.UTC).date()
    return f"{at:%H:%M:%S} UTC" if is_today else f"{at:%Y-%m-%d %H:%M:%S} UTC"
