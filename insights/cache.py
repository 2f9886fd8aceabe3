"""A cache of platform responses: one caller makes a value, and a stale value covers a failure.

Whoever builds a key includes whose data it is. The cache only saves time: without it, or when Redis
is unavailable, everything works, only slower.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone

from socialpublishing import database
from socialpublishing.errors import PlatformApiError, RateLimitError

logger = logging.getLogger(__name__)

KEPT = dt.timedelta(days=7)  # how long a value can cover a failing platform
LOCK_S = 60  # a caller that holds the lock for longer is considered dead
WAIT_S = 20  # how long a caller waits for the value of another
POLL_EVERY_S = 0.05
PAUSE = dt.timedelta(minutes=1)  # before the next request to a platform that failed


class JSONSerializer:
    """For Django's Redis cache, in place of pickle."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


@dataclass(frozen=True, kw_only=True)
class CachedValue:
    """`value` as of `made_at`; stale if it is older than allowed because the platform fails."""

    value: Any
    made_at: dt.datetime
    is_stale: bool = False


def cache_key(*parts: Any) -> str:
    """A key of any JSON-serializable parts; two keys are equal only if all parts are equal."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cached(key: str, make: Callable[[], Any]) -> CachedValue:
    """The value under `key` if it is younger than INSIGHTS_CACHE_TTL_SECONDS, else that of `make`.

    `make` returns JSON-serializable data. If it raises a PlatformApiError, the last value is
    returned as stale; without one, the error is raised. Of several concurrent callers one calls
    `make`; the others get the last value as stale, or wait if there is none.
    """
    give_up_at = time.monotonic() + WAIT_S
    while True:
        last = _read(key)
        if last is not None and _is_fresh(last):
            return _cached(last)
        if _lock(key):
            try:
                return _make(key, make)
            finally:
                _unlock(key)
        if last is not None:
            return _cached(last, is_stale=True)
        if time.monotonic() > give_up_at:
            return CachedValue(value=make(), made_at=timezone.now())
        database.release()
        time.sleep(POLL_EVERY_S)


def _make(key: str, make: Callable[[], Any]) -> CachedValue:
    last = _read(key)
    if last is not None and _is_fresh(last):  # another caller made it before we got the lock
        return _cached(last)
    now = timezone.now()
    if last is not None and now.timestamp() < last["retry_at"]:
        return _cached(last, is_stale=True)
    try:
        value = make()
    except PlatformApiError as error:
        if last is None:
            raise
        logger.warning("the platform failed, a cached value is used: %s", error.code)
        until = error.until if isinstance(error, RateLimitError) else None
        last["retry_at"] = max(until or now, now + PAUSE).timestamp()
        _write(key, last)
        return _cached(last, is_stale=True)
    _write(key, {"value": value, "made_at": now.timestamp(), "retry_at": 0})
    return CachedValue(value=value, made_at=now)


def _cached(entry: dict[str, Any], *, is_stale: bool = False) -> CachedValue:
    made_at = dt.datetime.fromtimestamp(entry["made_at"], tz=dt.UTC)
    return CachedValue(value=entry["value"], made_at=made_at, is_stale=is_stale)


def _is_fresh(entry: dict[str, Any]) -> bool:
    age = timezone.now().timestamp() - entry["made_at"]
    return bool(age < settings.INSIGHTS_CACHE_TTL_SECONDS)


# --- The store -----------------------------------------------------------------------------------


def _read(key: str) -> dict[str, Any] | None:
    entry: dict[str, Any] | None = _or_default(lambda: caches["insights"].get(key), None)
    return entry


def _write(key: str, entry: dict[str, Any]) -> None:
    _or_default(lambda: caches["insights"].set(key, entry, timeout=KEPT.total_seconds()), None)


def _lock(key: str) -> bool:
    """Whether this caller may make the value. Always true without a store."""
    store = caches["insights"]
    return bool(_or_default(lambda: store.add(f"{key}:lock", 1, timeout=LOCK_S), True))


def _unlock(key: str) -> None:
    _or_default(lambda: caches["insights"].delete(f"{key}:lock"), None)


def _or_default(call: Callable[[], Any], default: Any) -> Any:
    """The result of `call`, or `default` if Redis fails."""
    from redis.exceptions import RedisError  # a fifth of the time in which a process starts

    try:
        return call()
    except RedisError as error:
        logger.warning("the cache is unavailable: %s", type(error).__name__)
        return default
