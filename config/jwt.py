"""Who is calling: a bearer token's signature and claims, checked before anything else is done.

The keys come from JWT_KEY (a public key in PEM, or a shared secret) or else from the issuer's
published set at JWT_JWKS_URL. A key brings its algorithms, JWT_ALGORITHMS narrows them, and the
header of a token can only agree: so a public key can never be used as a shared secret. Callers
learn that a token is refused, never why: the reason is a short code in the log.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import jwt
import requests
import structlog
import urllib3
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from config.parsers import InvalidJSONError, load_object

logger = structlog.get_logger(__name__)

CHALLENGE = 'Bearer realm="social-publishing"'
MAX_HEADER_CHARS = 8 * 1024
LEEWAY_S = 30
MAX_LIFE = dt.timedelta(hours=24)

BEARER = re.compile(r"bearer +([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII | re.IGNORECASE)
HEADER_NAMES = {"alg", "kid", "typ"}
TYPES = {"jwt", "at+jwt"}
USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
MAX_USER_NUMBER = 2**63 - 1  # ids from a database's 64-bit column

HMAC = frozenset({"HS256", "HS384", "HS512"})
RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
JWKS_TIMEOUT_S = 3
JWKS_MAX_BYTES = 512 * 1024
JWKS_FRESH_S = 290  # a removed key is refused within 5 minutes, the fetch included
JWKS_STALE_S = 24 * 3600
JWKS_PAUSE_S = 30  # between fetches for unknown keys, and after a failure
JWKS_COLD_PAUSE_S = 5  # after a failure while we have no keys at all


class InvalidToken(AuthenticationFailed):
    default_code = "invalid_token"
    default_detail = "The access token is not valid."


class AuthUnavailable(APIException):
    """We have no key to check a token with: none is configured, or the key set cannot be had."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "auth_unavailable"
    default_detail = "Access tokens cannot be checked right now."
    wait = JWKS_COLD_PAUSE_S  # DRF makes Retry-After of it


class TokenRefusedError(Exception):
    """A token is not good enough; the message is the short code for the log."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The user in whose name a request is made. No row stands behind it: the id is the issuer's."""

    user_id: str
    is_authenticated: ClassVar = True

    @property
    def pk(self) -> str:
        return self.user_id


class BearerAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer <JWT>`, and a token from nowhere else."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The caller, or None when no token was sent.

        Raises InvalidToken, and AuthUnavailable when nobody could tell.
        """
        if not _sends_token(request):
            return None
        try:
            user_id = verified_user_id(request.META["HTTP_AUTHORIZATION"])
        except TokenRefusedError as reason:
            logger.info("token refused", reason=str(reason))
            raise InvalidToken from None
        structlog.contextvars.bind_contextvars(user_id=user_id)
        return Caller(user_id=user_id), None

    def authenticate_header(self, request: Request) -> str:
        return f'{CHALLENGE}, error="invalid_token"' if _sends_token(request) else CHALLENGE


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def key_set_ready() -> bool:
    """Could a good token be recognised now? For the readiness probe; may fetch the key set."""
    try:
        keys = _keys()
    except AuthUnavailable:
        return False
    return keys.ready() if isinstance(keys, KeySet) else True


def sign_dev_token(user_id: str, *, lifetime: dt.timedelta) -> str:
    """A token for `user_id` that this service takes, signed with its own JWT_KEY.

    Raises ImproperlyConfigured unless JWT_KEY is a shared secret and JWT_ALGORITHMS lists an HS
    algorithm, ValueError for a user id or a lifetime that we would refuse.
    """
    algorithm = next((name for name in settings.JWT_ALGORITHMS if name in HMAC), None)
    if algorithm is None or not settings.JWT_KEY or _is_pem(settings.JWT_KEY):
        raise ImproperlyConfigured(
            "Tokens for development need a shared secret in JWT_KEY and HS256 in JWT_ALGORITHMS."
        )
    if not USER_ID.fullmatch(user_id):
        raise ValueError(f"No user id: {user_id[:40]!r}.")
    if lifetime > MAX_LIFE:
        raise ValueError(f"No token may live longer than {MAX_LIFE}.")
    now = dt.datetime.now(dt.UTC)
    claims = {settings.JWT_USER_CLAIM: user_id, "iat": now, "nbf": now, "exp": now + lifetime}
    if settings.JWT_ISSUER:
        claims["iss"] = settings.JWT_ISSUER
    if settings.JWT_AUDIENCE:
        claims["aud"] = settings.JWT_AUDIENCE
    return jwt.encode(claims, settings.JWT_KEY, algorithm=algorithm)


# --- A token -------------------------------------------------------------------------------------


def _sends_token(request: Request) -> bool:
    """Is there a bearer token, of whatever quality? Another scheme or the bare word is none."""
    words = request.META.get("HTTP_AUTHORIZATION", "").split(maxsplit=1)
    return len(words) == 2 and words[0].lower() == "bearer"


def verified_user_id(authorization: str) -> str:
    """The user id in the token of an Authorization header.

    Raises TokenRefusedError, and AuthUnavailable while there is no key to check with.
    """
    if len(authorization) > MAX_HEADER_CHARS:
        raise TokenRefusedError("too_long")
    # A server joins several such headers with a comma, which this does not match.
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
                "verify_sub": False,  # it may be a number here; _user_id looks at it
                "verify_jti": False,
            },
        )
    except jwt.PyJWTError as error:
        raise TokenRefusedError(type(error).__name__) from error
    if "iat" in claims and claims["exp"] - claims["iat"] > MAX_LIFE.total_seconds():
        raise TokenRefusedError("life_too_long")
    return _user_id(claims)


def _json_part(part: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return load_object(text, max_integer=MAX_USER_NUMBER)
    except binascii.Error as error:
        raise TokenRefusedError("bad_base64") from error
    except InvalidJSONError as error:
        raise TokenRefusedError("bad_json") from error


def _check_claim_types(claims: dict[str, Any]) -> None:
    # Here, because the library compares what it finds: True is 1, and a text may be a number.
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
    if type(value) is int and value > 0:  # a bool is an int, but not of that type
        return str(value)
    if isinstance(value, str) and USER_ID.fullmatch(value):
        return value
    raise TokenRefusedError("user_id_form")


# --- Keys ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a signature is checked with, and the algorithms that this key may be used for."""

    kid: str | None = None
    material: Any
    algorithms: frozenset[str]


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
    """Where keys come from by the settings. Raises AuthUnavailable if they give none."""
    if settings.JWT_KEY:
        key = _configured_key(settings.JWT_KEY)
        if key.algorithms.isdisjoint(settings.JWT_ALGORITHMS):
            logger.error("JWT_KEY can be used with none of JWT_ALGORITHMS")
            raise AuthUnavailable
        return key
    if settings.JWT_JWKS_URL:
        return key_set(settings.JWT_JWKS_URL)
    logger.error("neither JWT_KEY nor JWT_JWKS_URL is set")
    raise AuthUnavailable


def _is_pem(text: str) -> bool:
    return text.lstrip().startswith("-----BEGIN")


@functools.lru_cache(maxsize=4)
def _configured_key(text: str) -> Key:
    if not _is_pem(text):
        return Key(material=text, algorithms=HMAC)
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return Key(material=None, algorithms=frozenset())
    return Key(material=public, algorithms=_algorithms(public))


def _algorithms(key: object) -> frozenset[str]:
    """What `key` may verify. Nothing, if it is secret, private, weak or of a kind unknown here."""
    match key:
        case RSAPublicKey() if key.key_size >= 2048:
            return RSA
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return frozenset({CURVES[key.curve.name]})
        case Ed25519PublicKey():
            return frozenset({"EdDSA"})
    return frozenset()


# --- The issuer's key set ------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def key_set(url: str) -> KeySet:
    """The one KeySet of this process for `url`."""
    return KeySet(url)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The keys of one fetch by their ids, and its time."""

    keys: Mapping[str | None, Key]
    at: float


class KeySet:
    """The issuer's published keys, fetched when needed and kept in memory. For many threads.

    Times are of the wall clock, as those in the tokens. After the clock was set back, the set looks
    as if it came from the future, and is fetched anew.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._loaded = Loaded(keys={}, at=-math.inf)  # replaced whole: readers need no lock
        self._paused_until = -math.inf
        self._fetching = threading.Lock()
        self._ignored: list[int] = []

    def find(self, kid: str | None) -> Key | None:
        """The key named `kid`; without a name, the only one there is.

        Raises AuthUnavailable while we have no set, or one that is more than 24 hours old.
        """
        self._refresh(kid)
        if self._age() > JWKS_STALE_S:
            raise AuthUnavailable
        return self._known(kid)

    def ready(self) -> bool:
        """Have we keys that are not too old? Fetches them if it is time to."""
        self._refresh(next(iter(self._loaded.keys), None))
        return bool(self._loaded.keys) and self._age() <= JWKS_STALE_S

    def _known(self, kid: str | None) -> Key | None:
        keys = self._loaded.keys
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(kid)

    def _age(self) -> float:
        age = time.time() - self._loaded.at
        return age if age >= 0 else JWKS_FRESH_S

    def _needs_fetch(self, kid: str | None) -> bool:
        return self._age() >= JWKS_FRESH_S or self._known(kid) is None

    def _refresh(self, kid: str | None) -> None:
        """Fetches the set if it is old or lacks `kid`, unless that was tried a moment ago."""
        if not self._needs_fetch(kid):
            return
        # One thread fetches. The others go on with the key they have, or wait for what comes.
        if not self._fetching.acquire(timeout=0 if self._known(kid) else JWKS_TIMEOUT_S):
            return
        try:
            now = time.time()
            # The second half: a clock that was set back must not make the pause longer.
            paused = now < self._paused_until <= now + JWKS_PAUSE_S
            if self._needs_fetch(kid) and not paused:
                self._fetch(now)
        finally:
            self._fetching.release()

    def _fetch(self, now: float) -> None:
        age = self._age()
        try:
            published = _published_keys(self.url)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            logger.warning("key set not loaded", reason=f"{type(error).__name__}: {error}"[:200])
            self._paused_until = now + (JWKS_PAUSE_S if age <= JWKS_STALE_S else JWKS_COLD_PAUSE_S)
            return
        if age < JWKS_FRESH_S:  # then it was for an unknown key, and anybody can invent those
            self._paused_until = now + JWKS_PAUSE_S
        keys = [_parsed(entry) for entry in published]
        # Of two keys with one name neither is taken: nobody can say which one a token means.
        names = Counter(key.kid for key in keys if key)
        usable = {key.kid: key for key in keys if key and names[key.kid] == 1}
        self._loaded = Loaded(keys=usable, at=now)
        ignored = [place for place, key in enumerate(keys) if not key or key.kid not in usable]
        if ignored and ignored != self._ignored:
            logger.warning("keys of the set ignored", places=ignored)
        self._ignored = ignored


def _parsed(entry: Any) -> Key | None:
    """A published key, or None if it is not one to verify signatures with."""
    try:
        kid = entry.get("kid")
        material = jwt.PyJWK(entry).key
    except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
        return None  # the set is another's: any nonsense may stand in it
    algorithms = _algorithms(material)
    if "alg" in entry:
        algorithms &= {entry["alg"]}
    if not algorithms or entry.get("use", "sig") != "sig" or not isinstance(kid, str | None):
        return None
    return Key(kid=kid, material=material, algorithms=algorithms)


def _published_keys(url: str) -> list[Any]:
    """The members of the key set at `url`, unread.

    Raises ValueError for an address or an answer that we do not take.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("not https")
    try:
        document = json.loads(_downloaded(url))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("no key set")
    return list(document["keys"])


def _downloaded(url: str) -> bytes:
    deadline = time.monotonic() + JWKS_TIMEOUT_S
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=(JWKS_TIMEOUT_S, JWKS_TIMEOUT_S),
            allow_redirects=False,
            stream=True,
        )
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        body = b""
        # In pieces as they come, so that an answer in drops ends at the deadline.
        while piece := response.raw.read1(64 * 1024):
            body += piece
            if len(body) > JWKS_MAX_BYTES:
                raise ValueError("too large")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("too slow")
        return body
