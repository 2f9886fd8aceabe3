"""Pinterest, by its documentation and its OpenAPI description (5.23), read 2026-11-22.

https://developers.pinterest.com/docs/api/v5/. Boards and their sections, Pins of images, carousels
and videos with their metrics, trending keywords. Analytics by day are not imitated.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path

from socialpublishing.sandbox import cards
from socialpublishing.sandbox.http import SandboxRequest, by_method, json_response
from socialpublishing.sandbox.pinterest import boards, login, pins, trends, uploads
from socialpublishing.sandbox.pinterest.errors import refusal, rejection
from socialpublishing.sandbox.pinterest.login import LABEL, NAME, requires_token
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.state import Account, AuthorizationGrant, State
from socialpublishing.sandbox.tokens import scopes_of_new_account

ONE_BOARD = ({"name": "Ideas to keep"},)
MAX_BOARDS = 1000
MAX_NAME = 100


def add_headers(request: SandboxRequest, response: HttpResponse) -> None:
    if "/v5/" not in request.path_info:
        return
    response.headers.setdefault("x-pinterest-rid", secrets.token_hex(8))
    if request.rate is None:
        return
    limit, remaining, reset_s = request.rate
    for name, value in {
        "x-ratelimit-limit": limit,
        "x-ratelimit-remaining": 0 if response.status_code == 429 else remaining,
        "x-ratelimit-reset": reset_s,
    }.items():
        response.headers.setdefault(name, str(value))


@requires_token("user_accounts:read", category="org_read")
def user_account(request: SandboxRequest, grant: AuthorizationGrant) -> HttpResponse:
    account = grant.account
    return json_response(
        {
            "id": account.id,
            "username": account.username,
            "account_type": "BUSINESS",
            "business_name": account.name,
            "about": "",
            "profile_image": f"{request.base_url}/avatars/{NAME}/{account.id}.svg",
            "website_url": "",
            "board_count": len(boards.boards_of(account)),
            "pin_count": sum(not post.is_deleted for post in request.state.posts_of(account)),
            "follower_count": 0,
            "following_count": 0,
            "monthly_views": 0,
        }
    )


def seed(state: State) -> None:
    _add_account(state, "549755885175", "sandbox_pins", "Sandy Pins", ONE_BOARD)


def _add_account(
    state: State, account_id: str, username: str, name: str, new_boards: Sequence[dict[str, Any]]
) -> Account:
    account = state.add_account(
        Account(
            platform=NAME,
            id=account_id,
            username=username,
            name=name,
            created_at=state.now(),
            facts={"boards": {}},
        )
    )
    for board in new_boards:
        boards.add_board(state, account, **board)
    return account


def make_account(state: State, fields: dict[str, Any]) -> dict[str, Any]:
    scopes = scopes_of_new_account(fields, known=login.SCOPES, default=login.DEFAULT_SCOPES)
    username = fields["username"]
    new_boards = _checked_boards(fields.get("boards", ONE_BOARD))
    account = _add_account(
        state, state.new_id(boards.EPOCH_MS), username, fields.get("name", username), new_boards
    )
    grant = AuthorizationGrant(account=account, scopes=set(scopes))
    issued = login.issue(state, grant, "authorization_code")
    return {
        "account_id": account.id,
        "access_token": issued["access_token"],
        "refresh_token": issued["refresh_token"],
        "expires_in": issued["expires_in"],
        "scopes": sorted(scopes),
        "boards": [
            {"id": board.id, "name": board.name, "privacy": board.privacy}
            for board in boards.boards_of(account).values()
        ],
    }


def _checked_boards(value: Any) -> list[dict[str, Any]]:
    """Raises ValueError with the reason."""
    if not isinstance(value, (list, tuple)) or len(value) > MAX_BOARDS:
        raise ValueError(f"boards is not a list of up to {MAX_BOARDS}.")
    for board in value:
        if not isinstance(board, dict) or set(board) - {"name", "privacy", "is_listed"}:
            raise ValueError("A board is {name, privacy, is_listed}.")
        if not isinstance(board.get("name"), str) or not 1 <= len(board["name"]) <= MAX_NAME:
            raise ValueError(f"The name of a board is not a string of 1 to {MAX_NAME} characters.")
        if board.get("privacy", "PUBLIC") not in boards.PRIVACIES:
            raise ValueError(f"privacy is none of {', '.join(boards.PRIVACIES)}.")
        if not isinstance(board.get("is_listed", True), bool):
            raise ValueError("is_listed is not true or false.")
    return list(value)


_on = partial(by_method, lambda: refusal(405))


PLATFORM = Platform(
    name=NAME,
    label=LABEL,
    urlpatterns=[
        path("oauth/", _on(GET=login.authorize, POST=login.authorize)),
        path("v5/oauth/token", _on(POST=login.token)),
        path("v5/user_account", _on(GET=user_account)),
        path("v5/boards", _on(GET=boards.boards, POST=boards.create)),
        path("v5/boards/<str:board_id>", _on(GET=boards.board, DELETE=boards.delete)),
        path("v5/boards/<str:board_id>/pins", _on(GET=pins.pins)),
        path(
            "v5/boards/<str:board_id>/sections",
            _on(GET=boards.sections, POST=boards.add_section),
        ),
        path("v5/boards/<str:board_id>/sections/<str:section_id>/pins", _on(GET=pins.pins)),
        path("v5/pins", _on(GET=pins.pins, POST=pins.create)),
        path("v5/pins/<str:pin_id>", _on(GET=pins.pin, PATCH=pins.update, DELETE=pins.delete)),
        path("v5/trends/keywords/<str:region>/top/<str:trend_type>", _on(GET=trends.keywords)),
        path("v5/media", _on(GET=uploads.uploads, POST=uploads.register)),
        path("v5/media/<str:media_id>", _on(GET=uploads.upload)),
        # On Pinterest this is another host: S3.
        path(uploads.UPLOAD_PATH, by_method(uploads.refuse_method, POST=uploads.receive)),
        path("pin/<str:post_id>/", _on(GET=cards.post_page), {"platform": NAME}),
    ],
    refusal=refusal,
    rejection=rejection,
    add_headers=add_headers,
    text_of=pins.text_of,
    seed=seed,
    account_fields=("boards",),
    make_account=make_account,
    settings={
        # "hidden": Pins are created, and only their creator sees them.
        "pinterest_access": ("standard", ("standard", "trial", "hidden")),
        "pinterest_spam_block": ("off", ("off", "on")),
        # A failure of Pinterest's own, which it reports as a bad request.
        "pinterest_failure": ("none", ("none", "before_create", "after_create")),
        "pinterest_follows_redirects": ("no", ("no", "yes")),
        "pinterest_processing_seconds": (0.5, 86400.0),
    },
    plant=pins.plant,
)
