"""How long the two estimates take for accounts of growing size.

python -m benchmarks.insights
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.accounts import make_account
from insights.tag_lifts import TaggedPost, tag_lifts
from insights.week_estimator import estimate_week

SIZES = (250, 500, 1000, 2000)
TAGS, TAGS_EACH = 200, 10
TIMES = 3  # the fastest run counts


def seconds(estimate: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(TIMES):
        start = time.process_time()
        estimate()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    first: dict[str, float] = {}
    for size in SIZES:
        account = make_account("through both", size, 1)  # of two models
        rng = random.Random(1)
        tagged = [
            TaggedPost(sample=sample, tags=[f"t{rng.randrange(TAGS)}" for _ in range(TAGS_EACH)])
            for sample in account.samples
        ]
        estimates: dict[str, Callable[[], object]] = {
            "best times": lambda a=account: estimate_week(a.samples, zone=a.zone, now=a.now),
            "hashtags": lambda a=account, t=tagged: tag_lifts(t, now=a.now, zone=a.zone),
        }
        for name, estimate in estimates.items():
            took = seconds(estimate)
            times = took / first.setdefault(name, took)
            print(f"{name:12} {size:5} posts  {1000 * took:5.0f} ms  {times:4.1f} times the first")


if __name__ == "__main__":
    main()
