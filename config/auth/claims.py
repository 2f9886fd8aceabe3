"""What tokens say: the checks that JWTs and introspected tokens share."""

from __future__ import annotations

import math
import re
from typing import Any

from django.conf import settings

from config.auth.errors import TokenRefusedError

LEEWAY_S = 30
USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


def check_claim_types(claims: dict[str, Any]) -> None:
    # Libraries compare values without checking types: True equals 1, and a string may pass.
    for name in ("exp", "nbf", "iat"):
        if name in claims and not _is_time(claims[name]):
            raise TokenRefusedError(f"{name}_type")
    if "iss" in claims and not isinstance(claims["iss"], str):
        raise TokenRefusedError("iss_type")
    audience = claims.get("aud", "")
    audiences = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(member, str) for member in audiences):
        raise TokenRefusedError("aud_type")


def user_id_of(claims: dict[str, Any]) -> str:
    value = claims.get(settings.JWT_USER_CLAIM, claims.get("sub"))
    if type(value) is int and value > 0:  # a bool is an int, but its type is not int
        return str(value)
    if isinstance(value, str) and USER_ID.fullmatch(value):
        return value
    raise TokenRefusedError("user_id_form")


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
