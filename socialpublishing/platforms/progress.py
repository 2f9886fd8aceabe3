"""How far a post has come at its platform: the values that one step hands to the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from socialpublishing.errors import MalformedResponseError, UploadLostError
from socialpublishing.posts import PostWarning

MAX_REMOTE_ID = 200
MAX_POST_URL = 500
# Between polls of an upload that a platform has processed for long.
LONGEST_POLL_S = 30.0


class Stage(StrEnum):
    """How far a post has come at its platform."""

    PREPARING = "preparing"  # uploads and drafts: at worst they are left unused
    READY = "ready"  # only the publish request is left
    CONFIRMING = "confirming"  # the platform accepted the publish request and is processing it
    PUBLISHED = "published"
    # The platform accepted the publish request and reported later that nothing became public:
    REFUSED = "refused"  # because of the content
    LOST = "lost"  # for other reasons; publishing can start again
    # It keeps the post where the public does not see it, and will not report more: a person has to
    # look. A repeat would create a second one.
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a post has come. Only the platform's package reads `handle`: JSON, no tokens.

    `poll_after`: the pause before the next step. `note` is a sentence for the owner. `posted`: the
    ids of the public parts of a post that takes several publish requests. They remain when the
    upload is restarted.
    """

    stage: Stage = Stage.PREPARING
    handle: Mapping[str, Any] = field(default_factory=dict)
    posted: tuple[str, ...] = ()
    poll_after: dt.timedelta | None = None
    remote_id: str = ""
    post_url: str = ""
    note: str = ""
    # Published; the platform names the id of the post later, and `confirm` reads it.
    awaits_id: bool = False
    # For how many seconds the platform has processed what was uploaded.
    processed_s: float = 0
    # LOST because of the account: its owner has to act at the platform first.
    needs_owner: bool = False
    # What the author should know, such as an alt text that the platform refused.
    warnings: tuple[PostWarning, ...] = ()

    def preparing(
        self, *, poll_after: dt.timedelta | None = None, note: str = "", **handle: Any
    ) -> Progress:
        return replace(self, handle={**self.handle, **handle}, poll_after=poll_after, note=note)

    def processing(
        self, label: str, *, poll_after: dt.timedelta, longest: dt.timedelta, note: str
    ) -> Progress:
        """The platform processes what was uploaded, and reports no progress.

        Raises UploadLostError after waits of `longest` in all.
        """
        if self.processed_s >= longest.total_seconds():
            minutes = longest // dt.timedelta(minutes=1)
            raise UploadLostError(
                f"{label} has not processed the upload for {minutes} minutes; it is uploaded again."
            )
        pause_s = max(poll_after.total_seconds(), min(self.processed_s / 10, LONGEST_POLL_S))
        waiting = self.preparing(poll_after=dt.timedelta(seconds=pause_s), note=note)
        return replace(waiting, processed_s=self.processed_s + pause_s)

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

    def warned(self, code: str, message: str) -> Progress:
        return replace(self, warnings=(*self.warnings, PostWarning(code=code, message=message)))

    def with_part(self, part_id: Any, *, post_url: Any = "") -> Progress:
        """One more part is public. Raises MalformedResponseError for an unusable id."""
        return replace(
            self, posted=(*self.posted, read_id(part_id)), post_url=web_address(post_url)
        )

    def refused(self, note: str) -> Progress:
        return replace(self, stage=Stage.REFUSED, note=note, poll_after=None)

    def lost(
        self, note: str, *, poll_after: dt.timedelta | None = None, needs_owner: bool = False
    ) -> Progress:
        return replace(
            self, stage=Stage.LOST, note=note, poll_after=poll_after, needs_owner=needs_owner
        )

    def undecided(self, note: str) -> Progress:
        return replace(self, stage=Stage.UNDECIDED, note=note, poll_after=None)

    def published(self, *, remote_id: Any, post_url: Any = "", awaits_id: bool = False) -> Progress:
        """The post is published. Raises MalformedResponseError for an unusable id."""
        return replace(
            self,
            stage=Stage.PUBLISHED,
            remote_id=read_id(remote_id),
            post_url=web_address(post_url),
            awaits_id=awaits_id,
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
    """How far the result of a lookup can be trusted.

    If `is_complete`, a post that no lookup finds `settle` after the publish request does not exist.
    `repeat_within`: for so long after the publish request, the platform itself refuses a duplicate.
    After that, a retry could post twice.
    """

    settle: dt.timedelta = dt.timedelta(seconds=90)
    is_complete: bool = True
    repeat_within: dt.timedelta | None = None


def read_id(value: Any) -> str:
    """An id in a platform's response. Raises MalformedResponseError for an unusable one."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_REMOTE_ID:
        raise MalformedResponseError("The platform returned no usable id.")
    return value


def web_address(value: Any) -> str:
    """An address that a person can open; empty if `value` is none."""
    is_one = isinstance(value, str) and value.startswith(("https://", "http://"))
    return value if is_one and len(value) <= MAX_POST_URL else ""
