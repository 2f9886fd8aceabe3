"""Reels and stories: videos that go to a host of their own, and photos shown for a day.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
https://developers.facebook.com/docs/page-stories-api
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob
from socialpublishing.sandbox.exchange import Answered, SandboxRequest, json_answer
from socialpublishing.sandbox.facebook import posts
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, missing_object
from socialpublishing.sandbox.facebook.login import NAME, caller, live_token
from socialpublishing.sandbox.facebook.nodes import EPOCH_MS, paged
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.state import Account, Media, Post, State

REELS_A_DAY, DAY_S = 30, 86400
MAX_BYTES = 1024**3
SECONDS = {"video_reels": (3, 90), "video_stories": (3, 60)}
STATES = ("PUBLISHED", "DRAFT", "SCHEDULED")
WIDEST = 9 / 16 * 1.02  # upright, but for a rounded pixel
UPLOAD_PATH = "video-upload/v25.0/<str:video_id>"


def publish(request: SandboxRequest, node_id: str, edge: str) -> HttpResponse:
    """`POST /{page}/video_reels` and `/video_stories`, with their upload phases."""
    page = posts.author(request, node_id)
    match request.params.get("upload_phase"):
        case "start":
            return _start(request, page, edge)
        case "finish":
            return _finish(request, page, edge)
    raise invalid("Param upload_phase must be one of {start, finish}")


def _start(request: SandboxRequest, page: Account, edge: str) -> HttpResponse:
    video = Media(
        platform=NAME,
        id=request.state.new_id(EPOCH_MS),
        account_id=page.id,
        created_at=request.state.now(),
        category="video",
        facts={"edge": edge},
    )
    request.state.media[NAME, video.id] = video
    url = f"{request.base_url}/{NAME}/video-upload/v25.0/{video.id}"
    return json_answer({"video_id": video.id, "upload_url": url})


def receive(request: SandboxRequest, video_id: str) -> HttpResponse:
    """rupload.facebook.com: all of the bytes from `offset` on, or where they are."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme != "OAuth":
        return _debug("ProcessingFailedError", "The Authorization header is not OAuth.")
    token = live_token(request.state, value)
    video = request.state.media.get((NAME, video_id))
    if video is None or video.account_id != token.account.id or "edge" not in video.facts:
        return _debug("ProcessingFailedError", "There is no such upload.")
    if url := request.META.get("HTTP_FILE_URL"):
        try:
            blob: Blob = fetch(url, max_bytes=MAX_BYTES, agent=posts.FETCH_AGENT)
        except FetchFailed:
            return _debug("ProcessingFailedError", "The file could not be fetched.")
    else:
        blob = request.body_blob
        if request.headers.get("offset") != "0":
            return _debug("OffsetInvalidError", "offset is not where the upload stands.")
        if request.META.get("HTTP_FILE_SIZE") != str(blob.size):
            return _debug("PartialRequestError", "The body is not of file_size bytes.")
    with request.state.lock:
        if not video.sha256:
            request.state.keep(video, blob)
    return json_answer({"success": True})


def _debug(kind: str, message: str) -> HttpResponse:
    info = {"retriable": False, "type": kind, "message": message}
    return json_answer({"debug_info": info}, 400)


def _finish(request: SandboxRequest, page: Account, edge: str) -> HttpResponse:
    """Once finished it stays so: finishing it again makes no second post."""
    state = request.state
    video = state.media.get((NAME, str(request.params.get("video_id", ""))))
    if video is None or video.account_id != page.id or video.facts.get("edge") != edge:
        raise invalid("Param video_id is no upload of this Page")
    if not video.sha256:
        raise Answered(graph_error(6000, "There was a problem uploading your video file."))
    details: dict[str, Any] = {"kind": "story" if edge == "video_stories" else "reel"}
    text = ""
    if edge == "video_reels":
        if request.params.get("video_state") not in STATES:
            raise invalid("Param video_state must be one of {PUBLISHED, DRAFT, SCHEDULED}")
        text = posts.text_param(request, "description")
        details |= posts.told_details(request, "title", "place", "targeting", "feed_targeting")
    with state.lock:
        if not video.post_id:
            if edge == "video_reels" and _reels_of_today(state, page) >= REELS_A_DAY:
                raise Answered(graph_error(613, "Calls to this api have exceeded the rate limit."))
            video.ready_at = state.now() + state.setting("processing_seconds")
            video.facts["fault"] = _fault(video, edge)
            post = posts.add_video(state, page, text, video, details)
            post.facts["is_story"] = edge == "video_stories"
            post.is_public = not video.facts["fault"]
    told: dict[str, Any] = {"success": True}
    if edge == "video_stories":
        told["post_id"] = video.post_id.rpartition("_")[2]
    return json_answer(told)


def _reels_of_today(state: State, page: Account) -> int:
    since = state.now() - DAY_S
    return sum(
        post.created_at > since and post.details.get("kind") == "reel"
        for post in state.posts_of(page)
    )


def _fault(video: Media, edge: str) -> str:
    film, (shortest, longest) = video.movie, SECONDS[edge]
    if film is None:
        return "The video file you selected is in a format that we don't support."
    if not shortest <= film.duration_s <= longest:
        return "The video is too short or too long."
    if film.width / max(film.height, 1) > WIDEST:
        return "The aspect ratio of the video is not supported."
    return ""


def photo_story(request: SandboxRequest, node_id: str) -> HttpResponse:
    page = posts.author(request, node_id)
    with request.state.lock:
        photo = request.state.media.get((NAME, str(request.params.get("photo_id", ""))))
        if photo is None or photo.account_id != page.id or photo.picture is None:
            raise invalid("Param photo_id is no photo of this Page")
        if photo.post_id:
            raise posts.already_posted()
        post = posts.add_story(request.state, page, photo)
    return json_answer({"success": True, "post_id": post.id.rpartition("_")[2]})


def stories(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = caller(request, "pages_read_engagement")
    page = token.account if node_id == "me" else request.state.account(NAME, node_id)
    if page is None or not page.owner_id or page.id not in (token.account.id,):
        return missing_object("get", node_id)
    since = request.state.now() - DAY_S
    shown = [
        post
        for post in request.state.posts_of(page)
        if post.facts.get("is_story") and request.state.is_listed(post) and post.created_at > since
    ]
    return paged(request, [(post.id, post) for post in shown], lambda post: _told(request, post))


def _told(request: SandboxRequest, post: Post) -> dict[str, Any]:
    [media] = post.media
    return {
        "post_id": post.id.rpartition("_")[2],
        "status": "published",
        "creation_time": str(int(post.created_at)),
        "media_type": "video" if media.kind == "video" else "photo",
        "media_id": media.id,
        "url": f"{request.base_url}/{NAME}{post.path}",
    }
