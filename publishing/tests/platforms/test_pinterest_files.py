"""Pinterest: files of private servers, of servers that redirect, and files that change."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from conftest import statuses
from publishing.models import PublishJob
from socialpublishing.platforms.pinterest import client
from socialpublishing.sandbox import pages
from socialpublishing.tests.file_server import whole
from socialpublishing.tests.recording import record_requests

SAMPLES = Path(pages.HERE) / "samples"
PICTURE = (SAMPLES / "harbour.jpg").read_bytes()
OTHER_PICTURE = (SAMPLES / "mountains.jpg").read_bytes()


@pytest.fixture
def server(private_server):
    private_server.file = whole(PICTURE)
    return private_server


@pytest.fixture
def connection(make_connection, sandbox):
    sandbox.call("POST", "settings", pinterest_processing_seconds=0)
    return make_connection("pinterest")


def image(url):
    return {"url": url, "asset_type": "image", "mime_type": "image/jpeg"}


@pytest.mark.behaviour(
    "Pinterest fetches large images itself and follows no redirect: it gets an address of ours "
    "where the source redirects or is private"
)
@pytest.mark.parametrize("is_redirecting", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_pinterest_fetches_private_and_redirected_images_from_us(
    api, connection, sandbox, worker, server, monkeypatch, is_redirecting, count, settings
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    server.is_redirecting = is_redirecting
    assert api.publish(connection, "Large", assets=[image(server.url)] * count).status_code == 202

    with record_requests(f"{sandbox.url}/pinterest/v5/pins") as recorder:
        worker.work()

    [request] = [call.request for call in recorder.calls]
    assert request.body.count(f"{settings.SERVICE_BASE_URL}/media/".encode()) == count
    assert server.origin.encode() not in request.body
    assert statuses() == {"Published": 1}
    [post] = sandbox.posts("pinterest")
    expected = hashlib.sha256(PICTURE).hexdigest()
    assert [media["sha256"] for media in post["media"]] == [expected] * count


def test_public_image_is_fetched_from_its_own_address(
    api, connection, sandbox, worker, monkeypatch, server
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    api.publish(connection, "Large", assets=[sandbox.picture()])
    worker.work()
    assert statuses() == {"Published": 1}
    assert server.requests == []


@pytest.mark.behaviour("Pinterest may not reach a video's cover: it is sent as bytes")
@pytest.mark.parametrize("is_redirecting", [False, True])
def test_cover_may_be_private(api, connection, sandbox, worker, server, is_redirecting):
    server.is_redirecting = is_redirecting
    options = {"cover_image_url": server.url}
    api.publish(connection, "A film", assets=[sandbox.clip()], platform_specific_options=options)

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    [post] = sandbox.posts("pinterest")
    assert post["details"]["cover_image_sha256"] == hashlib.sha256(PICTURE).hexdigest()


def test_cover_that_cannot_be_read_does_not_leave_the_job_in_doubt(
    api, connection, sandbox, worker, server
):
    options = {"cover_image_url": server.url}
    api.publish(connection, "A film", assets=[sandbox.clip()], platform_specific_options=options)
    server.refusal = lambda handler: 404
    worker.work()
    worker.work_ahead(60)
    job = PublishJob.objects.get()
    assert (job.error_code, job.publish_started_at) == ("asset_unreachable", None)
    assert sandbox.calls("/v5/pins", "POST") == []

    server.refusal = lambda handler: None
    worker.work_ahead(3000)
    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/media-upload")) == 1


@pytest.mark.parametrize("inline_bytes", [client.MAX_INLINE_BYTES, 1000])
def test_image_that_changed_since_it_was_accepted_is_not_published(
    api, connection, sandbox, worker, server, monkeypatch, inline_bytes
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", inline_bytes)
    api.publish(connection, "Before", assets=[image(server.url)])
    server.file = whole(OTHER_PICTURE)

    worker.work()
    worker.work_ahead(3600)

    job = PublishJob.objects.get()
    assert job.status == "Failed"
    assert sandbox.posts() == []
    if inline_bytes > 1000:
        assert job.error_code == "asset_changed"
