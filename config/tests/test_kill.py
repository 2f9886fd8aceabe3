"""The service as processes; a worker is killed while it publishes."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller, PlannedPost
from config.run.processes import free_port
from config.run.service import manage, web_command
from conftest import Sandbox

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
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environment, process_group=0)
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
def service(database_url: str, sandbox: Sandbox) -> Iterator[Service]:
    service = Service(database_url, sandbox)
    subprocess.run(manage("migrate", "-v0"), env=service.environment, check=True)
    service.start(*web_command("127.0.0.1", service.port))
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
def test_each_post_is_published_once_although_the_worker_is_killed(service, sandbox, jobs, pause_s):
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    caller = Caller(service=service.url, sandbox=sandbox.url, token=token)
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
