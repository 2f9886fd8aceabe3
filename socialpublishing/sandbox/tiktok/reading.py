"""Who somebody is, and their public videos with their numbers.

https://developers.tiktok.com/docs/en/tiktok-api-v2-video-object
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import AuthorizationGrant, Post
from socialpublishing.sandbox.tiktok.errors import envelope, error, invalid
from socialpublishing.sandbox.tiktok.login import NAME, call
from socialpublishing.sandbox.tiktok.posts import is_listed

BASIC, PROFILE, STATS = "user.info.basic", "user.info.profile", "user.info.stats"
USER_FIELDS = {
    "open_id": BASIC, "union_id": BASIC, "avatar_url": BASIC, "avatar_url_100": BASIC,
    "avatar_large_url": BASIC, "display_name": BASIC, "username": PROFILE,
    "bio_description": PROFILE, "profile_deep_link": PROFILE, "is_verified": PROFILE,
    "follower_count": STATS, "following_count": STATS, "likes_count": STATS, "video_count": STATS,
}  # fmt: skip
VIDEO_FIELDS = (
    "id", "create_time", "title", "video_description", "duration", "height", "width",
    "cover_image_url", "share_url", "embed_link", "embed_html", "like_count", "comment_count",
    "share_count", "view_count", "is_aigc",
)  # fmt: skip
MAX_PAGE, MAX_IDS, CUT = 20, 20, 150


def _fields(request: SandboxRequest, known: Any) -> list[str]:
    asked = [name for name in request.GET.get("fields", "").split(",") if name]
    if not asked or any(name not in known for name in asked):
        raise invalid("fields is missing, or names what there is not.")
    return asked


@call("user.info.basic", a_minute=600)
def user_info(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    asked = _fields(request, USER_FIELDS)
    if any(USER_FIELDS[name] not in grant.scopes for name in asked):
        message = "The user did not authorize the scope required for a field."
        return error(401, "scope_not_authorized", message)
    account = grant.account
    avatar = f"{request.base_url}/avatars/{NAME}/{account.id}.svg"
    data = {
        "open_id": account.id,
        "union_id": f"union-{account.id}",
        "avatar_url": avatar,
        "avatar_url_100": avatar,
        "avatar_large_url": avatar,
        "display_name": account.name,
        "username": account.username,
        "bio_description": "",
        "profile_deep_link": f"{request.base_url}/{NAME}/@{account.username}",
        "is_verified": False,
        "follower_count": 0,
        "following_count": 0,
        "likes_count": 0,
        "video_count": len(_public(request, grant)),
    }
    return envelope({"user": {name: data[name] for name in asked}})


def _public(request: SandboxRequest, grant: AuthorizationGrant) -> list[Post]:
    state = request.state
    return [post for post in state.posts_of(grant.account) if is_listed(state, post)]


def _body(request: SandboxRequest) -> dict[str, Any]:
    body = request.json if request.payload else {}
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body


@call("video.list", a_minute=600)
def video_list(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Newest first, before `cursor`: milliseconds since 1970."""
    asked, body = _fields(request, VIDEO_FIELDS), _body(request)
    size, cursor = body.get("max_count", 10), body.get("cursor")
    if not isinstance(size, int) or not 1 <= size <= MAX_PAGE:
        raise invalid(f"max_count is not within 1 and {MAX_PAGE}.")
    if cursor is not None and not isinstance(cursor, int):
        raise invalid("cursor is not a number.")
    posts = [
        post
        for post in _public(request, grant)
        if cursor is None or int(post.created_at * 1000) < cursor
    ]
    shown = posts[:size]
    return envelope(
        {
            "videos": [_shown_fields(request, post, asked) for post in shown],
            "cursor": int(shown[-1].created_at * 1000) if shown else 0,
            "has_more": len(posts) > size,
        }
    )


@call("video.list", a_minute=600)
def video_query(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    asked, body = _fields(request, VIDEO_FIELDS), _body(request)
    filters = body.get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
        raise invalid(f"filters.video_ids has 1 to {MAX_IDS} ids.")
    posts = {post.id: post for post in _public(request, grant)}
    found = [_shown_fields(request, posts[each], asked) for each in ids if each in posts]
    return envelope({"videos": found})


def _shown_fields(request: SandboxRequest, post: Post, asked: list[str]) -> dict[str, Any]:
    counted = metrics_of(post, request.state.now())
    first = post.media[0] if post.media else None
    url = f"{request.base_url}/{NAME}{post.path}"
    data = {
        "id": post.id,
        "create_time": int(post.created_at),
        "title": post.text[:CUT],
        "video_description": post.text[:CUT],
        "duration": int(first.movie.duration_s) if first and first.movie else 0,
        "height": first.height if first else 0,
        "width": first.width if first else 0,
        "cover_image_url": f"{request.base_url}/media/{first.sha256}" if first else "",
        "share_url": url,
        "embed_link": url,
        "embed_html": "",
        "like_count": counted["likes"],
        "comment_count": counted["comments"],
        "share_count": counted["shares"],
        "view_count": counted["views"],
        "is_aigc": bool(post.details.get("is_aigc")),
    }
    return {name: data[name] for name in asked}
