"""Whether the database is the one that this code and these keys can work with."""

from __future__ import annotations

from functools import lru_cache

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from socialpublishing.keys import key_problems


def database_problems() -> list[str]:
    """Why the service must not start on its database, one sentence each.

    Raises DatabaseError if it cannot be reached, and ImproperlyConfigured without a usable key.
    """
    return migration_problems() or key_problems()


def migration_problems() -> list[str]:
    try:
        _demand_migrations()
    except NotMigratedError as error:
        return [str(error)]
    return []


class NotMigratedError(Exception):
    """The database lacks migrations."""


@lru_cache(maxsize=1)
def _demand_migrations() -> None:
    """An exception is not cached: the next call checks again."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = f"{plan[0][0].app_label}.{plan[0][0].name}"
        raise NotMigratedError(
            f"The database lacks {len(plan)} migration(s), the first one {names}: run "
            "`manage.py migrate` before this release starts."
        )
