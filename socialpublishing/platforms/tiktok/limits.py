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
from socialpublishing.platforms.tiktok.payloads import PRIVATE, is_draft
from socialpublishing.posts import MediaKind, Post
from socialpublishing.text import utf16_length

# "1080p", in either orientation:
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
# TikTok's audit requires that the author chooses these; there are no defaults:
# https://developers.tiktok.com/docs/en/content-sharing-guidelines
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
# Duets and stitches are made of videos only.
OF_VIDEOS = frozenset({"disable_duet", "disable_stitch"})
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
            options_of_media={MediaKind.VIDEO: OF_VIDEOS},
            scopes=frozenset({"video.publish"}),
            source=POSTING_PAGE,
            checked=CHECKED,
        ),
        PostType(
            name="draft",
            description="A video or photos that the creator finishes in TikTok's app. TikTok "
            "ignores the text of a video.",
            max_text=4000,
            text_unit=TextUnit.UTF16,
            min_media=1,
            max_media=35,
            media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
            options=frozenset({"title", "photo_cover_index"}),
            scopes=frozenset({"video.upload"}),
            source=DRAFT_PAGE,
            checked=CHECKED,
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    has_video = any(media.kind == MediaKind.VIDEO for media in post.media)
    yield from _option_violations(post, has_video=has_video)
    length = utf16_length(post.text)
    if has_video and length <= kind.max_text:  # if not, the general limits report it
        yield from _length_violations(
            "video_text_length", "text of a video", length, MAX_VIDEO_TEXT
        )
    if not has_video:
        yield from _resolution_violations(post)
    if not is_draft(post):
        yield from _branded_content_violations(post)
        yield from _music_violations(post)
    if has_video:
        yield from _late_cover(post)
    else:
        yield from _cover_violations(post)
    length = utf16_length(post.options.get("title", ""))
    yield from _length_violations("title_length", "title", length, MAX_PHOTO_TITLE)


def _option_violations(post: Post, *, has_video: bool) -> Iterator[Violation]:
    """Some options are only for videos, others only for photos."""
    misplaced = PHOTO_OPTIONS if has_video else VIDEO_OPTIONS
    for name in sorted(misplaced & post.options.keys()) if post.media else ():
        yield Violation(
            rule="option_of_other_media",
            limit=0,
            actual=name,
            message=f"{name} is only for {'photos' if has_video else 'a video'}.",
            fix="Remove it.",
        )


def _length_violations(rule: str, name: str, length: int, limit: int) -> Iterator[Violation]:
    if length > limit:
        yield Violation(
            rule=rule,
            limit=limit,
            actual=length,
            message=f"The {name} has {length} UTF-16 code units, {limit} are allowed.",
            fix=f"Shorten it by {length - limit}.",
        )


def _resolution_violations(post: Post) -> Iterator[Violation]:
    for number, photo in enumerate(post.media, start=1):
        short, long = sorted((photo.width or 0, photo.height or 0))
        if short > MAX_PHOTO_SIDES[0] or long > MAX_PHOTO_SIDES[1]:
            yield Violation(
                rule="photo_resolution",
                limit=f"{MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]}",
                actual=f"{photo.width} x {photo.height}",
                message=f"Photo {number} has {photo.width} x {photo.height} pixels; TikTok "
                "accepts 1080p.",
                fix=f"Make it fit into {MAX_PHOTO_SIDES[1]} x {MAX_PHOTO_SIDES[0]} pixels.",
            )


def _branded_content_violations(post: Post) -> Iterator[Violation]:
    """https://developers.tiktok.com/docs/en/content-sharing-guidelines, read 2026-11-27."""
    level = post.options.get("privacy_level")
    if post.options.get("brand_content_toggle") and level == PRIVATE:
        yield Violation(
            rule="branded_content_privacy",
            limit="not SELF_ONLY",
            actual=level,
            message="TikTok allows no branded content that only the creator can see.",
            fix="Choose another privacy_level, or set brand_content_toggle to false.",
        )


def _music_violations(post: Post) -> Iterator[Violation]:
    if post.options.get("music_usage_confirmed") is False:
        yield Violation(
            rule="music_usage",
            limit=True,
            actual=False,
            message="TikTok requires that the creator agrees to its Music Usage Confirmation.",
            fix="Ask the creator, and send music_usage_confirmed true.",
        )


def _late_cover(post: Post) -> Iterator[Violation]:
    moment, seconds = post.options.get("video_cover_timestamp_ms", 0), post.media[0].duration_s
    if seconds is not None and moment > seconds * 1000:
        yield Violation(
            rule="video_cover_timestamp",
            limit=round(seconds * 1000),
            actual=moment,
            message=f"The video has {seconds * 1000:.0f} ms; its cover is taken at {moment}.",
            fix="Choose a moment of the video.",
        )


def _cover_violations(post: Post) -> Iterator[Violation]:
    cover = post.options.get("photo_cover_index", 0)
    if post.media and cover >= len(post.media):
        yield Violation(
            rule="photo_cover_index",
            limit=len(post.media) - 1,
            actual=cover,
            message=f"There are {len(post.media)} photos; photo_cover_index is {cover}.",
            fix="Count from 0.",
        )
