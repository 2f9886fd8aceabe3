"""The view of `/metrics`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from config.api import error_response
from config.metrics import database
from socialpublishing.prometheus import may_read, own_series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# However many ask, the database is read this often.
KEPT_S = 5.0


def metrics(request: HttpRequest) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return error_response("method_not_allowed", status=405, headers={"Allow": "GET, HEAD"})
    given = request.headers.get("Authorization", "")
    if not may_read(given, settings.METRICS_TOKEN):
        code = "invalid_token" if given else "not_authenticated"
        return error_response(code, status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(own_series() + _kept.series(), content_type=CONTENT_TYPE)


class _Kept:
    """The series of the database, as they were read last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series = b""
        self._read_at = float("-inf")

    def series(self) -> bytes:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                self._series = _read()
                self._read_at = time.monotonic()
            return self._series


def _read() -> bytes:
    registry = CollectorRegistry()
    registry.register(_Database())
    return generate_latest(registry)


class _Database(Collector):
    def collect(self) -> Iterable[Metric]:
        return database.read()

    def describe(self) -> Iterable[Metric]:
        return []  # or it would be read to find out


_kept = _Kept()
