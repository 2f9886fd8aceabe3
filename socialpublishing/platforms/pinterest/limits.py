"""What Pinterest accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from socialpublishing.errors import Violation
from socialpublishing.limits import GIGABYTE, MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.platforms.pinterest.options import PinterestOptions
from socialpublishing.platforms.pinterest.payloads import COVERS, is_video, joined_alt_text
from socialpublishing.posts import MediaKind, Post, PostWarning

MAX_ALT_TEXT = 500
# The API accepts 800; the product pages name 500.
# https://help.pinterest.com/en/business/article/pinterest-product-specs (read 2026-11-27)
SHOWN_TEXT = 500

CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="A Pin of an image, of a carousel of 2 to 5 images, or of a video.",
            max_text=800,
            min_media=1,
            max_media=5,
            media={
                # https://help.pinterest.com/en/business/article/pinterest-product-specs
                MediaKind.IMAGE: MediaLimit(
                    max_count=5,
                    mime_types=frozenset({"image/jpeg", "image/png"}),
                    max_bytes=20 * MEGABYTE,
                ),
                MediaKind.VIDEO: MediaLimit(
                    mime_types=frozenset({"video/mp4", "video/quicktime", "video/x-m4v"}),
                    max_bytes=2 * GIGABYTE,
                    ratio=Bounds(low=0.5, high=1.91),
                    duration_s=Bounds(low=4, high=15 * 60),
                ),
            },
            max_alt_text=MAX_ALT_TEXT,
            options=frozenset(set(PinterestOptions.examples) - {"post_type"}),
            source="https://developers.pinterest.com/docs/api/v5/pins-create",
            checked=dt.date(2026, 11, 22),
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    yield from _ratio_violations(post)
    yield from _alt_text_violations(post, kind)
    yield from _cover_violations(post)
    yield from _slide_violations(post)


def _ratio_violations(post: Post) -> Iterator[Violation]:
    """All images of a carousel need the same ratio of width to height."""
    if is_video(post):
        return
    sizes = [(m.width, m.height) for m in post.media if m.width and m.height]
    for size in sizes[1:]:
        if not _has_same_ratio(sizes[0], size):
            first, other = (width / height for width, height in (sizes[0], size))
            yield Violation(
                rule="carousel_ratio",
                limit=round(first, 3),
                actual=round(other, 3),
                message="All images of a carousel need the same ratio of width to height; the "
                f"first has {first:.3g}, another {other:.3g}.",
                fix="Crop them to one shape.",
            )
            return


def _has_same_ratio(first: tuple[int, int], other: tuple[int, int]) -> bool:
    """Within what rounding to whole pixels explains: half a pixel on each side."""
    difference = abs(other[0] * first[1] - other[1] * first[0])
    return difference <= (sum(first) + sum(other)) / 2


def _alt_text_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    if any(len(media.alt_text) > kind.max_alt_text for media in post.media):
        return  # the general limits report these
    length = len(joined_alt_text(post))
    if length > kind.max_alt_text:
        yield Violation(
            rule="alt_texts_length",
            limit=kind.max_alt_text,
            actual=length,
            message=f"A Pin has one alt text. Those of its images have {length} characters "
            f"together, {kind.max_alt_text} are allowed.",
            fix=f"Shorten them by {length - kind.max_alt_text} together.",
        )


def _cover_violations(post: Post) -> Iterator[Violation]:
    covers = [name for name in COVERS if name in post.options]
    if covers and not is_video(post):
        yield Violation(
            rule="cover_needs_video",
            limit=0,
            actual=len(covers),
            message=f"{covers[0]} is only for a Pin with a video.",
            fix="Add a video, or remove the option.",
        )
    if len(covers) > 1:
        yield Violation(
            rule="cover_once",
            limit=1,
            actual=len(covers),
            message="A video has one cover.",
            fix=f"Remove one of {' and '.join(covers)}.",
        )


def _slide_violations(post: Post) -> Iterator[Violation]:
    slides = post.options.get("slides")
    if slides and (is_video(post) or len(slides) != len(post.media)):
        yield Violation(
            rule="slides_count",
            limit=len(post.media),
            actual=len(slides),
            message=f"There are {len(slides)} slides for {len(post.media)} images. Each image of a "
            "carousel has one.",
            fix="Give one slide for each image, {} for one without texts.",
        )


def warnings(post: Post) -> Iterator[PostWarning]:
    """What Pinterest accepts, but does not do as the post asks."""
    frame_time = post.options.get("cover_image_key_frame_time")
    video = post.media[0] if is_video(post) else None
    if video and video.duration_s and frame_time and frame_time > video.duration_s:
        message = (
            f"The video has {video.duration_s:g} s. Pinterest takes its last frame as the cover."
        )
        yield PostWarning(code="option_adjusted", message=message)
    if len(post.text) > SHOWN_TEXT:
        message = f"Pinterest shows {SHOWN_TEXT} characters of a description at most."
        yield PostWarning(code="text_cut", message=message)
