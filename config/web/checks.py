"""System checks of the web process's settings."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings
from django.core import checks

from config.web.throttles import parse_rate

THROTTLES = ("THROTTLE_USER", "THROTTLE_USER_COSTLY", "THROTTLE_REFRESH", "THROTTLE_ADDRESS")


@checks.register
def check_web(**kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    for name in THROTTLES:
        try:
            parse_rate(getattr(settings, name))
        except ValueError as error:
            found.append(
                checks.Error(
                    f"{name}: {error}",
                    hint="A number, then /s, /m, /h or /d. 0 is off.",
                    id="socialpublishing.E041",
                )
            )
    for text in settings.TRUSTED_PROXIES:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            found.append(
                checks.Error(
                    f"TRUSTED_PROXIES: {text!r} is not the address or network of a proxy.",
                    hint="With a wrong one, callers could choose the address that is throttled.",
                    id="socialpublishing.E042",
                )
            )
    return found
