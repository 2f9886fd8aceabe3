"""LinkedIn, by its documentation of versions 202601 to 202609, read 2026-11-22.

https://learn.microsoft.com/en-us/linkedin/marketing/. Members and organizations, posts in little
text, images, videos in parts, documents, polls, comments, statistics. Reactions and advertising are
not imitated.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.http import SandboxRequest, by_method, json_response
from socialpublishing.sandbox.linkedin import (
    assets,
    comments,
    login,
    organizations,
    posts,
    reading,
    statistics,
)
from socialpublishing.sandbox.linkedin.errors import refusal, rejection
from socialpublishing.sandbox.linkedin.login import LABEL, NAME, requires_token
from socialpublishing.sandbox.linkedin.urns import EPOCH_MS, POSTING_ROLES
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tokens import scopes_of_new_account

ONE_ORGANIZATION = ({"name": "Sandbox Works"},)
ROLES = (*POSTING_ROLES, "ANALYST", "CURATOR", "RECRUITING_POSTER", "LEAD_GEN_FORMS_MANAGER")
STATES = ("APPROVED", "REVOKED", "REJECTED", "REQUESTED")
MAX_ORGANIZATIONS = 500
MAX_NAME = 100


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    if request.path_info.startswith((f"/{NAME}/rest/", f"/{NAME}/v2/")):
        response.headers.setdefault("x-li-uuid", secrets.token_urlsafe(16))
        response.headers.setdefault("x-li-request-id", secrets.token_hex(8).upper())
        response.headers.setdefault("x-li-fabric", "prod-sandbox")


@requires_token("openid")
def userinfo(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    account = grant.account
    data: dict[str, Any] = {"sub": account.id}
    if "profile" in grant.scopes:
        given, _, family = account.name.partition(" ")
        data |= {
            "name": account.name,
            "given_name": given,
            "family_name": family,
            "picture": f"{request.base_url}/avatars/{NAME}/{account.id}.svg",
            "locale": {"country": "US", "language": "en"},
        }
    if "email" in grant.scopes:
        data |= {"email": f"{account.username}@example.com", "email_verified": True}
    return json_response(data)


@requires_token("r_basicprofile")
def me(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    account = grant.account
    first, _, last = account.name.partition(" ")
    return json_response(
        {
            "id": account.id,
            "localizedFirstName": first,
            "localizedLastName": last,
            "vanityName": account.username,
            "profilePicture": {"displayImage": f"urn:li:digitalmediaAsset:{account.id}"},
        }
    )


def seed(state: State) -> None:
    _add_member(state, "sbx7LkDn", "sandbox_linda", "Linda Sandbox", ONE_ORGANIZATION)


def _add_member(
    state: State, account_id: str, username: str, name: str, organizations: Sequence[dict[str, str]]
) -> Account:
    person = state.add_account(
        Account(platform=NAME, id=account_id, username=username, name=name, created_at=state.now())
    )
    for each in organizations:
        state.add_account(
            Account(
                platform=NAME,
                id=state.new_id(EPOCH_MS),
                username=each["name"].lower().replace(" ", "-"),
                name=each["name"],
                created_at=state.now(),
                owner_id=person.id,
                facts={
                    "role": each.get("role", "ADMINISTRATOR"),
                    "state": each.get("state", "APPROVED"),
                    "lookup": each.get("lookup", "on"),
                },
            )
        )
    return person


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    scopes = scopes_of_new_account(fields, known=login.SCOPES, default=login.DEFAULT_SCOPES)
    username = fields["username"]
    organizations = _checked_organizations(fields.get("organizations", ONE_ORGANIZATION))
    account = _add_member(
        state, secrets.token_urlsafe(7)[:9], username, fields.get("name", username), organizations
    )
    issued = login.issue(state, AuthorizationGrant(account=account, scopes=set(scopes)), None)
    return {
        "account_id": account.id,
        "access_token": issued["access_token"],
        "refresh_token": issued.get("refresh_token"),
        "expires_in": issued["expires_in"],
        "scopes": sorted(scopes),
        "organizations": [
            {
                "id": each.id,
                "name": each.name,
                "role": each.facts["role"],
                "state": each.facts["state"],
            }
            for each in state.accounts(NAME, owner_id=account.id)
        ],
    }


def _checked_organizations(value: Any) -> list[dict[str, str]]:
    """Raises ValueError with the reason."""
    if not isinstance(value, (list, tuple)) or len(value) > MAX_ORGANIZATIONS:
        raise ValueError(f"organizations is not a list of up to {MAX_ORGANIZATIONS}.")
    for each in value:
        if not isinstance(each, dict) or set(each) - {"name", "role", "state", "lookup"}:
            raise ValueError("An organization is {name, role, state, lookup}.")
        if not isinstance(each.get("name"), str) or not 1 <= len(each["name"]) <= MAX_NAME:
            raise ValueError(
                f"The name of an organization is not a string of 1 to {MAX_NAME} characters."
            )
        if each.get("role", "ADMINISTRATOR") not in ROLES:
            raise ValueError(f"role is none of {', '.join(ROLES)}.")
        if each.get("state", "APPROVED") not in STATES:
            raise ValueError(f"state is none of {', '.join(STATES)}.")
        if each.get("lookup", "on") not in ("on", "off"):
            raise ValueError("lookup is neither on nor off.")
    return list(value)


_on = partial(by_method, lambda: refusal(405))


def _assets(kind: str) -> list[Any]:
    return [
        path(f"rest/{kind}", _on(POST=assets.upload_action), {"kind": kind}),
        path(f"rest/{kind}/<str:urn>", _on(GET=assets.asset), {"kind": kind}),
    ]


PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("oauth/v2/authorization", _on(GET=login.authorize, POST=login.authorize)),
        path("oauth/v2/accessToken", _on(POST=login.token)),
        path("oauth/v2/introspectToken", _on(POST=login.introspect)),
        path("oauth/v2/revoke", _on(POST=login.revoke)),
        path("v2/userinfo", _on(GET=userinfo)),
        path("v2/me", _on(GET=me)),
        path("rest/organizationAcls", _on(GET=organizations.roles)),
        path("rest/organizations/<str:organization_id>", _on(GET=organizations.organization)),
        path("rest/organizationsLookup", _on(GET=organizations.lookup)),
        *_assets("images"),
        *_assets("videos"),
        *_assets("documents"),
        # On LinkedIn this is another host.
        path("dms-uploads/<str:asset>/<int:part>", _on(PUT=assets.receive)),
        path("dms-uploads/<str:asset>/thumbnail", _on(PUT=assets.receive_thumbnail)),
        path("rest/posts", _on(GET=reading.posts, POST=posts.create)),
        path(
            "rest/posts/<str:urn>",
            _on(GET=reading.post, POST=posts.update, DELETE=posts.delete),
        ),
        path(
            "rest/socialActions/<str:urn>/comments",
            _on(GET=comments.listing, POST=comments.create),
        ),
        path("rest/organizationalEntityShareStatistics", _on(GET=statistics.of_organization)),
        path("rest/memberCreatorPostAnalytics", _on(GET=statistics.of_member)),
        path("feed/update/<str:post_id>/", _on(GET=cards.post_page), {"platform": NAME}),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=posts.text_of,
    seed=seed,
    account_fields=("organizations",),
    owned_accounts="organizations",
    make_account=make_account,
    settings={
        # "off": an app with self-serve products only, which gets no refresh tokens.
        "linkedin_refresh_tokens": ("on", ("on", "off")),
        # "on": a deleted post still counts as a duplicate, as seen in production for a day or two.
        "linkedin_ghosts": ("off", ("off", "on")),
        "linkedin_processing_seconds": (0.2, 86400.0),  # of images and documents
        # For so long after its upload, an asset is not found (404).
        "linkedin_unknown_asset_seconds": (0, 86400.0),
        # "off": an app in the development tier, which may not read in batches.
        "linkedin_batches": ("on", ("on", "off")),
        # "off": an app without r_member_postAnalytics, whose consent that scope ends.
        "linkedin_member_analytics": ("on", ("on", "off")),
        # "plain": reserved characters in addresses need no backslash, and one is shown.
        "linkedin_addresses": ("escaped", ("escaped", "plain")),
        # The oldest version of the API that is active; each month one more is not.
        "linkedin_oldest_version": (202601, 209912.0),
    },
    plant=posts.plant,
)
