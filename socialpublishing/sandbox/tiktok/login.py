"""OAuth 2.0 as TikTok speaks it: client_key, commas, a challenge in hex, tokens that rotate.

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

NAME = "tiktok"
LABEL = "TikTok"

CODE_LIFE_S = 600  # how long is told nowhere
LIVES_S = {"new": (7200, 180 * 86400), "old": (86400, 365 * 86400)}
MINUTE_S = 60

SCOPES = {
    "user.info.basic": "See your name and picture",
    "user.info.profile": "See your profile",
    "user.info.stats": "See your numbers",
    "video.publish": "Publish videos and photos",
    "video.upload": "Upload drafts to your inbox",
    "video.list": "See your public videos",
}
USUAL_SCOPES = tuple(SCOPES)


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    asked = params["scope"].split(",")
    scopes = {scope: SCOPES[scope] for scope in asked}
    ask = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes=scopes, can_pick=True
    )
    account = oauth.consenting_account(
        request, ask, error="access_denied", error_description="The user denied the request"
    )
    granted = set(oauth.checked_boxes(request, "scope", asked))
    grant = AuthorizationGrant(account=account, scopes=granted, declined=set(asked) - granted)
    # Codes hold characters that have to be decoded, once.
    value = f"{oauth.random_text(60)}*0!{oauth.random_text(8)}"
    code = oauth.add_code(request.state, grant, value, params)
    scopes_returned = ",".join(sorted(granted))
    return oauth.send_back(
        params["redirect_uri"], code=code.value, scopes=scopes_returned, **oauth.state_of(params)
    )


def _fault_of(params: dict[str, str]) -> str:
    asked = [scope for scope in params.get("scope", "").split(",") if scope]
    if params.get("client_key") != oauth.client_id(NAME):
        return "We couldn't log in with TikTok: client_key"
    redirect_uri = params.get("redirect_uri", "")
    parts = urlsplit(redirect_uri)
    if not oauth.is_redirect_uri(redirect_uri) or parts.query or parts.fragment:
        return "We couldn't log in with TikTok: redirect_uri"
    if params.get("response_type") != "code":
        return "We couldn't log in with TikTok: response_type"
    if not asked or any(scope not in SCOPES for scope in asked):
        return "We couldn't log in with TikTok: scope"
    return "" if params.get("state") else "We couldn't log in with TikTok: state"


def token(request: SandboxRequest) -> HttpResponse:
    if request.content_type != "application/x-www-form-urlencoded":
        return _no(request.state, "invalid_request", "The request is not form encoded.")
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_key", ""), form.get("client_secret", "")):
        return _no(request.state, "invalid_client", "Client key or secret is incorrect.")
    with request.state.lock:
        match form.get("grant_type"):
            case "authorization_code":
                return _exchange(request.state, form)
            case "refresh_token":
                return _refresh(request.state, form)
    return _no(request.state, "unsupported_grant_type", "The grant type is not supported.")


def _no(state: State, code: str, description: str) -> HttpResponse:
    """In TikTok's own sandbox such answers come as a success."""
    status = 200 if state.setting("tiktok_oauth_errors") == "200" else 400
    return oauth_error(code, description, status)


def _exchange(state: State, form: dict[str, str]) -> HttpResponse:
    code = state.codes.get(form.get("code", ""))
    if (
        code is None
        or code.grant.account.platform != NAME
        or code.is_used
        or state.now() >= code.issued_at + CODE_LIFE_S
    ):
        return _no(state, "invalid_grant", "Authorization code is invalid or expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        return _no(state, "invalid_request", "Redirect_uri is not matched with the uri before.")
    if code.challenge:
        # In hex, where the standard has base64url.
        made = hashlib.sha256(form.get("code_verifier", "").encode()).hexdigest()
        if not hmac.compare_digest(made, code.challenge):
            return _no(state, "invalid_request", "Code verifier or code challenge is invalid.")
    code.is_used = True
    return json_response(issue(state, code.grant))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = state.tokens.get(form.get("refresh_token", ""))
    is_ours = old is not None and old.account.platform == NAME and old.kind == "refresh"
    if old is None or not is_ours or not state.is_live(old):
        return _no(state, "invalid_grant", "Refresh token is invalid or expired.")
    old.is_revoked = True
    return json_response(issue(state, old.grant))


def issue(state: State, grant: AuthorizationGrant) -> dict[str, Any]:
    access_s, refresh_s = LIVES_S[state.setting("tiktok_token_lives")]

    def mint(kind: str, prefix: str, lifetime_s: float) -> str:
        value = f"{prefix}{oauth.random_text(64)}"
        state.mint(kind, grant, value, lifetime_s=lifetime_s, account=grant.account)
        return value

    return {
        "access_token": mint("access", "act.", access_s),
        "expires_in": access_s,
        "open_id": grant.account.id,
        "refresh_token": mint("refresh", "rft.", refresh_s),
        "refresh_expires_in": refresh_s,
        "scope": ",".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }


def revoke(request: SandboxRequest) -> HttpResponse:
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_key", ""), form.get("client_secret", "")):
        return _no(request.state, "invalid_client", "Client key or secret is incorrect.")
    token = request.state.tokens.get(form.get("token", ""))
    if token is not None and token.account.platform == NAME:
        token.grant.has_ended = True
    return json_response({})


# --- At each call --------------------------------------------------------------------------------


def call(scope: str, *, a_minute: int) -> Callable[[Callable[..., HttpResponse]], View]:
    """A view that needs a token with `scope`, so many times in any minute, and gets its grant."""

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            given = request.state.tokens.get(request.bearer)
            if (
                given is None
                or given.kind != "access"
                or given.account.platform != NAME
                or not request.state.is_live(given)
            ):
                message = "The access token is invalid or not found in the request."
                return error(401, "access_token_invalid", message)
            if not {*scope.split("|")} & given.grant.scopes:
                message = "The user did not authorize the scope required for completing this call."
                return error(401, "scope_not_authorized", message)
            if not _is_in_time(request.state, given.account.facts, request.path_info, a_minute):
                message = "The API rate limit was exceeded. Please try again later."
                return error(429, "rate_limit_exceeded", message)
            return view(request, given.grant, **kwargs)

        return checked

    return wrap


def _is_in_time(state: State, facts: dict[str, Any], path: str, a_minute: int) -> bool:
    with state.lock:
        made: deque[float] = facts.setdefault("calls", {}).setdefault(path, deque())
        now = state.now()
        while made and made[0] <= now - MINUTE_S:
            made.popleft()
        if len(made) >= a_minute:
            return False
        made.append(now)
        return True
