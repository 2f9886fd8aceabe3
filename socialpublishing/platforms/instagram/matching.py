"""Recognizes our post in the lists of an account."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from typing import Any

from socialpublishing.platforms.instagram.payloads import is_story, product_of
from socialpublishing.posts import Post


def shows(found: Mapping[str, Any], post: Post) -> bool:
    """Is `found`, as Instagram returns it, this `post`?"""
    if found.get("media_product_type") != product_of(post):
        return False
    return is_story(post) or _plain(found.get("caption", "")) == _plain(post.text)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def made_at(found: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.strptime(found["timestamp"], "%Y-%m-%dT%H:%M:%S%z")
