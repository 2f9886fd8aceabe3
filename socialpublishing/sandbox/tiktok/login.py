"""OAuth 2.0 in TikTok's variant: client_key, commas, a challenge in hex, rotating tokens.

https://developers.tiktok.com/docs/en/login-kit-web
https://developers.tiktok.com/docs/en/oauth-user-access-token-management
"""

import functools
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.http import SandboxRequest, View, json_response
from socialpublishing.sandbox.state import AuthorizationGrant, State
from socialpublishing.sandbox.tiktok.errors import error, oauth_error
from socialpublishing.sandbox.tokens import end_grant, live_token, mint_token, usable_code

NAME = "tiktok"
LABEL = "TikTok"

CODE_LIFE_S = 600  # a guess: undocumented
LIFETIMES_S = {"new": (7200, 180 * 86400), "old": (86400, 365 * 86400)}

SCOPES = {
    "user.info.basic": "See your name and picture",
    "user.info.profile": "See your profile",
    "user.info.stats": "See your numbers",
    "video.publish": "Publish videos and photos",
    "video.upload": "Upload drafts to your inbox",
    "video.list": "See your public videos",
}
DEFAULT_SCOPES = tuple(SCOPES)


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of_request(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    requested = params["scope"].split(",")
    scopes = {scope: SCOPES[scope] for scope in requested}
    consent = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes=scopes, can_pick=True
    )
    account = oauth.consenting_account(
        request, consent, error="access_denied", error_description="The user denied the request"
    )
    granted = set(oauth.checked_boxes(request, "scope", requested))
    grant = AuthorizationGrant(account=account, scopes=granted, declined=set(requested) - granted)
    # TikTok's codes hold characters that a client has to URL-decode, once.
    value = f"{oauth.random_text(60)}*0!{oauth.random_text(8)}"
    code = oauth.add_code(request.state, grant, value, params)
    scopes_returned = ",".join(sorted(granted))
    return oauth.send_back(
        params["redirect_uri"], code=code.value, scopes=scopes_returned, **oauth.state_of(params)
    )


def _fault_of_request(params: dict[str, str]) -> str:
    requested = [scope for scope in params.get("scope", "").split(",") if scope]
    if params.get("client_key") != oauth.client_id(NAME):
        return "We couldn't log in with TikTok: client_key"
    redirect_uri = params.get("redirect_uri", "")
    parts = urlsplit(redirect_uri)
    if not oauth.is_redirect_uri(redirect_uri) or parts.query or parts.fragment:
        return "We couldn't log in with TikTok: redirect_uri"
    if params.get("response_type") != "code":
        return "We couldn't log in with TikTok: response_type"
    if not requested or any(scope not in SCOPES for scope in requested):
        return "We couldn't log in with TikTok: scope"
    return "" if params.get("state") else "We couldn't log in with TikTok: state"


def token(request: SandboxRequest) -> HttpResponse:
    if request.content_type != "application/x-www-form-urlencoded":
        return _refuse(request.state, "invalid_request", "The request is not form encoded.")
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_key", ""), form.get("client_secret", "")):
        return _refuse(request.state, "invalid_client", "Client key or secret is incorrect.")
    with request.state.lock:
        match form.get("grant_type"):
            case "authorization_code":
                return _exchange(request.state, form)
            case "refresh_token":
                return _refresh(request.state, form)
    return _refuse(request.state, "unsupported_grant_type", "The grant type is not supported.")


def _refuse(state: State, code: str, description: str) -> HttpResponse:
    """With the setting "200", as TikTok's own sandbox responds."""
    status = 200 if state.setting("tiktok_oauth_errors") == "200" else 400
    return oauth_error(code, description, status)


def _exchange(state: State, form: dict[str, str]) -> HttpResponse:
    code = usable_code(state, NAME, form.get("code", ""), lifetime_s=CODE_LIFE_S)
    if code is None:
        return _refuse(state, "invalid_grant", "Authorization code is invalid or expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        return _refuse(state, "invalid_request", "Redirect_uri is not matched with the uri before.")
    if code.challenge:
        # In hex, where RFC 7636 has base64url.
        expected = hashlib.sha256(form.get("code_verifier", "").encode()).hexdigest()
        if not hmac.compare_digest(expected, code.challenge):
            return _refuse(state, "invalid_request", "Code verifier or code challenge is invalid.")
    code.is_used = True
    return json_response(issue(state, code.grant))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = live_token(state, NAME, form.get("refresh_token", ""), "refresh")
    if old is None:
        return _refuse(state, "invalid_grant", "Refresh token is invalid or expired.")
    old.is_revoked = True
    return json_response(issue(state, old.grant))


def issue(state: State, grant: AuthorizationGrant) -> dict[str, Any]:
    access_s, refresh_s = LIFETIMES_S[state.setting("tiktok_token_lives")]
    access, refresh = f"act.{oauth.random_text(64)}", f"rft.{oauth.random_text(64)}"
    return {
        "access_token": mint_token(state, grant, "access", access, access_s),
        "expires_in": access_s,
        "open_id": grant.account.id,
        "refresh_token": mint_token(state, grant, "refresh", refresh, refresh_s),
        "refresh_expires_in": refresh_s,
        "scope": ",".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }


def revoke(request: SandboxRequest) -> HttpResponse:
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_key", ""), form.get("client_secret", "")):
        return _refuse(request.state, "invalid_client", "Client key or secret is incorrect.")
    end_grant(request.state, NAME, form.get("token", ""))
    return json_response({})


# --- The checks of each request ------------------------------------------------------------------


def requires_token(
    *scopes: str, calls_per_minute: int
) -> Callable[[Callable[..., HttpResponse]], View]:
    """For a view that requires a token with one of `scopes`. It gets the token's grant."""

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            token = live_token(request.state, NAME, request.bearer, "access")
            if token is None:
                message = "The access token is invalid or not found in the request."
                return error(401, "access_token_invalid", message)
            if not token.grant.scopes & set(scopes):
                message = "The user did not authorize the scope required for completing this call."
                return error(401, "scope_not_authorized", message)
            facts, path = token.account.facts, request.path_info
            if not _is_within_rate_limit(request.state, facts, path, calls_per_minute):
                message = "The API rate limit was exceeded. Please try again later."
                return error(429, "rate_limit_exceeded", message)
            return view(request, token.grant, **kwargs)

        return checked

    return wrap


def _is_within_rate_limit(state: State, facts: dict[str, Any], path: str, limit: int) -> bool:
    """Over a sliding window of a minute by default, for each account and path."""
    with state.lock:
        calls: deque[float] = facts.setdefault("calls", {}).setdefault(path, deque())
        now = state.now()
        while calls and calls[0] <= now - state.setting("tiktok_limit_seconds"):
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True
