"""Probes: is this process alive, is it ready, and are posts published on time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from config.auth.tokens import can_verify
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.clock import database_now
from socialpublishing.events.heartbeat import DeliveryHeartbeat
from socialpublishing.keys import key_problems
from socialpublishing.readiness import migration_problems

SILENT_AFTER = dt.timedelta(seconds=30)
POST_LATE_AFTER = dt.timedelta(seconds=60)
ANY_HOST = "localhost"


class AnyHostMiddleware:
    """Lets probes and Prometheus ask an instance by its address, which no ALLOWED_HOSTS can list.

    Nothing of their responses depends on the host.
    """

    PATHS = frozenset({"/healthz", "/healthz/worker", "/readyz", "/metrics"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in self.PATHS:
            request.get_host = lambda: ANY_HOST  # type: ignore[method-assign]
        return self.get_response(request)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    found = {"database": database_problem(), "keys": "", "caller_keys": caller_key_problem()}
    if not found["database"]:
        found["keys"] = stored_key_problem()
    problems = [sentence for sentence in found.values() if sentence]
    return _response({name: not sentence for name, sentence in found.items()}, problems)


def database_problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return " ".join(migration_problems())
    except DatabaseError:
        return "The database cannot be reached."


def stored_key_problem() -> str:
    try:
        return " ".join(key_problems())
    except ImproperlyConfigured as error:
        return str(error)
    except DatabaseError:
        return "The database cannot be reached."


def caller_key_problem() -> str:
    return "" if can_verify() else "There is no key that verifies the tokens of callers."


def worker(request: HttpRequest) -> JsonResponse:
    """Whether anybody publishes, anybody delivers webhooks, and no due job waits too long."""
    try:
        now = database_now()
        slots = WorkerSlot.objects.exclude(name=CLAIM_LOCK)
        is_alive = {"heartbeat_at__gt": now - SILENT_AFTER}
        return _response(
            {
                "lanes": slots.filter(**is_alive).exists(),
                "webhooks": DeliveryHeartbeat.objects.filter(**is_alive).exists(),
                "on_time": not PublishJob.objects.filter(
                    next_attempt_at__lt=now - POST_LATE_AFTER
                ).exists(),
            }
        )
    except DatabaseError:
        return _response({"database": False})


def _response(checks: dict[str, bool], problems: Sequence[str] = ()) -> JsonResponse:
    is_healthy = all(checks.values())
    body: dict[str, Any] = {"status": "ok" if is_healthy else "unavailable", "checks": checks}
    if problems:
        body["problems"] = problems
    return JsonResponse(body, status=200 if is_healthy else 503)
