"""Limits of requests for each user, and for each address that has not shown whose it is.

Each limit counts in windows of fixed length, so around the end of one up to twice the limit passes.
Windows of different callers end at different times. Redis counts for all processes; without it, or
while it cannot be reached, each web process counts its share of the limit in its memory.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:  # views import the throttles of the settings, which are these
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

RATE = re.compile(r"([1-9]\d{0,8})/([smhd])", re.ASCII)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
OFF = "0"


@dataclass(frozen=True, kw_only=True)
class Rate:
    limit: int
    window_s: int


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a caller has used of a limit in the current window."""

    limit: int
    used: int
    reset_s: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit


@cache
def parse_rate(text: str) -> Rate | None:
    """`300/m`: 300 requests a minute; also s, h, d. None for `0`, which is off.

    Raises ValueError for anything else.
    """
    if text == OFF:
        return None
    match = RATE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no rate such as 300/m, and not 0.")
    return Rate(limit=int(match[1]), window_s=SECONDS[match[2]])


def count(name: str, whom: str, rate: Rate) -> Usage:
    """Count one request of `whom` against the limit `name`."""
    digest = hashlib.sha256(f"{name} {whom}".encode()).hexdigest()[:32]
    now = time.time() + int(digest, 16) % rate.window_s
    window, passed = divmod(now, rate.window_s)
    key = f"{digest}:{int(window)}"
    limit, used = _counted(key, rate)
    return Usage(limit=limit, used=used, reset_s=max(1, math.ceil(rate.window_s - passed)))


def _counted(key: str, rate: Rate) -> tuple[int, int]:
    if settings.REDIS_URL:
        from redis.exceptions import RedisError  # a fifth of the time in which a process starts

        try:
            return rate.limit, _incremented("throttles", key, rate.window_s)
        except RedisError:
            logger.warning("throttles count in memory: Redis is unavailable")
    share = math.ceil(rate.limit / settings.WEB_CONCURRENCY)
    return share, _incremented("throttles_of_process", key, rate.window_s)


def _incremented(cache: str, key: str, seconds: int) -> int:
    """The counter's new value. Both steps are atomic, in Redis and in memory."""
    if caches[cache].add(key, 1, timeout=seconds):
        return 1
    try:
        return caches[cache].incr(key)
    except ValueError:  # it expired after the first step
        return 1


class Throttle(BaseThrottle):
    """One limit. A view without the caller that it counts is not limited by it."""

    setting: ClassVar[str]

    def __init__(self) -> None:
        self._usage: Usage | None = None

    def whom(self, request: Request, view: APIView) -> str:
        """Whose request it is; empty if this limit does not concern it."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        rate = parse_rate(getattr(settings, self.setting))
        whom = self.whom(request, view)
        if rate is None or not whom:
            return True
        self._usage = count(self.setting, whom, rate)
        _remember(request, self._usage)
        return not self._usage.is_exceeded

    def wait(self) -> float | None:
        return self._usage.reset_s if self._usage else None


class UserThrottle(Throttle):
    setting = "THROTTLE_USER"

    def whom(self, request: Request, view: APIView) -> str:
        caller: Any = request.user
        return str(caller.user_id) if caller else ""


class CostlyThrottle(UserThrottle):
    """Requests that ask a platform or read files, by their views' `asks_platform` and `costly`."""

    setting = "THROTTLE_USER_COSTLY"

    def whom(self, request: Request, view: APIView) -> str:
        action = getattr(view, "action", "")
        costly = (*getattr(view, "asks_platform", ()), *getattr(view, "costly", ()))
        return super().whom(request, view) if action in costly else ""


class RefreshThrottle(UserThrottle):
    """Refreshes of one connection: platforms limit them, and its token is good for longer."""

    setting = "THROTTLE_REFRESH"

    def whom(self, request: Request, view: APIView) -> str:
        user = super().whom(request, view)
        if getattr(view, "action", "") != "refresh" or not user:
            return ""
        return f"{user} {view.kwargs['connection_id']}"


class AddressThrottle(Throttle):
    """Requests to views that need no token."""

    setting = "THROTTLE_ADDRESS"

    def whom(self, request: Request, view: APIView) -> str:
        return "" if request.user else address_of(request)


class RefusedTokenThrottle(AddressThrottle):
    """Requests without a valid token. Counted by config/api.py, when they have been refused.

    Apart from the others, so that nobody can keep a user behind the same address from connecting.
    """

    def whom(self, request: Request, view: APIView) -> str:
        return f"refused {address_of(request)}"


def address_of(request: Request) -> str:
    """The client's address; of IPv6 its network, since a client has as many as it wants."""
    text = str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


# --- Headers -------------------------------------------------------------------------------------


def _remember(request: Request, usage: Usage) -> None:
    """Keep the limit of which least is left, for the response."""
    former: Usage | None = getattr(request._request, "limit_usage", None)
    if former is None or (usage.remaining, -usage.reset_s) < (former.remaining, -former.reset_s):
        request._request.limit_usage = usage  # type: ignore[attr-defined]


class RateLimitHeadersMiddleware:
    """Adds what is left of the caller's limit to each response of a view that has one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        usage: Any = getattr(request, "limit_usage", None)
        if usage is not None:
            response.headers["RateLimit-Limit"] = str(usage.limit)
            response.headers["RateLimit-Remaining"] = str(usage.remaining)
            response.headers["RateLimit-Reset"] = str(usage.reset_s)
        return response
