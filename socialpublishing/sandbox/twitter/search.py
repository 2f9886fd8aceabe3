"""Recent search: the posts of the last seven days that a query finds.

https://docs.x.com/x-api/posts/search/integrate/build-a-query
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest
from socialpublishing.sandbox.state import Account, Post, as_time
from socialpublishing.sandbox.twitter.errors import invalid_query
from socialpublishing.sandbox.twitter.login import NAME, call
from socialpublishing.sandbox.twitter.reading import (
    narrowed,
    page_meta,
    page_size,
    page_token,
    position_of,
    response,
)

MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS = 10, 10, 100
MAX_QUERY = 512  # of self-serve access
REACH = dt.timedelta(days=7)
ORDERS = ("recency", "relevancy")

Test = Callable[[Post], bool]

_PIECE = re.compile(
    r"""\s*(?P<not>-(?=\S))?(?:
        (?P<bracket>[()]) | "(?P<phrase>[^"]+)" | \#(?P<tag>\w+) | @(?P<name>\w+)
        | (?P<operator>\w+):(?P<value>\w+) | (?P<word>[^\s()":]+)
    )""",
    re.VERBOSE,
)


@call("tweet.read", "users.read", limit=300, is_public=True)
def recent(request: SandboxRequest, account: Account | None) -> HttpResponse:
    query = request.GET.get("query", "")
    size = page_size(request, MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS)
    order = request.GET.get("sort_order", "recency")
    if order not in ORDERS:
        raise EarlyResponse(invalid_query("sort_order", order, f"one of [{','.join(ORDERS)}]"))
    now = request.state.now()
    is_wanted = narrowed(request, as_time(now) - REACH)
    is_found = _Query(query).test()
    found = [
        post
        for post in request.state.public_posts(NAME, with_planted=True)
        if post.created_at >= now - REACH.total_seconds()
        and request.state.is_listed(post)
        and is_wanted(post)
        and is_found(post)
    ]
    if order == "relevancy":
        found.sort(key=lambda post: -metrics_of(post, now)["likes"])
    start = _start(request)
    posts = found[start : start + size]
    following = page_token(str(start + size)) if len(found) > start + size else None
    return response(request, account, posts, [], meta=page_meta(posts, following))


def _start(request: SandboxRequest) -> int:
    for name in ("next_token", "pagination_token"):
        if token := request.GET.get(name):
            return position_of(token, name)
    return 0


class _Query:
    """Words, "phrases", #tags, @names and operators; side by side, with OR, -, and brackets."""

    def __init__(self, query: str) -> None:
        self.query = query
        if not 1 <= len(query) <= MAX_QUERY:
            raise self._wrong(f"of 1 to {MAX_QUERY} characters")
        self.pieces: list[re.Match[str]] = []
        end = 0
        while query[end:].strip():
            piece = _PIECE.match(query, end)
            if piece is None:
                raise self._wrong("a query that can be read")
            self.pieces.append(piece)
            end = piece.end()
        # Operators only narrow what something else has found.
        self.can_stand_alone = False

    def test(self) -> Test:
        found = self._any()
        if self.pieces:
            raise self._wrong("a query with a bracket for each")
        if not self.can_stand_alone:
            raise self._wrong("a query with a word, phrase, hashtag or name")
        return found

    def _any(self) -> Test:
        choices = [self._all()]
        while self.pieces and self.pieces[0]["word"] == "OR":
            self.pieces.pop(0)
            choices.append(self._all())
        return lambda post: any(choice(post) for choice in choices)

    def _all(self) -> Test:
        parts: list[Test] = []
        while self.pieces and self.pieces[0]["word"] != "OR" and self.pieces[0]["bracket"] != ")":
            parts.append(self._one(self.pieces.pop(0)))
        if not parts:
            raise self._wrong("a query with something on both sides of OR")
        return lambda post: all(part(post) for part in parts)

    def _one(self, piece: re.Match[str]) -> Test:
        found = self._bracketed() if piece["bracket"] else self._said(piece)
        return (lambda post: not found(post)) if piece["not"] else found

    def _bracketed(self) -> Test:
        found = self._any()
        if not self.pieces or self.pieces.pop(0)["bracket"] != ")":
            raise self._wrong("a query with a bracket for each")
        return found

    def _said(self, piece: re.Match[str]) -> Test:
        if piece["operator"]:
            return self._narrowing(piece["operator"], piece["value"])
        self.can_stand_alone |= not piece["not"]
        if piece["tag"]:
            return lambda post: piece["tag"].lower() in _entities(post, "hashtags", "tag")
        if piece["name"]:
            return lambda post: piece["name"].lower() in _entities(post, "mentions", "username")
        said = f" {_words(piece['phrase'] or piece['word'])} "
        return lambda post: said in f" {_words(post.text)} "

    def _narrowing(self, operator: str, value: str) -> Test:
        match operator, value:
            case "has", "hashtags" | "mentions" | "cashtags":
                return lambda post: bool(post.facts["entities"].get(value))
            case "has", "media":
                return lambda post: bool(post.media)
            case "has", "images" | "videos":
                return lambda post: any(f"{media.kind}s" == value for media in post.media)
            case "is", "reply":
                return lambda post: post.facts["replied_to"] is not None
            case "is", "retweet" | "quote":  # there are none here
                return lambda post: False
            case "from", _:
                self.can_stand_alone = True
                return lambda post: value.lower() == post.account.username.lower()
            case "lang", _:
                return lambda post: True
        raise self._wrong(f"a query of known operators: {operator}:{value}")

    def _wrong(self, rule: str) -> EarlyResponse:
        return EarlyResponse(invalid_query("query", self.query, rule))


def _entities(post: Post, kind: str, name: str) -> set[str]:
    found: list[dict[str, Any]] = post.facts["entities"].get(kind, [])
    return {entity[name].lower() for entity in found}


def _words(text: str) -> str:
    """Its words in lower case, apart; signs such as # divide them."""
    return " ".join(re.findall(r"\w+", text.lower()))
