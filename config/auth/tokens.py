"""Verification of a bearer token: its signature and claims, before anything else is done.

The keys come from JWT_KEY (a public key in PEM, or a shared secret) or else from the issuer's
published set at JWT_JWKS_URL. A key has its algorithms, JWT_ALGORITHMS restricts them, and the
header of a token can only agree: so a public key can never be used as a shared secret. A caller
learns that a token is refused, but not why: the reason is a short code in the log.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from typing import Any

import jwt
import structlog
from django.conf import settings

from config.auth.errors import AuthUnavailable, TokenRefusedError
from config.auth.jwks import KeySet, key_set
from config.auth.keys import Key, configured_key
from config.parsers import InvalidJSONError, load_object

logger = structlog.get_logger(__name__)

MAX_HEADER_CHARS = 8 * 1024
LEEWAY_S = 30
MAX_LIFETIME = dt.timedelta(hours=24)

BEARER = re.compile(r"bearer +([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII | re.IGNORECASE)
HEADER_NAMES = {"alg", "kid", "typ"}
TYPES = {"jwt", "at+jwt"}
USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
MAX_USER_NUMBER = 2**63 - 1  # ids from a database's 64-bit column


def verified_user_id(authorization: str) -> str:
    """The user id in the token of an Authorization header.

    Raises TokenRefusedError, and AuthUnavailable while there is no key to verify with.
    """
    if len(authorization) > MAX_HEADER_CHARS:
        raise TokenRefusedError("too_long")
    # A server joins several such headers with a comma, which this pattern does not match.
    match = BEARER.fullmatch(authorization)
    if match is None:
        raise TokenRefusedError("malformed")
    header = _json_part(match[1])
    claims = _json_part(match[2])
    _check_claim_types(claims)
    key, algorithm = _key_for(header)
    try:
        jwt.decode(
            ".".join(match.groups()),
            key.material,
            algorithms=[algorithm],
            leeway=LEEWAY_S,
            issuer=settings.JWT_ISSUER or None,
            audience=settings.JWT_AUDIENCE or None,
            options={
                "require": ["exp"],
                "verify_aud": bool(settings.JWT_AUDIENCE),
                "verify_sub": False,  # it may be a number here; _user_id checks it
                "verify_jti": False,
            },
        )
    except jwt.PyJWTError as error:
        raise TokenRefusedError(type(error).__name__) from error
    if "iat" in claims and claims["exp"] - claims["iat"] > MAX_LIFETIME.total_seconds():
        raise TokenRefusedError("life_too_long")
    return _user_id(claims)


def can_verify() -> bool:
    """Whether a valid token would be accepted right now. May fetch the key set."""
    try:
        keys = _keys()
    except AuthUnavailable:
        return False
    return keys.is_ready() if isinstance(keys, KeySet) else True


def _json_part(part: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return load_object(text, max_integer=MAX_USER_NUMBER)
    except binascii.Error as error:
        raise TokenRefusedError("bad_base64") from error
    except InvalidJSONError as error:
        raise TokenRefusedError("bad_json") from error


def _check_claim_types(claims: dict[str, Any]) -> None:
    # The library compares values without checking types: True equals 1, and a string may pass.
    for name in ("exp", "nbf", "iat"):
        if name in claims and type(claims[name]) not in (int, float):
            raise TokenRefusedError(f"{name}_type")
    if "iss" in claims and not isinstance(claims["iss"], str):
        raise TokenRefusedError("iss_type")
    audience = claims.get("aud", "")
    audiences = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(member, str) for member in audiences):
        raise TokenRefusedError("aud_type")


def _user_id(claims: dict[str, Any]) -> str:
    value = claims.get(settings.JWT_USER_CLAIM, claims.get("sub"))
    if type(value) is int and value > 0:  # a bool is an int, but its type is not int
        return str(value)
    if isinstance(value, str) and USER_ID.fullmatch(value):
        return value
    raise TokenRefusedError("user_id_form")


def _key_for(header: dict[str, Any]) -> tuple[Key, str]:
    """The key that a token's header names, and the algorithm to use it with."""
    if not header.keys() <= HEADER_NAMES:
        raise TokenRefusedError("header_name")
    if not all(isinstance(value, str) for value in header.values()):
        raise TokenRefusedError("header_type")
    if header.get("typ", "JWT").lower() not in TYPES:
        raise TokenRefusedError("typ")
    keys = _keys()
    algorithm = header.get("alg", "")
    if algorithm not in settings.JWT_ALGORITHMS:
        raise TokenRefusedError("alg")
    key = keys.find(header.get("kid")) if isinstance(keys, KeySet) else keys
    if key is None:
        raise TokenRefusedError("unknown_key")
    if algorithm not in key.algorithms:
        raise TokenRefusedError("alg_of_key")
    return key, algorithm


def _keys() -> Key | KeySet:
    """The source of keys in the settings. Raises AuthUnavailable if there is none."""
    if settings.JWT_KEY:
        key = configured_key(settings.JWT_KEY)
        if key.algorithms.isdisjoint(settings.JWT_ALGORITHMS):
            logger.error("JWT_KEY can be used with none of JWT_ALGORITHMS")
            raise AuthUnavailable
        return key
    if settings.JWT_JWKS_URL:
        return key_set(settings.JWT_JWKS_URL)
    logger.error("neither JWT_KEY nor JWT_JWKS_URL is set")
    raise AuthUnavailable
