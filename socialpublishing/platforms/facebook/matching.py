"""Recognizes our post in the lists of a Page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from socialpublishing.platforms.meta.errors import text_of
from socialpublishing.posts import Post
from socialpublishing.text import find_urls

MENTION = re.compile(r"@\[\d+[^\]]*\]")


def shows(found: Mapping[str, Any], post: Post, media_ids: set[str]) -> bool:
    """Is `found`, as Facebook returns it, this `post`?

    `media_ids` are those of its photos or its video. No other post has them, so they decide alone,
    even if Facebook changed the text. The text decides where `found` does not tell what is
    attached.
    """
    shown = set(_attached_ids(found))
    if media_ids and isinstance(found.get("attachments"), Mapping):
        return bool(media_ids & shown)
    if shown and not (media_ids or post.options.get("link") or find_urls(post.text)):
        return False
    return _is_same_text(text_of(found, "message"), post.text)


def _is_same_text(shown: str, written: str) -> bool:
    """Facebook replaces a mention, `@[id]`, by a name, and normalizes the rest."""
    shown, [first, *rest] = _plain(shown), MENTION.split(_plain(written))
    if not rest:
        return shown == first
    *middle, last = rest
    if not (shown.startswith(first) and shown.endswith(last)):
        return False
    at, end = len(first), len(shown) - len(last)
    for part in middle:
        at = shown.find(part, at + 1, end)
        if at < 0:
            return False
        at += len(part)
    return at < end


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _attached_ids(post: Mapping[str, Any]) -> Iterator[str]:
    for attachment in _items(post, "attachments"):
        for part in (attachment, *_items(attachment, "subattachments")):
            if target := _object(part, "target").get("id"):
                yield str(target)


def _items(node: Mapping[str, Any], edge: str) -> list[Mapping[str, Any]]:
    items = _object(node, edge).get("data")
    return [each for each in items if isinstance(each, Mapping)] if isinstance(items, list) else []


def _object(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = node.get(name)
    return value if isinstance(value, Mapping) else {}
