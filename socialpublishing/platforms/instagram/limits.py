"""What Instagram accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from socialpublishing.errors import Violation
from socialpublishing.limits import (
    MEGABYTE,
    Bounds,
    Capabilities,
    MediaLimit,
    PostType,
    exceeds,
)
from socialpublishing.platforms.instagram.payloads import (
    SHARED_OPTIONS,
    VIDEO_OPTIONS,
    is_carousel,
    is_story,
    product_of,
    tags_of,
)
from socialpublishing.posts import MediaKind, Post, PostWarning

CONTENT_PAGE = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
MEDIA_PAGE = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/"
    "ig-user/media"
)
CHECKED = dt.date(2026, 11, 27)
# Stories are for business accounts: https://developers.facebook.com/docs/instagram-platform/
# instagram-api-with-facebook-login, "Limitations", checked 2026-11-27.
CREATOR = "media_creator"
POST_TYPES, POST_TYPES_OF_CREATORS = ("feed", "reel", "story"), ("feed", "reel")
MAX_ASSETS, MAX_TAGS = 10, 20
# The page documents 4:5 to 1.91:1. Pictures of 3:4 are published, by several reports:
# https://github.com/mvdicarlo/postybirb/pull/762
DOCUMENTED_RATIO = Bounds(low=0.8, high=1.91)
# Above it, a reel may be left out of the Reels tab (reels guide of 2026-07-30).
USUAL_REEL_S = 90
# [memory] Not documented; longer ones are refused in practice.
MAX_CAROUSEL_VIDEO_S = 60
MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS = 2200, 30, 20
IMAGE = MediaLimit(
    max_count=MAX_ASSETS,
    mime_types=frozenset({"image/jpeg"}),
    max_bytes=8_000_000,
    # "Extended JPEG formats such as MPO and JPS are not supported": CONTENT_PAGE, 2026-11-27.
    accepts_mpo=False,
    ratio=replace(DOCUMENTED_RATIO, low=0.75),
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
            max_media=MAX_ASSETS,
            mixes_kinds=True,
            media={
                MediaKind.IMAGE: IMAGE,
                MediaKind.VIDEO: replace(REEL, max_count=MAX_ASSETS),
            },
            max_alt_text=1000,
            max_hashtags=MAX_HASHTAGS,
            max_mentions=MAX_MENTIONS,
            options=frozenset({*SHARED_OPTIONS, "user_tags", "first_comment"}),
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
            options=frozenset({*SHARED_OPTIONS, *VIDEO_OPTIONS, "user_tags", "first_comment"}),
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


def account_violations(post: Post, profile: Mapping[str, Any]) -> Iterator[Violation]:
    """Where the type of account is unknown, Instagram itself decides."""
    is_creator = str(profile.get("account_type") or "").lower() == CREATOR
    if is_creator and post.post_type not in POST_TYPES_OF_CREATORS:
        yield Violation(
            rule="account_type",
            limit="business",
            actual=CREATOR,
            message="Instagram takes stories from business accounts only; this is the account of a "
            "creator.",
            fix="Post it as a reel or in the feed, or switch to a business account in Instagram "
            "and connect it again.",
        )


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    yield from _tag_violations(post)
    if is_carousel(post):
        yield from _long_videos(post)
    else:
        yield from _late_thumbnail(post)


def _tag_violations(post: Post) -> Iterator[Violation]:
    for tag in post.options.get("user_tags", ()):
        number = tag.get("asset", 1)
        if number > len(post.media):
            yield Violation(
                rule="user_tags_asset",
                limit=len(post.media),
                actual=number,
                message=f"The tag of {tag['username']} is on asset {number}; the post has "
                f"{len(post.media)}.",
                fix="Name an asset of the post.",
            )
        elif _needs_place(post, number) and not {"x", "y"} <= set(tag):
            yield Violation(
                rule="user_tags_place",
                limit=["x", "y"],
                actual=sorted({"x", "y"} & set(tag)),
                message=f"The tag of {tag['username']} on an image needs x and y.",
                fix="Say where in the image the person is.",
            )
    for number in range(1, len(post.media) + 1):
        if (count := len(tags_of(post, number))) > MAX_TAGS:
            yield Violation(
                rule="user_tags_count",
                limit=MAX_TAGS,
                actual=count,
                message=f"Asset {number} has {count} tags, {MAX_TAGS} are allowed.",
                fix=f"Remove {count - MAX_TAGS}.",
            )


def _needs_place(post: Post, number: int) -> bool:
    return post.media[number - 1].kind == MediaKind.IMAGE and not is_story(post)


def _late_thumbnail(post: Post) -> Iterator[Violation]:
    offset_ms = post.options.get("thumb_offset")
    duration_s = post.media[0].duration_s if post.media else None
    if offset_ms is not None and duration_s is not None and offset_ms >= duration_s * 1000:
        yield Violation(
            rule="thumb_offset",
            limit=int(duration_s * 1000),
            actual=offset_ms,
            message=f"thumb_offset is {offset_ms} ms; the video lasts {duration_s:g} seconds.",
            fix="Name a moment within the video, in milliseconds.",
        )


def warnings(post: Post) -> Iterator[PostWarning]:
    for number, media in enumerate(post.media, start=1):
        ratio = media.width / media.height if media.width and media.height else None
        is_image = media.kind == MediaKind.IMAGE and not is_story(post)
        if is_image and ratio is not None and not DOCUMENTED_RATIO.contains(round(ratio, 2)):
            yield PostWarning(
                code="measure_outside",
                message=f"Asset {number} has an aspect ratio of {ratio:.3f}. Instagram documents "
                f"{DOCUMENTED_RATIO}; it usually publishes 3:4 (0.75) too.",
            )
    is_reel = product_of(post) == "REELS" if post.media else False
    if is_reel and exceeds("duration_s", post.media[0].duration_s, USUAL_REEL_S):
        yield PostWarning(
            code="measure_outside",
            message=f"The reel is longer than {USUAL_REEL_S} seconds; Instagram may not show it in "
            "the Reels tab.",
        )


def _long_videos(post: Post) -> Iterator[Violation]:
    for media in post.media:
        if exceeds("duration_s", media.duration_s, MAX_CAROUSEL_VIDEO_S):
            yield Violation(
                rule="carousel_video_duration",
                limit=MAX_CAROUSEL_VIDEO_S,
                actual=media.duration_s,
                message=f"A video in a carousel lasts {MAX_CAROUSEL_VIDEO_S} seconds at most; "
                f"this one {media.duration_s:g}.",
                fix="Shorten it, or post it alone.",
            )
