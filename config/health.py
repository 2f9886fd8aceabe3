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
from publishing.lanes import TURNSTILE
from publishing.models import Lane, PublishJob
from socialpublishing.clock import database_now
from socialpublishing.crypto import key_ring

logger = logging.getLogger(__name__)

LANE_SILENT_AFTER = dt.timedelta(seconds=30)
POST_LATE_AFTER = dt.timedelta(seconds=60)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    return _answer(
        {"database": _has_database(), "keys": _has_keys(), "caller_keys": key_set_ready()}
    )


def worker(request: HttpRequest) -> JsonResponse:
    """Does any lane beat, and is no due post left lying?"""
    try:
        now = database_now()
        lanes = Lane.objects.exclude(name=TURNSTILE)
        return _answer(
            {
                "lanes": lanes.filter(beat_at__gt=now - LANE_SILENT_AFTER).exists(),
                "on_time": not PublishJob.objects.filter(
                    next_attempt_at__lt=now - POST_LATE_AFTER
                ).exists(),
            }
        )
    except DatabaseError:
        return _answer({"database": False})


def _answer(checks: dict[str, bool]) -> JsonResponse:
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
