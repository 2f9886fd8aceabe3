"""Boards, their sections, and the lists of what is on them.

https://developers.pinterest.com/docs/api/v5/boards-list and its neighbours.
"""

import base64
import binascii
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.pinterest.errors import board_not_found, invalid, not_found, refusal
from socialpublishing.sandbox.pinterest.login import call
from socialpublishing.sandbox.schema import first_error
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State, as_time

EPOCH_MS = 1262304000000  # 2010: ids of Pinterest have 18 digits, and grow
MAX_SECTION = 180
PRIVACIES = ("PUBLIC", "PROTECTED", "SECRET")
FILTERS: dict[str, tuple[str, ...]] = {
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

Item = TypeVar("Item")


@dataclass(kw_only=True, eq=False)
class Board:
    id: str
    name: str
    description: str = ""
    privacy: str = "PUBLIC"
    is_ads_only: bool = False
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


def find(grant: AuthorizationGrant, board_id: str) -> Board:
    board = boards_of(grant.account).get(board_id)
    if board is None:
        raise board_not_found()
    if board.privacy == "SECRET" and "boards:read_secret" not in grant.scopes:
        raise EarlyResponse(refusal(403))
    return board


@call("boards:read", category="org_read")
def boards(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    privacy = request.GET.get("privacy", "ALL")
    if privacy not in FILTERS:
        raise invalid(f"privacy: '{privacy}' is not one of {list(FILTERS)}")
    seen = FILTERS[privacy]
    if "boards:read_secret" not in grant.scopes:
        seen = tuple(each for each in seen if each != "SECRET")
    shown = [board for board in boards_of(grant.account).values() if board.privacy in seen]
    items, bookmark = page(request, shown)
    data = [described(request, grant.account, board) for board in items]
    return json_response({"items": data, "bookmark": bookmark})


@call("boards:read", "boards:write", category="org_write")
def create(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    body = without_nulls(request.json)
    demand(CREATE, body)
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
    return json_response(described(request, grant.account, board), 201)


@call("boards:read", category="org_read")
def one(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    return json_response(described(request, grant.account, find(grant, board_id)))


@call("boards:read", "boards:write", category="org_write")
def delete(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    """Its Pins go with it."""
    with request.state.lock:
        board = find(grant, board_id)
        del boards_of(grant.account)[board.id]
        for post in request.state.posts_of(grant.account):
            if post.facts["board_id"] == board.id:
                post.is_deleted = True
    return HttpResponse(status=204)


@call("boards:read", category="org_read")
def sections(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    items, bookmark = page(request, list(find(grant, board_id).sections.items()))
    data = [{"id": section_id, "name": name} for section_id, name in items]
    return json_response({"items": data, "bookmark": bookmark})


@call("boards:read", "boards:write", category="org_write")
def add_section(request: SandboxRequest, grant: AuthorizationGrant, board_id: str) -> HttpResponse:
    body = without_nulls(request.json)
    demand(SECTION, body)
    with request.state.lock:
        board = find(grant, board_id)
        section_id = request.state.new_id(EPOCH_MS)
        board.sections[section_id] = body["name"]
    return json_response({"id": section_id, "name": body["name"]}, 201)


def section_of(board: Board, section_id: str) -> str:
    if section_id not in board.sections:
        raise not_found("Board section")
    return section_id


def described(request: SandboxRequest, account: Account, board: Board) -> dict[str, Any]:
    mine = [
        post
        for post in request.state.posts_of(account)
        if post.facts["board_id"] == board.id and not post.is_deleted
    ]
    pictures = (
        f"{request.base_url}/media/{media.sha256}" for post in mine for media in post.media[:1]
    )
    thumbnails = list(itertools.islice(pictures, 5))
    return {
        "id": board.id,
        "name": board.name,
        "description": board.description,
        "privacy": board.privacy,
        "is_ads_only": board.is_ads_only,
        "owner": {"username": account.username},
        "pin_count": len(mine),
        "follower_count": 0,
        "collaborator_count": 0,
        "created_at": as_text(board.created_at),
        "board_pins_modified_at": as_text(board.pins_modified_at),
        "media": {
            "image_cover_url": thumbnails[0] if thumbnails else None,
            "pin_thumbnail_urls": thumbnails,
        },
    }


# --- What the calls share ------------------------------------------------------------------------


def as_text(epoch_seconds: float) -> str:
    """Pinterest's times are UTC and do not say so."""
    return f"{as_time(epoch_seconds):%Y-%m-%dT%H:%M:%S}"


def page(request: SandboxRequest, items: Sequence[Item]) -> tuple[Sequence[Item], str | None]:
    """The part of `items` that was asked for, and the bookmark of the next; None at the end."""
    given = request.GET.get("page_size", "25")
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= 250):
        raise invalid(f"page_size: '{given}' is not between 1 and 250")
    size, start = int(given), 0
    if bookmark := request.GET.get("bookmark"):
        try:
            start = int(base64.urlsafe_b64decode(bookmark))
        except (ValueError, binascii.Error) as error:
            raise invalid("bookmark: is not one of ours") from error
    end = start + size
    rest = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], rest


def flag(request: SandboxRequest, name: str) -> bool:
    # Pinterest's own SDK for Python writes True.
    given = request.GET.get(name, "false").lower()
    if given not in ("true", "false"):
        raise invalid(f"{name}: '{given}' is not of type 'boolean'")
    return given == "true"


def without_nulls(body: Any) -> dict[str, Any]:
    """A body whose fields that are null are as good as left out: all that may be null is so."""
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return {name: value for name, value in body.items() if value is not None}


def demand(schema: dict[str, Any], value: Any, at: str = "$") -> None:
    if fault := first_error(schema, value, at):
        raise invalid(fault)
