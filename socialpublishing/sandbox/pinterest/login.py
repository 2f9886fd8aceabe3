"""OAuth 2.0 for a confidential client, without PKCE, and the check of a token at each call.

https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.http import SandboxRequest, View, json_response
from socialpublishing.sandbox.pinterest.errors import error, missing_scopes, refusal
from socialpublishing.sandbox.state import AuthorizationGrant, State

NAME = "pinterest"
LABEL = "Pinterest"

CODE_LIFE_S = 600
ACCESS_LIFE_S = 30 * 86400
REFRESH_LIFE_S = 60 * 86400
RATE_WINDOW_S = 60
# Of Standard access, a minute and user. How many trends it allows is not told: it is a guess.
RATES = {"org_read": 1000, "org_write": 100, "trends_read": 1000}

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
USUAL_SCOPES = ("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read")


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    asked = _scopes(params["scope"])
    ask = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes={scope: SCOPES[scope] for scope in asked}
    )
    account = oauth.consenting_account(request, ask, error="access_denied")
    grant = AuthorizationGrant(account=account, scopes=set(asked))
    code = oauth.add_code(request.state, grant, oauth.random_text(40), params)
    return oauth.send_back(params["redirect_uri"], **oauth.state_of(params), code=code.value)


def _scopes(given: str) -> list[str]:
    return [scope for scope in re.split(r"[\s,]+", given) if scope]


def _fault_of(params: dict[str, str]) -> str:
    asked = _scopes(params.get("scope", ""))
    unknown = [scope for scope in asked if scope not in SCOPES]
    if params.get("client_id") != oauth.client_id(NAME):
        return f"client_id is not {oauth.client_id(NAME)}."
    if not oauth.is_redirect_uri(params.get("redirect_uri", "")):
        return "redirect_uri is not an http(s) address."
    if params.get("response_type") != "code":
        return "response_type is not code."
    if unknown:
        return f"Unknown scope: {', '.join(unknown)}."
    return "" if asked else "scope is missing."


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
    code = state.codes.get(form["code"])
    if (
        code is None
        or code.grant.account.platform != NAME
        or code.is_used
        or state.now() >= code.issued_at + CODE_LIFE_S
        or code.redirect_uri != form["redirect_uri"]
    ):
        return refusal(401)
    code.is_used = True
    return json_response(issue(state, code.grant, "authorization_code"))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = state.tokens.get(form.get("refresh_token", ""))
    is_ours = old is not None and old.account.platform == NAME and old.kind == "refresh"
    if old is None or not is_ours or not state.is_live(old):
        return refusal(401)
    # Whether the old one still works is not told; here it does not.
    old.is_revoked = True
    return json_response(issue(state, old.grant, "refresh_token"))


def issue(state: State, grant: AuthorizationGrant, response_type: str) -> dict[str, Any]:
    """The answer of the token endpoint: new tokens, each counting from now."""

    def mint(kind: str, prefix: str, lifetime_s: float) -> str:
        value = f"{prefix}{oauth.random_text(64)}"
        state.mint(kind, grant, value, lifetime_s=lifetime_s, account=grant.account)
        return value

    return {
        "access_token": mint("access", "pina_", ACCESS_LIFE_S),
        "refresh_token": mint("refresh", "pinr.", REFRESH_LIFE_S),
        "response_type": response_type,
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE_S,
        "refresh_token_expires_in": REFRESH_LIFE_S,
        "refresh_token_expires_at": int(state.now()) + REFRESH_LIFE_S,
        "scope": " ".join(sorted(grant.scopes)),
    }


def call(*scopes: str, category: str) -> Callable[[Callable[..., HttpResponse]], View]:
    """A view that needs a token with `scopes`, and is handed the grant that the token stands for.

    Calls of a `category` are counted together, for the headers; nobody is refused for them.
    """

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
                return refusal(401)
            request.rate = _count(request.state, given.account.id, category)
            if missing := [scope for scope in scopes if scope not in given.grant.scopes]:
                return missing_scopes(missing)
            return view(request, given.grant, **kwargs)

        return checked

    return wrap


def _count(state: State, account_id: str, category: str) -> tuple[int, int, int]:
    """Limit, remaining, and the seconds until the window ends, after this call."""
    limit, now = RATES[category], state.now()
    with state.lock:
        start, count = state.rates.get((account_id, category), (0.0, 0))
        if now >= start + RATE_WINDOW_S:
            start, count = now, 0
        state.rates[account_id, category] = start, count + 1
    # Never 0 here: that would announce a refusal which this sandbox does not make by itself.
    return limit, max(limit - count - 1, 1), max(int(start + RATE_WINDOW_S - now), 1)
