"""The one clock that several machines share: the database's."""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.utils import timezone


def database_now() -> dt.datetime:
    """The database's time, aware and in UTC.

    Leases and due times are compared by several workers, whose own clocks may differ. SQLite is one
    machine, so there it is that machine's clock.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        # Not now(): that stands still within a transaction.
        cursor.execute("SELECT clock_timestamp()")
        [now] = cursor.fetchone()
    return now  # type: ignore[no-any-return]
