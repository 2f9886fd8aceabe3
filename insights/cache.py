"""Answers of platforms, remembered: made once by one caller, and the last good one when they fail.

Whoever builds a key puts into it whose data it is. The cache only saves time: without it, or with a
Redis that does not answer, everything works, only slower.
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
from redis.exceptions import RedisError

from socialpublishing import database
from socialpublishing.errors import PlatformApiError, RateLimitError

logger = logging.getLogger(__name__)

KEPT = dt.timedelta(days=7)  # for the day on which the platform fails
MAKING_S = 60  # after which whoever makes an answer is taken for dead
WAIT_S = 20  # for an answer that another caller is making
POLL_EVERY_S = 0.05
PAUSE = dt.timedelta(minutes=1)  # before a platform that failed is asked again


class JSONSerializer:
    """For Django's Redis cache, in place of pickle."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


@dataclass(frozen=True, kw_only=True)
class CachedValue:
    """`value` as it was `made_at`; stale if it should be newer and the platform does not let us."""

    value: Any
    made_at: dt.datetime
    is_stale: bool = False


def key_of(*parts: Any) -> str:
    """Any parts that JSON can hold; equal only if all of them are."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cached(key: str, make: Callable[[], Any]) -> CachedValue:
    """The answer under `key`, not older than INSIGHTS_CACHE_TTL_SECONDS, or made now by `make`.

    What `make` answers is JSON. If it raises a PlatformApiError, the last good answer is given
    again, marked stale; without one the error goes on. Of several callers one makes, and the others
    wait, or get the last good answer.
    """
    give_up_at = time.monotonic() + WAIT_S
    while True:
        last = _read(key)
        if last is not None and _is_fresh(last):
            return _cached(last)
        if _take(key):
            try:
                return _make(key, make)
            finally:
                _quietly(lambda: caches["insights"].delete(f"{key}:making"), None)
        if last is not None:
            return _cached(last, is_stale=True)
        if time.monotonic() > give_up_at:
            return CachedValue(value=make(), made_at=timezone.now())
        database.release()
        time.sleep(POLL_EVERY_S)


def _make(key: str, make: Callable[[], Any]) -> CachedValue:
    last = _read(key)
    if last is not None and _is_fresh(last):  # made while we came to our turn
        return _cached(last)
    now = timezone.now()
    if last is not None and now.timestamp() < last["ask_at"]:
        return _cached(last, is_stale=True)
    try:
        value = make()
    except PlatformApiError as error:
        if last is None:
            raise
        logger.warning("answered from memory: %s", error.code)
        until = error.until if isinstance(error, RateLimitError) else None
        last["ask_at"] = max(until or now, now + PAUSE).timestamp()
        _write(key, last)
        return _cached(last, is_stale=True)
    _write(key, {"value": value, "made_at": now.timestamp(), "ask_at": 0})
    return CachedValue(value=value, made_at=now)


def _cached(entry: dict[str, Any], *, is_stale: bool = False) -> CachedValue:
    made_at = dt.datetime.fromtimestamp(entry["made_at"], tz=dt.UTC)
    return CachedValue(value=entry["value"], made_at=made_at, is_stale=is_stale)


def _is_fresh(entry: dict[str, Any]) -> bool:
    age = timezone.now().timestamp() - entry["made_at"]
    return bool(age < settings.INSIGHTS_CACHE_TTL_SECONDS)


# --- The store -----------------------------------------------------------------------------------


def _read(key: str) -> dict[str, Any] | None:
    entry: dict[str, Any] | None = _quietly(lambda: caches["insights"].get(key), None)
    return entry


def _write(key: str, entry: dict[str, Any]) -> None:
    _quietly(lambda: caches["insights"].set(key, entry, timeout=KEPT.total_seconds()), None)


def _take(key: str) -> bool:
    """The right to make the answer. Without a store nobody can wait for another."""
    store = caches["insights"]
    return bool(_quietly(lambda: store.add(f"{key}:making", 1, timeout=MAKING_S), True))


def _quietly(call: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return call()
    except RedisError as error:
        logger.warning("the cache does not answer: %s", type(error).__name__)
        return otherwise
