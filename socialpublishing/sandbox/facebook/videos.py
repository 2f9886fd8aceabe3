"""Videos of a Page, uploaded in chunks: `POST /{page}/videos` with its upload phases.

https://developers.facebook.com/docs/graph-api/reference/page/videos
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import joined
from socialpublishing.sandbox.exchange import Answered, SandboxRequest, json_answer
from socialpublishing.sandbox.facebook import posts
from socialpublishing.sandbox.facebook.errors import graph_error, invalid
from socialpublishing.sandbox.facebook.login import NAME
from socialpublishing.sandbox.facebook.nodes import EPOCH_MS, received
from socialpublishing.sandbox.state import Account, Media

MIN_BYTES, MAX_BYTES = 1024, 2 * 1024**3
MIN_S, MAX_S = 1, 40 * 60
CHUNK_BYTES = 8 * 1024 * 1024


def upload(request: SandboxRequest, node_id: str) -> HttpResponse:
    page = posts.author(request, node_id)
    phase = str(request.params.get("upload_phase", ""))
    match phase:
        case "start":
            return _start(request, page)
        case "transfer":
            return _transfer(request, page)
        case "finish":
            return _finish(request, page)
    raise invalid("Param upload_phase must be one of {start, transfer, finish}")


def _start(request: SandboxRequest, page: Account) -> HttpResponse:
    size = str(request.params.get("file_size", ""))
    if not size.isdecimal():
        raise invalid("Param file_size must be an integer")
    if int(size) < MIN_BYTES:
        raise _refused(1363022, "The video file you tried to upload is too small.")
    if int(size) > MAX_BYTES:
        raise _refused(1363023, "The video file you tried to upload is too large.")
    video = Media(
        platform=NAME,
        id=request.state.new_id(EPOCH_MS),
        account_id=page.id,
        created_at=request.state.now(),
        category="video",
        promised_bytes=int(size),
    )
    request.state.media[NAME, video.id] = video
    ids = {"video_id": video.id, "upload_session_id": f"9{video.id}"}
    return json_answer({**ids, **_offsets(video)})


def _transfer(request: SandboxRequest, page: Account) -> HttpResponse:
    video = _session(request, page)
    chunk = request.upload("video_file_chunk")
    if chunk is None:
        raise invalid("Param video_file_chunk is missing")
    with request.state.lock:
        if str(request.params.get("start_offset")) != str(received(video)):
            raise Answered(
                graph_error(
                    1363037,
                    "There was a problem uploading your video file.",
                    subcode=1363037,
                    error_data=_offsets(video),
                )
            )
        if received(video) + chunk.size > video.promised_bytes:
            raise invalid("The chunk goes beyond the end of the file")
        video.parts[len(video.parts)] = chunk
    return json_answer(_offsets(video))


def _finish(request: SandboxRequest, page: Account) -> HttpResponse:
    """Once finished, a session stays so: finishing it again makes no second post."""
    video = _session(request, page)
    text = posts.text_param(request, "description")
    if video.post_id:
        return json_answer({"success": True})
    if received(video) != video.promised_bytes:
        raise _refused(1363041, "The video is not uploaded to its end.")
    data = joined(video.parts.values())  # may take its time: the state is not locked yet
    with request.state.lock:
        if not video.post_id:
            request.state.keep(video, data)
            video.ready_at = request.state.now() + request.state.setting("processing_seconds")
            video.facts["fault"] = _fault(video)
            details: dict[str, Any] = {"kind": "video"}
            details |= posts.told_details(request, "title", "targeting", "feed_targeting")
            post = posts.add_video(request.state, page, text, video, details)
            post.is_public = not video.facts["fault"]
    return json_answer({"success": True})


def _fault(video: Media) -> str:
    if video.movie is None:
        return "The video file you selected is in a format that we don't support."
    if not MIN_S <= video.movie.duration_s <= MAX_S:
        return "The video is too short or too long."
    return ""


def _session(request: SandboxRequest, page: Account) -> Media:
    session = str(request.params.get("upload_session_id", ""))
    video = request.state.media.get((NAME, session.removeprefix("9")))
    if video is None or video.account_id != page.id or video.category != "video":
        raise _refused(1363030, "Your video upload session has expired.")
    return video


def _offsets(video: Media) -> dict[str, str]:
    start = received(video)
    end = min(start + CHUNK_BYTES, video.promised_bytes)
    return {"start_offset": str(start), "end_offset": str(end)}


def _refused(subcode: int, words: str) -> Answered:
    return invalid("Invalid parameter", subcode=subcode, user_title="Video", user_message=words)
