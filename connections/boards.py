"""Boards: destinations that users create through this service, and their sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from connections.destinations import add_destination
from connections.models import Destination, SocialConnection
from connections.tokens import with_client
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms.boards import Boards, NewBoard, Section

ResultT = TypeVar("ResultT")


class BoardsNotSupportedError(SocialPublishingBaseError):
    code = "boards_not_supported"

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label} has no destinations that can be created here or divided into sections."
        )


def create_board(connection: SocialConnection, board: NewBoard) -> Destination:
    """Create a board at the platform, as a destination that posts can go to.

    Raises BoardsNotSupportedError where the platform has none. The request is not retried: after
    an unknown outcome, a refresh of the connection shows whether the board exists.
    """
    return add_destination(connection, _ask(connection, lambda boards: boards.create_board(board)))


def sections(destination: Destination) -> list[Section]:
    board_id = destination.external_id
    return _ask(destination.connection, lambda boards: boards.sections(board_id))


def create_section(destination: Destination, name: str) -> Section:
    board_id = destination.external_id
    return _ask(destination.connection, lambda boards: boards.create_section(board_id, name))


def _ask(connection: SocialConnection, ask: Callable[[Boards], ResultT]) -> ResultT:
    platform = connection.platform_type
    if not issubclass(platform, Boards):
        raise BoardsNotSupportedError(platform.label)
    return with_client(connection, lambda client: ask(cast("Boards", client)))
