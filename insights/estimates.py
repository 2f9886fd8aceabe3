"""Stored week estimates: the console shows them, and a platform's mean is made from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from connections.models import SocialConnection
from connections.targets import PostingTarget
from insights.evidence import Evidence
from insights.models import WeekEstimate
from insights.week_estimator import Estimate, mean_effects
from socialpublishing.platforms.metrics import PastPost

MIN_POSTS = 10  # an estimate from fewer posts is not used
# How many accounts a platform's mean is made from. With so many, it reveals none of them.
MIN_ACCOUNTS, MAX_ACCOUNTS = 20, 200


def store_estimate(
    target: PostingTarget,
    evidence: Evidence,
    estimate: Estimate,
    *,
    zone: str,
    effects: Sequence[float],
    made_at: dt.datetime,
) -> None:
    """Store the estimate of the target's week; `effects` are those without the platform's mean.

    Estimates in another time zone than the connection's own are not comparable and not stored.
    """
    own_zone = target.connection.timezone
    if own_zone and zone != own_zone:
        return
    WeekEstimate.objects.update_or_create(
        connection=target.connection,
        account=target.key,
        defaults={
            "account_name": target.name,
            "platform": target.connection.platform,
            "timezone": zone,
            "made_at": made_at,
            "sources": [source.name for source in evidence.sources if not source.code],
            "confidence": estimate.confidence.value,
            "lift": estimate.lift,
            "posts_used": estimate.posts_used,
            "missing_posts": estimate.missing_posts,
            "slots": [vars(slot) for slot in estimate.slots],
            "surface": estimate.surface,
            "effects": effects,
            "posts": [_numbers_of(post) for post, _ in evidence.posts],
        },
    )


def _numbers_of(post: PastPost) -> dict[str, Any]:
    return {
        "published_at": post.published_at.isoformat(),
        "kind": post.kind,
        "engagement": post.metrics.engagement,
        "audience": post.metrics.audience,
    }


def platform_mean(connection: SocialConnection, zone: str) -> list[float] | None:
    """The mean effects of the accounts of the connection's platform, by their own clocks.

    None if there are too few accounts, or if `zone` is not the connection's own time zone: the mean
    only applies to the local time of the audience.
    """
    if not connection.timezone or zone != connection.timezone:
        return None
    estimates = WeekEstimate.objects.filter(platform=connection.platform, posts_used__gte=MIN_POSTS)
    effects = estimates.exclude(connection__timezone="").values_list("effects", flat=True)
    latest = list(effects.order_by("-made_at")[:MAX_ACCOUNTS])
    return mean_effects(latest) if len(latest) >= MIN_ACCOUNTS else None


def delete_estimates(connection: SocialConnection, actor: str) -> int:
    """Called when a connection is disconnected. Returns the number of cancelled jobs: 0."""
    WeekEstimate.objects.filter(connection=connection).delete()
    return 0
