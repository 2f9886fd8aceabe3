"""The JSON of people, Pages, posts, photos and videos.

https://developers.facebook.com/docs/graph-api/reference/page
"""

from typing import Any
from urllib.parse import urlsplit

from socialpublishing.sandbox.audience import metrics_of
from socialpublishing.sandbox.facebook.login import NAME, page_token
from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.state import Account, Media, Post, State, Token, as_time

EPOCH_MS = 1577836800000  # our choice: gives ids of 18 digits, like Facebook's
ALL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")
# Of Pages of today's kind.
NEW_TASKS = (
    "PROFILE_PLUS_ADVERTISE",
    "PROFILE_PLUS_ANALYZE",
    "PROFILE_PLUS_CREATE_CONTENT",
    "PROFILE_PLUS_FACEBOOK_ACCESS",
    "PROFILE_PLUS_FULL_CONTROL",
    "PROFILE_PLUS_MANAGE",
    "PROFILE_PLUS_MESSAGING",
    "PROFILE_PLUS_MODERATE",
)
# With one of these a person may post. Without a list of tasks, nothing is known against it.
POSTING_TASKS = {
    "CREATE_CONTENT",
    "MANAGE",
    "PROFILE_PLUS_CREATE_CONTENT",
    "PROFILE_PLUS_FULL_CONTROL",
    "PROFILE_PLUS_MANAGE",
}


def user_node(request: SandboxRequest, person: Account) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    return {
        "id": person.id,
        "name": person.name,
        "first_name": first,
        "last_name": last,
        "short_name": first,
        "picture": _avatar(request, person),
    }


def page_node(request: SandboxRequest, token: Token, page: Account) -> dict[str, Any]:
    node = {
        "id": page.id,
        "name": page.name,
        "category": page.facts["category"],
        "category_list": [{"id": "2201", "name": page.facts["category"]}],
        "tasks": page.facts["tasks"] and list(page.facts["tasks"]),
        "picture": _avatar(request, page),
        "followers_count": 128,
        "fan_count": 128,
        "new_like_count": 0,
        "link": f"{request.base_url}/feed/{NAME}",
        "is_published": True,
        "verification_status": "not_verified",
        "has_transitioned_to_new_page_experience": True,
    }
    if page.username:  # a Page need not have one
        node["username"] = page.username
    if token.kind == "user":
        node["access_token"] = page_token(request.state, token, page).value
    elif token.account is page:
        node["access_token"] = token.value
    return node


def post_node(request: SandboxRequest, post: Post) -> dict[str, Any]:
    """Like Facebook, it leaves out message, shares and attachments if they are empty."""
    url = _url(request, post)
    created = time_text(post.created_at)
    author = {"name": post.account.name, "id": post.account.id}
    link = post.facts.get("link")
    values = metrics_of(post, request.state.now())
    node: dict[str, Any] = {
        "id": post.id,
        "created_time": created,
        "updated_time": created,
        "permalink_url": url,
        "status_type": "added_photos"
        if post.media
        else "shared_story"
        if link
        else "mobile_status_update",
        "is_published": post.is_public,
        "is_hidden": False,
        "is_expired": False,
        "from": author,
        "promotable_id": post.id,
        **_interactions(values),
    }
    if values["shares"]:
        node["shares"] = {"count": values["shares"]}
    if post.text:
        node["message"] = post.text
    if post.media:
        node["full_picture"] = _media_url(request, post.media[0])
        node["attachments"] = {"data": [_attachment(request, post, url)]}
    elif link:
        host = urlsplit(link).netloc
        node["attachments"] = {
            "data": [{"media_type": "link", "type": "share", "title": host, "url": link}]
        }
    return node


def _interactions(values: dict[str, int]) -> dict[str, Any]:
    summaries: dict[str, dict[str, Any]] = {
        "comments": {"order": "ranked", "total_count": values["comments"], "can_comment": True},
        "reactions": {"total_count": values["likes"], "viewer_reaction": "NONE"},
        "likes": {"total_count": values["likes"], "can_like": True, "has_liked": False},
    }
    return {name: {"data": [], "summary": summary} for name, summary in summaries.items()}


def _attachment(request: SandboxRequest, post: Post, url: str) -> dict[str, Any]:
    photos = [
        {
            "media_type": "video" if photo.kind == "video" else "photo",
            "type": "video_inline" if photo.kind == "video" else "photo",
            "description": post.text,
            "media": {"image": _image(request, photo)},
            "target": {"id": photo.id, "url": url},
            "url": url,
        }
        for photo in post.media
    ]
    if len(photos) == 1:
        return photos[0]
    return {
        "media_type": "album",
        "type": "album",
        "media": photos[0]["media"],
        "target": {"id": post.id, "url": url},
        "title": f"Photos from {post.account.name}'s post",
        "url": url,
        "subattachments": {"data": photos},
    }


def photo_node(request: SandboxRequest, photo: Media) -> dict[str, Any]:
    url = _media_url(request, photo)
    created = time_text(photo.created_at)
    node: dict[str, Any] = {
        "id": photo.id,
        "created_time": created,
        "updated_time": created,
        "images": [{**_image(request, photo), "source": url}],
        "picture": url,
        "link": url,
        "can_delete": True,
        "alt_text": "May be an image",
    }
    if photo.picture:
        node |= {"width": photo.picture.width, "height": photo.picture.height}
    if photo.alt_text:
        node |= {"alt_text": photo.alt_text, "alt_text_custom": photo.alt_text}
    if post := request.state.posts.get((NAME, photo.post_id)):
        node["page_story_id"] = post.id
        if post.text:
            node["name"] = post.text
    return node


def video_node(request: SandboxRequest, video: Media) -> dict[str, Any]:
    """The video with the state of its upload and processing."""
    state = request.state
    is_ready = bool(video.post_id) and video.ready_at <= state.now()
    fault = video.facts.get("fault") if is_ready else None
    publish_status = video.facts.get("publish_status", "published")
    data: dict[str, Any] = {
        "id": video.id,
        "created_time": time_text(video.created_at),
        "updated_time": time_text(video.created_at),
        **_published(state, is_ready and fault is None and publish_status == "published"),
        "status": _video_status(request, video, is_ready=is_ready, fault=fault),
    }
    if post := state.posts.get((NAME, video.post_id)):
        data |= {"description": post.text} if post.text else {}
        # A reel's permalink has no host.
        is_reel = post.details.get("kind") == "reel"
        data["permalink_url"] = f"{post.path}/" if is_reel else _url(request, post)
        data["post_id"] = post.id.rpartition("_")[2]
    if video.video_facts:
        data["length"] = video.video_facts.duration_s
    return data


def _published(state: State, is_published: bool) -> dict[str, bool]:
    return {"published": is_published} if state.setting("facebook_status") == "full" else {}


def _video_status(
    request: SandboxRequest, video: Media, *, is_ready: bool, fault: tuple[int, str] | None
) -> dict[str, Any]:
    """Meta's pages name the fields in two ways: a setting selects one."""
    by_guide = request.state.setting("facebook_spelling") == "guide"
    complete = "complete" if by_guide else "completed"
    errors, transferred = ("errors", "bytes_transfered")
    if not by_guide:
        errors, transferred = ("error", "bytes_transferred")
    uploaded = complete if video.sha256 else "in_progress"
    processing: dict[str, Any] = {"status": complete if is_ready else "not_started"}
    publishing: dict[str, Any] = {"status": "not_started"}
    if fault:
        code, message = fault
        processing = {"status": "error", errors: [{"code": code, "message": message}]}
    elif is_ready:
        publish_status = video.facts.get("publish_status", "published")
        publishing = {"status": complete, "publish_status": publish_status}
    if not video.post_id:
        video_status = "upload_complete" if video.sha256 else "uploading"
    else:
        video_status = "error" if fault else "ready" if is_ready else "processing"
    state = request.state
    if state.setting("facebook_status") == "short" and video_status == "ready":
        return {"video_status": video_status}
    return {
        "video_status": video_status,
        "uploading_phase": {"status": uploaded, transferred: received(video)},
        "processing_phase": processing,
        "publishing_phase": publishing,
        "copyright_check_status": {
            "status": "in_progress"
            if state.setting("facebook_copyright_check") == "endless"
            else complete
        },
    }


def received(video: Media) -> int:
    """How many bytes have arrived."""
    return video.size_bytes or sum(part.size for part in video.parts.values())


def _image(request: SandboxRequest, photo: Media) -> dict[str, Any]:
    picture = photo.picture
    size = {"height": picture.height, "width": picture.width} if picture else {}
    return {**size, "src": _media_url(request, photo)}


def _media_url(request: SandboxRequest, photo: Media) -> str:
    return f"{request.base_url}/media/{photo.sha256}"


def _avatar(request: SandboxRequest, account: Account) -> dict[str, Any]:
    url = f"{request.base_url}/avatars/{NAME}/{account.id}.svg"
    return {"data": {"url": url, "width": 400, "height": 400, "is_silhouette": False}}


def _url(request: SandboxRequest, post: Post) -> str:
    return f"{request.base_url}/{NAME}{post.path}"


def time_text(epoch_seconds: float) -> str:
    return as_time(epoch_seconds).strftime("%Y-%m-%dT%H:%M:%S+0000")
