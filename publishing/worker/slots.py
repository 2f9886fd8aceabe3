"""Worker slots: their names, and which process owns one."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction

from publishing.models import PublishJob, WorkerSlot
from socialpublishing.clock import database_now

# A worker without a heartbeat for so long is dead: its successor takes over what it had claimed.
DEAD_AFTER = dt.timedelta(seconds=5)
# A slot that no setting names any more is deleted when its last heartbeat is so old.
UNUSED_AFTER = dt.timedelta(days=1)
# Workers of the release before own slots of the same names, so that one takes over from another.
STORED_PREFIX = "lane-"
# The row that all workers lock to claim. A stored name: workers of the release before lock it, too.
CLAIM_LOCK = "turnstile"


def slot_names() -> list[str]:
    return [f"{STORED_PREFIX}{number}" for number in range(1, settings.PUBLISH_PROCESSES + 1)]


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


def take_claim_lock() -> bool:
    """Lock the claim lock until the transaction ends. False, at once, if another worker has it."""
    lock = WorkerSlot.objects.select_for_update(skip_locked=True).filter(name=CLAIM_LOCK)
    return lock.first() is not None


def delete_unused_slots() -> None:
    unused = WorkerSlot.objects.exclude(name__in=[*slot_names(), CLAIM_LOCK])
    unused.filter(heartbeat_at__lt=database_now() - UNUSED_AFTER).delete()
