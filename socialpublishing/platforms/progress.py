"""Where a post stands at its platform: the values that the steps of publishing hand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from socialpublishing.errors import MalformedResponseError

MAX_REMOTE_ID = 200
MAX_POST_URL = 500


class Stage(StrEnum):
    """How far a post has come at its platform."""

    PREPARING = "preparing"  # uploads and drafts: litter at worst
    READY = "ready"  # only the one call is left that makes it public
    CONFIRMING = "confirming"  # that call was taken; the platform is at work
    PUBLISHED = "published"
    # The platform took the call, and said later that nothing became public:
    REFUSED = "refused"  # for what the post holds
    LOST = "lost"  # for reasons of its own; worth beginning anew


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a post stands. `handle` is the platform module's own business: JSON, no tokens.

    `poll_after` asks to be called again only after that long; `note` is a sentence for the owner.
    `posted` are the ids of its parts that are public, of a post that goes out in several calls:
    they outlive whatever has to begin anew.
    """

    stage: Stage = Stage.PREPARING
    handle: Mapping[str, Any] = field(default_factory=dict)
    posted: tuple[str, ...] = ()
    poll_after: dt.timedelta | None = None
    remote_id: str = ""
    post_url: str = ""
    note: str = ""

    def preparing(
        self, *, poll_after: dt.timedelta | None = None, note: str = "", **handle: Any
    ) -> Progress:
        return replace(self, handle={**self.handle, **handle}, poll_after=poll_after, note=note)

    def ready(self, *, note: str = "", **handle: Any) -> Progress:
        return replace(
            self,
            stage=Stage.READY,
            handle={**self.handle, **handle},
            poll_after=None,
            note=note,
        )

    def confirming(self, *, poll_after: dt.timedelta, **handle: Any) -> Progress:
        return replace(
            self,
            stage=Stage.CONFIRMING,
            handle={**self.handle, **handle},
            poll_after=poll_after,
        )

    def with_part(self, part_id: Any, *, post_url: Any = "") -> Progress:
        """One part more is public. Raises MalformedResponseError for an id that is none."""
        return replace(
            self, posted=(*self.posted, read_id(part_id)), post_url=web_address(post_url)
        )

    def refused(self, note: str) -> Progress:
        return replace(self, stage=Stage.REFUSED, note=note, poll_after=None)

    def lost(self, note: str, *, poll_after: dt.timedelta | None = None) -> Progress:
        return replace(self, stage=Stage.LOST, note=note, poll_after=poll_after)

    def published(self, *, remote_id: Any, post_url: Any = "") -> Progress:
        """As a platform told it. Raises MalformedResponseError for an id that is none."""
        return replace(
            self,
            stage=Stage.PUBLISHED,
            remote_id=read_id(remote_id),
            post_url=web_address(post_url),
            poll_after=None,
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """A post that exists at the platform. Raises MalformedResponseError for an unusable id."""

    remote_id: str
    post_url: str = ""

    def __post_init__(self) -> None:
        read_id(self.remote_id)
        object.__setattr__(self, "post_url", web_address(self.post_url))


@dataclass(frozen=True, kw_only=True)
class LookupRules:
    """How far a look-up can be trusted.

    A post that is not seen `settle` after the publishing call does not exist, if `is_complete`.
    `repeat_within`: so long after the call a repeat is refused by the platform itself if the post
    exists after all; later, nobody knows.
    """

    settle: dt.timedelta = dt.timedelta(seconds=90)
    is_complete: bool = True
    repeat_within: dt.timedelta | None = None


def read_id(value: Any) -> str:
    """An id in a platform's response. Raises MalformedResponseError for an unusable one."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_REMOTE_ID:
        raise MalformedResponseError("The platform returned no usable id.")
    return value


def web_address(data: Any) -> str:
    """An address that a person can be given to click; empty if `told` is none."""
    is_one = isinstance(data, str) and data.startswith(("https://", "http://"))
    return data if is_one and len(data) <= MAX_POST_URL else ""
