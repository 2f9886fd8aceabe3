"""Connections of the database, which are few."""

from __future__ import annotations

from django.db import connection


def release() -> None:
    """Give this thread's connection back before something that takes its time.

    A request would keep it to its end, and a handful that wait for platforms would shut all others
    out. It is taken again with the next query. Within a transaction it stays.
    """
    if not connection.in_atomic_block:
        connection.close()
