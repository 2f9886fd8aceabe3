"""The bounds of every setting that is a number. A value outside them is refused at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.core import checks


class Bounds(NamedTuple):
    least: float
    most: float


DAY_S = 86_400
BOUNDS: Mapping[str, Bounds] = {
    "MAX_API_RETRIES": Bounds(1, 20),
    "API_RETRY_DELAY_SECONDS": Bounds(0.01, 900),
    "API_RETRY_BACKOFF_FACTOR": Bounds(1, 10),
    "LATE_PUBLISH_GRACE_SECONDS": Bounds(0, 366 * DAY_S),
    # 0: scheduled posts are not checked ahead.
    "PREFLIGHT_HOURS": Bounds(0, 168),
    "JWT_MAX_LIFETIME_HOURS": Bounds(1, 24 * 31),
    "PUBLISH_PROCESSES": Bounds(1, 256),
    "PUBLISH_THREADS": Bounds(1, 1024),
    "LABORATORY_TIME_DIVISOR": Bounds(1, 60),
    "MEDIA_READS": Bounds(1, 512),
    "MEDIA_READS_PER_HOST": Bounds(1, 512),
    "MEDIA_PULLS": Bounds(1, 512),
    # 0 keeps; more than a hundred years is a mistake.
    "JOB_CONTENT_RETENTION_DAYS": Bounds(0, 36_500),
    "EVENT_RETENTION_DAYS": Bounds(0, 36_500),
    "JOB_RETENTION_DAYS": Bounds(0, 36_500),
    "INSIGHTS_CACHE_TTL_SECONDS": Bounds(0, 366 * DAY_S),
    "INSIGHTS_MAX_BILLED_READS": Bounds(0, 100_000),
    "TWITTER_POST_PRICE": Bounds(0, 1000),
    "TWITTER_LINK_POST_PRICE": Bounds(0, 1000),
    "TWITTER_ALT_TEXT_PRICE": Bounds(0, 1000),
    "WEB_CONCURRENCY": Bounds(1, 64),
    "CONSOLE_USER_FAILURES": Bounds(1, 100),
    "CONSOLE_ADDRESS_FAILURES": Bounds(1, 1000),
    "CONSOLE_LOCKOUT_MINUTES": Bounds(1, 7 * 1440),
    "CONSOLE_INACTIVE_MINUTES": Bounds(1, 1440),
    "CONSOLE_SESSION_HOURS": Bounds(1, 168),
}


@checks.register
def check_numbers(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"{name} is {value}; it must be from {bounds.least:g} to {bounds.most:g}.",
            id="socialpublishing.E020",
        )
        for name, bounds in BOUNDS.items()
        # In this order, because all comparisons with NaN are false.
        if not bounds.least <= (value := getattr(settings, name)) <= bounds.most
    ]
