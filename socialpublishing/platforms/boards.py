"""Boards: destinations that can be made through us and divided into sections, where there are any.

A second, small thing that a platform can do; its class derives from Boards beside Platform.
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
    """What a client can do with the boards of its account. Every call may raise PlatformApiError.

    Making something is not tried again: after a lost answer, a list tells whether it exists.
    """

    @abc.abstractmethod
    def create_board(self, board: NewBoard) -> DestinationFacts: ...

    @abc.abstractmethod
    def sections(self, board_id: str) -> list[Section]:
        """Read to the last page."""

    @abc.abstractmethod
    def create_section(self, board_id: str, name: str) -> Section: ...
