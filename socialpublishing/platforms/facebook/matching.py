"""Recognising our post in the lists of a Page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from socialpublishing.posts import Post
from socialpublishing.text import find_urls

MENTION = re.compile(r"@\[\d+[^\]]*\]")


def shows(found: Mapping[str, Any], post: Post, media_ids: set[str]) -> bool:
    """Is `found`, as Facebook gives it back, this `post`? `media_ids` are of what it was made with.

    No other post has them, whatever became of the words.
    """
    shown = set(_attached_ids(found))
    if media_ids and "attachments" in found:
        return bool(media_ids & shown)
    if shown and not (media_ids or post.options.get("link") or find_urls(post.text)):
        return False
    return _reads_as(found.get("message", ""), post.text)


def _reads_as(data: str, written: str) -> bool:
    """A mention, `@[id]`, is read back as the name of whom it is; the rest in another spelling."""
    data, [first, *rest] = _plain(data), MENTION.split(_plain(written))
    if not rest:
        return data == first
    *middle, last = rest
    if not (data.startswith(first) and data.endswith(last)):
        return False
    at, end = len(first), len(data) - len(last)
    for part in middle:
        at = data.find(part, at + 1, end)
        if at < 0:
            return False
        at += len(part)
    return at < end


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _attached_ids(post: Mapping[str, Any]) -> Iterator[str]:
    for attachment in post.get("attachments", {}).get("data", []):
        for part in (attachment, *attachment.get("subattachments", {}).get("data", [])):
            if target := part.get("target", {}).get("id"):
                yield target
