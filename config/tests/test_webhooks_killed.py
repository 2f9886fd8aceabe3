"""The service as processes, with a webhook: what is killed, and when, loses no event."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
import requests

from config.run.journey import PlannedPost
from config.tests.test_kill import (  # noqa: F401  fixtures
    caller_of,
    feed_of,
    receiver,
    service,
    wait,
)
from socialpublishing.events.delivering import LEASE


def publish(caller, connection, number):
    caller.publish(PlannedPost(platform="twitter", text=f"Post {number}"), connection)


def children_of(worker):
    """The processes that the supervisor of `worker` started."""
    tasks = Path(f"/proc/{worker.pid}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def delivering_process(worker):
    """The child beside the cluster, which leads a process group of its own."""
    [pid] = [pid for pid in children_of(worker) if os.getpgid(pid) != pid]
    return pid


@pytest.mark.night
def test_event_that_was_committed_before_any_worker_ran_is_delivered(service, sandbox, receiver):  # noqa: F811
    caller = caller_of("alice", service, sandbox)
    secret = caller.call("POST", "/webhooks", json={"url": receiver.url}, expect=201).json()[
        "secret"
    ]
    sandbox.account("twitter")
    publish(caller, caller.connect("twitter")["id"], 1)
    worker = service.start_worker()
    wait(lambda: "job.published" in receiver.types(), 60)

    os.kill(delivering_process(worker), signal.SIGKILL)  # the supervisor starts another one
    publish(caller, caller.call("GET", "/connections/").json()[0]["id"], 2)
    wait(lambda: receiver.types().count("job.published") == 2, 60)

    assert [event["id"] for event in feed_of(caller)] == sorted(
        receiver.counts(secret), key=[event["id"] for event in feed_of(caller)].index
    )
    assert set(receiver.counts(secret).values()) == {1}


@pytest.mark.night
def test_process_that_has_ended_or_hangs_is_reported_and_replaced(service):  # noqa: F811
    def checks():
        return requests.get(f"{service.url}/healthz/worker", timeout=5).json()["checks"]

    worker = service.start_worker()
    wait(lambda: all(checks().values()), 60)

    # A supervisor that is stopped starts no other one.
    worker.send_signal(signal.SIGSTOP)
    os.kill(delivering_process(worker), signal.SIGKILL)
    wait(lambda: not checks()["webhooks"], 45)
    assert checks()["lanes"]
    worker.send_signal(signal.SIGCONT)
    wait(lambda: all(checks().values()), 60)

    os.kill(delivering_process(worker), signal.SIGSTOP)
    wait(lambda: not checks()["webhooks"], 45)
    wait(lambda: all(checks().values()), 90)


@pytest.mark.night
def test_processes_that_are_killed_lose_no_event(service, sandbox, receiver):  # noqa: F811
    posts, kills = 60, 8
    receiver.delay_s = 0.2
    caller = caller_of("alice", service, sandbox)
    secret = caller.call("POST", "/webhooks", json={"url": receiver.url}, expect=201).json()[
        "secret"
    ]
    connections = []
    for _ in range(6):
        sandbox.account("twitter")
        connections.append(caller.connect("twitter")["id"])
    worker = service.start_worker()
    for number in range(posts):
        publish(caller, connections[number % 6], number)
        if number % (posts // kills) == 0:
            time.sleep(random.uniform(0, 2))
            victim = random.choice([worker.pid, *children_of(worker)])
            os.kill(victim, signal.SIGKILL)
            if victim == worker.pid:
                worker.wait()
                worker = service.start_worker()

    def all_have_arrived() -> bool:
        feed = feed_of(caller)
        published = sum(event["type"] == "job.published" for event in feed)
        return published == posts and receiver.counts(secret).keys() >= {e["id"] for e in feed}

    wait(all_have_arrived, 120 + 2 * LEASE.total_seconds())
    counts = receiver.counts(secret)
    assert counts.keys() == {event["id"] for event in feed_of(caller)}
    # Only what was under way when a process was killed is sent twice.
    assert sum(counts.values()) - len(counts) <= 4 * kills
