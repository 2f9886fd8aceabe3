"""Facebook Pages: login, tokens, text, links, photos, videos, reels, stories, comments, insights.

Written from https://developers.facebook.com/docs/graph-api, read 2026-11-27.
"""

import json
import re
from functools import partial
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import include, path, re_path

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.facebook import (
    comments,
    insights,
    login,
    nodes,
    portfolios,
    posts,
    reading,
    reels_and_stories,
    videos,
)
from socialpublishing.sandbox.facebook.errors import refusal, rejection
from socialpublishing.sandbox.facebook.headers import graph_headers, usage_of
from socialpublishing.sandbox.facebook.login import LABEL, NAME
from socialpublishing.sandbox.facebook.switches import SETTINGS
from socialpublishing.sandbox.http import SandboxRequest, by_method
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tokens import scopes_of_new_account

# https://developers.facebook.com/docs/graph-api/changelog, 2026-11-27. A request to an expired
# version silently gets the oldest supported one.
OLDEST, USUAL, NEWEST = (21, 0), (27, 0), (27, 0)
VERSION = re.compile(r"/v(\d+)\.(\d+)/")


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    requested = VERSION.search(request.path_info)
    version = (int(requested[1]), int(requested[2])) if requested else USUAL
    major, minor = min(max(version, OLDEST), NEWEST)
    headers = {
        "facebook-api-version": f"v{major}.{minor}",
        **graph_headers(response, request.state.setting("facebook_app_usage")),
    }
    if request.page_id:
        waits = request.state.setting("facebook_page_wait_minutes")
        page_usage = {
            "type": "pages",
            **usage_of(response),
            "estimated_time_to_regain_access": waits or int(response.status_code == 429),
        }
        headers["X-Business-Use-Case-Usage"] = json.dumps({request.page_id: [page_usage]})
    for name, value in headers.items():
        response.headers.setdefault(name, value)


def seed(state: State) -> None:
    person = _add(state, account_id="122099000000000001", username="sandy", name="Sandy Box")
    _add_page(
        state, person, account_id="615500000000001", username="sandboxbakery", name="Sandbox Bakery"
    )


def _add(state: State, *, account_id: str, username: str, name: str) -> Account:
    return state.add_account(
        Account(platform=NAME, id=account_id, username=username, name=name, created_at=state.now())
    )


def _add_page(
    state: State, owner: Account, *, account_id: str, name: str, username: str = "", **facts: Any
) -> Account:
    defaults = {
        "category": "Local business",
        "tasks": nodes.ALL_TASKS,
        "business": False,
        "listed": "accounts",
    }
    return state.add_account(
        Account(
            platform=NAME,
            id=account_id,
            username=username,
            name=name,
            created_at=state.now(),
            owner_id=owner.id,
            facts={**defaults, **facts},
        )
    )


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    """`pages`: their number, or a list of {name, username, category, tasks, business, listed}."""
    username = fields["username"]
    name = fields.get("name", username)
    scopes = scopes_of_new_account(fields, known=login.SCOPES, default=login.USUAL_SCOPES)
    wanted = _wanted_pages(fields.get("pages", 1), name)
    person = _add(state, account_id=state.new_id(nodes.EPOCH_MS), username=username, name=name)
    pages = [
        _add_page(state, person, account_id=state.new_id(nodes.EPOCH_MS), **page) for page in wanted
    ]
    grant = AuthorizationGrant(
        account=person, scopes={login.ALWAYS, *scopes}, page_ids=tuple(page.id for page in pages)
    )
    issued = login.issue(state, grant, lifetime_s=login.LONG_LIFE_S)
    token = state.tokens[issued["access_token"]]
    return {
        "account_id": person.id,
        "access_token": token.value,
        "refresh_token": None,
        "expires_in": issued["expires_in"],
        "scopes": sorted(grant.scopes),
        "pages": [
            {
                "id": page.id,
                "name": page.name,
                "access_token": login.page_token(state, token, page).value,
            }
            for page in pages
        ],
    }


def _wanted_pages(pages: Any, owner_name: str) -> list[dict[str, Any]]:
    if isinstance(pages, int) and not isinstance(pages, bool) and 0 <= pages <= 1000:
        return [{"name": f"{owner_name} {number + 1}"} for number in range(pages)]
    if not isinstance(pages, list) or not all(_is_page(page) for page in pages):
        raise ValueError(
            "pages is neither a number up to 1000 nor a list of {name, username, category, tasks,"
            " business, listed}."
        )
    return pages


def _is_page(page: Any) -> bool:
    kinds: dict[str, Any] = {
        "name": str,
        "username": str,
        "category": str,
        "tasks": list | None,
        "business": bool,
        "listed": str,
    }
    return (
        isinstance(page, dict)
        and bool(page.get("name"))
        and all(name in kinds and isinstance(value, kinds[name]) for name, value in page.items())
        and page.get("listed", "accounts") in ("accounts", "owned", "client", "token")
        and all(task in (*nodes.ALL_TASKS, *nodes.NEW_TASKS) for task in page.get("tasks") or ())
    )


def _permalink(request: SandboxRequest, page_id: str, number: str) -> HttpResponse:
    return cards.post_page(request, platform=NAME, post_id=f"{page_id}_{number}")


def _story(request: SandboxRequest, number: str) -> HttpResponse:
    """A story's URL contains only the number of the post."""
    for (name, post_id), _ in list(request.state.posts.items()):
        if name == NAME and post_id.endswith(f"_{number}"):
            return cards.post_page(request, platform=NAME, post_id=post_id)
    raise Http404


def _reel(request: SandboxRequest, video_id: str) -> HttpResponse:
    """A reel's URL contains the id of its video."""
    video = request.state.media.get((NAME, video_id))
    return cards.post_page(request, platform=NAME, post_id=video.post_id if video else "")


_on = partial(by_method, lambda: refusal(400))


_graph = [
    path("dialog/oauth", _on(GET=login.dialog, POST=login.dialog)),
    path("oauth/access_token", _on(GET=login.access_token, POST=login.access_token)),
    path("debug_token", _on(GET=login.debug_token)),
    path("", _on(POST=portfolios.batch)),
    path("<str:node_id>/businesses", _on(GET=portfolios.businesses)),
    path("<str:node_id>/owned_pages", _on(GET=portfolios.pages), {"edge": "owned_pages"}),
    path("<str:node_id>/client_pages", _on(GET=portfolios.pages), {"edge": "client_pages"}),
    path("<str:node_id>/permissions", _on(GET=login.permissions, DELETE=login.revoke)),
    path("<str:node_id>/accounts", _on(GET=reading.accounts)),
    path("<str:node_id>/feed", _on(GET=reading.listing, POST=posts.publish)),
    path("<str:node_id>/posts", _on(GET=reading.listing)),
    path("<str:node_id>/published_posts", _on(GET=reading.listing)),
    path("<str:node_id>/photos", _on(POST=posts.add_photo)),
    path(
        "<str:node_id>/videos",
        _on(GET=reels_and_stories.listing, POST=videos.upload),
        {"edge": "videos"},
    ),
    path(
        "<str:node_id>/video_reels",
        _on(GET=reels_and_stories.listing, POST=reels_and_stories.publish),
        {"edge": "video_reels"},
    ),
    path(
        "<str:node_id>/video_stories",
        _on(POST=reels_and_stories.publish),
        {"edge": "video_stories"},
    ),
    path("<str:node_id>/thumbnails", _on(POST=reels_and_stories.thumbnails)),
    path("<str:node_id>/collaborators", _on(POST=reels_and_stories.collaborators)),
    path("<str:node_id>/photo_stories", _on(POST=reels_and_stories.photo_story)),
    path("<str:node_id>/stories", _on(GET=reels_and_stories.stories)),
    path("<str:node_id>/comments", _on(GET=comments.listing, POST=comments.create)),
    path("<str:node_id>/insights", _on(GET=insights.insights)),
    # Meta's own SDK ends a node's URL with a slash.
    re_path("^(?P<node_id>[^/]+)/?$", _on(GET=reading.read, POST=posts.edit, DELETE=posts.delete)),
]

PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("<str:page_id>/posts/<str:number>", _on(GET=_permalink)),
        path("stories/<str:number>", _on(GET=_story)),
        path("reel/<str:video_id>", _on(GET=_reel)),
        path("reel/<str:video_id>/", _on(GET=_reel)),
        # Another host at Facebook.
        path(reels_and_stories.UPLOAD_PATH, _on(POST=reels_and_stories.receive)),
        re_path(r"^v\d{1,2}\.\d{1,2}/", include(_graph)),
        path("", include(_graph)),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=posts.text_of,
    seed=seed,
    account_fields=("pages",),
    owned_accounts="pages",
    make_account=make_account,
    settings=SETTINGS,
    plant=posts.plant,
)
