"""Fixtures for tests with processes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A separate database that other processes can open, of the kind that the tests use."""
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        yield f"sqlite:///{tmp_path}/service.sqlite3"
        return
    name = f"kill_{uuid.uuid4().hex[:12]}"
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{url}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{url}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
