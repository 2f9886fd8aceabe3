"""Recognising our post in X's lists, and the text of a post as it was written."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from socialpublishing.posts import Post
from socialpublishing.text import find_urls


def says(tweet: Mapping[str, Any], post: Post) -> bool:
    """Is `tweet`, as X gives it back, this `post`?

    X escapes `&<>`, writes every link as t.co, adds one for media at the end, and keeps a long text
    apart. Of a link it tells what was written and, where that redirects, where it leads in the end.
    """
    written = post.text
    for start, end in reversed(find_urls(post.text)):
        written = written[:start] + _bare(written[start:end]) + written[end:]
    wanted = _normal(html.unescape(written))

    def is_it(*data: str) -> bool:
        stored = _with_links(tweet, lambda link: _bare(_first(link, *data)))
        if post.media:
            stored = re.sub(r"\s*https://t\.co/\w+$", "", stored)
        return _normal(html.unescape(stored)) == wanted

    return is_it("expanded_url", "unwound_url") or is_it("unwound_url", "expanded_url")


def written_text(tweet: Mapping[str, Any]) -> str:
    """The text of `tweet` as its author wrote it: whole, unescaped, with its links and no t.co."""
    text = _with_links(tweet, lambda link: _first(link, "expanded_url"))
    return html.unescape(text).strip()


def _with_links(tweet: Mapping[str, Any], shown: Callable[[Mapping[str, Any]], str]) -> str:
    """The whole text that X keeps, each link as `shown`, without those to the post's own media."""
    note = tweet.get("note_tweet") or tweet.get("note_post") or {}
    stored: str = note.get("text") or tweet.get("text", "")
    entities = note.get("entities") or tweet.get("entities") or {}
    for link in entities.get("urls", []):
        target = _first(link, "unwound_url", "expanded_url")
        is_media = "media_key" in link or re.search(r"/status/\d+/(photo|video)/\d+$", target)
        stored = stored.replace(link["url"], "" if is_media else shown(link))
    return stored


def _first(link: Mapping[str, Any], *names: str) -> str:
    address: str = next((link[name] for name in names if link.get(name)), link["url"])
    return address


def _bare(url: str) -> str:
    """An address as it is compared: no scheme, one way to write its host and its characters."""
    host, slash, rest = re.sub(r"^https?://", "", url, flags=re.IGNORECASE).partition("/")
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    return unquote(f"{host.lower()}{slash}{rest}").rstrip("/")


def _normal(written: str) -> str:
    return " ".join(unicodedata.normalize("NFC", written).split())
