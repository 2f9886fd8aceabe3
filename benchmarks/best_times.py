"""How often does the estimator find the best hours? A study on simulated accounts.

    python -m benchmarks.best_times [--quick] [--write]

--quick uses few accounts and takes a minute, --write puts the tables into docs/insights.md.

The metric was fixed before anything was tuned: the share of the truly best three slots (of 168)
that is among the first three of a method. All methods get the same accounts. Tuning used other
seeds than the report.
"""

import argparse
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.accounts import CLASSES, Account, make_account, mean
from benchmarks.report import interval, percent, table, wilson, write
from insights.confidence import Confidence
from insights.week_estimator import FIRST, MEDIUM_LIFT, Estimate, estimate_week
from insights.week_terms import SLOTS

REPORT_SEED = 20_260_000  # tuning used seeds below 10,000
SIZES = (10, 25, 50, 100, 300, 1000)
ACCOUNTS = 200  # per cell
QUICK_SIZES, QUICK_ACCOUNTS = (10, 50, 300), 10
LARGE = 50  # the number of posts from which on ours has to be the best
PAGE, SECTION = "insights.md", "best times study"


# --- Methods --------------------------------------------------------------------------------------


def per_slot(account: Account, judge: Callable[[list[float]], float]) -> list[int]:
    """The first three slots by `judge` of their posts' engagement, or of their engagement rates if
    the reach of all posts is known.

    Slots without posts come last. The order of equal slots is random.
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


BASELINES: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "count": len,
}


def first_slots(estimate: Estimate) -> list[int]:
    return [slot.day_of_week * 24 + slot.hour_of_day for slot in estimate.slots[:FIRST]]


# --- Study ----------------------------------------------------------------------------------------

OURS = "ours"
METHODS = (OURS, *BASELINES)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One account, with the results of all methods."""

    name: str
    size: int
    hits: dict[str, float]  # by method: the share of the best three among its first three
    lifts: dict[str, float]  # by method: the log lift of its first three over an average hour
    near: float  # the share of our first three that `is_near` one of the best
    possible: float  # the log lift of the best three
    is_best_found: bool
    estimate: Estimate
    seconds: float


def run_trial(name: str, size: int, seed: int) -> Trial:
    account = make_account(name, size, seed)
    start = time.perf_counter()
    estimate = estimate_week(account.samples, zone=account.zone, now=account.now)
    seconds = time.perf_counter() - start
    choices = {OURS: first_slots(estimate)}
    choices |= {baseline: per_slot(account, judge) for baseline, judge in BASELINES.items()}
    best = account.best
    ours = choices[OURS]
    return Trial(
        name=name,
        size=size,
        hits={method: len({*best} & {*choice}) / FIRST for method, choice in choices.items()},
        lifts={method: account.lift(choice) for method, choice in choices.items()},
        near=sum(is_near(slot, best) for slot in ours) / FIRST,
        possible=account.lift(best),
        is_best_found=best[0] in ours,
        estimate=estimate,
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


def hit_rates(trials: Sequence[Trial]) -> dict[str, float]:
    return {method: mean(trial.hits[method] for trial in trials) for method in METHODS}


def report(cells: Cells) -> str:
    trials = [trial for cell in cells.values() for trial in cell]
    accounts = len(next(iter(cells.values())))
    parts = [
        f"{accounts} accounts per row. Written by `python -m benchmarks.best_times --write`.",
        "### Claims",
        verdicts(cells),
        "### Hit rates",
        "The share of the truly best three slots of 168 that is among the first three, in per "
        "cent; in brackets the 95 % interval (Wilson, counting accounts, not slots). *Near* also "
        "counts slots that are one hour, or one day at the same hour, away from one of the best. "
        "*Lift* is the engagement of a post at the first three slots, as a multiple of an average "
        "hour: for ours, for the mean, and for the best three.",
        hit_table(cells),
        "### Confidence",
        "How often each level occurred, in per cent of the accounts; for how many accounts at high "
        "the best slot was among the first three; for how many accounts at medium the first three "
        "had the lift that medium states; and the median of `missing_posts`.",
        confidence_table(cells),
        f"An estimate took {1000 * statistics.median(t.seconds for t in trials):.0f} ms in the "
        f"median and {1000 * max(t.seconds for t in trials):.0f} ms at most, on one core.",
    ]
    return "\n\n".join(parts)


def verdicts(cells: Cells) -> str:
    """The claims of the study, and whether each of them holds."""
    rates = {key: hit_rates(cell) for key, cell in cells.items() if key[0] != "flat"}
    margins = {
        key: rate[OURS] - max(rate[baseline] for baseline in BASELINES)
        for key, rate in rates.items()
    }
    large = {key: margin for key, margin in margins.items() if key[1] >= LARGE}
    small = {key: margin for key, margin in margins.items() if key[1] < LARGE}
    trials = [trial for cell in cells.values() for trial in cell]
    high = [trial for trial in trials if trial.estimate.confidence == Confidence.HIGH]
    medium = [trial for trial in trials if trial.estimate.confidence == Confidence.MEDIUM]
    flat = [trial for trial in trials if trial.name == "flat"]
    found = sum(map(is_true, high))
    lifted = sum(map(is_true, medium))
    flat_at_high = sum(trial.estimate.confidence == Confidence.HIGH for trial in flat)
    return table(
        ("Claim", "Holds", "In numbers"),
        [
            (
                f"Ours is best in every class from {LARGE} posts on",
                yes(all(margin > 0 for margin in large.values())),
                f"{closest(large)} ahead of the best simple method in the closest case",
            ),
            (
                f"Below {LARGE} posts, it is at most 5 points behind the best simple method",
                yes(all(margin >= -0.05 for margin in small.values())),
                f"{closest(small)} in the worst case",
            ),
            (
                "At high confidence, the best slot is among the first three in 90 %",
                yes(bool(high) and found >= 0.9 * len(high)),
                f"{found} of {len(high)}, {spread(found, len(high))}",
            ),
            (
                "At most 5 % of the flat accounts get high confidence",
                yes(flat_at_high <= 0.05 * len(flat)),
                f"{flat_at_high} of {len(flat)}, {spread(flat_at_high, len(flat))}",
            ),
            (
                f"At medium confidence, the first three have {MEDIUM_LIFT} times the mean in 90 %",
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
                *(interval(rates[baseline], len(cell)) for baseline in BASELINES),
                percent(mean(trial.near for trial in cell)),
                " / ".join(f"{math.exp(lift):.2f}" for lift in lifts),
            )
        )
    return table(("Class", "Posts", "Ours", *map(str.capitalize, BASELINES), "Near", "Lift"), rows)


def confidence_table(cells: Cells) -> str:
    rows = []
    for (name, size), cell in cells.items():
        levels = [trial.estimate.confidence for trial in cell]
        shares = [percent(levels.count(level) / len(cell)) for level in Confidence]
        missing = statistics.median(trial.estimate.missing_posts for trial in cell)
        rows.append(
            (
                name,
                str(size),
                *shares,
                true_of(cell, Confidence.HIGH),
                true_of(cell, Confidence.MEDIUM),
                f"{missing:.0f}",
            )
        )
    levels = [level.capitalize() for level in Confidence]
    return table(("Class", "Posts", *levels, "High true", "Medium true", "Missing"), rows)


def true_of(cell: Sequence[Trial], level: Confidence) -> str:
    """For how many of the estimates at this level its statement is true."""
    at_level = [trial for trial in cell if trial.estimate.confidence == level]
    return f"{sum(map(is_true, at_level))} of {len(at_level)}" if at_level else "-"


def is_true(trial: Trial) -> bool:
    """Whether the statement of a high or medium confidence is true for the account."""
    if trial.estimate.confidence == Confidence.HIGH:
        # In a flat week there is no best slot.
        return trial.is_best_found and trial.name != "flat"
    return trial.lifts[OURS] >= math.log(MEDIUM_LIFT)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How often the estimator finds the best hours.")
    parser.add_argument("--quick", action="store_true", help="few accounts, for a quick check")
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
