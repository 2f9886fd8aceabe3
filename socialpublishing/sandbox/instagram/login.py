"""Login with Instagram or with Facebook, and the check of the token of each request.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
"""

import secrets
from collections.abc import Collection
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State, Token
from socialpublishing.sandbox.tokens import split_scopes, usable_code

NAME = "instagram"
LABEL = "Instagram"

CODE_LIFE_S = 3600
SHORT_LIFE_S = 3600
LONG_LIFE_S = 60 * 86400
MIN_REFRESH_AGE_S = 86400

# With Instagram Login.
SCOPES = {
    "instagram_business_basic": "See your profile and media",
    "instagram_business_content_publish": "Publish on your account",
    "instagram_business_manage_insights": "See the insights of your account",
    "instagram_business_manage_comments": "Manage comments on your account",
    "instagram_business_manage_messages": "Manage messages of your account",
}
# With Facebook Login.
FACEBOOK_SCOPES = {
    "instagram_basic": "See the profile and media of your Instagram accounts",
    "instagram_content_publish": "Publish on your Instagram accounts",
    "instagram_manage_insights": "See the insights of your Instagram accounts",
    "instagram_manage_comments": "Manage comments on your Instagram accounts",
    "instagram_manage_contents": "Delete media of your Instagram accounts",
    "pages_show_list": "See the list of the Pages that you manage",
    "pages_read_engagement": "Read the content that is on your Pages",
    "business_management": "Manage your business portfolios",
    "ads_read": "See your advertising",
    "ads_management": "Manage your advertising",
    "public_profile": "See your name and profile picture",
}
USUAL_SCOPES = (
    "instagram_business_basic",
    "instagram_business_content_publish",
    "instagram_business_manage_insights",
)
# One permission under the names of both logins.
BASIC = ("instagram_business_basic", "instagram_basic")
PUBLISH = ("instagram_business_content_publish", "instagram_content_publish")
INSIGHTS = ("instagram_business_manage_insights", "instagram_manage_insights")


def is_facebook(grant: AuthorizationGrant) -> bool:
    """True for Facebook Login, False for Instagram Login."""
    return not any(scope.startswith("instagram_business") for scope in grant.scopes)


# --- Consent -------------------------------------------------------------------------------------


def authorize(request: SandboxRequest) -> HttpResponse:
    return _consent(request, SCOPES, "code")


def dialog(request: SandboxRequest) -> HttpResponse:
    return _consent(request, FACEBOOK_SCOPES, "")


def _consent(request: SandboxRequest, known: dict[str, str], needed_type: str) -> HttpResponse:
    params = oauth.strings(request.params)
    if session := _session(request.state, params):
        params = {**params, "account": session.id}
    requested = split_scopes(params.get("scope", ""))
    if reason := _fault_of(params, requested, known, needed_type):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    scopes = {scope: known[scope] for scope in requested}
    consent = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes=scopes, can_pick=True
    )
    account = oauth.consenting_account(
        request,
        consent,
        error="access_denied",
        error_reason="user_denied",
        error_description="The user denied your request",
    )
    account.facts["is_logged_in"] = True
    granted = set(oauth.checked_boxes(request, "scope", requested))
    grant = AuthorizationGrant(account=account, scopes=granted, declined=set(requested) - granted)
    code = oauth.add_code(request.state, grant, f"AQ{oauth.random_text(120)}", params)
    response = oauth.send_back(params["redirect_uri"], code=code.value, **oauth.state_of(params))
    if needed_type:
        response["Location"] += "#_"  # as Instagram does, without a documented reason
    return response


def _session(state: State, params: dict[str, str]) -> Account | None:
    """The account that the browser is logged in with, which the page then uses without asking."""
    if state.setting("instagram_browser_session") == "none" or params.get("force_reauth") == "true":
        return None
    return next((each for each in state.accounts(NAME) if each.facts.get("is_logged_in")), None)


def _fault_of(
    params: dict[str, str], requested: list[str], known: dict[str, str], needed_type: str
) -> str:
    if params.get("client_id") != oauth.client_id(NAME):
        return f"Invalid platform app: client_id is not {oauth.client_id(NAME)}."
    if not oauth.is_redirect_uri(params.get("redirect_uri", "")):
        return "Invalid redirect_uri."
    if params.get("response_type", "code" if not needed_type else "") != "code":
        return "response_type is not code."
    if unknown := [scope for scope in requested if scope not in known]:
        return f"Invalid scopes: {', '.join(unknown)}."
    return "" if requested else "scope is missing."


# --- Tokens --------------------------------------------------------------------------------------


def flat_error(message: str) -> HttpResponse:
    """The error format of api.instagram.com."""
    return json_response(
        {"error_type": "OAuthException", "code": 400, "error_message": message}, 400
    )


def short_token(request: SandboxRequest) -> HttpResponse:
    """`POST api.instagram.com/oauth/access_token`, URL-encoded or multipart."""
    form = oauth.strings(request.form)
    if not oauth.is_client(NAME, form.get("client_id", ""), form.get("client_secret", "")):
        return flat_error("Invalid platform app")
    if form.get("grant_type") != "authorization_code":
        return flat_error("Invalid grant_type")
    with request.state.lock:
        grant = _redeemed_code(request.state, form)
        if grant is None or is_facebook(grant):
            return flat_error("Matching code was not found or was already used")
        token = _mint(request.state, grant, SHORT_LIFE_S)
    data: dict[str, Any] = {
        "access_token": token.value,
        "user_id": grant.account.id,
        "permissions": ",".join(sorted(grant.scopes)),
    }
    # Meta's pages show it inside `data`; production returns it without.
    is_wrapped = request.state.setting("instagram_token_shape") == "data"
    return json_response({"data": [data]} if is_wrapped else data)


def _redeemed_code(state: State, form: dict[str, str]) -> AuthorizationGrant | None:
    """The grant of the code, which is then used. None if the code is not valid."""
    value = form.get("code", "").removesuffix("#_")
    code = usable_code(state, NAME, value, lifetime_s=CODE_LIFE_S)
    if code is None or form.get("redirect_uri") != code.redirect_uri:
        return None
    code.is_used = True
    return code.grant


def _mint(state: State, grant: AuthorizationGrant, lifetime_s: float | None) -> Token:
    prefix = "EAA" if is_facebook(grant) else "IGAA"
    value = prefix + secrets.token_hex(80)
    return state.mint("user", grant, value, lifetime_s=lifetime_s, account=grant.account)


def issue(state: State, grant: AuthorizationGrant) -> dict[str, Any]:
    """Issue a long-lived token."""
    is_named = state.setting("instagram_token_end") == "named"
    token = _mint(state, grant, LONG_LIFE_S if is_named else None)
    end = {"expires_in": LONG_LIFE_S} if is_named else {}
    return {"access_token": token.value, "token_type": "bearer", **end}


def page_token(
    state: State, token: Token, account: Account, requested: Collection[str]
) -> dict[str, str]:
    """The token of the Page behind `account`, if it is requested. It has no end of its own."""
    if "access_token" not in requested:
        return {}
    value = "EAAP" + secrets.token_hex(80)
    state.mint("page", token.grant, value, lifetime_s=None, account=account)
    return {"access_token": value}


def long_token(request: SandboxRequest) -> HttpResponse:
    """`GET graph.instagram.com/access_token`: a long-lived token for a short-lived one."""
    params = oauth.strings(request.params)
    if params.get("grant_type") != "ig_exchange_token":
        raise invalid("grant_type is not ig_exchange_token")
    if params.get("client_secret") != oauth.CLIENT_SECRET:
        return graph_error(101, "Error validating client secret.")
    old = live_token(request.state, params.get("access_token", ""))
    return json_response(issue(request.state, old.grant))


def refresh(request: SandboxRequest) -> HttpResponse:
    """`GET graph.instagram.com/refresh_access_token`."""
    params = oauth.strings(request.params)
    if params.get("grant_type") != "ig_refresh_token":
        raise invalid("grant_type is not ig_refresh_token")
    old = live_token(request.state, params.get("access_token", ""))
    is_strict = request.state.setting("instagram_young_refresh") == "refused"
    if is_strict and request.state.now() < old.issued_at + MIN_REFRESH_AGE_S:
        # Meta does not document this error: its text is a guess.
        raise invalid("The access token is less than 24 hours old")
    permissions = ",".join(sorted(old.grant.scopes))
    return json_response({**issue(request.state, old.grant), "permissions": permissions})


def facebook_token(request: SandboxRequest) -> HttpResponse:
    """`graph.facebook.com/…/oauth/access_token`, for a code or a short-lived token."""
    params = oauth.strings(request.params)
    if not oauth.is_client(NAME, params.get("client_id", ""), params.get("client_secret", "")):
        return graph_error(101, "Error validating application.")
    with request.state.lock:
        if params.get("grant_type") == "fb_exchange_token":
            old = live_token(request.state, params.get("fb_exchange_token", ""))
            return json_response(issue(request.state, old.grant))
        grant = _redeemed_code(request.state, params)
        if grant is None:
            return graph_error(100, "This authorization code has been used.", subcode=36009)
        token = _mint(request.state, grant, SHORT_LIFE_S)
    data = {"access_token": token.value, "token_type": "bearer", "expires_in": SHORT_LIFE_S}
    return json_response(data)


# --- Checking ------------------------------------------------------------------------------------


def authorized_token(request: SandboxRequest, *scopes: str) -> Token:
    """The request's token, if it is valid and has one of `scopes`. Raises EarlyResponse."""
    value = str(request.params.get("access_token", "")) or request.bearer
    if not value:
        raise EarlyResponse(
            graph_error(104, "An access token is required to request this resource.")
        )
    token = live_token(request.state, value)
    if scopes and not token.grant.scopes & set(scopes):
        message = f"(#10) Application does not have permission for this action: {scopes[0]}"
        raise EarlyResponse(graph_error(10, message))
    return token


def live_token(state: State, value: str) -> Token:
    token = state.tokens.get(value)
    if token is None or token.account.platform != NAME:
        raise EarlyResponse(
            graph_error(190, "Invalid OAuth access token - Cannot parse access token")
        )
    if token.grant.has_ended:
        message = "Error validating access token: The user has not authorized the application."
        raise EarlyResponse(graph_error(190, message, subcode=458))
    if not state.is_live(token):
        message = "Error validating access token: Session has expired."
        raise EarlyResponse(graph_error(190, message, subcode=463))
    return token


def permissions(request: SandboxRequest, node_id: str) -> HttpResponse:
    granted = sorted(authorized_token(request).grant.scopes)
    data = [{"permission": scope, "status": "granted"} for scope in granted]
    return json_response({"data": data})


def revoke(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request)
    for each in request.state.tokens_of(token.grant.account):
        each.grant.has_ended = True
    return json_response({"success": True})


def token_and_account(request: SandboxRequest, node_id: str, *scopes: str) -> tuple[Token, Account]:
    """The request's token and the account `node_id`. Raises EarlyResponse without access."""
    token = authorized_token(request, *scopes)
    account = own_account(request, token, node_id)
    if account is None:
        raise EarlyResponse(missing_object("post" if request.method == "POST" else "get", node_id))
    return token, account


def own_account(request: SandboxRequest, token: Token, node_id: str) -> Account | None:
    """The professional account with this id, if the token has access to it."""
    if token.kind == "page":
        return token.account if node_id == token.account.id else None
    person = token.grant.account
    if node_id == "me" and not is_facebook(token.grant):
        return person
    account = request.state.account(NAME, node_id)
    if account is None or (is_facebook(token.grant) is False and account is not person):
        return None
    return account if account is person or account.owner_id == person.id else None
