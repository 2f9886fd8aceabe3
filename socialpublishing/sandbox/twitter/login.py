"""OAuth 2.0 with PKCE for a confidential client, and the token check of each request.

https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
"""

import base64
import functools
import secrets
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.http import SandboxRequest, View, json_response
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tokens import (
    count_call,
    end_grant,
    live_token,
    mint_token,
    usable_code,
)
from socialpublishing.sandbox.twitter.behaviour import refused_app
from socialpublishing.sandbox.twitter.errors import problem, token_error

NAME = "twitter"
LABEL = "X"

CODE_LIFE_S = 30
ACCESS_LIFE_S = 7200
REFRESH_LIFE_S = 183 * 86400
RATE_WINDOW_S = 900
MAX_STATE = 500

SCOPES = {
    "tweet.read": "See the posts that you can see",
    "tweet.write": "Post for you, and delete your posts",
    "users.read": "See your profile",
    "media.write": "Upload media for you",
    "offline.access": "Stay connected until you revoke it",
    "tweet.moderate.write": "Hide and unhide replies to your posts",
    "follows.read": "See whom you follow",
    "follows.write": "Follow people for you",
    "like.read": "See the posts that you liked",
    "like.write": "Like posts for you",
    "list.read": "See your lists",
    "list.write": "Manage your lists",
    "block.read": "See whom you blocked",
    "block.write": "Block people for you",
    "mute.read": "See whom you muted",
    "mute.write": "Mute people for you",
    "bookmark.read": "See your bookmarks",
    "bookmark.write": "Bookmark posts for you",
    "dm.read": "See your direct messages",
    "dm.write": "Send direct messages for you",
    "space.read": "See the Spaces that you can see",
}
DEFAULT_SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")

# For app-only authentication, which can read only. X returns the same token each time.
APP_TOKEN = "A" * 22 + secrets.token_urlsafe(60)


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of_request(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    requested = params["scope"].split()
    consent = oauth.ConsentRequest(
        platform=NAME,
        label=LABEL,
        params=params,
        scopes={scope: SCOPES[scope] for scope in requested},
    )
    account = oauth.consenting_account(request, consent, error="access_denied")
    grant = AuthorizationGrant(account=account, scopes=set(requested))
    code = oauth.add_code(request.state, grant, _token_value(request.state, "ac"), params)
    return oauth.send_back(params["redirect_uri"], **oauth.state_of(params), code=code.value)


def _fault_of_request(params: dict[str, str]) -> str:
    requested = params.get("scope", "").split()
    unknown = [scope for scope in requested if scope not in SCOPES]
    if params.get("client_id") != oauth.client_id(NAME):
        return f"client_id is not {oauth.client_id(NAME)}."
    if not oauth.is_redirect_uri(params.get("redirect_uri", "")):
        return "redirect_uri is not an http(s) address."
    if params.get("response_type") != "code":
        return "response_type is not code."
    if not params.get("code_challenge"):
        return "code_challenge is missing: PKCE is mandatory."
    if params.get("code_challenge_method", "plain").lower() not in ("s256", "plain"):
        return "code_challenge_method is neither S256 nor plain."
    if len(params.get("state", "")) > MAX_STATE:
        return f"state is longer than {MAX_STATE} characters."
    if unknown:
        return f"Unknown scope: {', '.join(unknown)}."
    return "" if requested else "scope is missing."


def token(request: SandboxRequest) -> HttpResponse:
    if refused := _refuse_client(request):
        return refused
    form = oauth.strings(request.form)
    with request.state.lock:
        match form.get("grant_type"):
            case "authorization_code":
                return _exchange(request.state, form)
            case "refresh_token":
                return _refresh(request.state, form)
            case None:
                return token_error("Missing required parameter [grant_type].")
    return token_error(
        "Value passed for the grant type was not supported.", error="unsupported_grant_type"
    )


def _refuse_client(request: SandboxRequest) -> HttpResponse | None:
    if oauth.is_client(NAME, *oauth.basic_credentials(request)):
        return None
    return token_error(
        "Missing valid authorization header", error="unauthorized_client", status=401
    )


def _exchange(state: State, form: dict[str, str]) -> HttpResponse:
    for name in ("code", "redirect_uri", "code_verifier"):
        if not form.get(name):
            return token_error(f"Missing required parameter [{name}].")
    code = usable_code(state, NAME, form["code"], lifetime_s=CODE_LIFE_S)
    if code is None:
        return token_error("Value passed for the authorization code was invalid.")
    code.is_used = True
    if form["redirect_uri"] != code.redirect_uri:
        return token_error("Value passed for the redirect uri did not match the uri of the code.")
    if not oauth.matches_challenge(form["code_verifier"], code):
        return token_error("Value passed for the code verifier did not match the code challenge.")
    return json_response(issue(state, code.grant))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = live_token(state, NAME, form.get("refresh_token", ""), "refresh")
    if old is None:
        return token_error("Value passed for the token was invalid.")
    old.is_revoked = True
    return json_response(issue(state, old.grant))


def issue(state: State, grant: AuthorizationGrant) -> dict[str, Any]:
    """A new access token, and a refresh token where the grant has `offline.access`."""
    access, refresh = _token_value(state, "at"), _token_value(state, "rt")
    tokens = {
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE_S,
        "access_token": mint_token(state, grant, "access", access, ACCESS_LIFE_S),
        "scope": " ".join(sorted(grant.scopes)),
    }
    if "offline.access" in grant.scopes:
        tokens["refresh_token"] = mint_token(state, grant, "refresh", refresh, REFRESH_LIFE_S)
    return tokens


def _token_value(state: State, kind: str) -> str:
    """In X's format: base64 of `<random>:<ms epoch>:1:1:{ac|at|rt}:1`."""
    plain = f"{oauth.random_text(36)}:{int(state.now() * 1000)}:1:1:{kind}:1"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def revoke(request: SandboxRequest) -> HttpResponse:
    if refused := _refuse_client(request):
        return refused
    if not end_grant(request.state, NAME, str(request.form.get("token"))):
        return token_error("Value passed for the token was invalid.")
    return json_response({"revoked": True})


def app_token(request: SandboxRequest) -> HttpResponse:
    if not oauth.is_client(NAME, *oauth.basic_credentials(request)):
        return problem(403, "Unable to verify your credentials")
    return json_response({"token_type": "bearer", "access_token": APP_TOKEN})


def requires_token(
    *scopes: str, limit: int, is_public: bool = False
) -> Callable[[Callable[..., HttpResponse]], View]:
    """For a view that requires a user token with `scopes`. It gets the user's account.

    `limit`: requests per user in 15 minutes, for the headers; no request is refused for it.
    `is_public`: an app-only token is enough, and the account is then None.
    """

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            if request.bearer == APP_TOKEN:
                return view(request, None, **kwargs) if is_public else _refuse_app_token()
            token = live_token(request.state, NAME, request.bearer, "access")
            if token is None:
                return problem(401, "Unauthorized")
            if refused := refused_app(request.state):
                return refused
            request.rate = _rate(request.state, token.account, view.__name__, limit)
            if not token.grant.scopes.issuperset(scopes):
                return problem(403, "Forbidden")
            return view(request, token.account, **kwargs)

        return checked

    return wrap


def _refuse_app_token() -> HttpResponse:
    return problem(
        403,
        "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint."
        "  Supported authentication types are [OAuth 2.0 User Context].",
        kind="unsupported-authentication",
        title="Unsupported Authentication",
    )


def _rate(state: State, account: Account, name: str, limit: int) -> tuple[int, int, int]:
    """Limit, remaining requests, and the end of the window, after this request."""
    remaining, end = count_call(state, account.id, name, limit=limit, window_s=RATE_WINDOW_S)
    return limit, remaining, int(end)
