"""The metrics of a Page's posts: reactions, comments, shares, and how many people saw them.

https://developers.facebook.com/docs/graph-api/reference/page/published_posts and
https://developers.facebook.com/docs/graph-api/reference/insights (v27.0), as of 2026-11-27. Views
and reach are insights, which are read only if the Page's owner has granted that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.platforms.meta.paging import read_list
from socialpublishing.platforms.metrics import Metrics, MetricsReader, PastPost

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook import Facebook  # noqa: F401  named in a string

MAX_POSTS = 1000
FIELDS = (
    "id,message,created_time,permalink_url,attachments{media_type},shares,"
    "comments.limit(0).summary(true),reactions.limit(0).summary(true)"
)
# A metric that Meta has ended fails the whole request. In June 2026 it ended those of impressions,
# for all versions.
INSIGHTS = "insights.metric(post_media_view,post_total_media_view_unique,post_clicks)"
# A key of stored profiles: it must not change.
CAN_READ_INSIGHTS = "tells_insights"
KINDS = {"photo": "image", "album": "carousel", "video": "video", "link": "link"}


class FacebookMetrics(MetricsReader["Facebook"]):
    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        found: list[PastPost] = []
        for page in self._pages(since):
            found += [past_post(post) for post in page]
            if len(found) >= limit:
                break
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        """Read from the list: Meta has ended requests for many posts by their ids."""
        wanted = set(remote_ids)
        found: dict[str, Metrics] = {}
        for page in self._pages(None):
            found |= {post["id"]: metrics_of(post) for post in page if post["id"] in wanted}
            if len(found) == len(wanted):
                break
        return found

    def _pages(self, since: dt.datetime | None) -> Iterator[list[dict[str, Any]]]:
        account = self.client.account
        fields = f"{FIELDS},{INSIGHTS}" if account.profile.get(CAN_READ_INSIGHTS) else FIELDS
        params = {"fields": fields}
        if since is not None:
            params["since"] = str(int(since.timestamp()))

        def read(params: dict[str, str]) -> Any:
            return self.client.call_page("GET", "published_posts", params=params)

        yield from read_list(params, read=read, max_items=MAX_POSTS, must_end=False)


def past_post(post: Mapping[str, Any]) -> PastPost:
    return PastPost(
        id=post["id"],
        published_at=dt.datetime.strptime(post["created_time"], "%Y-%m-%dT%H:%M:%S%z"),
        text=post.get("message") or "",
        kind=_kind(post),
        metrics=metrics_of(post),
    )


def _kind(post: Mapping[str, Any]) -> str:
    attachments = (post.get("attachments") or {}).get("data") or []
    if not attachments:
        return "text"
    if "/reel/" in post.get("permalink_url", ""):
        return "reel"
    return KINDS.get(attachments[0].get("media_type"), "")


def metrics_of(post: Mapping[str, Any]) -> Metrics:
    insights = {
        each["name"]: _sum(each["values"][0]["value"])
        for each in (post.get("insights") or {}).get("data") or []
        if each.get("values")
    }
    return Metrics(
        impressions=insights.get("post_media_view"),
        reach=insights.get("post_total_media_view_unique"),
        clicks=insights.get("post_clicks"),
        likes=_total(post, "reactions"),
        comments=_total(post, "comments"),
        # It is missing as long as nobody has shared the post.
        shares=(post.get("shares") or {}).get("count", 0),
    )


def _sum(value: Any) -> int:
    """Some metrics are split by kinds."""
    return sum(value.values()) if isinstance(value, dict) else value


def _total(post: Mapping[str, Any], edge: str) -> int | None:
    summary = (post.get(edge) or {}).get("summary") or {}
    total: int | None = summary.get("total_count")
    return total
