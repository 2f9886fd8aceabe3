"""The media source of a new Pin: images by URL or in the request, carousels, uploaded videos."""

import base64
import binascii
import dataclasses
from typing import Any

from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse
from socialpublishing.sandbox.pinterest.boards import EPOCH_MS
from socialpublishing.sandbox.pinterest.errors import NO_FETCH, error, invalid, not_found
from socialpublishing.sandbox.pinterest.login import NAME
from socialpublishing.sandbox.pinterest.parameters import validate, without_nulls
from socialpublishing.sandbox.pinterest.uploads import status_of
from socialpublishing.sandbox.state import Account, Blob, Media, State

AGENT = "Pinterestbot/1.0 (+https://www.pinterest.com/bot.html)"
MAX_IMAGE_BYTES = 20 * 1024 * 1024

ID = {"type": "string", "pattern": r"\d+"}
STRING = {"type": "string"}
CONTENT_TYPE = {"type": "string", "enum": ["image/jpeg", "image/png"]}
INDEX = {"type": "integer", "minimum": 0}
DATA = {"type": "string", "pattern": "[a-zA-Z0-9+/=]+"}
COVERS = ("cover_image_url", "cover_image_data", "cover_image_key_frame_time")


def _items(**own: Any) -> dict[str, Any]:
    optional = {"title": STRING, "description": STRING, "link": STRING}
    item = {"required": list(own), "properties": {**own, **optional}}
    return {"type": "array", "minItems": 2, "maxItems": 5, "items": item}


def _source(*required: str, **own: Any) -> dict[str, Any]:
    return {
        "required": list(required),
        "properties": {"source_type": STRING, "is_standard": {"type": "boolean"}, **own},
    }


SOURCES = {
    "image_url": _source("url", url=STRING),
    "image_base64": _source("content_type", "data", content_type=CONTENT_TYPE, data=DATA),
    "multiple_image_urls": _source("items", items=_items(url=STRING), index=INDEX),
    "multiple_image_base64": _source(
        "items", items=_items(content_type=CONTENT_TYPE, data=DATA), index=INDEX
    ),
    "video_id": _source(
        "media_id",
        media_id=ID,
        cover_image_url=STRING,
        cover_image_content_type=CONTENT_TYPE,
        cover_image_data=DATA,
        cover_image_key_frame_time=INDEX,
    ),
}


def validated_source(body: dict[str, Any]) -> dict[str, Any]:
    """The media source of a Pin, checked against the schema of its type."""
    source = without_nulls(body["media_source"])
    kind = source["source_type"]
    if kind not in SOURCES:
        raise invalid(f"$.media_source.source_type: '{kind}' is not one of {list(SOURCES)}")
    validate(SOURCES[kind], source, "$.media_source")
    return source


def read_media(state: State, account: Account, source: dict[str, Any]) -> tuple[Media, ...]:
    """Raises EarlyResponse for media that Pinterest refuses."""
    if source["source_type"] == "video_id":
        return (_video(state, account, source),)
    items = source.get("items", [source])
    images = tuple(_image(state, account, item) for item in items)
    if source.get("index", 0) >= len(items):
        raise invalid("$.media_source.index: is beyond the last item")
    first = images[0]
    if any(image.width * first.height != first.width * image.height for image in images):
        raise invalid("All images must have the same width/height ratios.")
    return images


def _image(state: State, account: Account, item: dict[str, Any]) -> Media:
    media = Media(
        platform=NAME,
        id=state.new_id(EPOCH_MS),
        account_id=account.id,
        created_at=state.now(),
    )
    file = _fetched(state, item["url"]) if "url" in item else image_of(item["data"])
    state.complete_media(media, file)
    if media.picture is None or media.size_bytes > MAX_IMAGE_BYTES:
        raise invalid("Sorry! We could not read this image.")
    if item.get("content_type", media.mime_type) != media.mime_type:
        raise invalid("The image is not of its content_type.")
    return media


def _fetched(state: State, url: str) -> Blob:
    redirects = 3 if state.setting("pinterest_follows_redirects") == "yes" else 0
    try:
        return fetch(
            url, max_bytes=MAX_IMAGE_BYTES, agent=AGENT, kinds=("image/",), redirects=redirects
        )
    except FetchFailed as failed:
        raise invalid(NO_FETCH) from failed


def image_of(data: str) -> Blob:
    """The image in base64 `data`."""
    try:
        return Blob.of(base64.b64decode(data, validate=True))
    except (ValueError, binascii.Error) as failed:
        raise invalid("$.media_source.data: is not base64") from failed


def _video(state: State, account: Account, source: dict[str, Any]) -> Media:
    media = state.media.get((NAME, source["media_id"]))
    if media is None or media.account_id != account.id:
        raise not_found("Media")
    if status_of(state, media) != "succeeded":
        raise invalid(f"Media {media.id} is not ready: {status_of(state, media)}.")
    if not any(name in source for name in COVERS):
        raise EarlyResponse(error(400, 1, "A cover image is required for a video Pin."))
    if "cover_image_url" in source:
        _fetched(state, source["cover_image_url"])
    if "cover_image_data" in source:
        image_of(source["cover_image_data"])
    # A copy: two Pins may show the same video with different alt texts.
    return dataclasses.replace(media)
