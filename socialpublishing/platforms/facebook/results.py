"""What Facebook tells of a Page's posts: what people did with them.

https://developers.facebook.com/docs/graph-api/reference/page/published_posts. How many saw a post
stands in its insights, which need another permission and change names often; the rhythm of a Page
shows in what people do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.platforms.results import Metrics, PastPost, Results

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook import Facebook  # noqa: F401  named in a string

PAGE_SIZE = 100
MAX_PAGES = 10
FIELDS = (
    "id,message,created_time,attachments{media_type},shares,"
    "comments.limit(0).summary(true),reactions.limit(0).summary(true)"
)
KINDS = {"photo": "image", "album": "carousel", "video": "video", "link": "link"}


class FacebookResults(Results["Facebook"]):
    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        found: list[PastPost] = []
        for page in self._pages(since):
            found += [past_post(post) for post in page]
            if len(found) >= limit:
                break
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        """From the list: reading many posts by id in one call was ended by Meta."""
        wanted = set(remote_ids)
        told: dict[str, Metrics] = {}
        for page in self._pages(None):
            told |= {post["id"]: metrics_of(post) for post in page if post["id"] in wanted}
            if len(told) == len(wanted):
                break
        return told

    def _pages(self, since: dt.datetime | None) -> Iterator[list[dict[str, Any]]]:
        params = {"fields": FIELDS, "limit": str(PAGE_SIZE)}
        if since is not None:
            params["since"] = str(int(since.timestamp()))
        for _ in range(MAX_PAGES):
            answer = self.client.page("GET", "published_posts", params=params)
            yield answer["data"]
            paging = answer.get("paging", {})
            if "next" not in paging:
                return
            params["after"] = paging["cursors"]["after"]


def past_post(post: Mapping[str, Any]) -> PastPost:
    attachments = post.get("attachments", {}).get("data", [])
    return PastPost(
        id=post["id"],
        published_at=dt.datetime.strptime(post["created_time"], "%Y-%m-%dT%H:%M:%S%z"),
        text=post.get("message", ""),
        kind=KINDS.get(attachments[0].get("media_type"), "") if attachments else "text",
        metrics=metrics_of(post),
    )


def metrics_of(post: Mapping[str, Any]) -> Metrics:
    return Metrics(
        likes=_total(post, "reactions"),
        comments=_total(post, "comments"),
        # It is missing as long as nobody shared.
        shares=post.get("shares", {}).get("count", 0),
    )


def _total(post: Mapping[str, Any], edge: str) -> int | None:
    total: int | None = post.get(edge, {}).get("summary", {}).get("total_count")
    return total
