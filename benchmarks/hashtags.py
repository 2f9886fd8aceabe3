"""Do the tags that truly lift engagement come first? A study on known effects.

python -m benchmarks.hashtags [--quick] [--write]
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.accounts import make_account
from benchmarks.report import interval, table, write
from insights.confidence import Confidence
from insights.tag_lifts import MIN_SUPPORT, TaggedPost, TagLift, tag_lifts

REPORT_SEED = 30_260_000  # tuning used seeds below 10,000
SIZES = (25, 50, 100, 300, 1000)
ACCOUNTS = 200
QUICK_SIZES, QUICK_ACCOUNTS = (50, 300), 10
PAGE, SECTION = "insights.md", "hashtags study"

TAGS, THEMES = 24, 4
EFFECT_SD = 0.35  # on the log scale; a third of the tags has no effect


@dataclass(frozen=True, kw_only=True)
class Planted:
    posts: list[TaggedPost]
    effects: dict[str, float]
    lifts: list[TagLift]


def plant(size: int, seed: int) -> Planted:
    rng = random.Random(f"tags {size} {seed}")
    account = make_account(rng.choice(("one peak", "two peaks", "weekend shift")), size, seed)
    tags = [f"tag{i}" for i in range(TAGS)]
    effects = {tag: rng.gauss(0, EFFECT_SD) if rng.random() < 2 / 3 else 0.0 for tag in tags}
    popularity = {tag: 1 / (1 + rank) ** 0.5 for rank, tag in enumerate(rng.sample(tags, TAGS))}
    posts = []
    for sample in account.samples:
        # Usually the kind of post decides the theme.
        theme = {"image": 0, "video": 1}.get(sample.kind, 2)
        if rng.random() < 0.5:
            theme = rng.randrange(THEMES)
        own = [
            tag
            for i, tag in enumerate(tags)
            if rng.random() < popularity[tag] * (0.9 if i % THEMES == theme else 0.15)
        ]
        factor = math.exp(sum(effects[tag] for tag in own))
        lifted = replace(sample, engagement=round(sample.engagement * factor))
        posts.append(
            TaggedPost(sample=lifted, tags=[rng.choice((f"#{t}", t.upper())) for t in own])
        )
    lifts = tag_lifts(posts, now=account.now, zone=account.zone)
    return Planted(posts=posts, effects=effects, lifts=lifts)


def baseline_scores(planted: Planted, judge: Callable[[list[float]], float]) -> dict[str, float]:
    """The baseline's score of each tag that ours includes: `judge` of its posts' engagement."""
    rated = all(post.sample.reach for post in planted.posts)
    values: dict[str, list[float]] = {lift.tag: [] for lift in planted.lifts}
    for post in planted.posts:
        value = post.sample.engagement / ((post.sample.reach or 1.0) if rated else 1.0)
        for tag in post.tags:
            tag = tag.lstrip("#").lower()
            if tag in values:
                values[tag].append(value)
    return {tag: judge(own) for tag, own in values.items()}


BASELINES: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "count": len,
}


def rank_correlation(scores: dict[str, float], effects: dict[str, float]) -> float:
    """Spearman's rank correlation, of the tags in `scores`."""
    tags = list(scores)
    left, right = ranks([scores[tag] for tag in tags]), ranks([effects[tag] for tag in tags])
    if len(set(left)) < 2 or len(set(right)) < 2:
        return 0.0
    return statistics.correlation(left, right)


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal values share their mean rank."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) - 1) / 2 for value in values]


def report(cells: dict[int, list[Planted]]) -> str:
    accounts = len(next(iter(cells.values())))
    baselines = map(str.capitalize, BASELINES)
    head = ("Posts", "Ours", *baselines, "First helps", "High is right", "High without effect")
    return "\n\n".join(
        [
            f"{accounts} accounts per row. Written by `python -m benchmarks.hashtags --write`. The "
            "mean rank correlation (Spearman) of a tag's score with its true effect, for ours and "
            "for the mean, median and count of a tag's posts; how often the first tag truly helps, "
            "in per cent; how often a lift of high confidence has the right direction, among tags "
            "with an effect; and how often a tag without an effect got a high confidence.",
            table(head, [row(size, cell) for size, cell in cells.items()]),
        ]
    )


def row(size: int, cell: Sequence[Planted]) -> tuple[str, ...]:
    known = [planted for planted in cell if len(planted.lifts) >= MIN_SUPPORT]
    ours, *baselines = mean_correlations(known)
    high_with_effect = [
        (lift.lift > 1) == (planted.effects[lift.tag] > 0)
        for planted in known
        for lift in planted.lifts
        if lift.confidence == Confidence.HIGH and planted.effects[lift.tag]
    ]
    high_without_effect = [
        lift.confidence == Confidence.HIGH
        for planted in known
        for lift in planted.lifts
        if not planted.effects[lift.tag]
    ]
    first = [planted.effects[planted.lifts[0].tag] > 0 for planted in known]
    return (
        str(size),
        f"**{ours:.2f}**",
        *(f"{value:.2f}" for value in baselines),
        share_of_true(first),
        share_of_true(high_with_effect),
        share_of_true(high_without_effect),
    )


def mean_correlations(known: Sequence[Planted]) -> list[float]:
    """The mean rank correlation of each method, ours first."""
    scores = [[{lift.tag: lift.lift for lift in planted.lifts} for planted in known]]
    scores += [
        [baseline_scores(planted, judge) for planted in known] for judge in BASELINES.values()
    ]
    return [
        statistics.fmean(
            rank_correlation(score, planted.effects)
            for score, planted in zip(own, known, strict=True)
        )
        for own in scores
    ]


def share_of_true(cases: Sequence[bool]) -> str:
    return interval(sum(cases) / max(len(cases), 1), len(cases))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Whether the tags that truly help come first.")
    parser.add_argument("--quick", action="store_true", help="few accounts, for a quick check")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE}")
    options = parser.parse_args(arguments)
    sizes, accounts = (QUICK_SIZES, QUICK_ACCOUNTS) if options.quick else (SIZES, ACCOUNTS)
    cells = {size: [plant(size, REPORT_SEED + i) for i in range(accounts)] for size in sizes}
    text = report(cells)
    print(text)
    if options.write:
        write(PAGE, SECTION, text)


if __name__ == "__main__":
    main()
