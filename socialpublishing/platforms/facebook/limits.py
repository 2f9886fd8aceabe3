"""What Facebook accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from socialpublishing.errors import Violation
from socialpublishing.limits import GIGABYTE, MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.platforms.facebook.payloads import is_upright, is_video
from socialpublishing.posts import MediaKind, Post, PostWarning

LISTED_PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"})
# No page lists WebP, but it is accepted in fact.
UNLISTED_TYPES = frozenset({"image/webp"})
PHOTO_TYPES = LISTED_PHOTO_TYPES | UNLISTED_TYPES
# https://developers.facebook.com/docs/page-stories-api has 10 MB; the refusal 1366046 names 4 MB.
SURE_PHOTO_BYTES = 4 * MEGABYTE
# https://developers.facebook.com/docs/video-api/guides/reels-publishing: 9 to 16; of a story 60 s.
UPRIGHT = MediaLimit(
    mime_types=frozenset({"video/mp4", "video/quicktime"}),
    max_bytes=GIGABYTE,
    width=Bounds(low=540),
    height=Bounds(low=960),
    ratio=Bounds(low=0.55, high=0.575),
    duration_s=Bounds(low=3, high=60),
    frame_rate=Bounds(low=24, high=60),
    has_alt_text=False,
)
CHECKED = dt.date(2026, 11, 27)
# Options that need a link or a video, and the rule that they break without it.
NEED_LINK = {
    "link_details": "link_details_need_link",
    "link_cards": "link_cards_need_link",
    "call_to_action": "call_to_action_needs_link",
}
NEED_VIDEO = {"video_title": "title_needs_video", "cover_url": "cover_needs_video"}

CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="A post on the Page: text, a link, photos, or a video.",
            max_text=63_206,
            max_media=10,
            media={
                MediaKind.IMAGE: MediaLimit(
                    max_count=10,
                    mime_types=PHOTO_TYPES,
                    max_bytes=10 * MEGABYTE,
                ),
                # https://developers.facebook.com/docs/graph-api/reference/page/videos
                MediaKind.VIDEO: MediaLimit(
                    mime_types=frozenset({"video/mp4", "video/quicktime"}),
                    max_bytes=2 * GIGABYTE,
                    ratio=Bounds(low=0.5625, high=1.778),
                    duration_s=Bounds(low=1, high=40 * 60),
                    has_alt_text=False,
                ),
            },
            max_alt_text=1000,
            options=frozenset(
                {
                    "page_id",
                    "link",
                    "link_details",
                    "link_cards",
                    "call_to_action",
                    "video_title",
                    "cover_url",
                    "place",
                    "targeting",
                    "feed_targeting",
                    "first_comment",
                }
            ),
            content_options=frozenset({"link"}),
            source="https://developers.facebook.com/docs/pages-api/posts",
            checked=CHECKED,
        ),
        PostType(
            name="reel",
            description="An upright video. 30 a day for a Page.",
            max_text=63_206,
            min_media=1,
            max_media=1,
            media={
                MediaKind.VIDEO: replace(
                    UPRIGHT,
                    # [memory] No documentation limits it.
                    max_bytes=GIGABYTE,
                    duration_s=Bounds(low=3, high=90),
                )
            },
            options=frozenset(
                {
                    "page_id",
                    "video_title",
                    "cover_url",
                    "collaborators",
                    "place",
                    "targeting",
                    "feed_targeting",
                    "first_comment",
                }
            ),
            source="https://developers.facebook.com/docs/video-api/guides/reels-publishing",
            checked=CHECKED,
        ),
        PostType(
            name="story",
            description="A photo or an upright video that is gone after a day; no text.",
            max_text=0,
            min_media=1,
            max_media=1,
            media={
                MediaKind.IMAGE: MediaLimit(
                    mime_types=PHOTO_TYPES, max_bytes=10 * MEGABYTE, has_alt_text=False
                ),
                MediaKind.VIDEO: UPRIGHT,
            },
            options=frozenset({"page_id"}),
            source="https://developers.facebook.com/docs/page-stories-api",
            checked=CHECKED,
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    if post.options.get("link") and post.media:
        yield Violation(
            rule="link_alone",
            limit=0,
            actual=len(post.media),
            message="A link is shown as a card in a post without assets.",
            fix="Take out the assets, or write the link into the text.",
        )
    if not post.options.get("link"):
        for name, rule in NEED_LINK.items():
            if name in post.options:
                yield _missing(rule, name, "link")
    if post.options.get("place") and is_video(post) and post.post_type == "feed":
        yield Violation(
            rule="place_without_video",
            limit=0,
            actual=1,
            message="A video in the feed has no place; a reel may have one.",
            fix='Take the place out, or post it with post_type "reel".',
        )
    if not is_video(post):
        for name, rule in NEED_VIDEO.items():
            if post.options.get(name):
                yield _missing(rule, name, "video")


def warnings(post: Post) -> Iterator[PostWarning]:
    if post.post_type == "feed" and is_video(post) and is_upright(post.media[0]):
        # https://github.com/gitroomhq/postiz-app/pull/1740, 2026-07-17. One report is no rule.
        yield PostWarning(
            code="may_become_draft",
            message="Facebook may keep an upright video in the feed as a draft. As a reel "
            '(post_type "reel") it is published.',
        )
    for number, media in enumerate(post.media, start=1):
        if media.kind == MediaKind.IMAGE and (media.size_bytes or 0) > SURE_PHOTO_BYTES:
            yield PostWarning(
                code="measure_outside",
                message=f"Asset {number} has more than 4 MB: Facebook documents 10 MB, but refuses "
                "some photos above 4 MB.",
            )
        if media.mime_type in UNLISTED_TYPES:
            yield PostWarning(
                code="measure_outside",
                message=f"Asset {number} is {media.mime_type}, which Facebook does not list.",
            )


def _missing(rule: str, option: str, what: str) -> Violation:
    return Violation(
        rule=rule,
        limit=1,
        actual=0,
        message=f"{option} is for a post with a {what}.",
        fix=f"Add a {what}, or take {option} out.",
    )
