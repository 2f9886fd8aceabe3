"""How TikTok gets the files of a post, and when it names the id of the post."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
import requests
from django.utils import timezone

from publishing import late_ids, tasks
from publishing.late_ids import read_late_ids
from publishing.models import PublishJob
from publishing.tests.platforms.test_tiktok import (
    error_body,
    job,
    outcome,
    photo,
    publish,
    puts,
    status_response,
)
from publishing.tests.platforms.test_tiktok import file_server as file_server
from publishing.tests.platforms.test_tiktok import large_video as large_video
from socialpublishing.platforms.tiktok import payloads
from socialpublishing.tests.file_server import FileServer, whole

pytestmark = pytest.mark.usefixtures("instant_processing")


@pytest.fixture
def connection(make_connection):
    return make_connection("tiktok")


@pytest.fixture
def redirecting():
    server = FileServer()
    server.is_redirecting = True
    yield server
    server.close()


# --- Photos --------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "TikTok pulls photos from a verified prefix without redirects: it gets our own address for "
    "each, wherever the photo is"
)
@pytest.mark.parametrize("post_type", ["feed", "draft"])
def test_photos_are_pulled_from_our_own_address(
    api, connection, sandbox, worker, service_url, redirecting, settings, post_type
):
    sandbox.call("POST", "settings", tiktok_verified_prefix=f"{service_url}/media/")
    source = requests.get(photo(sandbox)["url"], timeout=5).content

    redirecting.file = whole(source)
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, redirecting.origin]
    asset = {"url": redirecting.url, "asset_type": "image", "mime_type": "image/jpeg"}
    publish(api, connection, sandbox, assets=[asset], post_type=post_type)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    [post] = sandbox.posts()
    assert post["media"][0]["sha256"] == hashlib.sha256(source).hexdigest()


@pytest.mark.behaviour("TikTok takes photos of up to 1080p; videos have other sizes")
@pytest.mark.parametrize(
    ("is_photo", "reason", "words"),
    [
        (True, "picture_size_check_failed", "1080p"),
        (False, "picture_size_check_failed", "360 to 4096"),
        (True, "file_format_check_failed", "JPEG or WebP"),
        (False, "file_format_check_failed", "H.264"),
    ],
)
def test_reason_of_a_failure_speaks_of_the_medium(
    api, connection, sandbox, worker, is_photo, reason, words
):
    failed = status_response(status="FAILED", fail_reason=reason)
    sandbox.fault("status", failed, path="/status/fetch/")
    publish(api, connection, sandbox, assets=[photo(sandbox)] if is_photo else None)
    worker.work_ahead()
    assert outcome() == ("ContentRejected", "content_rejected")
    assert words in job().error_message


def test_upload_that_we_cancelled_is_no_fault_of_the_content(api, connection, sandbox, worker):
    failed = status_response(status="FAILED", fail_reason="publish_cancelled")
    sandbox.fault("status", failed, path="/status/fetch/")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert outcome() == ("Published", "")


# --- Chunks and upload addresses -----------------------------------------------------------------


@pytest.mark.behaviour(
    "Since 2026-08 TikTok has refused documented sizes of chunks: we try one other size; it is "
    "never the content's fault"
)
@pytest.mark.parametrize(("least_chunk_bytes", "is_published"), [(6_000_000, True), (9e6, False)])
def test_refused_chunks_are_tried_in_another_size(
    api, connection, sandbox, worker, large_video, monkeypatch, least_chunk_bytes, is_published
):
    monkeypatch.setattr(payloads, "LARGEST_CHUNK_BYTES", 8_000_000)
    sandbox.call("POST", "settings", tiktok_least_chunk_bytes=least_chunk_bytes)
    asset, sha256 = large_video
    publish(api, connection, sandbox, assets=[asset])
    worker.work()
    if is_published:
        worker.work_ahead()
        assert outcome() == ("Published", "")
        [post] = sandbox.posts()
        assert post["media"][0]["sha256"] == sha256
        assert len(puts(sandbox)) == 2
    else:
        assert outcome() == ("Pending", "platform_refused")
        assert "chunk size is invalid" in job().error_message
    assert len(sandbox.calls("/video/init/")) == 2


@pytest.mark.behaviour(
    "An upload address of another host is refused before anything is sent: nothing was made, and "
    "the post is tried again"
)
def test_upload_address_of_another_host_leaves_no_doubt(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_upload_host="other")
    publish(api, connection, sandbox)
    worker.work()
    assert outcome() == ("Pending", "platform_unreachable")
    assert job().publish_requests == 0

    sandbox.call("POST", "settings", tiktok_upload_host="own")
    worker.work_ahead(3600)

    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


def test_stored_upload_address_of_another_host_leaves_no_doubt(api, connection, sandbox, worker):
    """A job of the release before, or one whose hosts the operator has changed since."""
    publish(api, connection, sandbox)
    handle = {"publish_id": "v_pub_file~v2-1.1", "upload_url": "https://a.example/", "offset": 0}
    PublishJob.objects.update(progress={"stage": "ready", "handle": handle})
    worker.work_ahead(3600)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour(
    "TikTok's upload host responds with 401, 403 or 404 when an address has ended: the upload "
    "starts again, and the account stays connected"
)
@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("is_last", [True, False])
def test_upload_whose_address_has_ended_is_restarted(
    api, connection, sandbox, worker, large_video, status, is_last
):
    asset = None if is_last else [large_video[0]]
    sandbox.fault("status", {"code": status, "body": "ended"}, method="PUT")
    publish(api, connection, sandbox, assets=asset)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/video/init/")) == 2
    assert len(sandbox.posts()) == 1
    connection.refresh_from_db()
    assert connection.status == connection.Status.ACTIVE


# --- Ids after moderation ------------------------------------------------------------------------


@pytest.mark.behaviour(
    "TikTok names the id of a public post only after its moderation, which may take hours: the "
    "job is published with the profile's address, and its id is read later"
)
@pytest.mark.parametrize("is_photo", [True, False])
def test_id_is_read_when_a_long_moderation_has_ended(api, connection, sandbox, worker, is_photo):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=7200)
    publish(api, connection, sandbox, assets=[photo(sandbox)] if is_photo else None)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    profile = job().post_url
    assert job().remote_id.startswith(("v_pub", "p_pub"))

    assert read_late_ids(timezone.now()) == 0  # still in moderation
    assert job().post_url == profile
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=0)
    assert read_late_ids(job().published_at + dt.timedelta(hours=2)) == 1

    [post] = sandbox.posts()
    assert (job().status, job().remote_id) == ("Published", post["id"])
    assert job().post_url == f"{profile}/{'photo' if is_photo else 'video'}/{post['id']}"
    assert job().events.last().note == "The platform has named the id of the post."
    calls = len(sandbox.calls())
    tasks.read_late_ids()
    assert len(sandbox.calls()) == calls


def test_id_that_another_job_has_is_not_taken(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=7200)
    publish(api, connection, sandbox)
    worker.work_ahead()
    [post] = sandbox.posts()
    other = PublishJob.objects.get()
    waiting_id = other.remote_id
    other.pk, other.remote_id, other.progress = None, post["id"], {}
    other.save()
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=0)
    assert read_late_ids(timezone.now()) == 0
    assert PublishJob.objects.filter(remote_id=waiting_id).exists()


@pytest.mark.parametrize(
    ("age", "is_read"), [(dt.timedelta(minutes=5), True), (dt.timedelta(days=4), False)]
)
def test_id_is_read_for_three_days(api, connection, sandbox, worker, age, is_read):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=7200)
    publish(api, connection, sandbox)
    worker.work_ahead()
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=0)
    PublishJob.objects.update(published_at=timezone.now() - age)
    assert read_late_ids(timezone.now()) == is_read


def test_pause_between_reads_of_an_id_grows_with_the_age_of_the_post(
    api, connection, sandbox, worker
):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=86400)
    publish(api, connection, sandbox)
    worker.work_ahead()
    reads = len(sandbox.calls("/status/fetch/"))
    for minute in range(11, 150):
        # A sweep never starts in time to the second.
        late = dt.timedelta(minutes=minute, milliseconds=minute * 137 % 900)
        read_late_ids(job().published_at + late)
    assert 20 <= len(sandbox.calls("/status/fetch/")) - reads <= 30


def test_ids_of_all_posts_are_read_in_turn(api, connection, sandbox, worker, monkeypatch):
    monkeypatch.setattr(late_ids, "BATCH", 1)
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=7200)
    for _ in range(3):
        publish(api, connection, sandbox)
    worker.work_ahead()
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=0)
    latest = PublishJob.objects.latest("published_at").published_at
    for second in range(3):
        assert read_late_ids(latest + dt.timedelta(seconds=second)) == 1


def test_unreadable_status_leaves_the_published_job_as_it_is(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=7200)
    publish(api, connection, sandbox)
    worker.work_ahead()
    before = outcome(), job().post_url
    body = error_body("invalid_publish_id")
    sandbox.fault("status", {"code": 400, "body": body}, path="/status/fetch/", times=9)
    assert read_late_ids(timezone.now()) == 0
    assert (outcome(), job().post_url) == before


def test_private_posts_are_not_asked_for_an_id(api, connection, sandbox, worker):
    publish(api, connection, sandbox, privacy_level="SELF_ONLY")
    worker.work_ahead()
    calls = len(sandbox.calls())
    assert read_late_ids(timezone.now()) == 0
    assert len(sandbox.calls()) == calls
