"""The payload that creates a Pin.

https://developers.pinterest.com/docs/api/v5/pins-create
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.media import Downloaded, public_address
from socialpublishing.posts import MediaKind, Post

# These options have the same names in Pinterest's API.
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
    """A Pin has one alt text. For a carousel, it has a line for each image."""
    return "\n".join(media.alt_text for media in post.media if media.alt_text)


def source_from_bytes(files: Sequence[Downloaded]) -> dict[str, Any]:
    return _source(
        "image_base64",
        "multiple_image_base64",
        [
            {"content_type": file.mime_type, "data": base64.b64encode(file.data).decode()}
            for file in files
        ],
    )


def source_from_addresses(post: Post) -> dict[str, Any]:
    items = [{"url": public_address(media.url)} for media in post.media]
    return _source("image_url", "multiple_image_urls", items)


def _source(one: str, several: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if len(items) == 1:
        return {"source_type": one, **items[0]}
    return {"source_type": several, "items": items}


def source_from_video(post: Post, media_id: str) -> dict[str, Any]:
    """A video Pin needs a cover; by default it is the first frame."""
    chosen = {name: post.options[name] for name in COVERS if name in post.options}
    cover = chosen or {"cover_image_key_frame_time": 0}
    return {"source_type": "video_id", "media_id": media_id, **cover}


def is_video(post: Post) -> bool:
    return bool(post.media) and post.media[0].kind == MediaKind.VIDEO
