"""The metrics of an account's media, and which hashtags are used together.

https://developers.facebook.com/docs/instagram-platform/reference/instagram-media/insights
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-hashtag-search
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import PlatformApiError
from socialpublishing.platforms.instagram.matching import made_at
from socialpublishing.platforms.meta.paging import items_of, read_list
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
    TagIdea,
    TagIdeas,
    TagQuery,
)
from socialpublishing.text import find_hashtags, hashtag_of

if TYPE_CHECKING:
    from socialpublishing.platforms.instagram import Instagram  # noqa: F401  named in a string

PAGE_SIZE = 50
MAX_ITEMS = 1000
# Read in the same request as the list. A metric that one kind of media lacks fails the whole
# request, so these are the ones that all kinds have.
METRICS = "views,reach,shares,total_interactions"
PLAIN_FIELDS = "id,caption,media_type,media_product_type,timestamp,like_count,comments_count"
FIELDS = f"{PLAIN_FIELDS},insights.metric({METRICS})"
# The medium is from before the account became professional: it has no insights, and fails the
# request for those of a whole page (https://github.com/airbytehq/airbyte/issues/1814).
BEFORE_PROFESSIONAL = "100/2108006"
KINDS = {"CAROUSEL_ALBUM": "carousel", "IMAGE": "image", "VIDEO": "video"}
# Of the thirty different hashtags that an account may search for in seven days.
TAGS_PER_QUERY = 3


class InstagramMetrics(MetricsReader["Instagram"]):
    has_tag_ideas = True

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        found: list[PastPost] = []
        for page in self._pages():
            posts = [past_post(media) for media in page]
            found += [post for post in posts if post.published_at >= since]
            if len(found) >= limit or (posts and posts[-1].published_at < since):
                break
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        """Read from the list: Meta has ended requests for many media by their ids."""
        wanted = set(remote_ids)
        found: dict[str, Metrics] = {}
        for page in self._pages():
            found |= {each["id"]: metrics_of(each) for each in page if each["id"] in wanted}
            if len(found) == len(wanted):
                break
        return found

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        path = f"/{self.client.account.id}/media"
        self._has_insights = True
        return read_list(
            {}, read=lambda params: self._page(path, params), max_items=MAX_ITEMS, must_end=False
        )

    def _page(self, path: str, params: Mapping[str, str]) -> Any:
        """A page with the insights of its media, as far as they have any."""
        if self._has_insights:
            try:
                return self.client.call_graph("GET", path, params={**params, "fields": FIELDS})
            except PlatformApiError as error:
                if not error.platform_code.startswith("100"):
                    raise
        page = self.client.call_graph("GET", path, params={**params, "fields": PLAIN_FIELDS})
        for media in items_of(page):
            media["insights"] = self._insights(media["id"])
        return page

    def _insights(self, media_id: str) -> dict[str, Any]:
        if not self._has_insights:
            return {}
        try:
            path, params = f"/{media_id}/insights", {"metric": METRICS}
            insights: dict[str, Any] = self.client.call_graph("GET", path, params=params)
        except PlatformApiError as error:
            if not error.platform_code.startswith("100"):
                raise
            # The list has the newest first: whatever follows is older still.
            self._has_insights = error.platform_code != BEFORE_PROFESSIONAL
            return {}
        return insights

    def tag_ideas(self, query: TagQuery) -> TagIdeas:
        """The other hashtags of the most successful public media with the hashtags of the query."""
        if self.client.login != "facebook":
            raise MetricsNotAvailableError(
                "Instagram lets only accounts that were connected with Facebook Login search for "
                "hashtags."
            )
        counts: Counter[str] = Counter()
        for tag in tags_of(query):
            for media in self._top_media(tag, max_reads=query.max_reads or PAGE_SIZE):
                counts.update({each.lower() for each in find_hashtags(media.get("caption") or "")})
        most = max(counts.values(), default=1)
        ideas = [TagIdea(tag=tag, score=count / most) for tag, count in counts.most_common()]
        return TagIdeas(
            source="instagram_hashtag_search",
            meaning="How many of the most successful public media with the hashtags of the query "
            "have the tag, relative to the most frequent one.",
            ideas=tuple(ideas[: query.limit]),
        )

    def _top_media(self, tag: str, *, max_reads: int) -> list[dict[str, Any]]:
        user_id = self.client.account.id
        params = {"user_id": user_id, "q": tag}
        hashtags = items_of(self.client.call_graph("GET", "/ig_hashtag_search", params=params))
        if not hashtags:
            return []
        params = {
            "user_id": user_id,
            "fields": "id,caption,like_count,comments_count",
            "limit": str(min(max_reads, PAGE_SIZE)),
        }
        path = f"/{hashtags[0]['id']}/top_media"
        return items_of(self.client.call_graph("GET", path, params=params))


def tags_of(query: TagQuery) -> list[str]:
    tags = [hashtag_of(words).lower() for words in query.keywords]
    return list(dict.fromkeys(filter(None, tags)))[:TAGS_PER_QUERY]


def past_post(media: Mapping[str, Any]) -> PastPost:
    is_reel = media.get("media_product_type") == "REELS"
    return PastPost(
        id=media["id"],
        published_at=made_at(media),
        text=media.get("caption") or "",
        kind="reel" if is_reel else KINDS.get(str(media.get("media_type")), ""),
        metrics=metrics_of(media),
    )


def metrics_of(media: Mapping[str, Any]) -> Metrics:
    insights = {
        each["name"]: each["values"][0]["value"]
        for each in media.get("insights", {}).get("data", [])
        if each.get("values")
    }
    likes, comments = media.get("like_count"), media.get("comments_count")
    shares, total = insights.get("shares"), insights.get("total_interactions")
    saves = None
    if None not in (likes, comments, shares, total):
        # The total is the sum of likes, comments, shares and saves.
        saves = max(total - likes - comments - shares, 0)  # type: ignore[operator]
    return Metrics(
        impressions=insights.get("views"),
        reach=insights.get("reach"),
        likes=likes,
        comments=comments,
        shares=shares,
        saves=saves,
    )
