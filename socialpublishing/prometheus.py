"""What a process measures of itself: the requests that it serves, and its calls to platforms.

The processes of one command (web, worker) share a folder, in which each has files with its
numbers; whoever is asked adds them up. Without the folder nothing is measured.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

# A variable of prometheus_client.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
REQUEST_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CALL_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class Measures:
    requests: Counter
    request_seconds: Histogram
    refused: Counter
    call_seconds: Histogram


@contextmanager
def shared_folder() -> Iterator[None]:
    """Measure in this process and in those that it starts meanwhile."""
    with tempfile.TemporaryDirectory(prefix="socialpublishing-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def count_request(*, method: str, route: str, status: int, seconds: float) -> None:
    """`route` is the pattern of the path, so that there are few."""
    if (found := _measures()) is not None:
        method = method if method in METHODS else "other"
        found.requests.labels(method, route, str(status)).inc()
        found.request_seconds.labels(method, route).observe(seconds)


def count_refused(code: str) -> None:
    """A request that does not reach Django."""
    if (found := _measures()) is not None:
        found.refused.labels(code).inc()


def count_call(*, platform: str, result: str, seconds: float) -> None:
    """`result` is the status of the response, or why there is none."""
    if (found := _measures()) is not None:
        found.call_seconds.labels(platform, result).observe(seconds)


def own_series() -> bytes:
    """All that is measured in the folder, in Prometheus' text format."""
    if FOLDER not in os.environ:
        return b""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def may_read(authorization: str, token: str) -> bool:
    """Does the header have METRICS_TOKEN? Without one everybody may read."""
    scheme, _, given = authorization.partition(" ")
    is_bearer = scheme.lower() == "bearer"
    return not token or (is_bearer and secrets.compare_digest(given.encode(), token.encode()))


def _measures() -> Measures | None:
    return _made() if FOLDER in os.environ else None


@cache
def _made() -> Measures:
    # It was chosen when the library was imported, which may have been before there was a folder.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    unused = CollectorRegistry()  # the files count
    return Measures(
        requests=Counter(
            "socialpublishing_http_requests_total",
            "Requests that were served.",
            ["method", "route", "status"],
            registry=unused,
        ),
        request_seconds=Histogram(
            "socialpublishing_http_request_duration_seconds",
            "How long requests took.",
            ["method", "route"],
            buckets=REQUEST_BUCKETS_S,
            registry=unused,
        ),
        refused=Counter(
            "socialpublishing_http_requests_refused_total",
            "Requests that were refused before they were served, by code.",
            ["code"],
            registry=unused,
        ),
        call_seconds=Histogram(
            "socialpublishing_platform_call_duration_seconds",
            "How long calls to platforms took, by the status of the response or why there is none.",
            ["platform", "result"],
            buckets=CALL_BUCKETS_S,
            registry=unused,
        ),
    )
