"""The whole service, its processes killed in the middle of their work."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.conf import settings as django_settings

from config.auth.dev_tokens import sign_dev_token
from config.run.environment import first_free
from config.run.journey import Caller
from config.run.service import manage, web_command
from conftest import Sandbox

JOBS, ACCOUNTS = 50, 10


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database of its own, of the kind that the tests run on: other processes have to see it."""
    default = django_settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        yield f"sqlite:///{tmp_path}/service.sqlite3"
        return
    name = f"kill_{uuid.uuid4().hex[:12]}"
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{url}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{url}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Service:
    """Web and worker as processes, on a database and with a sandbox of their own."""

    def __init__(self, database_url: str, sandbox: Sandbox) -> None:
        self.port = first_free(18000)
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
    wait(lambda: responses(f"{service.url}/healthz"), 30)
    yield service
    service.stop()


def responses(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def wait(condition: Any, seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come about in time"
        time.sleep(0.1)


def test_worker_killed_in_the_middle_of_50_jobs_loses_and_doubles_none(service, sandbox):
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    caller = Caller(service=service.url, sandbox=sandbox.url, token=token)
    connections = []
    for _ in range(ACCOUNTS):
        sandbox.account("twitter")  # the newest is preselected on the consent page
        connections.append(caller.connect("twitter")["id"])
    sandbox.fault("delay", 0.3, method="POST", path="^/2/tweets$", times=JOBS * 3)
    headers = {"Authorization": f"Bearer {token}"}
    for number in range(JOBS):
        body = {"connection_id": connections[number % ACCOUNTS], "text_content": f"Post {number}"}
        response = requests.post(
            f"{service.url}/api/v1/publishing/publish", json=body, headers=headers, timeout=5
        )
        assert response.status_code == 202

    worker = service.start_worker()
    wait(lambda: len(sandbox.posts()) >= JOBS // 3, 90)
    worker.kill()  # its whole tree dies with it, calls under way and all
    worker.wait()
    service.start_worker()

    def all_published() -> bool:
        jobs = requests.get(
            f"{service.url}/api/v1/publishing/jobs?limit=100", headers=headers, timeout=5
        ).json()
        return Counter(job["status"] for job in jobs) == {"Published": JOBS}

    wait(all_published, 150)
    texts = [post["text"] for post in sandbox.posts()]
    assert sorted(texts) == sorted(f"Post {number}" for number in range(JOBS))
