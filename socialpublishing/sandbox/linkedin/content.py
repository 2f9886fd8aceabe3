"""What a post shows in addition to its text: media, several images, an article or a poll."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from socialpublishing.sandbox.linkedin.assets import usable_asset
from socialpublishing.sandbox.linkedin.errors import invalid
from socialpublishing.sandbox.state import AuthorizationGrant, Media, State

MAX_ALT_TEXT = 4086
DURATIONS = ("ONE_DAY", "THREE_DAYS", "SEVEN_DAYS", "FOURTEEN_DAYS")
ARTICLE_FIELDS = ("source", "title", "description")

# The media of a post, and what else its content has.
Content = tuple[tuple[Media, ...], dict[str, Any]]


def content_member(content: object) -> tuple[str, dict[str, Any]]:
    """The name and the value of the one member of `content`, ("", {}) without content."""
    if content is None:
        return "", {}
    if not isinstance(content, dict) or len(content) != 1:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content is a union of exactly one member.")
    [(name, value)] = content.items()
    if name not in ("media", "multiImage", "article", "poll") or not isinstance(value, dict):
        raise invalid("INVALID_VALUE_FOR_FIELD", f"/content/{name} is not a member of the union.")
    return name, value


def read_content(
    state: State, grant: AuthorizationGrant, author: str, name: str, value: dict[str, Any]
) -> Content:
    """Check the member `name` of a post's content. Raises EarlyResponse."""
    match name:
        case "media":
            return _single_media(state, grant, author, value)
        case "multiImage":
            return _images(state, grant, author, value)
        case "article":
            return _article(state, grant, author, value)
        case "poll":
            return (), {"poll": _poll(value)}
    return (), {}


def _single_media(
    state: State, grant: AuthorizationGrant, author: str, value: dict[str, Any]
) -> Content:
    media = usable_asset(state, grant, value.get("id"), author, "image", "video", "document")
    title = value.get("title")
    if media.category == "document" and not title:
        raise invalid("MISSING_FIELD", "/content/media/title is required for documents.")
    details = {"title": title, "thumbnail": media.facts.get("thumbnail")}
    given = {name: each for name, each in details.items() if each}
    return (_with_alt_text(media, value),), given


def _images(state: State, grant: AuthorizationGrant, author: str, value: dict[str, Any]) -> Content:
    images = value.get("images")
    if not isinstance(images, list) or not 2 <= len(images) <= 20:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content/multiImage has 2 to 20 images.")
    found = []
    for image in images:
        media = usable_asset(state, grant, image.get("id"), author, "image")
        found.append(_with_alt_text(media, image))
    return tuple(found), {}


def _article(
    state: State, grant: AuthorizationGrant, author: str, value: dict[str, Any]
) -> Content:
    if not str(value.get("source", "")).startswith(("https://", "http://")):
        raise invalid("MISSING_FIELD", "/content/article/source is required.")
    if not value.get("title"):
        raise invalid("MISSING_FIELD", "/content/article/title is required.")
    thumbnail: tuple[Media, ...] = ()
    if "thumbnail" in value:
        thumbnail = (usable_asset(state, grant, value["thumbnail"], author, "image"),)
    return thumbnail, {"article": {key: value[key] for key in ARTICLE_FIELDS if key in value}}


def _with_alt_text(media: Media, fields: Mapping[str, Any]) -> Media:
    """A copy: two posts may show the same image with different alt texts."""
    alt_text = fields.get("altText", "")
    if not isinstance(alt_text, str) or len(alt_text) > MAX_ALT_TEXT:
        raise invalid("FIELD_LENGTH_TOO_LONG", "altText is too long.")
    return dataclasses.replace(media, alt_text=alt_text)


def _poll(value: dict[str, Any]) -> dict[str, Any]:
    question, settings = value.get("question"), value.get("settings")
    options = [each.get("text") for each in value.get("options", []) if isinstance(each, dict)]
    if not isinstance(question, str) or not 0 < len(question) <= 140:
        raise invalid("FIELD_LENGTH_TOO_LONG", "/content/poll/question has 1 to 140 characters.")
    if not 2 <= len(options) <= 4 or not all(
        isinstance(each, str) and 0 < len(each) <= 30 for each in options
    ):
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content/poll has 2 to 4 options of 1 to 30.")
    duration = settings.get("duration") if isinstance(settings, dict) else None
    if duration not in DURATIONS:
        raise invalid("INVALID_VALUE_FOR_FIELD", "/content/poll/settings/duration is no symbol.")
    return {"question": question, "options": options, "duration": duration}
