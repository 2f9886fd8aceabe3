"""Tokens for development and tests, signed with this service's own shared secret."""

from __future__ import annotations

import datetime as dt

import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.auth.claims import USER_ID
from config.auth.keys import HMAC, is_pem
from config.auth.tokens import max_lifetime


def sign_dev_token(user_id: str, *, lifetime: dt.timedelta) -> str:
    """A token for `user_id` that this service accepts.

    Raises ImproperlyConfigured unless JWT_KEY is a shared secret and JWT_ALGORITHMS lists an HS
    algorithm, ValueError for a user id or a lifetime that we would refuse.
    """
    algorithm = next((name for name in settings.JWT_ALGORITHMS if name in HMAC), None)
    if algorithm is None or not settings.JWT_KEY or is_pem(settings.JWT_KEY):
        raise ImproperlyConfigured(
            "Tokens for development need a shared secret in JWT_KEY and HS256 in JWT_ALGORITHMS."
        )
    if not USER_ID.fullmatch(user_id):
        raise ValueError(f"Not a valid user id: {user_id[:40]!r}.")
    if lifetime > max_lifetime():
        raise ValueError(f"A token may not be valid for longer than {max_lifetime()}.")
    now = dt.datetime.now(dt.UTC)
    claims = {settings.JWT_USER_CLAIM: user_id, "iat": now, "nbf": now, "exp": now + lifetime}
    if settings.JWT_ISSUER:
        claims["iss"] = settings.JWT_ISSUER
    if settings.JWT_AUDIENCE:
        claims["aud"] = settings.JWT_AUDIENCE
    return jwt.encode(claims, settings.JWT_KEY, algorithm=algorithm)
