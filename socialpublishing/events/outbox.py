"""Stores events, in the transaction of what they report."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from socialpublishing.events.models import Event, EventType
from socialpublishing.json_rows import insert

# Those that have no user.
OF_EVERYBODY = frozenset({EventType.PLATFORM_PAUSED, EventType.PLATFORM_RESUMED})


@dataclass(frozen=True, kw_only=True)
class News:
    """An event to be stored. `data` is JSON-serializable: what the API returns for the object."""

    type: EventType
    user_id: str = ""
    platform: str = ""
    connection_id: uuid.UUID | None = None
    sequence: int
    data: Mapping[str, Any]


def record(news: Iterable[News], *, at: dt.datetime) -> None:
    """Store `news`. Called inside the transaction that stores what happened."""
    if not connection.in_atomic_block:
        raise RuntimeError("An event is stored in the transaction of what it reports.")
    insert(Event, rows_of(news, at=at))


def rows_of(news: Iterable[News], *, at: dt.datetime) -> list[dict[str, Any]]:
    """The rows of `news`, to be stored together with what happened."""
    # The user of a job may have left: its event is nobody's, not everybody's.
    concerning = [each for each in news if each.user_id or each.type in OF_EVERYBODY]
    return [{"public_id": uuid.uuid4(), "at": at, **vars(each)} for each in concerning]
