"""What an account may choose for a post right now, as its platform reports it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One value of an option, and what to show for it."""

    value: Any
    label: str


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """How many more posts the platform accepts until a time, None: it reports no time."""

    count: int
    until: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PostingOptions:
    """`reason`: why the account cannot post now, if it cannot.

    `choices` are the values that an option may have. `disabled` are the switches that a form shows
    greyed out, because the account has settled them: their one value is in `choices`.
    """

    can_post: bool
    reason: str = ""
    display_name: str
    avatar_url: str = ""
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    max_duration_s: int | None = None
    remaining: Remaining | None = None
