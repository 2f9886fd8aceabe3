"""OAuth 2.0 for the platforms: authorization URLs and token responses.

Own code and no library: libraries refresh tokens by themselves, but here a lease must protect the
refresh; they accept responses without a token, and fail on loopback http and on narrowed scopes.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from socialpublishing.crypto import Secret
from socialpublishing.errors import MalformedResponseError

# Visible ASCII (RFC 6749, appendix A): nothing else can be sent in a header. No token of a platform
# comes near this length.
TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
# RFC 6749, section 3.3, without the comma, which some platforms put between scopes.
SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,128}")
MAX_SCOPES = 200


@dataclass(frozen=True, kw_only=True)
class OAuth:
    """The OAuth parameters of one platform. Paths are relative to its `auth` and `api` hosts."""

    authorize_path: str
    token_path: str
    # Those that every consent asks for, and those whose absence only takes features away. Settings
    # replace both (platforms/app.py).
    scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...] = ()
    # Of features for which a platform reviews the app apart: consents of an app without them fail.
    # Asked for by setting; in sandbox mode, where the app has them all, by default.
    reviewed_scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    # "basic": id and secret in the Authorization header; "body": as form fields.
    client_auth: str = "body"
    client_id_parameter: str = "client_id"
    pkce: bool = True
    # RFC 7636 writes the challenge in base64url; one platform wants it in hex.
    challenge_encoding: str = "base64url"
    # Further parameters of the consent page.
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    # The scopes without which nothing can be published.
    publish_scopes: frozenset[str] = frozenset()
    # A rotating refresh token is valid once. Sending it twice may revoke all tokens of the account.
    rotates_refresh_token: bool = False
    # The lifetime of a token if its response names none. None: such a token has no end.
    default_lifetime: dt.timedelta | None = dt.timedelta(hours=1)
    # That of a refresh token, if no response names it. None: unknown, or without an end.
    refresh_lifetime: dt.timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens of a token response.

    `lifetime` is None for a token without an end. `scopes` is None if the response names none, and
    empty if it names them in a form that we cannot read.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    lifetime: dt.timedelta | None = None
    refresh_lifetime: dt.timedelta | None = None
    scopes: tuple[str, ...] | None = None


def new_verifier() -> Secret:
    """A PKCE code verifier (RFC 7636): 86 characters of its alphabet."""
    return Secret(secrets.token_urlsafe(64))


def authorization_url(
    oauth: OAuth,
    *,
    base_url: str,
    client_id: str,
    redirect_uri: str,
    state: str,
    verifier: Secret,
    params: Mapping[str, str],
) -> str:
    """The URL of the consent page, for the user's browser. `params` are those of the app."""
    params = {
        "response_type": "code",
        oauth.client_id_parameter: client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        **params,
    }
    if oauth.pkce:
        digest = hashlib.sha256(verifier.reveal().encode())
        params["code_challenge"] = (
            digest.hexdigest()
            if oauth.challenge_encoding == "hex"
            else base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        )
        params["code_challenge_method"] = "S256"
    return f"{base_url}{oauth.authorize_path}?{urlencode(params)}"


def read_tokens(response: Any, oauth: OAuth) -> Tokens:
    """The tokens of a token response. Raises MalformedResponseError for an unusable response."""
    if not isinstance(response, dict):
        raise _unusable("is not a JSON object")
    access = read_token(response.get("access_token"))
    refresh = response.get("refresh_token")
    if str(response.get("token_type", "bearer")).lower() != "bearer":
        raise _unusable("is not for a bearer token")
    # Platforms use different names. No platform uses one of them with another meaning.
    refresh_lifetime = response.get("refresh_token_expires_in") or response.get(
        "refresh_expires_in"
    )
    return Tokens(
        access_token=access,
        refresh_token=None if refresh in (None, "") else read_token(refresh),
        lifetime=_lifetime(response.get("expires_in"), oauth.default_lifetime),
        refresh_lifetime=_lifetime(refresh_lifetime, oauth.default_lifetime)
        if refresh_lifetime
        else (oauth.refresh_lifetime if refresh else None),
        scopes=read_scopes(response.get("scope")),
    )


def read_token(value: Any) -> Secret:
    """An access or refresh token. Raises MalformedResponseError for what cannot be one."""
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise _unusable("has no usable token")
    return Secret(value)


def read_scopes(granted: Any) -> tuple[str, ...] | None:
    """From a string with spaces or commas (RFC 6749 has spaces), or a list.

    None: the response names none, so they are those that were asked for (RFC 6749, section 5.1).
    Empty: it names them in another form, so they are unknown.
    """
    if granted is None:
        return None
    if isinstance(granted, str):
        granted = granted.replace(",", " ").split(" ")
    if not isinstance(granted, list) or len(granted) > MAX_SCOPES:
        return ()
    scopes = [scope for scope in granted if scope != ""]
    if not all(isinstance(scope, str) and SCOPE.fullmatch(scope) for scope in scopes):
        return ()
    return tuple(dict.fromkeys(scopes)) or None


def _lifetime(seconds: Any, default: dt.timedelta | None) -> dt.timedelta | None:
    if seconds is None or (seconds == 0 and default is None):
        return default
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:12])
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise _unusable("has no usable lifetime")
    # No platform grants a token for longer than a year.
    return dt.timedelta(seconds=min(seconds, 366 * 86400))


def _unusable(reason: str) -> MalformedResponseError:
    return MalformedResponseError(f"The platform's token response {reason}.")
