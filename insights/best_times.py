"""The best times to post for a connection."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connections.models import SocialConnection
from connections.targets import PostingTarget
from insights.audience import audience_ids, audience_of, cache_parts
from insights.cache import cache_key, cached
from insights.confidence import Confidence
from insights.errors import InsightsNotAvailableError
from insights.estimates import MIN_POSTS, platform_mean, store_estimate
from insights.evidence import Evidence, evidence_of
from insights.sources import InsightResponse
from insights.week_estimator import Estimate, Slot, estimate_week
from socialpublishing.clock import database_now


@dataclass(frozen=True, kw_only=True)
class BestTimes(InsightResponse):
    """`suggested_times` in `timezone`, best first; `insights.week_estimator` defines the rest."""

    platform: str
    connection_id: uuid.UUID
    timezone: str
    suggested_times: tuple[Slot, ...]
    confidence: Confidence
    posts_used: int
    missing_posts: int
    lift: float


def best_times(
    connection: SocialConnection, *, zone_name: str = "", destination_id: uuid.UUID | None = None
) -> BestTimes:
    """The week's best hours for an audience of `connection`, in `zone_name` or its own time zone.

    Raises InsightsNotAvailableError with the number of missing posts, and PlatformApiError.
    """
    target = audience_of(connection, destination_id)
    evidence = evidence_of(target, now=database_now())
    zone = zone_name or connection.timezone or "UTC"
    estimate = _estimate(target, evidence, zone)
    if estimate.posts_used < MIN_POSTS:
        raise InsightsNotAvailableError(_too_few_posts(estimate, evidence))
    return BestTimes(
        platform=connection.platform,
        connection_id=connection.pk,
        timezone=zone,
        suggested_times=estimate.slots,
        confidence=estimate.confidence,
        posts_used=estimate.posts_used,
        missing_posts=estimate.missing_posts,
        lift=estimate.lift,
        sources=evidence.sources,
    )


def refresh_estimates(connection: SocialConnection) -> None:
    """Estimate the week of each audience of the connection, for the console.

    Raises the first error that `best_times` raises.
    """
    for destination_id in audience_ids(connection):
        best_times(connection, destination_id=destination_id)


def _estimate(target: PostingTarget, evidence: Evidence, zone: str) -> Estimate:
    """The estimate, cached because it takes time, and stored for the console."""
    now = evidence.as_of or database_now()
    prior = platform_mean(target.connection, zone)

    def make() -> dict[str, Any]:
        samples = evidence.samples
        without_prior = estimate_week(samples, zone=ZoneInfo(zone), now=now)
        estimate = without_prior
        if prior is not None:
            estimate = estimate_week(samples, zone=ZoneInfo(zone), now=now, prior=prior)
        if without_prior.posts_used:
            effects = without_prior.effects
            store_estimate(target, evidence, estimate, zone=zone, effects=effects, made_at=now)
        return dataclasses.asdict(estimate)

    engagement = [(post.id, post.metrics.engagement) for post, _ in evidence.posts]
    return _from_json(
        cached(f"week:{cache_key(cache_parts(target), zone, engagement)}", make).value
    )


def _from_json(data: dict[str, Any]) -> Estimate:
    return Estimate(
        **{
            **data,
            "slots": tuple(Slot(**slot) for slot in data["slots"]),
            "confidence": Confidence(data["confidence"]),
        }
    )


def _too_few_posts(estimate: Estimate, evidence: Evidence) -> str:
    found = f"Only {estimate.posts_used} posts" if estimate.posts_used else "No posts"
    first = MIN_POSTS - estimate.posts_used
    sentences = [
        f"{found} of this account can be read so far. A first estimate needs {first} more, and a "
        f"reliable one about {max(estimate.missing_posts, first)} more."
    ]
    sentences += [source.meaning for source in evidence.sources if source.code]
    return " ".join(sentences)
