"""Numbers of an account's Pins, and keywords that people search for on Pinterest.

https://developers.pinterest.com/docs/api/v5/pins-list,
https://developers.pinterest.com/docs/api/v5/trending_keywords-list
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
    TagIdea,
    TagIdeas,
    TagQuery,
)
from socialpublishing.platforms.pinterest.matching import created_at, has_time, is_newest_first
from socialpublishing.platforms.pinterest.regions import region_of
from socialpublishing.text import hashtag_of

if TYPE_CHECKING:
    from socialpublishing.platforms.pinterest import Pinterest

# Of 250 Pins each. Numbers are read for recent Pins, and lists are newest first in practice.
MAX_PAGES = 8
MAX_KEYWORDS, MAX_KEYWORD = 50, 100
MAX_TRENDS = 50
# How many of the last values of a weekly series count.
WEEKS = 4
KINDS = {"image": "image", "multiple_images": "carousel", "video": "video"}


class PinterestMetrics(MetricsReader["Pinterest"]):
    client: Pinterest
    has_tag_ideas = True
    by_destination = False

    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """Without repins and without Pins on protected and secret boards.

        The order of the list is not documented. Reading stops early only if the Pins themselves
        show that the newest come first.
        """
        found: list[PastPost] = []
        for listed in self._pages():
            pins = [pin for pin in listed if has_time(pin)]
            found += [past_post(pin) for pin in pins if created_at(pin) >= since]
            is_enough = len(found) >= limit or (pins and created_at(pins[-1]) < since)
            if is_enough and is_newest_first(pins):
                break
        found.sort(key=lambda post: post.published_at, reverse=True)
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        """From the list of Pins, 250 a request: reading many Pins by their ids is a beta that not
        all apps have access to."""
        wanted = set(remote_ids)
        found: dict[str, Metrics] = {}
        pages = self._pages(include_protected_pins="true")
        while wanted and (pins := next(pages, None)) is not None:
            found |= {pin["id"]: metrics_of(pin) for pin in pins if pin["id"] in wanted}
            wanted -= found.keys()
        return found

    def tag_ideas(self, query: TagQuery) -> TagIdeas:
        """Popular search keywords that contain one of the query's, each written as a hashtag."""
        keywords = [_keyword(words) for words in (*query.keywords, query.industry)]
        keywords = [keyword for keyword in keywords if keyword]
        if not keywords:
            raise MetricsNotAvailableError("Pinterest has trends for none of these keywords.")
        region = region_of(query.timezone)
        response = self.client.http.get(
            f"/v5/trends/keywords/{quote(region.code, safe='')}/top/monthly",
            params={
                "include_keywords": keywords[:MAX_KEYWORDS],
                # By default each keyword's own peak is 100, so that no two can be compared.
                "normalize_against_group": "true",
                "limit": str(MAX_TRENDS),
            },
        )
        return TagIdeas(
            source="pinterest_trends",
            meaning="How often people searched for the keyword on Pinterest in the last four weeks "
            f"in {region.name}, relative to the most popular one.",
            ideas=ranked_tags(response["trends"])[: query.limit],
        )

    def _pages(self, **params: str) -> Iterator[list[dict[str, Any]]]:
        """The account's own Pins with their numbers, page by page."""
        pages = self.client.pages(
            "/v5/pins", pin_metrics="true", pin_filter="exclude_repins", **params
        )
        return islice(pages, MAX_PAGES)


def past_post(pin: Mapping[str, Any]) -> PastPost:
    return PastPost(
        id=pin["id"],
        published_at=created_at(pin),
        text=pin.get("description") or "",
        kind=KINDS.get((pin.get("media") or {}).get("media_type", ""), ""),
        metrics=metrics_of(pin),
    )


def metrics_of(pin: Mapping[str, Any]) -> Metrics:
    """Since the Pin was created; images from before 2023-03-20 have numbers of 90 days only.

    The names are those of the OpenAPI description's example, which has no saves, and of its
    analytics.
    """
    periods = pin.get("pin_metrics") or {}
    counts: Mapping[str, int] = {
        **(periods.get("90d") or {}),
        **(periods.get("lifetime_metrics") or {}),
    }
    outbound = counts.get("outbound_click", counts.get("clickthrough"))
    clicks = [count for count in (counts.get("pin_click"), outbound) if count is not None]
    return Metrics(
        impressions=counts.get("impression"),
        likes=counts.get("reaction"),
        comments=counts.get("comment"),
        saves=counts.get("save"),
        clicks=sum(clicks) if clicks else None,
    )


def ranked_tags(trends: Sequence[Mapping[str, Any]]) -> tuple[TagIdea, ...]:
    """Volumes of keywords that give the same hashtag are added up."""
    volumes: dict[str, float] = {}
    for trend in trends:
        if tag := hashtag_of(trend["keyword"]):
            volumes[tag] = volumes.get(tag, 0) + _recent_volume(trend)
    highest = max(volumes.values(), default=0)
    # Python's sort is stable: Pinterest's own rank orders equal volumes.
    ranked = sorted(volumes.items(), key=lambda item: -item[1])
    return tuple(
        TagIdea(tag=tag, score=volume / highest if highest else 0) for tag, volume in ranked
    )


def _recent_volume(trend: Mapping[str, Any]) -> float:
    series: Mapping[str, float] = trend.get("time_series") or {}
    return sum(series[day] for day in sorted(series)[-WEEKS:])


def _keyword(words: str) -> str:
    """As Pinterest writes keywords: in lower case, without `#`."""
    return " ".join(words.replace("#", " ").lower().split())[:MAX_KEYWORD].strip()
