"""Runs operations of staff on many rows, in the background, each row once.

Each row is a transaction with its audit record and the new position, so a run that is killed, or
that runs twice at once, does no row again.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django_q.tasks import async_task

from connections.operations import Operation, apply_to_row
from socialpublishing import audit
from socialpublishing.bulk import BulkOperation
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError

logger = logging.getLogger(__name__)

MAX_ROWS = 50_000
# Shorter than Q_CLUSTER's timeout; what is left is the next task's.
RUN_S = 120.0
# A run that has changed nothing for so long has died.
DEAD_AFTER = dt.timedelta(minutes=5)
KEPT = dt.timedelta(days=90)
BUG = "An error of this service; the log has it."


def start(
    model: str,
    name: str,
    *,
    title: str,
    ids: Sequence[Any],
    reason: str,
    actor: audit.Actor,
) -> BulkOperation:
    now = database_now()
    bulk = BulkOperation.objects.create(
        model=model,
        operation=name,
        title=title,
        reason=reason,
        actor_id=actor.id,
        actor_name=actor.name,
        address=actor.address,
        ids=[str(each) for each in ids],
        total=len(ids),
        created_at=now,
        touched_at=now,
    )
    enqueue(bulk)
    return bulk


def enqueue(bulk: BulkOperation, **kwargs: Any) -> None:
    transaction.on_commit(lambda: async_task("connections.bulk.run", str(bulk.pk)))


def run(pk: str) -> None:
    """What django-q2 calls."""
    bulk = BulkOperation.objects.get(pk=pk)
    page = admin.site.get_model_admin(apps.get_model(bulk.model))
    operation: Operation = getattr(type(page), bulk.operation).operation
    stop_at = time.monotonic() + RUN_S
    while time.monotonic() < stop_at:
        if not _next_row(bulk, operation):
            return
    enqueue(bulk)


def _next_row(read: BulkOperation, operation: Operation) -> bool:
    """False: nothing is left."""
    rows: Any = apps.get_model(read.model)._base_manager
    with transaction.atomic():
        bulk = BulkOperation.objects.select_for_update().defer("ids").get(pk=read.pk)
        if bulk.position >= bulk.total:
            return False
        row = rows.filter(pk=read.ids[bulk.position]).first()
        refusal = "It is gone." if row is None else _try(operation, row, bulk)
        if refusal:
            bulk.refuse(refusal)
        else:
            bulk.done += 1
        bulk.position += 1
        bulk.touched_at = database_now()
        bulk.ended_at = bulk.touched_at if bulk.position == bulk.total else None
        bulk.save(update_fields=["position", "done", "refusals", "touched_at", "ended_at"])
    if not refusal:
        try:
            operation.afterwards(row)
        except SocialPublishingBaseError as error:
            logger.warning("an operation is not complete", extra={"reason": str(error)})
    return True


def _try(operation: Operation, row: Any, bulk: BulkOperation) -> str:
    """Why it was refused; empty if it was done."""
    try:
        with transaction.atomic():
            apply_to_row(operation, row, actor=bulk.actor, values={"reason": bulk.reason})
    except SocialPublishingBaseError as error:
        return str(error)
    except Exception:
        # The other rows must not wait for a repair.
        logger.exception("an operation of staff failed", extra={"row_id": str(row.pk)})
        return BUG
    return ""


def housekeeping(now: dt.datetime) -> None:
    """Go on with what was interrupted, and delete what is old."""
    for bulk in BulkOperation.objects.filter(
        ended_at__isnull=True, touched_at__lt=now - DEAD_AFTER
    ).defer("ids"):
        enqueue(bulk)
    BulkOperation.objects.filter(ended_at__lt=now - KEPT).delete()
