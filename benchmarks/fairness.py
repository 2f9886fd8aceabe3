"""One user has thousands of due jobs, another has one, due in the same second (PostgreSQL).

    python -m benchmarks.fairness [--jobs 10000] [--accounts 2000]

Each job is a thread of two posts. The one is stored last, so it would go out last if jobs went out
in order. How late it is is measured at the platform (`benchmarks/fake_platform.py`): from the due
time until its first request arrives.
"""

from __future__ import annotations

import argparse

from benchmarks.drain import CALLS, Bench, new_accounts
from benchmarks.report import Goal, verdict
from benchmarks.service import temporary_postgres, wait


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=2_000)
    options = parser.parse_args()
    bench = Bench(options.jobs + 1)
    with temporary_postgres() as url, bench.service(url):
        many = new_accounts(options.accounts, user="many")
        one = new_accounts(1, first=options.accounts, user="one")
        jobs = [many[number % len(many)] for number in range(options.jobs)]
        due = bench.store_jobs(jobs + one).timestamp()
        wait(lambda: bench.stats()["count"] >= bench.posts * CALLS, every_s=0.5)
        arrivals = bench.arrivals()
    of_one = arrivals.pop(f"Post {options.jobs}") - due
    late = sorted(at - due for text, at in arrivals.items() if text.startswith("Post"))
    print(
        f"{options.jobs:,} jobs of one user: first {late[0]:.2f} s, half {late[len(late) // 2]:.1f}"
        f" s, last {late[-1]:.1f} s after due; the job of another user {of_one:.2f} s"
    )
    print(verdict(Goal(what="the one goes out", figure=of_one, at_most=1, unit="s after due")))


if __name__ == "__main__":
    main()
