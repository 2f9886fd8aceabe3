"""What users and operators can do with a job of which a publish request is or was in doubt."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone

from connections.models import SocialConnection
from publishing.models import PublishJob
from publishing.tests.absent_posts import change_job, publish_as_absent
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault

pytestmark = pytest.mark.usefixtures("instant_processing")


def the_job() -> PublishJob:
    return PublishJob.objects.get()


def remove_platform() -> None:
    """As if the platform were no longer in PLATFORMS."""
    PublishJob.objects.update(platform="gone")
    SocialConnection.objects.update(platform="gone")


# --- The post is known to be absent --------------------------------------------------------------


def test_absent_post_waits_where_publishing_is_switched_off(
    api, make_connection, sandbox, worker, settings
):
    job_id = publish_as_absent(api, sandbox, worker, make_connection("tiktok"))
    at = (timezone.now() + dt.timedelta(seconds=900)).isoformat()
    assert change_job(api, job_id, schedule_time=at).status_code == 200
    settings.ENABLE_TIKTOK_PUBLISHING = "off"

    worker.work_ahead(1000)

    assert (the_job().status, the_job().error_code) == ("Pending", "publishing_off")


def test_absent_post_can_be_cancelled_and_its_account_disconnected(
    api, make_connection, sandbox, worker, settings
):
    connection = make_connection("tiktok")
    job_id = publish_as_absent(api, sandbox, worker, connection)
    settings.ENABLE_TIKTOK_PUBLISHING = "off"
    worker.work_ahead(1000)

    assert api.post(f"publishing/jobs/{job_id}/cancel").status_code == 200
    assert api.delete(f"connections/{connection.pk}").status_code == 200
    assert the_job().status == "Cancelled"


def test_changed_content_has_no_request_in_doubt(api, make_connection, sandbox, worker):
    """A refusal of the new text is not due to a request with the old one."""
    connection = make_connection("twitter")
    api.publish(connection, "Two")
    worker.work_ahead()
    PublishJob.objects.all().delete()  # as if it had been published by hand
    job_id = publish_as_absent(api, sandbox, worker, connection, "One")
    assert change_job(api, job_id, text_content="Two").status_code == 200
    sandbox.call("POST", "clock", advance_seconds=300)

    worker.work_ahead(7200)

    assert the_job().error_code == "duplicate_content"


def test_job_that_failed_long_ago_can_be_retried(api, make_connection, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "drop_before", times=4)
    job_id = api.publish(make_connection("twitter"), "Same").json()["job_id"]
    worker.work_ahead(3000)
    assert the_job().status == "Failed"
    back = dt.timedelta(hours=30)
    PublishJob.objects.update(
        publish_started_at=F("publish_started_at") - back,
        in_doubt_since=F("in_doubt_since") - back,
        created_at=F("created_at") - back,
    )

    for _ in range(3):
        api.post(f"publishing/jobs/{job_id}/retry")
        worker.work_ahead(3000)

    assert the_job().status == "Published"


# --- The platform is no longer supported ---------------------------------------------------------


def test_account_of_a_removed_platform_can_be_disconnected(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    publish_as_absent(api, sandbox, worker, connection)
    remove_platform()

    assert api.delete(f"connections/{connection.pk}").status_code == 200


def test_job_of_a_removed_platform_is_left_to_a_person_in_the_end(
    api, make_connection, sandbox, worker
):
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "drop_after")
    job_id = api.publish(make_connection("twitter"), "Same").json()["job_id"]
    worker.work()
    remove_platform()

    for hours in range(0, 60, 12):
        now = timezone.now() + dt.timedelta(hours=hours)
        PublishJob.objects.update(next_attempt_at=now)
        worker.finish(now)

    assert (the_job().status, the_job().next_attempt_at) == ("Unconfirmed", None)
    response = api.post(f"publishing/jobs/{job_id}/resolve", {"outcome": "published"})
    assert response.json()["status"] == "Published"
