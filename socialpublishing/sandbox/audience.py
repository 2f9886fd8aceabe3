"""Who sees a post, and what they do with it: a rhythm that tests can know and analyses must find.

Everything follows from an account's id, and a post's own luck from the post's.
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
GROWTH_S = 12 * 3600  # after which 63 % of a post's people have seen it
PEAK_REACH, PEAK_ENGAGEMENT = 2.0, 1.0  # what the top of a peak adds to the usual 1.0
PEAK_WIDTH_H = 1.5
NIGHT, NIGHT_REACH = range(1, 6), 0.5
LUCK_OF_REACH, LUCK_OF_ENGAGEMENT = 0.5, 0.25  # standard deviations of their logarithms
VIRAL_CHANCE = 0.02

# How those who did anything are spread over what they did.
SHARES = {"likes": 0.70, "comments": 0.08, "shares": 0.07, "saves": 0.07, "clicks": 0.08}
METRICS = ("impressions", "reach", *SHARES, "views")

_TAG = re.compile(r"#(\w+)")


@dataclass(frozen=True, kw_only=True)
class Audience:
    """`peaks` are (weekday, hour) in its time zone, Monday 0; a peak is in the middle of its hour.

    `impressions` is what a post at a usual hour reaches in the end, `engagement` the part of them
    that does something. `lifts` are factors on that part, by hashtag without # in lower case; of
    several in one text the largest counts.
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
        """How near a peak is: 1 in it, 0 far from any."""
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
    luck = random.Random(f"audience of {account_id}")  # noqa: S311  (no secret)
    zone = luck.choice(ZONES)
    weekdays = luck.sample(range(7), 2)
    return Audience(
        zone=zone,
        peaks=tuple((weekday, luck.randint(7, 21)) for weekday in weekdays),
        impressions=round(luck.uniform(500, 5000)),
        engagement=round(luck.uniform(0.02, 0.06), 3),
        lifts=dict(zip(luck.sample(TAGS, len(LIFTS)), LIFTS, strict=True)),
    )


def metrics_of(post: Post, now: float) -> dict[str, int]:
    """Each of METRICS, grown with the post's age; fixed ones as they are, the rest of them 0."""
    if post.metrics is not None:
        return dict.fromkeys(METRICS, 0) | post.metrics
    audience = audience_of(post.account.id)
    at = dt.datetime.fromtimestamp(post.created_at, dt.UTC)
    luck = random.Random(f"luck of {post.platform} {post.id}")  # noqa: S311
    viral = luck.uniform(4, 20) if luck.random() < VIRAL_CHANCE else 1.0
    reach_luck = math.exp(luck.gauss(0, LUCK_OF_REACH)) * viral
    engagement_luck = math.exp(luck.gauss(0, LUCK_OF_ENGAGEMENT))

    growth = -math.expm1(-max(now - post.created_at, 0.0) / GROWTH_S)
    impressions = audience.impressions * audience.reach_factor(at) * reach_luck * growth
    rate = audience.engagement * audience.engagement_factor(at, post.text) * engagement_luck
    engaged = impressions * min(rate, 0.9)
    is_film = any(media.kind == "video" for media in post.media)
    return {
        "impressions": int(impressions),
        "reach": int(impressions * 0.85),
        **{name: int(engaged * share) for name, share in SHARES.items()},
        "views": int(impressions * (1.2 if is_film else 1.0)),
    }
