"""The queue of background tasks, the worker slots, and who delivers webhooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from django_q.models import Failure, OrmQ, Schedule

from config.doctor.findings import Finding, fail, ok, warn
from config.health import POST_LATE_AFTER, SILENT_AFTER
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.clock import database_now
from socialpublishing.events.heartbeat import DeliveryHeartbeat

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
    slots = WorkerSlot.objects.exclude(name=CLAIM_LOCK).exclude(heartbeat_at=None)
    heartbeats = dict(slots.values_list("name", "heartbeat_at"))
    if heartbeats:
        yield _of_heartbeats("worker slots", heartbeats, now)
    else:
        yield fail("There is no worker slot: no worker runs.", START_WORKER)
    late = PublishJob.objects.filter(next_attempt_at__lt=now - POST_LATE_AFTER).count()
    if late:
        yield fail(f"{late} posts are due for more than a minute.", START_WORKER)
    else:
        yield ok("No due post waits.")


def check_webhooks() -> Iterator[Finding]:
    heartbeats = dict(DeliveryHeartbeat.objects.values_list("group", "heartbeat_at"))
    if heartbeats:
        yield _of_heartbeats("processes that deliver webhooks", heartbeats, database_now())
    else:
        yield fail("No process delivers webhooks.", START_WORKER)


def _of_heartbeats(
    what: str, heartbeats: Mapping[str, dt.datetime | None], now: dt.datetime
) -> Finding:
    silent = sorted(name for name, at in heartbeats.items() if at and at < now - SILENT_AFTER)
    if not silent:
        return ok(f"All {len(heartbeats)} {what} have a recent heartbeat.")
    names = ", ".join(silent)
    sentence = f"{len(silent)} of {len(heartbeats)} {what} have no recent heartbeat: {names}."
    nothing_works = len(silent) == len(heartbeats)
    return fail(sentence, START_WORKER) if nothing_works else warn(sentence, START_WORKER)
