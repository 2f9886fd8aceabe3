"""What X accepts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from socialpublishing import limits as content_limits
from socialpublishing.errors import Violation
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType, TextUnit
from socialpublishing.platforms.follow_ups import FIRST_COMMENT
from socialpublishing.platforms.twitter.options import TwitterOptions
from socialpublishing.platforms.twitter.payloads import thread_texts
from socialpublishing.posts import MediaKind, Post
from socialpublishing.text import INVALID, weighted_length

# https://docs.x.com/x-api/media/quickstart/media-upload-chunked: 1,000 segments of up to 8 MB each.
# We prefer smaller ones: less is sent again if one fails.
MAX_SEGMENTS = 1000
SEGMENT = 4 * MEGABYTE
LARGEST_SEGMENT = 8 * MEGABYTE


# https://docs.x.com/x-api/media/quickstart/best-practices, since 2026-09-01: 20 minutes, and 125
# for subscribers. X may still refuse a video of this length from an account.
VIDEO_S = 20 * 60
SUBSCRIBERS_VIDEO_S = 125 * 60
TEXT = 280
# https://docs.x.com/changelog, 2024-08-20
SUBSCRIBERS_TEXT = 25_000
SUBSCRIPTIONS = frozenset({"Basic", "Premium", "PremiumPlus"})
# https://github.com/twitter/twitter-text, js/src/hasInvalidCharacters.js
INVALID_CHARACTER = re.compile(f"[{INVALID}]")


def _media_limits(*, longest_s: float) -> Mapping[MediaKind, MediaLimit]:
    return {
        MediaKind.IMAGE: MediaLimit(
            max_count=4,
            mime_types=frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
            max_bytes=5 * MEGABYTE,
        ),
        MediaKind.GIF: MediaLimit(
            mime_types=frozenset({"image/gif"}),
            max_bytes=15 * MEGABYTE,
            width=Bounds(high=1280),
            height=Bounds(high=1080),
        ),
        MediaKind.VIDEO: MediaLimit(
            mime_types=frozenset({"video/mp4", "video/quicktime"}),
            # https://docs.x.com/x-api/media/metadata-create: alt text is for images and GIFs.
            has_alt_text=False,
            max_bytes=MAX_SEGMENTS * LARGEST_SEGMENT,
            width=Bounds(low=32),
            height=Bounds(low=32),
            ratio=Bounds(low=0.333, high=3),
            duration_s=Bounds(low=0.5, high=longest_s),
            frame_rate=Bounds(high=60),
        ),
    }


CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="A post or a thread: text, a poll, up to four images, a GIF, a video.",
            max_text=TEXT,
            text_unit=TextUnit.WEIGHTED,
            max_cashtags=1,
            max_media=4,
            media=_media_limits(longest_s=VIDEO_S),
            max_alt_text=1000,
            options=frozenset(TwitterOptions.examples) - {"post_type"},
            source="https://docs.x.com/x-api/posts/create-post",
            checked=dt.date(2026, 11, 27),
        ),
    )
)


def is_subscriber(profile: Mapping[str, Any]) -> bool:
    return profile.get("subscription_type") in SUBSCRIPTIONS


def longest_video_s(profile: Mapping[str, Any]) -> int:
    return SUBSCRIBERS_VIDEO_S if is_subscriber(profile) else VIDEO_S


def limits_of(profile: Mapping[str, Any]) -> Capabilities:
    """What X accepts from an account with this profile."""
    if is_subscriber(profile):
        media = _media_limits(longest_s=SUBSCRIBERS_VIDEO_S)
        return CAPABILITIES.adapted(max_text=SUBSCRIBERS_TEXT, media=media)
    return CAPABILITIES


def is_long(post: Post) -> bool:
    """Does `post` have a text that only subscribers may publish?"""
    return any(weighted_length(text) > TEXT for text in thread_texts(post))


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    limits = Capabilities(post_types=(replace(kind, needs_text=True),))
    for number, text in enumerate(post.options.get("thread", ()), start=2):
        for violation in content_limits.violations(Post(text=text), limits):
            yield replace(violation, message=f"Post {number} of the thread: {violation.message}")
    texts = [*thread_texts(post), post.options.get(FIRST_COMMENT) or ""]
    if found := set(INVALID_CHARACTER.findall("\n".join(texts))):
        names = ", ".join(sorted(f"U+{ord(each):04X}" for each in found))
        yield Violation(
            rule="text_characters",
            limit=0,
            actual=len(found),
            message=f"X does not accept these invisible characters: {names}.",
            fix="Remove them from the text.",
        )
    if post.options.get("poll") and post.media:
        yield Violation(
            rule="poll_alone",
            limit=0,
            actual=len(post.media),
            message="A post with a poll has no assets.",
            fix="Remove the assets, or the poll.",
        )
    if post.options.get("tagged_user_ids") and not post.media:
        yield Violation(
            rule="tags_need_media",
            limit=1,
            actual=0,
            message="tagged_user_ids tags accounts in media, and the post has none.",
            fix="Add an image, or remove tagged_user_ids.",
        )
