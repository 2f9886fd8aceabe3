"""The card of an article: LinkedIn does not read the page, so we read it.

…/community-management/shares/posts-api and https://github.com/ebx/ebx-linkedin-sdk/issues/358,
checked 2026-11-27. The progress handle holds `card`: `title` and `description` of the
page, `image`, the address of its picture until that is uploaded, and `thumbnail`, its URN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socialpublishing import media
from socialpublishing.errors import (
    AssetTypeMismatchError,
    MediaBusyError,
    MediaError,
    PlatformApiError,
)
from socialpublishing.media.pages import read_page
from socialpublishing.platforms.linkedin import uploads
from socialpublishing.platforms.linkedin.limits import IMAGE_BYTES, IMAGE_TYPES
from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Post

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin.client import LinkedIn


def needs_page(post: Post) -> bool:
    """Does the card lack what the page may have: a title or a picture?"""
    article = post.options.get("article")
    return article is not None and not (article.get("title") and post.media)


def is_complete(post: Post, progress: Progress) -> bool:
    card = progress.handle.get("card")
    return not needs_page(post) or (card is not None and not card.get("image"))


def complete(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    """One step: read the page, then upload its picture if the post has none."""
    if progress.handle.get("card") is None:
        return _read(post, progress)
    return _upload_picture(client, progress)


def _read(post: Post, progress: Progress) -> Progress:
    try:
        page = read_page(post.options["article"]["url"])
    except MediaBusyError:
        raise
    except MediaError as error:
        message = f"The page of the link could not be read for its card: {error}"
        return progress.preparing(card={}).warned("page_unreadable", message)
    card = {"title": page.title[:400], "description": page.description}
    image = "" if post.media else page.image
    return progress.preparing(card={**card, "image": image}, note="Read the page of the link.")


def _upload_picture(client: LinkedIn, progress: Progress) -> Progress:
    card = progress.handle["card"]
    progress = progress.preparing(card={**card, "image": ""})
    try:
        picture = media.download(card["image"], max_bytes=IMAGE_BYTES)
        if picture.mime_type not in IMAGE_TYPES:
            raise AssetTypeMismatchError(f"It is {picture.mime_type}.")
        thumbnail = uploads.upload_image(client, picture.data, picture.mime_type)
    except MediaBusyError:
        raise
    except (MediaError, PlatformApiError) as error:
        # Nobody chose this picture: the post goes out without it.
        message = f"The picture of the link's page could not be used: {error}"
        return progress.warned("page_unreadable", message)
    note = "Uploaded the picture of the link's page."
    return progress.preparing(card={**progress.handle["card"], "thumbnail": thumbnail}, note=note)
