"""The time of the console's pages with a million jobs (PostgreSQL).

    python -m benchmarks.console [--rows 1000000] [--plans]

The jobs are those of 30 days: one in 100 failed, one in 1,000 unconfirmed, 5,000 late or waiting,
20,000 scheduled. It prints, of each page, the number of queries and the median of the milliseconds
of five requests in this process. `--plans` prints the plan of the slowest query of each page.
"""

from __future__ import annotations

import argparse
import statistics
import time

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.report import table
from benchmarks.service import migrated_postgres  # first: it sets the environment of Django

ACCOUNTS = 20_000
ROWS = """
INSERT INTO connections_socialconnection (
    id, user_id, platform, external_user_id, external_display_name, kind, login, access_token,
    token_version, scopes, profile, timezone, status, status_reason, event_sequence, expires_at,
    created_at, updated_at
)
SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n %% 5000,
    'twitter', n::text, 'Bakery ' || n, 'person', '', repeat('t', 400), 1, '[]', '{}', '',
    CASE WHEN n %% 200 = 0 THEN 'needs_reauth' ELSE 'active' END, '', 0,
    now() + n * interval '1 hour', now(), now()
FROM generate_series(1, %(accounts)s) AS n;
INSERT INTO publishing_publishjob (
    id, user_id, connection_id, platform, account, account_name, text, assets,
    platform_specific_options, status, scheduled_at, next_attempt_at, lease_owner, fence, claims,
    attempts, retry_pause_s, waiting_for, who_acts, progress, publish_calls, looks, remote_id,
    post_url, error_code, error_message, published_at, idempotency_key, request_hash, created_at,
    updated_at, external_reference
)
SELECT ('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n %% 5000,
    ('00000000-0000-0000-0000-' || lpad((1 + n %% %(accounts)s)::text, 12, '0'))::uuid, platform,
    platform || ':' || n %% %(accounts)s, 'Baker', repeat('text ', 40), '[]', '{}', status, due,
    CASE WHEN status IN ('Scheduled', 'Pending') THEN greatest(due, now()) END, '', 0, 0, 0, 0,
    CASE WHEN status = 'Pending'
        THEN (ARRAY['owner', 'retry', 'rate_limit', 'operator'])[1 + n %% 4] ELSE '' END,
    CASE WHEN status = 'Failed' THEN 'owner' ELSE '' END, '{}', 0, 0,
    CASE WHEN status = 'Published' THEN 'post-' || n ELSE '' END, '',
    CASE status
        WHEN 'Failed' THEN (ARRAY['too_late', 'needs_reauth', 'content_rejected'])[1 + n %% 3]
        WHEN 'Pending' THEN 'unreachable' ELSE '' END,
    '', CASE WHEN status = 'Published' THEN due + interval '2 seconds' END, '', '', created,
    CASE WHEN status = 'Scheduled' THEN created ELSE due + interval '2 seconds' END,
    CASE WHEN n %% 100 = 0 THEN 'campaign ' || n %% 1000 ELSE '' END
FROM (
    SELECT n, status,
        (ARRAY['twitter', 'facebook', 'linkedin', 'instagram'])[1 + n %% 4] AS platform,
        now() - n * interval '30 days' / %(rows)s AS created,
        CASE WHEN status = 'Scheduled' THEN now() + n * interval '1 minute'
            ELSE now() - n * interval '30 days' / %(rows)s END AS due
    FROM (
        SELECT n, CASE WHEN n <= 5000 THEN 'Pending' WHEN n <= 25000 THEN 'Scheduled'
            WHEN n %% 100 = 1 THEN 'Failed' WHEN n %% 1000 = 2 THEN 'Unconfirmed'
            WHEN n %% 50 = 3 THEN 'Cancelled' ELSE 'Published' END AS status
        FROM generate_series(1, %(rows)s) AS n
    ) AS numbered
) AS made;
"""
JOBS = "/admin/publishing/publishjob/"
PAGES = {
    "start page": "/admin/",
    "job list": JOBS,
    "needs a person": f"{JOBS}?attention=person",
    "late now": f"{JOBS}?late=now",
    "published late (none)": f"{JOBS}?late=published",
    "failed in 24 hours": f"{JOBS}?ended=24h&status__exact=Failed&status__exact=ContentRejected",
    "status=Failed": f"{JOBS}?status__exact=Failed",
    "error_code=too_late": f"{JOBS}?error_code=too_late",
    "error_code=poison (none)": f"{JOBS}?error_code=poison",
    "waiting_for=owner": f"{JOBS}?waiting_for=owner",
    "who_acts=owner": f"{JOBS}?who_acts=owner",
    "user_id=user-77": f"{JOBS}?user_id=user-77",
    "platform=tiktok (none)": f"{JOBS}?platform=tiktok",
    "search: id of a job": f"{JOBS}?q=00000000-0000-0000-0001-000000900000",
    "search: id of a connection": f"{JOBS}?q=00000000-0000-0000-0000-000000000900",
    "search: user": f"{JOBS}?q=user-77",
    "search: reference": f"{JOBS}?q=campaign+500",
    "search: post": f"{JOBS}?q=post-900100",
    "search: account": f"{JOBS}?q=bakery+77",
    "search: nothing": f"{JOBS}?q=nothing",
    "page of a job": f"{JOBS}00000000-0000-0000-0001-000000900000/change/",
}


def fill(rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"rows": rows, "accounts": ACCOUNTS})
        cursor.execute("VACUUM ANALYZE publishing_publishjob")
        cursor.execute("VACUUM ANALYZE connections_socialconnection")


def measure(client: Client, address: str) -> list[str]:
    def once() -> float:
        started = time.perf_counter()
        response = client.get(address)
        if response.status_code != 200:
            raise SystemExit(f"{response.status_code} for {address}")
        return 1000 * (time.perf_counter() - started)

    once()
    with CaptureQueriesContext(connection) as queries:
        once()
    return [f"{len(queries)}", f"{statistics.median(once() for _ in range(5)):.0f}"]


def slowest_query(client: Client, address: str) -> str:
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return str(max(queries.captured_queries, key=lambda query: float(query["time"]))["sql"])


def print_plan(title: str, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + sql.replace("%", "%%"))
        print(f"\n{title}", *(line for [line] in cursor.fetchall()), sep="\n    ")


def main() -> None:
    from django.contrib.auth.models import User

    settings.CONSOLE_REQUIRE_SECOND_FACTOR = False
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    with migrated_postgres():
        started = time.monotonic()
        fill(options.rows)
        print(f"{options.rows:,} jobs in {time.monotonic() - started:.0f} s\n")
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.create_superuser("mara"))
        rows = ([name, *measure(client, address)] for name, address in PAGES.items())
        print(table(["page", "queries", "ms"], rows), flush=True)
        if options.plans:
            for address in PAGES.values():
                print_plan(address, slowest_query(client, address))


if __name__ == "__main__":
    main()
