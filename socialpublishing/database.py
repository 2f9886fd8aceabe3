"""The database connection of this thread."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections


def release() -> None:
    """Close or return this thread's connection before a slow operation, such as an HTTP request.

    Otherwise a few requests that wait for platforms would use up all connections. The next query
    opens it again. Within a transaction it stays open.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.connection is not None and not connection.in_atomic_block:
        connection.close()
