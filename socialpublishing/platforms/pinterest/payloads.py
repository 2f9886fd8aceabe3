"""The payload that creates a Pin.

https://developers.pinterest.com/docs/api/v5/pins-create
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.media import Downloaded
from socialpublishing.media.public import pull_address
from socialpublishing.posts import MediaKind, Post

# These options have the same names in Pinterest's API.
OPTIONS = ("board_section_id", "title", "link", "dominant_color")
COVERS = ("cover_image_url", "cover_image_key_frame_time")
# The types of images that a request may contain.
INLINE_TYPES = frozenset({"image/jpeg", "image/png"})


def pin_payload(post: Post, *, board_id: str, source: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"board_id": board_id, "media_source": source}
    if post.text:
        payload["description"] = post.text
    if alt_text := joined_alt_text(post):
        payload["alt_text"] = alt_text
    if disclosures := post.options.get("ai_disclosures"):
        payload["ai_disclosures"] = {"values": disclosures}
    return payload | {name: post.options[name] for name in OPTIONS if name in post.options}


def joined_alt_text(post: Post) -> str:
    """A Pin has one alt text. For a carousel, it has a line for each image."""
    return "\n".join(media.alt_text for media in post.media if media.alt_text)


def source_from_bytes(post: Post, files: Sequence[Downloaded]) -> dict[str, Any]:
    return _source(post, "image_base64", "multiple_image_base64", [_as_data(f) for f in files])


def source_from_addresses(post: Post) -> dict[str, Any]:
    items = [{"url": pull_address(media)} for media in post.media]
    return _source(post, "image_url", "multiple_image_urls", items)


def _source(
    post: Post, one: str, several: str, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    if len(items) == 1:
        return {"source_type": one, **items[0]}
    slides = post.options.get("slides") or [{}] * len(items)
    slides_items = [{**item, **slide} for item, slide in zip(items, slides, strict=True)]
    return {"source_type": several, "items": slides_items}


def source_from_video(post: Post, media_id: str, cover: Downloaded | None) -> dict[str, Any]:
    """A video Pin needs a cover: an image or a frame, by default the first one."""
    source: dict[str, Any] = {"source_type": "video_id", "media_id": media_id}
    if cover is not None:
        return source | {f"cover_image_{name}": value for name, value in _as_data(cover).items()}
    frame_time = post.options.get("cover_image_key_frame_time", 0)
    return source | {"cover_image_key_frame_time": frame_time}


def _as_data(file: Downloaded) -> dict[str, str]:
    return {"content_type": file.mime_type, "data": base64.b64encode(file.data).decode()}


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO
