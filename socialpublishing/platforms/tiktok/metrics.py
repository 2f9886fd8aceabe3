"""Numbers of a creator's public videos, counted since they were published.

https://developers.tiktok.com/docs/en/tiktok-api-v2-video-object. TikTok reports hashtags only in
another product, which needs another app and another consent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from socialpublishing.platforms.metrics import Metrics, MetricsReader, PastPost
from socialpublishing.platforms.tiktok.matching import created_at, id_of

if TYPE_CHECKING:
    from socialpublishing.platforms.tiktok import TikTok  # noqa: F401  named in a string

FIELDS = "id,create_time,video_description,duration,like_count,comment_count,share_count,view_count"
MAX_IDS = 20


class TikTokMetrics(MetricsReader["TikTok"]):
    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """TikTok cuts captions at 150 characters: later hashtags are missing."""
        found: list[PastPost] = []
        for page in self.client.videos(FIELDS):
            posts = [past_post(video) for video in page]
            found += [post for post in posts if post.published_at >= since]
            if len(found) >= limit or (posts and posts[-1].published_at < since):
                break
        return found[:limit]

    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        # A post that never became public has no id of a video.
        ids = [each for each in remote_ids if each.isdecimal()]
        found: dict[str, Metrics] = {}
        for start in range(0, len(ids), MAX_IDS):
            body = {"filters": {"video_ids": ids[start : start + MAX_IDS]}}
            data = self.client.request(f"/v2/video/query/?fields={FIELDS}", body)
            found |= {id_of(video["id"]): metrics_of(video) for video in data["videos"]}
        return found


def past_post(video: Mapping[str, Any]) -> PastPost:
    return PastPost(
        id=id_of(video["id"]),
        published_at=created_at(video),
        text=video.get("video_description") or "",
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
