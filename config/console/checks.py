"""System checks of the console's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def check_console(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.CONSOLE_REQUIRE_SECOND_FACTOR or settings.SANDBOX_URL:
        return []
    return [
        checks.Warning(
            "CONSOLE_REQUIRE_SECOND_FACTOR is off: a stolen password opens the console.",
            id="socialpublishing.W051",
        )
    ]
