"""Videos: registered here, uploaded to S3 as a form, processed, then ready for a Pin.

https://developers.pinterest.com/docs/work-with-organic-content-and-users/create-boards-and-pins/
"""

import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.boards import EPOCH_MS
from socialpublishing.sandbox.pinterest.errors import not_found, storage_error
from socialpublishing.sandbox.pinterest.login import NAME, requires_token
from socialpublishing.sandbox.pinterest.parameters import page, validate, without_nulls
from socialpublishing.sandbox.state import AuthorizationGrant, Media, State, as_time

CREATE = {
    "required": ["media_type"],
    "additionalProperties": True,
    "properties": {"media_type": {"type": "string", "enum": ["video"]}},
}
UPLOAD_PATH = "media-upload"
POLICY_LIFE_S = 3600
FORM_HEAD_BYTES = 64 * 1024  # has to hold all fields that come before `file`
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/x-m4v")
CODECS = ("h264", "hevc")
MAX_BYTES = 2 * 1024**3
MIN_VIDEO_S, MAX_VIDEO_S = 4, 15 * 60


@requires_token("pins:read", "pins:write", category="org_write")
def register(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    validate(CREATE, without_nulls(request.json))
    state = request.state
    media_id = state.new_id(EPOCH_MS)
    at = as_time(state.now())
    parameters = {
        "x-amz-date": f"{at:%Y%m%dT%H%M%SZ}",
        "x-amz-signature": secrets.token_hex(32),
        "x-amz-security-token": secrets.token_urlsafe(200),
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "key": f"uploads/{secrets.token_hex(4)}/video:{media_id}",
        "policy": secrets.token_urlsafe(200),
        "x-amz-credential": f"ASIASANDBOX/{at:%Y%m%d}/us-east-1/s3/aws4_request",
        "Content-Type": "multipart/form-data",
    }
    media = Media(
        platform=NAME,
        id=media_id,
        account_id=grant.account.id,
        created_at=state.now(),
        facts={"parameters": parameters},
    )
    state.media[NAME, media_id] = media
    return json_response(
        {
            "media_id": media_id,
            "media_type": "video",
            "upload_url": f"{request.base_url}/{NAME}/{UPLOAD_PATH}",
            "upload_parameters": parameters,
        },
        201,
    )


def receive(request: SandboxRequest) -> HttpResponse:
    """As S3 does: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html."""
    if "Authorization" in request.headers:
        return storage_error(
            400, "InvalidArgument", "Only one auth mechanism allowed; see the policy."
        )
    if request.content_type != "multipart/form-data":
        return storage_error(412, "PreconditionFailed", "Bucket POST must be multipart/form-data.")
    file = request.upload("file")
    # S3 ignores fields that come after the file.
    head, _, _ = request.body_blob.head(FORM_HEAD_BYTES).partition(b'name="file"')
    form = {
        name: value for name, value in request.form.items() if f'name="{name}"'.encode() in head
    }
    media_id = str(form.get("key", "")).rpartition(":")[2]
    media = request.state.media.get((NAME, media_id))
    if media is None or file is None:
        return storage_error(400, "InvalidArgument", "Bucket POST must contain a field 'key'.")
    wrong = [name for name, value in _parameters(media).items() if form.get(name) != value]
    if wrong:
        return storage_error(403, "AccessDenied", f"Invalid according to Policy: {wrong[0]}")
    if request.state.now() >= media.created_at + POLICY_LIFE_S:
        return storage_error(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    if not media.sha256:
        request.state.add_media(media, file)
        media.ready_at = request.state.now() + request.state.setting("pinterest_processing_seconds")
    return HttpResponse(status=204)


def _parameters(media: Media) -> dict[str, str]:
    parameters: dict[str, str] = media.facts["parameters"]
    return parameters


def refuse_method() -> HttpResponse:
    return storage_error(405, "MethodNotAllowed", "The specified method is not allowed.")


@requires_token("pins:read", "pins:write", category="org_read")
def upload(request: SandboxRequest, grant: AuthorizationGrant, media_id: str) -> HttpResponse:
    media = request.state.media.get((NAME, media_id))
    if media is None or media.account_id != grant.account.id or "parameters" not in media.facts:
        raise not_found("Media")
    return json_response(_upload_object(request.state, media))


@requires_token("pins:read", "pins:write", category="org_read")
def uploads(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    own = [
        media
        for media in reversed(list(request.state.media.values()))
        if media.account_id == grant.account.id and "parameters" in media.facts
    ]
    items, bookmark = page(request, own)
    data = [_upload_object(request.state, media) for media in items]
    return json_response({"items": data, "bookmark": bookmark})


def _upload_object(state: State, media: Media) -> dict[str, Any]:
    return {"media_id": media.id, "media_type": "video", "status": status_of(state, media)}


def status_of(state: State, media: Media) -> str:
    if not media.sha256:
        return "registered"
    if state.now() < media.ready_at:
        return "processing"
    return "succeeded" if _is_playable(media) else "failed"


def _is_playable(media: Media) -> bool:
    """Pinterest gives no reason for a failed video."""
    facts = media.video_facts
    return (
        facts is not None
        and media.mime_type in VIDEO_TYPES
        and media.size_bytes <= MAX_BYTES
        and facts.video_codec in CODECS
        and MIN_VIDEO_S <= facts.duration_s <= MAX_VIDEO_S
    )
