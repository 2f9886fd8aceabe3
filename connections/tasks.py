"""What django-q2 calls. Tasks may run twice, and decide nothing."""

from __future__ import annotations

import datetime as dt

from django_q.models import Schedule

from connections import bulk
from connections.callbacks import finish_callbacks
from connections.confirming import end_expired_sessions
from connections.disconnecting import finish_disconnects
from connections.expiring import refresh_expiring, warn_of_expiry
from connections.hooks import on_housekeeping
from connections.revoking import revoke_due
from socialpublishing.clock import database_now
from socialpublishing.events.managing import delete_old_deliveries

# A disconnect that takes longer has crashed.
DISCONNECT_TIME = dt.timedelta(minutes=5)


def housekeeping() -> None:
    now = database_now()
    end_expired_sessions(now)
    finish_callbacks()
    finish_disconnects(older_than=now - DISCONNECT_TIME)
    revoke_due(database_now())
    refresh_expiring(now)
    warn_of_expiry(now)
    delete_old_deliveries(now)
    bulk.housekeeping(now)
    for callback in on_housekeeping:
        callback(now)


def schedule() -> None:
    """Write the schedule, after each migration."""
    Schedule.objects.update_or_create(
        name="housekeeping",
        defaults={
            # The path that workers of the release before know; publishing/tasks.py has it, too.
            "func": "publishing.tasks.housekeeping",
            "args": "",
            "schedule_type": Schedule.MINUTES,
            "minutes": 60,
            "repeats": -1,
        },
    )
