"""The database connection of this thread."""

from __future__ import annotations

from django.db import connection


def release() -> None:
    """Close or return this thread's connection before a slow operation, such as an HTTP request.

    Otherwise a few requests that wait for platforms would use up all connections. The next query
    opens it again. Within a transaction it stays open.
    """
    if not connection.in_atomic_block:
        connection.close()
