"""The parts of OAuth that the platforms share: the consent page, codes, client credentials.

One app is registered: client id `sandbox-<platform>`, secret `sandbox-secret`. Every http(s)
address counts as one of its registered redirect URIs.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpResponse

from socialpublishing.sandbox import pages
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Code, State

CLIENT_SECRET = "sandbox-secret"
ACCOUNTS_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class ConsentRequest:
    """What the app asks for. The consent page keeps `params` in hidden fields."""

    platform: str
    label: str
    params: dict[str, str]
    scopes: dict[str, str]  # name → description for people
    can_pick: bool = False  # each scope and Page has its own checkbox


def client_id(platform: str) -> str:
    return f"sandbox-{platform}"


def is_client(platform: str, given_id: str, given_secret: str) -> bool:
    return given_id == client_id(platform) and hmac.compare_digest(
        given_secret.encode(), CLIENT_SECRET.encode()
    )


def basic_credentials(request: SandboxRequest) -> tuple[str, str]:
    """The user and password of an `Authorization: Basic` header, ("", "") without a valid one."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def is_redirect_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    is_printable = uri.isprintable() and " " not in uri
    return parts.scheme in ("http", "https") and bool(parts.netloc) and is_printable


def matches_challenge(verifier: str, code: Code) -> bool:
    """PKCE, RFC 7636: whether the code's challenge was derived from `verifier`."""
    if code.challenge_method.lower() == "plain":
        challenge = verifier
    else:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(challenge.encode(), code.challenge.encode())


def add_code(state: State, grant: AuthorizationGrant, value: str, params: dict[str, str]) -> Code:
    code = Code(
        value=value,
        grant=grant,
        redirect_uri=params["redirect_uri"],
        issued_at=state.now(),
        challenge=params.get("code_challenge", ""),
        challenge_method=params.get("code_challenge_method", ""),
    )
    state.codes[value] = code
    return code


def random_text(length: int) -> str:
    return secrets.token_urlsafe(length)[:length]


def strings(params: dict[str, Any]) -> dict[str, str]:
    """Only the string values: JSON bodies may hold others."""
    return {name: value for name, value in params.items() if isinstance(value, str)}


def send_back(redirect_uri: str, **response: str) -> HttpResponse:
    """Redirect the browser to the app."""
    separator = "&" if urlsplit(redirect_uri).query else "?"
    location = f"{redirect_uri}{separator}{urlencode(response)}"
    return HttpResponse(status=302, headers={"Location": location})


def has_decision(request: SandboxRequest) -> bool:
    return request.method == "POST" and ("allow" in request.form or "deny" in request.form)


def consenting_account(request: SandboxRequest, consent: ConsentRequest, **denial: str) -> Account:
    """The account chosen on the consent page.

    Raises EarlyResponse: with the page before it was submitted; with a redirect to the app that
    has `denial`; with an error page if there is no such account.
    """
    params = consent.params
    if not has_decision(request):
        raise EarlyResponse(consent_page(request, consent))
    if "deny" in params:
        raise EarlyResponse(send_back(params["redirect_uri"], **denial, **state_of(params)))
    account = chosen_account(request.state, consent.platform, params)
    if account is None:
        reason = "There is no such account."
        raise EarlyResponse(refusal_page(request, consent.platform, consent.label, reason))
    return account


def state_of(params: dict[str, str]) -> dict[str, str]:
    return {"state": params["state"]} if "state" in params else {}


def chosen_account(state: State, platform: str, params: dict[str, str]) -> Account | None:
    """The account chosen on the consent page; the newest if none was chosen."""
    accounts = state.accounts(platform)
    if "account" not in params:
        return accounts[-1]
    return next((account for account in accounts if account.id == params["account"]), None)


def consent_page(request: SandboxRequest, consent: ConsentRequest) -> HttpResponse:
    accounts = request.state.accounts(consent.platform)[: -ACCOUNTS_SHOWN - 1 : -1]
    return pages.render(
        request,
        "consent.html",
        {
            "consent": consent,
            "host": urlsplit(consent.params["redirect_uri"]).netloc,
            "action": request.path_info,
            "accounts": [
                (account, request.state.accounts(consent.platform, owner_id=account.id))
                for account in accounts
            ],
        },
    )


def refusal_page(request: SandboxRequest, platform: str, label: str, reason: str) -> HttpResponse:
    """The error page for a wrong request of the app. It does not lead back to the app."""
    context = {"platform": platform, "label": label, "reason": reason}
    return pages.render(request, "refusal.html", context, status=400)


def checked_boxes(request: SandboxRequest, kind: str, names: Sequence[str]) -> list[str]:
    """The checked boxes of the consent page; all of them for a script that sends no box."""
    if not any(name.startswith(("page:", "scope:")) for name in request.form):
        return list(names)
    return [name for name in names if f"{kind}:{name}" in request.form]
