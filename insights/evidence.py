"""What an account's posts brought: from its platform's history, and from our own readings.

Both are the account's own. What is remembered of a platform stands under the user and the
connection that it was read for, and nobody else's answer is made from it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from connections.models import SocialConnection
from connections.targets import PostingTarget, target_from_id
from connections.tokens import client_of
from insights.cache import cached, key_of
from insights.engagement import Sample
from insights.models import MetricSnapshot
from publishing.models import PublishJob, Status
from socialpublishing.errors import InsufficientPermissionsError
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
)

HISTORY = dt.timedelta(days=540)  # older posts say little of today's audience
MAX_POSTS = 500


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a part of an answer comes from. With a `code`, it brought nothing, and why."""

    name: str
    meaning: str
    read_at: dt.datetime | None = None
    is_stale: bool = False
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The posts of one account and what they brought, newest first."""

    posts: tuple[tuple[PastPost, dt.timedelta], ...]  # with the age at which it was read
    sources: tuple[Source, ...]

    @property
    def as_of(self) -> dt.datetime | None:
        """When the newest of it was read: what is made of the same evidence stays the same."""
        return max((post.published_at + age for post, age in self.posts), default=None)

    @property
    def samples(self) -> list[Sample]:
        return [sample_of(post, age) for post, age in self.posts]


def sample_of(post: PastPost, age: dt.timedelta) -> Sample:
    return Sample(
        published_at=post.published_at,
        engagement=post.metrics.engagement,
        reach=post.metrics.audience,
        kind=post.kind,
        age=age,
    )


def metrics_reader_type(target: PostingTarget) -> type[MetricsReader[Any]] | None:
    return target.connection.platform_type.metrics_reader


def metrics_reader_of(target: PostingTarget) -> MetricsReader[Any]:
    """Raises MetricsNotAvailableError where there is none, and what `client_of` raises."""
    reader = metrics_reader_type(target)
    if reader is None:
        raise MetricsNotAvailableError
    if reader.reads_are_billed and not settings.INSIGHTS_MAX_BILLED_READS:
        raise MetricsNotAvailableError(
            "The platform charges for reading posts, and this service is set to read none."
        )
    return reader(client_of(target.connection, target.destination))


def cache_parts(target: PostingTarget) -> list[str]:
    """The parts of a cache key: one user's connection, never another's."""
    return [target.connection.user_id, str(target.connection.pk), target.key]


def audience_of(connection: SocialConnection, destination_id: Any = None) -> PostingTarget:
    """The account or destination whose audience is asked about. Never a guess.

    Raises DestinationNotFoundError and AudienceRequiredError.
    """
    reader = connection.platform_type.metrics_reader
    if destination_id is None and reader is not None and not reader.by_destination:
        return PostingTarget(connection=connection)
    return target_from_id(connection, destination_id)


def evidence_of(target: PostingTarget, *, now: dt.datetime) -> Evidence:
    """All that is known of the account's posts. Raises a PlatformApiError if the platform fails
    and nothing is remembered."""
    data, source = _history(target, now)
    ours = _snapshots(target, now)
    known = {post.id for post, _ in data}
    own = [(post, age) for post, age in ours if post.id not in known]
    sources = [source]
    if own:
        meaning = "Posts that were published here, as their numbers were read since."
        sources.append(Source(name="published_here", meaning=meaning))
    posts = sorted([*data, *own], key=lambda each: each[0].published_at, reverse=True)
    return Evidence(posts=tuple(posts), sources=tuple(sources))


def _history(
    target: PostingTarget, now: dt.datetime
) -> tuple[list[tuple[PastPost, dt.timedelta]], Source]:
    def make() -> dict[str, Any]:
        try:
            metrics_reader = metrics_reader_of(target)
            limit = MAX_POSTS
            if metrics_reader.reads_are_billed:
                limit = min(limit, settings.INSIGHTS_MAX_BILLED_READS)
            posts = metrics_reader.history(since=now - HISTORY, limit=limit)
        except (MetricsNotAvailableError, InsufficientPermissionsError) as error:
            # As good an answer as any: it will be the same a minute later.
            return {"posts": [], "code": error.code, "why": str(error)}
        return {"posts": [_as_data(post) for post in posts], "code": "", "why": ""}

    response = cached(f"history:{key_of(cache_parts(target))}", make)
    data = [_from_data(post) for post in response.value["posts"]]
    source = Source(
        name="account_history",
        meaning=response.value["why"] or "What the platform tells of the account's own posts.",
        read_at=response.made_at,
        is_stale=response.is_stale,
        code=response.value["code"],
    )
    return [(post, response.made_at - post.published_at) for post in data], source


def _snapshots(target: PostingTarget, now: dt.datetime) -> list[tuple[PastPost, dt.timedelta]]:
    """The newest reading of each post that this user published to the account through us."""
    newest = MetricSnapshot.objects.filter(job=OuterRef("pk")).order_by("-read_at").values("pk")[:1]
    jobs = PublishJob.objects.filter(
        user_id=target.connection.user_id,
        connection=target.connection,
        status=Status.PUBLISHED,
        published_at__gte=now - HISTORY,
    )
    reader = metrics_reader_type(target)
    if reader is None or reader.by_destination:
        jobs = jobs.filter(account=target.key)
    read = jobs.annotate(newest=Subquery(newest)).filter(newest__isnull=False)
    ids = list(read.order_by("-published_at").values_list("newest", flat=True)[:MAX_POSTS])
    posts = []
    for reading in MetricSnapshot.objects.filter(pk__in=ids).select_related("job"):
        job = reading.job
        assert job.published_at is not None
        post = PastPost(
            id=job.remote_id,
            published_at=job.published_at,
            text=job.text,
            kind=kind_of(job),
            metrics=reading.metrics,
        )
        posts.append((post, reading.read_at - job.published_at))
    return posts


def kind_of(job: PublishJob) -> str:
    """In the words that histories use."""
    post = job.post
    if len(post.media) > 1:
        return "carousel"
    return post.media[0].kind.value if post.media else "text"


def _as_data(post: PastPost) -> dict[str, Any]:
    return {
        **vars(post),
        "published_at": post.published_at.timestamp(),
        "metrics": dataclasses.asdict(post.metrics),
    }


def _from_data(data: dict[str, Any]) -> PastPost:
    published_at = dt.datetime.fromtimestamp(data["published_at"], tz=dt.UTC)
    return PastPost(**{**data, "published_at": published_at, "metrics": Metrics(**data["metrics"])})
