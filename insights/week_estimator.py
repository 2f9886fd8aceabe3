"""Estimates which hours of the week work for an account, from its own posts.

One estimator for all platforms. `insights.engagement` makes posts of different kind, reach and age
comparable, and removes the account's growth. `insights.week_model` fits a smooth model of the week
to the rest, shrunk towards the platform's mean and towards a flat week. How often an account posts
at an hour affects only how certain the estimate for that hour is, not how good it is.

The confidence is a statement about the first three slots:

- **high**: the model's probability that the week's best slot is among them is at least HIGH;
- **medium**: its probability that they have, on average, at least MEDIUM_LIFT times the engagement
  of an average hour is at least MEDIUM;
- **low**: neither.

docs/insights.md shows how often these statements are true, on accounts whose true engagement per
hour is known.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from insights.confidence import Confidence
from insights.engagement import Posts, Sample
from insights.week_model import WeekModel
from insights.week_terms import DAY_STARTS, HOURS, SLOTS

FIRST = 3  # slots that the confidence is about

# The model is cautious: where its probability is this high, the best slot is among the first three
# in more than nine cases of ten (docs/insights.md).
HIGH = 0.8
MEDIUM = 0.9
MEDIUM_LIFT = 1.1

# Posts of full weight, at noise of variance 1, with which half of the accounts whose hours differ
# reach "medium" or "high" (docs/insights.md).
ENOUGH = 170


@dataclass(frozen=True, kw_only=True)
class Slot:
    """An hour of the week, in the requested time zone.

    `score` is the engagement expected there, as a share of the best slot's: above 0, at most 1.
    `posts` is the number of posts published within an hour of it, on any day.
    """

    day_of_week: int  # 0 is Monday
    hour_of_day: int
    score: float
    posts: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The estimate of an account's week.

    `slots` are the best slots, best first. `surface` holds the scores and `effects` the logarithms
    of the lift over the week's average, of all 168 slots from Monday 0:00 on. `lift` is the mean
    engagement of the first three, as a multiple of an average hour. With a low
    confidence, `missing_posts` is about how many more posts are needed for medium or high; 0 means
    that there are enough posts, and that the hour has little effect. Else it is 0.
    """

    slots: tuple[Slot, ...]
    confidence: Confidence
    best_is_among_first: float  # the model's probability, which decides "high"
    lift: float
    posts_used: int
    missing_posts: int
    surface: tuple[float, ...]
    effects: tuple[float, ...]


def estimate_week(
    samples: Sequence[Sample],
    *,
    zone: ZoneInfo,
    now: dt.datetime,
    prior: Sequence[float] | None = None,
    top: int = FIRST,
) -> Estimate:
    """Estimate the week and its `top` hours by expected engagement.

    Hours are those that clocks in `zone` showed at the time, with or without daylight saving time.
    `prior` holds the mean `effects` of the platform (see `mean_effects`). Posts of the future and
    posts too young to judge are left out. Without any post the estimate is the prior.
    """
    posts = Posts(samples, now)
    places = [_place(sample.published_at.astimezone(zone)) for sample in posts.samples]
    week_model = WeekModel(posts, places, _to_places(prior or [0.0] * SLOTS))
    effects = week_model.effects
    ranked = sorted(range(SLOTS), key=lambda place: (-effects[place], place))
    first = ranked[:FIRST]
    probability = week_model.probability_of_best(first)
    confidence = _confidence(week_model, first, probability)
    scores = [math.exp(effect - effects[ranked[0]]) for effect in effects]
    mean = sum(map(math.exp, effects)) / SLOTS
    return Estimate(
        slots=tuple(_slot(place, scores[place], places) for place in ranked[:top]),
        confidence=confidence,
        best_is_among_first=probability,
        lift=sum(math.exp(effects[place]) for place in first) / FIRST / mean,
        posts_used=len(posts),
        missing_posts=_missing_posts(posts) if confidence == Confidence.LOW else 0,
        surface=tuple(_from_places(scores)),
        effects=tuple(_from_places(effects)),
    )


def mean_effects(effects: Sequence[Sequence[float]]) -> list[float]:
    """The mean effects of a platform's accounts: the prior for the next account.

    Each account should have been estimated without a prior, and in its own time zone. Accounts with
    few posts have nearly flat effects, so the mean needs no weights.
    """
    count = max(len(effects), 1)
    return [sum(own[slot] for own in effects) / count for slot in range(SLOTS)]


def _confidence(week_model: WeekModel, first: Sequence[int], probability: float) -> Confidence:
    if probability >= HIGH:
        return Confidence.HIGH
    if week_model.probability_of_lift(first, math.log(MEDIUM_LIFT)) >= MEDIUM:
        return Confidence.MEDIUM
    return Confidence.LOW


def _missing_posts(posts: Posts) -> int:
    weight = sum(posts.weights) / len(posts) if len(posts) else 1.0
    return max(0, math.ceil(ENOUGH * posts.variance / weight) - len(posts))


# --- Slots and the week model's places -----------------------------------------------------------


def _place(local: dt.datetime) -> int:
    return (local.weekday() * HOURS + local.hour - DAY_STARTS) % SLOTS


def _to_places(slots: Sequence[float]) -> list[float]:
    return [slots[(place + DAY_STARTS) % SLOTS] for place in range(SLOTS)]


def _from_places(places: Sequence[float]) -> list[float]:
    return [places[(slot - DAY_STARTS) % SLOTS] for slot in range(SLOTS)]


def _slot(place: int, score: float, places: Sequence[int]) -> Slot:
    day, hour = divmod((place + DAY_STARTS) % SLOTS, HOURS)
    near = sum((other - place + 1) % HOURS <= 2 for other in places)
    return Slot(day_of_week=day, hour_of_day=hour, score=score, posts=near)
