"""Recognising our post in Pinterest's lists."""

from __future__ import annotations

import datetime as dt
import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from socialpublishing.platforms.pinterest.payloads import is_video, joined_alt_text
from socialpublishing.posts import Post


def shows(pin: Mapping[str, Any], post: Post) -> bool:
    """Is `pin`, as Pinterest gives it back, this `post`?

    What we left empty may have been filled in from the page that a link leads to.
    """
    said = {
        "title": post.options.get("title"),
        "description": post.text,
        "link": post.options.get("link"),
        "alt_text": joined_alt_text(post),
    }
    is_linked = bool(said["link"])
    for name, wanted in said.items():
        if (wanted or not is_linked) and _normal(pin.get(name)) != _normal(wanted):
            return False
    if (pin.get("board_section_id") or None) != post.options.get("board_section_id"):
        return False
    return is_of_its_kind(pin, post)


def is_of_its_kind(pin: Mapping[str, Any], post: Post) -> bool:
    """Does `pin` hold what this `post` holds: an image, as many images, or a video?"""
    media = pin.get("media") or {}
    if is_video(post):
        return media.get("media_type") == "video"
    if len(post.media) == 1:
        return media.get("media_type") == "image"
    is_carousel = media.get("media_type") == "multiple_images"
    return is_carousel and len(media.get("items", ())) == len(post.media)


def made_at(pin: Mapping[str, Any]) -> dt.datetime:
    """Pinterest's times are UTC and do not say so."""
    at = dt.datetime.fromisoformat(pin["created_at"])
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def is_newest_first(pins: Sequence[Mapping[str, Any]]) -> bool:
    """Told by the pins themselves: the order of a list is not documented."""
    times = [made_at(pin) for pin in pins]
    return times == sorted(times, reverse=True) and times[0] > times[-1] if times else False


def _normal(written: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", html.unescape(written or "")).split())
