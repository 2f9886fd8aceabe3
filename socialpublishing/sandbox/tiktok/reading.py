"""The profile of a user, and the public videos of a user with their metrics.

https://developers.tiktok.com/docs/en/tiktok-api-v2-video-object
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import AuthorizationGrant, Post
from socialpublishing.sandbox.tiktok.errors import envelope, error, invalid
from socialpublishing.sandbox.tiktok.login import NAME, requires_token
from socialpublishing.sandbox.tiktok.tasks import is_listed

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
MAX_PAGE, MAX_IDS, MAX_SHOWN_TEXT = 20, 20, 150


def _requested_fields(request: SandboxRequest, known: Any) -> list[str]:
    fields = [name for name in request.GET.get("fields", "").split(",") if name]
    if not fields or any(name not in known for name in fields):
        raise invalid("fields is missing, or names an unknown field.")
    return fields


@requires_token("user.info.basic", calls_per_minute=600)
def user_info(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    fields = _requested_fields(request, USER_FIELDS)
    if any(USER_FIELDS[name] not in grant.scopes for name in fields):
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
        "video_count": len(_public_posts(request, grant)),
    }
    return envelope({"user": {name: data[name] for name in fields}})


def _public_posts(request: SandboxRequest, grant: AuthorizationGrant) -> list[Post]:
    state = request.state
    return [post for post in state.posts_of(grant.account) if is_listed(state, post)]


def _body(request: SandboxRequest) -> dict[str, Any]:
    body = request.json if request.payload else {}
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body


@requires_token("video.list", calls_per_minute=600)
def video_list(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Videos before `cursor`, in milliseconds since 1970, newest first."""
    fields, body = _requested_fields(request, VIDEO_FIELDS), _body(request)
    size, cursor = body.get("max_count", 10), body.get("cursor")
    if not isinstance(size, int) or not 1 <= size <= MAX_PAGE:
        raise invalid(f"max_count is not within 1 and {MAX_PAGE}.")
    if cursor is not None and not isinstance(cursor, int):
        raise invalid("cursor is not a number.")
    posts = [
        post
        for post in _public_posts(request, grant)
        if cursor is None or int(post.created_at * 1000) < cursor
    ]
    videos = posts[:size]
    return envelope(
        {
            "videos": [_video_object(request, post, fields) for post in videos],
            "cursor": int(videos[-1].created_at * 1000) if videos else 0,
            "has_more": len(posts) > size,
        }
    )


@requires_token("video.list", calls_per_minute=600)
def video_query(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    fields, body = _requested_fields(request, VIDEO_FIELDS), _body(request)
    filters = body.get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
        raise invalid(f"filters.video_ids has 1 to {MAX_IDS} ids.")
    posts = {post.id: post for post in _public_posts(request, grant)}
    found = [_video_object(request, posts[each], fields) for each in ids if each in posts]
    return envelope({"videos": found})


def _video_object(request: SandboxRequest, post: Post, fields: list[str]) -> dict[str, Any]:
    metrics = metrics_of(post, request.state.now())
    first = post.media[0] if post.media else None
    url = f"{request.base_url}/{NAME}{post.path}"
    data = {
        "id": post.id,
        "create_time": int(post.created_at),
        "title": post.text[:MAX_SHOWN_TEXT],
        "video_description": post.text[:MAX_SHOWN_TEXT],
        "duration": int(first.video_facts.duration_s) if first and first.video_facts else 0,
        "height": first.height if first else 0,
        "width": first.width if first else 0,
        "cover_image_url": f"{request.base_url}/media/{first.sha256}" if first else "",
        "share_url": url,
        "embed_link": url,
        "embed_html": "",
        "like_count": metrics["likes"],
        "comment_count": metrics["comments"],
        "share_count": metrics["shares"],
        "view_count": metrics["views"],
        "is_aigc": bool(post.details.get("is_aigc")),
    }
    return {name: data[name] for name in fields}
