"""OAuth 2.0 as the platforms speak it: the address to send a browser to, and the token calls.

Own code rather than a library: the libraries refresh on their own, where ours has to happen behind
a lease; they accept answers without a token, and break on loopback http and on narrowed scopes.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from socialpublishing.crypto import Secret
from socialpublishing.errors import OAuthConnectionError


@dataclass(frozen=True, kw_only=True)
class OAuth:
    """How one platform does it. Paths are below its `auth` and `api` hosts."""

    authorize_path: str
    token_path: str
    scopes: tuple[str, ...]
    scope_separator: str = " "
    # "basic": id and secret in the Authorization header; "body": as form fields.
    client_auth: str = "body"
    client_id_parameter: str = "client_id"
    pkce: bool = True
    # RFC 7636 writes the challenge in base64url; one platform wants it in hex.
    challenge_encoding: str = "base64url"
    # What the consent page wants to be told beside the usual.
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    # Without these of them nothing can be published.
    publish_scopes: frozenset[str] = frozenset()
    # A rotating refresh token dies when it is shown: showing it twice may end the whole grant.
    rotates_refresh_token: bool = False
    # How long a token lives when its answer does not say.
    default_lifetime: dt.timedelta = dt.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a token endpoint granted. `scopes` is None where the answer names none."""

    access_token: Secret
    refresh_token: Secret | None = None
    lifetime: dt.timedelta | None = None
    refresh_lifetime: dt.timedelta | None = None
    scopes: tuple[str, ...] | None = None


def new_verifier() -> Secret:
    """A PKCE code verifier (RFC 7636): 86 characters of its alphabet."""
    return Secret(secrets.token_urlsafe(64))


def authorization_url(
    oauth: OAuth, *, base_url: str, client_id: str, redirect_uri: str, state: str, verifier: Secret
) -> str:
    """Where the browser goes to ask its person for consent."""
    params = {
        "response_type": "code",
        oauth.client_id_parameter: client_id,
        "redirect_uri": redirect_uri,
        "scope": oauth.scope_separator.join(oauth.scopes),
        "state": state,
        **oauth.authorize_params,
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
    """The tokens in a token endpoint's answer. Raises OAuthConnectionError on anything less."""
    if not isinstance(response, dict):
        raise _unusable("is no JSON object")
    access, refresh = response.get("access_token"), response.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise _unusable("holds no access token")
    if str(response.get("token_type", "bearer")).lower() != "bearer":
        raise _unusable("is not for a bearer token")
    scope = response.get("scope")
    # Each platform names it its own way; none of the names means anything else anywhere.
    refresh_life = response.get("refresh_token_expires_in") or response.get("refresh_expires_in")
    return Tokens(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        lifetime=_lifetime(response.get("expires_in"), oauth.default_lifetime),
        refresh_lifetime=_lifetime(refresh_life, oauth.default_lifetime) if refresh_life else None,
        scopes=tuple(scope.replace(",", " ").split()) if isinstance(scope, str) else None,
    )


def _lifetime(seconds: Any, default: dt.timedelta) -> dt.timedelta:
    if seconds is None:
        return default
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:12])
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise _unusable("names no usable lifetime")
    # No platform grants a token for longer than a year.
    return dt.timedelta(seconds=min(seconds, 366 * 86400))


def _unusable(why: str) -> OAuthConnectionError:
    return OAuthConnectionError("oauth_failed", f"The platform's token answer {why}.")
