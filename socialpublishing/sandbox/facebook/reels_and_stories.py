"""Reels and stories: videos uploaded to a separate host, and photos shown for a day.

If the connection breaks during an upload, the host keeps the bytes that arrived, and the client
continues after them. A request that announces less than the rest of the file is refused, and none
of its bytes are kept.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
https://developers.facebook.com/docs/page-stories-api
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob, joined
from socialpublishing.sandbox.facebook import params, posts, videos
from socialpublishing.sandbox.facebook.errors import (
    graph_error,
    invalid,
    missing_object,
    upload_error,
)
from socialpublishing.sandbox.facebook.fields import pick, requested_fields
from socialpublishing.sandbox.facebook.login import NAME, authorized_token, live_token
from socialpublishing.sandbox.facebook.nodes import received, video_node
from socialpublishing.sandbox.facebook.paging import paged, time_of
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Media, Post, State

REELS_A_DAY, DAY_S = 30, 86400
DAYS_AHEAD = 29  # how far ahead a reel can be scheduled
MAX_BYTES = 1024**3
SECONDS = {"video_reels": (3, 90), "video_stories": (3, 60)}
STATES = ("PUBLISHED", "DRAFT", "SCHEDULED")
MAX_ASPECT_RATIO = 9 / 16 * 1.02  # with a margin for rounded pixels
MIN_WIDTH, MIN_HEIGHT = 540, 960
FRAME_RATES = (24, 60)
UPLOAD_PATH = "video-upload/v27.0/<str:video_id>"


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
    video = videos.new_video(request, page)
    video.facts["edge"] = edge
    url = f"{request.base_url}/{NAME}/video-upload/v27.0/{video.id}"
    return json_response({"video_id": video.id, "upload_url": url})


def receive(request: SandboxRequest, video_id: str) -> HttpResponse:
    """rupload.facebook.com: all bytes from `offset` on, or the URL of the file."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme != "OAuth":
        return upload_error("ProcessingFailedError", "The Authorization header is not OAuth.")
    token = live_token(request.state, value)
    video = request.state.media.get((NAME, video_id))
    if video is None or video.account_id != token.account.id or "edge" not in video.facts:
        return upload_error("ProcessingFailedError", "There is no such upload.")
    if url := request.META.get("HTTP_FILE_URL"):
        try:
            blob: Blob = fetch(url, max_bytes=MAX_BYTES, agent=posts.FETCH_AGENT)
        except FetchFailed:
            return upload_error("ProcessingFailedError", "The file could not be fetched.")
        return _keep(request.state, video, blob)
    return _receive_bytes(request, video)


def _receive_bytes(request: SandboxRequest, video: Media) -> HttpResponse:
    state, offset = request.state, received(video)
    if request.headers.get("offset") != str(offset):
        return upload_error("OffsetInvalidError", f"The offset of the upload is {offset}.")
    if request.META.get("HTTP_FILE_SIZE") != str(offset + request.promised_bytes):
        return upload_error("PartialRequestError", "Partial request (did not match length of file)")
    blob = request.received_body
    with state.lock:
        if received(video) != offset:
            return upload_error("OffsetInvalidError", "Another request uploaded here meanwhile.")
        if not video.sha256:
            video.parts[len(video.parts)] = blob
    if blob.size < request.promised_bytes:
        return upload_error("PartialRequestError", "The connection broke.", is_retriable=True)
    return _keep(state, video, joined(video.parts.values()))


def _keep(state: State, video: Media, blob: Blob) -> HttpResponse:
    with state.lock:
        if not video.sha256:
            state.add_media(video, blob)
    return json_response({"success": True})


def _finish(request: SandboxRequest, page: Account, edge: str) -> HttpResponse:
    """Publish the upload. A repeated request creates no second post."""
    state = request.state
    video = state.media.get((NAME, str(request.params.get("video_id", ""))))
    if video is None or video.account_id != page.id or video.facts.get("edge") != edge:
        raise invalid("Param video_id is no upload of this Page")
    if not video.sha256:
        raise EarlyResponse(graph_error(6000, "There was a problem uploading your video file."))
    details: dict[str, Any] = {"kind": "story" if edge == "video_stories" else "reel"}
    text, wanted = "", "PUBLISHED"
    if edge == "video_reels":
        wanted = str(request.params.get("video_state", ""))
        if wanted not in STATES:
            raise invalid("Param video_state must be one of {PUBLISHED, DRAFT, SCHEDULED}")
        if wanted == "SCHEDULED":
            params.scheduled_time(request, DAYS_AHEAD)
        text = params.text_param(request, "description")
        details |= params.sent_details(request, "title", "place", "targeting", "feed_targeting")
    details |= {
        name: video.facts[name] for name in ("thumb", "collaborators") if name in video.facts
    }
    with state.lock:
        if not video.post_id:
            if edge == "video_reels" and _reels_of_today(state, page) >= REELS_A_DAY:
                raise EarlyResponse(
                    graph_error(613, "Calls to this api have exceeded the rate limit.")
                )
            video.ready_at = state.now() + state.setting("processing_seconds")
            video.facts["fault"] = _fault(video, edge)
            post = posts.add_video(state, page, text, video, details)
            if edge == "video_stories":
                post.facts["is_story"] = True
            else:
                post.path = f"/reel/{video.id}"
            post.is_public = wanted == "PUBLISHED" and not video.facts["fault"]
            video.facts["publish_status"] = wanted.lower()
    data: dict[str, Any] = {"success": True}
    if edge == "video_stories":
        data["post_id"] = video.post_id.rpartition("_")[2]
    return json_response(data)


def _reels_of_today(state: State, page: Account) -> int:
    since = state.now() - DAY_S
    return sum(
        post.created_at > since and post.details.get("kind") == "reel"
        for post in state.posts_of(page)
    )


def _fault(video: Media, edge: str) -> tuple[int, str] | None:
    """The code and message with which processing will fail, or None."""
    facts, (shortest, longest) = video.video_facts, SECONDS[edge]
    if facts is None:
        return videos.UNKNOWN_FORMAT
    if facts.width / max(facts.height, 1) > MAX_ASPECT_RATIO:
        return 1363040, "The aspect ratio of the video is not supported."
    if facts.width < MIN_WIDTH or facts.height < MIN_HEIGHT:
        return 1363127, "The resolution of the video is too low."
    if not shortest <= facts.duration_s <= longest:
        return 1363128, f"The video has to be {shortest} to {longest} seconds long."
    if not FRAME_RATES[0] <= round(facts.frame_rate) <= FRAME_RATES[1]:
        return 1363129, "The video has to have 24 to 60 frames a second."
    return None


def thumbnails(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`POST /{video}/thumbnails`: a picture as the cover of a reel."""
    video = _own_video(request, node_id)
    picture = request.upload("source")
    if picture is None:
        raise invalid("Param source is missing")
    video.facts["thumb"] = picture.sha256
    return json_response({"success": True})


def collaborators(request: SandboxRequest, node_id: str) -> HttpResponse:
    """`POST /{video}/collaborators`: invites another Page to show the reel too."""
    video = _own_video(request, node_id)
    target = str(request.params.get("target_id", ""))
    if not target.isdecimal():
        raise invalid("Param target_id must be the id of a Page")
    invited = video.facts.setdefault("collaborators", [])
    if target not in invited:
        invited.append(target)
    link = f"{request.base_url}/{NAME}/collaborators/{target}"
    return json_response({"success": True, "collaborator_id": target, "invitation_link": link})


def _own_video(request: SandboxRequest, node_id: str) -> Media:
    token = authorized_token(request, "pages_manage_posts")
    video = request.state.media.get((NAME, node_id))
    if video is None or video.account_id != token.account.id:
        raise EarlyResponse(missing_object("post", node_id))
    if request.state.setting("facebook_reel_extras") == "refused":
        raise invalid("Invalid parameter", user_title="Reel", user_message="Not for this reel.")
    return video


def photo_story(request: SandboxRequest, node_id: str) -> HttpResponse:
    page = posts.author(request, node_id)
    with request.state.lock:
        photo = request.state.media.get((NAME, str(request.params.get("photo_id", ""))))
        if photo is None or photo.account_id != page.id or photo.picture is None:
            raise invalid("Param photo_id is no photo of this Page")
        if photo.post_id:
            raise posts.already_posted()
        post = posts.add_story(request.state, page, photo)
    return json_response({"success": True, "post_id": post.id.rpartition("_")[2]})


def stories(request: SandboxRequest, node_id: str) -> HttpResponse:
    token = authorized_token(request, "pages_read_engagement")
    page = token.account if node_id == "me" else request.state.account(NAME, node_id)
    if page is None or not page.owner_id or page.id not in (token.account.id,):
        return missing_object("get", node_id)
    since = max(request.state.now() - DAY_S, time_of(request, "since") or 0)
    shown = [
        post
        for post in request.state.posts_of(page)
        if post.facts.get("is_story")
        and request.state.is_listed(post)
        and post.created_at > since
        and post.media[0].ready_at <= request.state.now()
    ]
    return paged(
        request, [(post.id, post) for post in shown], lambda post: _story_node(request, post)
    )


def listing(request: SandboxRequest, node_id: str, edge: str) -> HttpResponse:
    """`GET /{page}/videos` and `/video_reels`."""
    token = authorized_token(request, "pages_read_engagement")
    if token.kind != "page" or node_id not in ("me", token.account.id):
        raise EarlyResponse(missing_object("get", node_id))
    requested = requested_fields(request, "VIDEO", "updated_time,description,id")
    kinds = ("reel",) if edge == "video_reels" else ("reel", "video")
    shown = [
        post.media[0]
        for post in request.state.posts_of(token.account)
        if post.details.get("kind") in kinds and request.state.is_listed(post)
    ]
    return paged(
        request,
        [(video.id, video) for video in shown],
        lambda video: pick(video_node(request, video), requested),
    )


def _story_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    [media] = post.media
    return {
        "post_id": post.id.rpartition("_")[2],
        "status": "published",
        "creation_time": str(int(post.created_at)),
        "media_type": "video" if media.kind == "video" else "photo",
        "media_id": media.id,
        "url": f"{request.base_url}/{NAME}{post.path}",
    }
