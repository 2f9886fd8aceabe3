"""Recent search: the posts of the last seven days that match a query.

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
from socialpublishing.sandbox.twitter.login import NAME, requires_token
from socialpublishing.sandbox.twitter.objects import posts_response
from socialpublishing.sandbox.twitter.parameters import (
    id_and_time_filter,
    page_meta,
    page_size,
    page_token,
    position_of,
)

MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS = 10, 10, 100
MAX_QUERY = 512  # of self-serve access
SEARCH_WINDOW = dt.timedelta(days=7)
ORDERS = ("recency", "relevancy")

Matches = Callable[[Post], bool]

_TERM = re.compile(
    r"""\s*(?P<not>-(?=\S))?(?:
        (?P<bracket>[()]) | "(?P<phrase>[^"]+)" | \#(?P<tag>\w+) | @(?P<name>\w+)
        | (?P<operator>\w+):(?P<value>\w+) | (?P<word>[^\s()":]+)
    )""",
    re.VERBOSE,
)


@requires_token("tweet.read", "users.read", limit=300, is_public=True)
def recent(request: SandboxRequest, account: Account | None) -> HttpResponse:
    query = request.GET.get("query", "")
    size = page_size(request, MIN_RESULTS, DEFAULT_RESULTS, MAX_RESULTS)
    order = request.GET.get("sort_order", "recency")
    if order not in ORDERS:
        raise EarlyResponse(invalid_query("sort_order", order, f"one of [{','.join(ORDERS)}]"))
    now = request.state.now()
    is_within = id_and_time_filter(request, as_time(now) - SEARCH_WINDOW)
    matches = _Query(query).parse()
    found = [
        post
        for post in request.state.public_posts(NAME, with_planted=True)
        if post.created_at >= now - SEARCH_WINDOW.total_seconds()
        and request.state.is_listed(post)
        and is_within(post)
        and matches(post)
    ]
    if order == "relevancy":
        found.sort(key=lambda post: -metrics_of(post, now)["likes"])
    start = _start(request)
    posts = found[start : start + size]
    next_token = page_token(str(start + size)) if len(found) > start + size else None
    return posts_response(request, account, posts, [], meta=page_meta(posts, next_token))


def _start(request: SandboxRequest) -> int:
    for name in ("next_token", "pagination_token"):
        if token := request.GET.get(name):
            return position_of(token, name)
    return 0


class _Query:
    """A parser of words, "phrases", #tags, @names and operators, joined by spaces, OR, - and ()."""

    def __init__(self, query: str) -> None:
        self.query = query
        if not 1 <= len(query) <= MAX_QUERY:
            raise self._invalid(f"of 1 to {MAX_QUERY} characters")
        self.terms: list[re.Match[str]] = []
        end = 0
        while query[end:].strip():
            term = _TERM.match(query, end)
            if term is None:
                raise self._invalid("a query that can be read")
            self.terms.append(term)
            end = term.end()
        # Most operators only narrow a query. It also needs a word, phrase, tag or name.
        self.can_stand_alone = False

    def parse(self) -> Matches:
        matches = self._alternatives()
        if self.terms:
            raise self._invalid("a query with a bracket for each")
        if not self.can_stand_alone:
            raise self._invalid("a query with a word, phrase, hashtag or name")
        return matches

    def _alternatives(self) -> Matches:
        choices = [self._conjunction()]
        while self.terms and self.terms[0]["word"] == "OR":
            self.terms.pop(0)
            choices.append(self._conjunction())
        return lambda post: any(choice(post) for choice in choices)

    def _conjunction(self) -> Matches:
        parts: list[Matches] = []
        while self.terms and self.terms[0]["word"] != "OR" and self.terms[0]["bracket"] != ")":
            parts.append(self._term(self.terms.pop(0)))
        if not parts:
            raise self._invalid("a query with something on both sides of OR")
        return lambda post: all(part(post) for part in parts)

    def _term(self, term: re.Match[str]) -> Matches:
        matches = self._bracketed() if term["bracket"] else self._plain_term(term)
        return (lambda post: not matches(post)) if term["not"] else matches

    def _bracketed(self) -> Matches:
        matches = self._alternatives()
        if not self.terms or self.terms.pop(0)["bracket"] != ")":
            raise self._invalid("a query with a bracket for each")
        return matches

    def _plain_term(self, term: re.Match[str]) -> Matches:
        if term["operator"]:
            return self._operator(term["operator"], term["value"])
        self.can_stand_alone |= not term["not"]
        if term["tag"]:
            return lambda post: term["tag"].lower() in _entities(post, "hashtags", "tag")
        if term["name"]:
            return lambda post: term["name"].lower() in _entities(post, "mentions", "username")
        words = f" {_words(term['phrase'] or term['word'])} "
        return lambda post: words in f" {_words(post.text)} "

    def _operator(self, operator: str, value: str) -> Matches:
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
        raise self._invalid(f"a query of known operators: {operator}:{value}")

    def _invalid(self, rule: str) -> EarlyResponse:
        return EarlyResponse(invalid_query("query", self.query, rule))


def _entities(post: Post, kind: str, name: str) -> set[str]:
    found: list[dict[str, Any]] = post.facts["entities"].get(kind, [])
    return {entity[name].lower() for entity in found}


def _words(text: str) -> str:
    """The words in lower case, with one space between them. Signs such as # separate words."""
    return " ".join(re.findall(r"\w+", text.lower()))
