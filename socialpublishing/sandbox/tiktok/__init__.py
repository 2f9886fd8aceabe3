"""TikTok, by the documentation of its open platform, read 2026-11-22.

https://developers.tiktok.com/docs/en/content-posting-api-get-started. Direct posts and drafts of
videos and photos, uploads in chunks, statuses, public videos. Webhooks are not imitated.
"""

import uuid
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.http import SandboxRequest, by_method
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tiktok import login, posts, reading, tasks, uploads
from socialpublishing.sandbox.tiktok.errors import refusal, rejection
from socialpublishing.sandbox.tiktok.login import LABEL, NAME
from socialpublishing.sandbox.tokens import scopes_of_new_account

SWITCHES = ("private", "comment_disabled", "duet_disabled", "stitch_disabled", "banned")
MAX_SECONDS = 600


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    """TikTok sends no headers of its own that a client could use."""


def seed(state: State) -> None:
    _add_account(state, "7f0e5a52-2c1a-4a6e-9d3a-5a11db0c7301", "sandytok", "Sandy Tok", {})


def _add_account(
    state: State, account_id: str, username: str, name: str, facts: dict[str, Any]
) -> Account:
    defaults = {**dict.fromkeys(SWITCHES, False), "max_video_seconds": MAX_SECONDS}
    return state.add_account(
        Account(
            platform=NAME,
            id=account_id,
            username=username,
            name=name,
            created_at=state.now(),
            facts={**defaults, **facts},
        )
    )


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    scopes = scopes_of_new_account(fields, known=login.SCOPES, default=login.DEFAULT_SCOPES)
    facts = {name: fields[name] for name in (*SWITCHES, "max_video_seconds") if name in fields}
    for name in SWITCHES:
        if not isinstance(facts.get(name, False), bool):
            raise ValueError(f"{name} is not true or false.")
    seconds = facts.get("max_video_seconds", MAX_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= MAX_SECONDS:
        raise ValueError(f"max_video_seconds is not within 1 and {MAX_SECONDS}.")
    username = fields["username"]
    account = _add_account(state, str(uuid.uuid4()), username, fields.get("name", username), facts)
    issued = login.issue(state, AuthorizationGrant(account=account, scopes=set(scopes)))
    return {
        "account_id": account.id,
        "access_token": issued["access_token"],
        "refresh_token": issued["refresh_token"],
        "expires_in": issued["expires_in"],
        "scopes": sorted(scopes),
    }


def _redirect_to_feed(request: SandboxRequest, **_: Any) -> HttpResponse:
    """A profile or the inbox: the feed shows the posts of both."""
    return HttpResponse(status=302, headers={"Location": f"/feed/{NAME}"})


_on = partial(by_method, lambda: refusal(400))


_publish = "v2/post/publish"

PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("v2/auth/authorize/", _on(GET=login.authorize, POST=login.authorize)),
        path("v2/oauth/token/", _on(POST=login.token)),
        path("v2/oauth/revoke/", _on(POST=login.revoke)),
        path("v2/user/info/", _on(GET=reading.user_info)),
        path(f"{_publish}/creator_info/query/", _on(POST=posts.creator_info)),
        path(f"{_publish}/video/init/", _on(POST=posts.init_video)),
        path(f"{_publish}/inbox/video/init/", _on(POST=posts.init_draft)),
        path(f"{_publish}/content/init/", _on(POST=posts.init_photos)),
        path(f"{_publish}/status/fetch/", _on(POST=tasks.status)),
        path(f"{_publish}/cancel/", _on(POST=tasks.cancel)),
        path("v2/video/list/", _on(POST=reading.video_list)),
        path("v2/video/query/", _on(POST=reading.video_query)),
        # On TikTok this is another host.
        path(uploads.UPLOAD_PATH, _on(PUT=uploads.receive)),
        path("messages", _on(GET=_redirect_to_feed)),
        path("@<str:username>", _on(GET=_redirect_to_feed)),
        path("@<str:username>/video/<str:post_id>", _on(GET=cards.post_page), {"platform": NAME}),
        path("@<str:username>/photo/<str:post_id>", _on(GET=cards.post_page), {"platform": NAME}),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=posts.text_of,
    seed=seed,
    account_fields=(*SWITCHES, "max_video_seconds"),
    make_account=make_account,
    settings={
        "tiktok_active_creators": (1000.0, 1000.0),  # who may post within 24 hours
        "tiktok_audit": ("audited", ("audited", "unaudited")),
        "tiktok_daily_posts": (15, 1000.0),
        "tiktok_least_chunk_bytes": (uploads.MIN_CHUNK, uploads.MAX_CHUNK),
        "tiktok_limit_seconds": (60, 86400.0),  # the window of its limits of requests
        "tiktok_oauth_errors": ("4xx", ("4xx", "200")),
        "tiktok_review_processing_seconds": (0.5, 86400.0),  # until a public post has its id
        "tiktok_token_lives": ("new", tuple(login.LIFETIMES_S)),
        "tiktok_upload_host": ("own", ("own", "other")),
        # Photos are pulled from addresses that start so; empty: from any.
        "tiktok_verified_prefix": ("", str),
    },
    plant=tasks.plant,
)
