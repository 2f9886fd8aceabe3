"""Boards and their sections: https://developers.pinterest.com/docs/api/v5/boards-list"""

import itertools
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.errors import board_not_found, invalid, not_found, refusal
from socialpublishing.sandbox.pinterest.login import requires_token
from socialpublishing.sandbox.pinterest.parameters import (
    format_time,
    page,
    validate,
    without_nulls,
)
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State

EPOCH_MS = 1262304000000  # 2010, so that ids have 18 digits, as Pinterest's have
MAX_SECTION = 180
PRIVACIES = ("PUBLIC", "PROTECTED", "SECRET")
PRIVACY_FILTERS: dict[str, tuple[str, ...]] = {
    "ALL": PRIVACIES,
    "PUBLIC_AND_SECRET": ("PUBLIC", "SECRET"),
    **{privacy: (privacy,) for privacy in PRIVACIES},
}

CREATE = {
    "required": ["name"],
    "additionalProperties": True,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "privacy": {"type": "string", "enum": list(PRIVACIES)},
        "is_ads_only": {"type": "boolean"},
    },
}
SECTION = {
    "required": ["name"],
    "additionalProperties": True,
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": MAX_SECTION}},
}


@dataclass(kw_only=True, eq=False)
class Board:
    id: str
    name: str
    description: str = ""
    privacy: str = "PUBLIC"
    is_ads_only: bool = False
    is_listed: bool = True  # a list may leave a board out although it accepts Pins
    created_at: float
    pins_modified_at: float
    sections: dict[str, str] = field(default_factory=dict)  # id → name


def boards_of(account: Account) -> dict[str, Board]:
    boards: dict[str, Board] = account.facts["boards"]
    return boards


def add_board(state: State, account: Account, **facts: Any) -> Board:
    now = state.now()
    board = Board(id=state.new_id(EPOCH_MS), created_at=now, pins_modified_at=now, **facts)
    boards_of(account)[board.id] = board
    return board


def find_board(grant: AuthorizationGrant, board_id: str) -> Board:
    board = boards_of(grant.account).get(board_id)
    if board is None:
        raise board_not_found()
    if board.privacy == "SECRET" and "boards:read_secret" not in grant.scopes:
        raise EarlyResponse(refusal(403))
    return board


@requires_token("boards:read", category="org_read")
def boards(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    privacy = request.GET.get("privacy", "ALL")
    if privacy not in PRIVACY_FILTERS:
        raise invalid(f"privacy: '{privacy}' is not one of {list(PRIVACY_FILTERS)}")
    privacies = PRIVACY_FILTERS[privacy]
    if "boards:read_secret" not in grant.scopes:
        privacies = tuple(each for each in privacies if each != "SECRET")
    shown = [
        board
        for board in boards_of(grant.account).values()
        if board.privacy in privacies and board.is_listed
    ]
    items, bookmark = page(request, shown)
    data = [_board_object(request, grant.account, board) for board in items]
    return json_response({"items": data, "bookmark": bookmark})


@requires_token("boards:read", "boards:write", category="org_write")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = without_nulls(request.json)
    validate(CREATE, body)
    privacy = body.get("privacy", "PUBLIC")
    if privacy == "SECRET" and "boards:write_secret" not in grant.scopes:
        return refusal(403)
    with request.state.lock:
        board = add_board(
            request.state,
            grant.account,
            name=body["name"],
            description=body.get("description", ""),
            privacy=privacy,
            is_ads_only=body.get("is_ads_only", False),
        )
    return json_response(_board_object(request, grant.account, board), 201)


@requires_token("boards:read", category="org_read")
def board(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    return json_response(_board_object(request, grant.account, find_board(grant, board_id)))


@requires_token("boards:read", "boards:write", category="org_write")
def delete(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    """Deletes its Pins too."""
    with request.state.lock:
        board = find_board(grant, board_id)
        del boards_of(grant.account)[board.id]
        for post in request.state.posts_of(grant.account):
            if post.facts["board_id"] == board.id:
                request.state.delete(post)
    return HttpResponse(status=204)


@requires_token("boards:read", category="org_read")
def sections(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    items, bookmark = page(request, list(find_board(grant, board_id).sections.items()))
    data = [{"id": section_id, "name": name} for section_id, name in items]
    return json_response({"items": data, "bookmark": bookmark})


@requires_token("boards:read", "boards:write", category="org_write")
def add_section(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    body = without_nulls(request.json)
    validate(SECTION, body)
    with request.state.lock:
        board = find_board(grant, board_id)
        section_id = request.state.new_id(EPOCH_MS)
        board.sections[section_id] = body["name"]
    return json_response({"id": section_id, "name": body["name"]}, 201)


def check_section(board: Board, section_id: str) -> None:
    if section_id not in board.sections:
        raise not_found("Board section")


def _board_object(request: SandboxRequest, account: Account, board: Board) -> dict[str, Any]:
    pins = [
        post
        for post in request.state.posts_of(account)
        if post.facts["board_id"] == board.id and not post.is_deleted
    ]
    images = (
        f"{request.base_url}/media/{media.sha256}" for post in pins for media in post.media[:1]
    )
    thumbnails = list(itertools.islice(images, 5))
    return {
        "id": board.id,
        "name": board.name,
        "description": board.description,
        "privacy": board.privacy,
        "is_ads_only": board.is_ads_only,
        "owner": {"username": account.username},
        "pin_count": len(pins),
        "follower_count": 0,
        "collaborator_count": 0,
        "created_at": format_time(board.created_at),
        "board_pins_modified_at": format_time(board.pins_modified_at),
        "media": {
            "image_cover_url": thumbnails[0] if thumbnails else None,
            "pin_thumbnail_urls": thumbnails,
        },
    }
