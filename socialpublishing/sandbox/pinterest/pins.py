"""Creating, reading, changing and deleting Pins.

https://developers.pinterest.com/docs/api/v5/pins-create
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.boards import (
    EPOCH_MS,
    Board,
    boards_of,
    check_section,
    find_board,
)
from socialpublishing.sandbox.pinterest.errors import (
    OWN_FAILURE,
    SPAM,
    TRIAL,
    error,
    invalid,
    not_found,
    refusal,
)
from socialpublishing.sandbox.pinterest.login import NAME, requires_token
from socialpublishing.sandbox.pinterest.media_sources import (
    ID,
    STRING,
    image_of,
    read_media,
    validated_source,
)
from socialpublishing.sandbox.pinterest.parameters import (
    boolean_parameter,
    page,
    validate,
    without_nulls,
)
from socialpublishing.sandbox.pinterest.pin_objects import pin_object
from socialpublishing.sandbox.state import Account, AuthorizationGrant, Media, Post, State

AI_DISCLOSURE = {"type": "string", "enum": ["AI_MODIFIED", "SYNTHETIC_PERFORMER"]}
CHANGEABLE: dict[str, Any] = {
    "board_id": ID,
    "board_section_id": ID,
    "title": {"type": "string", "maxLength": 100},
    "description": {"type": "string", "maxLength": 800},
    "alt_text": {"type": "string", "maxLength": 500},
    "link": {"type": "string", "maxLength": 2048, "pattern": r"(?i:https?)://\S+"},
    # Since 5.28.
    "ai_disclosures": {
        "required": ["values"],
        "properties": {"values": {"type": "array", "items": AI_DISCLOSURE}},
    },
}
UPDATE = {"properties": CHANGEABLE}
CREATE = {
    "additionalProperties": True,
    "required": ["board_id", "media_source"],
    "properties": {
        **CHANGEABLE,
        "dominant_color": {"type": "string", "pattern": "#[0-9A-Fa-f]{6}"},
        "parent_pin_id": ID,
        "media_source": {
            "additionalProperties": True,
            "required": ["source_type"],
            "properties": {"source_type": STRING},
        },
    },
}
PIN_FILTERS = ("exclude_native", "exclude_repins", "has_been_promoted")
# Fields of a media source that a post's `details` leave out: the bytes and where they came from.
SLIDE = ("title", "description", "link")
NOT_IN_DETAILS = (
    *("source_type", "url", "content_type", "data", "items", "media_id", "cover_image_data"),
)


@requires_token("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    if refused := _refusal(request.state):
        return refused
    body = without_nulls(request.json)
    validate(CREATE, body)
    source = validated_source(body)
    board = find_board(grant, body["board_id"])
    if board.privacy == "SECRET" and "pins:write_secret" not in grant.scopes:
        return refusal(403)
    if section_id := body.get("board_section_id"):
        check_section(board, section_id)
    # Before the lock: fetching and reading media takes time.
    media = read_media(request.state, grant.account, source)
    with request.state.lock:
        post = _new_pin(request.state, grant.account, board, body, media)
        for each in media:
            request.state.media[NAME, each.id] = each
        request.state.add_post(post)
        board.pins_modified_at = post.created_at
    if request.state.setting("pinterest_failure") == "after_create":
        return error(400, 2787, OWN_FAILURE)
    return json_response(pin_object(request, post), 201)


def _refusal(state: State) -> HttpResponse | None:
    """The refusal of every Pin that the settings ask for."""
    if state.setting("pinterest_access") == "trial":
        return error(403, 29, TRIAL)
    if state.setting("pinterest_spam_block") == "on":
        return error(403, 9, SPAM)
    if state.setting("pinterest_failure") == "before_create":
        return error(400, 2787, OWN_FAILURE)
    return None


def _new_pin(
    state: State,
    account: Account,
    board: Board,
    body: dict[str, Any],
    media: tuple[Media, ...],
    created_at: float | None = None,
) -> Post:
    pin_id = state.new_id(EPOCH_MS, at=created_at)
    fields = {name: value for name, value in body.items() if name != "media_source"}
    source = without_nulls(body.get("media_source", {}))
    source_details = {name: value for name, value in source.items() if name not in NOT_IN_DETAILS}
    if "cover_image_data" in source:
        source_details["cover_image_sha256"] = image_of(source["cover_image_data"]).sha256
    items = [without_nulls(item) for item in source.get("items", [])]
    slides = [{name: item[name] for name in SLIDE if name in item} for item in items]
    if any(slides):
        source_details["slides"] = slides
    if len(media) == 1:
        media[0].alt_text = body.get("alt_text", "")
    is_video = any(each.kind == "video" for each in media)
    return Post(
        platform=NAME,
        id=pin_id,
        account=account,
        text=body.get("description", ""),
        created_at=state.now() if created_at is None else created_at,
        path=f"/pin/{pin_id}/",
        media=media,
        is_public=state.setting("pinterest_access") != "hidden",
        facts={
            **fields,
            "board_id": board.id,
            "board": board,
            "creative_type": "VIDEO" if is_video else "CAROUSEL" if len(media) > 1 else "REGULAR",
            "items": items,
        },
        details={name: value for name, value in fields.items() if name != "description"}
        | source_details,
    )


def plant(
    state: State, account: Account, text: str, media: tuple[Media, ...], created_at: float
) -> Post:
    """A Pin on the oldest board of the account."""
    board = next(iter(boards_of(account).values()))
    return _new_pin(state, account, board, {"description": text}, media, created_at)


@requires_token("boards:read", "pins:read", category="org_read")
def pin(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    with_metrics = boolean_parameter(request, "pin_metrics")
    post = _find_pin(request, grant, pin_id)
    if not request.state.is_readable(post):
        raise not_found("Pin")
    return json_response(pin_object(request, post, with_metrics=with_metrics))


@requires_token("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def update(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    post = _find_pin(request, grant, pin_id)
    body = without_nulls(request.json)
    validate(UPDATE, body)
    board = find_board(grant, body["board_id"]) if "board_id" in body else post.facts["board"]
    if section_id := body.get("board_section_id"):
        check_section(board, section_id)
    with request.state.lock:
        post.text = body.pop("description", post.text)
        post.facts |= {**body, "board": board, "board_id": board.id}
        post.details |= body
    return json_response(pin_object(request, post))


@requires_token("boards:read", "boards:write", "pins:read", "pins:write", category="org_write")
def delete(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> HttpResponse:
    request.state.delete(_find_pin(request, grant, pin_id))
    return HttpResponse(status=204)


@requires_token("boards:read", "pins:read", category="org_read")
def pins(
    request: SandboxRequest, grant: AuthorizationGrant, board_id: str = "", section_id: str = ""
) -> HttpResponse:
    """All Pins of the account, of one board, or of one section of it, newest first."""
    if board_id:
        board = find_board(grant, board_id)
        if section_id:
            check_section(board, section_id)
    is_selected = _filter_of_all_pins(request, grant)
    with_metrics = boolean_parameter(request, "pin_metrics")
    listed = [
        post
        for post in request.state.posts_of(grant.account)
        # A hidden Pin is shown to its creator.
        if (request.state.is_listed(post) or not (post.is_public or post.is_deleted))
        and (board_id == post.facts["board_id"] if board_id else is_selected(post))
        and section_id in ("", post.facts.get("board_section_id"))
    ]
    items, bookmark = page(request, listed)
    data = [pin_object(request, post, with_metrics=with_metrics) for post in items]
    return json_response({"items": data, "bookmark": bookmark})


def _filter_of_all_pins(
    request: SandboxRequest, grant: AuthorizationGrant
) -> Callable[[Post], bool]:
    """Whether a Pin is in the list of all Pins: by its board's privacy and by `pin_filter`."""
    privacies = {"PUBLIC"}
    if boolean_parameter(request, "include_protected_pins"):
        privacies.add("PROTECTED")
    if "pins:read_secret" in grant.scopes:
        privacies.add("SECRET")
    pin_filter = request.GET.get("pin_filter")
    if pin_filter not in (None, *PIN_FILTERS):
        raise invalid(f"pin_filter: '{pin_filter}' is not one of {list(PIN_FILTERS)}")

    def is_selected(post: Post) -> bool:
        if post.facts["board"].privacy not in privacies:
            return False
        if pin_filter == "exclude_repins":
            return not post.facts.get("parent_pin_id")
        # All Pins here are native, and none was promoted.
        return pin_filter is None

    return is_selected


def text_of(request: SandboxRequest) -> str:
    if request.method != "POST" or request.path_info != f"/{NAME}/v5/pins":
        return ""
    body = request.json
    return str(body.get("description") or "") if isinstance(body, dict) else ""


def _find_pin(request: SandboxRequest, grant: AuthorizationGrant, pin_id: str) -> Post:
    post = request.state.posts.get((NAME, pin_id))
    if post is None or post.is_deleted or post.account is not grant.account:
        raise not_found("Pin")
    return post
