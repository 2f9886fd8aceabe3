"""Many callers, in many processes, need one token that has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from config.run.service import manage
from conftest import Sandbox

ROTATING, FIXED = "twitter", "linkedin"
END_LEASE = "update connections_socialconnection set refreshing_until = '2026-01-01 00:00:00+00:00'"


class Callers:
    """Processes with callers of one connection."""

    def __init__(self, database_url: str, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": database_url,
            "SANDBOX_URL": sandbox.url,
            "MEDIA_ALLOWED_ORIGINS": sandbox.url,
        }
        self.processes: list[subprocess.Popen[str]] = []
        self.account_id = ""

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.tests.refresh_callers", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def connect(self, platform: str) -> str:
        account = self.sandbox.account(platform)
        self.account_id = account["account_id"]
        return (
            self.start("connect", platform, json.dumps(account)).communicate(timeout=60)[0].strip()
        )

    def die(self, connection_id: str, step: str) -> None:
        assert self.start("die", connection_id, step).wait(60) == -9
        self.end_lease()

    def end_lease(self) -> None:
        """As if its time were over."""
        code = f"from django.db import connection as c; c.cursor().execute({END_LEASE!r})"
        self.manage("shell", "-c", code)

    def manage(self, *command: str) -> None:
        subprocess.run(
            manage(*command), env=self.environment, check=True, stdout=subprocess.DEVNULL
        )

    def call(self, connection_id: str, *, processes: int, threads: int) -> Counter[str]:
        """How many responses had each status and code."""
        started = [self.start("call", connection_id, str(threads)) for _ in range(processes)]
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        responses: Counter[str] = Counter()
        for each in started:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        for each in started:
            responses.update(json.loads(each.communicate(timeout=120)[0]))
        return responses

    def refreshes(self) -> int:
        calls = [call["path"] for call in self.sandbox.calls(method="POST")]
        return sum("/oauth2/token" in path or "/accessToken" in path for path in calls)


@pytest.fixture
def callers(database_url: str, sandbox: Sandbox) -> Iterator[Callers]:
    made = Callers(database_url, sandbox)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.wait()


MANY = pytest.param(20, 12, marks=pytest.mark.night)


@pytest.mark.parametrize(("processes", "threads"), [(3, 6), MANY])
@pytest.mark.parametrize("platform", [ROTATING, FIXED])
def test_one_caller_refreshes_and_all_others_wait_for_it(callers, platform, processes, threads):
    connection = callers.connect(platform)
    callers.sandbox.fault("delay", 1, path="(?i)token/?$", times=9)

    responses = callers.call(connection, processes=processes, threads=threads)

    assert responses == {"200": processes * threads}
    assert callers.refreshes() == 1


@pytest.mark.night
def test_token_that_the_platform_ended_early_is_refreshed_once(callers):
    connection = callers.connect(FIXED)
    assert callers.call(connection, processes=1, threads=1) == {"200": 1}
    callers.sandbox.call("POST", "tokens/expire", account_id=callers.account_id)

    responses = callers.call(connection, processes=20, threads=12)

    assert responses == {"200": 240}
    assert callers.refreshes() == 2


@pytest.mark.night
@pytest.mark.parametrize(
    ("platform", "step", "refreshes", "status"),
    [
        (FIXED, "took the lease", 1, "200"),
        (FIXED, "refreshed", 2, "200"),
        (FIXED, "stored", 1, "200"),
        (ROTATING, "took the lease", 1, "200"),
        # The refresh token was used up, and the new one is lost with the process: only here the
        # owner has to connect again.
        (ROTATING, "refreshed", 2, "403 needs_reauth"),
        (ROTATING, "stored", 1, "200"),
    ],
)
def test_holder_that_is_killed_costs_at_most_one_more_refresh(
    callers, platform, step, refreshes, status
):
    connection = callers.connect(platform)
    callers.die(connection, step)

    responses = callers.call(connection, processes=4, threads=30)

    assert responses == {status: 120}
    assert callers.refreshes() == refreshes
