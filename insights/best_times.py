"""The best times to post for a connection."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from connections.models import SocialConnection
from connections.targets import PostingTarget
from insights.audience import audience_ids, audience_of, cache_parts
from insights.cache import cache_key, cached
from insights.confidence import Confidence
from insights.errors import InsightsNotAvailableError
from insights.estimates import MIN_POSTS, prior_of, store_estimate
from insights.evidence import Evidence, evidence_of
from insights.sources import InsightResponse
from insights.week_estimator import Basis, Estimate, Slot, estimate_week
from socialpublishing.clock import database_now


@dataclass(frozen=True, kw_only=True)
class BestTimes(InsightResponse):
    """`suggested_times` in `timezone`, best first; `insights.week_estimator` defines the rest."""

    platform: str
    connection_id: uuid.UUID
    timezone: str
    basis: Basis
    suggested_times: tuple[Slot, ...]
    confidence: Confidence
    posts_used: int
    missing_posts: int
    lift: float


def best_times(
    connection: SocialConnection,
    *,
    zone_name: str = "",
    destination_id: uuid.UUID | None = None,
    basis: Basis = Basis.ENGAGEMENT,
) -> BestTimes:
    """The week's best hours for an audience of `connection`, in `zone_name` or its own time zone.

    Raises InsightsNotAvailableError with the number of missing posts, and PlatformApiError.
    """
    target = audience_of(connection, destination_id)
    evidence = evidence_of(target, now=database_now())
    zone = zone_name or connection.timezone or "UTC"
    estimate = _estimate(target, evidence, zone, basis)
    if estimate.posts_used < MIN_POSTS:
        raise InsightsNotAvailableError(_too_few_posts(estimate, evidence, basis))
    return BestTimes(
        platform=connection.platform,
        connection_id=connection.pk,
        timezone=zone,
        basis=basis,
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


def _estimate(target: PostingTarget, evidence: Evidence, zone: str, basis: Basis) -> Estimate:
    """The estimate, cached because it takes time, and that of engagement stored for the console."""
    now = evidence.as_of or database_now()
    is_stored = basis == Basis.ENGAGEMENT
    prior = prior_of(target, zone) if is_stored else None

    def make() -> dict[str, Any]:
        estimated = partial(
            estimate_week, evidence.samples, zone=ZoneInfo(zone), now=now, basis=basis
        )
        without_prior = estimated()
        estimate = estimated(prior=prior) if prior is not None else without_prior
        if without_prior.posts_used and is_stored:
            effects = without_prior.effects
            store_estimate(target, evidence, estimate, zone=zone, effects=effects, made_at=now)
        return dataclasses.asdict(estimate)

    numbers = [
        (post.id, post.metrics.engagement, post.metrics.audience) for post, _ in evidence.posts
    ]
    key = cache_key(cache_parts(target), zone, basis, numbers)
    return _from_json(cached(f"week:{key}", make).value)


def _from_json(data: dict[str, Any]) -> Estimate:
    return Estimate(
        **{
            **data,
            "slots": tuple(Slot(**slot) for slot in data["slots"]),
            "confidence": Confidence(data["confidence"]),
        }
    )


def _too_few_posts(estimate: Estimate, evidence: Evidence, basis: Basis) -> str:
    used = estimate.posts_used
    if basis == Basis.REACH and evidence.posts and not used:
        return "The reach of this account's posts is not known; ask for the basis engagement."
    found = f"Only {used} posts" if used else "No posts"
    known = "with known reach " if basis == Basis.REACH else ""
    first = MIN_POSTS - used
    sentences = [
        f"{found} of this account {known}can be read so far. A first estimate needs {first} more, "
        f"and a reliable one about {max(estimate.missing_posts, first)} more."
    ]
    sentences += [source.meaning for source in evidence.sources if source.code]
    return " ".join(sentences)
