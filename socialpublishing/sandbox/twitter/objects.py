"""Posts, users, media and polls as the API returns them, with the requested fields.

https://docs.x.com/x-api/fundamentals/data-dictionary
"""

import json
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Media, Post, as_time
from socialpublishing.sandbox.twitter.errors import not_authorized_for_field
from socialpublishing.sandbox.twitter.login import NAME
from socialpublishing.sandbox.twitter.media import media_key
from socialpublishing.sandbox.twitter.names import in_requested_names
from socialpublishing.sandbox.twitter.parameters import requested_values

PRIVATE_METRICS_S = 30 * 86400
MEDIA_TYPES = {"image": "photo", "gif": "animated_gif", "video": "video"}

_known = json.loads(Path(__file__).with_name("known_fields.json").read_text("utf-8"))
POST_FIELDS = frozenset(_known["tweet.fields"])
USER_FIELDS = frozenset(_known["user.fields"])
MEDIA_FIELDS = frozenset(_known["media.fields"])
POLL_FIELDS = frozenset({"duration_minutes", "end_datetime", "id", "options", "voting_status"})
POST_EXPANSIONS = frozenset(_known["expansions of a tweet"])
USER_EXPANSIONS = frozenset(_known["expansions of a user"])
PRIVATE_METRICS = ("non_public_metrics", "organic_metrics", "promoted_metrics")


@dataclass(frozen=True, kw_only=True)
class RequestedFields:
    post: set[str]
    user: set[str]
    media: set[str]
    poll: set[str]
    expansions: set[str]


def posts_response(
    request: SandboxRequest,
    viewer: Account | None,
    posts: list[Post],
    errors: list[dict[str, Any]],
    *,
    meta: dict[str, Any] | None = None,
    is_single: bool = False,
) -> HttpResponse:
    requested = _requested_fields(request)
    errors = list(errors)
    data = []
    for post in posts:
        fields = requested.post
        if hidden := _hidden_metrics(request, viewer, post, fields):
            errors += [not_authorized_for_field(post.id, field) for field in sorted(hidden)]
            fields = fields - hidden
        data.append(_selected(_post_object(request, post), fields))
    body = {
        "data": data[0] if is_single and data else data,
        "includes": _includes(request, posts, requested),
        "errors": errors,
        "meta": meta,
    }
    return json_response(
        in_requested_names(request, {name: value for name, value in body.items() if value})
    )


def _requested_fields(request: SandboxRequest) -> RequestedFields:
    post_fields = requested_values(request, ("tweet.fields", "post.fields"), POST_FIELDS)
    post_fields |= {"id", "text", "edit_history_tweet_ids"}
    requested = RequestedFields(
        post=post_fields,
        user=requested_user_fields(request),
        media=requested_values(request, ("media.fields",), MEDIA_FIELDS) | {"media_key", "type"},
        poll=requested_values(request, ("poll.fields",), POLL_FIELDS) | {"id", "options"},
        expansions=requested_values(request, ("expansions",), POST_EXPANSIONS),
    )
    if "author_id" in requested.expansions:
        post_fields.add("author_id")
    if requested.expansions & {"attachments.media_keys", "attachments.poll_ids"}:
        post_fields.add("attachments")
    if "referenced_tweets.id" in requested.expansions:
        post_fields.add("referenced_tweets")
    return requested


def requested_user_fields(request: SandboxRequest) -> set[str]:
    return requested_values(request, ("user.fields",), USER_FIELDS) | {"id", "name", "username"}


def _hidden_metrics(
    request: SandboxRequest, viewer: Account | None, post: Post, fields: set[str]
) -> set[str]:
    """The requested metrics that only the author sees, and only for thirty days."""
    is_recent = request.state.now() - post.created_at <= PRIVATE_METRICS_S
    if post.account is viewer and is_recent:
        return set()
    return fields.intersection(PRIVATE_METRICS)


def _selected(node: dict[str, Any], fields: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name in fields}


# --- Expansions ----------------------------------------------------------------------------------


def _includes(
    request: SandboxRequest, posts: list[Post], requested: RequestedFields
) -> dict[str, list[dict[str, Any]]]:
    included = {
        name: objects_of(request, posts, requested)
        for expansion, (name, objects_of) in _EXPANSIONS.items()
        if expansion in requested.expansions
    }
    return {name: objects for name, objects in included.items() if objects}


def _authors(
    request: SandboxRequest, posts: list[Post], requested: RequestedFields
) -> list[dict[str, Any]]:
    authors = {post.account.id: post.account for post in posts}.values()
    return [user_object(request, author, requested.user) for author in authors]


def _attached_media(
    request: SandboxRequest, posts: list[Post], requested: RequestedFields
) -> list[dict[str, Any]]:
    media = {item.id: item for post in posts for item in post.media}.values()
    return [_media_object(request, item, requested.media) for item in media]


def _polls(
    request: SandboxRequest, posts: list[Post], requested: RequestedFields
) -> list[dict[str, Any]]:
    polls = [_poll_object(request, post) for post in posts if post.facts["poll"]]
    return [_selected(poll, requested.poll) for poll in polls]


def _referenced_posts(
    request: SandboxRequest, posts: list[Post], requested: RequestedFields
) -> list[dict[str, Any]]:
    targets = [post.facts["replied_to"] for post in posts if post.facts["replied_to"]]
    return [
        _selected(_post_object(request, target), requested.post)
        for target in targets
        if not target.is_deleted
    ]


_Expand = Callable[[SandboxRequest, list[Post], RequestedFields], list[dict[str, Any]]]
_EXPANSIONS: dict[str, tuple[str, _Expand]] = {
    "author_id": ("users", _authors),
    "attachments.media_keys": ("media", _attached_media),
    "attachments.poll_ids": ("polls", _polls),
    "referenced_tweets.id": ("tweets", _referenced_posts),
}


# --- Objects -------------------------------------------------------------------------------------


def _post_object(request: SandboxRequest, post: Post) -> dict[str, Any]:
    """All fields of a post. Like X, it leaves out the fields without a value."""
    facts = post.facts
    node = {
        "id": post.id,
        "text": facts["text"],
        "edit_history_tweet_ids": [post.id],
        "author_id": post.account.id,
        "conversation_id": facts["conversation_id"],
        "created_at": _iso(post.created_at),
        "display_text_range": [0, len(facts["text"])],
        "entities": facts["entities"],
        "lang": "und",
        "note_tweet": facts["note"],
        "paid_partnership": facts["paid_partnership"],
        "possibly_sensitive": False,
        "reply_settings": facts["reply_settings"],
        "source": "Sandbox",
        **_metrics(metrics_of(post, request.state.now())),
    }
    if post.media:
        node["attachments"] = {"media_keys": [media_key(item) for item in post.media]}
    elif facts["poll"]:
        node["attachments"] = {"poll_ids": [_poll_id(post)]}
    if target := facts["replied_to"]:
        node["in_reply_to_user_id"] = target.account.id
        node["referenced_tweets"] = [{"type": "replied_to", "id": target.id}]
    return {name: value for name, value in node.items() if value not in (None, {})} | {
        name: node[name] for name in PRIVATE_METRICS
    }


def _metrics(counts: dict[str, int]) -> dict[str, dict[str, int]]:
    """X has two kinds of shares and of clicks. Here a quarter are quotes and profile clicks."""
    quotes, profile_clicks = counts["shares"] // 4, counts["clicks"] // 4
    clicks = {
        "url_link_clicks": counts["clicks"] - profile_clicks,
        "user_profile_clicks": profile_clicks,
    }
    impressions = {"impression_count": counts["impressions"]}
    reactions = {
        "like_count": counts["likes"],
        "reply_count": counts["comments"],
        "retweet_count": counts["shares"] - quotes,
    }
    engagements = sum(counts[name] for name in ("likes", "comments", "shares", "saves", "clicks"))
    return {
        "public_metrics": {
            **reactions,
            "quote_count": quotes,
            "bookmark_count": counts["saves"],
            **impressions,
        },
        "non_public_metrics": {**impressions, "engagements": engagements, **clicks},
        "organic_metrics": {**impressions, **reactions, **clicks},
        "promoted_metrics": {},
    }


def user_object(request: SandboxRequest, account: Account, fields: set[str]) -> dict[str, Any]:
    posts = [post for post in request.state.posts_of(account) if not post.is_deleted]
    plan = account.facts["subscription_type"]
    is_verified = plan in ("Premium", "PremiumPlus")
    node = {
        "id": account.id,
        "name": account.name,
        "username": account.username,
        "created_at": _iso(account.created_at),
        "description": account.facts["description"],
        "location": "Sandbox",
        "profile_image_url": f"{request.base_url}/avatars/{NAME}/{account.id}_normal.svg",
        "protected": False,
        "public_metrics": {
            "followers_count": 128,
            "following_count": 64,
            "tweet_count": len(posts),
            "listed_count": 2,
            "like_count": 0,
            "media_count": sum(len(post.media) for post in posts),
        },
        "subscription_type": plan,
        "verified": is_verified,
        "verified_type": "blue" if is_verified else "none",
    }
    if posts:
        node["most_recent_tweet_id"] = posts[0].id
    return _selected(node, fields)


def _poll_id(post: Post) -> str:
    return str(int(post.id) + 1)


def _poll_object(request: SandboxRequest, post: Post) -> dict[str, Any]:
    poll = post.facts["poll"]
    ends_at = post.created_at + 60 * poll["duration_minutes"]
    return {
        "id": _poll_id(post),
        "options": [
            {"position": position, "label": label, "votes": 0}
            for position, label in enumerate(poll["options"], 1)
        ],
        "duration_minutes": poll["duration_minutes"],
        "end_datetime": _iso(ends_at),
        "voting_status": "open" if request.state.now() < ends_at else "closed",
    }


def _media_object(request: SandboxRequest, media: Media, fields: set[str]) -> dict[str, Any]:
    url = f"{request.base_url}/media/{media.sha256}"
    is_photo = media.kind == "image"
    node: dict[str, Any] = {
        "media_key": media_key(media),
        "type": MEDIA_TYPES[media.kind],
        ("url" if is_photo else "preview_image_url"): url,
        "alt_text": media.alt_text,
        "width": media.width,
        "height": media.height,
    }
    if media.video_facts:
        node["duration_ms"] = round(media.video_facts.duration_s * 1000)
    return {name: value for name, value in _selected(node, fields).items() if value not in ("", 0)}


def _iso(epoch_seconds: float) -> str:
    return as_time(epoch_seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")
