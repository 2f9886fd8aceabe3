"""Where the parts of a response come from, and how old they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a part of a response comes from.

    A `code` means that the source provided nothing; `meaning` then gives the reason.
    """

    name: str
    meaning: str
    read_at: dt.datetime | None = None
    is_stale: bool = False
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class InsightResponse:
    """A response is as old as the oldest of its sources, and stale if one of them is."""

    sources: tuple[Source, ...]

    @property
    def generated_at(self) -> dt.datetime | None:
        return oldest_read_at(self.sources)

    @property
    def stale(self) -> bool:
        return any(source.is_stale for source in self.sources)


def oldest_read_at(sources: Iterable[Source]) -> dt.datetime | None:
    return min((source.read_at for source in sources if source.read_at), default=None)
