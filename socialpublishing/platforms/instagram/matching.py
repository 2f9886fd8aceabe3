"""Recognizes our post in the lists of an account."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from typing import Any

from socialpublishing.platforms.instagram.payloads import is_story, product_of
from socialpublishing.platforms.meta.errors import text_of
from socialpublishing.posts import Post


def shows(found: Mapping[str, Any], post: Post) -> bool:
    """Is `found`, as Instagram returns it, this `post`? Without a product, the caption decides."""
    if (found.get("media_product_type") or product_of(post)) != product_of(post):
        return False
    return is_story(post) or _plain(text_of(found, "caption")) == _plain(post.text)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_older(found: Mapping[str, Any], than: dt.datetime) -> bool:
    """False if Instagram does not tell when it was made."""
    return bool(found.get("timestamp")) and made_at(found) < than


def made_at(found: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.strptime(found["timestamp"], "%Y-%m-%dT%H:%M:%S%z")
