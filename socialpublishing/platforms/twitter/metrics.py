"""Metrics of an account's posts on X, and hashtags of posts about keywords.

https://docs.x.com/x-api/fundamentals/metrics, https://docs.x.com/x-api/posts/search/introduction.
X charges for every post that it returns, and again on the next day
(https://docs.x.com/x-api/getting-started/pricing): nothing here reads more posts than its caller
allows.
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
from socialpublishing.platforms.twitter.matching import listed_tweets, written_text
from socialpublishing.platforms.twitter.payloads import (
    fields_parameter,
    since_parameter,
    until_parameter,
)
from socialpublishing.spread_reads import read_spread
from socialpublishing.text import hashtag_of

MAX_IDS = 100
# The smallest and the largest page that X returns of a timeline, and of a search.
TIMELINE_PAGE = (5, 100)
SEARCH_PAGE = (10, 100)
# More than the budget needs: pages of a timeline are short where posts are excluded.
MAX_PAGES = 40
MAX_QUERY = 512
# By the first part of a media key. This is not documented, but X charges for reading the media.
MEDIA_KINDS = {"3": "image", "7": "video", "13": "video", "16": "gif"}
FIELD_REFUSALS = ("/not-authorized-for-field", "/field-unauthorized")


class TwitterMetrics(MetricsReader[Platform]):
    has_tag_ideas = True
    reads_are_billed = True

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """Without replies, and so only the first post of a thread.

        Of a long timeline, not only the newest posts: see `read_spread`. Without clicks: X returns
        them for 30 days only, and the posts of one history have to be comparable. Raises
        MetricsNotAvailableError if `limit` is below X's smallest page.
        """

        def read(budget: int, until: dt.datetime | None) -> list[PastPost]:
            return self._timeline(since, until, budget)

        return read_spread(read, since=since, limit=limit, smallest=TIMELINE_PAGE[0])

    def _timeline(
        self, since: dt.datetime, until: dt.datetime | None, budget: int
    ) -> list[PastPost]:
        params = {
            "exclude": "replies,retweets",
            **since_parameter(since),
            **until_parameter(until),
            **fields_parameter(
                "created_at", "entities", "note_tweet", "attachments", "public_metrics"
            ),
        }
        tweets = self._read_pages(
            f"/2/users/{self.client.account.id}/tweets",
            params,
            page_sizes=TIMELINE_PAGE,
            token_parameter="pagination_token",
            budget=budget,
        )
        return [past_post(tweet) for tweet in tweets]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        found: dict[str, Metrics] = {}
        for start in range(0, len(remote_ids), MAX_IDS):
            found |= self._metrics(remote_ids[start : start + MAX_IDS])
        return found

    def _metrics(self, ids: Sequence[str]) -> dict[str, Metrics]:
        found, refused = self._read_posts(ids, "public_metrics", "non_public_metrics")
        # X returns no clicks for posts older than 30 days. It may leave out such a post altogether,
        # which is not documented: read it again without clicks.
        missing = [post_id for post_id in ids if post_id in refused - found.keys()]
        if missing:
            found |= self._read_posts(missing, "public_metrics")[0]
        return found

    def _read_posts(self, ids: Sequence[str], *fields: str) -> tuple[dict[str, Metrics], set[str]]:
        """The metrics, and the ids of posts for which X refused one of the fields."""
        params = {"ids": ",".join(ids), **fields_parameter(*fields)}
        response = self.client.http.get("/2/tweets", params=params)
        refused = {
            str(error.get("resource_id"))
            for error in response.get("errors", [])
            if str(error.get("type")).endswith(FIELD_REFUSALS)
        }
        return {tweet["id"]: metrics_of(tweet) for tweet in response.get("data", [])}, refused

    def tag_ideas(self, query: TagQuery) -> TagIdeas:
        """The hashtags of posts of the last seven days about the keywords, by recent search.

        Trends are not used: those of a place are about anything, personal ones need a subscription.
        """
        search = search_for(query.keywords)
        if not search:
            raise MetricsNotAvailableError("X cannot search for any of these keywords.")
        params = {"query": search, "sort_order": "relevancy", **fields_parameter("entities")}
        tweets = self._read_pages(
            "/2/tweets/search/recent",
            params,
            page_sizes=SEARCH_PAGE,
            token_parameter="next_token",
            budget=query.max_reads,
        )
        return TagIdeas(
            source="x_recent_search",
            meaning=f"How many of {len(tweets)} posts of the last seven days about the keywords "
            "have the hashtag, relative to the most frequent one.",
            ideas=ranked_tags(tweets)[: query.limit],
        )

    def _read_pages(
        self,
        path: str,
        params: dict[str, str],
        *,
        page_sizes: tuple[int, int],
        token_parameter: str,
        budget: int,
    ) -> list[Mapping[str, Any]]:
        """At most `budget` posts. `page_sizes`: the smallest and the largest page."""
        smallest, largest = page_sizes
        if budget < smallest:
            raise MetricsNotAvailableError(
                f"X charges for each post that is read and returns at least {smallest} at once; "
                f"this service may read {budget}."
            )
        found: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            size = min(budget - len(found), largest)
            if size < smallest:
                break
            response = self.client.http.get(path, params={**params, "max_results": str(size)})
            found += listed_tweets(response)
            next_token = response.get("meta", {}).get("next_token")
            if not next_token:
                break
            params = {**params, token_parameter: next_token}
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
    """A query for posts with hashtags and with any of the keywords, as words or as a hashtag.

    It has as many keywords as fit; it is empty if none can be searched for.
    https://docs.x.com/x-api/posts/search/integrate/operators
    """
    terms: list[str] = []
    for keyword in keywords:
        more = _search_terms(keyword)
        if more and len(_any_of([*terms, *more])) <= MAX_QUERY:
            terms += more
    return _any_of(terms) if terms else ""


def _search_terms(keyword: str) -> list[str]:
    # Within quotes no word is an operator. X finds a single word in hashtags too, but not several.
    words = " ".join(re.sub(r'["#]', " ", keyword).split())
    tag = hashtag_of(words)
    if not tag:
        return []
    quoted = f'"{words}"'
    return [quoted] if tag.casefold() == words.casefold() else [quoted, f"#{tag}"]


def _any_of(terms: Sequence[str]) -> str:
    return f"({' OR '.join(terms)}) has:hashtags"


def ranked_tags(tweets: Iterable[Mapping[str, Any]]) -> tuple[TagIdea, ...]:
    """Hashtags by how many of the posts have them, in the spelling of the first one."""
    counts: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for tweet in tweets:
        entities = tweet.get("entities") or {}
        tags = [hashtag["tag"] for hashtag in entities.get("hashtags") or []]
        for tag in tags:
            spellings.setdefault(tag.casefold(), tag)
        counts.update({tag.casefold() for tag in tags})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    highest = ranked[0][1] if ranked else 0
    return tuple(TagIdea(tag=spellings[tag], score=count / highest) for tag, count in ranked)


def _sum(*counts: int | None) -> int | None:
    """The sum of the known counts; None if none is known."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
