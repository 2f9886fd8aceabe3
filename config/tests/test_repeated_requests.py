"""Requests with an Idempotency-Key that arrive at once, or whose web process is killed."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests
from django.conf import settings

from config.auth.dev_tokens import sign_dev_token
from config.run.service import manage, web_command
from config.tests import test_kill
from config.tests.test_kill import caller_of, count_jobs, responds, wait
from socialpublishing.tests.file_server import FileServer, whole

pytestmark = pytest.mark.night
service, receiver = test_kill.service, test_kill.receiver


@pytest.fixture
def send(service, sandbox):
    """Sends a post for one account of Alice, with the same key each time."""
    sandbox.account("twitter")
    connection = caller_of("alice", service, sandbox).connect("twitter")["id"]
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))

    def send(endpoint, *, prefer="", **more):
        body = {"text_content": "Once", **more}
        target = {"connection_id": connection}
        if endpoint == "schedule":
            body["schedule_time"] = "2027-06-01T10:00:00Z"
        body |= {"targets": [target]} if endpoint == "batches" else target
        return requests.post(
            f"{service.url}/api/v1/publishing/{endpoint}",
            json=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": "k-1",
                **({"Prefer": prefer} if prefer else {}),
            },
            timeout=90,
        )

    return send


def kill_and_restart_web(service):
    os.killpg(service.processes[-1].pid, signal.SIGKILL)
    service.processes[-1].wait()
    service.start(*web_command("127.0.0.1", service.port))
    wait(lambda: responds(f"{service.url}/healthz"), 30)


def count_connections(database_url: str) -> int:
    """Those that others have to the database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(database_url) as opened:
        return int(opened.execute(query).fetchone()[0])


@pytest.mark.parametrize("endpoint", ["publish", "schedule", "batches"])
def test_fifty_at_once_make_one_job(service, sandbox, database_url, send, endpoint):
    with ThreadPoolExecutor(50) as callers:
        responses = list(callers.map(lambda _: send(endpoint), range(50)))

    assert {response.status_code for response in responses} == {202}
    assert len({response.content for response in responses}) == 1
    replayed = [response.headers.get("Idempotency-Replayed") for response in responses]
    assert sorted(replayed, key=bool) == [None, *["true"] * 49]
    assert count_jobs(database_url) == 1
    if database_url.startswith("postgresql"):
        assert count_connections(database_url) <= 8 * settings.WEB_CONCURRENCY
    if endpoint != "schedule":
        service.start_worker()
        wait(lambda: sandbox.posts(), 60)
        assert len(sandbox.posts()) == 1


@pytest.mark.parametrize("endpoint", ["publish", "schedule", "batches"])
def test_key_of_a_request_that_was_killed_before_its_commit_is_free(
    service,
    sandbox,
    database_url,
    send,
    endpoint,
):
    server = FileServer()
    server.file = whole(requests.get(sandbox.picture()["url"], timeout=5).content)
    server.delay_s = 3
    service.environment["MEDIA_ALLOWED_ORIGINS"] = f"{sandbox.url},{server.origin}"
    kill_and_restart_web(service)
    asset = {**sandbox.picture(), "url": server.url}

    def lost():
        with pytest.raises(requests.ConnectionError):
            send(endpoint, assets=[asset])

    caller = threading.Thread(target=lost)
    caller.start()
    wait(lambda: server.requests, 10)
    kill_and_restart_web(service)
    caller.join()
    assert count_jobs(database_url) == 0

    server.delay_s = 0
    response = send(endpoint, assets=[asset])
    assert (response.status_code, response.headers.get("Idempotency-Replayed")) == (202, None)
    assert count_jobs(database_url) == 1
    server.close()


def test_request_that_was_killed_after_its_commit_is_replayed(
    service,
    sandbox,
    database_url,
    send,
):
    def lost():
        with pytest.raises(requests.ConnectionError):
            send("publish", prefer="wait=30")  # no worker: it waits

    caller = threading.Thread(target=lost)
    caller.start()
    wait(lambda: count_jobs(database_url) == 1, 10)
    kill_and_restart_web(service)
    caller.join()

    response = send("publish")

    assert (response.status_code, response.headers["Idempotency-Replayed"]) == (202, "true")
    assert response.json()["status"] == "Pending"
    assert count_jobs(database_url) == 1


def test_replay_while_keys_are_rotated_and_migrations_run(service, sandbox, send):
    first = send("publish")
    for command in (("migrate", "-v0"), ("rotate_keys",)):
        running = subprocess.Popen(
            manage(*command), env=service.environment, stdout=subprocess.DEVNULL
        )
        while running.poll() is None:
            again = send("publish")
            assert (again.status_code, again.content) == (202, first.content)
        assert running.returncode == 0
