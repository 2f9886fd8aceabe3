"""Fixtures for tests with processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command

from config.run.service import manage
from config.tests.browser import (  # noqa: F401  fixtures
    chromium,
    console,
    requirements,
    service,
    window,
)

FOLDER = Path(__file__).parent / "linters"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def linters() -> Path:
    """The folder of the commands of spectral, redocly, openapi-typescript and TypeScript.

    npm installs them once, and again after a change of their lock; `.ci/run` does so before the
    tests. Without Node.js, or with an older one, the tests are skipped.
    """
    node = shutil.which("node")
    version = node and subprocess.run([node, "-p", "process.versions.node"], capture_output=True)
    if not version or int(version.stdout.split(b".")[0]) < OLDEST_NODE or not shutil.which("npm"):
        pytest.skip(f"The linters of the API's description need Node.js {OLDEST_NODE} and npm.")
    commands = FOLDER / "node_modules/.bin"
    installed = FOLDER / "node_modules/.package-lock.json"
    lock = FOLDER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        install = ["npm", "ci", "--prefix", FOLDER, "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, capture_output=True, text=True, timeout=300)
        if done.returncode:
            refuse = pytest.fail if os.environ.get("CI") else pytest.skip
            refuse(f"npm could not install the linters: {done.stderr[-500:]}")
    return commands


@contextmanager
def separate_database(folder: Path, template: str = "") -> Iterator[str]:
    """The address of a database of the kind that the tests use, which other processes can open.

    It is a copy of the one at the address `template`, else it is empty.
    """
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        file = folder / "service.sqlite3"
        if template:
            shutil.copy(template.removeprefix("sqlite:///"), file)
        yield f"sqlite:///{file}"
        return
    copied = f'TEMPLATE "{template.rpartition("/")[2]}"' if template else ""
    name = f"kill_{uuid.uuid4().hex[:12]}"
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{url}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" {copied}')
        yield f"{url}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """To be copied: a copy takes less time than `manage.py migrate`."""
    with separate_database(tmp_path_factory.mktemp("migrated")) as url:
        migrate = manage("migrate", "-v0")
        subprocess.run(migrate, env={**os.environ, "DATABASE_URL": url}, check=True)
        yield url


@pytest.fixture
def database_url(tmp_path: Path, migrated_database: str) -> Iterator[str]:
    """Of a database with all tables and no row of a test."""
    with separate_database(tmp_path, migrated_database) as url:
        yield url


@pytest.fixture
def empty_database_url(tmp_path: Path) -> Iterator[str]:
    with separate_database(tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document as a file. Warnings are unknown types and fields without example."""
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(file), "--fail-on-warn")
    return file
