"""Recognizes a post of ours in a list from LinkedIn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.platforms.linkedin import little_text
from socialpublishing.posts import Post


def is_same_post(listed: Mapping[str, Any], post: Post, assets: Sequence[str]) -> bool:
    """Is `listed`, a post from LinkedIn's list, this `post`? `assets`: URNs of its uploads."""
    if listed.get("lifecycleState", "PUBLISHED") != "PUBLISHED":
        return False  # a draft, or a post that LinkedIn could not publish
    if little_text.read(str(listed.get("commentary", ""))) != post.text:
        return False
    content = listed.get("content") or {}
    if not post.text and not _has_same_card(content, post):
        return False
    return not assets or assets[0] in _asset_urns(content)


def _has_same_card(content: Mapping[str, Any], post: Post) -> bool:
    """Without text, posts with an article or a poll differ in these alone."""
    if article := post.options.get("article"):
        source = str(content.get("article", {}).get("source"))
        return source.rstrip("/") == str(article["url"]).rstrip("/")
    if poll := post.options.get("poll"):
        return bool(content.get("poll", {}).get("question") == poll["question"])
    return True


def _asset_urns(content: Mapping[str, Any]) -> list[str]:
    images = content.get("multiImage", {}).get("images", [])
    single = [content.get("media", {}).get("id"), content.get("article", {}).get("thumbnail")]
    return [urn for urn in [*single, *(image.get("id") for image in images)] if urn]


def created_at(listed: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.fromtimestamp(listed["createdAt"] / 1000, tz=dt.UTC)
