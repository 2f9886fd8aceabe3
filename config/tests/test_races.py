"""Edits, cancellations and take-downs race against workers that start the same jobs."""

from __future__ import annotations

import datetime as dt
import random
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
from config.run.service import web_command
from config.tests.test_kill import Service, responds, wait
from conftest import Sandbox

ACCOUNTS, AHEAD_S = 20, 3
# When the caller acts, in seconds after the post is due: before and after a worker claims it, for
# a take-down before and after the post, and its first comment, are public.
ACTS_AFTER_S = {"edit": (-0.2, 0.45), "cancel": (-0.2, 0.45), "take_down": (-0.2, 0.8)}


@pytest.fixture
def service(database_url: str, sandbox: Sandbox) -> Iterator[Service]:
    service = Service(database_url, sandbox)
    service.environment |= {
        "THROTTLE_USER": "0",
        "MEDIA_ALLOWED_ORIGINS": sandbox.url,
        "PUBLISH_PROCESSES": "2",
    }
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
        return bool(self.response.status_code in {200, 202})

    @property
    def comment(self) -> str:
        return f"{self.text}, first comment"

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
        """Schedule a post, and change it or take it down when it is due: `start`, by our clock."""
        due = dt.datetime.fromtimestamp(start, tz=dt.UTC)
        body = {
            "connection_id": connection,
            "text_content": name,
            "schedule_time": due.isoformat(),
            # With a picture there is a step before the publish request.
            "assets": [self.picture] if random.random() < 0.3 else [],
        }
        race = Race(job_id="", text=name, action=random.choice(list(ACTS_AFTER_S)))
        if race.action == "take_down" and random.random() < 0.5:
            body["platform_specific_options"] = {"first_comment": race.comment}
        accepted = self.call("POST", "schedule", body)
        assert accepted.status_code == 202, accepted.text
        race.job_id = accepted.json()["job_id"]
        time.sleep(max(0, start + random.uniform(*ACTS_AFTER_S[race.action]) - time.time()))
        race.response = self.act(race)
        return race

    def act(self, race: Race) -> requests.Response:
        match race.action:
            case "edit":
                return self.call("PATCH", f"jobs/{race.job_id}", {"text_content": race.new_text})
            case "cancel":
                return self.call("POST", f"jobs/{race.job_id}/cancel")
            case _:
                return self.call("DELETE", f"jobs/{race.job_id}/post")

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

    def is_down(self, race: Race) -> bool:
        return bool(self.call("GET", f"jobs/{race.job_id}").json()["deleted_at"])


@pytest.mark.night
def test_what_was_edited_cancelled_or_taken_down_is_not_public(service, sandbox):
    track = Track(service, sandbox)

    races = track.run(1000)
    wait(lambda: not track.has_open_jobs(), 120)
    taken_down = [race for race in races if race.action == "take_down" and race.was_accepted]
    wait(lambda: all(track.is_down(race) for race in taken_down), 300)

    outcomes = Counter((race.action, race.response.status_code) for race in races)
    # All of these must have happened, or it was no race.
    accepted = {"edit": 200, "cancel": 200, "take_down": 202}
    assert outcomes.keys() == {(a, s) for a in accepted for s in (accepted[a], 409)}, outcomes
    assert min(outcomes.values()) > 10, outcomes
    public = Counter(post["text"] for post in sandbox.posts("twitter"))
    for race in races:
        found = [text for text in (race.text, race.new_text) for _ in range(public[text])]
        assert found == race.expected(), (race, race.response.text)
        if race.action == "take_down" and race.was_accepted:
            assert public[race.comment] == 0, race
