"""The clock that all machines share: that of the database."""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.utils import timezone


def database_now() -> dt.datetime:
    """The current time of the database, aware and in UTC.

    Several workers compare leases and due times, and their own clocks may differ. SQLite has no
    other machine, so there it is the clock of this machine.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        # Not now(): within a transaction it is constant.
        cursor.execute("SELECT clock_timestamp()")
        [now] = cursor.fetchone()
    return now  # type: ignore[no-any-return]


def readable(at: dt.datetime, now: dt.datetime) -> str:
    """`at` for people, in UTC: with its date if it is not today."""
    at = at.astimezone(dt.UTC)
    is_today = at.date() == now.astimezone(dt.UTC).date()
    return f"{at:%H:%M:%S} UTC" if is_today else f"{at:%Y-%m-%d %H:%M:%S} UTC"
