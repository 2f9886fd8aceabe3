"""Recognising our post in LinkedIn's lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.platforms.linkedin import little_text
from socialpublishing.posts import Post


def shows(found: Mapping[str, Any], post: Post, assets: Sequence[str]) -> bool:
    """Is `found`, as LinkedIn gives it back, this `post`?"""
    if found.get("lifecycleState", "PUBLISHED") != "PUBLISHED":
        return False  # a draft, or one that LinkedIn could not publish
    if little_text.read(str(found.get("commentary", ""))) != post.text:
        return False
    return not assets or assets[0] in _asset_ids(found.get("content") or {})


def _asset_ids(content: Mapping[str, Any]) -> list[str]:
    images = content.get("multiImage", {}).get("images", [])
    one = [content.get("media", {}).get("id"), content.get("article", {}).get("thumbnail")]
    return [each for each in [*one, *(image.get("id") for image in images)] if each]


def made_at(found: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromtimestamp(found["createdAt"] / 1000, tz=dt.UTC)
