"""Paths in the object store: each user reads only the files below a prefix of their own."""

import datetime as dt

import pytest
from django.utils import timezone

from conftest import plain_post
from publishing.models import PublishJob
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.test_media_store import PICTURE

FILES = ("/bucket/tenants/alice/a.jpg", "/bucket/tenants/bob/b.jpg", "/bucket/old.jpg")


class Bucket(FileServer):
    """An object store that has FILES only."""

    def refusal(self, handler):
        return None if handler.path.partition("?")[0] in FILES else 404


@pytest.fixture
def bucket(settings, sandbox):
    bucket = Bucket()
    bucket.file = whole(PICTURE)
    settings.OBJECT_STORE_ENDPOINT, settings.OBJECT_STORE_BUCKET = bucket.origin, "bucket"
    settings.OBJECT_STORE_ACCESS_KEY, settings.OBJECT_STORE_SECRET_KEY = "a", "b"
    settings.OBJECT_STORE_PREFIX = "tenants/{user_id}/"
    yield bucket
    bucket.close()


@pytest.fixture
def connection(make_connection):
    return make_connection("twitter")


def body(connection, path, **more):
    asset = {"url": path, "asset_type": "image", "mime_type": "image/jpeg"}
    return plain_post(connection, "A picture", assets=[asset], **more)


def patch(api, job, **changes):
    path = f"/api/v1/publishing/jobs/{job.pk}"
    return api.client.patch(path, changes, content_type="application/json")


@pytest.mark.parametrize("path", ["a.jpg", "tenants/alice/a.jpg", "/tenants/alice/a.jpg"])
def test_own_file_is_published(api, bucket, connection, worker, sandbox, path):
    response = api.post("publishing/publish", body(connection, path))

    assert response.status_code == 202, response.json()
    job = api.get(f"publishing/jobs/{response.json()['job_id']}").json()
    assert job["assets"][0]["url"] == "/tenants/alice/a.jpg"
    worker.work_ahead()
    [post] = sandbox.posts()
    assert len(post["media"]) == 1
    assert {seen.partition("?")[0] for seen, _ in bucket.requests} == {FILES[0]}


@pytest.mark.parametrize(
    "path", ["b.jpg", "tenants/bob/b.jpg", "/old.jpg", "../bob/b.jpg", "%2e%2e/bob/b.jpg"]
)
def test_file_of_another_user_is_refused(api, bucket, connection, path):
    for url in ("publishing/publish", "publishing/schedule"):
        later = (timezone.now() + dt.timedelta(hours=1)).isoformat()
        more = {"schedule_time": later} if url.endswith("schedule") else {}
        response = api.post(url, body(connection, path, **more))
        assert response.status_code == 400
        assert response.json()["code"] in {"asset_address_refused", "asset_unreachable"}
    verdict = api.post("publishing/validate", body(connection, path)).json()
    assert not verdict["is_valid"]
    assert not PublishJob.objects.exists()
    assert not {seen.partition("?")[0] for seen, _ in bucket.requests} & set(FILES)


def test_file_of_an_option_is_found_below_the_prefix_too(api, bucket, make_connection, sandbox):
    connection = make_connection("instagram")
    for path, code in (("../bob/b.jpg", 400), ("tenants/bob/b.jpg", 400), ("a.jpg", 202)):
        options = {"post_type": "reel", "cover_url": path}
        request = plain_post(
            connection, "A reel", assets=[sandbox.clip()], platform_specific_options=options
        )
        response = api.post("publishing/publish", request)
        assert response.status_code == code, response.json()
    job = PublishJob.objects.get()
    assert job.platform_specific_options["cover_url"] == "/tenants/alice/a.jpg"


def test_job_that_was_stored_without_a_prefix_is_published(
    api, bucket, connection, settings, worker, sandbox
):
    settings.OBJECT_STORE_PREFIX = ""
    later = (timezone.now() + dt.timedelta(hours=1)).isoformat()
    request = body(connection, "old.jpg", schedule_time=later)
    assert api.post("publishing/schedule", request).status_code == 202
    settings.OBJECT_STORE_PREFIX = "tenants/{user_id}/"
    job = PublishJob.objects.get()

    assert patch(api, job, text_content="Another text").status_code == 200
    assert patch(api, job, assets=body(connection, "b.jpg")["assets"]).status_code == 400
    assert patch(api, job, assets=body(connection, "a.jpg")["assets"]).status_code == 200
    assert patch(api, job, assets=body(connection, "/old.jpg")["assets"]).status_code == 400

    worker.work_ahead(3700)
    [post] = sandbox.posts()
    assert post["text"] == "Another text"
