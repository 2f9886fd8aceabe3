"""Uploads of images, animated GIFs and videos, and their alt text.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked
"""

import base64
import binascii
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob, joined
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.schema import first_error
from socialpublishing.sandbox.state import Account, Media, State
from socialpublishing.sandbox.twitter.errors import invalid_request, problem
from socialpublishing.sandbox.twitter.login import NAME, requires_token

EPOCH_MS = 1288834974657  # of X's ids: https://docs.x.com/fundamentals/x-ids
LIFE_S = 86400
MAX_ALT_TEXT = 1000
MAX_CHUNK_BYTES = 8 * 1024 * 1024
MAX_BYTES = {
    "tweet_image": 5 * 1024 * 1024,
    "dm_image": 5 * 1024 * 1024,
    "tweet_gif": 15 * 1024 * 1024,
    "dm_gif": 15 * 1024 * 1024,
    "tweet_video": 8_000_000_000,
    "amplify_video": 8_000_000_000,
}
# https://docs.x.com/x-api/media/quickstart/best-practices, since 2026-09-01.
MAX_VIDEO_S = 20 * 60
MIN_VIDEO_S = 0.5
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/mp2t")
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
KNOWN_CATEGORIES = ["tweet_image", "tweet_gif", "tweet_video", "dm_image", "dm_gif", "dm_video"]
KNOWN_TYPES = [
    *("image/bmp", "image/gif", "image/jpeg", "image/pjpeg", "image/png", "image/tiff"),
    *("image/webp", "model/gltf-binary", "model/vnd.usdz+zip", "text/srt", "text/vtt"),
    *VIDEO_TYPES,
]

ID = {"type": "string", "pattern": "[0-9]{1,19}"}
UPLOAD = {
    "required": ["media_category"],
    "properties": {
        "media": {"type": "string"},
        "media_category": {
            "type": "string",
            "enum": [*KNOWN_CATEGORIES, "subtitles"],
        },
        "media_type": {"type": "string", "enum": KNOWN_TYPES},
        # Strings in a form.
        "additional_owners": {"type": ["array", "string"], "items": ID},
        "shared": {"type": ["boolean", "string"]},
    },
}
INITIALIZE = {
    "required": ["total_bytes"],
    "properties": {
        "media_type": {"type": "string", "enum": KNOWN_TYPES},
        "media_category": {
            "type": "string",
            "enum": [*KNOWN_CATEGORIES, "amplify_video", "subtitles"],
        },
        "total_bytes": {"type": "integer", "minimum": 0, "maximum": 17179869184},
        "additional_owners": {"type": "array", "items": ID},
        "shared": {"type": "boolean"},
    },
}
METADATA = {
    "required": ["id"],
    "additionalProperties": True,
    "properties": {
        "id": ID,
        "metadata": {
            "additionalProperties": True,
            "properties": {
                "alt_text": {
                    "required": ["text"],
                    "properties": {"text": {"type": "string", "maxLength": MAX_ALT_TEXT}},
                }
            },
        },
    },
}


@requires_token("media.write", limit=500)
def upload(request: SandboxRequest, account: Account) -> HttpResponse:
    """A file in one request, as multipart or as base64 in JSON."""
    body = dict(request.form)
    data = request.upload("media") or _decode(body.get("media"))
    _validate(UPLOAD, body)
    if body["media_category"].endswith("video"):
        raise EarlyResponse(invalid_request("Videos are uploaded in chunks."))
    media = _new_media(request.state, account, body["media_category"], data.size)
    _complete(request.state, media, data)
    return json_response({"data": _media_object(request.state, media)})


@requires_token("media.write", limit=1875)
def initialize(request: SandboxRequest, account: Account) -> HttpResponse:
    body = request.json
    _validate(INITIALIZE, body)
    category = body.get("media_category", "tweet_image")
    media = _new_media(request.state, account, category, body["total_bytes"])
    return json_response(
        {"data": {"id": media.id, "media_key": media_key(media), "expires_after_secs": LIFE_S}}
    )


@requires_token("media.write", limit=1875)
def append(request: SandboxRequest, account: Account, media_id: str) -> HttpResponse:
    media = _find_media(request.state, account, media_id)
    index = str(request.form.get("segment_index", ""))
    if not index.isdecimal() or int(index) > 999:
        raise EarlyResponse(invalid_request("segment_index is not between 0 and 999"))
    data = request.upload("media") or _decode(request.form.get("media"))
    if data.size > MAX_CHUNK_BYTES:
        return problem(413, "Payload Too Large")
    if media.sha256:
        raise EarlyResponse(invalid_request("The upload is finalized.", {"id": media_id}))
    media.parts[int(index)] = data
    return json_response({"data": {"expires_at": int(media.created_at + LIFE_S)}})


@requires_token("media.write", limit=1875)
def finalize(request: SandboxRequest, account: Account, media_id: str) -> HttpResponse:
    media = _find_media(request.state, account, media_id)
    if not media.sha256:
        parts = dict(sorted(media.parts.items()))
        size = sum(part.size for part in parts.values())
        if list(parts) != list(range(len(parts))) or size != media.promised_bytes:
            return invalid_request("Segments do not add up to provided total file size.")
        data = joined(parts.values())  # before the lock: it takes time
        with request.state.lock:
            if not media.sha256:
                _complete(request.state, media, data)
    return json_response({"data": _media_object(request.state, media)})


@requires_token("media.write", limit=1000)
def status(request: SandboxRequest, account: Account) -> HttpResponse:
    if request.GET.get("command", "STATUS") != "STATUS":
        return invalid_request("command is not STATUS")
    media = _find_media(request.state, account, request.GET.get("media_id", ""))
    return json_response({"data": _media_object(request.state, media)})


@requires_token("media.write", limit=500)
def metadata(request: SandboxRequest, account: Account) -> HttpResponse:
    body = request.json
    _validate(METADATA, body)
    media = _find_media(request.state, account, body["id"])
    text = body.get("metadata", {}).get("alt_text", {}).get("text", "")
    if media.kind == "video" or request.state.setting("twitter_alt_text") == "refused":
        return invalid_request("Alt text is not supported for this media.", {"id": media.id})
    media.alt_text = text
    return json_response(
        {"data": {"id": media.id, "associated_metadata": {"alt_text": {"text": text}}}}
    )


def usable_media(state: State, account: Account, media_id: str) -> Media | None:
    """The media, if `account` can post it: own, complete, processed and not expired."""
    media = state.media.get((NAME, media_id))
    now = state.now()
    if media is None or media.account_id != account.id or not media.sha256:
        return None
    if media.facts.get("is_broken"):
        return None
    return media if media.ready_at <= now < media.created_at + LIFE_S else None


def media_key(media: Media) -> str:
    # Planted media have no category.
    kind = media.category.rpartition("_")[2] or media.kind
    prefix = {"gif": 16, "video": 13}.get(kind, 3)
    return f"{prefix}_{media.id}"


def _validate(schema: dict[str, Any], body: Any) -> None:
    if error := first_error(schema, body):
        raise EarlyResponse(invalid_request(error))


def _decode(text: Any) -> Blob:
    try:
        return Blob.of(base64.b64decode(text, validate=True))
    except (TypeError, ValueError, binascii.Error) as error:
        raise EarlyResponse(invalid_request("media is missing, or not base64")) from error


def _new_media(state: State, account: Account, category: str, size_bytes: int) -> Media:
    if category not in MAX_BYTES:
        raise EarlyResponse(invalid_request(f"This sandbox does not take {category} yet."))
    if size_bytes > MAX_BYTES[category]:
        raise EarlyResponse(
            invalid_request(f"File size exceeds {MAX_BYTES[category]} bytes.", {"size": size_bytes})
        )
    media = Media(
        platform=NAME,
        id=state.new_id(EPOCH_MS),
        account_id=account.id,
        created_at=state.now(),
        category=category,
        promised_bytes=size_bytes,
    )
    state.media[NAME, media.id] = media
    return media


def _complete(state: State, media: Media, data: Blob) -> None:
    state.add_media(media, data)
    if media.category.endswith("video"):
        media.ready_at = state.now() + state.setting("processing_seconds")
        # X reports an unsuitable video only after processing.
        media.facts["is_broken"] = not _is_playable(media)
        return
    mime_types = ("image/gif",) if media.category.endswith("gif") else IMAGE_TYPES
    if media.picture is None or media.picture.mime_type not in mime_types:
        del state.media[NAME, media.id]
        raise EarlyResponse(invalid_request("media type unrecognized."))
    if media.category.endswith("gif"):
        media.ready_at = state.now() + state.setting("processing_seconds")


def _is_playable(media: Media) -> bool:
    return (
        media.video_facts is not None
        and media.mime_type in VIDEO_TYPES
        and MIN_VIDEO_S <= media.video_facts.duration_s <= MAX_VIDEO_S
        and media.video_facts.frame_rate <= 60
    )


def _find_media(state: State, account: Account, media_id: str) -> Media:
    media = state.media.get((NAME, media_id))
    if media is None or media.account_id != account.id:
        raise EarlyResponse(invalid_request("BadRequest: Not found", {"media_id": media_id}))
    return media


def _media_object(state: State, media: Media) -> dict[str, Any]:
    media_object: dict[str, Any] = {
        "id": media.id,
        "media_key": media_key(media),
        "size": media.size_bytes,
        "expires_after_secs": max(round(media.created_at + LIFE_S - state.now()), 0),
    }
    if picture := media.picture:
        media_object["image"] = {
            "image_type": picture.mime_type,
            "w": picture.width,
            "h": picture.height,
        }
    if media.ready_at:  # without processing_info, media is ready
        media_object["processing_info"] = _progress(state, media)
    return media_object


def _progress(state: State, media: Media) -> dict[str, Any]:
    left_s = media.ready_at - state.now()
    if state.setting("twitter_processing") != "ends":
        stuck = {"state": "in_progress", "check_after_secs": 5, "progress_percent": 99}
        if state.setting("twitter_processing") == "error_in_progress":
            stuck["error"] = {"code": 1, "name": "InvalidMedia", "message": "unsupported format"}
        return stuck
    if left_s <= 0 and media.facts.get("is_broken"):
        return {"state": "failed"}  # X gives no reason
    if left_s <= 0:
        return {"state": "succeeded", "progress_percent": 100}
    is_past_half = left_s < state.setting("processing_seconds") / 2
    return {
        "state": "in_progress" if is_past_half else "pending",
        "check_after_secs": 1,
        "progress_percent": 50 if is_past_half else 0,
    }
