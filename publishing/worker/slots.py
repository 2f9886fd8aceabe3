"""Worker slots: their names, and which process owns one.

Each worker group, usually a machine, has slots of its own, and a queue of the ticks for them.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django_q.conf import Conf
from django_q.models import OrmQ

from publishing.models import PublishJob, WorkerSlot
from socialpublishing.clock import database_now
from socialpublishing.events.heartbeat import DeliveryHeartbeat
from socialpublishing.prepared import PreparedQuery

# A worker without a heartbeat for so long is dead: its successor takes over what it had claimed.
DEAD_AFTER = dt.timedelta(seconds=5)
# Slots, and tasks for groups, that nobody has used for so long are deleted.
UNUSED_AFTER = dt.timedelta(days=1)
# The row that all workers lock to claim. A stored name: workers of the release before lock it, too.
CLAIM_LOCK = "turnstile"


def slot_names() -> list[str]:
    """The slots of this worker group."""
    numbers = range(1, settings.PUBLISH_PROCESSES + 1)
    return [f"{settings.WORKER_GROUP}/{number}" for number in numbers]


def group_queue() -> str:
    """The name of the queue of tasks that only this worker group takes."""
    return f"{Conf.PREFIX}:{settings.WORKER_GROUP}"


def take_over(name: str) -> int:
    """Own the slot from now on; returns its new generation.

    If its last owner is dead, that owner's leases end now. If it is alive after all, its fencing
    tokens are old as soon as another worker claims its jobs.
    """
    now = database_now()
    WorkerSlot.objects.get_or_create(name=CLAIM_LOCK)
    with transaction.atomic():
        slot, _ = WorkerSlot.objects.select_for_update().get_or_create(name=name)
        if slot.heartbeat_at is None or now - slot.heartbeat_at > DEAD_AFTER:
            PublishJob.objects.filter(lease_owner__startswith=f"{name}:").update(
                next_attempt_at=now
            )
        slot.generation += 1
        slot.heartbeat_at = now
        slot.save()
    return slot.generation


def leave(name: str, generation: int) -> None:
    """Give the slot up: its worker was stopped, and has finished what it had claimed."""
    WorkerSlot.objects.filter(name=name, generation=generation).delete()


def delete_unused(now: dt.datetime) -> None:
    """What machines that are gone have left."""
    slots = WorkerSlot.objects.exclude(name=CLAIM_LOCK)
    slots.filter(heartbeat_at__lt=now - UNUSED_AFTER).delete()
    DeliveryHeartbeat.objects.filter(heartbeat_at__lt=now - UNUSED_AFTER).delete()
    OrmQ.objects.filter(key__startswith=f"{Conf.PREFIX}:", lock__lt=now - UNUSED_AFTER).delete()


LOCK = PreparedQuery(
    lambda: WorkerSlot.objects.select_for_update(skip_locked=True).filter(name=CLAIM_LOCK)
)


def take_claim_lock() -> bool:
    """Lock the claim lock until the transaction ends. False, at once, if another worker has it."""
    return bool(LOCK.rows())
