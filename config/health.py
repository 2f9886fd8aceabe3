"""Probes: is this process alive, can it serve, and do posts go out."""

from __future__ import annotations

import datetime as dt
import logging
from functools import lru_cache

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.jwt import key_set_ready
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.process import CLAIM_LOCK
from socialpublishing.clock import database_now
from socialpublishing.crypto import key_ring

logger = logging.getLogger(__name__)

SLOT_SILENT_AFTER = dt.timedelta(seconds=30)
POST_LATE_AFTER = dt.timedelta(seconds=60)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    return _response(
        {"database": _has_database(), "keys": _has_keys(), "caller_keys": key_set_ready()}
    )


def worker(request: HttpRequest) -> JsonResponse:
    """Does any lane beat, and is no due post left lying?"""
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
    is_good = all(checks.values())
    body = {"status": "ok" if is_good else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if is_good else 503)


def _has_database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return _is_migrated()
    except DatabaseError:
        return False


@lru_cache(maxsize=1)
def _migrated_once() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _NotMigratedError
    return True


class _NotMigratedError(Exception):
    """Raised, so that only a good answer is remembered."""


def _is_migrated() -> bool:
    try:
        return _migrated_once()
    except _NotMigratedError:
        return False


def _has_keys() -> bool:
    try:
        key_ring()
    except ImproperlyConfigured:
        return False
    return True
