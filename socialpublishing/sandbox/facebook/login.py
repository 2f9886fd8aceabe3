"""The login dialog, the tokens, and the check of the token of each request.

https://developers.facebook.com/documentation/facebook-login/guides/access-tokens
"""

import datetime as dt
import hashlib
import hmac
import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox import oauth
from socialpublishing.sandbox.facebook.errors import graph_error, invalid
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State, Token
from socialpublishing.sandbox.tokens import split_scopes

NAME = "facebook"
LABEL = "Facebook"
APP_TOKEN = f"{oauth.client_id(NAME)}|{oauth.CLIENT_SECRET}"

CODE_LIFE_S = 600
SHORT_LIFE_S = 5400  # "one to two hours"
LONG_LIFE_S = 60 * 86400

SCOPES = {
    "public_profile": "See your name and profile picture",
    "email": "See your email address",
    "pages_show_list": "See the list of the Pages that you manage",
    "pages_manage_posts": "Create and manage content on your Pages",
    "pages_read_engagement": "Read the content that is on your Pages",
    "pages_manage_engagement": "Comment as your Pages",
    "pages_read_user_content": "Read what people post on your Pages",
    "pages_manage_metadata": "Manage the settings of your Pages",
    "read_insights": "Read the insights of your Pages",
    "business_management": "Manage your business portfolios",
    "publish_video": "Publish videos on your Pages",
    "instagram_basic": "See your Instagram account and its media",
    "instagram_content_publish": "Publish on your Instagram account",
}
ALWAYS = "public_profile"  # always granted, and cannot be declined
USUAL_SCOPES = tuple(scope for scope in SCOPES if scope.startswith(("pages", "read", ALWAYS)))


def dialog(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    requested = split_scopes(params.get("scope", ""))
    if params.get("config_id"):
        # The configuration of Facebook Login for Business names the permissions.
        requested = [*USUAL_SCOPES, "business_management"]
    lacking = request.state.setting("facebook_app_lacks_scope")
    if reason := _fault_of(params, requested, lacking):
        return oauth.refusal_page(request, NAME, LABEL, reason)
    requested = list(dict.fromkeys([ALWAYS, *requested]))
    scopes = {scope: SCOPES[scope] for scope in requested}
    consent = oauth.ConsentRequest(
        platform=NAME, label=LABEL, params=params, scopes=scopes, can_pick=True
    )
    account = oauth.consenting_account(
        request,
        consent,
        error="access_denied",
        error_code="200",
        error_description="Permissions error",
        error_reason="user_denied",
    )
    granted = {ALWAYS, *oauth.checked_boxes(request, "scope", requested)}
    page_ids = [page.id for page in request.state.accounts(NAME, owner_id=account.id)]
    grant = AuthorizationGrant(
        account=account,
        scopes=granted,
        declined=set(requested) - granted,
        page_ids=tuple(oauth.checked_boxes(request, "page", page_ids)),
    )
    code = oauth.add_code(request.state, grant, f"AQ{oauth.random_text(80)}", params)
    response = {"code": code.value, **oauth.state_of(params)}
    if params.get("return_scopes") == "true":
        response |= {
            "granted_scopes": ",".join(sorted(grant.scopes)),
            "denied_scopes": ",".join(sorted(grant.declined)),
        }
    return oauth.send_back(params["redirect_uri"], **response)


def _fault_of(params: dict[str, str], requested: list[str], lacking: str) -> str:
    if params.get("config_id") and "scope" in params:
        return "A configuration and scopes exclude each other."
    if params.get("client_id") != oauth.client_id(NAME):
        return f"Invalid App ID: client_id is not {oauth.client_id(NAME)}."
    if not oauth.is_redirect_uri(params.get("redirect_uri", "")):
        return "URL blocked: redirect_uri is not an http(s) address."
    if params.get("response_type", "code") != "code":
        return "The sandbox supports only response_type code."
    if unknown := [scope for scope in requested if scope not in SCOPES or scope == lacking]:
        return f"Invalid Scopes: {', '.join(unknown)}."
    return ""


def access_token(request: SandboxRequest) -> HttpResponse:
    params = oauth.strings(request.params)
    name, secret = oauth.basic_credentials(request)
    if name:
        params = {"client_id": name, "client_secret": secret, **params}
    check_access(request.state)
    _check_client(params)
    with request.state.lock:
        match params.get("grant_type", ""):
            case "" | "authorization_code":
                return _exchange_code(request.state, params)
            case "fb_exchange_token":
                return _exchange_token(request.state, params)
            case "client_credentials":
                return json_response({"access_token": APP_TOKEN, "token_type": "bearer"})
    raise invalid("Invalid grant_type")


def check_access(state: State) -> None:
    """Requests that every account makes first. The app, or the account, may not use the API."""
    if state.setting("facebook_app") == "no_access":
        raise EarlyResponse(
            graph_error(100, "Unsupported request - method type: get", kind="GraphMethodException")
        )
    check_app(state)


def check_app(state: State) -> None:
    match state.setting("facebook_app"):
        case "deleted":
            message = "Error validating application. Application has been deleted."
            raise EarlyResponse(graph_error(190, message))
        case "blocked":
            raise EarlyResponse(graph_error(200, "API access blocked.", status=400))


def _check_client(params: dict[str, str]) -> None:
    if not params.get("client_id"):
        raise EarlyResponse(graph_error(101, "Missing client_id parameter."))
    if params["client_id"] != oauth.client_id(NAME):
        raise EarlyResponse(
            graph_error(
                101,
                "Error validating application. Cannot get application info due to a system error.",
            )
        )
    if not oauth.is_client(NAME, params["client_id"], params.get("client_secret", "")):
        raise EarlyResponse(graph_error(1, "Error validating client secret.", status=400))


def _exchange_code(state: State, params: dict[str, str]) -> HttpResponse:
    if not params.get("redirect_uri"):
        return graph_error(191, "Missing redirect_uri parameter.")
    code = state.codes.get(params.get("code", ""))
    if code is None or code.grant.account.platform != NAME:
        return graph_error(100, "Invalid verification code format.")
    if code.is_used:
        return graph_error(100, "This authorization code has been used.", subcode=36009)
    if state.now() >= code.issued_at + CODE_LIFE_S:
        return graph_error(100, "This authorization code has expired.", subcode=36007)
    if params["redirect_uri"] != code.redirect_uri:
        return graph_error(
            100,
            "Error validating verification code. Please make sure your redirect_uri is identical to"
            " the one you used in the OAuth dialog request",
            subcode=36008,
        )
    code.is_used = True
    return json_response(issue(state, code.grant, lifetime_s=SHORT_LIFE_S))


def _exchange_token(state: State, params: dict[str, str]) -> HttpResponse:
    old = live_token(state, params.get("fb_exchange_token", ""))
    if old.kind != "user":
        raise invalid("fb_exchange_token is not a user access token")
    return json_response(issue(state, old.grant, lifetime_s=LONG_LIFE_S))


def issue(state: State, grant: AuthorizationGrant, *, lifetime_s: int) -> dict[str, Any]:
    """Issue a user token: short-lived for a code, long-lived for a short-lived token."""
    value = _new_value()
    data = {"access_token": value, "token_type": "bearer", "expires_in": lifetime_s}
    if state.setting("facebook_scope_field") == "empty":
        data["scope"] = ""
    if state.setting("facebook_login_token") == "system_user":
        # It has no end.
        state.mint("user", grant, value, lifetime_s=None, account=grant.account)
        del data["expires_in"]
        return data
    state.mint("user", grant, value, lifetime_s=lifetime_s, account=grant.account)
    return data


def page_token(state: State, parent: Token, page: Account) -> Token:
    """The Page token that belongs to a user token: the same one as long as it is valid.

    It never expires if the user token is long-lived; else both expire together.
    """
    is_long = parent.expires_at is None or parent.expires_at - parent.issued_at > SHORT_LIFE_S
    with state.lock:
        for token in state.tokens_of(page):
            is_same = token.grant is parent.grant and (token.expires_at is None) is is_long
            if token.kind == "page" and is_same and state.is_live(token):
                return token
        token = state.mint("page", parent.grant, _new_value(), lifetime_s=None, account=page)
        if not is_long:
            token.expires_at = parent.expires_at
    return token


def _new_value() -> str:
    return "EAA" + secrets.token_hex(90)


# --- Checking ------------------------------------------------------------------------------------


def authorized_token(request: SandboxRequest, *scopes: str) -> Token:
    """The request's token, if it is valid and has `scopes`. Raises EarlyResponse otherwise."""
    check_app(request.state)
    value = _access_token(request)
    if not value:
        raise EarlyResponse(
            graph_error(104, "An access token is required to request this resource.")
        )
    token = live_token(request.state, value)
    proof = request.params.get("appsecret_proof")
    if proof is not None and not hmac.compare_digest(str(proof).encode(), _proof(value).encode()):
        raise EarlyResponse(
            graph_error(
                100,
                "Invalid appsecret_proof provided in the API argument",
                kind="GraphMethodException",
            )
        )
    if token.kind == "page":
        request.page_id = token.account.id
    for scope in scopes:
        if scope not in token.grant.scopes:
            raise EarlyResponse(
                graph_error(10, f"(#10) This endpoint requires the '{scope}' permission")
            )
    return token


def live_token(state: State, value: str) -> Token:
    token = state.tokens.get(value)
    if token is None or token.account.platform != NAME:
        raise EarlyResponse(
            graph_error(190, "Invalid OAuth access token - Cannot parse access token")
        )
    if error := _token_error(state, token):
        raise EarlyResponse(graph_error(190, error["message"], subcode=error["subcode"]))
    return token


def _token_error(state: State, token: Token) -> dict[str, Any]:
    """Why the token is invalid, {} if it is valid."""
    start = "Error validating access token:"
    if token.grant.has_ended:
        app = oauth.client_id(NAME)
        return {
            "code": 190,
            "message": f"{start} The user has not authorized application {app}.",
            "subcode": 458,
        }
    if state.is_live(token):
        return {}
    ended, now = token.expires_at or state.now(), state.now()
    return {
        "code": 190,
        "message": f"{start} Session has expired on {_long_time(ended)}."
        f" The current time is {_long_time(now)}.",
        "subcode": 463,
    }


def _long_time(epoch_seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(epoch_seconds, dt.UTC):%A, %d-%b-%y %H:%M:%S} UTC"


def _access_token(request: SandboxRequest) -> str:
    return str(request.params.get("access_token", "")) or request.bearer


def _proof(token: str) -> str:
    return hmac.new(oauth.CLIENT_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()


# --- Inspecting tokens and permissions -----------------------------------------------------------


def debug_token(request: SandboxRequest) -> HttpResponse:
    if _access_token(request) != APP_TOKEN:
        authorized_token(request)  # a token of any user of the app is accepted too
    value = str(request.params.get("input_token", ""))
    if not value:
        raise invalid("The parameter input_token is required.")
    token = request.state.tokens.get(value)
    if token is None or token.account.platform != NAME:
        error = {
            "code": 190,
            "message": "Invalid OAuth access token - Cannot parse access token",
        }
        return json_response({"data": {"error": error, "is_valid": False, "scopes": []}})
    scopes = sorted(token.grant.scopes)
    data: dict[str, Any] = {
        "app_id": oauth.client_id(NAME),
        "type": token.kind.upper(),
        "application": "Sandbox",
        "data_access_expires_at": int(token.issued_at + 90 * 86400),
        "expires_at": int(token.expires_at or 0),
        "is_valid": request.state.is_live(token),
        "issued_at": int(token.issued_at),
        "scopes": scopes,
        "granular_scopes": [
            {"scope": scope, "target_ids": list(token.grant.page_ids)}
            if scope.startswith("pages_")
            else {"scope": scope}
            for scope in scopes
        ],
        "user_id": token.grant.account.id,
    }
    if token.kind == "page":
        data["profile_id"] = token.account.id
    if error := _token_error(request.state, token):
        data["error"] = error
    return json_response({"data": data})


def can_see(token: Token, page_id: str) -> bool:
    return page_id in (token.account.id, *token.grant.page_ids)


def permissions(request: SandboxRequest, node_id: str) -> HttpResponse:
    grant = _own_grant(request, node_id)
    statuses = [(scope, "granted") for scope in sorted(grant.scopes)]
    statuses += [(scope, "declined") for scope in sorted(grant.declined)]
    return json_response(
        {"data": [{"permission": name, "status": status} for name, status in statuses]}
    )


def revoke(request: SandboxRequest, node_id: str) -> HttpResponse:
    """Revoke one permission, or the login with all tokens of the person."""
    grant = _own_grant(request, node_id)
    permission = request.params.get("permission")
    with request.state.lock:
        for each in {token.grant for token in request.state.tokens_of(grant.account)}:
            if permission is None:
                each.has_ended = True
            elif permission in each.scopes:
                each.scopes.discard(permission)
                each.declined.add(permission)
    return json_response({"success": True})


def _own_grant(request: SandboxRequest, node_id: str) -> AuthorizationGrant:
    token = authorized_token(request)
    if token.kind != "user" or node_id not in ("me", token.account.id):
        raise EarlyResponse(
            graph_error(200, "(#200) Permissions of a person need that person's user token")
        )
    return token.grant
