"""How long writers wait while the database of the release before is migrated (PostgreSQL).

    python -m benchmarks.migrations [--jobs 1000000]

It fills the schema of that release with jobs, and migrates it while one connection inserts jobs and
another one changes them, with the columns of that release. It prints the longest time that a writer
waited for a lock, and the longest statement, for each migration that held somebody up. The exit
code is 1 if a wait was longer than a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import psycopg

import benchmarks.service  # noqa: F401  the environment of Django
from benchmarks.report import table
from config.run import release_before
from config.run.postgres import temporary_postgres
from config.run.service import manage

# Without the signals of `migrate`: what listens to them needs all tables.
TO_RELEASE_BEFORE = f"""
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connection)
others = ("auth", "axes", "contenttypes", "django_q", "sessions", "admin")
leaves = [leaf for app in others for leaf in executor.loader.graph.leaf_nodes(app)]
executor.migrate([*leaves, *{list(release_before.MIGRATIONS.items())}])
"""
MAX_WAIT_S = 1.0
COLUMNS = """
INSERT INTO publishing_publishjob (
    id, user_id, platform, account, account_name, text, assets, platform_specific_options, status,
    scheduled_at, next_attempt_at, lease_owner, fence, claims, attempts, retry_pause_s, progress,
    publish_calls, looks, remote_id, post_url, error_code, error_message, published_at,
    idempotency_key, request_hash, created_at, updated_at
)
"""
MANY = """
SELECT gen_random_uuid(), 'user ' || n % 5000, 'twitter', 'twitter:' || n % 5000, 'Baker',
    repeat('text ', 40), '[]', '{}', status, NULL, CASE WHEN status = 'Pending' THEN at END, '', 0,
    0, 0, 0, '{}', 0, 0, CASE WHEN status = 'Published' THEN n::text ELSE '' END, '',
    CASE status WHEN 'Pending' THEN 'needs_reauth' WHEN 'Failed' THEN 'too_late' ELSE '' END, '',
    CASE WHEN status = 'Published' THEN at END, '', '', at, at
FROM (
    SELECT n, now() - n * interval '10 seconds' AS at,
        CASE WHEN n % 100 = 1 THEN 'Pending' WHEN n % 20 = 2 THEN 'Failed' ELSE 'Published' END
            AS status
    FROM generate_series(1, %s) AS n
) AS numbered
"""
ONE = """
VALUES (gen_random_uuid(), 'writer', 'twitter', 'twitter:w', '', 'New', '[]', '{}', 'Pending', NULL,
    now(), '', 0, 0, 0, 0, '{}', 0, 0, '', '', '', '', NULL, '', '', now(), now())
"""
CHANGE = """
UPDATE publishing_publishjob SET claims = claims + 1, updated_at = now() WHERE id = (
    SELECT id FROM publishing_publishjob WHERE next_attempt_at IS NOT NULL
    ORDER BY next_attempt_at, id LIMIT 1)
"""
WAITS = """
SELECT extract(epoch FROM clock_timestamp() - waitstart)::float FROM pg_locks
WHERE NOT granted AND waitstart IS NOT NULL AND pid = ANY(%s)
"""
LATEST = "SELECT app || '.' || name FROM django_migrations ORDER BY id DESC LIMIT 1"


class Load:
    """Two writers, and one that measures how long they wait; by the migration before."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.writers: list[int] = []
        self.after = ""
        self.lock_waits: dict[str, float] = defaultdict(float)
        self.statements: dict[str, float] = defaultdict(float)
        self.count = 0
        self.is_over = threading.Event()
        targets: list[Callable[[], None]] = [
            lambda: self.write(COLUMNS + ONE),
            lambda: self.write(CHANGE),
            self.measure,
        ]
        self.threads = [threading.Thread(target=each) for each in targets]

    def write(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.writers.append(connection.info.backend_pid)
            while not self.is_over.wait(0.01):
                after, started = self.after, time.monotonic()
                connection.execute(sql)
                taken = time.monotonic() - started
                self.statements[after] = max(self.statements[after], taken)
                self.count += 1

    def measure(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.is_over.wait(0.02):
                [found] = connection.execute(LATEST).fetchall()
                self.after = str(found[0])
                for [waited] in connection.execute(WAITS, [self.writers]).fetchall():
                    self.lock_waits[self.after] = max(self.lock_waits[self.after], waited)

    def __enter__(self) -> Load:
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.is_over.set()
        for each in self.threads:
            each.join()


def command(url: str, *arguments: str) -> None:
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run(manage(*arguments), env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    with temporary_postgres() as url:
        command(url, "shell", "-v0", "-c", TO_RELEASE_BEFORE)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(COLUMNS + MANY.replace("%s", str(jobs)))  # type: ignore[arg-type]
            connection.execute("VACUUM ANALYZE")
        with Load(url) as load:
            started = time.monotonic()
            command(url, "migrate", "-v0", "--skip-checks")
            taken = time.monotonic() - started
    worst = max(load.lock_waits.values(), default=0.0)
    rows = [
        [name or "-", f"{load.lock_waits[name]:.2f}", f"{load.statements[name]:.2f}"]
        for name in sorted(load.statements, key=lambda each: -load.lock_waits[each])[:5]
    ]
    print(
        table(["after the migration", "longest wait for a lock, s", "longest statement, s"], rows)
    )
    print(f"\n{jobs} jobs, migrated in {taken:.0f} s; {load.count} writes meanwhile.")
    print(f"Longest wait for a lock: {worst:.2f} s.")
    sys.exit(worst > MAX_WAIT_S)


if __name__ == "__main__":
    main()
