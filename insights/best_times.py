"""Which hours of the week work for an account, from its own posts.

One estimator for all platforms. A post's engagement is made comparable for kind, reach, age and the
account's growth (`insights.engagement`); what is left is estimated as a smooth model of
the week, shrunk towards the platform's and towards flatness (`insights.week_model`). How often
somebody posts at an hour is no evidence of how good the hour is, only of how well it is known.

The confidence is a statement about the first three slots:

- **high**: the model gives at least HIGH to the week's best slot being among them;
- **medium**: it gives at least MEDIUM to their bringing, on average, MEDIUM_LIFT times or more of
  what an average hour brings;
- **low**: neither.

docs/insights.md shows how often that comes true on accounts whose rhythm is known.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from insights.confidence import Confidence
from insights.engagement import Posts, Sample
from insights.week_model import DAY_STARTS, HOURS, SLOTS, WeekModel

FIRST = 3  # slots that the confidence speaks of

# The model errs on the side of caution: where it gives this much, the best slot is among the first
# three in more than nine cases of ten (docs/insights.md).
HIGH = 0.8
MEDIUM = 0.9
MEDIUM_LIFT = 1.1

# Posts of full weight, at noise of variance 1, with which half of the accounts that have a rhythm
# get beyond "low" (docs/insights.md).
ENOUGH = 170


@dataclass(frozen=True, kw_only=True)
class Slot:
    """An hour of the week, in the zone that was asked for.

    `score` is the engagement expected there, as a share of the best slot's: above 0, at most 1.
    `posts` were made within an hour of it, on any day.
    """

    day_of_week: int  # 0 is Monday
    hour_of_day: int
    score: float
    posts: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The rhythm of an account's week.

    `slots` are the best, best first. `surface` holds the scores and `effects` the logarithms of the
    lift over the week's average, of all 168 slots from Monday 0:00 on. `lift` is what the first
    three bring on average, as a multiple of an average hour. `missing_posts` is about how many more
    it takes to get beyond a low confidence; 0 with a low confidence says that the hour hardly
    matters here.
    """

    slots: tuple[Slot, ...]
    confidence: Confidence
    best_is_among_first: float  # the model's probability, by which "high" is decided
    lift: float
    posts_used: int
    missing_posts: int
    surface: tuple[float, ...]
    effects: tuple[float, ...]


def best_times(
    samples: Sequence[Sample],
    *,
    zone: ZoneInfo,
    now: dt.datetime,
    prior: Sequence[float] | None = None,
    top: int = FIRST,
) -> Estimate:
    """The `top` hours of the week by expected engagement, and what is known of all others.

    Hours are those that clocks in `zone` showed at the time, summer or winter. `prior` holds the
    `effects` that are usual on the platform (see `mean_effects`). Posts of the future and posts
    too young to judge are left out; without any post the prior is all that is told.
    """
    posts = Posts(samples, now)
    places = [_place(sample.published_at.astimezone(zone)) for sample in posts.samples]
    week_model = WeekModel(posts, places, _to_places(prior or [0.0] * SLOTS))
    effects = week_model.effects
    ranked = sorted(range(SLOTS), key=lambda place: (-effects[place], place))
    first = ranked[:FIRST]
    probability = week_model.probability_of_best(first)
    if probability >= HIGH:
        confidence = Confidence.HIGH
    elif week_model.probability_of_lift(first, math.log(MEDIUM_LIFT)) >= MEDIUM:
        confidence = Confidence.MEDIUM
    else:
        confidence = Confidence.LOW
    scores = [math.exp(effect - effects[ranked[0]]) for effect in effects]
    mean = sum(map(math.exp, effects)) / SLOTS
    return Estimate(
        slots=tuple(_slot(place, scores[place], places) for place in ranked[:top]),
        confidence=confidence,
        best_is_among_first=probability,
        lift=sum(math.exp(effects[place]) for place in first) / FIRST / mean,
        posts_used=len(posts),
        missing_posts=_missing(posts) if confidence == Confidence.LOW else 0,
        surface=tuple(_from_places(scores)),
        effects=tuple(_from_places(effects)),
    )


def mean_effects(effects: Sequence[Sequence[float]]) -> list[float]:
    """What is usual on a platform, from the effects of its accounts: the prior of the next one.

    Each should have been estimated without a prior, and for the account's own zone. Those that
    know little are nearly flat by themselves, so that no weights are needed.
    """
    count = max(len(effects), 1)
    return [sum(own[slot] for own in effects) / count for slot in range(SLOTS)]


def _missing(posts: Posts) -> int:
    weight = sum(posts.weights) / len(posts) if len(posts) else 1.0
    return max(0, math.ceil(ENOUGH * posts.variance / weight) - len(posts))


# --- Slots and places ----------------------------------------------------------------------------


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
