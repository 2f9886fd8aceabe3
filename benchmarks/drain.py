"""Jobs that are due in the same second, published at a platform that takes 250 ms for a request.

Several benchmarks measure something of it. Each job sends two requests that take so long: a thread
of two posts on X; or, with photos, an upload and a post, after the photo was read from its source.
All jobs are stored before the first is due. The platform (`benchmarks/fake_platform.py`) measures
the rate, from the first request to the last response. The CPU time is that of the same time, the
memory (PSS) that of the workers after half of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from benchmarks.processes import cpu_s, memory_mib, postmaster
from benchmarks.service import connect_to, responds, wait
from config.run.environment import first_free
from config.run.processes import die_with_parent
from config.run.service import manage
from connections.models import SocialConnection
from connections.targets import PostingTarget
from publishing.accepting import new_job
from publishing.checking import Draft, checked
from publishing.models import PublishJob, WorkerSlot
from publishing.transitions import record_start
from socialpublishing.clock import database_now
from socialpublishing.crypto import Secret

CALLS = 2
USERS = 100
START_S = 5  # from the end of storing, as it was estimated, until the jobs are due
STORED_A_SECOND = 500
STOP_S = 60


@dataclass(frozen=True, kw_only=True)
class Figures:
    jobs_a_second: float
    worker_ms: float
    postgres_ms: float | None
    memory_mib: float

    HEAD: ClassVar = ("jobs/s", "worker CPU ms/job", "PostgreSQL CPU ms/job", "memory MiB")

    def cells(self) -> list[str]:
        postgres = "" if self.postgres_ms is None else f"{self.postgres_ms:.2f}"
        return [
            f"{self.jobs_a_second:.0f}",
            f"{self.worker_ms:.2f}",
            postgres,
            f"{self.memory_mib:.0f}",
        ]


class Bench:
    def __init__(self, posts: int, *, has_photos: bool = False) -> None:
        self.posts = posts
        self.has_photos = has_photos
        self.platform_url = f"http://127.0.0.1:{first_free(18300)}"
        settings.SANDBOX_URL = self.platform_url
        settings.MEDIA_ALLOWED_ORIGINS = [self.platform_url]
        self.environment = {
            **os.environ,
            "SANDBOX_URL": self.platform_url,
            "PLATFORM_URL": self.platform_url,
            "LOG_LEVEL": "ERROR",
        }

    # --- Processes -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self, *command: str, **environment: str) -> Iterator[int]:
        process = subprocess.Popen(
            command,
            env={**self.environment, **environment},
            process_group=0,
            preexec_fn=die_with_parent(),
        )
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

    @contextlib.contextmanager
    def service(self, url: str, *, groups: Sequence[str] = ("one",)) -> Iterator[list[int]]:
        """The platform, and a worker for each group, on the database at `url`.

        Django of this process uses that database as well.
        """
        with connect_to(url), self.platform(), contextlib.ExitStack() as stack:
            call_command("migrate", verbosity=0)
            self.environment["DATABASE_URL"] = url
            started = database_now()
            workers = [
                # PostgreSQL shows the connections of each group under its name.
                stack.enter_context(
                    self.running(*manage("worker"), WORKER_GROUP=name, PGAPPNAME=name)
                )
                for name in groups
            ]
            slots = WorkerSlot.objects.filter(heartbeat_at__gt=started)
            wait(lambda: slots.count() == len(groups) * settings.PUBLISH_PROCESSES)
            yield workers

    # --- What the platform has seen --------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.platform_url}/stats", timeout=30).json())

    def arrivals(self) -> dict[str, float]:
        """When the first request for each text came, in seconds of the Unix epoch."""
        return dict(requests.get(f"{self.platform_url}/arrivals", timeout=30).json())

    # --- Jobs ------------------------------------------------------------------------------------

    def store_jobs(self, accounts: Sequence[SocialConnection]) -> dt.datetime:
        """One for each of `accounts`, all due in the same second; returns when.

        Their texts are "Post 0" and so on. The checks are made for the first one alone.
        """
        draft = Draft(connection_id=accounts[0].pk, text="Post", **self._content())
        found = checked(draft, accounts[0])
        now = database_now()
        jobs = []
        for number, account in enumerate(accounts):
            target = PostingTarget(connection=account)
            job = new_job(
                replace(found, candidate=replace(found.candidate, target=target)), now=now
            )
            job.text = f"Post {number}"
            jobs.append(job)
        due = database_now() + dt.timedelta(seconds=START_S + len(jobs) / STORED_A_SECOND)
        for job in jobs:
            job.status, job.scheduled_at, job.next_attempt_at = "Scheduled", due, due
        for start in range(0, len(jobs), 1000):
            record_start(jobs[start : start + 1000], now=now, actor="benchmark")
        if database_now() > due:
            raise SystemExit("They were due before all were stored.")
        return due

    def _content(self) -> dict[str, Any]:
        if not self.has_photos:
            return {"options": {"thread": ["And the second post."]}}
        url = f"{self.platform_url}/photo.jpg"
        return {"assets": [{"url": url, "asset_type": "image", "mime_type": "image/jpeg"}]}

    # --- The drain -------------------------------------------------------------------------------

    def drain(
        self,
        workers: Sequence[int],
        posts: int,
        *,
        server: int | None,
        at_half: Callable[[], object] = lambda: None,
    ) -> Figures:
        """What workers that have been started do until all jobs are published."""

        def workers_s() -> float:
            return sum(map(cpu_s, workers))

        wait(lambda: self.stats()["first"], every_s=0.02)
        worker_s, server_s = workers_s(), cpu_s(server) if server else 0
        wait(lambda: self.stats()["count"] >= posts * CALLS / 2, every_s=0.1)
        memory = sum(map(memory_mib, workers))
        at_half()
        wait(lambda: self.stats()["count"] >= posts * CALLS, every_s=0.1)
        stats = self.stats()
        return Figures(
            jobs_a_second=posts / (stats["last"] - stats["first"]),
            worker_ms=1000 * (workers_s() - worker_s) / posts,
            postgres_ms=1000 * (cpu_s(server) - server_s) / posts if server else None,
            memory_mib=memory,
        )

    def drain_service(self, url: str, **options: Any) -> Figures:
        """The drain by the service, one job for each account; fails unless each goes out once."""
        with self.service(url) as workers:
            return self.drain_stored(workers, new_accounts(self.posts), **options)

    def drain_stored(
        self, workers: Sequence[int], accounts: Sequence[SocialConnection], **options: Any
    ) -> Figures:
        started = database_now()
        self.store_jobs(accounts)
        server = postmaster() if connection.vendor == "postgresql" else None
        figures = self.drain(workers, len(accounts), server=server, **options)
        wait(lambda: not PublishJob.objects.alive().exists(), every_s=0.5)
        ended = PublishJob.objects.filter(created_at__gte=started, status="Published").count()
        if ended != len(accounts) or self.stats()["count"] != len(accounts) * CALLS:
            raise SystemExit(f"{ended} of {len(accounts)} are published once.")
        return figures


def new_accounts(count: int, *, first: int = 0, user: str = "") -> list[SocialConnection]:
    """Connected accounts on X with the numbers from `first` on. Those that exist stay."""
    accounts = [
        SocialConnection(
            id=uuid.UUID(int=number),
            user_id=user or f"user{number % USERS}",
            platform="twitter",
            external_user_id=str(1000 + number),
            external_display_name="Baker",
            access_token=Secret("x" * 40),
            expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=8),
        )
        for number in range(first, first + count)
    ]
    SocialConnection.objects.bulk_create(accounts, ignore_conflicts=True)
    return accounts
