"""Images, videos and documents: registered, uploaded to another host, processed, then posted.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/images-api
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/videos-api
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/documents-api
"""

import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import joined
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.linkedin.errors import denied, error, invalid
from socialpublishing.sandbox.linkedin.login import NAME, grant_of, requires_token
from socialpublishing.sandbox.linkedin.urns import EPOCH_MS, author_of, urn_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, State

KINDS = {"images": "image", "videos": "video", "documents": "document"}
PART_BYTES = 4_194_304
URL_LIFE_S = 30 * 86400
MAX_PIXELS = 36_152_320
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif")
DOCUMENT_TYPES = ("application/pdf", "application/zip", "application/x-ole-storage")
OFFICE_TYPES = ("application/msword", "application/vnd.ms-", "application/vnd.openxmlformats-")
MAX_DOCUMENT_BYTES = 100 * 1024 * 1024
MAX_VIDEO_BYTES = 5 * 1024**3
MIN_VIDEO_BYTES = 75 * 1024
MIN_VIDEO_S, MAX_VIDEO_S = 3, 30 * 60


@requires_token("w_member_social", "w_organization_social")
def upload_action(request: SandboxRequest, grant: AuthorizationGrant, kind: str) -> HttpResponse:
    match request.GET.get("action"):
        case "initializeUpload":
            return _initialize(request, grant, KINDS[kind])
        case "finalizeUpload" if kind == "videos":
            return _finalize(request, grant)
    raise invalid("ILLEGAL_ARGUMENT", "The action is not supported.")


def _body(request: SandboxRequest, name: str) -> dict[str, Any]:
    body = request.json
    inner = body.get(name) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise invalid("MISSING_FIELD", f"Parameter '{name}' is required")
    return inner


def _initialize(request: SandboxRequest, grant: AuthorizationGrant, kind: str) -> HttpResponse:
    fields = _body(request, "initializeUploadRequest")
    state = request.state
    owner = author_of(state, grant, fields.get("owner"), "owner")
    size = fields.get("fileSizeBytes", 0)
    if kind == "video":
        _check_video(owner, size)
    urn = f"urn:li:{kind}:D4E{secrets.choice('012')}AQ{state.new_id(EPOCH_MS)}"
    media = Media(
        platform=NAME,
        id=urn,
        account_id=owner.id,
        created_at=state.now(),
        expires_at=state.now() + URL_LIFE_S,
        category=kind,
        promised_bytes=size,
        facts={"owner": urn_of(owner), "etags": {}, "token": ""},
    )
    state.media[NAME, urn] = media
    base = f"{request.base_url}/{NAME}/dms-uploads/{urn.rpartition(':')[2]}"
    ends_at = int((state.now() + URL_LIFE_S) * 1000)
    if kind != "video":
        data = {"uploadUrlExpiresAt": ends_at, "uploadUrl": f"{base}/0", kind: urn}
        return json_response({"value": data})
    thumbnail = {"thumbnailUploadUrl": f"{base}/thumbnail"}
    instructions = _instructions(base, size)
    if len(instructions) > 1:
        media.facts["token"] = secrets.token_urlsafe(24)
    return json_response(
        {
            "value": {
                "uploadUrlsExpireAt": ends_at,
                "video": urn,
                "uploadInstructions": instructions,
                "uploadToken": media.facts["token"],
                **(thumbnail if fields.get("uploadThumbnail") is True else {}),
            }
        }
    )


def _check_video(owner: Account, size: object) -> None:
    if not (isinstance(size, int) and 0 < size <= MAX_VIDEO_BYTES):
        raise invalid("INVALID_VALUE_FOR_FIELD", "fileSizeBytes is not a size of a video.")
    if owner.owner_id and owner.facts["role"] == "CONTENT_ADMINISTRATOR":
        raise denied(
            "Videos of an organization are for its administrators and sponsored content posters: "
            "processing fields [/owner]"
        )


def _instructions(base: str, size: int) -> list[dict[str, Any]]:
    return [
        {
            "uploadUrl": f"{base}/{number}",
            "firstByte": start,
            "lastByte": min(start + PART_BYTES, size) - 1,
        }
        for number, start in enumerate(range(0, size, PART_BYTES))
    ]


def receive(request: SandboxRequest, asset: str, part: int) -> HttpResponse:
    """The upload host. It requires a token for images and documents, and refuses one for videos."""
    media = _uploading(request.state, asset)
    if media is None or media.sha256:
        return error(400, "UPDATING_ASSET_FAILED", "The asset cannot be updated.")
    if media.expires_at is not None and request.state.now() >= media.expires_at:
        return error(400, "EXPIRED_UPLOAD_URL", "The upload URL has expired.")
    if media.category == "video":
        return _receive_part(request, media, part)
    grant = grant_of(request)
    if isinstance(grant, HttpResponse):
        return grant
    if media.category == "document" and request.body_blob.size > MAX_DOCUMENT_BYTES:
        return error(413, "PAYLOAD_TOO_LARGE", "The document is too large.")
    request.state.add_media(media, request.body_blob)
    media.facts["uploaded_at"] = request.state.now()
    media.ready_at = request.state.now() + request.state.setting("linkedin_processing_seconds")
    return HttpResponse(status=201)


def _uploading(state: State, asset: str) -> Media | None:
    urns = (f"urn:li:{kind}:{asset}" for kind in KINDS.values())
    return next(filter(None, (state.media.get((NAME, urn)) for urn in urns)), None)


def receive_thumbnail(request: SandboxRequest, asset: str) -> HttpResponse:
    media = _uploading(request.state, asset)
    if media is None or media.category != "video" or media.sha256:
        return error(400, "UPDATING_ASSET_FAILED", "The asset cannot be updated.")
    if request.headers.get("media-type-family") != "STILLIMAGE":
        return error(400, "ILLEGAL_ARGUMENT", "media-type-family is not STILLIMAGE.")
    media.facts["thumbnail"] = request.body_blob.sha256
    return HttpResponse(status=201)


def _receive_part(request: SandboxRequest, media: Media, part: int) -> HttpResponse:
    if "Authorization" in request.headers:
        return error(400, "ILLEGAL_ARGUMENT", "An upload URL of a video takes no Authorization.")
    first = part * PART_BYTES
    length = min(PART_BYTES, media.promised_bytes - first)
    if length <= 0 or request.body_blob.size != length:
        return error(400, "ILLEGAL_ARGUMENT", f"The part is not of {length} bytes.")
    etag = f"/ambry-videoei/signedId/{secrets.token_hex(12)}.bin"
    with request.state.lock:
        media.parts[part] = request.body_blob
        media.facts["etags"][part] = etag
    return HttpResponse(status=200, headers={"ETag": f'"{etag}"'})


def _finalize(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    fields = _body(request, "finalizeUploadRequest")
    state = request.state
    media = _own_asset(state, grant, fields.get("video"))
    ids = fields.get("uploadedPartIds")
    if not isinstance(ids, list):
        raise invalid("MISSING_FIELD", "uploadedPartIds is required")
    with state.lock:
        if media.sha256:
            return HttpResponse(status=200)
        parts = {etag: number for number, etag in media.facts["etags"].items()}
        needed = len(range(0, media.promised_bytes, PART_BYTES))
        if fields.get("uploadToken", "") != media.facts["token"]:
            raise invalid("UPDATING_ASSET_FAILED", "The uploadToken is not the one that was given.")
        if len(ids) != needed or any(each not in parts for each in ids):
            raise invalid("UPDATING_ASSET_FAILED", "Parts of the video are missing.")
        # LinkedIn joins the parts in the order of the ids, even if that order is wrong.
        state.add_media(media, joined([media.parts[parts[each]] for each in ids]))
        media.facts["uploaded_at"] = state.now()
        media.ready_at = state.now() + state.setting("processing_seconds")
    return HttpResponse(status=200)


def _own_asset(state: State, grant: AuthorizationGrant, urn: object) -> Media:
    media = state.media.get((NAME, str(urn)))
    if media is None:
        raise invalid("INVALID_URN_ID", f"{str(urn)[:100]} is not an asset.")
    author_of(state, grant, media.facts["owner"], "owner")
    return media


@requires_token()
def asset(request: SandboxRequest, grant: AuthorizationGrant, kind: str, urn: str) -> HttpResponse:
    """Refused for tokens that may only write as a member, as the versioned API does."""
    if not grant.scopes & {"w_organization_social", "r_organization_social"}:
        raise denied(f"Accessing this {KINDS[kind]} resource is forbidden")
    media = request.state.media.get((NAME, urn))
    if media is None or media.category != KINDS[kind] or not _is_known(request.state, media):
        return error(404, "NOT_FOUND", f"Could not find {KINDS[kind]} {urn}")
    data: dict[str, Any] = {
        "id": urn,
        "owner": media.facts["owner"],
        "status": status_of(request.state, media),
    }
    if data["status"] == "AVAILABLE":
        data["downloadUrl"] = f"{request.base_url}/media/{media.sha256}"
    if data["status"] == "PROCESSING_FAILED" and kind == "videos":
        data["processingFailureReason"] = "The video cannot be transcoded."
    if media.video_facts:
        data["duration"] = int(media.video_facts.duration_s * 1000)
    return json_response(data)


def _is_known(state: State, media: Media) -> bool:
    since = media.facts.get("uploaded_at", state.now())
    return bool(state.now() >= since + state.setting("linkedin_unknown_asset_seconds"))


def status_of(state: State, media: Media) -> str:
    if not media.sha256:
        return "WAITING_UPLOAD"
    if state.now() < media.ready_at:
        return "PROCESSING"
    return "AVAILABLE" if _is_usable(media) else "PROCESSING_FAILED"


def _is_usable(media: Media) -> bool:
    match media.category:
        case "image":
            is_small = media.width * media.height < MAX_PIXELS
            return media.picture is not None and media.mime_type in IMAGE_TYPES and is_small
        case "video":
            facts = media.video_facts
            return (
                facts is not None
                and media.mime_type == "video/mp4"
                and media.size_bytes >= MIN_VIDEO_BYTES
                and MIN_VIDEO_S <= facts.duration_s <= MAX_VIDEO_S
            )
    return media.mime_type in DOCUMENT_TYPES or media.mime_type.startswith(OFFICE_TYPES)


def usable_asset(
    state: State, grant: AuthorizationGrant, urn: object, author: str, *kinds: str
) -> Media:
    """The asset `urn`, if a post of `author` can show it. Raises EarlyResponse."""
    media = state.media.get((NAME, str(urn)))
    if media is None or media.category not in kinds:
        code = "INVALID_VIDEO_ID" if "video" in str(urn) else "INVALID_URN_ID"
        raise invalid(code, f"{str(urn)[:100]} cannot be posted here.")
    if not _is_known(state, media):
        raise EarlyResponse(error(404, "NOT_FOUND", f"Could not find {media.category} {urn}"))
    if media.facts["owner"] != author:
        raise denied("The owner of the media is not the author of the post.")
    match status_of(state, media):
        case "AVAILABLE":
            return media
        case "PROCESSING_FAILED":
            raise invalid("MEDIA_ASSET_PROCESSING_FAILED", f"Media asset {urn} failed processing.")
    raise invalid("MEDIA_ASSET_WAITING_UPLOAD", f"Media asset {urn} is not ready.")
