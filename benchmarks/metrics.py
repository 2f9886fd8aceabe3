"""The time in which /metrics reads the database, with a million jobs (PostgreSQL).

    python -m benchmarks.metrics [--rows 1000000] [--plans]

The jobs are those of benchmarks/console.py. It prints the milliseconds of each query and of all,
the medians of five readings. `--plans` prints how each query is read.
"""

from __future__ import annotations

import argparse
import statistics
import time

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.console import fill, print_plan  # first: it sets the environment of Django
from benchmarks.report import table
from benchmarks.service import migrated_postgres
from config.metrics.database import read

ROUNDS = 5


def measure() -> None:
    totals, queries = [], []
    for _ in range(ROUNDS):
        with CaptureQueriesContext(connection) as captured:
            started = time.perf_counter()
            read()
            totals.append(1000 * (time.perf_counter() - started))
        queries.append(captured.captured_queries)
    rows = []
    for number, query in enumerate(queries[0]):
        of_query = statistics.median(1000 * float(each[number]["time"]) for each in queries)
        rows.append([query["sql"].partition(" FROM ")[2][:60], f"{of_query:.0f}"])
    print(table(["query", "ms"], [*rows, ["all", f"{statistics.median(totals):.0f}"]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    with migrated_postgres():
        fill(options.rows)
        measure()
        if options.plans:
            print_plans()


def print_plans() -> None:
    with CaptureQueriesContext(connection) as captured:
        read()
    for query in captured.captured_queries:
        print_plan("", query["sql"])


if __name__ == "__main__":
    main()
