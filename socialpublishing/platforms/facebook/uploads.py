"""Uploads of videos: in parts to the Page, or in one request to the upload host."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from socialpublishing.errors import (
    ContentRejectedError,
    MalformedResponseError,
    MediaNotReadyError,
    UploadLostError,
)
from socialpublishing.http import Body, MultipartBody
from socialpublishing.limits import MEGABYTE
from socialpublishing.platforms import uploads
from socialpublishing.platforms.facebook import errors
from socialpublishing.platforms.facebook.payloads import upload_host_edge
from socialpublishing.platforms.facebook.videos import VIDEO_POLL, VideoState
from socialpublishing.platforms.meta.errors import number
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.uploads import open_file
from socialpublishing.posts import Media, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook.client import Facebook

# Facebook may name another offset to continue at than the end of what it got, even one further
# back. After that many times without a byte more than ever before, the upload starts again.
MAX_CORRECTIONS = 10
CORRECTION_PAUSE = dt.timedelta(seconds=1)
GOING_BACK = "Facebook keeps asking for the same bytes of the video; it is uploaded again."
# A video of which no more bytes arrive for so many polls, ten minutes, is uploaded again.
MAX_STILL_POLLS = 120


# --- In parts to the Page ------------------------------------------------------------------------


def upload_in_parts(client: Facebook, video: Media, progress: Progress) -> Progress:
    """One step of the upload phases `start` and `transfer`.

    https://developers.facebook.com/docs/graph-api/reference/page/videos, read 2026-11-27. The
    responses name the bytes of the next part, from `start_offset` up to `end_offset`; a part has
    exactly those. That is also where a worker continues whose predecessor died.
    """
    upload = progress.handle.get("upload")
    # Handles of the release before have no `end`.
    if upload is None or "end" not in upload:
        return progress.preparing(upload=_start(client, video))
    sent = _send_parts(client, video, upload)
    offset, size = sent["offset"], video.known_bytes
    if offset >= size:
        return progress.ready(upload=sent)
    note = f"Uploaded {offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB."
    pause = CORRECTION_PAUSE if sent.get("corrections") else None
    return progress.preparing(upload=sent, note=note, poll_after=pause)


def _start(client: Facebook, video: Media) -> dict[str, Any]:
    form = {"upload_phase": "start", "file_size": str(video.known_bytes)}
    response = client.call_page("POST", "videos", data=form)
    offset, end = _offsets(response, video)
    return {
        "id": response["video_id"],
        "session": response["upload_session_id"],
        "offset": offset,
        "end": end,
    }


def _send_parts(client: Facebook, video: Media, upload: dict[str, Any]) -> dict[str, Any]:
    """Send parts one after the other, for UPLOAD_STEP_S or until Facebook corrects us."""
    until = time.monotonic() + uploads.UPLOAD_STEP_S
    at, end, size = upload["offset"], upload["end"], video.known_bytes
    with open_file(video, start=at) as stream:
        while True:
            try:
                wanted = _send_part(client, video, upload, at, stream.part(end - at))
            except UploadLostError as error:
                return _corrected(video, upload, error)
            is_next, (at, end) = wanted[0] == end, wanted
            upload = _continued(upload, at, end, UploadLostError(GOING_BACK))
            if not is_next or at >= size or time.monotonic() >= until:
                return upload


def _send_part(
    client: Facebook, video: Media, upload: dict[str, Any], offset: int, part: Body
) -> tuple[int, int]:
    """The bytes that Facebook wants next."""
    fields = {
        "upload_phase": "transfer",
        "upload_session_id": upload["session"],
        "start_offset": str(offset),
    }
    form = MultipartBody(
        fields, part, name="video_file_chunk", mime_type="application/octet-stream"
    )
    response = client.call_page(
        "POST",
        "videos",
        data=form,
        headers={"Content-Type": form.content_type},
        read_error=errors.read_transfer_error,
    )
    return _offsets(response, video)


def _corrected(video: Media, upload: dict[str, Any], error: UploadLostError) -> dict[str, Any]:
    """Where Facebook wants the upload to continue. This happens in uploads without any fault."""
    if not isinstance(error.details, dict):
        raise error
    return _continued(upload, *_offsets(error.details, video), error)


def _continued(
    upload: dict[str, Any], offset: int, end: int, error: UploadLostError
) -> dict[str, Any]:
    """`upload`, to be continued at `offset`. Raises `error` if that happens without end."""
    furthest, corrections = upload.get("furthest", upload["offset"]), upload.get("corrections", 0)
    if offset > furthest:
        corrections = 0
    elif offset <= upload["offset"]:
        corrections += 1
    if corrections > MAX_CORRECTIONS:
        raise error
    at = {"offset": offset, "end": end, "furthest": max(furthest, offset)}
    return {**upload, **at, "corrections": corrections}


def _offsets(response: Any, video: Media) -> tuple[int, int]:
    start, end = number(response["start_offset"]), number(response["end_offset"])
    size = video.size_bytes
    assert size is not None
    if not (start < end <= size or start == end == size):
        raise MalformedResponseError("Facebook asked for bytes that the video does not have.")
    return start, end


# --- In one request to the upload host -----------------------------------------------------------


def upload_to_host(client: Facebook, post: Post, progress: Progress) -> Progress:
    """One step: the start, then all bytes that the upload host does not have yet.

    https://developers.facebook.com/docs/video-api/guides/reels-publishing. One request sends all
    that is left, because the host refuses a shorter one. If the connection breaks, the video's
    status has the number of bytes that the host kept, which may be 0.
    """
    video = post.media[0]
    upload = progress.handle.get("hosted")  # a stored key
    if upload is None:
        response = client.call_page("POST", upload_host_edge(post), data={"upload_phase": "start"})
        upload = {"id": response["video_id"], "url": response["upload_url"]}
        return progress.preparing(hosted=upload, note="Facebook expects the video.")
    state = _state_if_readable(client, upload["id"])
    if state is not None and state.refusal:
        raise ContentRejectedError(state.refusal)
    if state is not None and state.is_gone:
        raise UploadLostError
    if state.is_uploaded if state is not None else upload.get("is_sent"):
        # We do not wait until it is processed: in practice that may never end.
        return progress.ready()
    received = state.received_bytes if state is not None else 0
    if not upload.get("is_sent") and received < video.known_bytes:
        _send_rest(client, video, upload["url"], offset=received)
        return progress.preparing(hosted={**upload, "is_sent": True}, note="Uploaded.")
    return _wait(progress, upload, received)


def _wait(progress: Progress, upload: dict[str, Any], received: int) -> Progress:
    is_more = received > upload.get("received", 0)
    polls = 0 if is_more else upload.get("still_polls", 0) + 1
    if polls > MAX_STILL_POLLS:
        raise UploadLostError(
            "Facebook has received no more of the video for ten minutes; it is uploaded again."
        )
    waiting = {**upload, "received": max(received, upload.get("received", 0)), "still_polls": polls}
    note = "Facebook is receiving the video."
    return progress.preparing(poll_after=VIDEO_POLL, note=note, hosted=waiting)


def _state_if_readable(client: Facebook, video_id: str) -> VideoState | None:
    """No page documents that a video can be read before it is published: none has to be."""
    try:
        return client.video_state(video_id)
    except MediaNotReadyError:
        return None


def _send_rest(client: Facebook, video: Media, address: str, *, offset: int) -> None:
    size = video.known_bytes
    headers = {
        # The upload host expects another scheme than "Bearer".
        "Authorization": f"OAuth {client.account.token.reveal()}",
        "offset": str(offset),
        "file_size": str(size),
        "Content-Type": "application/octet-stream",
    }
    host = client.upload_http(address)
    with open_file(video, start=offset) as stream:
        host.call("POST", "", data=stream.part(size - offset), headers=headers)
