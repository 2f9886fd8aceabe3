"""What became of an account's posts on X, and which hashtags go with words there.

https://docs.x.com/x-api/fundamentals/metrics, https://docs.x.com/x-api/posts/search/introduction.
X charges for every post that it hands out, again and again from one day to the next
(https://docs.x.com/x-api/getting-started/pricing): nothing here reads more than it was asked to.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
    TagIdea,
    TagIdeas,
    TagQuery,
)
from socialpublishing.platforms.twitter.matching import written_text
from socialpublishing.platforms.twitter.payloads import asked_fields
from socialpublishing.text import hashtag_of

MAX_IDS = 100
# The least and the most that a page of a timeline, and of a search, can hold.
TIMELINE_PAGE = (5, 100)
SEARCH_PAGE = (10, 100)
# Pages may hold less than they were asked for: what a timeline leaves out is taken from its pages.
MAX_PAGES = 40
MAX_QUERY = 512
# What the first part of a media key says is documented nowhere; to be told what it is, the media
# would have to be read too.
MEDIA_KINDS = {"3": "image", "7": "video", "13": "video", "16": "gif"}
FIELD_REFUSALS = ("/not-authorized-for-field", "/field-unauthorized")


class TwitterMetrics(MetricsReader[Platform]):
    has_tag_ideas = True
    reads_are_billed = True

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """Without replies, and so without all but the first post of a thread.

        Clicks are not among the numbers: X tells them of the last 30 days only, and posts of one
        history are to be compared with each other. Raises MetricsNotAvailableError if `limit` is
        less than X hands out at once.
        """
        account = self.client.account
        params = {
            "exclude": "replies,retweets",
            "start_time": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **asked_fields("created_at", "entities", "note_tweet", "attachments", "public_metrics"),
        }
        path = f"/2/users/{account.id}/tweets"
        tweets = self._pages(path, params, TIMELINE_PAGE, "pagination_token", limit)
        return [past_post(tweet) for tweet in tweets]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        found: dict[str, Metrics] = {}
        for start in range(0, len(remote_ids), MAX_IDS):
            found |= self._metrics(remote_ids[start : start + MAX_IDS])
        return found

    def _metrics(self, ids: Sequence[str]) -> dict[str, Metrics]:
        found, refused = self._read(ids, "public_metrics", "non_public_metrics")
        # Of posts older than 30 days X does not tell clicks. If it holds back the whole post for
        # it, which is documented nowhere, that is read again without them.
        held_back = [post_id for post_id in ids if post_id in refused - found.keys()]
        if held_back:
            found |= self._read(held_back, "public_metrics")[0]
        return found

    def _read(self, ids: Sequence[str], *fields: str) -> tuple[dict[str, Metrics], set[str]]:
        """What is told, and the ids of which one of the fields is not."""
        params = {"ids": ",".join(ids), **asked_fields(*fields)}
        response = self.client.http.get("/2/tweets", params=params)
        refused = {
            str(error.get("resource_id"))
            for error in response.get("errors", [])
            if str(error.get("type")).endswith(FIELD_REFUSALS)
        }
        return {tweet["id"]: metrics_of(tweet) for tweet in response.get("data", [])}, refused

    def tag_ideas(self, query: TagQuery) -> TagIdeas:
        """By recent search: what the posts of the last seven days carry that speak of the keywords.

        Trends are not asked: those of a place speak of anything, personal ones need a subscription.
        """
        search = search_for(query.keywords)
        if not search:
            raise MetricsNotAvailableError("X can search for none of these keywords.")
        params = {"query": search, "sort_order": "relevancy", **asked_fields("entities")}
        path = "/2/tweets/search/recent"
        tweets = self._pages(path, params, SEARCH_PAGE, "next_token", query.max_reads)
        return TagIdeas(
            source="x_recent_search",
            meaning=f"How many of {len(tweets)} posts of the last seven days about the keywords "
            "carry the tag, against the tag that most of them carry.",
            ideas=ranked_tags(tweets)[: query.limit],
        )

    def _pages(
        self,
        path: str,
        params: dict[str, str],
        page: tuple[int, int],
        token: str,
        budget: int,
    ) -> list[dict[str, Any]]:
        """At most `budget` posts. `page`: how few and how many one can hold."""
        least, most = page
        if budget < least:
            raise MetricsNotAvailableError(
                f"X charges for each post that is read and hands out at least {least} at once; "
                f"this service may read {budget}."
            )
        found: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            size = min(budget - len(found), most)
            if size < least:
                break
            response = self.client.http.get(path, params={**params, "max_results": str(size)})
            found += response.get("data", [])
            following = response.get("meta", {}).get("next_token")
            if not following:
                break
            params = {**params, token: following}
        return found


def past_post(tweet: Mapping[str, Any]) -> PastPost:
    return PastPost(
        id=tweet["id"],
        published_at=dt.datetime.fromisoformat(tweet["created_at"]),
        text=written_text(tweet),
        kind=kind_of(tweet),
        metrics=metrics_of(tweet),
    )


def kind_of(tweet: Mapping[str, Any]) -> str:
    attached = tweet.get("attachments", {})
    keys = attached.get("media_keys", [])
    if len(keys) > 1:
        return "carousel"
    if keys:
        return MEDIA_KINDS.get(keys[0].partition("_")[0], "")
    return "poll" if attached.get("poll_ids") else "text"


def metrics_of(tweet: Mapping[str, Any]) -> Metrics:
    public = tweet.get("public_metrics", {})
    private = tweet.get("non_public_metrics", {})
    reposts = public.get("repost_count", public.get("retweet_count"))
    return Metrics(
        impressions=public.get("impression_count"),
        likes=public.get("like_count"),
        comments=public.get("reply_count"),
        shares=_sum(reposts, public.get("quote_count")),
        saves=public.get("bookmark_count"),
        clicks=_sum(private.get("url_link_clicks"), private.get("user_profile_clicks")),
    )


def search_for(keywords: Iterable[str]) -> str:
    """A query for posts with hashtags that hold any of the keywords, as words or as a hashtag.

    As many as fit; empty if there are none to search for.
    https://docs.x.com/x-api/posts/search/integrate/operators
    """
    terms: list[str] = []
    for keyword in keywords:
        # Within quotes no word is an operator. A word is found in a hashtag too, several are not.
        words = " ".join(re.sub(r'["#]', " ", keyword).split())
        tag = hashtag_of(words)
        own = [f'"{words}"'] if tag else []
        if tag.casefold() != words.casefold():
            own.append(f"#{tag}")
        if tag and len(_any_of([*terms, *own])) <= MAX_QUERY:
            terms += own
    return _any_of(terms) if terms else ""


def _any_of(terms: Sequence[str]) -> str:
    return f"({' OR '.join(terms)}) has:hashtags"


def ranked_tags(tweets: Iterable[Mapping[str, Any]]) -> tuple[TagIdea, ...]:
    """Tags by how many of the posts carry them, in the spelling that is met first."""
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for tweet in tweets:
        tags = [each["tag"] for each in (tweet.get("entities") or {}).get("hashtags") or []]
        for tag in tags:
            spelled.setdefault(tag.casefold(), tag)
        counts.update({tag.casefold() for tag in tags})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    most = ranked[0][1] if ranked else 0
    return tuple(TagIdea(tag=spelled[tag], score=count / most) for tag, count in ranked)


def _sum(*counts: int | None) -> int | None:
    data = [count for count in counts if count is not None]
    return sum(data) if data else None
