"""Simulated accounts whose best times are known, for the studies of insights.

Accounts post at their usual hours, several kinds of posts, while they grow; engagement has a
heavy tail.
"""

import datetime as dt
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from insights.engagement import Sample
from insights.week_estimator import FIRST
from insights.week_terms import SLOTS
from socialpublishing.spread_reads import read_spread

WEEK = 7 * 24.0  # hours


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A daily peak of engagement: at `hour` ± `width`, with a height for each day of the week."""

    hour: float
    width: float
    heights: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is special about a class of accounts.

    `through_reach` is the share of the hour's (log) effect that works through reach; the rest
    works through the rate at which those who are reached interact. `tail` is the distribution of
    the noise of engagement: log-normal, gamma, counts with many zeros (negative binomial), or
    log-normal with a tenth of the posts ignored by all.
    """

    through_reach: float = 0.0
    knows_reach: bool = False  # of all posts; else of all, half or none
    tail: str = "log-normal"
    widths: tuple[float, float] = (1.5, 3)  # of a peak, in hours
    avoids_best: bool = False  # it almost never posts at its best hours
    doubles: bool = False  # its followers double at one time, by a campaign
    peaks: tuple[int, ...] = (1, 2)  # how many
    factor: float = 0.0  # each day's engagement at each peak, if it is always the same
    reads: int = 0  # how many of its posts are read, if reads cost


CLASSES = {
    "flat": Facts(peaks=(0,)),
    "one peak": Facts(peaks=(1,)),
    "two peaks": Facts(peaks=(2,)),
    "weekend shift": Facts(),
    "drifting": Facts(),
    "clock change": Facts(),
    "through reach": Facts(through_reach=1, knows_reach=True),
    "through rate": Facts(knows_reach=True),
    "through both": Facts(through_reach=0.5, knows_reach=True),
    "gamma": Facts(through_reach=0.5, tail="gamma"),
    "many zeros": Facts(through_reach=0.5, tail="many zeros"),
    "a tenth ignored": Facts(through_reach=0.5, tail="a tenth ignored"),
    "narrow": Facts(through_reach=0.5, widths=(0.7, 1.3)),
    "wide": Facts(through_reach=0.5, widths=(3.5, 6)),
    "avoids the best": Facts(through_reach=0.5, avoids_best=True),
    "followers double": Facts(through_reach=0.5, doubles=True),
    "100 reads": Facts(through_reach=0.5, knows_reach=True, reads=100),
    "threefold rush": Facts(through_reach=1, knows_reach=True, factor=3),
}


@dataclass(frozen=True, kw_only=True)
class Account:
    samples: list[Sample]
    zone: ZoneInfo
    now: dt.datetime
    truth: list[float]  # the log of each slot's engagement at `now`, Monday 0:00 first
    rushes: list[int]  # the hours of the day that have a peak

    @property
    def best(self) -> list[int]:
        return sorted(range(SLOTS), key=lambda slot: -self.truth[slot])[:FIRST]

    def lift(self, slots: Sequence[int]) -> float:
        """The mean engagement at `slots`, as a multiple of an average hour."""
        values = list(map(math.exp, self.truth))
        return mean(values[slot] for slot in slots) / mean(values)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How an account posts, and how its audience reacts."""

    facts: Facts
    peaks: list[Peak]
    drift: float  # how far the peaks move, in hours a year
    span: float  # days of history
    level: float  # log of the account's size
    growth: float  # log, a year
    maturing: float  # hours in which a post gets 1 - 1/e of its engagement
    kinds: dict[str, float]  # the log lift of each kind of post
    kind_shares: list[float]
    evening: float  # how much more often videos are published in the evening
    knows_reach: float  # the share of posts whose reach is known
    noise: float
    reach_noise: float
    habits: list[tuple[float, float]]  # hours and their standard deviations
    day_weights: list[float]
    habitual: float  # the share of posts at the habitual hours
    doubled: float  # when the followers double, as a share of the history


def make_account(name: str, size: int, seed: int) -> Account:
    """An account of class `name` with `size` posts; equal arguments give equal accounts."""
    rng = random.Random(f"{name} {size} {seed}")
    zone = ZoneInfo("Asia/Kolkata")
    now = dt.datetime(2026, 9, 1, tzinfo=dt.UTC) + dt.timedelta(hours=rng.uniform(0, WEEK))
    if name == "clock change":
        zone = ZoneInfo(rng.choice(("America/New_York", "Europe/Berlin")))
        # Some days or weeks after a change, so that the history spans it.
        changed = rng.choice((dt.date(2026, 3, 29), dt.date(2026, 11, 1)))
        now = dt.datetime.combine(changed, dt.time(), dt.UTC) + dt.timedelta(
            days=rng.uniform(7, 60)
        )
    behaviour = _make_behaviour(name, size, rng)
    samples: list[Sample] = []
    while len(samples) < size:
        sample = _make_sample(behaviour, now, zone, rng)
        if sample is not None:
            samples.append(sample)
    truth = [week_at(behaviour.peaks, slot + 0.5) for slot in range(SLOTS)]
    if behaviour.facts.reads:
        samples = read_of(samples, behaviour.facts.reads)
    rushes = [int(peak.hour) for peak in behaviour.peaks]
    return Account(samples=samples, zone=zone, now=now, truth=truth, rushes=rushes)


def read_of(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """The posts that are read on X, where reads cost."""
    newest = sorted(samples, key=lambda sample: sample.published_at, reverse=True)

    def read(budget: int, until: dt.datetime | None) -> list[Sample]:
        older = (post for post in newest if until is None or post.published_at < until)
        return list(islice(older, budget))

    since = newest[-1].published_at
    return read_spread(read, since=since, limit=limit, smallest=5)


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


# --- The week ------------------------------------------------------------------------------------


def week_at(peaks: Iterable[Peak], hour_of_week: float) -> float:
    """The log lift at an hour of the week. Peaks extend past midnight and the end of the week."""
    total = 0.0
    for peak in peaks:
        for day, height in enumerate(peak.heights):
            gap = abs(hour_of_week - 24 * day - peak.hour) % WEEK
            gap = min(gap, WEEK - gap)
            if gap < 6 * peak.width:
                total += height * math.exp(-((gap / peak.width) ** 2) / 2)
    return total


def _make_peaks(name: str, rng: random.Random) -> list[Peak]:
    if name == "weekend shift":
        return _make_weekend_shift(rng)
    facts = CLASSES[name]
    count = rng.choice(facts.peaks) if len(facts.peaks) > 1 else facts.peaks[0]
    if not count:
        return []
    first = rng.uniform(6, 23)
    hours = [first, first + rng.choice((-1, 1)) * rng.uniform(6, 11)][:count]
    return [
        Peak(
            hour=hour % 24,
            width=rng.uniform(*facts.widths),
            heights=(math.log(facts.factor),) * 7
            if facts.factor
            else _make_heights(rng, rng.uniform(0.6, 2.0) * (1 if i == 0 else 0.8)),
        )
        for i, hour in enumerate(hours)
    ]


def _make_weekend_shift(rng: random.Random) -> list[Peak]:
    height, share = rng.uniform(0.6, 2.0), rng.uniform(0.6, 1.1)
    weekdays = [height * rng.uniform(0.6, 1.0) for _ in range(5)]
    weekend = [height * share * rng.uniform(0.8, 1.0) for _ in range(2)]
    return [
        Peak(hour=rng.uniform(16, 22), width=rng.uniform(1.5, 3), heights=(*weekdays, 0, 0)),
        Peak(hour=rng.uniform(8, 13), width=rng.uniform(1.5, 3), heights=(0,) * 5 + (*weekend,)),
    ]


def _make_heights(rng: random.Random, height: float) -> tuple[float, ...]:
    """A peak's height by day: highest around one day, with a weak to strong contrast."""
    centre, contrast = rng.uniform(0, 7), rng.uniform(0.2, 1.0)
    return tuple(
        height
        * (1 - contrast * (1 - math.cos(2 * math.pi * (day - centre) / 7)) / 2)
        * rng.uniform(0.9, 1.0)
        for day in range(7)
    )


# --- Posts ---------------------------------------------------------------------------------------


def _make_behaviour(name: str, size: int, rng: random.Random) -> Behaviour:
    kinds, facts = ("image", "video", "text"), CLASSES[name]
    # The order of the draws decides the accounts of a seed, and so the published results.
    return Behaviour(
        facts=facts,
        peaks=_make_peaks(name, rng),
        drift=rng.choice((-1, 1)) * rng.uniform(3, 8) if name == "drifting" else 0.0,
        span=size / math.exp(rng.uniform(math.log(0.4), math.log(3))),
        level=rng.gauss(0, 1.0),
        growth=rng.uniform(-0.2, 1.0),
        maturing=math.exp(rng.uniform(math.log(6), math.log(48))),
        kinds={kind: rng.gauss(0, 0.6) for kind in kinds},
        kind_shares=[rng.uniform(0.2, 1) for _ in kinds],
        evening=rng.choice((0.0, 2.0)),
        knows_reach=max(rng.choice((0.0, 0.5, 1.0, 1.0)), facts.knows_reach),
        noise=rng.uniform(0.7, 1.1),
        reach_noise=rng.uniform(0.3, 0.6),
        habits=[(rng.uniform(7, 22), rng.uniform(0.3, 1.5)) for _ in range(rng.randint(1, 4))],
        day_weights=[rng.uniform(0.5, 1.5) for _ in range(5)]
        + [rng.uniform(0.1, 1.2) for _ in range(2)],
        habitual=rng.uniform(0.3, 0.9),
        doubled=rng.uniform(0.1, 0.9) if facts.doubles else 0.0,
    )


def _make_sample(
    behaviour: Behaviour, now: dt.datetime, zone: ZoneInfo, rng: random.Random
) -> Sample | None:
    """A post at a random time; None if the account does not post at that time."""
    date = (now - dt.timedelta(days=rng.uniform(0, behaviour.span))).astimezone(zone).date()
    if rng.random() > behaviour.day_weights[date.weekday()] / 1.5:
        return None
    facts = behaviour.facts
    if rng.random() < behaviour.habitual:
        usual, deviation = rng.choice(behaviour.habits)
        hour = rng.gauss(usual, deviation) % 24
    else:
        hour = rng.uniform(6, 24.5) % 24
    if facts.avoids_best and rng.random() < 0.9 and _is_best(behaviour.peaks, date.weekday(), hour):
        return None
    local = dt.datetime.combine(date, dt.time(), zone) + dt.timedelta(hours=hour)
    published_at = local.astimezone(dt.UTC)
    age = (now - published_at).total_seconds() / 3600
    if age < 1:
        return None
    weights = [
        share * (1 + behaviour.evening * (hour > 17) * (i == 1))
        for i, share in enumerate(behaviour.kind_shares)
    ]
    kind = rng.choices(list(behaviour.kinds), weights)[0]
    years = age / 24 / 365
    shift = -behaviour.drift * min(years, 1.0)
    lift = week_at(behaviour.peaks, (date.weekday() * 24 + hour - shift) % WEEK)
    viral = 1 + 3 * rng.paretovariate(1.2) if rng.random() < 0.03 else 1.0
    log_reach = behaviour.level - behaviour.growth * years + rng.gauss(0, behaviour.reach_noise)
    if facts.doubles and age > behaviour.doubled * behaviour.span * 24:
        log_reach -= math.log(2)
    reach = 600 * math.exp(log_reach + facts.through_reach * lift) * viral
    lift *= 1 - facts.through_reach
    rate = 0.05 * math.exp(behaviour.kinds[kind] + lift) * _luck(facts.tail, behaviour.noise, rng)
    share = 1 - math.exp(-age / behaviour.maturing)  # of the final engagement
    engagement = _poisson(rng, reach * rate * share)
    is_known = rng.random() < behaviour.knows_reach
    return Sample(
        published_at=published_at,
        engagement=engagement,
        reach=max(1, round(reach * share**0.5)) if is_known else None,
        kind=kind,
    )


def _is_best(peaks: Sequence[Peak], weekday: int, hour: float) -> bool:
    """Whether an hour brings more than three quarters of the highest peak."""
    highest = max(height for peak in peaks for height in peak.heights)
    return week_at(peaks, weekday * 24 + hour) > 0.75 * highest


def _luck(tail: str, noise: float, rng: random.Random) -> float:
    """The random factor of a post's rate."""
    if tail == "gamma":
        return rng.gammavariate(1 / noise**2, noise**2)
    if tail == "many zeros":
        return 0.1 * rng.gammavariate(0.7, 1 / 0.7)  # a few interactions, and often none
    if tail == "a tenth ignored" and rng.random() < 0.1:
        return 0.01
    return math.exp(rng.gauss(0, noise))


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1.0)
    return count
