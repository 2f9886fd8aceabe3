"""What LinkedIn accepts. Each kind of post names the source of its limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from socialpublishing.errors import Violation
from socialpublishing.limits import MEGABYTE, Bounds, Capabilities, MediaLimit, PostType
from socialpublishing.platforms.linkedin import little_text
from socialpublishing.posts import MediaKind, Post

SHARED_OPTIONS = frozenset({"organization_urn", "visibility", "disable_reshare", "first_comment"})
POSTS_PAGE = (
    "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"
)
CHECKED = dt.date(2026, 11, 22)
# LinkedIn counts the field `commentary`, so the text as it is sent: with the backslashes and with
# the templates of hashtags. Its error names the field's maxLength, as in
# https://github.com/n8n-io/n8n/issues/22899, checked 2026-11-27.
MAX_TEXT = 3000
MAX_ALT_TEXT = 4086
MAX_PIXELS = 36_152_320
# Our own limit: LinkedIn documents none for the bytes of an image.
IMAGE_BYTES = 20 * MEGABYTE
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})
# For ordinary posts; uploads for advertisements may have 5 GB.
VIDEO_BYTES = 500 * MEGABYTE

CAPABILITIES = Capabilities(
    post_types=(
        PostType(
            description="A text, a link as a card, 1 to 20 images, a GIF, or a video.",
            max_text=MAX_TEXT,
            max_media=20,
            media={
                # …/community-management/shares/images-api and videos-api, multiimage-post-api
                MediaKind.IMAGE: MediaLimit(
                    max_count=20,
                    mime_types=IMAGE_TYPES,
                    max_bytes=IMAGE_BYTES,
                    pixels=Bounds(high=MAX_PIXELS - 1),
                ),
                MediaKind.GIF: MediaLimit(
                    mime_types=frozenset({"image/gif"}),
                    max_bytes=IMAGE_BYTES,
                    pixels=Bounds(high=MAX_PIXELS - 1),
                ),
                MediaKind.VIDEO: MediaLimit(
                    mime_types=frozenset({"video/mp4"}),
                    max_bytes=VIDEO_BYTES,
                    ratio=Bounds(low=0.417, high=2.4),
                    duration_s=Bounds(low=3, high=30 * 60),
                ),
            },
            max_alt_text=MAX_ALT_TEXT,
            options=SHARED_OPTIONS | {"title", "article", "thumbnail_url"},
            content_options=frozenset({"article"}),
            source=POSTS_PAGE,
            checked=CHECKED,
        ),
        PostType(
            name="document",
            description="A PDF, Word or PowerPoint file, shown page by page.",
            max_text=MAX_TEXT,
            min_media=1,
            max_media=1,
            media={
                MediaKind.DOCUMENT: MediaLimit(
                    mime_types=frozenset(
                        {
                            "application/pdf",
                            "application/msword",
                            "application/vnd.ms-powerpoint",
                            "application/vnd.openxmlformats-officedocument"
                            ".presentationml.presentation",
                            "application/vnd.openxmlformats-officedocument"
                            ".wordprocessingml.document",
                        }
                    ),
                    max_bytes=100 * MEGABYTE,
                    has_alt_text=False,
                ),
            },
            options=SHARED_OPTIONS | {"title"},
            required_options=frozenset({"title"}),
            source="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/"
            "shares/documents-api",
            checked=CHECKED,
        ),
        PostType(
            name="poll",
            description="A question with 2 to 4 choices.",
            max_text=MAX_TEXT,
            options=SHARED_OPTIONS | {"poll"},
            required_options=frozenset({"poll"}),
            content_options=frozenset({"poll"}),
            source="https://learn.microsoft.com/en-us/linkedin/marketing/community-management/"
            "shares/poll-post-api",
            checked=CHECKED,
        ),
    )
)


def cross_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    kinds = {media.kind for media in post.media}
    yield from _sent_length(post)
    if "article" in post.options and (len(post.media) > 1 or MediaKind.VIDEO in kinds):
        yield Violation(
            rule="article_media",
            limit=1,
            actual=len(post.media),
            message="A post with an article has at most one image, and no video.",
            fix="Remove the other files, or the article.",
        )
    if "organization_urn" in post.options and post.options.get("visibility") == "CONNECTIONS":
        yield Violation(
            rule="visibility_of_organization",
            limit=None,
            actual=None,
            message="An organization has followers, but no connections.",
            fix="Remove visibility, or choose PUBLIC or LOGGED_IN.",
        )
    if "thumbnail_url" in post.options and MediaKind.VIDEO not in kinds:
        yield Violation(
            rule="thumbnail_needs_video",
            limit=0,
            actual=1,
            message="Only a video has a thumbnail.",
            fix="Add a video, or remove thumbnail_url.",
        )
    if "title" in post.options and not kinds & {MediaKind.VIDEO, MediaKind.DOCUMENT}:
        yield Violation(
            rule="title_needs_file",
            limit=0,
            actual=1,
            message="Only a video or a document has a title.",
            fix="Add a video, or remove the title.",
        )


def _sent_length(post: Post) -> Iterator[Violation]:
    """For a text whose plain form is short enough, but not the form that is sent."""
    plain, sent = len(post.text), len(little_text.write(post.text))
    if plain <= MAX_TEXT < sent:
        yield Violation(
            rule="text_length",
            limit=MAX_TEXT,
            actual=sent,
            message=f"The text has {plain} characters, which LinkedIn counts as {sent}: signs such "
            f"as brackets count twice, a hashtag 12 more; {MAX_TEXT} are allowed.",
            fix=f"Shorten it by {sent - MAX_TEXT}, or remove hashtags and brackets.",
        )
