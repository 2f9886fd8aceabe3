"""The first requests of a post: what the creator allows, then the init of videos and photos.

https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, State
from socialpublishing.sandbox.text import utf16_length
from socialpublishing.sandbox.tiktok.errors import envelope, error, invalid, refused
from socialpublishing.sandbox.tiktok.login import NAME, requires_token
from socialpublishing.sandbox.tiktok.tasks import PRIVATE, PUBLIC, complete, new_task
from socialpublishing.sandbox.tiktok.uploads import (
    MAX_VIDEO_BYTES,
    UPLOAD_PATH,
    chunk_plan,
    is_last_chunk,
    open_upload,
    upload_task,
)

AGENT = "TikTokBot/1.0"
DAY_S = 86400
MAX_PHOTO_BYTES = 20 * 1024**2
MAX_PHOTOS = 35
MAX_TITLE, MAX_PHOTO_TITLE, MAX_DESCRIPTION = 2200, 90, 4000
MAX_PENDING = 5
BANNED = ("spam_risk_user_banned_from_posting", "The user is banned from making new posts.")


def _privacy_levels(account: Account) -> list[str]:
    widest = "FOLLOWER_OF_CREATOR" if account.facts["private"] else PUBLIC
    return [widest, "MUTUAL_FOLLOW_FRIENDS", PRIVATE]


@requires_token("video.publish", calls_per_minute=20)
def creator_info(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    account, facts = grant.account, grant.account.facts
    if refusal := _refusal_of_creator(request.state, account):
        # On TikTok these refusals have the status 200.
        return error(200, *refusal)
    return envelope(
        {
            "creator_avatar_url": f"{request.base_url}/avatars/{NAME}/{account.id}.svg",
            "creator_username": account.username,
            "creator_nickname": account.name,
            "privacy_level_options": _privacy_levels(account),
            "comment_disabled": facts["comment_disabled"],
            "duet_disabled": facts["duet_disabled"] or facts["private"],
            "stitch_disabled": facts["stitch_disabled"] or facts["private"],
            "max_video_post_duration_sec": facts["max_video_seconds"],
        }
    )


def _refusal_of_creator(state: State, account: Account) -> tuple[str, str] | None:
    """Code and message, if the creator may not post now."""
    if account.facts["banned"]:
        return BANNED
    count = _count_of_day(state, account)
    if count >= state.setting("tiktok_daily_posts"):
        message = "The daily post cap from the API is reached for the current user."
        return "spam_risk_too_many_posts", message
    active = sum(_count_of_day(state, each) > 0 for each in state.accounts(NAME))
    if count == 0 and active >= state.setting("tiktok_active_creators"):
        message = "The daily quota for active publishing users from your client is reached."
        return "reached_active_user_cap", message
    return None


def _count_of_day(state: State, account: Account) -> int:
    since = state.now() - DAY_S
    return sum(
        post.created_at > since and not post.is_planted and not post.details.get("draft")
        for post in state.posts_of(account)
    )


# --- Videos --------------------------------------------------------------------------------------


@requires_token("video.publish", calls_per_minute=6)
def init_video(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = _body(request)
    info = _direct_post_info(request.state, grant.account, body)
    title = info.get("title") or ""
    if not isinstance(title, str) or utf16_length(title) > MAX_TITLE:
        raise invalid("post_info.title is too long.")
    for name in ("duet", "stitch"):
        is_disabled = grant.account.facts[f"{name}_disabled"]
        if is_disabled and info.get(f"disable_{name}") is not True:
            raise invalid(f"post_info.disable_{name} has to be true for this creator.")
    return _init_video(request, grant.account, body, info, kind="v_pub")


@requires_token("video.upload", calls_per_minute=6)
def init_draft(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    """Ignores `post_info`: the creator completes a draft in the app."""
    _refuse_draft(request.state, grant.account)
    return _init_video(request, grant.account, _body(request), {}, kind="v_inbox")


def _refuse_draft(state: State, account: Account) -> None:
    if account.facts["banned"]:
        raise refused(*BANNED)
    since = state.now() - DAY_S
    drafts = [post for post in state.posts_of(account) if post.details.get("draft")]
    if sum(post.created_at > since for post in drafts) >= MAX_PENDING:
        message = "There may be only 5 pending shares within 24 hours."
        raise refused("spam_risk_too_many_pending_share", message)


def _body(request: SandboxRequest) -> dict[str, Any]:
    body = request.json
    if not isinstance(body, dict) or not isinstance(body.get("source_info"), dict):
        raise invalid("source_info is missing.")
    return body


def _direct_post_info(state: State, account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """The checked `post_info` of a direct post. Raises EarlyResponse."""
    info = body.get("post_info")
    if not isinstance(info, dict):
        raise invalid("post_info is missing.")
    level = info.get("privacy_level")
    is_private = account.facts["private"] and level == PRIVATE
    if state.setting("tiktok_audit") == "unaudited" and not is_private:
        message = "Unaudited clients can only post to private accounts."
        raise refused("unaudited_client_can_only_post_to_private_accounts", message)
    if level not in _privacy_levels(account):
        message = "privacy_level is not among the options of this creator."
        raise refused("privacy_level_option_mismatch", message)
    if not isinstance(info.get("brand_content_toggle", False), bool):
        raise invalid("post_info.brand_content_toggle is not a bool.")
    if info.get("brand_content_toggle") and level == PRIVATE:
        raise invalid("Branded content visibility cannot be set to private.")
    if account.facts["comment_disabled"] and info.get("disable_comment") is not True:
        raise invalid("post_info.disable_comment has to be true for this creator.")
    if refusal := _refusal_of_creator(state, account):
        raise refused(*refusal)
    return info


def _init_video(
    request: SandboxRequest, account: Account, body: dict[str, Any], info: dict[str, Any], kind: str
) -> HttpResponse:
    source = body["source_info"]
    state = request.state
    if source.get("source") == "PULL_FROM_URL":
        task = new_task(state, account, info, f"{kind}_url")
        _pull(state, task, [source.get("video_url")], MAX_VIDEO_BYTES, "video_pull_failed")
        return envelope({"publish_id": task.id})
    if source.get("source") != "FILE_UPLOAD":
        raise invalid("source_info.source is not FILE_UPLOAD or PULL_FROM_URL.")
    plan = chunk_plan(source, state.setting("tiktok_least_chunk_bytes"))
    task = new_task(state, account, info, f"{kind}_file")
    return envelope({"publish_id": task.id, "upload_url": open_upload(request, task, plan)})


# --- Photos --------------------------------------------------------------------------------------


@requires_token("video.publish", "video.upload", calls_per_minute=6)
def init_photos(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = _body(request)
    account, state = grant.account, request.state
    mode = body.get("post_mode")
    if body.get("media_type") != "PHOTO" or mode not in ("DIRECT_POST", "MEDIA_UPLOAD"):
        raise invalid("media_type is not PHOTO, or post_mode has no known value.")
    is_draft = mode == "MEDIA_UPLOAD"
    if ("video.upload" if is_draft else "video.publish") not in grant.scopes:
        raise refused("scope_not_authorized", "The user did not authorize the scope.", 401)
    info = _photo_info(state, account, body, is_draft=is_draft)
    urls, cover = _photo_urls(body["source_info"])
    prefix = state.setting("tiktok_verified_prefix")
    if not all(str(url).startswith(prefix) for url in urls):
        message = "Please review our URL ownership verification rules."
        raise refused("url_ownership_unverified", message)
    task = new_task(state, account, info, "p_inbox_url" if is_draft else "p_pub_url")
    task.facts["cover"] = cover
    _pull(state, task, urls, MAX_PHOTO_BYTES, "photo_pull_failed")
    return envelope({"publish_id": task.id})


def _photo_info(
    state: State, account: Account, body: dict[str, Any], *, is_draft: bool
) -> dict[str, Any]:
    info: dict[str, Any] = {}
    if not is_draft:
        info = _direct_post_info(state, account, body)
    else:
        _refuse_draft(state, account)
        if isinstance(body.get("post_info"), dict):
            info = body["post_info"]
    if utf16_length(str(info.get("title") or "")) > MAX_PHOTO_TITLE:
        raise invalid("post_info.title is too long.")
    if utf16_length(str(info.get("description") or "")) > MAX_DESCRIPTION:
        raise invalid("post_info.description is too long.")
    return info


def _photo_urls(source: dict[str, Any]) -> tuple[list[Any], int]:
    """The URLs of the photos, and which of them is the cover."""
    urls = source.get("photo_images")
    if source.get("source") != "PULL_FROM_URL" or not isinstance(urls, list):
        raise invalid("Photos are pulled from photo_images.")
    if not 1 <= len(urls) <= MAX_PHOTOS:
        raise invalid(f"photo_images has 1 to {MAX_PHOTOS} addresses.")
    cover = source.get("photo_cover_index", 0)
    if not isinstance(cover, int) or not 0 <= cover < len(urls):
        raise invalid("photo_cover_index is not within the list.")
    return urls, cover


def _pull(state: State, task: Media, urls: list[Any], max_bytes: int, failure: str) -> None:
    """Fetch the files at once, so that tests need not wait. The status reports a failure."""
    pulled = []
    for url in urls:
        try:
            blob = fetch(str(url), max_bytes=max_bytes, agent=AGENT)
        except FetchFailed:
            task.facts["fault"] = failure
            continue
        each = Media(platform=NAME, id="", account_id=task.account_id, created_at=task.created_at)
        pulled.append(state.complete_media(each, blob))
    complete(state, task, tuple(pulled))


def text_of(request: SandboxRequest) -> str:
    """Two requests create a post: the last chunk of a video, and the init of photos."""
    if request.method == "PUT" and request.path_info == f"/{NAME}/{UPLOAD_PATH}":
        task = upload_task(request)
        if task is None or not is_last_chunk(request, task):
            return ""
        return str(task.facts["info"].get("title") or "")
    if request.method == "POST" and request.path_info.endswith("/publish/content/init/"):
        body = request.json
        info = body.get("post_info") if isinstance(body, dict) else None
        return str(info.get("description") or "") if isinstance(info, dict) else ""
    return ""
