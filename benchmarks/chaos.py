"""Publishes on all platforms while processes are killed and responses lost; counts the posts.

    python -m benchmarks.chaos [--posts 120] [--kills 25] [--seed N] [--sqlite]

Every few seconds a random process of the worker's tree gets `kill -9`; a worker that has ended is
started again. Meanwhile random requests fail, are delayed or lose their response. At the end each
job is compared with the sandbox's posts: a published job has one post, any other has none. The
history of each job that was not published is printed. The feed of events is compared with what a
webhook received.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import os
import random
import signal
import time
from collections import Counter
from typing import Any

import requests

from benchmarks.service import PATIENCE_S, Service, database
from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller
from config.run.processes import tree_of
from publishing.models import Status
from publishing.transitions import ENDED
from socialpublishing.platforms import PLATFORMS
from socialpublishing.posts import MediaKind
from socialpublishing.tests.receiver import Receiver

# Of each platform an account for so many posts in all, and some at least: TikTok has a daily limit.
POSTS_OF_ACCOUNT, ACCOUNTS = 40, 3
# "drop_after" twice: a lost response puts the job in doubt, so it is tested most often.
FAULTS = ("drop_after", "drop_after", "drop_before", "malformed", "status", "delay_after")
SAMPLES = {
    MediaKind.IMAGE: ("harbour.jpg", "image/jpeg"),
    MediaKind.VIDEO: ("clip.mp4", "video/mp4"),
}
# Pauses between lookups are longer only after the settle times of all platforms.
LONG_PAUSE = dt.timedelta(minutes=2)
PAUSE_S = 3.0
# The service asks to send the request again: it has made no job.
BUSY = {"media_busy", "busy"}
# What a killed process was sending is due again after its lease.
ARRIVES_S = 120


class Chaos:
    def __init__(self, service: Service, receiver: Receiver, options: Any) -> None:
        self.service = service
        self.receiver = receiver
        self.random = random.Random(options.seed)
        self.token = sign_dev_token("alice", lifetime=dt.timedelta(hours=12))
        self.secret = self.api("POST", "webhooks", json={"url": receiver.url})["secret"]
        accounts = max(ACCOUNTS, options.posts // POSTS_OF_ACCOUNT)
        self.connections = {
            name: [self._connect(name, number) for number in range(accounts)] for name in PLATFORMS
        }
        self.jobs: dict[str, str] = {}  # by the text of its post
        self.worker = service.start_worker()

    def control(self, method: str, path: str, **body: Any) -> Any:
        url = f"{self.service.sandbox_url}/control/{path}"
        response = requests.request(method, url, json=body or None, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None

    def api(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.service.url}/api/v1/{path}"
        return requests.request(method, url, headers=headers, timeout=60, **more).json()

    def _connect(self, platform: str, number: int) -> str:
        self.control("POST", "accounts", platform=platform, username=f"{platform}{number}")
        caller = Caller(
            service=self.service.url, sandbox=self.service.sandbox_url, token=self.token
        )
        # The consent page preselects the newest account.
        return str(caller.connect(platform)["id"])

    # --- Actions ---------------------------------------------------------------------------------

    def publish(self, number: int) -> None:
        """Publish a random kind of post, with a unique text, on a random platform."""
        name = self.random.choice(list(PLATFORMS))
        platform, text = PLATFORMS[name], f"Chaos number {number}"
        post_type = platform.capabilities.post_types[0]
        kinds = [each for each in SAMPLES if each in post_type.media]
        count = self.random.randint(post_type.min_media, 1) if kinds else 0
        assets = []
        for kind in self.random.sample(kinds, count):
            file, mime_type = SAMPLES[kind]
            url = f"{self.service.sandbox_url}/samples/{file}"
            assets.append({"url": url, "asset_type": kind, "mime_type": mime_type})
        examples = platform.options.examples
        body = {
            "connection_id": self.random.choice(self.connections[name]),
            "text_content": text,
            "assets": assets,
            "platform_specific_options": {
                each: examples[each] for each in post_type.required_options
            },
        }
        while (response := self.api("POST", "publishing/publish", json=body)).get("code") in BUSY:
            time.sleep(1)
        if "job_id" not in response:
            raise SystemExit(f"{name}: {response}")
        self.jobs[text] = response["job_id"]

    def add_random_fault(self) -> None:
        action = self.random.choice(FAULTS)
        value = {"status": {"code": 503}, "delay_after": 1.5}.get(action)
        data = {} if value is None else {"value": value}
        self.control(
            "POST", "faults", action=action, platform=self.random.choice(list(PLATFORMS)), **data
        )

    def kill(self) -> None:
        victim = self.random.choice(list(tree_of(self.worker.pid)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    def go_on(self) -> None:
        """Start a worker again, and verify the events while their signatures are valid."""
        if self.worker.poll() is not None:
            self.worker = self.service.start_worker()
        self.receiver.events(self.secret)

    # --- Results ---------------------------------------------------------------------------------

    def states(self) -> dict[str, dict[str, Any]]:
        return {text: self.api("GET", f"publishing/jobs/{job}") for text, job in self.jobs.items()}

    def have_ended(self) -> bool:
        """Are all jobs done, waiting for a person, or such that no soon lookup will settle them?"""
        return all(
            state["status"] in ENDED or state["next_attempt_at"] is None or stays_in_doubt(state)
            for state in self.states().values()
        )

    def count_wrong(self) -> int:
        """The number of jobs that disagree with the sandbox's posts."""
        posts = Counter(post["text"].split(" https://")[0] for post in self.control("GET", "posts"))
        states = self.states()
        wrong = 0
        for text, state in states.items():
            times = posts[text]
            is_known = state["status"] != Status.UNCONFIRMED
            is_published = state["status"] == Status.PUBLISHED
            is_wrong = times > 1 or (is_known and (times == 1) != is_published)
            wrong += is_wrong
            if is_wrong or state["status"] != Status.PUBLISHED:
                print(f"{text} on {state['platform']}: {state['status']}, {times} posts")
                for event in self.api("GET", f"publishing/jobs/{state['job_id']}/events"):
                    print("   ", event["at"], event["to_status"], event["code"], event["note"])
        statuses = Counter(state["status"] for state in states.values())
        print(f"{dict(statuses)}; duplicates: {sum(n > 1 for n in posts.values())}")
        return wrong

    def count_undelivered(self) -> int:
        """The number of events in which feed and webhook differ."""
        missing, give_up_at = self._feed(), time.monotonic() + ARRIVES_S
        while missing and time.monotonic() < give_up_at:
            time.sleep(1)
            self.go_on()
            missing = self._feed() - self.receiver.counts(self.secret).keys()
        received = self.receiver.counts(self.secret)
        repeated = sum(received.values()) - len(received)
        print(f"{len(received)} events, {len(missing)} not delivered, {repeated} repeated")
        return len(missing) + len(received.keys() - self._feed())

    def _feed(self) -> set[str]:
        ids: set[str] = set()
        after = ""
        while events := (page := self.api("GET", f"events?limit=100&after={after}"))["events"]:
            ids |= {event["id"] for event in events}
            after = page["next"]
        return ids


def stays_in_doubt(state: dict[str, Any]) -> bool:
    """Lookups have gone on for longer than any settle time: this platform cannot show the post.

    Such is a TikTok photo whose response was lost: a person resolves the job.
    """
    pause = dt.datetime.fromisoformat(state["next_attempt_at"]) - dt.datetime.now(tz=dt.UTC)
    return state["status"] == Status.UNCONFIRMED and pause > LONG_PAUSE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=120)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with database(is_sqlite=options.sqlite) as url:
        receiver = Receiver()
        service = Service(url, WEBHOOK_ALLOWED_ORIGINS=receiver.origin)
        try:
            service.start_all()
            chaos = Chaos(service, receiver, options)
            numbers = iter(range(options.posts))
            for _ in range(options.kills):
                for number in itertools.islice(numbers, -(-options.posts // options.kills)):
                    chaos.publish(number)
                    chaos.add_random_fault()
                time.sleep(chaos.random.uniform(0, PAUSE_S))
                chaos.kill()
                time.sleep(chaos.random.uniform(0, PAUSE_S))
                chaos.go_on()
            chaos.control("DELETE", "faults")
            give_up_at = time.monotonic() + PATIENCE_S
            while not chaos.have_ended():
                if time.monotonic() > give_up_at:
                    raise SystemExit(f"The jobs have not ended after {PATIENCE_S} s.")
                time.sleep(5)
                chaos.go_on()
            wrong = chaos.count_wrong() + chaos.count_undelivered()
        finally:
            service.stop()
    print(f"{options.posts} posts, {options.kills} kills, {wrong} wrong")
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
