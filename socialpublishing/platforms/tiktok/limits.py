"""What TikTok accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from socialpublishing.errors import Violation
from socialpublishing.limits import (
    GIGABYTE,
    MEGABYTE,
    Bounds,
    Capabilities,
    MediaLimit,
    PostType,
    TextUnit,
)
from socialpublishing.platforms.tiktok.options import MAX_PHOTO_TITLE
from socialpublishing.platforms.tiktok.payloads import is_draft
from socialpublishing.posts import MediaKind, Post
from socialpublishing.text import utf16_length

# "1080p", in whichever direction:
# https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
MAX_PHOTO_SIDES = (1080, 1920)
POSTING_PAGE = "https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post"
DRAFT_PAGE = "https://developers.tiktok.com/docs/en/content-posting-api-reference-upload-video"
CHECKED = dt.date(2026, 11, 22)
MAX_VIDEO_TEXT = 2200
VIDEO = MediaLimit(
    # https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
    mime_types=frozenset({"video/mp4", "video/quicktime", "video/webm"}),
    max_bytes=4 * GIGABYTE,
    width=Bounds(low=360, high=4096),
    height=Bounds(low=360, high=4096),
    duration_s=Bounds(low=3, high=10 * 60),
    frame_rate=Bounds(low=23, high=60),
    has_alt_text=False,
)
PHOTO = MediaLimit(
    max_count=35,
    mime_types=frozenset({"image/jpeg", "image/webp"}),
    max_bytes=20 * MEGABYTE,
    has_alt_text=False,
)
# What the author has to say, and nobody presets.
REQUIRED = frozenset(
    {
        "privacy_level",
        "disable_comment",
        "disable_duet",
        "disable_stitch",
        "brand_content_toggle",
        "brand_organic_toggle",
        "music_usage_confirmed",
    }
)
PHOTO_OPTIONS = frozenset({"title", "auto_add_music", "photo_cover_index"})
VIDEO_OPTIONS = frozenset({"is_aigc", "video_cover_timestamp_ms"})
CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="A video, or 1 to 35 photos.",
            max_text=4000,
            text_unit=TextUnit.UTF16,
            min_media=1,
            max_media=35,
            media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
            options=REQUIRED | VIDEO_OPTIONS | PHOTO_OPTIONS,
            required_options=REQUIRED,
            source=POSTING_PAGE,
            checked=CHECKED,
        ),
        PostType(
            name="draft",
            description="A video or photos that the creator finishes in TikTok's app. Of a "
            "video its text is left behind there.",
            max_text=4000,
            text_unit=TextUnit.UTF16,
            min_media=1,
            max_media=35,
            media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
            options=frozenset({"title", "photo_cover_index"}),
            source=DRAFT_PAGE,
            checked=CHECKED,
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    has_video = any(media.kind == MediaKind.VIDEO for media in post.media)
    yield from _wrong_options(post, has_video=has_video)
    length = utf16_length(post.text)
    if has_video and MAX_VIDEO_TEXT < length <= kind.max_text:
        yield Violation(
            rule="video_text_length",
            limit=MAX_VIDEO_TEXT,
            actual=length,
            message=f"The text of a video has {length} UTF-16 code units, {MAX_VIDEO_TEXT} "
            "are allowed.",
            fix=f"Shorten it by {length - MAX_VIDEO_TEXT}.",
        )
    for number, photo in enumerate(() if has_video else post.media, start=1):
        sides = sorted((photo.width or 0, photo.height or 0))
        if sides[0] > MAX_PHOTO_SIDES[0] or sides[1] > MAX_PHOTO_SIDES[1]:
            yield Violation(
                rule="photo_resolution",
                limit=f"{MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]}",
                actual=f"{photo.width} x {photo.height}",
                message=f"Photo {number} has {photo.width} x {photo.height} pixels; TikTok "
                "takes 1080p.",
                fix=f"Make it fit into {MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]} pixels.",
            )
    if not is_draft(post) and post.options.get("music_usage_confirmed") is False:
        yield Violation(
            rule="music_usage",
            limit=True,
            actual=False,
            message="TikTok publishes nothing before its Music Usage Confirmation is agreed to.",
            fix="Ask the creator, and send music_usage_confirmed true.",
        )
    cover = post.options.get("photo_cover_index", 0)
    if post.media and not has_video and cover >= len(post.media):
        yield Violation(
            rule="photo_cover_index",
            limit=len(post.media) - 1,
            actual=cover,
            message=f"There are {len(post.media)} photos; photo_cover_index is {cover}.",
            fix="Count from 0.",
        )
    title_length = utf16_length(post.options.get("title", ""))
    if title_length > MAX_PHOTO_TITLE:
        yield Violation(
            rule="title_length",
            limit=MAX_PHOTO_TITLE,
            actual=title_length,
            message=f"The title has {title_length} UTF-16 code units, {MAX_PHOTO_TITLE} are "
            "allowed.",
            fix=f"Shorten it by {title_length - MAX_PHOTO_TITLE}.",
        )


def _wrong_options(post: Post, *, has_video: bool) -> Iterator[Violation]:
    """Which options go with videos and which with photos."""
    strange = PHOTO_OPTIONS if has_video else VIDEO_OPTIONS
    for name in sorted(strange & post.options.keys()) if post.media else ():
        yield Violation(
            rule="option_of_other_media",
            limit=0,
            actual=name,
            message=f"{name} is for {'photos' if has_video else 'a video'}.",
            fix="Take it out.",
        )
