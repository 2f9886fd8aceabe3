"""Looking posts up: by id, on a timeline, and who the caller is.

Names of fields come in two generations: `tweet.fields` and its kin (OpenAPI 2.166), `post.fields`
(2.167). Inside, the old ones are used; `speak` turns an answer into what was asked for.
https://docs.x.com/x-api/fundamentals/data-dictionary
"""

import base64
import binascii
import datetime as dt
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils.dateparse import parse_datetime

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Media, Post, as_time
from socialpublishing.sandbox.twitter.errors import (
    invalid_query,
    not_authorized_for_field,
    not_found,
)
from socialpublishing.sandbox.twitter.login import NAME, call
from socialpublishing.sandbox.twitter.media import media_key

MAX_IDS = 100
USERNAME = re.compile(r"[A-Za-z0-9_.]{1,50}")
MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS = 5, 10, 100
PRIVATE_METRICS_S = 30 * 86400
MEDIA_TYPES = {"image": "photo", "gif": "animated_gif", "video": "video"}
POLL_FIELDS = frozenset({"duration_minutes", "end_datetime", "id", "options", "voting_status"})
EARLIEST = dt.datetime(2010, 11, 6, tzinfo=dt.UTC)

NEW_NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "most_recent_tweet_id": "most_recent_post_id",
    "note_tweet": "note_post",
    "pinned_tweet_id": "pinned_post_id",
    "referenced_tweets": "referenced_posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "tweets": "posts",
}
OLD_NAMES = {new: old for old, new in NEW_NAMES.items()} | {
    "referenced_posts": "referenced_tweets.id"
}

_known = json.loads(Path(__file__).with_name("known_fields.json").read_text("utf-8"))
POST_FIELDS = frozenset(_known["tweet.fields"])
USER_FIELDS = frozenset(_known["user.fields"])
MEDIA_FIELDS = frozenset(_known["media.fields"])
POST_EXPANSIONS = frozenset(_known["expansions of a tweet"])
USER_EXPANSIONS = frozenset(_known["expansions of a user"])
PRIVATE_METRICS = ("non_public_metrics", "organic_metrics", "promoted_metrics")


@call("users.read", "tweet.read", limit=75)
def me(request: SandboxRequest, account: Account) -> HttpResponse:
    fields = _asked(request, ("user.fields",), USER_FIELDS) | {"id", "name", "username"}
    _asked(request, ("expansions",), USER_EXPANSIONS)
    return json_response(speak(request, {"data": _user_node(request, account, fields)}))


@call("users.read", "tweet.read", limit=900, is_public=True)
def user(
    request: SandboxRequest, account: Account | None, user_id: str = "", username: str = ""
) -> HttpResponse:
    """By id or by name."""
    if user_id and not _is_id(user_id):
        return invalid_query("id", user_id, "an id")
    fields = _asked(request, ("user.fields",), USER_FIELDS) | {"id", "name", "username"}
    _asked(request, ("expansions",), USER_EXPANSIONS)
    wanted = (
        each
        for each in _users(request)
        if user_id == each.id or username.lower() == each.username.lower()
    )
    found = next(wanted, None)
    if found is None:
        name = "username" if username else "id"
        return json_response({"errors": [not_found(name, username or user_id, "user")]})
    return json_response(speak(request, {"data": _user_node(request, found, fields)}))


@call("users.read", "tweet.read", limit=900, is_public=True)
def users(request: SandboxRequest, account: Account | None, key: str = "id") -> HttpResponse:
    """By `ids`, or by `usernames`."""
    fields = _asked(request, ("user.fields",), USER_FIELDS) | {"id", "name", "username"}
    wanted = request.GET.get(f"{key}s", "").split(",")
    is_right = _is_id if key == "id" else USERNAME.fullmatch
    if not 1 <= len(wanted) <= MAX_IDS or not all(map(is_right, wanted)):
        return invalid_query(f"{key}s", ",".join(wanted), f"a list of 1 to {MAX_IDS} {key}s")
    known = {getattr(each, key).lower(): each for each in _users(request)}
    found = [known[each.lower()] for each in wanted if each.lower() in known]
    missing = [each for each in wanted if each.lower() not in known]
    data: dict[str, Any] = {
        "data": [_user_node(request, each, fields) for each in found],
        "errors": [not_found(f"{key}s", each, "user") for each in missing],
    }
    return json_response(speak(request, {name: value for name, value in data.items() if value}))


def _users(request: SandboxRequest) -> list[Account]:
    return request.state.accounts(NAME)


@call("tweet.read", "users.read", limit=5000, is_public=True)
def lookup(request: SandboxRequest, account: Account | None) -> HttpResponse:
    ids = request.GET.get("ids", "").split(",")
    if not 1 <= len(ids) <= MAX_IDS or not all(map(_is_id, ids)):
        return invalid_query("ids", ",".join(ids), f"a list of 1 to {MAX_IDS} ids")
    posts, errors = [], []
    for post_id in ids:
        post = request.state.posts.get((NAME, post_id))
        if post and request.state.is_readable(post):
            posts.append(post)
        else:
            errors.append(not_found("ids", post_id))
    return response(request, account, posts, errors)


@call("tweet.read", "users.read", limit=900, is_public=True)
def lookup_one(request: SandboxRequest, account: Account | None, post_id: str) -> HttpResponse:
    if not _is_id(post_id):
        return invalid_query("id", post_id, "an id")
    post = request.state.posts.get((NAME, post_id))
    if post is None or not request.state.is_readable(post):
        return json_response({"errors": [not_found("id", post_id)]})
    return response(request, account, [post], [], is_single=True)


@call("tweet.read", "users.read", limit=900, is_public=True)
def timeline(request: SandboxRequest, account: Account | None, user_id: str) -> HttpResponse:
    owner = request.state.account(NAME, user_id)
    if owner is None:
        return json_response({"errors": [not_found("id", user_id, "user")]})
    size = page_size(request, MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS)
    excluded = _asked(request, ("exclude",), frozenset(("replies", "retweets")))
    is_wanted = narrowed(request)
    page_end = _page_end(request)
    wanted = (
        post
        for post in request.state.posts_of(owner)
        if request.state.is_listed(post)
        and is_wanted(post)
        and (page_end is None or int(post.id) < page_end)
        and not ("replies" in excluded and post.facts["replied_to"])
    )
    posts = list(itertools.islice(wanted, size + 1))
    following = page_token(posts[size - 1].id) if len(posts) > size else None
    return response(request, account, posts[:size], [], meta=page_meta(posts[:size], following))


# --- Names ---------------------------------------------------------------------------------------


def speak(request: SandboxRequest, response: dict[str, Any]) -> dict[str, Any]:
    """`answer`, made in the old names, in those of the caller or of the sandbox's setting."""
    names = request.state.setting("twitter_names")
    if names == "asked":
        names = _names_asked(request)
    return response if names == "old" else _renamed(response, keep_old=names == "mixed")


def _names_asked(request: SandboxRequest) -> str:
    """Where a call tells neither way, the answer has both: X's own SDK insists on the new ones."""
    asked = ",".join(request.GET.getlist("expansions") + request.GET.getlist("user.fields"))
    names = {*request.GET, *asked.split(",")}
    if not names.isdisjoint({"post.fields", *OLD_NAMES}):
        return "new"
    return "mixed" if names.isdisjoint({"tweet.fields", *OLD_NAMES.values()}) else "old"


def _renamed(value: Any, *, keep_old: bool) -> Any:
    if isinstance(value, list):
        return [_renamed(item, keep_old=keep_old) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for name, item in value.items():
        item = _renamed(item, keep_old=keep_old)
        renamed[NEW_NAMES.get(name, name)] = item
        if keep_old:
            renamed[name] = item
    return renamed


def _asked(request: SandboxRequest, names: Iterable[str], known: frozenset[str]) -> set[str]:
    """The comma lists of the query parameters `names`, in old names. Raises Answered for others."""
    asked = set()
    for name in names:
        for value in filter(None, request.GET.get(name, "").split(",")):
            old = value if value in known else OLD_NAMES.get(value, value)
            if old not in known:
                raise EarlyResponse(
                    invalid_query(name, value, f"one of [{','.join(sorted(known))}]")
                )
            asked.add(old)
    return asked


# --- Parameters ----------------------------------------------------------------------------------


def narrowed(request: SandboxRequest, earliest: dt.datetime = EARLIEST) -> Callable[[Post], bool]:
    """By time and id, as lists can be. Raises Answered."""
    start, end = _time(request, "start_time", earliest), _time(request, "end_time", earliest)
    above, below = _id(request, "since_id"), _id(request, "until_id")

    def is_wanted(post: Post) -> bool:
        return (
            (start is None or post.created_at >= start)
            and (end is None or post.created_at < end)
            and (above is None or int(post.id) > above)
            and (below is None or int(post.id) < below)
        )

    return is_wanted


def page_size(request: SandboxRequest, least: int, usual: int, most: int) -> int:
    size = request.GET.get("max_results", str(usual))
    if not (size.isascii() and size.isdecimal() and least <= int(size) <= most):
        raise EarlyResponse(invalid_query("max_results", size, f"between {least} and {most}"))
    return int(size)


def page_meta(posts: Sequence[Post], following: str | None) -> dict[str, Any]:
    meta: dict[str, Any] = {"result_count": len(posts)}
    if posts:
        ids = sorted((post.id for post in posts), key=int)
        meta |= {"newest_id": ids[-1], "oldest_id": ids[0]}
    return {**meta, "next_token": following} if following else meta


def page_token(position: str) -> str:
    return base64.b32hexencode(position.encode()).decode().rstrip("=").lower()


def position_of(token: str, name: str) -> int:
    """What `page_token` made a token of. Raises Answered."""
    try:
        return int(base64.b32hexdecode(token.upper() + "=" * (-len(token) % 8)))
    except (ValueError, binascii.Error) as error:
        raise EarlyResponse(invalid_query(name, token, "a valid token")) from error


def _page_end(request: SandboxRequest) -> int | None:
    token = request.GET.get("pagination_token")
    return None if token is None else position_of(token, "pagination_token")


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 19


def _id(request: SandboxRequest, name: str) -> int | None:
    value = request.GET.get(name)
    if value is None:
        return None
    if not _is_id(value):
        raise EarlyResponse(invalid_query(name, value, "an id"))
    return int(value)


def _time(request: SandboxRequest, name: str, earliest: dt.datetime) -> float | None:
    value = request.GET.get(name)
    if value is None:
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment < earliest:
        rule = f"a valid RFC 3339 date-time after {earliest:%Y-%m-%dT%H:%MZ}"
        raise EarlyResponse(invalid_query(name, value, rule))
    return moment.timestamp()


# --- Objects -------------------------------------------------------------------------------------


def response(
    request: SandboxRequest,
    viewer: Account | None,
    posts: list[Post],
    errors: list[dict[str, Any]],
    *,
    meta: dict[str, Any] | None = None,
    is_single: bool = False,
) -> HttpResponse:
    fields = _asked(request, ("tweet.fields", "post.fields"), POST_FIELDS)
    fields |= {"id", "text", "edit_history_tweet_ids"}
    user_fields = _asked(request, ("user.fields",), USER_FIELDS) | {"id", "name", "username"}
    media_fields = _asked(request, ("media.fields",), MEDIA_FIELDS) | {"media_key", "type"}
    poll_fields = _asked(request, ("poll.fields",), POLL_FIELDS) | {"id", "options"}
    expansions = _asked(request, ("expansions",), POST_EXPANSIONS)
    if "author_id" in expansions:
        fields.add("author_id")
    if expansions & {"attachments.media_keys", "attachments.poll_ids"}:
        fields.add("attachments")
    if "referenced_tweets.id" in expansions:
        fields.add("referenced_tweets")

    nodes = []
    for post in posts:
        node = _post_node(request, post)
        for field in fields.intersection(PRIVATE_METRICS):
            is_young = request.state.now() - post.created_at <= PRIVATE_METRICS_S
            if post.account is not viewer or not is_young:
                errors.append(not_authorized_for_field(post.id, field))
                del node[field]
        nodes.append({name: node[name] for name in node if name in fields})

    includes: dict[str, list[dict[str, Any]]] = {}
    if "author_id" in expansions and posts:
        authors = {post.account.id: post.account for post in posts}.values()
        includes["users"] = [_user_node(request, author, user_fields) for author in authors]
    if "attachments.media_keys" in expansions:
        media = {item.id: item for post in posts for item in post.media}.values()
        includes["media"] = [_media_node(request, item, media_fields) for item in media]
    if "attachments.poll_ids" in expansions:
        polls = [_poll_node(request, post) for post in posts if post.facts["poll"]]
        includes["polls"] = [
            {name: value for name, value in poll.items() if name in poll_fields} for poll in polls
        ]
    if "referenced_tweets.id" in expansions:
        targets = [post.facts["replied_to"] for post in posts if post.facts["replied_to"]]
        includes["tweets"] = [
            {name: value for name, value in _post_node(request, target).items() if name in fields}
            for target in targets
            if not target.is_deleted
        ]

    data: dict[str, Any] = {}
    if nodes:
        data["data"] = nodes[0] if is_single else nodes
    if included := {name: found for name, found in includes.items() if found}:
        data["includes"] = included
    if errors:
        data["errors"] = errors
    if meta:
        data["meta"] = meta
    return json_response(speak(request, data))


def _post_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    """Everything that can be asked of a post. What it does not have is left out, as X does."""
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
        **_numbers(metrics_of(post, request.state.now())),
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


def _numbers(data: dict[str, int]) -> dict[str, dict[str, int]]:
    """X tells shares and clicks of two kinds each; three of four are taken for the simpler one."""
    quotes, profile_clicks = data["shares"] // 4, data["clicks"] // 4
    clicks = {
        "url_link_clicks": data["clicks"] - profile_clicks,
        "user_profile_clicks": profile_clicks,
    }
    seen = {"impression_count": data["impressions"]}
    answered = {
        "like_count": data["likes"],
        "reply_count": data["comments"],
        "retweet_count": data["shares"] - quotes,
    }
    engagements = sum(data[name] for name in ("likes", "comments", "shares", "saves", "clicks"))
    return {
        "public_metrics": {
            **answered,
            "quote_count": quotes,
            "bookmark_count": data["saves"],
            **seen,
        },
        "non_public_metrics": {**seen, "engagements": engagements, **clicks},
        "organic_metrics": {**seen, **answered, **clicks},
        "promoted_metrics": {},
    }


def _user_node(request: SandboxRequest, account: Account, fields: set[str]) -> dict[str, Any]:
    posts = [post for post in request.state.posts_of(account) if not post.is_deleted]
    plan = account.facts["subscription_type"]
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
        "verified": plan in ("Premium", "PremiumPlus"),
        "verified_type": "blue" if plan in ("Premium", "PremiumPlus") else "none",
    }
    if posts:
        node["most_recent_tweet_id"] = posts[0].id
    return {name: value for name, value in node.items() if name in fields}


def _poll_id(post: Post) -> str:
    return str(int(post.id) + 1)


def _poll_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    """Nobody votes here."""
    poll = post.facts["poll"]
    ends_at = post.created_at + 60 * poll["duration_minutes"]
    return {
        "id": _poll_id(post),
        "options": [
            {"position": position, "label": label, "votes": 0}
            for position, label in enumerate(poll["options"], 1)
        ],
        "duration_minutes": poll["duration_minutes"],
        "end_datetime": f"{as_time(ends_at):%Y-%m-%dT%H:%M:%S.000Z}",
        "voting_status": "open" if request.state.now() < ends_at else "closed",
    }


def _media_node(request: SandboxRequest, media: Media, fields: set[str]) -> dict[str, Any]:
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
    if media.movie:
        node["duration_ms"] = round(media.movie.duration_s * 1000)
    return {name: value for name, value in node.items() if name in fields and value not in ("", 0)}


def _iso(epoch_seconds: float) -> str:
    return as_time(epoch_seconds).strftime("%Y-%m-%dT%H:%M:%S.000Z")
