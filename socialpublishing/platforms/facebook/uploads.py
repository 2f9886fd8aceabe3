"""Uploads of videos: in parts to the Page, or in one request to the upload host."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from socialpublishing.errors import ContentRejectedError, NoResponseError, UploadLostError
from socialpublishing.http import Body, MultipartBody
from socialpublishing.limits import MEGABYTE
from socialpublishing.platforms.facebook.payloads import upload_host_edge
from socialpublishing.platforms.facebook.videos import VIDEO_POLL
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.uploads import open_file, send_in_parts
from socialpublishing.posts import Media, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.facebook.client import Facebook

PART_BYTES = 8 * MEGABYTE


def upload_in_parts(client: Facebook, video: Media, progress: Progress) -> Progress:
    """One step of the upload phases `start` and `transfer`.

    https://developers.facebook.com/docs/graph-api/reference/page/videos
    """
    size = video.size_bytes
    assert size is not None
    upload = progress.handle.get("upload")
    if upload is None:
        return progress.preparing(upload=_start(client, size))
    # If a worker died, more bytes may have arrived than were stored.
    offset = client.video_state(upload["id"]).received_bytes or upload["offset"]
    if offset < size:
        send = partial(_send_part, client, upload["session"])
        offset = send_in_parts(video, start=offset, part_bytes=PART_BYTES, send=send)
    upload = {**upload, "offset": offset}
    if offset >= size:
        return progress.ready(upload=upload)
    sent = f"{offset / MEGABYTE:.0f} of {size / MEGABYTE:.0f} MB"
    return progress.preparing(upload=upload, note=f"Uploaded {sent}.")


def _start(client: Facebook, size: int) -> dict[str, object]:
    form = {"upload_phase": "start", "file_size": str(size)}
    response = client.call_page("POST", "videos", data=form)
    return {
        "id": response["video_id"],
        "session": response["upload_session_id"],
        "offset": int(response["start_offset"]),
    }


def _send_part(client: Facebook, session: str, offset: int, part: Body) -> None:
    fields = {
        "upload_phase": "transfer",
        "upload_session_id": session,
        "start_offset": str(offset),
    }
    form = MultipartBody(
        fields, part, name="video_file_chunk", mime_type="application/octet-stream"
    )
    headers = {"Content-Type": form.content_type}
    response = client.call_page("POST", "videos", data=form, headers=headers)
    if int(response["start_offset"]) != offset + len(part):
        raise NoResponseError("Facebook received another part of the video than we sent.")


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
    state = client.video_state(upload["id"])
    if state.refusal:
        raise ContentRejectedError(state.refusal)
    if state.is_gone:
        raise UploadLostError
    if state.is_uploaded:
        # We do not wait until it is processed: in practice that may never end.
        return progress.ready()
    assert video.size_bytes is not None
    if not upload.get("is_sent") and state.received_bytes < video.size_bytes:
        _send_rest(client, video, upload["url"], offset=state.received_bytes)
        return progress.preparing(hosted={**upload, "is_sent": True}, note="Uploaded.")
    return progress.preparing(poll_after=VIDEO_POLL, note="Facebook is receiving the video.")


def _send_rest(client: Facebook, video: Media, address: str, *, offset: int) -> None:
    size = video.size_bytes
    assert size is not None
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
