"""Recognising our post in TikTok's lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from socialpublishing.posts import Post

CUT = 150  # characters of a caption that lists show


def shows(found: Mapping[str, Any], post: Post) -> bool:
    """Is `found`, as TikTok lists it, this `post`? Captions are cut there."""
    said = post.text[:CUT].strip()
    data = {str(found.get(name, "")).strip() for name in ("title", "video_description")}
    return said in data


def made_at(found: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromtimestamp(found["create_time"], tz=dt.UTC)
