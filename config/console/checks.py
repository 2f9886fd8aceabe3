"""System checks of the console's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

POSITIVE = (
    "CONSOLE_USER_FAILURES",
    "CONSOLE_ADDRESS_FAILURES",
    "CONSOLE_LOCKOUT_MINUTES",
    "CONSOLE_INACTIVE_MINUTES",
    "CONSOLE_SESSION_HOURS",
)


@checks.register
def check_console(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = [
        checks.Error(f"{name} must be at least 1.", id="socialpublishing.E050")
        for name in POSITIVE
        if getattr(settings, name) < 1
    ]
    if not settings.CONSOLE_REQUIRE_SECOND_FACTOR and not settings.SANDBOX_URL:
        found.append(
            checks.Warning(
                "CONSOLE_REQUIRE_SECOND_FACTOR is off: a stolen password opens the console.",
                id="socialpublishing.W051",
            )
        )
    return found
