"""Videos of a Page: `POST /{page}/videos`, in chunks by upload phases, or in one request.

https://developers.facebook.com/docs/graph-api/reference/page/videos
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob, joined
from socialpublishing.sandbox.facebook import params, posts
from socialpublishing.sandbox.facebook.errors import graph_error, invalid
from socialpublishing.sandbox.facebook.login import NAME
from socialpublishing.sandbox.facebook.nodes import EPOCH_MS, received
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Media, State

MIN_BYTES, MAX_BYTES = 1024, 2 * 1024**3
MIN_S, MAX_S = 1, 40 * 60
MEBIBYTE = 1024 * 1024
DAYS_AHEAD = 182  # six months: how far ahead a video can be scheduled
WIDEST, MARGIN = 16 / 9, 1.02  # also the limit for upright videos; the margin is for rounded pixels
UNKNOWN_FORMAT = (1363024, "The video file you selected is in a format that we don't support.")


def upload(request: SandboxRequest, node_id: str, **_: Any) -> HttpResponse:
    page = posts.author(request, node_id)
    phase = str(request.params.get("upload_phase", ""))
    match phase:
        case "start":
            return _start(request, page)
        case "transfer":
            return _transfer(request, page)
        case "finish":
            return _finish(request, page)
        case "cancel":
            del request.state.media[NAME, _session(request, page).id]
            return json_response({"success": True})
        case "":
            return _upload_at_once(request, page)
    raise invalid("Param upload_phase must be one of {start, transfer, finish, cancel}")


def _upload_at_once(request: SandboxRequest, page: Account) -> HttpResponse:
    """One request with the file, or with its URL."""
    text = params.text_param(request, "description")
    blob = request.upload("source")
    if blob is None:
        blob = _fetched(params.text_param(request, "file_url"))
    if blob.size < MIN_BYTES:
        raise _refused(1363022, "The video file you tried to upload is too small.")
    video = new_video(request, page, size=blob.size)
    _publish(request, page, video, text, blob)
    return json_response({"id": video.id})


def _fetched(url: str) -> Blob:
    if not url:
        raise EarlyResponse(graph_error(382, "The video file is too small or missing."))
    try:
        return fetch(url, max_bytes=MAX_BYTES, agent=posts.FETCH_AGENT)
    except FetchFailed as failed:
        message = "Unable to fetch video file from URL."
        raise EarlyResponse(graph_error(389, message)) from failed


def _start(request: SandboxRequest, page: Account) -> HttpResponse:
    size = str(request.params.get("file_size", ""))
    if not size.isdecimal():
        raise invalid("Param file_size must be an integer")
    if int(size) < MIN_BYTES:
        raise _refused(1363022, "The video file you tried to upload is too small.")
    if int(size) > MAX_BYTES:
        raise _refused(1363023, "The video file you tried to upload is too large.")
    video = new_video(request, page, size=int(size))
    ids = {"video_id": video.id, "upload_session_id": f"9{video.id}"}
    return json_response({**ids, **_offsets(request.state, video)})


def new_video(request: SandboxRequest, page: Account, *, size: int = 0) -> Media:
    video = Media(
        platform=NAME,
        id=request.state.new_id(EPOCH_MS),
        account_id=page.id,
        created_at=request.state.now(),
        category="video",
        promised_bytes=size,
    )
    request.state.media[NAME, video.id] = video
    return video


def _transfer(request: SandboxRequest, page: Account) -> HttpResponse:
    video = _session(request, page)
    chunk = request.upload("video_file_chunk")
    if chunk is None:
        raise invalid("Param video_file_chunk is missing")
    state = request.state
    with state.lock:
        wanted = _offsets(state, video)
        start, size = received(video), int(wanted["end_offset"]) - received(video)
        is_wanted = str(request.params.get("start_offset")) == str(start) and chunk.size == size
        if not is_wanted or _is_disturbed(state, video):
            raise _other_offset(state, video)
        video.parts[len(video.parts)] = chunk
        return json_response(_offsets(state, video))


def _finish(request: SandboxRequest, page: Account) -> HttpResponse:
    """Publish the upload. A repeated request creates no second post."""
    video = _session(request, page)
    text = params.text_param(request, "description")
    if video.post_id:
        return json_response({"success": True})
    if received(video) != video.promised_bytes:
        raise _refused(1363041, "The upload of the video is incomplete.")
    data = joined(video.parts.values())  # may take long: the state is not locked yet
    _publish(request, page, video, text, data)
    return json_response({"success": True})


def _publish(request: SandboxRequest, page: Account, video: Media, text: str, data: Blob) -> None:
    state = request.state
    details: dict[str, Any] = {"kind": "video"}
    details |= params.sent_details(request, "title", "targeting", "feed_targeting")
    if thumb := request.upload("thumb"):
        details["thumb"] = thumb.sha256
    is_scheduled = bool(request.params.get("scheduled_publish_time"))
    if is_scheduled:
        params.scheduled_time(request, DAYS_AHEAD)
    is_wanted = params.bool_param(request, "published") and not is_scheduled
    with state.lock:
        if video.post_id:
            return
        state.add_media(video, data)
        video.ready_at = state.now() + state.setting("processing_seconds")
        video.facts["fault"] = _fault(video)
        is_wanted = is_wanted and not _becomes_draft(state, video)
        video.facts["publish_status"] = (
            "scheduled" if is_scheduled else "published" if is_wanted else "draft"
        )
        post = posts.add_video(state, page, text, video, details)
        post.is_public = is_wanted and not video.facts["fault"]


def _becomes_draft(state: State, video: Media) -> bool:
    facts = video.video_facts
    is_upright = facts is not None and facts.height > facts.width
    return is_upright and state.setting("facebook_upright_video") == "draft"


def _fault(video: Media) -> tuple[int, str] | None:
    """The code and message with which processing will fail, or None."""
    facts = video.video_facts
    if facts is None:
        return UNKNOWN_FORMAT
    if facts.duration_s < MIN_S:
        return 1363025, "The video is too short."
    if facts.duration_s > MAX_S:
        return 1363026, "The video is too long."
    if not 1 / (WIDEST * MARGIN) <= facts.width / max(facts.height, 1) <= WIDEST * MARGIN:
        return 1363040, "The aspect ratio of the video is not supported."
    return None


def _session(request: SandboxRequest, page: Account) -> Media:
    session = str(request.params.get("upload_session_id", ""))
    video = request.state.media.get((NAME, session.removeprefix("9")))
    if video is None or video.account_id != page.id or video.category != "video":
        raise _refused(1363030, "Your video upload session has expired.")
    return video


def _offsets(state: State, video: Media) -> dict[str, str]:
    """The bytes that the next part must have, no more and no fewer."""
    start = received(video)
    size = int(state.setting("facebook_part_bytes")) or (1 + len(video.parts) % 5) * MEBIBYTE
    return {
        "start_offset": str(start),
        "end_offset": str(min(start + size, video.promised_bytes)),
    }


def _other_offset(state: State, video: Media) -> EarlyResponse:
    return EarlyResponse(
        graph_error(
            1363037,
            "There was a problem uploading your video file.",
            subcode=1363037,
            error_data=_offsets(state, video),
        )
    )


def _is_disturbed(state: State, video: Media) -> bool:
    """Every third part is refused although it is right, as often as the setting has it."""
    left = state.setting("facebook_spontaneous_offsets")
    video.facts["sent"] = video.facts.get("sent", 0) + 1
    if left < 1 or video.facts["sent"] % 3:
        return False
    state.settings["facebook_spontaneous_offsets"] = left - 1
    return True


def _refused(subcode: int, message: str) -> EarlyResponse:
    return invalid("Invalid parameter", subcode=subcode, user_title="Video", user_message=message)
