"""Making, reading and deleting Pins: https://developers.pinterest.com/docs/api/v5/pins-create."""

import base64
import binascii
import dataclasses
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.audience import METRICS, metrics_of
from socialpublishing.sandbox.fetching import FetchFailed, fetch
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.boards import (
    EPOCH_MS,
    Board,
    as_text,
    boards_of,
    demand,
    find,
    flag,
    page,
    section_of,
    without_nulls,
)
from socialpublishing.sandbox.pinterest.errors import (
    NO_FETCH,
    TRIAL,
    error,
    invalid,
    not_found,
    refusal,
)
from socialpublishing.sandbox.pinterest.login import NAME, call
from socialpublishing.sandbox.pinterest.uploads import status_of
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Blob, Media, Post, State

AGENT = "Pinterestbot/1.0 (+https://www.pinterest.com/bot.html)"
MAX_IMAGE_BYTES = 20 * 1024 * 1024
CONTENT_TYPES = ("image/jpeg", "image/png")

ID = {"type": "string", "pattern": r"\d+"}
STRING = {"type": "string"}
CONTENT_TYPE = {"type": "string", "enum": list(CONTENT_TYPES)}
INDEX = {"type": "integer", "minimum": 0}
STANDARD = {"type": "boolean"}
DATA = {"type": "string", "pattern": "[a-zA-Z0-9+/=]+"}
CREATE = {
    "additionalProperties": True,
    "required": ["board_id", "media_source"],
    "properties": {
        "board_id": ID,
        "board_section_id": ID,
        "title": {"type": "string", "maxLength": 100},
        "description": {"type": "string", "maxLength": 800},
        "alt_text": {"type": "string", "maxLength": 500},
        "link": {"type": "string", "maxLength": 2048, "pattern": r"(?i:https?)://\S+"},
        "dominant_color": {"type": "string", "pattern": "#[0-9A-Fa-f]{6}"},
        "parent_pin_id": ID,
        "media_source": {
            "additionalProperties": True,
            "required": ["source_type"],
            "properties": {"source_type": STRING},
        },
    },
}

CHANGEABLE = ("board_id", "board_section_id", "title", "description", "alt_text", "link")
UPDATE = {"properties": {name: CREATE["properties"][name] for name in CHANGEABLE}}  # type: ignore[index]


def _items(**own: Any) -> dict[str, Any]:
    texts = {"title": STRING, "description": STRING, "link": STRING}
    one = {"required": list(own), "properties": {**own, **texts}}
    return {"type": "array", "minItems": 2, "maxItems": 5, "items": one}


def _source(*required: str, **own: Any) -> dict[str, Any]:
    return {
        "required": list(required),
        "properties": {"source_type": STRING, "is_standard": STANDARD, **own},
    }


SOURCES = {
    "image_url": _source("url", url=STRING),
    "image_base64": _source("content_type", "data", content_type=CONTENT_TYPE, data=DATA),
    "multiple_image_urls": _source("items", items=_items(url=STRING), index=INDEX),
    "multiple_image_base64": _source(
        "items", items=_items(content_type=CONTENT_TYPE, data=DATA), index=INDEX
    ),
    "video_id": _source(
        "media_id",
        media_id=ID,
        cover_image_url=STRING,
        cover_image_content_type=CONTENT_TYPE,
        cover_image_data=DATA,
        cover_image_key_frame_time=INDEX,
    ),
}
PIN_FILTERS = ("exclude_native", "exclude_repins", "has_been_promoted")
RECENT_S = 90 * 86400
# Of a media source, what `details` need not repeat: the bytes and where they came from.
PLUMBING = ("source_type", "url", "content_type", "data", "items", "media_id", "cover_image_data")


@call("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    if request.state.setting("pinterest_access") == "trial":
        return error(403, 29, TRIAL)
    body = without_nulls(request.json)
    demand(CREATE, body)
    source = without_nulls(body["media_source"])
    kind = source["source_type"]
    if kind not in SOURCES:
        raise invalid(f"$.media_source.source_type: '{kind}' is not one of {list(SOURCES)}")
    demand(SOURCES[kind], source, "$.media_source")
    board = find(grant, body["board_id"])
    if board.privacy == "SECRET" and "pins:write_secret" not in grant.scopes:
        return refusal(403)
    if section_id := body.get("board_section_id"):
        section_of(board, section_id)
    # Fetching and measuring take their time: the state is not locked yet.
    media = _media(request.state, grant.account, source)
    with request.state.lock:
        post = _made(request.state, grant.account, board, body, media)
        for each in media:
            request.state.media[NAME, each.id] = each
        request.state.add_post(post)
        board.pins_modified_at = post.created_at
    return json_response(described(request, post), 201)


def _made(
    state: State,
    account: Account,
    board: Board,
    body: dict[str, Any],
    media: tuple[Media, ...],
    created_at: float | None = None,
) -> Post:
    pin_id = state.new_id(EPOCH_MS, at=created_at)
    sent = {name: value for name, value in body.items() if name != "media_source"}
    source = without_nulls(body.get("media_source", {}))
    chosen = {name: value for name, value in source.items() if name not in PLUMBING}
    if len(media) == 1:
        media[0].alt_text = body.get("alt_text", "")
    is_film = any(each.kind == "video" for each in media)
    return Post(
        platform=NAME,
        id=pin_id,
        account=account,
        text=body.get("description", ""),
        created_at=state.now() if created_at is None else created_at,
        path=f"/pin/{pin_id}/",
        media=media,
        facts={
            **sent,
            "board_id": board.id,
            "board": board,
            "creative_type": "VIDEO" if is_film else "CAROUSEL" if len(media) > 1 else "REGULAR",
            "items": [without_nulls(item) for item in source.get("items", [])],
            "seconds": round(media[0].movie.duration_s) if media and media[0].movie else 0,
        },
        details={name: value for name, value in sent.items() if name != "description"} | chosen,
    )


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    """On the oldest board of the account."""
    board = next(iter(boards_of(account).values()))
    return _made(state, account, board, {"description": text}, media, created_at)


@call("boards:read", "pins:read", category="org_read")
def one(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    with_metrics = flag(request, "pin_metrics")
    post = _find(request, grant, pin_id)
    if not request.state.is_readable(post):
        raise not_found("Pin")
    return json_response(described(request, post, with_metrics=with_metrics))


@call("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def update(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    post = _find(request, grant, pin_id)
    body = without_nulls(request.json)
    demand(UPDATE, body)
    board = find(grant, body["board_id"]) if "board_id" in body else post.facts["board"]
    if section_id := body.get("board_section_id"):
        section_of(board, section_id)
    with request.state.lock:
        post.text = body.pop("description", post.text)
        post.facts |= {**body, "board": board, "board_id": board.id}
        post.details |= body
    return json_response(described(request, post))


@call("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def delete(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    _find(request, grant, pin_id).is_deleted = True
    return HttpResponse(status=204)


@call("boards:read", "pins:read", category="org_read")
def listed(
    request: SandboxRequest, grant: AuthorizationGrant, board_id: str = "", section_id: str = ""
) -> HttpResponse:
    """All Pins of the account, of one board, or of one section of it, newest first."""
    if board_id:
        board = find(grant, board_id)
        if section_id:
            section_of(board, section_id)
    is_seen = _is_seen(request, grant)
    with_metrics = flag(request, "pin_metrics")
    shown = [
        post
        for post in request.state.posts_of(grant.account)
        if request.state.is_listed(post)
        and (board_id == post.facts["board_id"] if board_id else is_seen(post))
        and section_id in ("", post.facts.get("board_section_id"))
    ]
    items, bookmark = page(request, shown)
    data = [described(request, post, with_metrics=with_metrics) for post in items]
    return json_response({"items": data, "bookmark": bookmark})


def _is_seen(request: SandboxRequest, grant: AuthorizationGrant) -> Callable[[Post], bool]:
    """In the list of all Pins: by their boards, and by the filter that was asked for."""
    privacies = {"PUBLIC"}
    if flag(request, "include_protected_pins"):
        privacies.add("PROTECTED")
    if "pins:read_secret" in grant.scopes:
        privacies.add("SECRET")
    chosen = request.GET.get("pin_filter")
    if chosen not in (None, *PIN_FILTERS):
        raise invalid(f"pin_filter: '{chosen}' is not one of {list(PIN_FILTERS)}")

    def is_seen(post: Post) -> bool:
        if post.facts["board"].privacy not in privacies:
            return False
        if chosen == "exclude_repins":
            return not post.facts.get("parent_pin_id")
        # All Pins here are native, and none was promoted.
        return chosen is None

    return is_seen


def text_of(request: SandboxRequest) -> str:
    if request.method != "POST" or request.path_info != f"/{NAME}/v5/pins":
        return ""
    body = request.json
    return str(body.get("description") or "") if isinstance(body, dict) else ""


def _find(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> Post:
    post = request.state.posts.get((NAME, pin_id))
    if post is None or post.is_deleted or post.account is not grant.account:
        raise not_found("Pin")
    return post


def described(request: SandboxRequest, post: Post, *, with_metrics: bool = False) -> dict[str, Any]:
    facts = post.facts
    return {
        "id": post.id,
        "created_at": as_text(post.created_at),
        "title": facts.get("title"),
        "description": post.text,
        "link": facts.get("link"),
        "alt_text": facts.get("alt_text"),
        "dominant_color": facts.get("dominant_color", "#6e7874"),
        "board_id": facts["board_id"],
        "board_section_id": facts.get("board_section_id"),
        "board_owner": {"username": post.account.username},
        "parent_pin_id": facts.get("parent_pin_id"),
        "creative_type": facts["creative_type"],
        "is_owner": True,
        "is_standard": True,
        "has_been_promoted": False,
        "pin_metrics": _metrics(post, request.state.now()) if with_metrics else None,
        "media": _shown(request, post),
    }


def _metrics(post: Post, now: float) -> dict[str, dict[str, int]]:
    """Pinterest counts two kinds of clicks; three of four are taken for a closer look at the Pin.

    The names are those of the description's example; that of saves is taken from its analytics.
    """
    whole, before = metrics_of(post, now), dict.fromkeys(METRICS, 0)
    if post.created_at < now - RECENT_S:
        before = metrics_of(post, now - RECENT_S)

    def counted(data: Callable[[str], int]) -> dict[str, int]:
        outbound = data("clicks") // 4
        return {
            "impression": data("impressions"),
            "pin_click": data("clicks") - outbound,
            "clickthrough": outbound,
            "save": data("saves"),
        }

    more = {"reaction": whole["likes"], "comment": whole["comments"]}
    return {
        "90d": counted(lambda name: whole[name] - before[name]),
        "lifetime_metrics": {**counted(lambda name: whole[name]), **more},
    }


def _shown(request: SandboxRequest, post: Post) -> dict[str, Any]:
    if not post.media:
        return {"media_type": "image", "images": {}}
    first = post.media[0]
    address = f"{request.base_url}/media/{first.sha256}"
    if first.kind == "video":
        # Measures are null until the film is processed; here it is, before there is a Pin.
        return {
            "media_type": "video",
            "cover_image_url": post.details.get("cover_image_url", address),
            "duration": first.movie.duration_s * 1000 if first.movie else None,
            "width": first.width or None,
            "height": first.height or None,
            "video_url": None,
        }
    if len(post.media) == 1:
        return {"media_type": "image", "images": _images(request, first)}
    texts: list[dict[str, Any]] = post.facts["items"] or [{}] * len(post.media)
    return {
        "media_type": "multiple_images",
        "items": [
            {
                "item_type": "image",
                "title": item.get("title"),
                "description": item.get("description"),
                "link": item.get("link"),
                "images": _images(request, media),
            }
            for media, item in zip(post.media, texts, strict=True)
        ],
    }


def _images(request: SandboxRequest, media: Media) -> dict[str, Any]:
    """Pinterest scales; we show the one that we have, with the measures that it would have."""
    url, ratio = f"{request.base_url}/media/{media.sha256}", media.height / max(media.width, 1)
    sizes = {"150x150": (150, 150), "400x300": (400, 300)}
    sizes |= {f"{width}x": (width, round(width * ratio)) for width in (600, 1200)}
    return {
        name: {"width": width, "height": height, "url": url}
        for name, (width, height) in sizes.items()
    }


# --- What a Pin is made of -----------------------------------------------------------------------


def _media(state: State, account: Account, source: dict[str, Any]) -> tuple[Media, ...]:
    """Raises Answered with what is wrong with it."""
    if source["source_type"] == "video_id":
        return (_film(state, account, source),)
    items = source.get("items", [source])
    pictures = tuple(_picture(state, account, item) for item in items)
    if source.get("index", 0) >= len(items):
        raise invalid("$.media_source.index: is beyond the last item")
    shapes = {
        picture.width * pictures[0].height - pictures[0].width * picture.height
        for picture in pictures
    }
    if shapes != {0}:
        raise invalid("All images must have the same width/height ratios.")
    return pictures


def _picture(state: State, account: Account, item: dict[str, Any]) -> Media:
    media = Media(
        platform=NAME,
        id=state.new_id(EPOCH_MS),
        account_id=account.id,
        created_at=state.now(),
    )
    state.complete_media(media, _fetched(item["url"]) if "url" in item else _decoded(item["data"]))
    if media.picture is None or media.size_bytes > MAX_IMAGE_BYTES:
        raise invalid("Sorry! We could not read this image.")
    if item.get("content_type", media.mime_type) != media.mime_type:
        raise invalid("The image is not of its content_type.")
    return media


def _fetched(url: str) -> Blob:
    try:
        return fetch(url, max_bytes=MAX_IMAGE_BYTES, agent=AGENT, kinds=("image/",))
    except FetchFailed as failed:
        raise invalid(NO_FETCH) from failed


def _decoded(data: str) -> Blob:
    try:
        return Blob.of(base64.b64decode(data, validate=True))
    except (ValueError, binascii.Error) as failed:
        raise invalid("$.media_source.data: is not base64") from failed


def _film(state: State, account: Account, source: dict[str, Any]) -> Media:
    media = state.media.get((NAME, source["media_id"]))
    if media is None or media.account_id != account.id:
        raise not_found("Media")
    if status_of(state, media) != "succeeded":
        raise invalid(f"Media {media.id} is not ready: {status_of(state, media)}.")
    covers = ("cover_image_url", "cover_image_data", "cover_image_key_frame_time")
    if not any(name in source for name in covers):
        raise EarlyResponse(error(400, 1, "A cover image is required for a video Pin."))
    if "cover_image_url" in source:
        _fetched(source["cover_image_url"])
    # The same film may be shown by two Pins, with an alt text each.
    return dataclasses.replace(media)
