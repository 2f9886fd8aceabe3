"""The payloads that start a post, and how a video is split into chunks.

https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from socialpublishing.media.public import signed_address
from socialpublishing.posts import MediaKind, Post
from socialpublishing.text import is_blank

PUBLIC, PRIVATE = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
# TikTok does not document whether it means decimal or binary megabytes: this is right for both.
SINGLE_CHUNK_BYTES = 64_000_000
CHUNK_BYTES = 10_000_000
LARGEST_CHUNK_BYTES = 64_000_000
# These options have the same names in TikTok's API.
POST_INFO = ("privacy_level", "disable_comment", "brand_content_toggle", "brand_organic_toggle")
VIDEO_INFO = ("disable_duet", "disable_stitch", "video_cover_timestamp_ms", "is_aigc")
PHOTOS_INFO = ("auto_add_music",)


@dataclass(frozen=True, kw_only=True)
class UploadPlan:
    """How a video is split. The count is rounded down: the last chunk includes the remainder."""

    size: int
    chunk_bytes: int

    @property
    def count(self) -> int:
        return self.size // self.chunk_bytes

    @property
    def last_start(self) -> int:
        """The offset of the last chunk, which creates the post."""
        return self.chunk_bytes * (self.count - 1)


def plans_of(size: int) -> tuple[UploadPlan, ...]:
    """How to split a video of `size` bytes, the first choice first.

    TikTok documents all of them as valid, but has refused chunks of some sizes since 2026-08.
    """
    small = UploadPlan(size=size, chunk_bytes=min(CHUNK_BYTES, size))
    if size <= SINGLE_CHUNK_BYTES:
        whole = UploadPlan(size=size, chunk_bytes=size)
        return (whole, small) if small.count > 1 else (whole,)
    count = -(-size // LARGEST_CHUNK_BYTES)
    return small, UploadPlan(size=size, chunk_bytes=size // count)


def is_draft(post: Post) -> bool:
    return post.post_type == "draft"


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO


def loses_text(post: Post) -> bool:
    """Is `post` a draft whose text TikTok ignores?"""
    return is_draft(post) and is_video(post) and not is_blank(post.text)


def video_payload(post: Post, plan: UploadPlan) -> dict[str, Any]:
    """For a draft, TikTok reads only the source of the video."""
    source = {
        "source": "FILE_UPLOAD",
        "video_size": plan.size,
        "chunk_size": plan.chunk_bytes,
        "total_chunk_count": plan.count,
    }
    if is_draft(post):
        return {"source_info": source}
    info = {"title": post.text, **_chosen(post, (*POST_INFO, *VIDEO_INFO))}
    return {"post_info": info, "source_info": source}


def photos_payload(post: Post) -> dict[str, Any]:
    info: dict[str, Any] = {"description": post.text}
    if title := post.options.get("title"):
        info["title"] = title
    if not is_draft(post):
        info |= _chosen(post, (*POST_INFO, *PHOTOS_INFO))
    return {
        "media_type": "PHOTO",
        "post_mode": "MEDIA_UPLOAD" if is_draft(post) else "DIRECT_POST",
        "post_info": info,
        "source_info": {
            "source": "PULL_FROM_URL",
            # Ours: TikTok follows no redirects, and pulls only from an address that the operator
            # has verified (content-posting-api-media-transfer-guide, read 2026-11-22).
            "photo_images": [signed_address(media) for media in post.media],
            "photo_cover_index": post.options.get("photo_cover_index", 0),
        },
    }


def _chosen(post: Post, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: post.options[name] for name in names if name in post.options}
