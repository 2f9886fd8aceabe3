"""Boards: destinations that users create through this service, and their sections."""

from __future__ import annotations

from connections.destinations import add_destination
from connections.models import Destination, SocialConnection
from connections.tokens import client_of
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms.boards import Boards, NewBoard, Section


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
    return add_destination(connection, _client(connection).create_board(board))


def sections(destination: Destination) -> list[Section]:
    return _client(destination.connection).sections(destination.external_id)


def create_section(destination: Destination, name: str) -> Section:
    return _client(destination.connection).create_section(destination.external_id, name)


def _client(connection: SocialConnection) -> Boards:
    platform = connection.platform_type
    if not issubclass(platform, Boards):
        raise BoardsNotSupportedError(platform.label)
    client = client_of(connection)
    assert isinstance(client, Boards)
    return client
