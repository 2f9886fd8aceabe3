"""Probes: is this process alive, is it ready, and are posts published on time."""

from __future__ import annotations

import datetime as dt
import logging
from functools import lru_cache

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.auth.tokens import can_verify
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.clock import database_now
from socialpublishing.crypto import key_ring

logger = logging.getLogger(__name__)

SLOT_SILENT_AFTER = dt.timedelta(seconds=30)
POST_LATE_AFTER = dt.timedelta(seconds=60)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    return _response(
        {"database": _has_database(), "keys": _has_keys(), "caller_keys": can_verify()}
    )


def worker(request: HttpRequest) -> JsonResponse:
    """Whether a worker slot has a recent heartbeat, and no due job waits too long."""
    try:
        now = database_now()
        slots = WorkerSlot.objects.exclude(name=CLAIM_LOCK)
        return _response(
            {
                "lanes": slots.filter(heartbeat_at__gt=now - SLOT_SILENT_AFTER).exists(),
                "on_time": not PublishJob.objects.filter(
                    next_attempt_at__lt=now - POST_LATE_AFTER
                ).exists(),
            }
        )
    except DatabaseError:
        return _response({"database": False})


def _response(checks: dict[str, bool]) -> JsonResponse:
    is_healthy = all(checks.values())
    body = {"status": "ok" if is_healthy else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if is_healthy else 503)


def _has_database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return _is_migrated()
    except DatabaseError:
        return False


@lru_cache(maxsize=1)
def _check_migrations() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _NotMigratedError
    return True


class _NotMigratedError(Exception):
    """An exception is not cached, so the next probe checks again."""


def _is_migrated() -> bool:
    try:
        return _check_migrations()
    except _NotMigratedError:
        return False


def _has_keys() -> bool:
    try:
        key_ring()
    except ImproperlyConfigured:
        return False
    return True
