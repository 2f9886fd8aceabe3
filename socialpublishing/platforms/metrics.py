"""The metrics of published posts, and the hashtags that people search for.

A platform's `MetricsReader` reads this for one account, through that platform's client. It changes
nothing.
"""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from socialpublishing.errors import MalformedResponseError, SocialPublishingBaseError
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.responses import ReadsResponses

PlatformT = TypeVar("PlatformT", bound=Platform)


class MetricsNotAvailableError(SocialPublishingBaseError):
    """The platform does not report this for this account. The message gives the reason."""

    code = "insights_not_available"
    sentence = "The platform does not report this for this account."


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The numbers of one post so far. None: the platform does not report it."""

    impressions: int | None = None  # times shown; a video's views where only they are counted
    reach: int | None = None  # accounts that saw it
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    saves: int | None = None
    clicks: int | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(count, int | float | None) for count in vars(self).values()):
            raise MalformedResponseError

    @property
    def engagement(self) -> int:
        """All interactions with the post, as far as the platform reports them."""
        done = (self.likes, self.comments, self.shares, self.saves, self.clicks)
        return sum(count or 0 for count in done)

    @property
    def audience(self) -> int | None:
        """How many saw it: accounts if they are reported, else times shown."""
        return self.reach if self.reach is not None else self.impressions


@dataclass(frozen=True, kw_only=True)
class PastPost:
    """A post that the account published, by us or not. `kind`: image, video, text, carousel, …"""

    id: str
    published_at: dt.datetime
    text: str = ""
    kind: str = ""
    metrics: Metrics

    def __post_init__(self) -> None:
        if not (isinstance(self.id, str) and isinstance(self.text, str)):
            raise MalformedResponseError


@dataclass(frozen=True, kw_only=True)
class TagQuery:
    """A query for hashtags.

    `max_reads`: the most posts that may be read, where reads cost. `timezone`: where the account's
    audience lives, an IANA name; empty if unknown.
    """

    keywords: tuple[str, ...]
    industry: str = ""
    limit: int = 10
    max_reads: int = 100
    timezone: str = ""


@dataclass(frozen=True, kw_only=True)
class TagIdea:
    """`score`, 0 to 1: how popular it is, relative to the others of the same response."""

    tag: str
    score: float


@dataclass(frozen=True, kw_only=True)
class TagIdeas:
    """What the platform itself suggests. `source` names its origin."""

    source: str
    meaning: str  # what the score means, in a sentence
    ideas: tuple[TagIdea, ...]


class MetricsReader(ReadsResponses, abc.ABC, Generic[PlatformT]):
    """Reads for one account.

    Every method may raise a PlatformApiError or MetricsNotAvailableError.
    """

    # Does `tag_ideas` return anything?
    has_tag_ideas: ClassVar[bool] = False
    # Does the platform charge for each post that is read?
    reads_are_billed: ClassVar[bool] = False
    # Does each destination have an audience of its own? (A Page does, a board does not.)
    by_destination: ClassVar[bool] = True
    # How many posts `metrics` reads at a time, so that results are stored now and then.
    posts_at_a_time: ClassVar[int] = 100

    def __init__(self, client: PlatformT) -> None:
        self.client = client
        self.name = client.name

    @abc.abstractmethod
    def history(self, *, since: dt.datetime, limit: int) -> list[PastPost]:
        """What the account published since then, newest first, with its current numbers.

        Of more than `limit` posts, the reader chooses which: the newest, unless reads are billed.
        """

    @abc.abstractmethod
    def metrics(self, remote_ids: Sequence[str]) -> Mapping[str, Metrics]:
        """The numbers of posts by their ids, without those that the platform does not find."""

    def tag_ideas(self, query: TagQuery) -> TagIdeas:
        """Hashtags that the platform itself suggests for `query`, best first."""
        raise MetricsNotAvailableError
