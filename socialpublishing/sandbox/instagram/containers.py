"""Containers: uploads to publish. They finish processing or fail, expire, and are published once.

https://developers.facebook.com/docs/instagram-platform/content-publishing
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-container
"""

import dataclasses
import json
import re
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.blobs import Blob
from socialpublishing.sandbox.facebook.errors import graph_error, invalid, upload_error
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.instagram.login import (
    NAME,
    PUBLISH,
    is_facebook,
    live_token,
    own_account,
    token_and_account,
)
from socialpublishing.sandbox.state import Account, Media, State
from socialpublishing.sandbox.text import find_hashtags

EPOCH_MS = 1293840000000  # our choice: gives ids of 17 digits or more, like Instagram's
AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
LIFE_S = 86400
MAX_IMAGE_BYTES = 8 * 1024 * 1024
MAX_VIDEO_BYTES = {"REELS": 300 * 1024 * 1024, "VIDEO": 300 * 1024 * 1024, "STORIES": 104_857_600}
SECONDS = {"REELS": (3, 900), "VIDEO": (3, 60), "STORIES": (3, 60)}
VIDEO_TYPES = ("video/mp4", "video/quicktime")
MAX_CAPTION, MAX_HASHTAGS, MAX_ALT_TEXT, MAX_TAGS = 2200, 30, 1000, 20
KINDS = ("IMAGE", "CAROUSEL", "REELS", "STORIES", "VIDEO")
# Parameters that become details of the post.
DETAILS = (
    "collaborators", "location_id", "user_tags", "share_to_feed", "cover_url", "thumb_offset",
    "audio_name", "is_ai_generated", "trial_params",
)  # fmt: skip
LISTS = ("collaborators", "user_tags", "children", "trial_params")
GRADUATIONS = ("MANUAL", "SS_PERFORMANCE")
USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")


def create(request: SandboxRequest, node_id: str) -> HttpResponse:
    token, account = token_and_account(request, node_id, *PUBLISH)
    params = {name: _parsed(name, value) for name, value in request.params.items()}
    container = Media(
        platform=NAME,
        id=request.state.new_id(EPOCH_MS),
        account_id=account.id,
        created_at=request.state.now(),
        expires_at=request.state.now() + LIFE_S,
        category="container",
        facts={"kind": _kind(params), "params": params, "error": "", "children": []},
    )
    data = {"id": container.id}
    if params.get("upload_type") == "resumable" and is_facebook(token.grant):
        container.facts["waits_for_bytes"] = True
        data["uri"] = f"{request.base_url}/{NAME}/ig-api-upload/v25.0/{container.id}"
    _check_account(account, params)
    _check_params(params)
    _process(request, container, account)
    request.state.media[NAME, container.id] = container
    return json_response(data)


def _check_account(account: Account, params: dict[str, Any]) -> None:
    kind, facts = params.get("media_type"), account.facts
    if facts.get("restricted"):
        message = "The Instagram account is restricted."
        raise EarlyResponse(graph_error(25, message, subcode=2207050))
    account_type = facts.get("account_type", "BUSINESS")
    if account_type == "PERSONAL" or (account_type != "BUSINESS" and kind == "STORIES"):
        raise invalid("The user is not an Instagram Business.")
    if params.get("trial_params") and not facts.get("trial_reels", True):
        message = "(#10) The account cannot create trial reels"
        raise EarlyResponse(graph_error(10, message, subcode=2207081))


def _parsed(name: str, value: Any) -> Any:
    """Lists are JSON lists, or strings of JSON in a form; `children` can be comma-separated."""
    if name in LISTS and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return [each.strip() for each in value.split(",") if each.strip()]
    if value in ("true", "false"):
        return value == "true"
    return value


def _kind(params: dict[str, Any]) -> str:
    kind = params.get("media_type") or "IMAGE"
    if kind not in KINDS:
        raise EarlyResponse(graph_error(100, "(#100) Unknown media type", subcode=2207023))
    is_child = params.get("is_carousel_item") is True
    if kind == "VIDEO" and not is_child:
        raise invalid("The VIDEO value for media_type is no longer supported; use REELS.")
    if kind in ("REELS", "STORIES", "CAROUSEL") and is_child:
        raise invalid("A carousel item is an image or of media_type VIDEO.")
    return str(kind)


def _check_params(params: dict[str, Any]) -> None:
    caption = params.get("caption", "")
    if not isinstance(caption, str):
        raise invalid("Param caption must be a string")
    if len(caption) > MAX_CAPTION:
        raise EarlyResponse(graph_error(36004, "The caption was too long", subcode=2207010))
    if len(find_hashtags(caption)) > MAX_HASHTAGS:
        raise invalid(f"A caption has {MAX_HASHTAGS} hashtags at most.")
    if len(str(params.get("alt_text", ""))) > MAX_ALT_TEXT:
        raise invalid("Param alt_text is too long")
    collaborators = params.get("collaborators", [])
    if not isinstance(collaborators, list) or len(collaborators) > 3:
        raise invalid("Param collaborators has 3 user names at most")
    tags = params.get("user_tags", [])
    if len(tags) > MAX_TAGS:
        raise EarlyResponse(graph_error(100, "(#100) Too many tags", subcode=2207040))
    for tag in tags:
        _check_tag(tag, params.get("media_type"))
    _check_names([*collaborators, *(tag["username"] for tag in tags)])
    _check_reel(params)


def _check_tag(tag: Any, kind: Any) -> None:
    if not isinstance(tag, dict) or not tag.get("username"):
        raise EarlyResponse(graph_error(100, "(#100) Invalid user tag", subcode=2207040))
    if unknown := set(tag) - {"username", "x", "y"}:
        raise invalid(f"Param user_tags has no {sorted(unknown)}")
    if kind in (None, "IMAGE") and not {"x", "y"} <= set(tag):
        raise invalid("Param user_tags needs x and y on an image")
    if kind in ("REELS", "VIDEO") and {"x", "y"} & set(tag):
        message = "Tag positions are not supported for videos"
        raise EarlyResponse(graph_error(100, f"(#100) {message}", subcode=2207035))


def _check_names(names: list[Any]) -> None:
    """Names that start with `unknown.` belong to nobody."""
    for name in names:
        if not isinstance(name, str) or not USERNAME.fullmatch(name) or name.startswith("unknown."):
            raise EarlyResponse(
                graph_error(
                    110,
                    "Invalid user id",
                    subcode=2207018,
                    user_title="Cannot load user with a private profile or invalid username",
                    user_message=f"The following user(s) cannot be accessed: {name}",
                )
            )


def _check_reel(params: dict[str, Any]) -> None:
    trial, kind = params.get("trial_params"), params.get("media_type")
    if trial is not None and kind != "REELS":
        raise invalid("Param trial_params is for reels only")
    if trial is not None and (
        not isinstance(trial, dict) or trial.get("graduation_strategy") not in GRADUATIONS
    ):
        raise invalid("Param trial_params needs a graduation_strategy")
    if "is_ai_generated" in params and params.get("is_carousel_item") is True:
        raise invalid("Param is_ai_generated belongs to the carousel, not to its items")


def _process(request: SandboxRequest, container: Media, account: Account) -> None:
    """Fetch the media and start the processing."""
    params, kind = container.facts["params"], container.facts["kind"]
    if kind == "CAROUSEL":
        container.facts["children"] = _children(request.state, account, params.get("children"))
        _start_processing(request.state, container, "instagram_processing_seconds")
    elif container.facts.get("waits_for_bytes"):
        container.ready_at = float("inf")
    elif kind in ("REELS", "VIDEO") or params.get("video_url"):
        if not params.get("video_url"):
            raise invalid("The parameter video_url is required")
        if params.get("cover_url"):
            _fetched(request.state, str(params["cover_url"]), MAX_IMAGE_BYTES, ("image/",))
        _take_video(request.state, container, str(params["video_url"]))
    else:
        if not params.get("image_url"):
            raise EarlyResponse(
                graph_error(
                    9004,
                    "Only photo or video can be accepted as media type.",
                    subcode=2207052,
                )
            )
        _take_image(request.state, container, str(params["image_url"]))


def _children(state: State, account: Account, child_ids: Any) -> list[str]:
    if not isinstance(child_ids, list) or not 2 <= len(child_ids) <= 10:
        message = "A carousel has 2 to 10 items"
        raise EarlyResponse(graph_error(100, f"(#100) {message}", subcode=2207028))
    for child_id in child_ids:
        child = state.media.get((NAME, str(child_id)))
        if child is None or child.account_id != account.id:
            raise invalid(f"Param children: {child_id} is no container of this account")
        if child.facts["params"].get("is_carousel_item") is not True:
            raise invalid(f"Param children: {child_id} is no carousel item")
        if status_of(state, child) != "FINISHED":
            raise EarlyResponse(
                graph_error(9007, "Media ID is not available", subcode=2207027, status=400)
            )
    return [str(child_id) for child_id in child_ids]


def _take_image(state: State, container: Media, url: str) -> None:
    """An invalid image is an error of the request itself."""
    state.complete_media(container, _fetched(state, url, 4 * MAX_IMAGE_BYTES, ()))
    if container.size_bytes > MAX_IMAGE_BYTES:
        raise EarlyResponse(graph_error(36000, "The image size is too large.", subcode=2207004))
    if container.mime_type != "image/jpeg" or container.picture is None:
        message = "The image format is not supported."
        raise EarlyResponse(graph_error(36001, message, subcode=2207005))
    if container.facts["kind"] == "IMAGE":
        ratio = container.width / max(container.height, 1)
        # Documented is 4:5; by many reports 3:4 is published too.
        is_strict = state.setting("instagram_tall_images") == "refused"
        if not (0.799 if is_strict else 0.749) <= ratio <= 1.911:
            message = "The submitted image with aspect ratio cannot be published."
            raise EarlyResponse(graph_error(36003, message, subcode=2207009))
    _start_processing(state, container, "instagram_processing_seconds")


def _take_video(state: State, container: Media, url: str) -> None:
    """An invalid video is an error in the container's status, after processing."""
    kind = container.facts["kind"]
    _start_processing(state, container, "processing_seconds")
    try:
        blob = fetch(
            url, max_bytes=MAX_VIDEO_BYTES[kind], agent=AGENT, redirects=redirects_of(state)
        )
    except FetchFailed:
        container.facts["error"] = "2207077"
        return
    take_bytes(state, container, blob)


def take_bytes(state: State, container: Media, blob: Blob) -> None:
    kind = container.facts["kind"]
    state.complete_media(container, blob)
    facts, (shortest, longest) = container.video_facts, SECONDS[kind]
    if (
        facts is None
        or container.mime_type not in VIDEO_TYPES
        or not shortest <= facts.duration_s <= longest
        or facts.video_codec not in ("h264", "hevc")
        or not 23 <= facts.frame_rate <= 60
    ):
        container.facts["error"] = "2207026"
        return
    offset = container.facts["params"].get("thumb_offset")
    if offset is not None and int(offset) >= facts.duration_s * 1000:
        container.facts["error"] = "2207057"


def redirects_of(state: State) -> int:
    return 3 if state.setting("instagram_redirects") == "followed" else 0


def _fetched(state: State, url: str, max_bytes: int, kinds: tuple[str, ...]) -> Blob:
    try:
        return fetch(
            url, max_bytes=max_bytes, agent=AGENT, kinds=kinds, redirects=redirects_of(state)
        )
    except FetchFailed as failed:
        raise EarlyResponse(
            graph_error(
                9004,
                "Only photo or video can be accepted as media type.",
                subcode=2207052,
                user_title="Media download has failed.",
                user_message="The media could not be fetched from this URI.",
            )
        ) from failed


def _start_processing(state: State, container: Media, setting: str) -> None:
    """Processing ends after the seconds of the setting."""
    container.ready_at = state.now() + state.setting(setting)


def status_of(state: State, container: Media) -> str:
    if container.post_id:
        return "PUBLISHED"
    if container.expires_at is not None and state.now() >= container.expires_at:
        return "EXPIRED"
    if state.now() < container.ready_at:
        return "IN_PROGRESS"
    return "ERROR" if container.facts["error"] else "FINISHED"


def described(state: State, container: Media) -> dict[str, Any]:
    code = status_of(state, container)
    statuses = {
        "ERROR": "Error: Media upload has failed with error code " + container.facts["error"],
        "EXPIRED": "Expired: The container was not published within 24 hours.",
        "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
        "IN_PROGRESS": "In Progress: Media is still being processed.",
        "PUBLISHED": "Published: Media has been published.",
    }
    return {"id": container.id, "status_code": code, "status": statuses[code]}


def own_media(state: State, container: Media) -> tuple[Media, ...]:
    """The media of the post, each with its own alt text."""
    ids = container.facts["children"] or [container.id]
    parts = [state.media[NAME, each] for each in ids]
    return tuple(
        dataclasses.replace(part, alt_text=str(part.facts["params"].get("alt_text", "")))
        for part in parts
    )


def upload(request: SandboxRequest, container_id: str) -> HttpResponse:
    """rupload.facebook.com: the bytes of a resumable container, or the URL of the file."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme != "OAuth":
        return _upload_error("The Authorization header is not OAuth.")
    token = live_token(request.state, value)
    container = request.state.media.get((NAME, container_id))
    if container is None or not container.facts.get("waits_for_bytes"):
        return _upload_error("There is no such upload.")
    if own_account(request, token, container.account_id) is None:
        return _upload_error("The upload belongs to another account.")
    if url := request.META.get("HTTP_FILE_URL"):
        try:
            kind = container.facts["kind"]
            blob = fetch(url, max_bytes=MAX_VIDEO_BYTES[kind], agent=AGENT)
        except FetchFailed:
            return _upload_error("The file could not be fetched.")
    else:
        blob = request.body_blob
        offset, file_size = request.headers.get("offset"), request.META.get("HTTP_FILE_SIZE")
        if (offset, file_size) != ("0", str(blob.size)):
            return _upload_error("offset or file_size does not match the bytes.")
    take_bytes(request.state, container, blob)
    container.facts["waits_for_bytes"] = False
    _start_processing(request.state, container, "processing_seconds")
    return json_response({"success": True, "message": "Upload successful."})


def _upload_error(message: str) -> HttpResponse:
    return upload_error("ProcessingFailedError", message)
