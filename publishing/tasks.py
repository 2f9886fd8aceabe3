"""What django-q2 calls. Tasks may run twice, and decide nothing."""

from __future__ import annotations

import datetime as dt
import sys
import time

from django.conf import settings
from django_q.models import Schedule

from connections.tasks import housekeeping as housekeeping  # by this path in stored schedules
from publishing import late_ids, preflight
from publishing.follow_ups import create_missed_first_comments
from publishing.retention import purge
from publishing.worker.process import Worker, stopping
from publishing.worker.slots import delete_unused
from socialpublishing.clock import database_now

# Longer than the time between two ticks of a slot (the supervisor's NEXT_TICK_AFTER_S); shorter
# than Q_CLUSTER's timeout.
TICK_S = 180.0
# One hour's purge takes at most so long; Q_CLUSTER's timeout ends longer tasks.
PURGE_S = 60.0
# A run of the pre-flight starts no further account after so long.
PREFLIGHT_S = 60.0


def publish_tick(slot: str) -> None:
    """Own a worker slot until the next tick takes it over."""
    # The threads mostly wait for the network: fewer switches leave more time for the work.
    sys.setswitchinterval(0.1)
    Worker(slot, threads=settings.PUBLISH_THREADS).run(seconds=TICK_S, stop=lambda: stopping.value)


def purge_old(now: dt.datetime) -> None:
    """Part of the housekeeping."""
    create_missed_first_comments(now)
    delete_unused(now)
    purge(now, stop_at=time.monotonic() + PURGE_S)


def read_late_ids() -> None:
    late_ids.read_late_ids(database_now())


def check_ahead() -> None:
    preflight.check_ahead(database_now(), stop_at=time.monotonic() + PREFLIGHT_S)


def schedule() -> None:
    """Store the schedules after each migration. One that does not parse would stop them all."""
    wanted = {
        "read late ids": ("read_late_ids", 1),
        "check ahead": ("check_ahead", 5),
    }
    for name, (function, minutes) in wanted.items():
        Schedule.objects.update_or_create(
            name=name,
            defaults={
                "func": f"publishing.tasks.{function}",
                "schedule_type": Schedule.MINUTES,
                "minutes": minutes,
                "repeats": -1,
            },
        )
    # The release before started ticks by schedule; now each supervisor starts those of its group.
    Schedule.objects.filter(func="publishing.tasks.publish_tick").delete()
