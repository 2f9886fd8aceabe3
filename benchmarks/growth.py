"""What becomes slower as jobs grow in number: the drain, a claim, a page of jobs (PostgreSQL).

    python -m benchmarks.growth [drain] [rows] [--rows 3000000] [--due 20000] [--few 2000]

- `drain`: the rate of 20,000 due jobs beside that of 2,000, in turn.
- `rows`: three databases with 1,000, 3,000 and 3,000,000 ended jobs, each job with two entries of
  its history and an event. With few rows and with many, in turn: a claim of 256 of 1,000 due jobs
  with all that it stores (rolled back); `GET /publishing/jobs`, 50 jobs of a user who has 3,000,
  spread over all rows, and of one who has a third of all; the drain of 2,000 jobs.

Old jobs are copies of one that the service made, on the accounts of the due ones. Claims and pages
are measured in CPU time, of the caller and of PostgreSQL, and the fastest counts: other work on the
machine changes that least. Of drains the median counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import psycopg
from django.core.management import call_command
from django.db import connection, models, transaction
from django.test import Client

from benchmarks.drain import Bench, Figures, new_accounts
from benchmarks.processes import own_cpu_s
from benchmarks.report import Goal, verdict
from benchmarks.service import connect_to, temporary_postgres
from config.auth.dev_tokens import sign_dev_token
from publishing.engine.values import Step
from publishing.models import JobEvent, PublishJob
from publishing.worker.due import DueJobs
from publishing.worker.process import Worker
from publishing.worker.turn import Turn
from socialpublishing.clock import database_now
from socialpublishing.events.models import Event, EventFeed

ACCOUNTS = 2_000
CLAIM, CLAIMABLE = 256, 1_000
CLAIM_ROWS, PAGE_ROWS = 1_000, 3_000
TIMES = 5  # in each round
# The columns of copies that differ from the first row; `n` counts from 1.
JOB = {
    "id": "md5(n::text)::uuid",
    "user_id": "CASE WHEN n %% greatest(%(rows)s / 3000, 1) = 0 THEN 'few'"
    " WHEN n %% 3 = 1 THEN 'many' ELSE 'user' || n %% 100 END",
    "connection_id": "lpad(to_hex(n %% %(accounts)s), 32, '0')::uuid",
    "account": "'twitter:' || 1000 + n %% %(accounts)s",
    "remote_id": "'post' || n",
    **dict.fromkeys(
        ("scheduled_at", "published_at", "created_at", "updated_at"),
        "now() - n * interval '10 seconds'",
    ),
}
SAME = {name: JOB[name] for name in ("user_id", "connection_id")}
HISTORY = {"job_id": JOB["id"], "at": JOB["created_at"]}
EVENT = {"public_id": JOB["id"], "position": "n", "at": JOB["created_at"], **SAME}
# Those that no constraint needs.
PLAIN_INDEXES = """
SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
Act = Callable[[], object]
Found = TypeVar("Found")


# --- Many rows -----------------------------------------------------------------------------------


def fill(rows: int) -> None:
    """As many published jobs, with two entries of history and one event each."""
    Bench(1).store_jobs(new_accounts(ACCOUNTS)[:1])
    ended = {"status": "Published", "next_attempt_at": None, "published_at": database_now()}
    PublishJob.objects.update(**ended, remote_id="post")
    with connection.cursor() as cursor:
        # No check of foreign keys; indexes are built at the end: both save most of the time.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(PLAIN_INDEXES, [[each._meta.db_table for each in (PublishJob, JobEvent)]])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        multiply(PublishJob, rows, JOB)
        for model, changes in ((JobEvent, HISTORY), (JobEvent, HISTORY), (Event, EVENT)):
            sequence = f"nextval(pg_get_serial_sequence('{model._meta.db_table}', 'id'))"
            multiply(model, rows, {"id": sequence, **changes})
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("SET session_replication_role = DEFAULT")
        EventFeed.objects.update_or_create(id=1, defaults={"last_position": rows})
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def multiply(model: type[models.Model], rows: int, changes: dict[str, str]) -> None:
    """Copy the one row of `model`, with `changes`."""
    columns = [field.column for field in model._meta.concrete_fields]
    values = [changes.get(each, f"template.{each}") for each in columns]
    table_name = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_name} ({', '.join(columns)}) SELECT {', '.join(values)} FROM"
            f" (SELECT * FROM {table_name} LIMIT 1) AS template, generate_series(1, %(rows)s) AS n",
            {"rows": rows, "accounts": ACCOUNTS},
        )


@contextmanager
def databases(sizes: Iterable[int]) -> Iterator[dict[int, str]]:
    """The addresses of databases on one server, by their number of ended jobs."""
    with temporary_postgres() as url:
        urls = {size: f"{url.rpartition('/')[0]}/rows{size}" for size in sizes}
        for size, each in urls.items():
            with psycopg.connect(url, autocommit=True) as server:
                server.execute(f"CREATE DATABASE rows{size}")
            started = time.monotonic()
            with connect_to(each):
                call_command("migrate", verbosity=0)
            # The connection of migrations waits for no lock.
            with connect_to(each):
                fill(size)
            print(f"{size:,} ended jobs in {time.monotonic() - started:.0f} s", flush=True)
        yield urls


# --- What is measured ----------------------------------------------------------------------------


class Claimer(Worker):
    """Claims, and sends nothing."""

    def _hand_out(self, steps: Iterable[Step]) -> None:
        pass


def claimer() -> Act:
    """A function that claims and rolls back."""
    worker = Claimer("growth/1", threads=CLAIM)

    def claim() -> None:
        worker.due = DueJobs(CLAIM)
        with transaction.atomic():
            if worker.claim(Turn(now=database_now()), CLAIM) != CLAIM:
                raise SystemExit("A claim did not get all that it could.")
            transaction.set_rollback(True)

    return claim


def reader(user: str) -> Act:
    """A function that reads a page of the user's jobs."""
    token = sign_dev_token(user, lifetime=dt.timedelta(hours=12))
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})

    def read() -> None:
        response = client.get("/api/v1/publishing/jobs", {"limit": 50})
        if response.status_code != 200 or len(response.json()) != 50:
            raise SystemExit(f"{response.status_code}: {response.content[:200]!r}")

    return read


def milliseconds(act: Act) -> float:
    """CPU time of the fastest of TIMES, after two that warm up."""
    act()
    act()
    spent = []
    for _ in range(TIMES):
        before = own_cpu_s()
        act()
        spent.append(own_cpu_s() - before)
    return 1000 * min(spent)


def in_turn(rounds: int, *measures: Callable[[], Found]) -> list[list[Found]]:
    """What each of them found, in so many rounds in which they take turns."""
    found: list[list[Found]] = [[] for _ in measures]
    for _ in range(rounds):
        for each, measure in zip(found, measures, strict=True):
            each.append(measure())
    return found


# --- The parts -----------------------------------------------------------------------------------


def drain(options: argparse.Namespace) -> list[Goal]:
    def rate(posts: int) -> float:
        with temporary_postgres() as url:
            figures = Bench(posts).drain_service(url)
        print(f"{posts:,} due:", *figures.cells(), flush=True)
        return figures.jobs_a_second

    both = in_turn(options.drains, partial(rate, options.few), partial(rate, options.due))
    few, many = map(statistics.median, both)
    what = f"rate of {options.due:,} due ÷ of {options.few:,}"
    return [Goal(what=what, figure=many / few, at_least=0.9)]


def rows(options: argparse.Namespace) -> list[Goal]:
    with databases(sorted({CLAIM_ROWS, PAGE_ROWS, options.rows})) as urls:
        return [*claims(urls, options), *pages(urls, options), *drains(urls, options)]


def claims(urls: dict[int, str], options: argparse.Namespace) -> list[Goal]:
    def store(size: int) -> None:
        with connect_to(urls[size]):
            due = Bench(1).store_jobs(new_accounts(CLAIMABLE))
            time.sleep(max(0.0, (due - database_now()).total_seconds()))

    def claim(size: int) -> float:
        with connect_to(urls[size]):
            return milliseconds(claimer())

    sizes = (CLAIM_ROWS, options.rows)
    for size in sizes:
        store(size)
    few, many = map(min, in_turn(options.rounds, *(partial(claim, size) for size in sizes)))
    for size in sizes:
        with connect_to(urls[size]):
            PublishJob.objects.alive().delete()
    what = f"claim of {CLAIM} at {options.rows:,} rows ÷ at {CLAIM_ROWS:,}"
    print(f"{what}: {many:.1f} ms, {few:.1f} ms", flush=True)
    return [Goal(what=what, figure=many / few, at_most=1.3)]


def pages(urls: dict[int, str], options: argparse.Namespace) -> list[Goal]:
    def page(size: int, user: str) -> float:
        with connect_to(urls[size]):
            return milliseconds(reader(user))

    places = ((PAGE_ROWS, "few"), (options.rows, "few"), (options.rows, "many"))
    base, few, many = map(min, in_turn(options.rounds, *(partial(page, *each) for each in places)))
    what = f"page of 50 at {options.rows:,} rows ÷ at {PAGE_ROWS:,}"
    print(f"{what}: {few:.1f} ms, user with a third {many:.1f} ms, {base:.1f} ms", flush=True)
    return [
        Goal(what=f"{what}, user with {PAGE_ROWS:,}", figure=few / base, at_most=1.5),
        Goal(what=f"{what}, user with a third", figure=many / base, at_most=1.5),
    ]


def drains(urls: dict[int, str], options: argparse.Namespace) -> list[Goal]:
    def drained(size: int) -> Figures:
        figures = Bench(options.few).drain_service(urls[size])
        print(f"drain beside {size:,} ended jobs:", *figures.cells(), flush=True)
        return figures

    sizes = (CLAIM_ROWS, options.rows)
    few, many = in_turn(options.drains, *(partial(drained, size) for size in sizes))

    def ratio(of: Callable[[Figures], float]) -> float:
        return statistics.median(map(of, many)) / statistics.median(map(of, few))

    beside = f"beside {options.rows:,} ended jobs ÷ {CLAIM_ROWS:,}"
    return [
        Goal(
            what=f"rate of the drain {beside}",
            figure=ratio(lambda each: each.jobs_a_second),
            at_least=0.9,
        ),
        Goal(
            what=f"PostgreSQL CPU of the drain {beside}",
            figure=ratio(lambda each: each.postgres_ms or 0),
            at_most=1.3,
        ),
    ]


def main() -> None:
    parts = {"drain": drain, "rows": rows}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=", ".join(parts), default=list(parts))
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--due", type=int, default=20_000)
    parser.add_argument("--few", type=int, default=2_000, help="jobs of the short drains")
    parser.add_argument("--rounds", type=int, default=7, help="of claims and pages")
    parser.add_argument("--drains", type=int, default=2, help="of each kind")
    options = parser.parse_args()
    print("due:", *Figures.HEAD, sep=" | ")
    print(verdict(*(goal for part in options.parts for goal in parts[part](options))))


if __name__ == "__main__":
    main()
