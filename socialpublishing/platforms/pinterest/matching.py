"""Recognizes our post among Pinterest's Pins."""

from __future__ import annotations

import datetime as dt
import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.platforms.pinterest.payloads import is_video, joined_alt_text
from socialpublishing.posts import Post


def is_same_post(pin: Mapping[str, Any], post: Post) -> bool:
    """Does `pin`, as Pinterest returns it, show `post`?

    If the post has a link, Pinterest may fill in empty fields from the linked page.
    """
    sent = {
        "title": post.options.get("title"),
        "description": post.text,
        "link": post.options.get("link"),
        "alt_text": joined_alt_text(post),
    }
    may_be_filled_in = bool(sent["link"])
    for name, value in sent.items():
        if (value or not may_be_filled_in) and _normal(pin.get(name)) != _normal(value):
            return False
    if (pin.get("board_section_id") or None) != post.options.get("board_section_id"):
        return False
    return has_same_media(pin, post) and _has_same_slides(pin, post)


def has_same_media(pin: Mapping[str, Any], post: Post) -> bool:
    """Does `pin` have the same kind and number of media as `post`?"""
    media = pin.get("media") or {}
    if is_video(post):
        return media.get("media_type") == "video"
    if len(post.media) == 1:
        return media.get("media_type") == "image"
    is_carousel = media.get("media_type") == "multiple_images"
    return is_carousel and len(media.get("items") or ()) == len(post.media)


def _has_same_slides(pin: Mapping[str, Any], post: Post) -> bool:
    """Do the titles, texts and links of a carousel's slides agree, where Pinterest returns them?"""
    slides = post.options.get("slides") or ()
    items = (pin.get("media") or {}).get("items") or ()
    return all(
        not item.get(name) or _normal(item[name]) == _normal(slide.get(name))
        for item, slide in zip(items, slides, strict=False)
        for name in ("title", "description", "link")
    )


def has_time(pin: Mapping[str, Any]) -> bool:
    """Does Pinterest return when `pin` was created? For some Pins it returns null."""
    return bool(pin.get("created_at"))


def created_at(pin: Mapping[str, Any]) -> dt.datetime:
    """Pinterest's times are UTC, without an offset."""
    time = dt.datetime.fromisoformat(pin["created_at"])
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def is_newest_first(pins: Sequence[Mapping[str, Any]]) -> bool:
    """Are `pins` in descending order of time? The order of Pinterest's lists is not documented."""
    if not pins or not all(map(has_time, pins)):
        return False
    times = [created_at(pin) for pin in pins]
    return times == sorted(times, reverse=True) and times[0] > times[-1]


def _normal(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", html.unescape(text or "")).split())
