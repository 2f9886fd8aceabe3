"""A post from its acceptance by the API to its publication on each platform."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools

import pytest
import requests
from django.utils import timezone

from conftest import plain_post, statuses
from publishing.models import PublishJob

pytestmark = pytest.mark.usefixtures("instant_processing")


def test_text_is_published_once_and_its_history_is_recorded(
    api, connection, sandbox, worker, platform
):
    job_id = api.publish(connection, "Good morning").json()["job_id"]

    worker.work()

    [post] = sandbox.posts(platform)
    assert post["text"] == "Good morning"
    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert job["status"] == "Published"
    assert job["post_url"] == post["url"]
    assert requests.get(job["post_url"], timeout=5).status_code == 200
    events = api.get(f"publishing/jobs/{job_id}/events").json()
    # However many steps there are in the middle.
    assert [status for status, _ in itertools.groupby(event["to_status"] for event in events)] == [
        "Pending",
        "Processing",
        "Published",
    ]


@pytest.mark.parametrize("platform", ["twitter", "facebook"])
def test_pictures_arrive_unchanged_in_order_with_their_alt_texts(
    api, connection, sandbox, worker, platform
):
    pictures = [{**sandbox.picture(), "alt_text": f"Picture {n}"} for n in range(3)]
    response = api.publish(connection, "Three", assets=pictures)
    assert response.status_code == 202, response.json()

    worker.work()

    [post] = sandbox.posts(platform)
    sent = requests.get(pictures[0]["url"], timeout=5).content
    assert [media["sha256"] for media in post["media"]] == [hashlib.sha256(sent).hexdigest()] * 3
    assert [media["alt_text"] for media in post["media"]] == ["Picture 0", "Picture 1", "Picture 2"]


def test_scheduled_post_is_not_published_before_its_time(
    api, connection, sandbox, worker, platform
):
    at = timezone.now() + dt.timedelta(minutes=5)
    response = api.post(
        "publishing/schedule",
        {**plain_post(connection, "Later"), "schedule_time": at.isoformat()},
    )
    assert (response.status_code, response.json()["status"]) == (202, "Scheduled")

    worker.work(after=299)
    assert sandbox.posts(platform) == []

    worker.work(after=301)
    assert len(sandbox.posts(platform)) == 1


def test_content_that_the_platform_refuses_ends_the_job_with_the_reason(
    api, make_connection, sandbox, worker
):
    problem = {
        "title": "Forbidden",
        "detail": "This post has an invalid URL.",
        "type": "about:blank",
        "status": 403,
    }
    sandbox.fault("status", {"code": 403, "body": problem}, method="POST", path="^/2/tweets$")
    job_id = api.publish(make_connection("twitter"), "Refused").json()["job_id"]

    worker.work()
    worker.work_ahead()

    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["status"], job["error_code"]) == ("ContentRejected", "content_rejected")
    assert "invalid URL" in job["error_message"]
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


def test_page_that_may_no_longer_be_published_to_gets_no_post(
    api, make_connection, sandbox, worker
):
    connection = make_connection("facebook")
    api.publish(connection, "No longer allowed")
    connection.destinations.update(can_publish=False, access_token=None)

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "permission_missing")
    assert sandbox.posts() == []


@pytest.mark.parametrize("address", [f"https://x.example/{'a' * 600}", "javascript:alert(1)", 7])
def test_post_url_that_is_no_web_address_is_dropped(api, make_connection, sandbox, worker, address):
    response = {"code": 200, "body": {"id": "1_2", "permalink_url": address}}
    sandbox.fault("status", response, platform="facebook", method="POST", path="/feed$")
    job_id = api.publish(make_connection("facebook"), "Odd address").json()["job_id"]

    worker.work()

    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["status"], job["post_url"]) == ("Published", None)


def test_disconnecting_cancels_waiting_jobs_and_returns_their_number(
    api, connection, sandbox, worker, platform
):
    for number in range(2):
        api.publish(connection, f"Never {number}")

    response = api.delete(f"connections/{connection.pk}")

    assert response.status_code == 200
    assert response.json()["status"] == "disconnected"
    assert "2" in response.json()["message"]
    worker.work()
    assert {job.error_code for job in PublishJob.objects.all()} == {"connection_removed"}
    assert statuses() == {"Cancelled": 2}
    assert sandbox.posts(platform) == []
