import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, LockNotAvailable

from socialpublishing.migrating import set_lock_timeout

PAUSE_S = 2.0
# Writers wait behind each attempt. The later ones wait long enough for an autovacuum to give way.
LOCK_TIMEOUTS = ["900ms"] * 10 + ["2s"] * 20


class Command(MigrateCommand):
    """As Django's, for a database in use: it holds up no other for more than some seconds."""

    def handle(self, *args: Any, **options: Any) -> None:
        for timeout in LOCK_TIMEOUTS:
            set_lock_timeout(connections[options["database"]], timeout)
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                    raise
                self.stderr.write("A table is locked by another transaction; trying again.")
                time.sleep(PAUSE_S)
            else:
                return
        raise CommandError(
            "A table stays locked by other transactions. What is migrated stays so: end them, and "
            "run the command again."
        )
