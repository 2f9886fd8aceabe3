"""Recognizes a post of ours in a list from X, and reads the text of a post as it was written."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from socialpublishing.errors import NoResponseError
from socialpublishing.posts import Post
from socialpublishing.text import find_urls


def listed_tweets(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The posts of a page of a list.

    Raises NoResponseError if there are none and X does not count none: it was seen to return errors
    alone, with the status 200.
    """
    tweets: list[Mapping[str, Any]] = page.get("data") or []
    if not tweets and (page.get("errors") or page["meta"]["result_count"] != 0):
        raise NoResponseError("X's list has no posts, and does not say that it is empty.")
    return tweets


def replied_to(tweet: Mapping[str, Any]) -> str:
    """The id of the post to which `tweet` is a reply; empty if it is none, or X does not tell."""
    referenced = tweet.get("referenced_tweets") or tweet.get("referenced_posts") or ()
    return next((str(each["id"]) for each in referenced if each["type"] == "replied_to"), "")


def is_same_post(tweet: Mapping[str, Any], post: Post) -> bool:
    """Is `tweet`, a post from X's list, this `post`?

    X escapes `&<>`, replaces every link by a t.co link, appends one for the media, and stores a
    long text separately. Of a link it returns the address as written (`expanded_url`) and, after a
    redirect, the final address (`unwound_url`). Both texts are compared.
    """
    written = post.text
    for start, end in reversed(find_urls(post.text)):
        written = written[:start] + _comparable_url(written[start:end]) + written[end:]
    wanted = _comparable(written)

    def has_text(*url_fields: str) -> bool:
        stored = _with_links(tweet, lambda link: _comparable_url(_address(link, *url_fields)))
        if post.media:
            stored = re.sub(r"\s*https://t\.co/\w+$", "", stored)
        return _comparable(stored) == wanted

    return has_text("expanded_url", "unwound_url") or has_text("unwound_url", "expanded_url")


def written_text(tweet: Mapping[str, Any]) -> str:
    """The complete text of `tweet` as its author wrote it: unescaped, with the original links."""
    text = _with_links(tweet, lambda link: _address(link, "expanded_url"))
    return html.unescape(text).strip()


def _with_links(tweet: Mapping[str, Any], replacement: Callable[[Mapping[str, Any]], str]) -> str:
    """The complete stored text, with links replaced and links to the post's own media removed."""
    note = tweet.get("note_tweet") or tweet.get("note_post") or {}
    stored: str = note.get("text") or tweet.get("text", "")
    entities = note.get("entities") or tweet.get("entities") or {}
    for link in entities.get("urls", []):
        target = _address(link, "unwound_url", "expanded_url")
        is_media = "media_key" in link or re.search(r"/status/\d+/(photo|video)/\d+$", target)
        stored = stored.replace(link["url"], "" if is_media else replacement(link))
    return stored


def _address(link: Mapping[str, Any], *fields: str) -> str:
    """The first of `fields` that `link` has; without any of them, its t.co link."""
    address: str = next((link[field] for field in fields if link.get(field)), link["url"])
    return address


def _comparable_url(url: str) -> str:
    """Without the scheme; the host in lower case and ASCII, the rest percent-decoded."""
    host, slash, rest = re.sub(r"^https?://", "", url, flags=re.IGNORECASE).partition("/")
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    return unquote(f"{host.lower()}{slash}{rest}").rstrip("/")


def _comparable(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", html.unescape(text)).split())
