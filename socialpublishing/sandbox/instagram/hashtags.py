"""Hashtag search: with Facebook Login only, and for thirty hashtags in seven days.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-hashtag-search
"""

import zlib

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.fields import pick
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.instagram.login import (
    BASIC,
    NAME,
    authorized_token,
    is_facebook,
    own_account,
    token_and_account,
)
from socialpublishing.sandbox.instagram.posts import media_node, requested_fields
from socialpublishing.sandbox.state import Account, Post
from socialpublishing.sandbox.text import find_hashtags

MAX_TAGS, WINDOW_S = 30, 7 * 86400
RECENT_S = 86400
MAX_PAGE = 50
SENSITIVE = ("gun", "drugs")


def search(request: SandboxRequest) -> HttpResponse:
    account = _account(request)
    name = str(request.params.get("q", "")).lower().lstrip("#")
    if not name.isalnum():
        raise invalid("The parameter q is required")
    if name in SENSITIVE:
        raise EarlyResponse(
            graph_error(24, "The requested resource does not exist", subcode=2207024)
        )
    _count(request, account, name)
    return json_response({"data": [{"id": id_of(name)}]})


def id_of(name: str) -> str:
    """A hashtag's id never changes and is the same for all accounts."""
    return f"178{zlib.crc32(name.encode()):014}"


def _account(request: SandboxRequest) -> Account:
    token = authorized_token(request, *BASIC)
    account = own_account(request, token, str(request.params.get("user_id", "")))
    if not is_facebook(token.grant) or account is None:
        raise EarlyResponse(missing_object("get", "ig_hashtag_search"))
    if request.state.setting("instagram_public_content") == "off":
        message = "(#10) This call needs the feature Instagram Public Content Access."
        raise EarlyResponse(graph_error(10, message))
    return account


def _count(request: SandboxRequest, account: Account, name: str) -> None:
    """Count the hashtag for the account. A repeated search does not count."""
    now = request.state.now()
    searched: dict[str, float] = account.facts.setdefault("hashtags", {})
    with request.state.lock:
        for old in [tag for tag, at in searched.items() if at < now - WINDOW_S]:
            del searched[old]
        if name not in searched and len(searched) >= MAX_TAGS:
            message = "(#18) You have searched for too many hashtags in the last 7 days."
            raise EarlyResponse(graph_error(18, message, subcode=2207034))
        searched.setdefault(name, now)


def recently_searched(request: SandboxRequest, node_id: str) -> HttpResponse:
    token, account = token_and_account(request, node_id, *BASIC)
    if not is_facebook(token.grant):
        return missing_object("get", node_id)
    names = account.facts.get("hashtags", {})
    return json_response({"data": [{"id": id_of(name)} for name in names]})


def media(request: SandboxRequest, hashtag_id: str, which: str) -> HttpResponse:
    """All public posts with the hashtag: those of the last day, or ordered by success."""
    _account(request)
    now = request.state.now()
    posts = [
        post
        for post in request.state.public_posts(NAME, with_planted=True)
        if hashtag_id in {id_of(tag.lower()) for tag in find_hashtags(post.text)}
    ]
    if which == "recent":
        posts = [post for post in posts if post.created_at > now - RECENT_S]
    else:

        def success(post: Post) -> int:
            values = metrics_of(post, now)
            return values["likes"] + values["comments"]

        posts.sort(key=success, reverse=True)
    limit = str(request.params.get("limit", "25"))
    size = min(int(limit) if limit.isdecimal() else 25, MAX_PAGE)
    requested = requested_fields(request)
    for name in ("username", "alt_text"):
        if name in requested:
            raise invalid(f"Tried accessing nonexisting field ({name})")
    data = [pick(media_node(request, post), requested) for post in posts[:size]]
    return json_response({"data": data, "paging": {"cursors": {"after": "QVFI"}}})
