"""OAuth 2.0 for a confidential client, without PKCE, and the token check of each request.

https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/
"""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.http import SandboxRequest, View, json_response
from socialpublishing.sandbox.pinterest.errors import error, missing_scopes, refusal
from socialpublishing.sandbox.state import AuthorizationGrant, State
from socialpublishing.sandbox.tokens import (
    count_call,
    live_token,
    mint_token,
    split_scopes,
    usable_code,
)

NAME = "pinterest"
LABEL = "Pinterest"

CODE_LIFE_S = 600
ACCESS_LIFE_S = 30 * 86400
REFRESH_LIFE_S = 60 * 86400
RATE_WINDOW_S = 60
# Requests a minute and user with Standard access. `trends_read` is a guess: it is undocumented.
RATE_LIMITS = {"org_read": 1000, "org_write": 100, "trends_read": 1000}

SCOPES = {
    "user_accounts:read": "See your profile and its numbers",
    "boards:read": "See your public boards",
    "boards:read_secret": "See your secret boards",
    "boards:write": "Create and change your public boards",
    "boards:write_secret": "Create and change your secret boards",
    "pins:read": "See your public Pins",
    "pins:read_secret": "See your secret Pins",
    "pins:write": "Create and change your public Pins",
    "pins:write_secret": "Create and change your secret Pins",
    "ads:read": "See your advertising",
}
DEFAULT_SCOPES = ("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read")


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of_request(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    requested = split_scopes(params["scope"])
    consent = oauth.ConsentRequest(
        platform=NAME,
        label=LABEL,
        params=params,
        scopes={scope: SCOPES[scope] for scope in requested},
    )
    account = oauth.consenting_account(request, consent, error="access_denied")
    grant = AuthorizationGrant(account=account, scopes=set(requested))
    code = oauth.add_code(request.state, grant, oauth.random_text(40), params)
    return oauth.send_back(params["redirect_uri"], **oauth.state_of(params), code=code.value)


def _fault_of_request(params: dict[str, str]) -> str:
    requested = split_scopes(params.get("scope", ""))
    unknown = [scope for scope in requested if scope not in SCOPES]
    if params.get("client_id") != oauth.client_id(NAME):
        return f"client_id is not {oauth.client_id(NAME)}."
    if not oauth.is_redirect_uri(params.get("redirect_uri", "")):
        return "redirect_uri is not an http(s) address."
    if params.get("response_type") != "code":
        return "response_type is not code."
    if unknown:
        return f"Unknown scope: {', '.join(unknown)}."
    return "" if requested else "scope is missing."


def token(request: SandboxRequest) -> HttpResponse:
    if not oauth.is_client(NAME, *oauth.basic_credentials(request)):
        return refusal(401)
    if request.content_type != "application/x-www-form-urlencoded":
        return error(400, 1, "The request is not form encoded.")
    form = oauth.strings(request.form)
    with request.state.lock:
        match form.get("grant_type"):
            case "authorization_code":
                return _exchange(request.state, form)
            case "refresh_token":
                return _refresh(request.state, form)
    return error(400, 1, "grant_type is not authorization_code or refresh_token.")


def _exchange(state: State, form: dict[str, str]) -> HttpResponse:
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            return error(400, 1, f"Missing required parameter: {name}.")
    code = usable_code(state, NAME, form["code"], lifetime_s=CODE_LIFE_S)
    if code is None or code.redirect_uri != form["redirect_uri"]:
        return refusal(401)
    code.is_used = True
    return json_response(issue(state, code.grant, "authorization_code"))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = live_token(state, NAME, form.get("refresh_token", ""), "refresh")
    if old is None:
        return refusal(401)
    # Undocumented: whether the old refresh token still works. Here it does not.
    old.is_revoked = True
    return json_response(issue(state, old.grant, "refresh_token"))


def issue(state: State, grant: AuthorizationGrant, response_type: str) -> dict[str, Any]:
    """The response of the token endpoint, with new tokens."""
    access = f"pina_{oauth.random_text(64)}"
    refresh = f"pinr.{oauth.random_text(64)}"
    return {
        "access_token": mint_token(state, grant, "access", access, ACCESS_LIFE_S),
        "refresh_token": mint_token(state, grant, "refresh", refresh, REFRESH_LIFE_S),
        "response_type": response_type,
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE_S,
        "refresh_token_expires_in": REFRESH_LIFE_S,
        "refresh_token_expires_at": int(state.now()) + REFRESH_LIFE_S,
        "scope": " ".join(sorted(grant.scopes)),
    }


def requires_token(*scopes: str, category: str) -> Callable[[Callable[..., HttpResponse]], View]:
    """For a view that requires a token with `scopes`. It gets the token's grant.

    The requests of a `category` share a rate limit in the headers; none is refused for it.
    """

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            token = live_token(request.state, NAME, request.bearer, "access")
            if token is None:
                return refusal(401)
            request.rate = _rate(request.state, token.account.id, category)
            if missing := [scope for scope in scopes if scope not in token.grant.scopes]:
                return missing_scopes(missing)
            return view(request, token.grant, **kwargs)

        return checked

    return wrap


def _rate(state: State, account_id: str, category: str) -> tuple[int, int, int]:
    """Limit, remaining requests, and seconds until the window ends, after this request."""
    limit = RATE_LIMITS[category]
    remaining, end = count_call(state, account_id, category, limit=limit, window_s=RATE_WINDOW_S)
    return limit, remaining, max(int(end - state.now()), 1)
