"""A model of an account's audience, from which the metrics of its posts are computed.

Tests know the model; analyses of the service must detect it. All values are derived from the
account's id, and the random part of a post's metrics from the post's id.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from socialpublishing.sandbox.state import Post

ZONES = (
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Europe/Berlin",
    "Europe/London",
)
TAGS = (
    "architecture",
    "behindthescenes",
    "breakfast",
    "coffee",
    "design",
    "diy",
    "garden",
    "handmade",
    "hiking",
    "homemade",
    "localfood",
    "makers",
    "minimal",
    "morning",
    "nature",
    "ocean",
    "photography",
    "recipe",
    "slowliving",
    "smallbusiness",
    "sourdough",
    "streetphotography",
    "sunrise",
    "travel",
    "weekend",
)
LIFTS = (2.0, 1.6, 1.3)

HOURS_OF_WEEK = 7 * 24
GROWTH_S = 12 * 3600  # after this time a post has 63 % of its final reach
PEAK_REACH, PEAK_ENGAGEMENT = 2.0, 1.0  # what the top of a peak adds to the usual 1.0
PEAK_WIDTH_H = 1.5
NIGHT, NIGHT_REACH = range(1, 6), 0.5
REACH_SPREAD, ENGAGEMENT_SPREAD = 0.5, 0.25  # standard deviations of their logarithms
VIRAL_CHANCE = 0.02

# How interactions divide into kinds.
SHARES = {"likes": 0.70, "comments": 0.08, "shares": 0.07, "saves": 0.07, "clicks": 0.08}
METRICS = ("impressions", "reach", *SHARES, "views")

_TAG = re.compile(r"#(\w+)")


@dataclass(frozen=True, kw_only=True)
class Audience:
    """`peaks` are (weekday, hour) in its time zone, Monday 0; a peak is in the middle of its hour.

    `impressions` is the final number for a post at a usual hour, `engagement` the share of them
    with an interaction. `lifts` are factors on `engagement`, by hashtag in lower case without #;
    of several hashtags in a text the largest factor applies.
    """

    zone: str
    peaks: tuple[tuple[int, int], ...]
    impressions: float
    engagement: float
    lifts: dict[str, float]

    def reach_factor(self, at: dt.datetime) -> float:
        local = at.astimezone(ZoneInfo(self.zone))
        usual = NIGHT_REACH if local.hour in NIGHT else 1.0
        return usual + PEAK_REACH * self._peak(local)

    def engagement_factor(self, at: dt.datetime, text: str) -> float:
        local = at.astimezone(ZoneInfo(self.zone))
        lifts = [self.lifts.get(tag.lower(), 1.0) for tag in _TAG.findall(text)]
        return (1.0 + PEAK_ENGAGEMENT * self._peak(local)) * max(lifts, default=1.0)

    def _peak(self, local: dt.datetime) -> float:
        """How near the nearest peak is: 1 in the middle of it, 0 far from any."""
        hour = local.weekday() * 24 + local.hour + local.minute / 60
        nearest = min(
            abs(
                (hour - (weekday * 24 + peak + 0.5) + HOURS_OF_WEEK / 2) % HOURS_OF_WEEK
                - HOURS_OF_WEEK / 2
            )
            for weekday, peak in self.peaks
        )
        return math.exp(-0.5 * (nearest / PEAK_WIDTH_H) ** 2)


def audience_of(account_id: str) -> Audience:
    rng = random.Random(f"audience of {account_id}")  # noqa: S311  (no secret)
    zone = rng.choice(ZONES)
    weekdays = rng.sample(range(7), 2)
    return Audience(
        zone=zone,
        peaks=tuple((weekday, rng.randint(7, 21)) for weekday in weekdays),
        impressions=round(rng.uniform(500, 5000)),
        engagement=round(rng.uniform(0.02, 0.06), 3),
        lifts=dict(zip(rng.sample(TAGS, len(LIFTS)), LIFTS, strict=True)),
    )


def metrics_of(post: Post, now: float) -> dict[str, int]:
    """Each of METRICS at the post's age `now`. If the post has fixed metrics: those, the rest 0."""
    if post.metrics is not None:
        return dict.fromkeys(METRICS, 0) | post.metrics
    audience = audience_of(post.account.id)
    at = dt.datetime.fromtimestamp(post.created_at, dt.UTC)
    rng = random.Random(f"luck of {post.platform} {post.id}")  # noqa: S311
    viral = rng.uniform(4, 20) if rng.random() < VIRAL_CHANCE else 1.0
    random_reach = math.exp(rng.gauss(0, REACH_SPREAD)) * viral
    random_engagement = math.exp(rng.gauss(0, ENGAGEMENT_SPREAD))

    growth = -math.expm1(-max(now - post.created_at, 0.0) / GROWTH_S)
    impressions = audience.impressions * audience.reach_factor(at) * random_reach * growth
    rate = audience.engagement * audience.engagement_factor(at, post.text) * random_engagement
    interactions = impressions * min(rate, 0.9)
    has_video = any(media.kind == "video" for media in post.media)
    return {
        "impressions": int(impressions),
        "reach": int(impressions * 0.85),
        **{name: int(interactions * share) for name, share in SHARES.items()},
        "views": int(impressions * (1.2 if has_video else 1.0)),
    }
