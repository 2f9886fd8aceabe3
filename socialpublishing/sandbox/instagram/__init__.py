"""Instagram v25.0: professional accounts, with Instagram Login or with Facebook Login.

Containers, images, carousels, reels, stories, comments, insights of media, and hashtag search; no
messages or shopping. Written from https://developers.facebook.com/docs/instagram-platform, read
2026-11-22.
"""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import include, path, re_path
from django.utils.dateparse import parse_datetime

from socialpublishing.sandbox.facebook.errors import missing_object, refusal, rejection
from socialpublishing.sandbox.facebook.fields import parse, pick
from socialpublishing.sandbox.facebook.headers import graph_headers
from socialpublishing.sandbox.facebook.paging import paged
from socialpublishing.sandbox.http import SandboxRequest, by_method, json_response
from socialpublishing.sandbox.instagram import comments, containers, hashtags, login, posts
from socialpublishing.sandbox.instagram.containers import EPOCH_MS
from socialpublishing.sandbox.instagram.login import (
    BASIC,
    LABEL,
    NAME,
    authorized_token,
    is_facebook,
    own_account,
)
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State, Token
from socialpublishing.sandbox.tokens import scopes_of_new_account

MAX_ACCOUNTS = 300
ACCOUNT_TYPES = ("BUSINESS", "MEDIA_CREATOR", "PERSONAL")


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    for name, value in graph_headers(response).items():
        response.headers.setdefault(name, value)


def me(request: SandboxRequest) -> HttpResponse:
    token = authorized_token(request, *BASIC)
    if is_facebook(token.grant):
        person = token.grant.account
        node = {"id": facebook_id(person), "name": person.name}
        return json_response(pick(node, parse(str(request.params.get("fields") or "id,name"))))
    return _account_node(request, token.grant.account)


def _account_node(request: SandboxRequest, account: Account) -> HttpResponse:
    requested = parse(str(request.params.get("fields") or "id"))
    return json_response(pick(account_node(request, account), requested))


def account_node(request: SandboxRequest, account: Account) -> dict[str, Any]:
    posts_ = [post for post in request.state.posts_of(account) if not post.is_deleted]
    return {
        "id": scoped_id(account),
        "user_id": account.id,
        "username": account.username,
        "name": account.name,
        "account_type": account.facts.get("account_type", "BUSINESS"),
        "profile_picture_url": f"{request.base_url}/avatars/{NAME}/{account.id}.svg",
        "followers_count": 0,
        "follows_count": 0,
        "media_count": len(posts_),
        "biography": "",
        "website": "",
    }


def scoped_id(account: Account) -> str:
    """The app-scoped user id; it differs from the id of the professional account."""
    return f"3{account.id[1:]}"


def facebook_id(account: Account) -> str:
    return f"1{account.id}"


def pages(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`GET /me/accounts` with Facebook Login: Pages and their linked professional accounts."""
    token = authorized_token(request, "pages_show_list")
    person = token.grant.account
    if not is_facebook(token.grant) or node_id not in ("me", facebook_id(person)):
        return missing_object("get", node_id)
    requested = parse(str(request.params.get("fields") or "id,name"))
    nodes = [] if person.facts.get("portfolio") else pages_of(request, token, requested)
    return paged(
        request, [(each["id"], each) for each in nodes], lambda each: pick(each, requested)
    )


def pages_of(
    request: SandboxRequest, token: Token, requested: Collection[str]
) -> list[dict[str, Any]]:
    person = token.grant.account
    linked = [person, *request.state.accounts(NAME, owner_id=person.id)]
    nodes: list[dict[str, Any]] = [
        {
            "id": f"6{account.id}",
            "name": account.name,
            "tasks": ["CREATE_CONTENT", "ANALYZE", "MANAGE"],
            **login.page_token(request.state, token, account, requested),
            "instagram_business_account": {
                **account_node(request, account),
                "id": account.id,
            },
        }
        for account in linked
    ]
    # A Page without a linked Instagram account.
    nodes.insert(1, {"id": f"7{person.id}", "name": "No Instagram", "tasks": ["CREATE_CONTENT"]})
    return nodes


def businesses(request: SandboxRequest, node_id: str) -> HttpResponse:
    """The Pages of a person with a portfolio, which `me/accounts` leaves out."""
    token = authorized_token(request, "business_management")
    person = token.grant.account
    if not is_facebook(token.grant) or node_id not in ("me", facebook_id(person)):
        return missing_object("get", node_id)
    requested = parse(str(request.params.get("fields") or "id,name"))
    owned = pages_of(request, token, requested.get("owned_pages", {}))
    for each in owned:
        del each["tasks"]  # no field of a Page
    portfolio = {"id": f"8{person.id}", "name": person.name, "owned_pages": {"data": owned}}
    shown = [pick(portfolio, requested)] if person.facts.get("portfolio") else []
    return json_response({"data": shown})


def node(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request, *BASIC)
    account = own_account(request, token, node_id)
    if account is not None:
        if is_facebook(token.grant):
            shown = {**account_node(request, account), "id": account.id}
            requested = parse(str(request.params.get("fields") or "id"))
            return json_response(pick(shown, requested))
        return _account_node(request, account)
    return posts.node(request, node_id)


def media_insights(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request)
    post = request.state.posts.get((NAME, node_id))
    return missing_object("get", node_id) if post is None else posts.insights(request, token, post)


def seed(state: State) -> None:
    _add(state, "17841400000000001", "sandbox.bakery", "Sandbox Bakery")


def _add(state: State, account_id: str, username: str, name: str, owner_id: str = "") -> Account:
    return state.add_account(
        Account(
            platform=NAME,
            id=account_id,
            username=username,
            name=name,
            created_at=state.now(),
            owner_id=owner_id,
        )
    )


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    """Further fields: see docs/sandbox.md."""
    scopes = scopes_of_new_account(
        fields, known={*login.SCOPES, *login.FACEBOOK_SCOPES}, default=login.USUAL_SCOPES
    )
    linked = fields.get("linked", 0)
    if not isinstance(linked, int) or isinstance(linked, bool) or not 0 <= linked <= MAX_ACCOUNTS:
        raise ValueError(f"linked is not a number up to {MAX_ACCOUNTS}.")
    username = fields["username"]
    facts = _facts(fields)
    account = _add(state, _new_id(state), username, fields.get("name", username))
    account.facts.update(facts)
    others = [
        _add(state, _new_id(state), f"{username}.{number}", f"{account.name} {number}", account.id)
        for number in range(2, linked + 2)
    ]
    for each in others:
        each.facts.update(facts)
    issued = login.issue(state, AuthorizationGrant(account=account, scopes=set(scopes)))
    return {
        "account_id": account.id,
        "access_token": issued["access_token"],
        "refresh_token": None,
        "expires_in": login.LONG_LIFE_S,
        "scopes": sorted(scopes),
        "linked": [{"id": each.id, "username": each.username} for each in others],
    }


def _facts(fields: dict[str, Any]) -> dict[str, Any]:
    facts = {"account_type": fields.get("account_type", "BUSINESS")}
    if facts["account_type"] not in ACCOUNT_TYPES:
        raise ValueError(f"account_type is none of {', '.join(ACCOUNT_TYPES)}.")
    for name, default in (("restricted", False), ("trial_reels", True), ("portfolio", False)):
        facts[name] = fields.get(name, default)
        if not isinstance(facts[name], bool):
            raise ValueError(f"{name} is neither true nor false.")
    since = parse_datetime(str(fields.get("professional_since", "1970-01-01T00:00:00Z")))
    if since is None or since.tzinfo is None:
        raise ValueError("professional_since is no time with an offset.")
    return {**facts, "professional_since": since.timestamp()}


def _new_id(state: State) -> str:
    return f"178{state.new_id(EPOCH_MS)}"


_on = partial(by_method, lambda: refusal(400))


_graph = [
    path("dialog/oauth", _on(GET=login.dialog, POST=login.dialog)),
    path("oauth/access_token", _on(GET=login.facebook_token, POST=login.facebook_token)),
    path("me", _on(GET=me)),
    path("ig_hashtag_search", _on(GET=hashtags.search)),
    path("<str:node_id>/accounts", _on(GET=pages)),
    path("<str:node_id>/businesses", _on(GET=businesses)),
    path("<str:node_id>/permissions", _on(GET=login.permissions, DELETE=login.revoke)),
    path("<str:node_id>/media", _on(GET=posts.listing, POST=containers.create)),
    path("<str:node_id>/media_publish", _on(POST=posts.publish)),
    path("<str:node_id>/content_publishing_limit", _on(GET=posts.publishing_limit)),
    path("<str:node_id>/stories", _on(GET=posts.stories)),
    path("<str:node_id>/comments", _on(GET=comments.listing, POST=comments.create)),
    path("<str:node_id>/insights", _on(GET=media_insights)),
    path("<str:node_id>/recently_searched_hashtags", _on(GET=hashtags.recently_searched)),
    path("<str:hashtag_id>/recent_media", _on(GET=hashtags.media), {"which": "recent"}),
    path("<str:hashtag_id>/top_media", _on(GET=hashtags.media), {"which": "top"}),
    # Meta's own SDK ends a node's URL with a slash.
    re_path("^(?P<node_id>[^/]+)/?$", _on(GET=node, DELETE=posts.delete)),
]

PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("oauth/authorize", _on(GET=login.authorize, POST=login.authorize)),
        path("oauth/access_token", _on(POST=login.short_token)),
        path("access_token", _on(GET=login.long_token)),
        path("refresh_access_token", _on(GET=login.refresh)),
        path("ig-api-upload/v25.0/<str:container_id>", _on(POST=containers.upload)),
        path("p/<str:code>/", _on(GET=posts.page_of_code)),
        path("reel/<str:code>/", _on(GET=posts.page_of_code)),
        path("stories/<str:username>/<str:post_id>/", _on(GET=posts.page_of_story)),
        re_path(r"^v\d{1,2}\.\d{1,2}/", include(_graph)),
        path("", include(_graph)),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=posts.text_of,
    seed=seed,
    account_fields=(
        "linked",
        "account_type",
        "restricted",
        "trial_reels",
        "professional_since",
        "portfolio",
    ),
    owned_accounts="linked",
    make_account=make_account,
    settings={
        "instagram_processing_seconds": (0.2, 86400.0),  # of images and carousels
        "instagram_quota": (50, 1000.0),
        "instagram_republish": ("same", ("same", "error")),
        "instagram_token_shape": ("flat", ("flat", "data")),
        "instagram_young_refresh": ("granted", ("granted", "refused")),
        "instagram_public_content": ("on", ("on", "off")),
        "instagram_redirects": ("refused", ("refused", "followed")),
        "instagram_containers": ("readable", ("readable", "missing", "forbidden")),
        "instagram_tall_images": ("accepted", ("accepted", "refused")),
        "instagram_browser_session": ("none", ("none", "kept")),
        "instagram_token_end": ("named", ("named", "missing")),
    },
    plant=posts.plant,
)
