"""The service as in production, for a benchmark: sandbox, web and worker, each a process.

Import this before anything that reads Django's settings: it sets their environment.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import requests

PATIENCE_S = 900

os.environ.update(
    ENV_FILE=os.devnull,
    SECRET_KEY=secrets.token_urlsafe(50),
    AES_KEY=base64.b64encode(secrets.token_bytes(32)).decode(),
    JWT_KEY=secrets.token_urlsafe(48),
    JWT_ALGORITHMS="HS256",
    LOG_LEVEL="ERROR",
    # One user sends what many would.
    THROTTLE_USER="0",
    THROTTLE_USER_COSTLY="0",
    THROTTLE_REFRESH="0",
    THROTTLE_ADDRESS="0",
    DJANGO_SETTINGS_MODULE="config.settings",
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402
from environ import Env  # noqa: E402

from config.run.environment import first_free  # noqa: E402
from config.run.postgres import temporary_postgres  # noqa: E402
from config.run.service import manage, web_command  # noqa: E402


class Service:
    """Sandbox, web and worker as processes."""

    def __init__(self, database_url: str, **settings: str) -> None:
        self.port, self.sandbox_port = first_free(18100), first_free(18200)
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "SANDBOX_URL": self.sandbox_url,
            "SERVICE_BASE_URL": self.url,
            **settings,
        }
        self.web = web_command("127.0.0.1", self.port)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environment, process_group=0)
        self.processes.append(process)
        return process

    def start_all(self) -> None:
        subprocess.run(manage("migrate", "-v0"), env=self.environment, check=True)
        self.start(*manage("sandbox", "--port", str(self.sandbox_port)))
        self.start(*self.web)
        for url in (f"{self.url}/healthz", f"{self.sandbox_url}/control/posts"):
            wait(lambda url=url: responds(url))

    def start_worker(self) -> subprocess.Popen[bytes]:
        worker = self.start(*manage("worker"))
        wait(lambda: responds(f"{self.url}/healthz/worker"))
        return worker

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)


def responds(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=2).ok
    return False


def wait(condition: Callable[[], object], *, every_s: float = 0.05) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > give_up_at:
            raise SystemExit(f"Timeout after {PATIENCE_S} s.")
        time.sleep(every_s)


@contextlib.contextmanager
def database(*, is_sqlite: bool) -> Iterator[str]:
    if is_sqlite:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/service.sqlite3"
    else:
        with temporary_postgres() as url:
            yield url


@contextlib.contextmanager
def connect_to(url: str) -> Iterator[None]:
    """Let Django of this process use another database."""
    connection.close()
    connections.settings = connections.configure_settings({"default": Env.db_url_config(url)})
    del connections["default"]
    try:
        yield
    finally:
        connection.close()


@contextlib.contextmanager
def migrated_postgres() -> Iterator[None]:
    """A database of its own for Django of this process, with its tables."""
    with temporary_postgres() as url, connect_to(url):
        call_command("migrate", verbosity=0)
        yield
