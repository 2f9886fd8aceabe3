"""Boards: destinations that can be created through us and divided into sections.

A platform that has them derives its client from `Boards` as well as from `Platform`.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from enum import StrEnum

from socialpublishing.platforms.accounts import DestinationFacts
from socialpublishing.platforms.responses import ReadsResponses


class Privacy(StrEnum):
    PUBLIC = "public"
    PROTECTED = "protected"
    SECRET = "secret"


@dataclass(frozen=True, kw_only=True)
class NewBoard:
    name: str
    description: str = ""
    privacy: Privacy = Privacy.PUBLIC


@dataclass(frozen=True, kw_only=True)
class Section:
    """`id` is the platform's, as options of a post name it."""

    id: str
    name: str


class Boards(ReadsResponses, abc.ABC):
    """What a client can do with the boards of its account. Every method may raise PlatformApiError.

    Creating something is not retried: after a lost response, only a list shows whether it exists.
    """

    @abc.abstractmethod
    def create_board(self, board: NewBoard) -> DestinationFacts: ...

    @abc.abstractmethod
    def sections(self, board_id: str) -> list[Section]:
        """Read to the last page."""

    @abc.abstractmethod
    def create_section(self, board_id: str, name: str) -> Section: ...
