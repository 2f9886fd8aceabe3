"""Edits and cancellations race against workers that start the same jobs."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller
from config.run.service import manage, web_command
from config.tests.test_kill import Service, responds, wait
from conftest import Sandbox

ACCOUNTS, AHEAD_S = 20, 1.5
# When the caller acts, in seconds after the post is due: before and after a worker claims it.
ACTS_AFTER_S = (-0.1, 0.45)


@pytest.fixture
def service(database_url: str, sandbox: Sandbox) -> Iterator[Service]:
    service = Service(database_url, sandbox)
    service.environment |= {
        "THROTTLE_USER": "0",
        "MEDIA_ALLOWED_ORIGINS": sandbox.url,
        "PUBLISH_PROCESSES": "2",
    }
    subprocess.run(manage("migrate", "-v0"), env=service.environment, check=True)
    service.start(*web_command("127.0.0.1", service.port))
    wait(lambda: responds(f"{service.url}/healthz"), 30)
    service.start_worker()
    wait(lambda: responds(f"{service.url}/healthz/worker"), 60)
    yield service
    service.stop()


@dataclass(kw_only=True)
class Race:
    """One post, and what its caller did at the time it was due."""

    job_id: str
    text: str
    action: str
    response: Any = None

    @property
    def new_text(self) -> str:
        return f"{self.text}, edited"

    @property
    def was_accepted(self) -> bool:
        return bool(self.response.status_code == 200)

    def expected(self) -> list[str]:
        """The texts that must be public in the end."""
        if not self.was_accepted:
            return [self.text]
        return [self.new_text] if self.action == "edit" else []


class Track:
    """A caller with its accounts, who schedules posts and changes them when they are due."""

    def __init__(self, service: Service, sandbox: Sandbox) -> None:
        token = sign_dev_token("alice", lifetime=dt.timedelta(hours=2))
        self.base = f"{service.url}/api/v1/publishing"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.picture = sandbox.picture()
        caller = Caller(service=service.url, sandbox=sandbox.url, token=token)
        self.connections = []
        for _ in range(ACCOUNTS):
            sandbox.account("twitter")  # the consent page preselects the newest
            self.connections.append(caller.connect("twitter")["id"])

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        url = f"{self.base}/{path}"
        return requests.request(method, url, json=body, headers=self.headers, timeout=30)

    def race(self, name: str, connection: str, start: float) -> Race:
        """Schedule a post, and edit or cancel it when it is due, at `start` on our clock."""
        due = dt.datetime.fromtimestamp(start, tz=dt.UTC)
        body = {
            "connection_id": connection,
            "text_content": name,
            "schedule_time": due.isoformat(),
            # With a picture there is a step before the publish request.
            "assets": [self.picture] if random.random() < 0.3 else [],
        }
        accepted = self.call("POST", "schedule", body)
        assert accepted.status_code == 202, accepted.text
        race = Race(
            job_id=accepted.json()["job_id"], text=name, action=random.choice(["edit", "cancel"])
        )
        time.sleep(max(0, start + random.uniform(*ACTS_AFTER_S) - time.time()))
        if race.action == "edit":
            change = {"text_content": race.new_text}
            race.response = self.call("PATCH", f"jobs/{race.job_id}", change)
        else:
            race.response = self.call("POST", f"jobs/{race.job_id}/cancel")
        return race

    def run(self, count: int) -> list[Race]:
        races: list[Race] = []
        with ThreadPoolExecutor(ACCOUNTS) as callers:
            while len(races) < count:
                start = time.time() + AHEAD_S
                started = [
                    callers.submit(self.race, f"Post {len(races) + n}", connection, start)
                    for n, connection in enumerate(self.connections)
                ]
                races += [each.result() for each in started]
        return races

    def has_open_jobs(self) -> bool:
        open_ = ("Pending", "Scheduled", "Processing", "Unconfirmed")
        return any(self.call("GET", f"jobs?status={status}&limit=1").json() for status in open_)


@pytest.mark.night
def test_no_old_text_goes_out_after_an_edit_and_nothing_after_a_cancellation(service, sandbox):
    track = Track(service, sandbox)

    races = track.run(1000)
    wait(lambda: not track.has_open_jobs(), 120)

    outcomes = Counter((race.action, race.response.status_code) for race in races)
    # All four must have happened, or it was no race.
    assert outcomes.keys() == {(a, s) for a in ("edit", "cancel") for s in (200, 409)}, outcomes
    assert min(outcomes.values()) > 10, outcomes
    public = Counter(post["text"] for post in sandbox.posts("twitter"))
    for race in races:
        found = [text for text in (race.text, race.new_text) for _ in range(public[text])]
        assert found == race.expected(), (race, race.response.text)
