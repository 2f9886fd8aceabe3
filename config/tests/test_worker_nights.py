"""The worker's bad days, with all its processes: machines, database and broker fail under it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.run.journey import Caller, PlannedPost
from config.run.postgres import temporary_postgres
from config.run.processes import tree_of
from config.run.service import manage, web_command
from config.tests.test_kill import Service, caller_of, responds, wait
from conftest import Sandbox
from publishing.models import WorkerSlot

ACCOUNTS = 25
PATIENCE_S = 400
SLOTS = WorkerSlot._meta.db_table


@pytest.fixture
def service(database_url: str, sandbox: Sandbox) -> Iterator[Service]:
    yield from serving(database_url, sandbox)


def serving(database_url: str, sandbox: Sandbox) -> Iterator[Service]:
    service = Service(database_url, sandbox)
    service.start(*web_command("127.0.0.1", service.port))
    wait(lambda: responds(f"{service.url}/healthz"), 90)
    yield service
    service.stop()


class Posts:
    """Posts of many accounts, and whether each is published once."""

    def __init__(self, service: Service, sandbox: Sandbox, *, delay_s: float = 0.3) -> None:
        self.caller: Caller = caller_of("alice", service, sandbox)
        self.sandbox = sandbox
        self.count = 0
        self.connections = []
        for _ in range(ACCOUNTS):
            sandbox.account("twitter")
            self.connections.append(self.caller.connect("twitter")["id"])
        sandbox.fault("delay", delay_s, method="POST", path="^/2/tweets$", times=100_000)

    def publish(self, count: int) -> None:
        def accept(number: int) -> None:
            connection = self.connections[number % ACCOUNTS]
            self.caller.publish(PlannedPost(platform="twitter", text=f"Post {number}"), connection)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(accept, range(self.count, self.count + count)))
        self.count += count

    def texts(self) -> list[str]:
        return [post["text"] for post in self.sandbox.posts()]

    def check(self) -> None:
        """Each is published once, by the platform and by our rows."""
        wait(lambda: len(set(self.texts())) == self.count, PATIENCE_S)
        wait(lambda: self.statuses() == {"Published": self.count}, PATIENCE_S)
        assert Counter(self.texts()) == Counter(f"Post {number}" for number in range(self.count))

    def statuses(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        page = "/publishing/jobs?limit=100"
        while page:
            response = self.caller.call("GET", page)
            counts.update(job["status"] for job in response.json())
            following = response.links.get("next", {}).get("url", "")
            page = following.removeprefix(self.caller.api)
        return dict(counts)


def start_group(service: Service, name: str) -> subprocess.Popen[bytes]:
    service.environment["WORKER_GROUP"] = name
    return service.start_worker()


def execute(database_url: str, statement: str) -> list[Any]:
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=30)) as opened, opened:
            return opened.execute(statement).fetchall()
    with psycopg.connect(database_url, autocommit=True) as opened:
        cursor = opened.execute(statement)
        return cursor.fetchall() if cursor.description else []


def slots_of(database_url: str, group: str) -> int:
    query = f"SELECT count(*) FROM {SLOTS} WHERE name LIKE '{group}/%'"
    return int(execute(database_url, query)[0][0])


@pytest.mark.night
def test_two_groups_publish_each_post_once_although_one_is_killed_again_and_again(
    service, sandbox, database_url
):
    """A thousand posts, twenty kills: the other group goes on with what the dead one had."""
    posts = Posts(service, sandbox)
    start_group(service, "steady")
    for _ in range(20):
        execute(database_url, f"DELETE FROM {SLOTS} WHERE name LIKE 'dying/%'")
        dying = start_group(service, "dying")
        posts.publish(50)
        wait(lambda: slots_of(database_url, "dying"), 60)
        time.sleep(0.5)
        dying.kill()
        dying.wait()

    posts.check()


@pytest.mark.night
def test_flushed_broker_loses_no_post(service, sandbox, database_url):
    posts = Posts(service, sandbox)
    service.start_worker()
    for _ in range(20):
        posts.publish(10)
        execute(database_url, "DELETE FROM django_q_ormq")
        time.sleep(0.5)

    posts.check()


@pytest.mark.night
def test_stopped_worker_finishes_what_it_has_begun(service, sandbox, database_url):
    """SIGTERM: within a minute all of its processes have ended, no claim is left behind."""
    posts = Posts(service, sandbox, delay_s=1.0)
    worker = service.start_worker()
    posts.publish(100)
    wait(lambda: len(posts.texts()) >= 5, 60)
    processes = list(tree_of(worker.pid))
    worker.send_signal(signal.SIGTERM)

    worker.wait(60)

    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    claimed = "SELECT count(*) FROM publishing_publishjob WHERE lease_owner <> ''"
    assert execute(database_url, claimed) == [(0,)]
    service.start_worker()
    posts.check()


@pytest.mark.night
def test_cluster_whose_processes_hang_is_started_again(service, sandbox):
    """They get SIGSTOP, as when an idle one has died with the lock of the queue."""
    posts = Posts(service, sandbox)
    worker = service.start_worker()
    posts.publish(10)
    wait(lambda: len(posts.texts()) == 10, 60)
    for pid in list(tree_of(worker.pid))[1:]:
        os.kill(pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    posts.publish(10)

    posts.check()

    assert time.monotonic() - stopped_at < 150
    assert worker.poll() is None


# --- The database --------------------------------------------------------------------------------

AGAIN_AFTER_S = 15


@pytest.fixture
def own_postgres() -> Iterator[str]:
    if "postgres" not in os.environ["DATABASE_URL"]:
        pytest.skip("SQLite has no server")
    with temporary_postgres() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        subprocess.run(manage("migrate", "--verbosity=0"), env=environment, check=True)
        yield url


def restart(url: str, away_s: float) -> subprocess.Popen[bytes]:
    """Stop the server as its operating system would, and start it with the same command."""
    with psycopg.connect(url) as opened:
        [backend] = opened.execute("SELECT pg_backend_pid()").fetchone() or [0]
        postmaster = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    process = Path(f"/proc/{postmaster}")
    command = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    folder, owner = (process / "cwd").readlink(), process.stat()
    os.kill(postmaster, signal.SIGINT)
    wait(lambda: not responding(url), 30)
    time.sleep(away_s)
    identity = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid}
    server = subprocess.Popen(command, cwd=folder, **identity)  # type: ignore[call-overload]
    wait(lambda: responding(url), 30)
    return server  # type: ignore[no-any-return]


def responding(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.night
@pytest.mark.parametrize("away_s", [3, 60])
def test_posts_go_on_soon_after_the_database_restarts(own_postgres, sandbox, away_s):
    services = serving(own_postgres, sandbox)
    service = next(services)
    posts = Posts(service, sandbox)
    worker = service.start_worker()
    posts.publish(500)
    wait(lambda: len(posts.texts()) >= 100, 120)
    cluster = list(tree_of(worker.pid))[1]

    server = restart(own_postgres, away_s)
    back_at, published = time.monotonic(), len(posts.texts())
    try:
        wait(lambda: len(posts.texts()) > published, 60)
        assert time.monotonic() - back_at < AGAIN_AFTER_S
        posts.check()
        # What its workers had in memory was not thrown away.
        assert cluster in list(tree_of(worker.pid))
    finally:
        next(services, None)
        server.send_signal(signal.SIGINT)
        server.wait(30)
