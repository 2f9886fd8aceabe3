"""Uploads files to LinkedIn and waits until it has processed them.

…/community-management/shares/images-api, videos-api, documents-api. The progress handle holds:
`assets`, the URNs of complete uploads in the order of the post's media; `video`, an upload under
way; `has_waited`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import ContentRejectedError, InsufficientPermissionsError
from socialpublishing.http import Body
from socialpublishing.limits import MEGABYTE
from socialpublishing.platforms.linkedin.payloads import (
    ASSETS,
    finalize_payload,
    initialize_payload,
)
from socialpublishing.platforms.linkedin.urns import encoded
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.uploads import open_file, send_in_parts
from socialpublishing.posts import Media, MediaKind, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.linkedin.client import LinkedIn

# Between polls of an image's or document's state.
POLL = dt.timedelta(seconds=2)
# Between polls of a video's state.
VIDEO_POLL = dt.timedelta(seconds=5)
# Where the state cannot be read: the pause in which LinkedIn processes images and documents.
BLIND_WAIT = dt.timedelta(seconds=20)
# The same for a video, to which the time for its size is added.
BLIND_VIDEO_WAIT = dt.timedelta(seconds=90)
BLIND_VIDEO_WAIT_PER_MEGABYTE = dt.timedelta(seconds=1)


# --- Uploading -----------------------------------------------------------------------------------


def upload(client: LinkedIn, media: Media, progress: Progress) -> Progress:
    """One step of the upload of `media`; its URN joins `assets` when the upload is complete."""
    if media.kind == MediaKind.VIDEO:
        return _upload_video(client, media, progress)
    return _with_asset(progress, _upload_file(client, media))


def _with_asset(progress: Progress, urn: str) -> Progress:
    assets = [*progress.handle.get("assets", []), urn]
    return progress.preparing(assets=assets, video=None, note="Uploaded.")


def _initialize(client: LinkedIn, media: Media) -> Mapping[str, Any]:
    resource, _ = ASSETS[media.kind]
    payload = initialize_payload(media, author=client.author)
    response = client.http.post(f"/rest/{resource}?action=initializeUpload", json=payload)
    initialized: Mapping[str, Any] = response["value"]
    return initialized


def _upload_file(client: LinkedIn, media: Media) -> str:
    """Upload an image or a document in one PUT: in parts, they arrive corrupted."""
    size = media.size_bytes
    assert size is not None
    initialized = _initialize(client, media)
    with open_file(media) as stream:
        client.upload_http(initialized["uploadUrl"], token=client.account.token).call(
            "PUT",
            "",
            data=stream.part(size),
            headers={"Content-Type": media.mime_type},
            needs_json=False,
        )
    _, name = ASSETS[media.kind]
    urn: str = initialized[name]
    return urn


def _upload_video(client: LinkedIn, media: Media, progress: Progress) -> Progress:
    video: Mapping[str, Any] | None = progress.handle.get("video")
    if video is None:
        video = _initialize_video(client, media)
        return progress.preparing(video=video, note="LinkedIn is ready for the video.")
    count = len(video["urls"])
    if len(video["etags"]) < count:
        etags = _upload_parts(client, media, video)
        note = f"Uploaded {len(etags)} of {count} parts."
        return progress.preparing(video={**video, "etags": etags}, note=note)
    client.http.call(
        "POST",
        "/rest/videos?action=finalizeUpload",
        json=finalize_payload(video),
        needs_json=False,
    )
    return _with_asset(progress, video["urn"])


def _initialize_video(client: LinkedIn, media: Media) -> dict[str, Any]:
    """LinkedIn sets the size of the parts, and an address for each."""
    initialized = _initialize(client, media)
    parts = initialized["uploadInstructions"]
    return {
        "urn": initialized["video"],
        "upload_token": initialized["uploadToken"],
        "urls": [part["uploadUrl"] for part in parts],
        "part_bytes": parts[0]["lastByte"] - parts[0]["firstByte"] + 1,
        "etags": [],
    }


def _upload_parts(client: LinkedIn, media: Media, video: Mapping[str, Any]) -> list[str]:
    """Upload further parts, each of which may be sent again. Returns the ETags of all so far."""
    etags: list[str] = list(video["etags"])

    def send(_: int, part: Body) -> None:
        # Without our token: LinkedIn refuses a part with one.
        response = client.upload_http(video["urls"][len(etags)]).call(
            "PUT",
            "",
            data=part,
            headers={"Content-Type": "application/octet-stream"},
            needs_json=False,
        )
        etags.append(response.headers.get("ETag", "").strip('"'))

    part_bytes = video["part_bytes"]
    send_in_parts(media, start=len(etags) * part_bytes, part_bytes=part_bytes, send=send)
    return etags


# --- Processing ----------------------------------------------------------------------------------


def wait_for_processing(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    """READY when LinkedIn has processed all files."""
    if progress.handle.get("has_waited"):
        return progress.ready()
    if not client.can_read_uploads:
        return _wait_blindly(post, progress)
    try:
        return _check_processing(client, post, progress)
    except InsufficientPermissionsError:
        # Some connections may upload but not read the state of an upload.
        return _wait_blindly(post, progress)


def _check_processing(client: LinkedIn, post: Post, progress: Progress) -> Progress:
    for media, urn in zip(post.media, progress.handle.get("assets", []), strict=True):
        resource, _ = ASSETS[media.kind]
        status = client.http.get(f"/rest/{resource}/{encoded(urn)}")["status"]
        if status == "PROCESSING_FAILED":
            raise ContentRejectedError(f"LinkedIn could not process the {media.kind}.")
        if status != "AVAILABLE":
            wait = VIDEO_POLL if media.kind == MediaKind.VIDEO else POLL
            note = f"LinkedIn is processing the {media.kind}."
            return progress.preparing(poll_after=wait, note=note)
    return progress.ready()


def _wait_blindly(post: Post, progress: Progress) -> Progress:
    """Wait once, long enough for most files, without reading the state of the uploads."""
    videos = [media for media in post.media if media.kind == MediaKind.VIDEO]
    megabytes = sum(video.size_bytes or 0 for video in videos) / MEGABYTE
    wait = BLIND_VIDEO_WAIT + megabytes * BLIND_VIDEO_WAIT_PER_MEGABYTE if videos else BLIND_WAIT
    note = "Waiting for LinkedIn to process what was uploaded."
    return progress.preparing(poll_after=wait, has_waited=True, note=note)
