"""OAuth 2.0 for a confidential client, and the checks of each request: API version and token.

https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens
"""

import functools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.http import SandboxRequest, View, json_response
from socialpublishing.sandbox.linkedin.errors import denied, error, oauth_error
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State, Token
from socialpublishing.sandbox.tokens import end_grant, live_token, mint_token, split_scopes

NAME = "linkedin"
LABEL = "LinkedIn"

CODE_LIFE_S = 30 * 60
ACCESS_LIFE_S = 60 * 86400
REFRESH_LIFE_S = 365 * 86400
# Each is valid for a year: https://learn.microsoft.com/en-us/linkedin/marketing/integrations/migrations
# `linkedin_oldest_version` is the first that still is.
NEWEST_VERSION = 202610

SCOPES = {
    "openid": "Know who you are",
    "profile": "See your name and picture",
    "email": "See your e-mail address",
    "r_basicprofile": "See your name, picture and headline",
    "w_member_social": "Create, change and delete your posts",
    "r_organization_social": "See the posts of your organizations, and their numbers",
    "w_organization_social": "Create, change and delete posts of your organizations",
    "r_organization_admin": "See your organizations and their numbers",
    "rw_organization_admin": "Manage your organizations and see their numbers",
    "r_organization_social_feed": "See reactions and comments on your organizations' posts",
    "w_organization_social_feed": "React and comment for your organizations",
    "w_member_social_feed": "React and comment for you",
    "r_member_postAnalytics": "See the numbers of your posts",
    "r_member_profileAnalytics": "See the numbers of your profile",
}
ANALYTICS = "r_member_postAnalytics"
DEFAULT_SCOPES = (
    "r_basicprofile",
    "r_member_postAnalytics",
    "r_organization_social",
    "rw_organization_admin",
    "w_member_social",
    "w_organization_social",
)


def authorize(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    if reason := _fault_of_request(params):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    requested = split_scopes(params["scope"])
    if ANALYTICS in requested and request.state.setting("linkedin_member_analytics") == "off":
        # One scope that the app lacks ends the whole consent.
        return oauth.send_back(
            params["redirect_uri"],
            error="unauthorized_scope_error",
            error_description=f'Scope "{ANALYTICS}" is not authorized for your application',
            **oauth.state_of(params),
        )
    consent = oauth.ConsentRequest(
        platform=NAME,
        label=LABEL,
        params=params,
        scopes={scope: SCOPES[scope] for scope in requested},
    )
    account = oauth.consenting_account(
        request,
        consent,
        error="user_cancelled_authorize",
        error_description="The user cancelled the authorization",
    )
    with request.state.lock:
        _end_other_grants(request.state, account, set(requested))
        grant = AuthorizationGrant(account=account, scopes=set(requested))
        code = oauth.add_code(request.state, grant, f"AQ{oauth.random_text(120)}", params)
    return oauth.send_back(params["redirect_uri"], code=code.value, **oauth.state_of(params))


def _end_other_grants(state: State, account: Account, scopes: set[str]) -> None:
    """An authorization with other scopes ends the earlier grants of this member."""
    for token in state.tokens_of(account):
        if token.grant.scopes != scopes:
            token.grant.has_ended = True


def _fault_of_request(params: dict[str, str]) -> str:
    requested = split_scopes(params.get("scope", ""))
    unknown = [scope for scope in requested if scope not in SCOPES]
    if params.get("client_id") != oauth.client_id(NAME):
        return f"The passed in client_id is invalid: it is not {oauth.client_id(NAME)}."
    redirect_uri = params.get("redirect_uri", "")
    if not oauth.is_redirect_uri(redirect_uri) or "#" in redirect_uri:
        return "The redirect_uri does not match the registered value."
    if params.get("response_type") != "code":
        return "response_type is not code."
    if not params.get("state"):
        return "state is missing."
    if unknown:
        return f"Scope {', '.join(unknown)} is not authorized for your application."
    return "" if requested else "scope is missing."


def token(request: SandboxRequest) -> HttpResponse:
    if request.content_type != "application/x-www-form-urlencoded":
        return oauth_error(400, "invalid_request", "The request is not form encoded.")
    form = oauth.strings(request.form)
    for name in ("grant_type", "client_id", "client_secret"):
        if not form.get(name):
            return _missing(name)
    if not oauth.is_client(NAME, form["client_id"], form["client_secret"]):
        return oauth_error(401, "invalid_client", "Client authentication failed")
    with request.state.lock:
        match form["grant_type"]:
            case "authorization_code":
                return _exchange(request.state, form)
            case "refresh_token":
                return _refresh(request.state, form)
    return oauth_error(400, "unsupported_grant_type", "The grant_type is not supported.")


def _missing(name: str) -> HttpResponse:
    return oauth_error(400, "invalid_request", f'A required parameter "{name}" is missing')


def _exchange(state: State, form: dict[str, str]) -> HttpResponse:
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            return _missing(name)
    code = state.codes.get(form["code"])
    if code is None or code.grant.account.platform != NAME or code.is_used:
        return oauth_error(
            400,
            "invalid_request",
            "Unable to retrieve access token: authorization code not found",
        )
    is_expired = state.now() >= code.issued_at + CODE_LIFE_S
    if is_expired or _without_query(code.redirect_uri) != _without_query(form["redirect_uri"]):
        return oauth_error(
            400,
            "invalid_redirect_uri",
            "Unable to retrieve access token: appid/redirect uri/code verifier does not match "
            "authorization code. Or authorization code expired. Or external member binding exists",
        )
    code.is_used = True
    return json_response(issue(state, code.grant, None))


def _without_query(uri: str) -> str:
    return urlsplit(uri)._replace(query="").geturl()


def _refresh(state: State, form: dict[str, str]) -> HttpResponse:
    if not form.get("refresh_token"):
        return _missing("refresh_token")
    refresh_token = live_token(state, NAME, form["refresh_token"], "refresh")
    if refresh_token is None:
        return oauth_error(
            400, "invalid_grant", "The provided authorization grant or refresh token is invalid"
        )
    return json_response(issue(state, refresh_token.grant, refresh_token))


def issue(state: State, grant: AuthorizationGrant, refresh: Token | None) -> dict[str, Any]:
    """New tokens. A refresh token keeps the expiry time that it got at the first consent."""
    now = state.now()
    if refresh is None and state.setting("linkedin_refresh_tokens") == "on":
        value = f"AQ{oauth.random_text(300)}"
        refresh = state.mint(
            "refresh", grant, value, lifetime_s=REFRESH_LIFE_S, account=grant.account
        )
    life_s: float = ACCESS_LIFE_S
    data: dict[str, Any] = {"token_type": "Bearer"}
    if refresh is not None and refresh.expires_at is not None:
        left_s = refresh.expires_at - now
        life_s = min(life_s, left_s)
        data |= {"refresh_token": refresh.value, "refresh_token_expires_in": int(left_s)}
    return {
        "access_token": mint_token(state, grant, "access", f"AQ{oauth.random_text(350)}", life_s),
        "expires_in": int(life_s),
        "scope": ",".join(sorted(grant.scopes)),
        **data,
    }


def revoke(request: SandboxRequest) -> HttpResponse:
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_id", ""), form.get("client_secret", "")):
        return oauth_error(401, "invalid_client", "Client authentication failed")
    end_grant(request.state, NAME, form.get("token", ""))
    return HttpResponse(status=200)


def introspect(request: SandboxRequest) -> HttpResponse:
    """https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection"""
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_id", ""), form.get("client_secret", "")):
        return oauth_error(401, "invalid_client", "Client authentication failed")
    token = request.state.tokens.get(form.get("token", ""))
    if token is None or token.account.platform != NAME:
        return json_response({"active": False})
    is_active = request.state.is_live(token)
    return json_response(
        {
            "active": is_active,
            "status": "active" if is_active else "expired",
            "client_id": form["client_id"],
            "authorized_at": int(token.issued_at),
            "created_at": int(token.issued_at),
            "expires_at": int(token.expires_at or 0),
            "scope": ",".join(sorted(token.grant.scopes)),
            "auth_type": "3L",
        }
    )


# --- The checks of each request ------------------------------------------------------------------


def requires_token(*scopes: str) -> Callable[[Callable[..., HttpResponse]], View]:
    """For a view that requires a token with one of `scopes`, if any. It gets the token's grant.

    Each request below `/rest/` must name an API version.
    """

    def wrap(view: Callable[..., HttpResponse]) -> View:
        @functools.wraps(view)
        def checked(request: SandboxRequest, **kwargs: Any) -> HttpResponse:
            if refused := _refuse_version(request):
                return refused
            grant = grant_of(request)
            if isinstance(grant, HttpResponse):
                return grant
            if scopes and not grant.scopes & set(scopes):
                resource = request.path_info.removeprefix(f"/{NAME}/")
                raise denied(f"Not enough permissions to access: {request.method} {resource}")
            return view(request, grant, **kwargs)

        return checked

    return wrap


def _refuse_version(request: SandboxRequest) -> HttpResponse | None:
    if not request.path_info.startswith(f"/{NAME}/rest/"):
        return None
    version = request.headers.get("LinkedIn-Version", "")
    if not version:
        return error(400, "VERSION_MISSING", "A version must be present.")
    oldest = int(request.state.setting("linkedin_oldest_version"))
    is_month = re.fullmatch(r"\d{4}(?:0[1-9]|1[0-2])", version)
    if not is_month or not oldest <= int(version) <= NEWEST_VERSION:
        message = f"Requested version {version[:8]}01 is not active"
        return error(426, "NONEXISTENT_VERSION", message)
    return None


def grant_of(request: SandboxRequest) -> AuthorizationGrant | HttpResponse:
    """The grant of the request's token, or the error response if the token is not valid."""
    if not request.bearer:
        return error(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token", 65604)
    token = request.state.tokens.get(request.bearer)
    if token is None or token.kind != "access" or token.account.platform != NAME:
        return error(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600)
    if token.expires_at is not None and token.expires_at <= request.state.now():
        message = "The token used in the request has expired"
        return error(401, "EXPIRED_ACCESS_TOKEN", message, 65602)
    if not request.state.is_live(token):
        message = "The token used in the request has been revoked by the user"
        return error(401, "REVOKED_ACCESS_TOKEN", message, 65601)
    return token.grant
