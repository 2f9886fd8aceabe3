"""The time of a page of jobs, for each filter and order, as the number of jobs grows (PostgreSQL).

    python -m benchmarks.calendar [--rows 200000] [--plans]

One user has all jobs. It prints how many blocks of 8 KB the database reads for a page of 50, the
first and one after half of the rows, for a tenth of the rows and for all, and the milliseconds of
the last. Blocks do not depend on what else the machine does. `--plans` prints how each page is
found.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection

from benchmarks.report import table
from benchmarks.service import migrated_postgres  # first: it sets the environment of Django
from connections.models import SocialConnection
from publishing.filters import filter_jobs
from publishing.models import PublishJob
from publishing.pagination import page
from publishing.serializers import PublishJobDetailSerializer

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
# One in a thousand of most rare values, and 5,000 posts for the same minute.
ROWS = """
INSERT INTO publishing_publishjob (
    id, user_id, connection_id, platform, account, account_name, text, assets,
    platform_specific_options, status,
    scheduled_at, next_attempt_at, lease_owner, fence, claims, attempts, retry_pause_s, waiting_for,
    who_acts, progress, publish_calls, looks, remote_id, post_url, error_code, error_message,
    published_at, idempotency_key, request_hash, created_at, updated_at, external_reference
)
SELECT
    gen_random_uuid(), 'alice', (%(connections)s::json ->> platform)::uuid, platform,
    platform || ':' || n %% 500, 'Baker', repeat('text ', 40),
    '[]', '{}', status, due, CASE WHEN status IN ('Scheduled', 'Pending') THEN due END, '', 0, 0, 0,
    0, CASE WHEN status = 'Pending' THEN 'owner' ELSE '' END,
    CASE WHEN status IN ('Pending', 'Failed') THEN 'owner' ELSE '' END, '{}', 0, 0,
    CASE WHEN status = 'Published' THEN n::text ELSE '' END, '', code, '',
    CASE WHEN status = 'Published' THEN due END, '', '', created, created + interval '1 hour',
    CASE WHEN n %% 100 = 0 THEN 'campaign ' || n %% 1000 ELSE '' END
FROM (
    SELECT n, status, %(now)s - n * interval '2 minutes' AS created,
        CASE WHEN n %% 1000 = 1 THEN 'pinterest' ELSE 'twitter' END AS platform,
        CASE WHEN n %% 40 = 0 THEN %(now)s ELSE %(now)s - (n - 3000) * interval '2 minutes' END
            AS due,
        CASE status WHEN 'Failed' THEN 'too_late' WHEN 'Pending' THEN 'needs_reauth'
            WHEN 'Cancelled' THEN 'cancelled' ELSE '' END AS code
    FROM (
        SELECT n, CASE WHEN n %% 1000 = 2 THEN 'Failed' WHEN n %% 1000 = 3 THEN 'Pending'
            WHEN n %% 20 = 4 THEN 'Cancelled' WHEN n < 3000 OR n %% 50 = 0 THEN 'Scheduled'
            ELSE 'Published' END AS status
        FROM generate_series(%(first)s::int, %(last)s::int) AS n
    ) AS numbered
) AS made
"""
LISTS: dict[str, dict[str, Any]] = {
    "newest first": {},
    "order=due": {"order": "due"},
    "due_from, due_to, order=due": {
        "due_from": NOW - dt.timedelta(days=7),
        "due_to": NOW,
        "order": "due",
    },
    "status=Scheduled, order=due": {"status": "Scheduled", "order": "due"},
    "status=Scheduled": {"status": "Scheduled"},
    "status=Failed": {"status": "Failed"},
    "platform=pinterest": {"platform": "pinterest"},
    "platform=tiktok (none)": {"platform": "tiktok"},
    "error_code=too_late": {"error_code": "too_late"},
    "error_code=poison (none)": {"error_code": "poison"},
    "waiting_for=owner": {"waiting_for": "owner"},
    "who_acts=owner": {"who_acts": "owner"},
    "who_acts=user (none)": {"who_acts": "user"},
    "external_reference": {"external_reference": "campaign 500"},
    "updated_after an hour ago": {"updated_after": NOW},
    "from, to": {"from": NOW - dt.timedelta(days=8), "to": NOW - dt.timedelta(days=7)},
}


def jobs(values: dict[str, Any]) -> Any:
    return filter_jobs(
        PublishJob.objects.filter(user_id="alice").with_limit(), values, user_id="alice"
    )


def a_page(values: dict[str, Any], cursor: str = "", *, limit: int = 50) -> str:
    """Read a page; the cursor of the next."""
    order = values.get("order", "-created")
    rows: Any
    rows, following = page(jobs(values), order=order, limit=limit, cursor=cursor)
    _ = PublishJobDetailSerializer(rows, many=True).data
    return following


def blocks(values: dict[str, Any], cursor: str = "") -> int:
    """How many blocks the database reads for a page."""
    plans: list[Any] = []
    with connection.execute_wrapper(_explain("BUFFERS, FORMAT JSON", plans)):
        a_page(values, cursor)
    counts = [plan["Plan"] for [[[plan]]] in plans]
    return sum(int(each["Shared Hit Blocks"] + each["Shared Read Blocks"]) for each in counts)


def milliseconds(values: dict[str, Any], cursor: str) -> float:
    def once() -> float:
        started = time.perf_counter()
        a_page(values, cursor)
        return 1000 * (time.perf_counter() - started)

    return statistics.median(once() for _ in range(5))


def cursor_in_the_middle(values: dict[str, Any]) -> str:
    """The cursor behind the first half of the rows, found with one page that long."""
    half = jobs(values).count() // 2
    return a_page(values, limit=half) if half else ""


def _explain(options: str, plans: list[Any]) -> Any:
    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, {options}) {sql}", params)
            plans.append(cursor.fetchall())
        return execute(sql, params, many, context)

    return explain


def print_plans() -> None:
    for name, values in LISTS.items():
        plans: list[Any] = []
        with connection.execute_wrapper(_explain("BUFFERS, COSTS OFF", plans)):
            a_page(values)
        print(f"\n{name}", *(line for plan in plans for [line] in plan), sep="\n    ")


def measured() -> Iterator[list[str]]:
    for values in LISTS.values():
        deep = cursor_in_the_middle(values)
        time_ms = milliseconds(values, deep)
        yield [f"{blocks(values)}", f"{blocks(values, deep)}", f"{time_ms:.1f}"]


def connected() -> dict[str, str]:
    """The ids of alice's connections by platform. They have no token, so they are disconnected."""
    rows = SocialConnection.objects.filter(user_id="alice")
    if not rows.exists():
        for name in ("twitter", "pinterest"):
            rows.create(user_id="alice", platform=name, status=SocialConnection.Status.REVOKED)
    return {row.platform: str(row.pk) for row in rows.all()}


def insert(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        facts = {"first": first, "last": last, "now": NOW, "connections": json.dumps(connected())}
        cursor.execute(ROWS, facts)
        cursor.execute("VACUUM ANALYZE publishing_publishjob")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    tenth = options.rows // 10
    with migrated_postgres():
        insert(1, tenth)
        few = list(measured())
        insert(tenth + 1, options.rows)
        every = list(measured())
        rows = zip(LISTS, few, every, strict=True)
        of_few, of_all = f"{tenth:,} rows", f"{options.rows:,} rows"
        head = ["list", of_few, "deep", "ms", of_all, "deep", "ms"]
        print(table(head, ([name, *small, *large] for name, small, large in rows)))
        if options.plans:
            print_plans()


if __name__ == "__main__":
    main()
