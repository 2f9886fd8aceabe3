"""What is sent to begin a post.

https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from socialpublishing.media import public_address
from socialpublishing.posts import MediaKind, Post

PUBLIC = "PUBLIC_TO_EVERYONE"
# Whether TikTok means decimal or binary megabytes is not told: this fits both.
SINGLE_CHUNK_BYTES = 64_000_000
CHUNK_BYTES = 10_000_000
# In TikTok's names, which are ours too.
FOR_ALL = ("privacy_level", "disable_comment", "brand_content_toggle", "brand_organic_toggle")
FOR_VIDEOS = ("disable_duet", "disable_stitch", "video_cover_timestamp_ms", "is_aigc")
FOR_PHOTOS = ("auto_add_music",)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a video is cut. The last chunk holds the remainder too: the count is rounded down."""

    size: int
    chunk: int
    count: int

    @property
    def last_start(self) -> int:
        """Where the last chunk begins: with it the post is made."""
        return self.chunk * (self.count - 1)


def plan_of(size: int) -> Plan:
    if size <= SINGLE_CHUNK_BYTES:
        return Plan(size=size, chunk=size, count=1)
    return Plan(size=size, chunk=CHUNK_BYTES, count=size // CHUNK_BYTES)


def is_draft(post: Post) -> bool:
    return post.post_type == "draft"


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO


def video_payload(post: Post, plan: Plan) -> dict[str, Any]:
    """Of a draft TikTok reads only where the video comes from."""
    source = {
        "source": "FILE_UPLOAD",
        "video_size": plan.size,
        "chunk_size": plan.chunk,
        "total_chunk_count": plan.count,
    }
    if is_draft(post):
        return {"source_info": source}
    info = {"title": post.text, **_chosen(post, (*FOR_ALL, *FOR_VIDEOS))}
    return {"post_info": info, "source_info": source}


def photos_payload(post: Post) -> dict[str, Any]:
    info: dict[str, Any] = {"description": post.text}
    if title := post.options.get("title"):
        info["title"] = title
    if not is_draft(post):
        info |= _chosen(post, (*FOR_ALL, *FOR_PHOTOS))
    return {
        "media_type": "PHOTO",
        "post_mode": "MEDIA_UPLOAD" if is_draft(post) else "DIRECT_POST",
        "post_info": info,
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_images": [public_address(media.url) for media in post.media],
            "photo_cover_index": post.options.get("photo_cover_index", 0),
        },
    }


def _chosen(post: Post, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: post.options[name] for name in names if name in post.options}
