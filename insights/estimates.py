"""Stored week estimates: the console shows them, and priors of other estimates are made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

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
    """Store the estimate of the target's week; `effects` are those without a prior.

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


def prior_of(target: PostingTarget, zone: str) -> list[float] | None:
    """The mean effects of the user's other accounts; without any, of the platform's accounts.

    None if there are too few, or if `zone` is not the connection's own time zone: the mean only
    applies to the local time of the audience.
    """
    connection = target.connection
    if not connection.timezone or zone != connection.timezone:
        return None
    estimates = WeekEstimate.objects.filter(posts_used__gte=MIN_POSTS).order_by("-made_at")
    own = estimates.filter(connection__user_id=connection.user_id, timezone=zone)
    own = own.exclude(connection=connection, account=target.key)
    if effects := list(own.values_list("effects", flat=True)[:MIN_ACCOUNTS]):
        return mean_effects(effects)
    return _platform_mean(estimates.filter(platform=connection.platform))


def _platform_mean(estimates: QuerySet[WeekEstimate]) -> list[float] | None:
    effects = estimates.exclude(connection__timezone="").values_list("effects", flat=True)
    latest = list(effects[:MAX_ACCOUNTS])
    return mean_effects(latest) if len(latest) >= MIN_ACCOUNTS else None


def delete_estimates(connection: SocialConnection, actor: str) -> int:
    """Called when a connection is disconnected. Returns the number of cancelled jobs: 0."""
    WeekEstimate.objects.filter(connection=connection).delete()
    return 0
