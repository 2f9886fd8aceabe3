"""Estimates which hours of the week work for an account, from its own posts.

One estimator for all platforms. The quantity is the total effect of the hour: a post at a good hour
reaches more people, and those interact more or less than others. `insights.engagement` makes posts
of different kind and age comparable, and removes the account's growth. `insights.week_model` fits a
smooth model of the week to the rest, shrunk towards the mean of similar accounts and a flat week.
How often an account posts at an hour affects only how certain the estimate for that hour is, not
how good it is.

Where reach is known, there are two such models: of reach, and of engagement among those who are
reached. Their sum is the total effect. Each is less noisy than engagement itself, and the hour may
work through one of them alone.

The confidence is a statement about the first three slots:

- **medium**: the model's probability that they have, on average, at least MEDIUM_LIFT times the
  engagement of an average hour is at least MEDIUM;
- **high**: its probability that they have that, and at least HIGH_SHARE of the engagement of the
  three best slots of the week, is at least HIGH;
- **low**: neither.

docs/insights.md shows how often these statements are true, on accounts whose true engagement per
hour is known.
"""

import datetime as dt
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from insights.confidence import Confidence
from insights.engagement import Posts, Sample
from insights.linear import dot
from insights.week_model import WeekModel
from insights.week_terms import DAY_STARTS, HOURS, SLOTS

FIRST = 3  # slots that the confidence is about

HIGH = 0.84
HIGH_SHARE = 0.9
MEDIUM = 0.9
MEDIUM_LIFT = 1.1

CANDIDATES = 24  # the places with the highest means, among which the best are simulated
DRAWS = 160

# The share of posts whose reach has to be known; the others are then left out.
REACH_KNOWN = 0.8

# Posts of full weight, at noise of variance 1, with which half of the accounts whose hours differ
# reach "medium" or "high" (docs/insights.md).
ENOUGH = 170


class Basis(StrEnum):
    """What the hours are judged by."""

    ENGAGEMENT = "engagement"
    REACH = "reach"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """An hour of the week, in the requested time zone.

    `score` is what is expected there (engagement, or reach), as a share of the best
    slot's: above 0, at most 1.
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
    high_probability: float  # the model's probability of the statement of "high"
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
    basis: Basis = Basis.ENGAGEMENT,
    prior: Sequence[float] | None = None,
    top: int = FIRST,
) -> Estimate:
    """Estimate the week and its `top` hours by expected engagement, or reach.

    Hours are those that clocks in `zone` showed at the time, with or without daylight saving time.
    `prior` holds the mean `effects` of similar accounts (see `mean_effects`); it counts as far as
    the posts do not contradict it. Posts of the future and posts too young to judge are left out,
    with `Basis.REACH` also those whose reach is not known.
    """
    columns = [Posts(part, now) for part in _parts(samples, basis)]
    places = [
        [_place(post.published_at.astimezone(zone)) for post in each.samples] for each in columns
    ]
    # The prior is that of the whole effect. It is the first model's; that of the other is flat.
    priors = [_to_places(prior or [0.0] * SLOTS)] + [[0.0] * SLOTS] * (len(columns) - 1)
    models = [WeekModel(*each) for each in zip(columns, places, priors, strict=True)]
    # The power of reach with which engagement grows.
    slopes = [models[-1].reach_slope, 1.0][-len(models) :]
    effects = _weighted_sum(slopes, [model.effects for model in models])
    ranked = sorted(range(SLOTS), key=lambda place: (-effects[place], place))
    rng = random.Random(0)  # noqa: S311 - a simulation with a fixed seed
    drawn = [model.draw(ranked[:CANDIDATES], DRAWS, rng) for model in models]
    draws = [_weighted_sum(slopes, each) for each in zip(*drawn, strict=True)]
    lifted = [draw for draw in draws if sum(draw[:FIRST]) >= FIRST * math.log(MEDIUM_LIFT)]
    high = sum(map(_are_nearly_best, lifted)) / DRAWS
    confidence = _confidence(len(lifted) / DRAWS, high)
    scores = [math.exp(effect - effects[ranked[0]]) for effect in effects]
    mean = sum(map(math.exp, effects)) / SLOTS
    return Estimate(
        slots=tuple(_slot(place, scores[place], places[0]) for place in ranked[:top]),
        confidence=confidence,
        high_probability=high,
        lift=sum(math.exp(effects[place]) for place in ranked[:FIRST]) / FIRST / mean,
        posts_used=len(columns[0]),
        missing_posts=_missing_posts(columns) if confidence == Confidence.LOW else 0,
        surface=tuple(_from_places(scores)),
        effects=tuple(_from_places(effects)),
    )


def _parts(samples: Sequence[Sample], basis: Basis) -> list[list[Sample]]:
    """The samples of each model: of reach, if enough is known, and of engagement."""
    reach = [
        replace(sample, engagement=sample.reach, reach=None)
        for sample in samples
        if sample.reach is not None
    ]
    if basis == Basis.REACH:
        return [reach]
    if not reach or len(reach) < REACH_KNOWN * len(samples):
        return [[replace(sample, reach=None) for sample in samples]]
    return [reach, [sample for sample in samples if sample.reach]]


def mean_effects(effects: Sequence[Sequence[float]]) -> list[float]:
    """The mean effects of several accounts: the prior for another one.

    Each account should have been estimated without a prior, and in its own time zone. Accounts with
    few posts have nearly flat effects, so the mean needs no weights.
    """
    count = max(len(effects), 1)
    return [sum(own[slot] for own in effects) / count for slot in range(SLOTS)]


def _are_nearly_best(draw: Sequence[float]) -> bool:
    """Whether the first three bring at least HIGH_SHARE of what the best three of `draw` bring."""
    values = [math.exp(value) for value in draw]
    return sum(values[:FIRST]) >= HIGH_SHARE * sum(sorted(values)[-FIRST:])


def _confidence(medium: float, high: float) -> Confidence:
    if high >= HIGH:
        return Confidence.HIGH
    return Confidence.MEDIUM if medium >= MEDIUM else Confidence.LOW


def _missing_posts(parts: Sequence[Posts]) -> int:
    noise = sum(posts.variance for posts in parts)
    posts = parts[0]
    weight = sum(posts.weights) / len(posts) if len(posts) else 1.0
    return max(0, math.ceil(ENOUGH * noise / weight) - len(posts))


def _weighted_sum(weights: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    return [dot(weights, values) for values in zip(*vectors, strict=True)]


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
