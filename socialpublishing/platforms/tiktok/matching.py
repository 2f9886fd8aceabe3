"""Recognizes our post in TikTok's lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from socialpublishing.platforms.progress import read_id
from socialpublishing.posts import Post

# Characters of a caption that lists return.
MAX_LISTED_CAPTION = 150


def is_same_post(listed: Mapping[str, Any], post: Post) -> bool:
    """Does `listed`, as TikTok's lists return it, show `post`?"""
    caption = post.text[:MAX_LISTED_CAPTION].strip()
    return caption in {str(listed.get(name, "")).strip() for name in ("title", "video_description")}


def created_at(listed: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(listed["create_time"]), tz=dt.UTC)


def id_of(value: Any) -> str:
    """An id of a post: a string, or a number that a float could not hold."""
    return read_id(str(value) if type(value) is int else value)
