"""Tokens are encrypted with a new key while the service works and the command is killed."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings

from config.run.service import manage
from socialpublishing.crypto import decode_key, key_id

LOADS = 2


class Installation:
    """Processes on one database, with the old key retired or not yet."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self.keys = [django_settings.AES_KEY]

    def add_key(self) -> None:
        self.keys.insert(0, base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def key_ids(self) -> list[str]:
        return [key_id(decode_key(key)) for key in self.keys]

    def start(self, *command: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "AES_KEY": self.keys[0],
            "AES_KEYS_RETIRED": ",".join(self.keys[1:]),
        }
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def run(self, *command: str) -> str:
        process = self.start(*command)
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output
        return output

    def script(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "config.tests.rotation_load", *arguments)

    def result(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        output, _ = process.communicate(timeout=900)
        return json.loads(output.splitlines()[-1])

    def rotated(self) -> int:
        """How many rows have the new key and envelope."""
        query = "SELECT count(*) FROM connections_socialconnection WHERE access_token LIKE "
        query += f"'v2.{self.key_ids[0]}.%'"
        if self.database_url.startswith("sqlite"):
            with sqlite3.connect(
                self.database_url.removeprefix("sqlite:///"), timeout=20
            ) as database:
                return database.execute(query).fetchone()[0]
        with psycopg.connect(self.database_url) as database:
            return database.execute(query).fetchone()[0]


def rotate_and_kill(installation: Installation, *, kills: int, rows: int) -> int:
    """Start the command and kill it after some of its work, `kills` times. How often it was?"""
    killed = 0
    for _ in range(kills):
        process = installation.start(*manage("rotate_keys", "--new-envelope"))
        enough = installation.rotated() + rows
        while process.poll() is None and installation.rotated() < enough:
            time.sleep(0.05)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return killed


def rotate(database_url: str, *, connections: int, kills: int) -> dict[str, Any]:
    installation = Installation(database_url)
    installation.run(*installation.script("make", str(connections)))
    installation.add_key()
    loads = [installation.start(*installation.script("load")) for _ in range(LOADS)]
    try:
        killed = rotate_and_kill(installation, kills=kills, rows=connections // (kills + 2))
        assert killed == kills
        installation.run(*manage("rotate_keys"))
    finally:
        for load in loads:
            load.send_signal(signal.SIGTERM)
    done = [installation.result(load) for load in loads]
    assert sum(each["errors"] for each in done) == 0
    assert all(each["reads"] and each["refreshes"] for each in done)
    installation.run(*manage("rotate_keys", "--check"))
    installation.keys.pop()  # the old key is not needed any more
    found = installation.result(installation.start(*installation.script("check")))
    pages = -(-connections // 10)
    assert found == {
        "wrong": 0,
        "unreadable": 0,
        f"v2.{installation.key_ids[0]}": 2 * connections + pages,
    }
    return {name: sum(each[name] for each in done) for name in done[0]}


def test_keys_are_rotated_while_the_command_is_killed(database_url):
    rotate(database_url, connections=300, kills=1)


@pytest.mark.night
def test_ten_thousand_connections_are_rotated_while_the_command_is_killed_ten_times(
    database_url,
):
    done = rotate(database_url, connections=10_000, kills=10)
    sys.stdout.write(f"{done}\n")
