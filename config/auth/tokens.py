"""Verification of a bearer token: its signature and claims, before anything else is done.

The keys come from JWT_KEY (a public key in PEM, or a shared secret) or else from the issuer's
published set at JWT_JWKS_URL. A key has its algorithms, JWT_ALGORITHMS restricts them, and the
header of a token can only agree: so a public key can never be used as a shared secret. For opaque
tokens see introspection.py. A caller
learns that a token is refused, but not why: the reason is a short code in the log.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
import time
from dataclasses import dataclass
from typing import Any

import jwt
import structlog
from django.conf import settings

from config.auth.claims import LEEWAY_S, check_claim_types, user_id_of
from config.auth.errors import AuthUnavailable, TokenRefusedError
from config.auth.introspection import introspected_user_id
from config.auth.jwks import KeySet, key_set
from config.auth.keys import Key, configured_key
from config.parsers import InvalidJSONError, load_object

logger = structlog.get_logger(__name__)

MAX_HEADER_CHARS = 8 * 1024

BEARER = re.compile(r"bearer +([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII | re.IGNORECASE)
# Members of a header that name a key, or change how the token is to be read (RFC 7515, section 4.1,
# RFC 7516, RFC 7797). Others, such as `x5t` and `cty`, are ignored.
REFUSED_MEMBERS = {"b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"}
TYPES = {"jwt", "at+jwt"}
MAX_USER_NUMBER = 2**63 - 1  # ids from a database's 64-bit column


@dataclass(frozen=True, kw_only=True)
class _Verified:
    user_id: str
    verified_at: float
    ends_at: float
    header: dict[str, Any]
    key: tuple[Key, str]


# By the hash of each token that was verified: a caller sends the same one many times.
_verified: dict[bytes, _Verified] = {}
MAX_REMEMBERED = 10_000


def verified_user_id(authorization: str) -> str:
    """The user id in the token of an Authorization header.

    With AUTH_INTROSPECTION_URL the authentication service is asked about what is no JWT, and about
    every token if there are no keys. Raises TokenRefusedError, and AuthUnavailable while there is
    no key to verify with or the service does not respond.
    """
    if len(authorization) > MAX_HEADER_CHARS:
        raise TokenRefusedError("too_long")
    # A server joins several such headers with a comma, which this pattern does not match.
    match = BEARER.fullmatch(authorization)
    if settings.AUTH_INTROSPECTION_URL and not (match and _has_keys() and _is_jwt(match[1])):
        return introspected_user_id(authorization)
    if match is None:
        raise TokenRefusedError("malformed")
    digest = _digest(match[0])
    known = _verified.get(digest)
    # Its key must still be in use. All else that was checked stays true until the token ends,
    # unless the clock was set back.
    if (
        known
        and known.verified_at <= time.time() < known.ends_at
        and _key_for(known.header) == known.key
    ):
        return known.user_id
    verified = _verify(match)
    if len(_verified) >= MAX_REMEMBERED:
        _verified.clear()
    _verified[digest] = verified
    return verified.user_id


def _digest(token: str) -> bytes:
    """Names a token, with the settings that it was verified by."""
    by = (
        settings.JWT_ISSUER,
        settings.JWT_AUDIENCE,
        settings.JWT_USER_CLAIM,
        settings.JWT_MAX_LIFETIME_HOURS,
    )
    return hashlib.sha256(f"{by} {token}".encode()).digest()


def _verify(token: re.Match[str]) -> _Verified:
    header = _json_part(token[1])
    claims = _json_part(token[2])
    check_claim_types(claims)
    key, algorithm = _key_for(header)
    try:
        jwt.decode(
            ".".join(token.groups()),
            key.material,
            algorithms=[algorithm],
            leeway=LEEWAY_S,
            issuer=settings.JWT_ISSUER or None,
            audience=settings.JWT_AUDIENCE or None,
            options={
                "require": ["exp"],
                "verify_aud": bool(settings.JWT_AUDIENCE),
                "verify_sub": False,  # it may be a number here; user_id_of checks it
                "verify_jti": False,
            },
        )
    except jwt.PyJWTError as error:
        raise TokenRefusedError(type(error).__name__) from error
    # Without `iat` it is bounded from now on.
    issued_at = claims.get("iat", time.time() + LEEWAY_S)
    if claims["exp"] - issued_at > max_lifetime().total_seconds():
        raise TokenRefusedError("life_too_long")
    return _Verified(
        user_id=user_id_of(claims),
        verified_at=time.time(),
        ends_at=claims["exp"],
        header=header,
        key=(key, algorithm),
    )


def can_verify() -> bool:
    """Whether a valid token would be accepted right now. May fetch the key set."""
    if settings.AUTH_INTROSPECTION_URL and not _has_keys():
        return True
    try:
        keys = _keys()
    except AuthUnavailable:
        return False
    return keys.is_ready() if isinstance(keys, KeySet) else True


def max_lifetime() -> dt.timedelta:
    return dt.timedelta(hours=settings.JWT_MAX_LIFETIME_HOURS)


def _has_keys() -> bool:
    return bool(settings.JWT_KEY or settings.JWT_JWKS_URL)


def _is_jwt(header: str) -> bool:
    """An opaque token may have two dots as well."""
    try:
        return "alg" in _json_part(header)
    except TokenRefusedError:
        return False


def _json_part(part: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return load_object(text, max_integer=MAX_USER_NUMBER)
    except binascii.Error as error:
        raise TokenRefusedError("bad_base64") from error
    except InvalidJSONError as error:
        raise TokenRefusedError("bad_json") from error


def _key_for(header: dict[str, Any]) -> tuple[Key, str]:
    """The key that a token's header names, and the algorithm to use it with."""
    if not header.keys().isdisjoint(REFUSED_MEMBERS):
        raise TokenRefusedError("header_name")
    if not all(isinstance(header.get(name, ""), str) for name in ("alg", "kid", "typ")):
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
