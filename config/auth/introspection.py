"""Opaque tokens: the authentication service reports whose they are (RFC 7662).

A response is kept for a moment, by a hash of its token: an active one for a minute at most, so
that a token that is withdrawn is refused soon. Without a usable response nobody is let in.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections import OrderedDict
from typing import Any
from urllib.parse import quote_plus

import structlog
from django.conf import settings

from config.auth.claims import LEEWAY_S, check_claim_types, user_id_of
from config.auth.errors import AuthUnavailable, TokenRefusedError
from config.auth.fetching import FETCH_ERRORS, fetch
from config.parsers import InvalidJSONError, load_object

logger = structlog.get_logger(__name__)

# RFC 6750, section 2.1.
OPAQUE = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.ASCII | re.IGNORECASE)
TIMEOUT_S = 2
MAX_BYTES = 64 * 1024
ACTIVE_S, INACTIVE_S = 60, 5
MAX_KEPT = 10_000
# More requests at a time wait, so that a slow service does not use up the threads of this one.
MAX_REQUESTS = 16
# Of a token that is sent as it is. Tokens bound to a key (DPoP) need a proof that we do not check.
TOKEN_TYPES = {"bearer", "access_token"}

_requests = threading.BoundedSemaphore(MAX_REQUESTS)


class Kept:
    """The latest verdicts: the user id, or why the token is refused. Safe for many threads."""

    def __init__(self) -> None:
        self._verdicts: OrderedDict[tuple[str, bytes], tuple[float, float, str, str]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def find(self, key: tuple[str, bytes]) -> tuple[str, str] | None:
        now = time.time()
        with self._lock:
            at, until, user_id, reason = self._verdicts.get(key, (0.0, 0.0, "", ""))
        # One from the future: the clock was set back.
        return (user_id, reason) if at <= now < until else None

    def keep(self, key: tuple[str, bytes], seconds: float, user_id: str, reason: str = "") -> None:
        now = time.time()
        with self._lock:
            self._verdicts[key] = (now, now + seconds, user_id, reason)
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > MAX_KEPT:
                self._verdicts.popitem(last=False)


_kept = Kept()


def introspected_user_id(authorization: str) -> str:
    """The user id of an opaque token, as the authentication service reports it.

    Raises TokenRefusedError, and AuthUnavailable without a usable response.
    """
    match = OPAQUE.fullmatch(authorization)
    if match is None:
        raise TokenRefusedError("malformed")
    url = settings.AUTH_INTROSPECTION_URL
    key = (url, hashlib.sha256(match[1].encode()).digest())
    verdict = _kept.find(key) or _verdict(url, match[1], key)
    user_id, reason = verdict
    if reason:
        raise TokenRefusedError(reason)
    return user_id


def _verdict(url: str, token: str, key: tuple[str, bytes]) -> tuple[str, str]:
    claims = _ask(url, token)
    try:
        if not claims["active"]:
            raise TokenRefusedError("inactive")
        user_id = _checked(claims)
    except TokenRefusedError as reason:
        _kept.keep(key, INACTIVE_S, "", str(reason))
        return "", str(reason)
    left = claims["exp"] - time.time() if "exp" in claims else ACTIVE_S
    _kept.keep(key, min(ACTIVE_S, left), user_id)
    return user_id, ""


def _ask(url: str, token: str) -> dict[str, Any]:
    """The claims of the response. Raises AuthUnavailable."""
    if not _requests.acquire(timeout=TIMEOUT_S):
        raise AuthUnavailable
    try:
        body = fetch(
            url,
            timeout_s=TIMEOUT_S,
            max_bytes=MAX_BYTES,
            form={"token": token, "token_type_hint": "access_token"},
            headers=_client_authentication(),
        )
        claims = load_object(body, max_integer=2**63 - 1)
        if not isinstance(claims.get("active"), bool):
            raise ValueError("no member `active`")
    except (*FETCH_ERRORS, InvalidJSONError) as error:
        # By its class where the message may quote what was received.
        reason = str(error) if type(error) is ValueError else type(error).__name__
        logger.warning("token not introspected", reason=reason[:200])
        raise AuthUnavailable from None
    finally:
        _requests.release()
    return claims


def _client_authentication() -> dict[str, str]:
    """RFC 6749, section 2.3.1: both are form-encoded first."""
    client, secret = (
        settings.AUTH_INTROSPECTION_CLIENT_ID,
        settings.AUTH_INTROSPECTION_CLIENT_SECRET,
    )
    if not client:
        return {}
    pair = f"{quote_plus(client)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _checked(claims: dict[str, Any]) -> str:
    """The user id, after the checks that a JWT's claims get too."""
    check_claim_types(claims)
    now = time.time()
    if "exp" in claims and claims["exp"] <= now:
        raise TokenRefusedError("expired")
    if "nbf" in claims and claims["nbf"] > now + LEEWAY_S:
        raise TokenRefusedError("not_yet_valid")
    if settings.JWT_ISSUER and claims.get("iss") != settings.JWT_ISSUER:
        raise TokenRefusedError("issuer")
    audience = claims.get("aud", [])
    audiences = audience if isinstance(audience, list) else [audience]
    if settings.JWT_AUDIENCE and settings.JWT_AUDIENCE not in audiences:
        raise TokenRefusedError("audience")
    token_type = claims.get("token_type") or "bearer"
    if not isinstance(token_type, str) or token_type.lower() not in TOKEN_TYPES:
        raise TokenRefusedError("token_type")
    return user_id_of(claims)
