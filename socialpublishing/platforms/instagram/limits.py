"""What Instagram accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from socialpublishing.errors import Violation
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.platforms.instagram.payloads import (
    SHARED_OPTIONS,
    VIDEO_OPTIONS,
    is_carousel,
    is_story,
)
from socialpublishing.posts import MediaKind, Post

CONTENT_PAGE = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
MEDIA_PAGE = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/"
    "ig-user/media"
)
CHECKED = dt.date(2026, 11, 22)
# [memory] Not documented; longer ones are refused in practice.
MAX_CAROUSEL_VIDEO_S = 60
MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS = 2200, 30, 20
IMAGE = MediaLimit(
    max_count=10,
    mime_types=frozenset({"image/jpeg"}),
    max_bytes=8_000_000,
    # "Extended JPEG formats such as MPO and JPS are not supported": CONTENT_PAGE, 2026-11-27.
    accepts_mpo=False,
    ratio=Bounds(low=0.8, high=1.91),
)
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime"})
REEL = MediaLimit(
    mime_types=VIDEO_TYPES,
    max_bytes=300 * MEGABYTE,
    width=Bounds(high=1920),
    ratio=Bounds(low=0.01, high=10),
    duration_s=Bounds(low=3, high=15 * 60),
    frame_rate=Bounds(low=23, high=60),
    has_alt_text=False,
)

CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="An image, a video (as a reel), or a carousel of 2 to 10 of both.",
            max_text=MAX_CAPTION,
            min_media=1,
            max_media=10,
            mixes_kinds=True,
            media={
                MediaKind.IMAGE: IMAGE,
                MediaKind.VIDEO: replace(REEL, max_count=10),
            },
            max_alt_text=1000,
            max_hashtags=MAX_HASHTAGS,
            max_mentions=MAX_MENTIONS,
            options=frozenset({*SHARED_OPTIONS, "user_tags"}),
            source=MEDIA_PAGE,
            checked=CHECKED,
        ),
        PostType(
            name="reel",
            description="A video.",
            max_text=MAX_CAPTION,
            min_media=1,
            max_media=1,
            media={MediaKind.VIDEO: REEL},
            max_hashtags=MAX_HASHTAGS,
            max_mentions=MAX_MENTIONS,
            options=frozenset({*SHARED_OPTIONS, *VIDEO_OPTIONS, "user_tags"}),
            source=MEDIA_PAGE,
            checked=CHECKED,
        ),
        PostType(
            name="story",
            description="An image or a video that is gone after a day. No caption is shown.",
            max_text=0,
            min_media=1,
            max_media=1,
            media={
                MediaKind.IMAGE: MediaLimit(
                    mime_types=IMAGE.mime_types,
                    max_bytes=IMAGE.max_bytes,
                    accepts_mpo=False,
                    has_alt_text=False,
                ),
                MediaKind.VIDEO: replace(
                    REEL,
                    max_bytes=100 * MEGABYTE,
                    ratio=Bounds(low=0.1, high=10),
                    duration_s=Bounds(low=3, high=60),
                ),
            },
            options=frozenset({"user_tags"}),
            source=CONTENT_PAGE,
            checked=CHECKED,
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    is_image = bool(post.media) and post.media[0].kind == MediaKind.IMAGE
    if is_image and not is_story(post):
        yield from _tags_without_position(post)
    if is_carousel(post):
        yield from _long_videos(post)


def _tags_without_position(post: Post) -> Iterator[Violation]:
    for tag in post.options.get("user_tags", ()):
        if not {"x", "y"} <= set(tag):
            yield Violation(
                rule="user_tags_place",
                limit=["x", "y"],
                actual=sorted(set(tag) - {"username"}),
                message=f"The tag of {tag['username']} on an image needs x and y.",
                fix="Say where in the image the person is.",
            )


def _long_videos(post: Post) -> Iterator[Violation]:
    for media in post.media:
        if (media.duration_s or 0) > MAX_CAROUSEL_VIDEO_S:
            yield Violation(
                rule="carousel_video_duration",
                limit=MAX_CAROUSEL_VIDEO_S,
                actual=media.duration_s,
                message=f"A video in a carousel lasts {MAX_CAROUSEL_VIDEO_S} seconds at most; "
                f"this one {media.duration_s:g}.",
                fix="Shorten it, or post it alone.",
            )
