"""An upgrade without stopping: the release before and this one on one database."""

from __future__ import annotations

import datetime as dt
import importlib.util
import io
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config.auth.dev_tokens import sign_dev_token
from config.run import ROOT
from config.run.journey import Caller
from config.run.processes import free_port
from config.run.release_before import COMMIT
from config.run.service import manage, web_command
from config.tests.test_kill import Service, responds, wait

ACCOUNTS = 3
EACH = 6


@pytest.fixture
def release_before(tmp_path) -> Path:
    """The code of the release before, from this repository."""
    packed = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True)
    if packed.returncode:
        pytest.skip(f"this clone lacks the release before, {COMMIT[:7]}: git fetch --unshallow")
    folder = tmp_path / "release_before"
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    # Only its pages need this package, which this release no longer has.
    if importlib.util.find_spec("drf_spectacular_sidecar") is None:
        (folder / "drf_spectacular_sidecar").mkdir()
        (folder / "drf_spectacular_sidecar/__init__.py").touch()
    return folder


class Releases(Service):
    """Web and worker of both."""

    def __init__(self, database_url: str, sandbox: Any, old_code: Path) -> None:
        super().__init__(database_url, sandbox)
        self.old_code = old_code
        self.old_port = free_port()
        self.old_url = f"http://127.0.0.1:{self.old_port}"

    def start_old(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {**self.environment, "SERVICE_BASE_URL": self.old_url}
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=self.old_code,
            env=environment,
            process_group=0,
        )
        self.processes.append(process)
        return process

    def start_web(self) -> None:
        self.start(*web_command("127.0.0.1", self.port))
        wait(lambda: responds(f"{self.url}/readyz"), 60)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            manage(*command), env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def releases(empty_database_url, sandbox, release_before):
    releases = Releases(empty_database_url, sandbox, release_before)
    assert releases.start_old("migrate", "-v0").wait() == 0
    releases.start_old("runserver", "--noreload", str(releases.old_port))
    wait(lambda: responds(f"{releases.old_url}/readyz"), 60)
    releases.start_old("worker")
    yield releases
    releases.stop()


class User:
    """Publishes through either release, and knows what has to be public."""

    def __init__(self, releases: Releases, sandbox: Any) -> None:
        token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
        self.sandbox = sandbox
        self.old, self.new = (
            Caller(service=url, sandbox=sandbox.url, token=token)
            for url in (releases.old_url, releases.url)
        )
        self.connections: list[str] = []
        self.texts: list[str] = []

    def connect(self) -> str:
        self.sandbox.account("twitter")  # the consent page preselects the newest
        return str(self.old.connect("twitter")["id"])

    def publish(self, caller: Caller, name: str, **more: Any) -> None:
        path = "/publishing/schedule" if more else "/publishing/publish"
        for number in range(EACH):
            connection = self.connections[number % ACCOUNTS]
            text = f"{name} {number}"
            body = {"connection_id": connection, "text_content": text, **more}
            caller.call("POST", path, json=body, expect=202)
            self.texts.append(text)

    def is_all_public(self) -> bool:
        return len(self.sandbox.posts()) >= len(self.texts)

    def assert_each_is_public_once(self) -> None:
        wait(self.is_all_public, 120)
        assert sorted(post["text"] for post in self.sandbox.posts()) == sorted(self.texts)


@pytest.mark.night
def test_both_releases_publish_on_one_database_until_the_new_one_has_taken_over(releases, sandbox):
    user = User(releases, sandbox)
    user.connections = [user.connect() for _ in range(ACCOUNTS)]
    lost = user.connect()
    user.publish(user.old, "Before the upgrade")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=75)
    user.publish(user.old, "Scheduled by the release before", schedule_time=later.isoformat())
    wait(lambda: len(sandbox.posts()) >= EACH, 90)

    # The new schema, while the release before works.
    releases.run("migrate", "-v0")
    user.publish(user.old, "By the release before on the new schema")
    wait(lambda: len(sandbox.posts()) >= 2 * EACH, 90)

    # It stores what it waits for as it always did.
    refused = {"code": 401, "body": {"title": "Unauthorized", "status": 401}}
    sandbox.fault("status", refused, method="POST", path="^/2/tweets$", times=2)
    invalid = {"code": 400, "body": {"error": "invalid_grant"}}
    sandbox.fault("status", invalid, method="POST", path="token", times=1)
    body = {"connection_id": lost, "text_content": "Waits for its owner"}
    job = user.old.call("POST", "/publishing/publish", json=body, expect=202).json()["job_id"]

    def waits() -> bool:
        status = user.old.call("GET", f"/publishing/jobs/{job}/status").json()
        return bool(status["error_code"] == "needs_reauth")

    wait(waits, 60)
    sandbox.call("DELETE", "faults")

    # The new release beside it.
    releases.start_web()
    releases.start_worker()
    for caller, name in ((user.old, "By the old web"), (user.new, "By the new web")):
        user.publish(caller, name)
    user.assert_each_is_public_once()
    shown = user.new.call("GET", f"/publishing/jobs/{job}").json()
    assert (shown["status"], shown["waiting_for"]) == ("Pending", "owner")
    assert shown["who_acts"] == "owner"
    listed = user.new.call("GET", "/publishing/jobs?limit=100").json()
    assert Counter(each["status"] for each in listed) == {
        "Published": len(user.texts),
        "Pending": 1,
    }
    assert len(user.old.call("GET", "/publishing/jobs").json()) == len(listed)

    # The new one alone, with its envelope.
    for process in releases.processes[:3]:
        process.terminate()
    for process in releases.processes[1:3]:
        process.wait(90)
    releases.run("rotate_keys", "--new-envelope")
    assert "envelope v1" not in releases.run("rotate_keys", "--check")
    user.publish(user.new, "By the new release alone")
    user.assert_each_is_public_once()
