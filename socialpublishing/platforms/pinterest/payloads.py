"""What is sent to make a Pin, and whether a Pin that is there is the one.

https://developers.pinterest.com/docs/api/v5/pins-create
"""

from __future__ import annotations

import base64
import datetime as dt
import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.media import Downloaded, public_address
from socialpublishing.posts import MediaKind, Post

# In the platform's names, which are ours too.
OPTIONS = ("board_section_id", "title", "link", "dominant_color")
COVERS = ("cover_image_url", "cover_image_key_frame_time")


def pin_payload(post: Post, *, board_id: str, source: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"board_id": board_id, "media_source": source}
    if post.text:
        payload["description"] = post.text
    if alt_text := joined_alt_text(post):
        payload["alt_text"] = alt_text
    return payload | {name: post.options[name] for name in OPTIONS if name in post.options}


def joined_alt_text(post: Post) -> str:
    """A Pin has one alt text; those of a carousel stand below each other in it."""
    return "\n".join(media.alt_text for media in post.media if media.alt_text)


def source_of_bytes(files: Sequence[Downloaded]) -> dict[str, Any]:
    return _source(
        "image_base64",
        "multiple_image_base64",
        [
            {"content_type": file.mime_type, "data": base64.b64encode(file.data).decode()}
            for file in files
        ],
    )


def source_of_addresses(post: Post) -> dict[str, Any]:
    items = [{"url": public_address(media.url)} for media in post.media]
    return _source("image_url", "multiple_image_urls", items)


def _source(one: str, several: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if len(items) == 1:
        return {"source_type": one, **items[0]}
    return {"source_type": several, "items": items}


def source_of_video(post: Post, media_id: str) -> dict[str, Any]:
    """A video Pin needs a cover; without a choice it is the first frame."""
    chosen = {name: post.options[name] for name in COVERS if name in post.options}
    cover = chosen or {"cover_image_key_frame_time": 0}
    return {"source_type": "video_id", "media_id": media_id, **cover}


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO


def shows(pin: Mapping[str, Any], post: Post) -> bool:
    """Is `pin`, as Pinterest gives it back, this `post`?

    What we left empty may have been filled in from the page that a link leads to.
    """
    said = {
        "title": post.options.get("title"),
        "description": post.text,
        "link": post.options.get("link"),
        "alt_text": joined_alt_text(post),
    }
    is_linked = bool(said["link"])
    for name, wanted in said.items():
        if (wanted or not is_linked) and _normal(pin.get(name)) != _normal(wanted):
            return False
    if (pin.get("board_section_id") or None) != post.options.get("board_section_id"):
        return False
    return is_of_its_kind(pin, post)


def is_of_its_kind(pin: Mapping[str, Any], post: Post) -> bool:
    """Does `pin` hold what this `post` holds: an image, as many images, or a video?"""
    media = pin.get("media") or {}
    if is_video(post):
        return media.get("media_type") == "video"
    if len(post.media) == 1:
        return media.get("media_type") == "image"
    is_carousel = media.get("media_type") == "multiple_images"
    return is_carousel and len(media.get("items", ())) == len(post.media)


def made_at(pin: Mapping[str, Any]) -> dt.datetime:
    """Pinterest's times are UTC and do not say so."""
    at = dt.datetime.fromisoformat(pin["created_at"])
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def is_newest_first(pins: Sequence[Mapping[str, Any]]) -> bool:
    """Told by the pins themselves: the order of a list is not documented."""
    times = [made_at(pin) for pin in pins]
    return times == sorted(times, reverse=True) and times[0] > times[-1] if times else False


def _normal(written: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", html.unescape(written or "")).split())
