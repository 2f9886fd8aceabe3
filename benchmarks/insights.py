"""How long the two estimates take as an account grows.

python -m benchmarks.insights
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.best_times import make_account
from insights.best_times import best_times
from insights.hashtags import TaggedPost, tag_lifts

SIZES = (250, 500, 1000, 2000)
TAGS, TAGS_EACH = 200, 10
TIMES = 3  # the best of which counts


def seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(TIMES):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    first: dict[str, float] = {}
    for size in SIZES:
        account = make_account("two peaks", size, 1)
        rng = random.Random(1)
        tagged = [
            TaggedPost(sample=sample, tags=[f"t{rng.randrange(TAGS)}" for _ in range(TAGS_EACH)])
            for sample in account.samples
        ]
        works: dict[str, Callable[[], object]] = {
            "best times": lambda a=account: best_times(a.samples, zone=a.zone, now=a.now),
            "hashtags": lambda a=account, t=tagged: tag_lifts(t, now=a.now, zone=a.zone),
        }
        for name, work in works.items():
            took = seconds(work)
            times = took / first.setdefault(name, took)
            print(f"{name:12} {size:5} posts  {1000 * took:5.0f} ms  {times:4.1f} times the first")


if __name__ == "__main__":
    main()
