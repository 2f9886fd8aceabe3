"""Publish tasks: TikTok checks and processes what it received; the status reports the result.

https://developers.tiktok.com/docs/en/content-posting-api-reference-get-video-status
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, Post, State
from socialpublishing.sandbox.tiktok.errors import envelope, refused
from socialpublishing.sandbox.tiktok.login import NAME, requires_token

EPOCH_MS = 0
URL_LIFE_S = 3600
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm")
CODECS = ("h264", "hevc", "vp8", "vp9")
PHOTO_TYPES = ("image/jpeg", "image/webp")
PUBLIC, PRIVATE = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
# The fields of post_info that a post's `details` show.
DETAILS = (
    "privacy_level", "disable_comment", "disable_duet", "disable_stitch", "brand_content_toggle",
    "brand_organic_toggle", "is_aigc", "video_cover_timestamp_ms", "auto_add_music", "title",
)  # fmt: skip


def new_task(state: State, account: Account, info: dict[str, Any], prefix: str) -> Media:
    """`info` is the request's post_info. `prefix` starts the publish_id and names the kind."""
    number = state.new_id(EPOCH_MS)
    task = Media(
        platform=NAME,
        id=f"{prefix}~v2-1.{number}",
        account_id=account.id,
        created_at=state.now(),
        expires_at=state.now() + URL_LIFE_S,
        category=prefix,
        facts={"info": info, "number": number, "fault": "", "account": account},
    )
    state.media[NAME, task.id] = task
    return task


def received_bytes(task: Media) -> int:
    total: int = task.facts.get("received", 0)
    return total or sum(part.size for part in task.parts.values())


def complete(state: State, task: Media, media: tuple[Media, ...]) -> None:
    """Create the post of `task` from all its media. From here on the post needs no request."""
    account: Account = task.facts["account"]
    info = task.facts["info"]
    is_photo, is_draft = task.category.startswith("p_"), "inbox" in task.category
    if not task.facts["fault"]:
        task.facts["fault"] = _photo_fault(media) if is_photo else _video_fault(account, media)
    task.ready_at = state.now() + state.setting("processing_seconds")
    details: dict[str, Any] = {name: info[name] for name in DETAILS if name in info}
    if not is_photo:
        details.pop("title", None)
    if is_photo and task.facts.get("cover"):
        details["photo_cover_index"] = task.facts["cover"]
    if is_draft:
        details["draft"] = True
    task.post_id = state.new_id(EPOCH_MS)
    post = Post(
        platform=NAME,
        id=task.post_id,
        account=account,
        text=str(info.get("description" if is_photo else "title") or ""),
        created_at=state.now(),
        path=_path_of(account, task.post_id, is_photo=is_photo),
        media=media,
        facts={"level": info.get("privacy_level"), "ready_at": task.ready_at},
        details=details,
        is_public=not task.facts["fault"],
    )
    state.add_post(post)


def _path_of(account: Account, post_id: str, *, is_photo: bool) -> str:
    return f"/@{account.username}/{'photo' if is_photo else 'video'}/{post_id}"


def _photo_fault(photos: tuple[Media, ...]) -> str:
    for photo in photos:
        if not photo.picture or photo.mime_type not in PHOTO_TYPES:
            return "file_format_check_failed"
    for photo in photos:
        short, long = sorted((photo.width, photo.height))
        if short > 1080 or long > 1920:
            return "picture_size_check_failed"
    return ""


def _video_fault(account: Account, media: tuple[Media, ...]) -> str:
    [video] = media or (None,)
    facts = video.video_facts if video else None
    if video is None or facts is None or video.mime_type not in VIDEO_TYPES:
        return "file_format_check_failed"
    if facts.video_codec not in CODECS:
        return "file_format_check_failed"
    if min(facts.width, facts.height) < 360 or max(facts.width, facts.height) > 4096:
        return "picture_size_check_failed"
    if not 23 <= facts.frame_rate <= 60:
        return "frame_rate_check_failed"
    if not 3 <= facts.duration_s <= account.facts["max_video_seconds"]:
        return "duration_check_failed"
    return ""


# --- Status --------------------------------------------------------------------------------------


@requires_token("video.publish", "video.upload", calls_per_minute=30)
def status(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    state, task = request.state, _own_task(request, grant)
    data: dict[str, Any] = {"status": _status_of(state, task)}
    if task.category.endswith("_file"):
        data["uploaded_bytes"] = received_bytes(task)
    else:
        data["downloaded_bytes"] = sum(
            each.size_bytes for each in state.posts[NAME, task.post_id].media
        )
    if data["status"] == "FAILED":
        data["fail_reason"] = task.facts["fault"]
    if data["status"] == "PUBLISH_COMPLETE":
        post = state.posts[NAME, task.post_id]
        # A number, as on TikTok, although it is too large for JavaScript.
        data["publicaly_available_post_id"] = [int(post.id)] if is_listed(state, post) else []
    return envelope(data)


def _own_task(request: SandboxRequest, grant: AuthorizationGrant) -> Media:
    body = request.json
    publish_id = body.get("publish_id") if isinstance(body, dict) else None
    task = request.state.media.get((NAME, str(publish_id)))
    if task is None:
        raise refused("invalid_publish_id", "The publish_id does not exist.", 400)
    if task.account_id != grant.account.id:
        code = "token_not_authorized_for_specified_publish_id"
        raise refused(code, "The publish_id belongs to another user.", 400)
    return task


def _status_of(state: State, task: Media) -> str:
    if not task.post_id and not task.facts["fault"]:
        return "PROCESSING_UPLOAD"
    if state.now() < task.ready_at:
        is_file = task.category.endswith("_file")
        return "PROCESSING_UPLOAD" if is_file else "PROCESSING_DOWNLOAD"
    if task.facts["fault"]:
        return "FAILED"
    return "SEND_TO_USER_INBOX" if "inbox" in task.category else "PUBLISH_COMPLETE"


@requires_token("video.publish", "video.upload", calls_per_minute=30)
def cancel(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    state, task = request.state, _own_task(request, grant)
    with state.lock:
        if _status_of(state, task) not in ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD"):
            raise refused("publish_not_cancellable", "The publish is over.", 400)
        task.facts["fault"] = "publish_cancelled"
        task.ready_at = state.now()
        if post := state.posts.get((NAME, task.post_id)):
            post.is_public = False
    return envelope({})


# --- Posts ---------------------------------------------------------------------------------------


def is_listed(state: State, post: Post) -> bool:
    """Whether the post is public and has passed moderation. Only then is its id public."""
    reviewed_at = post.facts["ready_at"] + state.setting("tiktok_review_processing_seconds")
    is_published = state.is_listed(post) and not post.details.get("draft")
    return is_published and post.facts["level"] == PUBLIC and state.now() >= reviewed_at


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    post_id = state.new_id(EPOCH_MS, at=created_at)
    is_photo = bool(media) and media[0].kind == "image"
    return Post(
        platform=NAME,
        id=post_id,
        account=account,
        text=text,
        created_at=created_at,
        path=_path_of(account, post_id, is_photo=is_photo),
        media=media,
        facts={"level": PUBLIC, "ready_at": created_at},
    )
