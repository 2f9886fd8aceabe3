"""How well do best times find the hours that are really best? A study on accounts we made up.

    python -m benchmarks.best_times [--quick] [--write]

--quick takes a minute and few accounts, --write puts the tables into docs/insights.md.

Each account has a known rhythm of the week, and posts as people do: at their habitual hours, of
several kinds, while the account grows, with heavy-tailed luck. What is asked, and was fixed before
anything was tuned: which share of the truly best three slots (of 168) is among the first three
found? The same is asked of each method, on the same accounts. Tuning used other seeds than the
report.
"""

import argparse
import datetime as dt
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from benchmarks.report import interval, percent, table, wilson, write
from insights.best_times import FIRST, MEDIUM_LIFT, Estimate, best_times
from insights.confidence import Confidence
from insights.engagement import Sample
from insights.week_model import SLOTS

REPORT_SEED = 20_260_000  # tuning used seeds below 10,000
CLASSES = ("flat", "one peak", "two peaks", "weekend shift", "drifting", "clock change")
SIZES = (10, 25, 50, 100, 300, 1000)
ACCOUNTS = 200  # per cell
QUICK_SIZES, QUICK_ACCOUNTS = (10, 50, 300), 10
LARGE = 50  # posts, from which on ours has to be the best
PAGE, SECTION = "insights.md", "best times study"

WEEK = 7 * 24.0  # hours


# --- Accounts -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The audience's rush: each day at `hour` ± `width`, as strong as `heights` of that day."""

    hour: float
    width: float
    heights: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Account:
    samples: list[Sample]
    zone: ZoneInfo
    now: dt.datetime
    truth: list[float]  # the log lift of each slot at `now`, Monday 0:00 first

    @property
    def best(self) -> list[int]:
        return sorted(range(SLOTS), key=lambda slot: -self.truth[slot])[:FIRST]

    def lift(self, slots: Sequence[int]) -> float:
        """The log lift of `slots`, on average, over the week's mean."""
        return mean(self.truth[slot] for slot in slots) - mean(self.truth)


def week_at(peaks: Iterable[Peak], hour_of_week: float) -> float:
    """The log lift at an hour of the week; peaks do not end at midnight, nor the week on Sunday."""
    total = 0.0
    for peak in peaks:
        for day, height in enumerate(peak.heights):
            gap = abs(hour_of_week - 24 * day - peak.hour) % WEEK
            gap = min(gap, WEEK - gap)
            if gap < 6 * peak.width:
                total += height * math.exp(-((gap / peak.width) ** 2) / 2)
    return total


def make_peaks(name: str, rng: random.Random) -> list[Peak]:
    if name == "flat":
        return []
    if name == "weekend shift":
        height, share = rng.uniform(0.6, 2.0), rng.uniform(0.6, 1.1)
        weekdays = [height * rng.uniform(0.6, 1.0) for _ in range(5)]
        weekend = [height * share * rng.uniform(0.8, 1.0) for _ in range(2)]
        return [
            Peak(hour=rng.uniform(16, 22), width=rng.uniform(1.5, 3), heights=(*weekdays, 0, 0)),
            Peak(
                hour=rng.uniform(8, 13), width=rng.uniform(1.5, 3), heights=(0,) * 5 + (*weekend,)
            ),
        ]
    count = 2 if name == "two peaks" else 1
    if name in ("drifting", "clock change"):
        count = rng.choice((1, 2))
    first = rng.uniform(6, 23)
    hours = [first, first + rng.choice((-1, 1)) * rng.uniform(6, 11)][:count]
    return [
        Peak(
            hour=hour % 24,
            width=rng.uniform(1.5, 3),
            heights=make_heights(rng, rng.uniform(0.6, 2.0) * (1 if i == 0 else 0.8)),
        )
        for i, hour in enumerate(hours)
    ]


def make_heights(rng: random.Random, height: float) -> tuple[float, ...]:
    """A peak's strength by day: strongest around one day, between hardly and very much so."""
    centre, contrast = rng.uniform(0, 7), rng.uniform(0.2, 1.0)
    return tuple(
        height
        * (1 - contrast * (1 - math.cos(2 * math.pi * (day - centre) / 7)) / 2)
        * rng.uniform(0.9, 1.0)
        for day in range(7)
    )


def make_account(name: str, size: int, seed: int) -> Account:
    """An account of class `name` with `size` posts, always the same for the same `seed`."""
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
    peaks = make_peaks(name, rng)
    drift = rng.choice((-1, 1)) * rng.uniform(3, 8) if name == "drifting" else 0.0  # hours a year

    per_day = math.exp(rng.uniform(math.log(0.4), math.log(3)))
    span = size / per_day  # days
    level = rng.gauss(0, 1.0)  # log
    growth = rng.uniform(-0.2, 1.0)  # log, per year
    ripening = math.exp(rng.uniform(math.log(6), math.log(48)))  # hours
    kinds = {kind: rng.gauss(0, 0.6) for kind in ("image", "video", "text")}
    shares = [rng.uniform(0.2, 1) for _ in kinds]
    evening = rng.choice((0.0, 2.0))  # how much rather a video is shown late
    knows_reach = rng.choice((0.0, 0.5, 1.0, 1.0))
    luck, reach_luck = rng.uniform(0.7, 1.1), rng.uniform(0.3, 0.6)
    habits = [(rng.uniform(7, 22), rng.uniform(0.3, 1.5)) for _ in range(rng.randint(1, 4))]
    on_day = [rng.uniform(0.5, 1.5) for _ in range(5)] + [rng.uniform(0.1, 1.2) for _ in range(2)]
    habitual = rng.uniform(0.3, 0.9)

    samples = []
    while len(samples) < size:
        date = (now - dt.timedelta(days=rng.uniform(0, span))).astimezone(zone).date()
        if rng.random() > on_day[date.weekday()] / 1.5:
            continue
        if rng.random() < habitual:
            usual, spread = rng.choice(habits)
            hour = rng.gauss(usual, spread) % 24
        else:
            hour = rng.uniform(6, 24.5) % 24
        local = dt.datetime.combine(date, dt.time(), zone) + dt.timedelta(hours=hour)
        published_at = local.astimezone(dt.UTC)
        age = (now - published_at).total_seconds() / 3600
        if age < 1:
            continue
        likely = [share * (1 + evening * (hour > 17) * (i == 1)) for i, share in enumerate(shares)]
        kind = rng.choices(list(kinds), likely)[0]
        years = age / 24 / 365
        shift = -drift * min(years, 1.0)
        rhythm = week_at(peaks, (date.weekday() * 24 + hour - shift) % WEEK)
        viral = 1 + 3 * rng.paretovariate(1.2) if rng.random() < 0.03 else 1.0
        reach = 600 * math.exp(level - growth * years + rng.gauss(0, reach_luck)) * viral
        rate = 0.05 * math.exp(kinds[kind] + rhythm + rng.gauss(0, luck))
        ripe = 1 - math.exp(-age / ripening)
        samples.append(
            Sample(
                published_at=published_at,
                engagement=poisson(rng, reach * rate * ripe),
                reach=max(1, round(reach * ripe**0.5)) if rng.random() < knows_reach else None,
                kind=kind,
            )
        )
    truth = [week_at(peaks, slot + 0.5) for slot in range(SLOTS)]
    return Account(samples=samples, zone=zone, now=now, truth=truth)


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1.0)
    return count


# --- Methods --------------------------------------------------------------------------------------


def per_slot(account: Account, judge: Callable[[list[float]], float]) -> list[int]:
    """The first three slots by `judge` of their posts' engagement, of their rates if all are known.

    Slots without posts come last. What is equal is drawn.
    """
    rated = all(sample.reach for sample in account.samples)
    slots: dict[int, list[float]] = defaultdict(list)
    for sample in account.samples:
        local = sample.published_at.astimezone(account.zone)
        value = sample.engagement / (sample.reach or 1.0) if rated else sample.engagement
        slots[local.weekday() * 24 + local.hour].append(value)
    rng = random.Random(len(slots))
    order = sorted(
        range(SLOTS),
        key=lambda slot: (judge(slots[slot]) if slot in slots else -1.0, rng.random()),
        reverse=True,
    )
    return order[:FIRST]


PEERS: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "count": len,
}


def estimate(account: Account) -> Estimate:
    return best_times(account.samples, zone=account.zone, now=account.now)


def first_of(found: Estimate) -> list[int]:
    return [slot.day_of_week * 24 + slot.hour_of_day for slot in found.slots[:FIRST]]


# --- Study ----------------------------------------------------------------------------------------

OURS = "ours"
METHODS = (OURS, *PEERS)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One account, asked of all methods."""

    name: str
    size: int
    hits: dict[str, float]  # by method: the share of the best three that was found
    lifts: dict[str, float]  # by method: the log lift over an average hour of what was found
    near: (
        float  # the share of ours at most an hour, or a day at the same hour, from one of the best
    )
    possible: float  # the log lift of the best three
    best_found: bool
    found: Estimate
    seconds: float


def run_trial(name: str, size: int, seed: int) -> Trial:
    account = make_account(name, size, seed)
    start = time.perf_counter()
    found = estimate(account)
    seconds = time.perf_counter() - start
    choices = {OURS: first_of(found)}
    choices |= {peer: per_slot(account, judge) for peer, judge in PEERS.items()}
    best = account.best
    ours = choices[OURS]
    return Trial(
        name=name,
        size=size,
        hits={method: len({*best} & {*choice}) / FIRST for method, choice in choices.items()},
        lifts={method: account.lift(choice) for method, choice in choices.items()},
        near=sum(is_near(slot, best) for slot in ours) / FIRST,
        possible=account.lift(best),
        best_found=best[0] in ours,
        found=found,
        seconds=seconds,
    )


def is_near(slot: int, others: Iterable[int]) -> bool:
    """Whether one of `others` is at most an hour away, or at the same hour a day away."""
    return any((slot - other) % SLOTS in (0, 1, SLOTS - 1, 24, SLOTS - 24) for other in others)


def run(sizes: Sequence[int], accounts: int, seed: int) -> dict[tuple[str, int], list[Trial]]:
    return {
        (name, size): [run_trial(name, size, seed + i) for i in range(accounts)]
        for name in CLASSES
        for size in sizes
    }


Cells = dict[tuple[str, int], list[Trial]]


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def hit_rates(trials: Sequence[Trial]) -> dict[str, float]:
    return {method: mean(trial.hits[method] for trial in trials) for method in METHODS}


def report(cells: Cells) -> str:
    trials = [trial for cell in cells.values() for trial in cell]
    accounts = len(next(iter(cells.values())))
    parts = [
        f"{accounts} accounts per row. Written by `python -m benchmarks.best_times --write`.",
        "### What was to be shown",
        verdicts(cells),
        "### Hit rates",
        "The share of the truly best three slots of 168 that is among the first three, in per "
        "cent; in brackets the 95 % interval (Wilson, counting accounts, not slots). *Near* also "
        "counts what is an hour, or a day at the same hour, beside one of the best. *Lift* is what "
        "a post at the first three slots brings, as a multiple of an average hour: ours, the "
        "mean's, and that of the best three.",
        hit_table(cells),
        "### Confidence",
        "How often each level was given, in per cent of the accounts; of how many accounts at high "
        "the best slot was found; at medium, how many of the first three brought what medium says; "
        "and the median of the posts that were said to be missing.",
        confidence_table(cells),
        f"An estimate took {1000 * statistics.median(t.seconds for t in trials):.0f} ms in the "
        f"middle and {1000 * max(t.seconds for t in trials):.0f} ms at most, on one core.",
    ]
    return "\n\n".join(parts)


def verdicts(cells: Cells) -> str:
    """The study's questions, each with its answer."""
    rates = {key: hit_rates(cell) for key, cell in cells.items() if key[0] != "flat"}
    margins = {key: rate[OURS] - max(rate[peer] for peer in PEERS) for key, rate in rates.items()}
    large = {key: margin for key, margin in margins.items() if key[1] >= LARGE}
    small = {key: margin for key, margin in margins.items() if key[1] < LARGE}
    trials = [trial for cell in cells.values() for trial in cell]
    high = [trial for trial in trials if trial.found.confidence == Confidence.HIGH]
    medium = [trial for trial in trials if trial.found.confidence == Confidence.MEDIUM]
    flat = [trial for trial in trials if trial.name == "flat"]
    found = sum(map(keeps_its_word, high))
    lifted = sum(map(keeps_its_word, medium))
    excited = sum(trial.found.confidence == Confidence.HIGH for trial in flat)
    return table(
        ("Asked", "Answer", "In numbers"),
        [
            (
                f"Ours is best in every class from {LARGE} posts on",
                yes(all(margin > 0 for margin in large.values())),
                f"{closest(large)} ahead of the best simple method where it is closest",
            ),
            (
                f"Below {LARGE}, it is never more than 5 points behind the best simple method",
                yes(all(margin >= -0.05 for margin in small.values())),
                f"{closest(small)} where it is worst",
            ),
            (
                "When it says high, the best slot is among its first three in 90 %",
                yes(bool(high) and found >= 0.9 * len(high)),
                f"{found} of {len(high)}, {spread(found, len(high))}",
            ),
            (
                "It says high of at most 5 % of the flat accounts",
                yes(excited <= 0.05 * len(flat)),
                f"{excited} of {len(flat)}, {spread(excited, len(flat))}",
            ),
            (
                f"When it says medium, the first three bring {MEDIUM_LIFT} times the mean in 90 %",
                yes(bool(medium) and lifted >= 0.9 * len(medium)),
                f"{lifted} of {len(medium)}, {spread(lifted, len(medium))}",
            ),
        ],
    )


def yes(claim: bool) -> str:
    return "yes" if claim else "**no**"


def closest(margins: dict[tuple[str, int], float]) -> str:
    (name, size), margin = min(margins.items(), key=lambda item: item[1])
    return f"{100 * margin:+.1f} points ({name}, {size} posts)"


def spread(count: int, total: int) -> str:
    low, high = wilson(count / total if total else 0.0, total)
    return f"95 % interval {100 * low:.0f} to {100 * high:.0f} %"


def hit_table(cells: Cells) -> str:
    rows = []
    for (name, size), cell in cells.items():
        if name == "flat":
            continue  # no slot is better than another
        rates = hit_rates(cell)
        lifts = [
            mean(trial.lifts[OURS] for trial in cell),
            mean(trial.lifts["mean"] for trial in cell),
            mean(trial.possible for trial in cell),
        ]
        rows.append(
            (
                name,
                str(size),
                f"**{interval(rates[OURS], len(cell))}**",
                *(interval(rates[peer], len(cell)) for peer in PEERS),
                percent(mean(trial.near for trial in cell)),
                " / ".join(f"{math.exp(lift):.2f}" for lift in lifts),
            )
        )
    return table(("Class", "Posts", "Ours", *map(str.capitalize, PEERS), "Near", "Lift"), rows)


def confidence_table(cells: Cells) -> str:
    rows = []
    for (name, size), cell in cells.items():
        levels = [trial.found.confidence for trial in cell]
        shares = [percent(levels.count(level) / len(cell)) for level in Confidence]
        missing = statistics.median(trial.found.missing_posts for trial in cell)
        rows.append(
            (
                name,
                str(size),
                *shares,
                kept(cell, Confidence.HIGH),
                kept(cell, Confidence.MEDIUM),
                f"{missing:.0f}",
            )
        )
    levels = [level.capitalize() for level in Confidence]
    return table(("Class", "Posts", *levels, "High kept", "Medium kept", "Missing"), rows)


def kept(cell: Sequence[Trial], level: Confidence) -> str:
    """How many of the estimates at this level kept their word, of how many."""
    given = [trial for trial in cell if trial.found.confidence == level]
    return f"{sum(map(keeps_its_word, given))} of {len(given)}" if given else "-"


def keeps_its_word(trial: Trial) -> bool:
    """Whether what a high or medium confidence says of an account is so."""
    if trial.found.confidence == Confidence.HIGH:
        # Where all slots are equal there is no best one to be found.
        return trial.best_found and trial.name != "flat"
    return trial.lifts[OURS] >= math.log(MEDIUM_LIFT)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How well best times find the best hours.")
    parser.add_argument("--quick", action="store_true", help="few accounts, to see that it works")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE}")
    options = parser.parse_args(arguments)
    if options.quick:
        text = report(run(QUICK_SIZES, QUICK_ACCOUNTS, REPORT_SEED))
    else:
        text = report(run(SIZES, ACCOUNTS, REPORT_SEED))
    print(text)
    if options.write:
        write(PAGE, SECTION, text)


if __name__ == "__main__":
    main()
