"""OAuth 2.0 with PKCE for a confidential client, and the check of a token at each call.

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
USUAL_SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")

# For app-only sign-in, which reads and never writes. The same one until it is invalidated.
APP_TOKEN = "A" * 22 + secrets.token_urlsafe(60)


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    asked = params["scope"].split()
    ask = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes={scope: SCOPES[scope] for scope in asked}
    )
    account = oauth.consenting_account(request, ask, error="access_denied")
    grant = AuthorizationGrant(account=account, scopes=set(asked))
    code = oauth.add_code(request.state, grant, opaque(request.state, "ac"), params)
    return oauth.send_back(params["redirect_uri"], **oauth.state_of(params), code=code.value)


def _fault_of(params: dict[str, str]) -> str:
    asked = params.get("scope", "").split()
    unknown = [scope for scope in asked if scope not in SCOPES]
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
    return "" if asked else "scope is missing."


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
    code = state.codes.get(form["code"])
    if (
        code is None
        or code.grant.account.platform != NAME
        or code.is_used
        or state.now() >= code.issued_at + CODE_LIFE_S
    ):
        return token_error("Value passed for the authorization code was invalid.")
    code.is_used = True
    if form["redirect_uri"] != code.redirect_uri:
        return token_error("Value passed for the redirect uri did not match the uri of the code.")
    if not oauth.matches_challenge(form["code_verifier"], code):
        return token_error("Value passed for the code verifier did not match the code challenge.")
    return json_response(issue(state, code.grant))


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    old = state.tokens.get(form.get("refresh_token", ""))
    if old is None or old.kind != "refresh" or not state.is_live(old):
        return token_error("Value passed for the token was invalid.")
    old.is_revoked = True
    return json_response(issue(state, old.grant))


def issue(state: State, grant: AuthorizationGrant) -> dict[str, Any]:
    """A new access token, and a refresh token where the grant has `offline.access`."""

    def mint(kind: str, lifetime_s: float) -> str:
        value = opaque(state, kind)
        state.mint(kind, grant, value, lifetime_s=lifetime_s, account=grant.account)
        return value

    response = {
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE_S,
        "access_token": mint("access", ACCESS_LIFE_S),
        "scope": " ".join(sorted(grant.scopes)),
    }
    if "offline.access" in grant.scopes:
        response["refresh_token"] = mint("refresh", REFRESH_LIFE_S)
    return response


def opaque(state: State, kind: str) -> str:
    """A code or token in the shape of X's: base64 of `<random>:<ms epoch>:1:1:{ac|at|rt}:1`."""
    short = {"access": "at", "refresh": "rt"}.get(kind, kind)
    plain = f"{oauth.random_text(36)}:{int(state.now() * 1000)}:1:1:{short}:1"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def revoke(request: SandboxRequest) -> HttpResponse:
    if refused := _refuse_client(request):
        return refused
    given = request.state.tokens.get(str(request.form.get("token")))
    if given is None or given.account.platform != NAME:
        return token_error("Value passed for the token was invalid.")
    given.grant.has_ended = True
    return json_response({"revoked": True})


def app_token(request: SandboxRequest) -> HttpResponse:
    if not oauth.is_client(NAME, *oauth.basic_credentials(request)):
        return problem(403, "Unable to verify your credentials")
    return json_response({"token_type": "bearer", "access_token": APP_TOKEN})


def call(
    *scopes: str, limit: int, is_public: bool = False
) -> Callable[[Callable[..., HttpResponse]], View]:
    """A view that needs a user token with `scopes`, and is handed the user's account.

    `limit`: calls per user in 15 minutes. They are counted for the headers; nobody is refused for
    them. `is_public`: an app-only token will do too, and the account is then None.
    """

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            account: Account | None = None
            if request.bearer != APP_TOKEN:
                given = request.state.tokens.get(request.bearer)
                if (
                    given is None
                    or given.kind != "access"
                    or given.account.platform != NAME
                    or not request.state.is_live(given)
                ):
                    return problem(401, "Unauthorized")
                account = given.account
                request.rate = _count(request.state, account, view.__name__, limit)
                if not given.grant.scopes.issuperset(scopes):
                    return problem(403, "Forbidden")
            elif not is_public:
                return problem(
                    403,
                    "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint."
                    "  Supported authentication types are [OAuth 2.0 User Context].",
                    kind="unsupported-authentication",
                    title="Unsupported Authentication",
                )
            return view(request, account, **kwargs)

        return checked

    return wrap


def _count(state: State, account: Account, name: str, limit: int) -> tuple[int, int, int]:
    """Limit, remaining and reset of the caller's window, after this call."""
    with state.lock:
        start, count = state.rates.get((account.id, name), (0.0, 0))
        if state.now() >= start + RATE_WINDOW_S:
            start, count = state.now(), 0
        state.rates[account.id, name] = start, count + 1
    # Never 0 here: that would announce a refusal which this sandbox does not make by itself.
    return limit, max(limit - count - 1, 1), int(start + RATE_WINDOW_S)
