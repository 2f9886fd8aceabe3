"""What can follow a published post: a first comment by the same account, and taking the post down.

Both are done in the steps of publishing, which differ in what repeating them does (base.py). The
Post of a first comment has its text and, in `post_ids`, the post that it belongs to.
"""

from __future__ import annotations

import abc
import datetime as dt
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from socialpublishing.crypto import Secret
from socialpublishing.errors import PlatformRefusedError
from socialpublishing.limits import PostType
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.progress import Found, LookupRules, Progress
from socialpublishing.platforms.responses import ReadsResponses
from socialpublishing.posts import Media, Post

if TYPE_CHECKING:
    from socialpublishing.platforms.base import Platform

ClientT = TypeVar("ClientT", bound="Platform")
FIRST_COMMENT, TAKE_DOWN = "first_comment", "take_down"


class FollowUpSteps(ReadsResponses, abc.ABC, Generic[ClientT]):
    """The steps of one follow-up, taken through the client of an account."""

    def __init__(self, client: ClientT) -> None:
        self.client = client

    @property
    def limited_until(self) -> dt.datetime | None:
        return self.client.limited_until

    @classmethod
    def scopes(cls, *, at_destination: bool) -> frozenset[str]:
        """The scopes that it needs."""
        return frozenset()

    @classmethod
    def lookup_rules(cls, post: Post, *, at_destination: bool) -> LookupRules:
        return LookupRules()

    @classmethod
    @abc.abstractmethod
    def needs_preparation(cls, post: Post) -> bool: ...

    @classmethod
    def pulled_media(cls, post: Post) -> Sequence[Media]:
        return ()

    def renew(self, refresh_token: Secret | None) -> Renewal:
        return self.client.renew(refresh_token)

    def prepare(self, post: Post, progress: Progress) -> Progress:
        raise NotImplementedError

    def publish(self, post: Post, progress: Progress) -> Progress:
        raise NotImplementedError

    def confirm(self, post: Post, progress: Progress) -> Progress:
        raise NotImplementedError

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        raise NotImplementedError


class FirstComment(FollowUpSteps[ClientT]):
    """A comment or reply right after the post."""

    # What the platform accepts.
    text_limits: ClassVar[PostType]

    @classmethod
    def limits(cls, profile: Mapping[str, Any]) -> PostType:
        """What the platform accepts from an account with this profile."""
        return cls.text_limits

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return False

    def publish(self, post: Post, progress: Progress) -> Progress:
        """The one request that makes it public. Repeating it could comment twice."""
        return progress.published(remote_id=self.create(last_id_of(post), post.text))

    def lookup(
        self, post: Post, progress: Progress, *, since: dt.datetime, other_post_ids: Collection[str]
    ) -> Found | Progress | None:
        found = self.find(last_id_of(post), post.text, since)
        return Found(remote_id=found) if found else None

    @abc.abstractmethod
    def create(self, post_id: str, text: str) -> Any:
        """Comment. Returns the id of the comment."""

    @abc.abstractmethod
    def find(self, post_id: str, text: str, since: dt.datetime) -> str | None:
        """The id of a comment of this account with this text, made at or after `since`."""


class TakeDown(FollowUpSteps[ClientT]):
    """Deletes the post. Repeating a deletion changes nothing: all of it is preparation."""

    # Is the first comment a post of its own, which stays when the post is deleted?
    deletes_comment: ClassVar[bool] = False

    @classmethod
    def needs_preparation(cls, post: Post) -> bool:
        return True

    def prepare(self, post: Post, progress: Progress) -> Progress:
        """Delete the next post, the last of a thread first."""
        *left, last = progress.handle.get("left", post.options["post_ids"])
        self.delete(last)
        return progress.preparing(left=left) if left else progress.published(remote_id=last)

    @abc.abstractmethod
    def delete(self, post_id: str) -> None:
        """Delete the post. One that no longer exists is deleted."""


def last_id_of(post: Post) -> str:
    """The post that is commented on, of a thread the last one. Raises PlatformRefusedError."""
    ids = post.options["post_ids"]
    if not ids:
        raise PlatformRefusedError("The id of the post is not known.", nothing_was_created=True)
    last: str = ids[-1]
    return last


def is_same_text(shown: object, written: str) -> bool:
    return isinstance(shown, str) and _plain(shown) == _plain(written)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


# By the kind of follow-up.
FollowUps = Mapping[str, type[FollowUpSteps[Any]]]
