"""Recognizes our post in the lists of an account."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from typing import Any

from socialpublishing.errors import MalformedResponseError
from socialpublishing.platforms.instagram.payloads import is_story, product_of
from socialpublishing.posts import Post


def items_of(response: Any) -> list[dict[str, Any]]:
    """The items of a list. Only a list without items is empty; anything else is no response."""
    items = response.get("data") if isinstance(response, dict) else None
    if not isinstance(items, list) or "error" in response:
        raise MalformedResponseError("Instagram returned no list.")
    return items


def shows(found: Mapping[str, Any], post: Post) -> bool:
    """Is `found`, as Instagram returns it, this `post`?"""
    if found.get("media_product_type") != product_of(post):
        return False
    return is_story(post) or _plain(found.get("caption", "")) == _plain(post.text)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def made_at(found: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.strptime(found["timestamp"], "%Y-%m-%dT%H:%M:%S%z")
