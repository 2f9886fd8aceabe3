"""`reprocess_jobs` over many jobs: killed in the middle, and run twice at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import Any

import psycopg
import pytest

from config.run.service import manage

FAILED_JOBS = """
import datetime as dt
from django.utils import timezone
from publishing.models import PublishJob
now = timezone.now()
PublishJob.objects.bulk_create([
    PublishJob(user_id="alice", platform="twitter", account="twitter:1", text="Failed",
        status="Failed", error_code="permission_missing", updated_at=now,
        created_at=now - dt.timedelta(hours=3 if number % 10 == 0 else 0))
    for number in range({jobs})
], batch_size=500)
"""
COMMAND = manage(
    "reprocess_jobs", "--status", "Failed", "--due-from", "1h", "--reason", "It is back."
)
RETRIED = "SELECT count(*) FROM publishing_jobevent WHERE actor = 'command reprocess_jobs'"


def query(database_url: str, sql: str) -> list[Any]:
    if database_url.startswith("sqlite"):
        file = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, timeout=20)) as opened:
            return opened.execute(sql).fetchall()
    with psycopg.connect(database_url) as opened:
        return opened.execute(sql).fetchall()


@pytest.mark.parametrize("jobs", [500, pytest.param(10_000, marks=pytest.mark.night)])
def test_each_job_is_retried_once_although_the_command_is_killed_and_runs_twice(database_url, jobs):
    """And none that was due before the window."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    failed = manage("shell", "-v0", "-c", FAILED_JOBS.format(jobs=jobs))
    subprocess.run(failed, env=environment, check=True)
    wanted = jobs - jobs // 10

    killed = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.DEVNULL)
    while query(database_url, RETRIED) == [(0,)]:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() < 0
    [(before,)] = query(database_url, RETRIED)
    both = [
        subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert 0 < before < wanted
    assert before + sum(int(each.split()[0]) for each in printed) == wanted
    events = "SELECT count(*), count(DISTINCT job_id) FROM publishing_jobevent"
    assert query(database_url, events) == [(wanted, wanted)]
    audited = "SELECT count(*), count(DISTINCT object_id) FROM socialpublishing_auditrecord"
    assert query(database_url, audited) == [(wanted, wanted)]
    statuses = "SELECT status, count(*) FROM publishing_publishjob GROUP BY status ORDER BY status"
    assert query(database_url, statuses) == [("Failed", jobs // 10), ("Pending", wanted)]
