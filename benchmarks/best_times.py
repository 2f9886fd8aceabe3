"""How often does the estimator find the best hours? A study on simulated accounts.

    python -m benchmarks.best_times [--quick] [--write]

--quick uses few accounts and takes a minute, --write puts the tables into docs/insights.md.

All methods get the same accounts and are judged by the same two measures: the share of the possible
lift that their first three slots reach, and how many of the truly best three slots are among them.
Tuning used other seeds than the report.
"""

import argparse
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from benchmarks.accounts import CLASSES, Account, make_account, mean
from benchmarks.report import interval, percent, table, wilson, write
from insights.confidence import Confidence
from insights.week_estimator import FIRST, HIGH_SHARE, MEDIUM_LIFT, Estimate, estimate_week
from insights.week_terms import HOURS, SLOTS

REPORT_SEED = 20_260_000  # tuning used seeds below 10,000
SIZES = (25, 50, 100, 300, 1000)
ACCOUNTS = 200  # per cell
QUICK_SIZES, QUICK_ACCOUNTS = (50, 300), 5
LARGE = 50  # the number of posts from which on ours has to be the best
RUSH, RUSH_SIZE = "threefold rush", 700
STUDIED = [name for name in CLASSES if name != RUSH]
PAGE, SECTION = "insights.md", "best times study"


# --- Methods --------------------------------------------------------------------------------------


def per_slot(account: Account, judge: Callable[[list[float]], float]) -> list[int]:
    """The first three slots by `judge` of their posts' engagement.

    Slots without posts come last. The order of equal slots is random.
    """
    slots: dict[int, list[float]] = defaultdict(list)
    for sample in account.samples:
        local = sample.published_at.astimezone(account.zone)
        slots[local.weekday() * HOURS + local.hour].append(sample.engagement)
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
    return [slot.day_of_week * HOURS + slot.hour_of_day for slot in estimate.slots[:FIRST]]


# --- Study ----------------------------------------------------------------------------------------

OURS = "ours"
METHODS = (OURS, *BASELINES)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One account, with the results of all methods.

    A lift is the engagement of three slots as a multiple of an average hour.
    """

    name: str
    size: int
    hits: dict[str, float]  # by method: the share of the best three among its first three
    lifts: dict[str, float]  # by method: the lift of its first three
    possible: float  # the lift of the best three
    near: float  # the share of our first three that `is_near` one of the best
    is_rush_found: bool  # the first of ours is within an hour of a peak
    estimate: Estimate


def run_trial(name: str, size: int, seed: int) -> Trial:
    account = make_account(name, size, seed)
    estimate = estimate_week(account.samples, zone=account.zone, now=account.now)
    choices = {OURS: first_slots(estimate)}
    choices |= {baseline: per_slot(account, judge) for baseline, judge in BASELINES.items()}
    best = account.best
    ours = choices[OURS]
    return Trial(
        name=name,
        size=size,
        hits={method: len({*best} & {*choice}) / FIRST for method, choice in choices.items()},
        lifts={method: account.lift(choice) for method, choice in choices.items()},
        possible=account.lift(best),
        near=sum(is_near(slot, best) for slot in ours) / FIRST,
        is_rush_found=any((ours[0] - hour + 1) % HOURS <= 2 for hour in account.rushes),
        estimate=estimate,
    )


def is_near(slot: int, others: Iterable[int]) -> bool:
    """Whether one of `others` is at most an hour away, or at the same hour a day away."""
    return any((slot - other) % SLOTS in (0, 1, SLOTS - 1, 24, SLOTS - 24) for other in others)


Cells = dict[tuple[str, int], list[Trial]]


def run(sizes: Sequence[int], accounts: int, seed: int) -> Cells:
    kinds = [*((name, size) for name in STUDIED for size in sizes), (RUSH, RUSH_SIZE)]
    with ProcessPoolExecutor() as pool:
        started = {
            kind: [pool.submit(run_trial, *kind, seed + i) for i in range(accounts)]
            for kind in kinds
        }
        return {kind: [each.result() for each in trials] for kind, trials in started.items()}


def reached(trials: Sequence[Trial], method: str) -> float:
    """The share of the possible lift that the method's first three slots reach."""
    possible = sum(trial.possible - 1 for trial in trials)
    return sum(trial.lifts[method] - 1 for trial in trials) / possible if possible else 0.0


# --- Report ---------------------------------------------------------------------------------------


def report(cells: Cells) -> str:
    accounts = len(next(iter(cells.values())))
    parts = [
        f"{accounts} accounts per row. Written by `python -m benchmarks.best_times --write`.",
        "### Claims",
        verdicts(cells),
        "### Lift and hits",
        "*Lift* is the share of the possible lift that the first three slots reach, in per cent: "
        "0 is an average hour, 100 the truly best three. *Hits* is the share of the truly best "
        "three slots of 168 that is among the first three, in per cent; in brackets the 95 % "
        "interval (Wilson, counting accounts). *Near* also counts slots that are one hour, or one "
        "day at the same hour, away from one of the best. *Possible* is the engagement of the best "
        "three as a multiple of an average hour.",
        lift_table(cells),
        "### Confidence",
        "How often each level occurred, in per cent of the accounts whose hours differ; how often "
        "its statement was true; the same for accounts whose hours do not differ (*flat*); and the "
        "median of `missing_posts`.",
        confidence_table(cells),
    ]
    return "\n\n".join(parts)


def verdicts(cells: Cells) -> str:
    """The claims of the study, and whether each of them holds."""
    claims = [*lift_claims(cells), *rush_claims(cells[RUSH, RUSH_SIZE])]
    claims += confidence_claims([trial for cell in cells.values() for trial in cell])
    rows = [(claim, "yes" if holds else "**no**", numbers) for claim, holds, numbers in claims]
    return table(("Claim", "Holds", "In numbers"), rows)


Claim = tuple[str, bool, str]  # with whether it holds, and the numbers


def lift_claims(cells: Cells) -> list[Claim]:
    margins = {
        key: reached(cell, OURS) - max(reached(cell, baseline) for baseline in BASELINES)
        for key, cell in cells.items()
        if key[0] != "flat"
    }
    large = {key: margin for key, margin in margins.items() if key[1] >= LARGE}
    small = {key: margin for key, margin in margins.items() if key[1] < LARGE}
    claims = [
        (
            f"Ours reaches the most lift in every class from {LARGE} posts on",
            all(margin > 0 for margin in large.values()),
            f"{closest(large)} ahead of the best simple method in the closest case",
        )
    ]
    if small:
        claims.append(
            (
                f"Below {LARGE} posts, it is at most 5 points behind the best simple method",
                all(margin >= -0.05 for margin in small.values()),
                f"{closest(small)} in the worst case",
            )
        )
    return claims


def rush_claims(rushes: Sequence[Trial]) -> list[Claim]:
    low = len(at_level(rushes, Confidence.LOW))
    return [
        (
            f"A threefold rush in reach ({RUSH_SIZE} posts) never gets a low confidence",
            not low,
            f"{low} of {len(rushes)}",
        ),
        share_claim(
            "The first slot is within an hour of that rush in 90 %",
            [trial.is_rush_found for trial in rushes],
        ),
    ]


def confidence_claims(trials: Sequence[Trial]) -> list[Claim]:
    high, medium = (at_level(trials, level) for level in (Confidence.HIGH, Confidence.MEDIUM))
    flat = sum(trial.name == "flat" for trial in trials)
    flat_at_high = sum(trial.name == "flat" for trial in high)
    return [
        share_claim(
            f"At high confidence, the first three bring {100 * HIGH_SHARE:.0f} % of what the best "
            f"three bring, and {MEDIUM_LIFT} times an average hour, in 90 %",
            list(map(is_true, high)),
        ),
        (
            "At most 5 % of the flat accounts get high confidence",
            flat_at_high <= 0.05 * flat,
            f"{flat_at_high} of {flat}",
        ),
        share_claim(
            f"At medium confidence, the first three bring {MEDIUM_LIFT} times an average hour "
            "in 90 %",
            list(map(is_true, medium)),
        ),
    ]


def share_claim(claim: str, cases: Sequence[bool]) -> Claim:
    """The claim that at least nine of ten `cases` are true."""
    found = sum(cases)
    low, high = wilson(found / len(cases) if cases else 0.0, len(cases))
    numbers = f"{found} of {len(cases)}, 95 % interval {100 * low:.0f} to {100 * high:.0f} %"
    return claim, bool(cases) and found >= 0.9 * len(cases), numbers


def closest(margins: dict[tuple[str, int], float]) -> str:
    (name, size), margin = min(margins.items(), key=lambda item: item[1])
    return f"{100 * margin:+.1f} points ({name}, {size} posts)"


def lift_table(cells: Cells) -> str:
    rows = []
    for (name, size), cell in cells.items():
        if name == "flat":
            continue  # no slot is better than another
        lifts = [percent(reached(cell, method)) for method in METHODS]
        hits = [mean(trial.hits[method] for trial in cell) for method in METHODS]
        rows.append(
            (
                name,
                str(size),
                f"**{lifts[0]}**",
                *lifts[1:],
                interval(hits[0], len(cell)),
                " / ".join(map(percent, hits[1:])),
                percent(mean(trial.near for trial in cell)),
                f"{mean(trial.possible for trial in cell):.2f}",
            )
        )
    others = [baseline.capitalize() for baseline in BASELINES]
    head = ("Class", "Posts", "Lift: ours", *others, "Hits: ours", " / ".join(others))
    return table((*head, "Near", "Possible"), rows)


def confidence_table(cells: Cells) -> str:
    rows = []
    for size in sorted({size for _, size in cells}):
        cell = [trial for key, own in cells.items() for trial in own if key[1] == size]
        uneven = [trial for trial in cell if trial.name != "flat"]
        missing = statistics.median(trial.estimate.missing_posts for trial in uneven)
        row = [str(size)]
        for level in (Confidence.HIGH, Confidence.MEDIUM):
            own = at_level(uneven, level)
            row += [
                percent(len(own) / len(uneven)),
                f"{sum(map(is_true, own))} of {len(own)}" if own else "-",
                str(sum(trial.name == "flat" for trial in at_level(cell, level))),
            ]
        rows.append((*row, f"{missing:.0f}"))
    levels = ("High", "High true", "High flat", "Medium", "Medium true", "Medium flat")
    return table(("Posts", *levels, "Missing"), rows)


def at_level(trials: Iterable[Trial], level: Confidence) -> list[Trial]:
    return [trial for trial in trials if trial.estimate.confidence == level]


def is_true(trial: Trial) -> bool:
    """Whether the statement of a high or medium confidence is true for the account."""
    lift = trial.lifts[OURS]
    if trial.estimate.confidence == Confidence.HIGH and lift < HIGH_SHARE * trial.possible:
        return False
    return lift >= MEDIUM_LIFT


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
