"""System checks of the settings about callers that their own modules read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks

from config.auth.fetching import is_allowed


@checks.register
def check_introspection(**kwargs: Any) -> list[checks.CheckMessage]:
    return list(_problems())


def _problems() -> Iterator[checks.CheckMessage]:
    if not 0 < settings.JWT_MAX_LIFETIME_HOURS <= 24 * 31:
        yield checks.Error(
            "JWT_MAX_LIFETIME_HOURS is not between 1 hour and 31 days.", id="socialpublishing.E031"
        )
    url = settings.AUTH_INTROSPECTION_URL
    if not url:
        return
    try:
        is_https = is_allowed(url)
    except ValueError:
        is_https = False
    if not is_https:
        yield checks.Error(
            "AUTH_INTROSPECTION_URL is not https: others could read callers' tokens.",
            hint="Plain http is allowed for loopback addresses only.",
            id="socialpublishing.E032",
        )
    client, secret = (
        settings.AUTH_INTROSPECTION_CLIENT_ID,
        settings.AUTH_INTROSPECTION_CLIENT_SECRET,
    )
    if bool(client) != bool(secret):
        yield checks.Error(
            "Only one of AUTH_INTROSPECTION_CLIENT_ID and AUTH_INTROSPECTION_CLIENT_SECRET is set.",
            id="socialpublishing.E033",
        )
