"""The queue of background tasks, and the worker slots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django_q.models import Failure, OrmQ, Schedule

from config.doctor.findings import Finding, fail, ok, warn
from config.health import POST_LATE_AFTER, SLOT_SILENT_AFTER
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.clock import database_now

# A cluster writes the next time of each schedule, so one that is so late is run by none.
SCHEDULE_LATE_AFTER = dt.timedelta(minutes=5)
LONG_QUEUE = 100
RECENT = dt.timedelta(hours=24)
START_WORKER = "Start `manage.py worker` on at least one machine."


def check_queue() -> Iterator[Finding]:
    now = database_now()
    schedules = Schedule.objects.all()
    late = schedules.filter(next_run__lt=now - SCHEDULE_LATE_AFTER)
    if not schedules.exists():
        yield fail("No task is scheduled.", "Run manage.py migrate: it stores the schedules.")
    elif late.exists():
        names = ", ".join(late.values_list("name", flat=True))
        yield fail(f"Scheduled tasks do not run: {names}.", START_WORKER)
    else:
        yield ok(f"{schedules.count()} scheduled tasks are run on time.")
    waiting = OrmQ.objects.count()
    if waiting > LONG_QUEUE:
        yield warn(f"{waiting} tasks wait in the queue.", START_WORKER)
    failed = Failure.objects.filter(stopped__gt=now - RECENT).count()
    if failed:
        yield warn(
            f"{failed} background tasks failed in the last 24 hours.",
            "The console lists them under Failed tasks.",
        )


def check_slots() -> Iterator[Finding]:
    now = database_now()
    slots = WorkerSlot.objects.exclude(name=CLAIM_LOCK)
    silent = list(
        slots.filter(heartbeat_at__lt=now - SLOT_SILENT_AFTER)
        .order_by("name")
        .values_list("name", flat=True)
    )
    total = slots.count()
    if not total:
        yield fail("There is no worker slot: no worker runs.", START_WORKER)
    elif silent:
        names = ", ".join(silent)
        sentence = f"{len(silent)} of {total} worker slots have no recent heartbeat: {names}."
        nothing_works = len(silent) == total
        yield fail(sentence, START_WORKER) if nothing_works else warn(sentence, START_WORKER)
    else:
        yield ok(f"All {total} worker slots have a recent heartbeat.")
    late = PublishJob.objects.filter(next_attempt_at__lt=now - POST_LATE_AFTER).count()
    if late:
        yield fail(f"{late} posts are due for more than a minute.", START_WORKER)
    else:
        yield ok("No due post waits.")
