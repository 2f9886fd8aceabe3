"""What TikTok tells of public videos: counters over their whole life.

https://developers.tiktok.com/docs/en/tiktok-api-v2-video-object. Hashtags it names only in another
product, with an app and a consent of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.platforms.metrics import Metrics, MetricsReader, PastPost
from socialpublishing.platforms.tiktok.matching import made_at

if TYPE_CHECKING:
    from socialpublishing.platforms.tiktok import TikTok  # noqa: F401  named in a string

FIELDS = "id,create_time,video_description,duration,like_count,comment_count,share_count,view_count"
MAX_IDS = 20


class TikTokMetrics(MetricsReader["TikTok"]):
    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """Its captions are cut at 150 characters: hashtags behind that are not seen."""
        found: list[PastPost] = []
        for page in self.client.videos(FIELDS):
            posts = [past_post(video) for video in page]
            found += [post for post in posts if post.published_at >= since]
            if len(found) >= limit or (posts and posts[-1].published_at < since):
                break
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        # What never became public has no id of a video.
        ids = [each for each in remote_ids if each.isdecimal()]
        data: dict[str, Metrics] = {}
        for start in range(0, len(ids), MAX_IDS):
            asked = {"filters": {"video_ids": ids[start : start + MAX_IDS]}}
            response = self.client.ask(f"/v2/video/query/?fields={FIELDS}", asked)
            data |= {video["id"]: metrics_of(video) for video in response["videos"]}
        return data


def past_post(video: Mapping[str, Any]) -> PastPost:
    return PastPost(
        id=video["id"],
        published_at=made_at(video),
        text=video.get("video_description", ""),
        kind="video" if video.get("duration") else "carousel",
        metrics=metrics_of(video),
    )


def metrics_of(video: Mapping[str, Any]) -> Metrics:
    return Metrics(
        impressions=video.get("view_count"),
        likes=video.get("like_count"),
        comments=video.get("comment_count"),
        shares=video.get("share_count"),
    )
