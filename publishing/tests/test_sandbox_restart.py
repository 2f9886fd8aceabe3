"""A sandbox that was restarted: what the service has stored still works there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests

from conftest import Sandbox, plain_post, statuses
from publishing.models import PublishJob
from publishing.tests.test_every_kind import KINDS, request_for
from socialpublishing.platforms import PLATFORMS
from socialpublishing.sandbox.server import SandboxServer


@pytest.fixture
def start_sandbox(sandbox, settings, tmp_path) -> Callable[[], SandboxServer]:
    """Starts a sandbox of its own that keeps its state, as `./run up` does."""

    def start() -> SandboxServer:
        server = SandboxServer(keep_in=tmp_path / "sandbox.sqlite3")
        settings.SANDBOX_URL = sandbox.url = server.url
        settings.MEDIA_ALLOWED_ORIGINS = [server.url]
        return server

    return start


def plain_posts(sandbox: Sandbox, connections: Any) -> Iterable[dict[str, Any]]:
    for connection in connections.values():
        yield plain_post(connection, "Before the restart")


def every_kind(sandbox: Sandbox, connections: Any) -> Iterable[dict[str, Any]]:
    for number, (name, kind, form) in enumerate(each.values for each in KINDS):
        body = request_for(sandbox, name, kind, form)
        text = f"{number}. {body['text_content']}" if body["text_content"] else ""
        yield {"connection_id": str(connections[name].pk), **body, "text_content": text}


def publish(api: Any, worker: Any, sandbox: Sandbox, bodies: Iterable[dict[str, Any]]) -> None:
    switches = [name for name in sandbox.call("GET", "settings") if name.endswith("_seconds")]
    instant = ("processing_seconds", "delay_seconds")
    sandbox.call("POST", "settings", **{name: 0 for name in switches if name.endswith(instant)})
    PublishJob.objects.all().delete()
    for body in bodies:
        accepted = api.post("publishing/publish", body)
        assert accepted.status_code == 202, accepted.json()
    worker.work_ahead()
    assert statuses() == {"Published": PublishJob.objects.count()}


@pytest.mark.parametrize("posts", [plain_posts, pytest.param(every_kind, marks=pytest.mark.night)])
def test_accounts_publish_after_a_restart_of_the_sandbox(
    api, worker, sandbox, make_connection, start_sandbox, posts
):
    with start_sandbox():
        connections = {name: make_connection(name) for name in PLATFORMS}
        publish(api, worker, sandbox, posts(sandbox, connections))
        before = [(post["id"], post["text"], post["media"]) for post in sandbox.posts()]

    with start_sandbox() as server:
        assert server.notice.startswith("The sandbox keeps")
        after = [(post["id"], post["text"], post["media"]) for post in sandbox.posts()]
        assert after == before
        again = (plain_post(each, "After the restart") for each in connections.values())
        publish(api, worker, sandbox, again)
        assert len(sandbox.posts()) == len(before) + len(PLATFORMS)
        assert requests.get(f"{server.url}/feed", timeout=10).ok
