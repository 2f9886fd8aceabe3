"""The posts of an account and their metrics: from the platform's history and from our snapshots.

Both belong to the account. A cached history is stored under the user and connection that it was
read for, and is used for no other user or connection.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from connections.targets import PostingTarget
from insights.audience import cache_parts, metrics_reader_type, with_metrics_reader
from insights.cache import cache_key, cached
from insights.engagement import Sample
from insights.models import MetricSnapshot
from insights.sources import Source
from publishing.models import PublishJob, Status
from socialpublishing.errors import InsufficientPermissionsError
from socialpublishing.platforms.metrics import (
    Metrics,
    MetricsNotAvailableError,
    MetricsReader,
    PastPost,
)

HISTORY = dt.timedelta(days=540)  # older posts are weak evidence about today's audience
MAX_POSTS = 500

# A post and its age when its metrics were read.
MeasuredPost = tuple[PastPost, dt.timedelta]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The posts of one account with their metrics, newest first."""

    posts: tuple[MeasuredPost, ...]
    sources: tuple[Source, ...]

    @property
    def as_of(self) -> dt.datetime | None:
        """When the newest metrics were read. Estimates use it as the current time, so that the same
        evidence gives the same estimate."""
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


def evidence_of(target: PostingTarget, *, now: dt.datetime) -> Evidence:
    """All posts of the account with known metrics.

    Raises a PlatformApiError if the platform fails and no history is cached.
    """
    history, source = _history(target, now)
    known = {post.id for post, _ in history}
    own = [(post, age) for post, age in _latest_snapshots(target, now) if post.id not in known]
    sources = [source]
    if own:
        meaning = "Posts that were published through this service, with their latest metrics."
        sources.append(Source(name="published_here", meaning=meaning))
    posts = sorted([*history, *own], key=lambda each: each[0].published_at, reverse=True)
    return Evidence(posts=tuple(posts), sources=tuple(sources))


# --- The platform's history ----------------------------------------------------------------------


def _history(target: PostingTarget, now: dt.datetime) -> tuple[list[MeasuredPost], Source]:
    def make() -> dict[str, Any]:
        try:
            posts = _read_history(target, now)
        except (MetricsNotAvailableError, InsufficientPermissionsError) as error:
            # Cached like a history: another request would fail in the same way.
            return {"posts": [], "code": error.code, "reason": str(error)}
        return {"posts": [_to_json(post) for post in posts], "code": "", "reason": ""}

    response = cached(f"account-history:{cache_key(cache_parts(target))}", make)
    data = response.value
    source = Source(
        name="account_history",
        meaning=data["reason"] or "The account's own posts, as the platform reports them.",
        read_at=response.made_at,
        is_stale=response.is_stale,
        code=data["code"],
    )
    posts = [_from_json(post) for post in data["posts"]]
    return [(post, response.made_at - post.published_at) for post in posts], source


def _read_history(target: PostingTarget, now: dt.datetime) -> list[PastPost]:
    def read(reader: MetricsReader[Any]) -> list[PastPost]:
        limit = MAX_POSTS
        if reader.reads_are_billed:
            limit = min(limit, settings.INSIGHTS_MAX_BILLED_READS)
        return reader.history(since=now - HISTORY, limit=limit)

    return with_metrics_reader(target, read)


def _to_json(post: PastPost) -> dict[str, Any]:
    return {
        **vars(post),
        "published_at": post.published_at.timestamp(),
        "metrics": dataclasses.asdict(post.metrics),
    }


def _from_json(data: dict[str, Any]) -> PastPost:
    published_at = dt.datetime.fromtimestamp(data["published_at"], tz=dt.UTC)
    return PastPost(**{**data, "published_at": published_at, "metrics": Metrics(**data["metrics"])})


# --- Our metric snapshots ------------------------------------------------------------------------


def _latest_snapshots(target: PostingTarget, now: dt.datetime) -> list[MeasuredPost]:
    """The latest snapshot of each post that this user published to the account through us."""
    latest = MetricSnapshot.objects.filter(job=OuterRef("pk")).order_by("-read_at").values("pk")[:1]
    jobs = PublishJob.objects.filter(
        user_id=target.connection.user_id,
        connection=target.connection,
        status=Status.PUBLISHED,
        published_at__gte=now - HISTORY,
        content_erased_at__isnull=True,  # the kind of others is not known any more
    )
    reader = metrics_reader_type(target)
    if reader is None or reader.by_destination:
        jobs = jobs.filter(account=target.key)
    read = jobs.annotate(latest=Subquery(latest)).filter(latest__isnull=False)
    ids = list(read.order_by("-published_at").values_list("latest", flat=True)[:MAX_POSTS])
    snapshots = MetricSnapshot.objects.filter(pk__in=ids).select_related("job")
    return [_measured(snapshot) for snapshot in snapshots]


def _measured(snapshot: MetricSnapshot) -> MeasuredPost:
    job = snapshot.job
    assert job.published_at is not None
    post = PastPost(
        id=job.remote_id,
        published_at=job.published_at,
        text=job.text,
        kind=_kind_of(job),
        metrics=snapshot.metrics,
    )
    return post, snapshot.read_at - job.published_at


def _kind_of(job: PublishJob) -> str:
    """The kind in the words of the platforms' histories."""
    post = job.post
    if len(post.media) > 1:
        return "carousel"
    return post.media[0].kind.value if post.media else "text"
