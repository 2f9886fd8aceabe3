"""Posts of the same text on the same account, which a lookup cannot tell apart."""

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

TIKTOK_PROCESSES = {
    "code": 200,
    "body": {
        "data": {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10**9},
        "error": {"code": "ok"},
    },
}


def test_post_waits_while_another_of_the_same_text_is_looked_up(
    api, connection, sandbox, worker, platform
):
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "drop_after")
    first = api.publish(connection, "Twice on purpose").json()["job_id"]
    worker.work()
    second = api.publish(connection, "Twice on purpose").json()["job_id"]
    other = api.publish(connection, "Something else").json()["job_id"]

    worker.work()

    found = {str(job.pk): job.status for job in PublishJob.objects.all()}
    assert found == {first: "Unconfirmed", second: "Pending", other: "Published"}


def test_waiting_for_a_post_of_the_same_text_is_recorded_once(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "drop_after")
    sandbox.call("POST", "settings", list_delay_seconds=3600)
    api.publish(connection, "Twice on purpose")
    worker.work()
    second = api.publish(connection, "Twice on purpose").json()["job_id"]

    worker.work_ahead(60)

    job = PublishJob.objects.get(pk=second)
    assert (job.status, job.waiting_for) == ("Pending", "outcome")
    assert [event.note for event in job.events.all()] == [
        "Accepted.",
        "A post of the same text is being looked up on this account first.",
    ]


def test_absent_posts_of_the_same_text_do_not_wait_for_each_other(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "drop_before", times=4)
    first = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(3000)
    assert PublishJob.objects.get(pk=first).status == "Failed"
    # As if it had been published 3000 seconds ago.
    back = dt.timedelta(seconds=3000)
    PublishJob.objects.update(
        publish_started_at=F("publish_started_at") - back,
        in_doubt_since=F("in_doubt_since") - back,
        created_at=F("created_at") - back,
    )
    second = publish_as_absent(api, sandbox, worker, connection, "Same")
    back = dt.timedelta(seconds=100)
    PublishJob.objects.filter(pk=second).update(in_doubt_since=F("in_doubt_since") - back)
    assert api.post(f"publishing/jobs/{first}/retry").status_code == 200

    worker.work_ahead(7200)

    assert len(sandbox.posts()) >= 1


def test_post_does_not_wait_for_an_absent_one_that_was_rescheduled(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    first = publish_as_absent(api, sandbox, worker, connection, "Same")
    at = (timezone.now() + dt.timedelta(days=30)).isoformat()
    assert change_job(api, first, schedule_time=at).status_code == 200
    SocialConnection.objects.update(limited_until=None)
    second = api.publish(connection, "Same").json()["job_id"]

    worker.work_ahead(4000)

    assert PublishJob.objects.get(pk=second).status == "Published"


def test_video_without_text_does_not_wait_for_another_that_is_processed(
    api, make_connection, sandbox, worker
):
    connection = make_connection("tiktok")
    sandbox.fault("status", TIKTOK_PROCESSES, path="/status/fetch/", times=300)
    api.publish(connection, "")
    worker.work()
    second = api.publish(connection, "").json()["job_id"]

    worker.work_ahead(4000)

    assert PublishJob.objects.get(pk=second).status != "Failed"


def test_post_of_an_abandoned_job_is_not_taken_for_that_of_another(
    api, make_connection, sandbox, worker
):
    connection = make_connection("linkedin")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    refusal = {"code": 422, "body": {"message": "This is against our policies"}}
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", refusal)
    first = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(200)
    abandoned = PublishJob.objects.get(pk=first)
    assert (abandoned.status, abandoned.next_attempt_at) == ("Unconfirmed", None)
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_before")
    second = api.publish(connection, "Same").json()["job_id"]

    worker.work_ahead(400)

    assert PublishJob.objects.get(pk=second).status == "Unconfirmed"
    [post] = sandbox.posts()
    found = {"outcome": "published", "remote_id": post["id"]}
    assert api.post(f"publishing/jobs/{first}/resolve", found).json()["status"] == "Published"
