"""Fixtures for tests that publish by the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connections.models import SocialConnection
from socialpublishing.tests.file_server import FileServer


@pytest.fixture
def instant_processing(sandbox: Any) -> None:
    """No platform takes time to process a post: a worker's clock runs ahead of the sandbox's."""
    settings = sandbox.call("GET", "settings")
    instant = {name: 0 for name in settings if name.endswith("processing_seconds")}
    sandbox.call("POST", "settings", **instant)


@pytest.fixture
def connection(make_connection: Any, platform: str) -> SocialConnection:
    """One account on each platform in turn."""
    made: SocialConnection = make_connection(platform)
    return made


@pytest.fixture
def private_server(sandbox: Any, settings: Any) -> Iterator[FileServer]:
    """A server that only this service reaches."""
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, server.origin]
    yield server
    server.close()
