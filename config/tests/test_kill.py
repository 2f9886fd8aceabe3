"""The service as processes; a worker is killed while it publishes."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import IO, Any

import psycopg
import pytest
import requests

from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller, PlannedPost
from config.run.processes import free_port
from config.run.service import manage, web_command
from conftest import Sandbox
from socialpublishing.tests.receiver import Receiver

ACCOUNTS = 5


class Service:
    """Web and worker as processes."""

    def __init__(self, database_url: str, sandbox: Sandbox) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "SANDBOX_URL": sandbox.url,
            "SERVICE_BASE_URL": self.url,
        }
        self.web = web_command("127.0.0.1", self.port)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environment, process_group=0, stderr=log)
        self.processes.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self.start(*manage("worker"))

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def service(database_url: str, sandbox: Sandbox, receiver: Receiver) -> Iterator[Service]:
    service = Service(database_url, sandbox)
    service.environment["WEBHOOK_ALLOWED_ORIGINS"] = receiver.origin
    service.start(*service.web)
    wait(lambda: responds(f"{service.url}/healthz"), 30)
    yield service
    service.stop()


def responds(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def wait(condition: Any, seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "timeout"
        time.sleep(0.1)


# A successor that starts later than DEAD_AFTER takes the leases over; an earlier one waits for
# their end.
@pytest.mark.parametrize(
    ("jobs", "pause_s"), [(15, 6), pytest.param(100, 0, marks=pytest.mark.night)]
)
def test_each_post_is_published_once_although_the_worker_is_killed(
    service, sandbox, receiver, jobs, pause_s
):
    """And each event reaches a webhook."""
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    caller = Caller(service=service.url, sandbox=sandbox.url, token=token)
    webhook = caller.call("POST", "/webhooks", json={"url": receiver.url}, expect=201).json()
    connections = []
    for _ in range(ACCOUNTS):
        sandbox.account("twitter")  # the consent page preselects the newest
        connections.append(caller.connect("twitter")["id"])
    sandbox.fault("delay", 0.3, method="POST", path="^/2/tweets$", times=jobs * 3)
    for number in range(jobs):
        connection = connections[number % ACCOUNTS]
        caller.publish(PlannedPost(platform="twitter", text=f"Post {number}"), connection)

    worker = service.start_worker()
    wait(lambda: len(sandbox.posts()) >= jobs // 3, 90)
    worker.kill()  # its child processes end with it, also those with a publish request in flight
    worker.wait()
    time.sleep(pause_s)
    service.start_worker()

    def all_published() -> bool:
        listed = caller.call("GET", "/publishing/jobs?limit=100").json()
        return Counter(job["status"] for job in listed) == {"Published": jobs}

    wait(all_published, 240)
    texts = [post["text"] for post in sandbox.posts()]
    assert sorted(texts) == sorted(f"Post {number}" for number in range(jobs))
    feed = {event["id"] for event in feed_of(caller)}
    assert len(feed) >= 2 * jobs
    wait(lambda: receiver.counts(webhook["secret"]).keys() == feed, 90)


def feed_of(caller: Caller) -> list[dict[str, Any]]:
    """All events of the caller, in the order of the feed."""
    found: list[dict[str, Any]] = []
    after = ""
    while events := (page := caller.call("GET", f"/events?limit=100&after={after}").json())[
        "events"
    ]:
        found, after = [*found, *events], page["next"]
    return found


COMMENTED = 40


@pytest.mark.night
def test_each_first_comment_is_made_once_although_workers_are_killed(service, sandbox):
    caller = caller_of("alice", service, sandbox)
    sandbox.fault("delay_after", 0.4, method="POST", path="^/2/tweets$", times=COMMENTED * 2)
    for number in range(COMMENTED):
        if number % 8 == 0:
            sandbox.account("twitter")
            connection = caller.connect("twitter")["id"]
        options = (("first_comment", f"Comment {number}"),)
        post = PlannedPost(platform="twitter", text=f"Post {number}", options=options)
        caller.publish(post, connection)

    def commented() -> list[str]:
        return [each["text"] for each in sandbox.posts() if "reply" in each["details"]]

    for kill in range(8):
        worker = service.start_worker()
        wait(lambda: len(commented()) >= min(kill * 4 + 1, COMMENTED), 90)  # noqa: B023
        worker.kill()
        worker.wait()
    service.start_worker()
    wait(lambda: len(sandbox.posts()) >= 2 * COMMENTED, 400)
    time.sleep(5)

    assert sorted(commented()) == sorted(f"Comment {number}" for number in range(COMMENTED))
    assert len(sandbox.posts()) == 2 * COMMENTED
    assert all(not job["warnings"] for job in caller.call("GET", "/publishing/jobs").json())


JOBS = 4_000
MANY_JOBS = """
from django.utils import timezone
from publishing.models import PublishJob
now = timezone.now()
PublishJob.objects.bulk_create([
    PublishJob(user_id="alice", connection_id="{connection}", platform="twitter",
        account="twitter:1", text="Old", status="Failed", created_at=now, updated_at=now)
    for _ in range({jobs})
], batch_size=500)
"""


def count_jobs(database_url: str) -> int:
    query = "SELECT count(*) FROM publishing_publishjob"
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as opened:
            return int(opened.execute(query).fetchone()[0])
    with psycopg.connect(database_url) as opened:
        return int(opened.execute(query).fetchone()[0])


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.night)])
def test_erasure_that_is_killed_goes_on_where_it_stopped(service, sandbox, database_url, kills):
    caller = caller_of("alice", service, sandbox)
    sandbox.account("twitter")
    script = MANY_JOBS.format(connection=caller.connect("twitter")["id"], jobs=JOBS)
    subprocess.run(
        manage("shell", "-c", script),
        env=service.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    command = manage("erase_user", "alice", "--yes")

    def has_begun(erasing: subprocess.Popen[bytes], left: int) -> bool:
        return count_jobs(database_url) < left or erasing.poll() is not None

    for _ in range(kills):
        left, erasing = count_jobs(database_url), service.start(*command)
        wait(partial(has_begun, erasing, left), 60)
        erasing.kill()
        erasing.wait()
    done = subprocess.run(command, env=service.environment, check=True, capture_output=True)

    receipt = json.loads(done.stdout)
    assert count_jobs(database_url) == 0
    assert receipt["erased"]["publishing_publishjob"] == JOBS
    assert receipt["erased"]["connections_socialconnection"] == 1
    assert receipt["kept"] == {}


def test_user_is_erased_while_a_worker_publishes(service, sandbox, database_url):
    """Nothing of the user is left, nothing goes out twice, and the other user notices nothing."""
    posts = 12
    callers = {user: caller_of(user, service, sandbox) for user in ("alice", "bob")}
    sandbox.fault("delay_after", 0.3, method="POST", path="^/2/tweets$", times=posts * 4)
    for user, caller in callers.items():
        for _ in range(3):
            sandbox.account("twitter")
            connection = caller.connect("twitter")["id"]
            for number in range(posts // 3):
                text = f"Post {number} of {user} by {connection}"
                caller.publish(PlannedPost(platform="twitter", text=text), connection)
    service.start_worker()
    wait(lambda: len(sandbox.posts()) >= 4, 60)

    erased = subprocess.run(
        manage("erase_user", "alice", "--yes"), env=service.environment, capture_output=True
    )

    assert erased.returncode == 0, erased.stderr
    receipt = json.loads(erased.stdout)

    def others_are_published() -> bool:
        listed = callers["bob"].call("GET", "/publishing/jobs?limit=100").json()
        return Counter(job["status"] for job in listed) == {"Published": posts}

    wait(others_are_published, 60)
    jobs = receipt["erased"].get("publishing_publishjob", 0)
    kept = receipt["kept"].get("publishing_publishjob", 0)
    assert jobs + kept == posts
    assert count_jobs(database_url) == posts + kept
    texts = [post["text"] for post in sandbox.posts()]
    assert len(texts) == len(set(texts))
    assert callers["alice"].call("GET", "/publishing/jobs").json() == []


def caller_of(user: str, service: Service, sandbox: Sandbox) -> Caller:
    token = sign_dev_token(user, lifetime=dt.timedelta(hours=1))
    return Caller(service=service.url, sandbox=sandbox.url, token=token)
