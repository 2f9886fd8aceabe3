"""Publishing: first who the creator is, then the bytes or where they are, then how it went.

https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
"""

import re
import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import joined
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, Post, State
from socialpublishing.sandbox.tiktok.errors import envelope, error, invalid, refused
from socialpublishing.sandbox.tiktok.login import NAME, call
from socialpublishing.text import utf16_length

EPOCH_MS = 0
AGENT = "TikTokBot/1.0"
DAY_S = 86400
URL_LIFE_S = 3600
MB = 1_000_000
# Whether decimal or binary megabytes are meant is not told: both are taken.
MIN_CHUNK, MAX_CHUNK, MAX_LAST_CHUNK = 5 * MB, 64 * 1024**2, 128 * 1024**2
MAX_CHUNKS = 1000
MAX_VIDEO_BYTES = 4 * 1024**3
MAX_PHOTO_BYTES = 20 * 1024**2
MAX_PHOTOS = 35
MAX_TITLE, MAX_PHOTO_TITLE, MAX_DESCRIPTION = 2200, 90, 4000
MAX_PENDING = 5
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm")
CODECS = ("h264", "hevc", "vp8", "vp9")
PHOTO_TYPES = ("image/jpeg", "image/webp")
PUBLIC, PRIVATE = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
RANGE = re.compile(r"bytes (?P<first>\d{1,12})-(?P<last>\d{1,12})/(?P<total>\d{1,12})")
# What is told of a post; the rest of what was sent is plumbing.
TOLD = (
    "privacy_level", "disable_comment", "disable_duet", "disable_stitch", "brand_content_toggle",
    "brand_organic_toggle", "is_aigc", "video_cover_timestamp_ms", "auto_add_music", "title",
)  # fmt: skip


def levels_of(account: Account) -> list[str]:
    widest = "FOLLOWER_OF_CREATOR" if account.facts["private"] else PUBLIC
    return [widest, "MUTUAL_FOLLOW_FRIENDS", PRIVATE]


@call("video.publish", a_minute=20)
def creator_info(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Its refusals come with a status of 200."""
    account, state = grant.account, request.state
    if _posts_of_today(state, account) >= state.setting("tiktok_daily_posts"):
        message = "The daily post cap from the API is reached for the current user."
        return error(200, "spam_risk_too_many_posts", message)
    facts = account.facts
    return envelope(
        {
            "creator_avatar_url": f"{request.base_url}/avatars/{NAME}/{account.id}.svg",
            "creator_username": account.username,
            "creator_nickname": account.name,
            "privacy_level_options": levels_of(account),
            "comment_disabled": facts["comment_disabled"],
            "duet_disabled": facts["duet_disabled"] or facts["private"],
            "stitch_disabled": facts["stitch_disabled"] or facts["private"],
            "max_video_post_duration_sec": facts["max_video_seconds"],
        }
    )


def _posts_of_today(state: State, account: Account) -> int:
    since = state.now() - DAY_S
    return sum(
        post.created_at > since and not post.is_planted and not post.details.get("draft")
        for post in state.posts_of(account)
    )


# --- Beginning -----------------------------------------------------------------------------------


@call("video.publish", a_minute=6)
def init_video(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = _body(request)
    info = _info(request.state, grant.account, body)
    title = info.get("title") or ""
    if not isinstance(title, str) or utf16_length(title) > MAX_TITLE:
        raise invalid("post_info.title is too long.")
    for name in ("duet", "stitch", "comment"):
        is_off = grant.account.facts[f"{name}_disabled"]
        if is_off and info.get(f"disable_{name}") is not True:
            raise invalid(f"post_info.disable_{name} has to be true for this creator.")
    return _begin(request, grant.account, body, info, kind="v_pub")


@call("video.upload", a_minute=6)
def init_draft(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Whatever `post_info` says is not read."""
    _refuse_many_drafts(request.state, grant.account)
    return _begin(request, grant.account, _body(request), {}, kind="v_inbox")


def _refuse_many_drafts(state: State, account: Account) -> None:
    since = state.now() - DAY_S
    pending = [post for post in state.posts_of(account) if post.details.get("draft")]
    if sum(post.created_at > since for post in pending) >= MAX_PENDING:
        message = "There may be only 5 pending shares within 24 hours."
        raise refused("spam_risk_too_many_pending_share", message)


def _body(request: SandboxRequest) -> dict[str, Any]:
    body = request.json
    if not isinstance(body, dict) or not isinstance(body.get("source_info"), dict):
        raise invalid("source_info is missing.")
    return body


def _info(state: State, account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """`post_info` of a direct post. Raises Answered."""
    info = body.get("post_info")
    if not isinstance(info, dict):
        raise invalid("post_info is missing.")
    level = info.get("privacy_level")
    if state.setting("tiktok_audit") == "unaudited" and not (
        account.facts["private"] and level == PRIVATE
    ):
        message = "Unaudited clients can only post to private accounts."
        raise refused("unaudited_client_can_only_post_to_private_accounts", message)
    if level not in levels_of(account):
        message = "privacy_level is not among the options of this creator."
        raise refused("privacy_level_option_mismatch", message)
    if not isinstance(info.get("brand_content_toggle", False), bool):
        raise invalid("post_info.brand_content_toggle is not a bool.")
    if _posts_of_today(state, account) >= state.setting("tiktok_daily_posts"):
        raise refused("spam_risk_too_many_posts", "The daily post cap is reached.")
    return info


def _begin(
    request: SandboxRequest, account: Account, body: dict[str, Any], info: dict[str, Any], kind: str
) -> HttpResponse:
    source = body["source_info"]
    state = request.state
    if source.get("source") == "PULL_FROM_URL":
        task = _task(state, account, info, f"{kind}_url")
        _pull(state, task, [source.get("video_url")], MAX_VIDEO_BYTES, "video_pull_failed")
        return envelope({"publish_id": task.id})
    if source.get("source") != "FILE_UPLOAD":
        raise invalid("source_info.source is not FILE_UPLOAD or PULL_FROM_URL.")
    size, chunk = source.get("video_size"), source.get("chunk_size")
    count = source.get("total_chunk_count")
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in (size, chunk, count)):
        raise invalid("video_size, chunk_size and total_chunk_count are numbers.")
    if not _is_plan(size, chunk, count):
        raise invalid("The total chunk count is invalid")
    task = _task(state, account, info, f"{kind}_file")
    task.promised_bytes = size
    task.facts |= {"chunk": chunk, "count": count, "token": secrets.token_hex(16)}
    query = f"upload_id={task.facts['number']}&upload_token={task.facts['token']}"
    url = f"{request.base_url}/{NAME}/upload/video/?{query}"
    return envelope({"publish_id": task.id, "upload_url": url})


def _is_plan(size: int, chunk: int, count: int) -> bool:
    """The remainder rides in the last chunk, so the count is rounded down."""
    if not 0 < size <= MAX_VIDEO_BYTES or not 0 < chunk <= size or count > MAX_CHUNKS:
        return False
    if count != size // chunk:
        return False
    if count == 1 and chunk == size:
        return size <= MAX_CHUNK
    last = size - chunk * (count - 1)
    return MIN_CHUNK <= chunk <= MAX_CHUNK and last <= MAX_LAST_CHUNK


def _task(state: State, account: Account, info: dict[str, Any], prefix: str) -> Media:
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


@call("video.publish|video.upload", a_minute=6)
def init_photos(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = _body(request)
    account, state = grant.account, request.state
    mode = body.get("post_mode")
    if body.get("media_type") != "PHOTO" or mode not in ("DIRECT_POST", "MEDIA_UPLOAD"):
        raise invalid("media_type is not PHOTO, or post_mode is none of its two.")
    is_draft = mode == "MEDIA_UPLOAD"
    if ("video.upload" if is_draft else "video.publish") not in grant.scopes:
        raise refused("scope_not_authorized", "The user did not authorize the scope.", 401)
    if is_draft:
        _refuse_many_drafts(state, account)
        info = body.get("post_info") if isinstance(body.get("post_info"), dict) else {}
    else:
        info = _info(state, account, body)
    assert isinstance(info, dict)
    if utf16_length(str(info.get("title") or "")) > MAX_PHOTO_TITLE:
        raise invalid("post_info.title is too long.")
    if utf16_length(str(info.get("description") or "")) > MAX_DESCRIPTION:
        raise invalid("post_info.description is too long.")
    source = body["source_info"]
    urls = source.get("photo_images")
    if source.get("source") != "PULL_FROM_URL" or not isinstance(urls, list):
        raise invalid("Photos are pulled from photo_images.")
    if not 1 <= len(urls) <= MAX_PHOTOS:
        raise invalid(f"photo_images has 1 to {MAX_PHOTOS} addresses.")
    cover = source.get("photo_cover_index", 0)
    if not isinstance(cover, int) or not 0 <= cover < len(urls):
        raise invalid("photo_cover_index is not within the list.")
    task = _task(state, account, info, "p_inbox_url" if is_draft else "p_pub_url")
    task.facts["cover"] = cover
    _pull(state, task, urls, MAX_PHOTO_BYTES, "photo_pull_failed")
    return envelope({"publish_id": task.id})


def _pull(state: State, task: Media, urls: list[Any], max_bytes: int, failure: str) -> None:
    """At once, for the sake of tests; what is wrong is told by the status, as in truth."""
    shown = []
    for url in urls:
        try:
            blob = fetch(str(url), max_bytes=max_bytes, agent=AGENT)
        except FetchFailed:
            task.facts["fault"] = failure
            continue
        each = Media(platform=NAME, id="", account_id=task.account_id, created_at=task.created_at)
        shown.append(state.complete_media(each, blob))
    _complete(state, task, tuple(shown))


# --- The bytes -----------------------------------------------------------------------------------


def _upload_of(request: SandboxRequest) -> Media | None:
    """The upload that the address names and has the token of."""
    number = request.GET.get("upload_id", "")
    for prefix in ("v_pub_file", "v_inbox_file"):
        task = request.state.media.get((NAME, f"{prefix}~v2-1.{number}"))
        if task is not None and request.GET.get("upload_token") == task.facts["token"]:
            return task
    return None


def receive(request: SandboxRequest) -> HttpResponse:
    """The upload host, which takes no token but that of the address."""
    state = request.state
    task = _upload_of(request)
    if "Authorization" in request.headers:
        return HttpResponse("The upload takes no Authorization.", status=400)
    if task is None:
        return HttpResponse("There is no such upload.", status=404)
    if task.expires_at is not None and state.now() >= task.expires_at:
        return HttpResponse("The upload_url has expired.", status=403)
    data = RANGE.fullmatch(request.headers.get("Content-Range", ""))
    if data is None or int(data["total"]) != task.promised_bytes:
        return HttpResponse("Content-Range is malformed.", status=400)
    blob = request.body_blob
    first, last = int(data["first"]), int(data["last"])
    if last - first + 1 != blob.size or last >= task.promised_bytes:
        return HttpResponse("Content-Range is not of the body's size.", status=400)
    with state.lock:
        stored = received(task)
        if first != stored:
            return _stored(task, 416)
        is_last = last + 1 == task.promised_bytes
        number = len(task.parts) + 1
        if (number == task.facts["count"]) != is_last or (
            not is_last and blob.size != task.facts["chunk"]
        ):
            return HttpResponse("The chunk is not as it was announced.", status=400)
        task.parts[number] = blob
        if not is_last:
            return _stored(task, 206)
        film = Media(platform=NAME, id="", account_id=task.account_id, created_at=state.now())
        state.complete_media(film, joined(task.parts.values()))
        task.facts["received"] = task.promised_bytes
        _complete(state, task, (film,))
    return _stored(task, 201)


def received(task: Media) -> int:
    done: int = task.facts.get("received", 0)
    return done or sum(part.size for part in task.parts.values())


def _stored(task: Media, status: int) -> HttpResponse:
    last = max(received(task) - 1, 0)
    headers = {"Content-Range": f"bytes 0-{last}/{task.promised_bytes}"}
    return HttpResponse(status=status, headers=headers)


# --- What becomes of it --------------------------------------------------------------------------


def _complete(state: State, task: Media, shown: tuple[Media, ...]) -> None:
    """All is there: from here on nobody is asked any more."""
    account: Account = task.facts["account"]
    info = task.facts["info"]
    is_photo, is_draft = task.category.startswith("p_"), "inbox" in task.category
    task.facts["fault"] = task.facts["fault"] or _fault(account, shown, is_photo=is_photo)
    task.ready_at = state.now() + state.setting("processing_seconds")
    details: dict[str, Any] = {name: info[name] for name in TOLD if name in info}
    if not is_photo:
        details.pop("title", None)
    if is_photo and task.facts.get("cover"):
        details["photo_cover_index"] = task.facts["cover"]
    text = str(info.get("description" if is_photo else "title") or "")
    post_id = state.new_id(EPOCH_MS)
    task.post_id = post_id
    post = Post(
        platform=NAME,
        id=post_id,
        account=account,
        text=text,
        created_at=state.now(),
        path=path_of(account, post_id, is_photo=is_photo),
        media=shown,
        facts={"level": info.get("privacy_level"), "ready_at": task.ready_at},
        details={**details, **({"draft": True} if is_draft else {})},
        is_public=not task.facts["fault"],
    )
    state.add_post(post)


def path_of(account: Account, post_id: str, *, is_photo: bool) -> str:
    return f"/@{account.username}/{'photo' if is_photo else 'video'}/{post_id}"


def _fault(account: Account, shown: tuple[Media, ...], *, is_photo: bool) -> str:
    if is_photo:
        if not all(each.picture and each.mime_type in PHOTO_TYPES for each in shown):
            return "file_format_check_failed"
        sides = [
            sorted((each.picture.width, each.picture.height)) for each in shown if each.picture
        ]
        is_right = all(short <= 1080 and long <= 1920 for short, long in sides)
        return "" if is_right else "picture_size_check_failed"
    [video] = shown or (None,)
    film = video.movie if video else None
    if video is None or film is None or video.mime_type not in VIDEO_TYPES:
        return "file_format_check_failed"
    if film.video_codec not in CODECS:
        return "file_format_check_failed"
    if min(film.width, film.height) < 360 or max(film.width, film.height) > 4096:
        return "picture_size_check_failed"
    if not 23 <= film.frame_rate <= 60:
        return "frame_rate_check_failed"
    if not 3 <= film.duration_s <= account.facts["max_video_seconds"]:
        return "duration_check_failed"
    return ""


@call("video.publish|video.upload", a_minute=30)
def status(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    state, task = request.state, _own_task(request, grant)
    data: dict[str, Any] = {"status": status_of(state, task)}
    if task.category.endswith("_file"):
        data["uploaded_bytes"] = received(task)
    else:
        data["downloaded_bytes"] = sum(
            each.size_bytes for each in state.posts[NAME, task.post_id].media
        )
    if data["status"] == "FAILED":
        data["fail_reason"] = task.facts["fault"]
    if data["status"] == "PUBLISH_COMPLETE":
        post = state.posts[NAME, task.post_id]
        # As a number, although it is larger than what JavaScript can count.
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


def status_of(state: State, task: Media) -> str:
    if not task.post_id and not task.facts["fault"]:
        return "PROCESSING_UPLOAD"
    if state.now() < task.ready_at:
        is_file = task.category.endswith("_file")
        return "PROCESSING_UPLOAD" if is_file else "PROCESSING_DOWNLOAD"
    if task.facts["fault"]:
        return "FAILED"
    return "SEND_TO_USER_INBOX" if "inbox" in task.category else "PUBLISH_COMPLETE"


def is_listed(state: State, post: Post) -> bool:
    """Public, and through moderation: only then has it an id that others may know."""
    reviewed_at = post.facts["ready_at"] + state.setting("tiktok_review_processing_seconds")
    is_seen = state.is_listed(post) and not post.details.get("draft")
    return is_seen and post.facts["level"] == PUBLIC and state.now() >= reviewed_at


@call("video.publish|video.upload", a_minute=30)
def cancel(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    state, task = request.state, _own_task(request, grant)
    with state.lock:
        if status_of(state, task) not in ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD"):
            raise refused("publish_not_cancellable", "The publish is over.", 400)
        task.facts["fault"] = "publish_cancelled"
        task.ready_at = state.now()
        if post := state.posts.get((NAME, task.post_id)):
            post.is_public = False
    return envelope({})


def text_of(request: SandboxRequest) -> str:
    """Of the last chunk of a film, or of photos: these make the post."""
    if request.method == "PUT" and request.path_info == f"/{NAME}/upload/video/":
        task = _upload_of(request)
        data = RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if task is None or data is None or int(data["last"]) + 1 != task.promised_bytes:
            return ""
        return str(task.facts["info"].get("title") or "")
    if request.method == "POST" and request.path_info.endswith("/publish/content/init/"):
        body = request.json
        info = body.get("post_info") if isinstance(body, dict) else None
        return str(info.get("description") or "") if isinstance(info, dict) else ""
    return ""


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
        path=path_of(account, post_id, is_photo=is_photo),
        media=media,
        facts={"level": PUBLIC, "ready_at": created_at},
    )
