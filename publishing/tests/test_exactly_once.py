"""A post is published once, whatever happens to the response of its publish request."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from conftest import statuses
from publishing.models import PublishJob, Status
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault

pytestmark = [pytest.mark.usefixtures("instant_processing"), pytest.mark.sqlite_at_night]

# Their response to the publish request does not name the post: its id is read later.
WITHOUT_ID_IN_RESPONSE = {"tiktok"}


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_lost_response_never_publishes_a_post_twice(
    make_connection, api, sandbox, worker, platform, action
):
    for number in range(20):
        api.publish(make_connection(platform), f"Number {number}")
    add_fault(sandbox, PUBLISH_REQUESTS, platform, action, times=20)

    worker.work()
    assert set(statuses()) <= {"Published", "Unconfirmed"}
    worker.work_ahead()

    assert statuses() == {"Published": 20}
    texts = sorted(post["text"] for post in sandbox.posts(platform))
    assert texts == sorted(f"Number {number}" for number in range(20))


@pytest.mark.parametrize(("action", "value"), [("drop_before", None), ("status", 500)])
def test_post_that_was_not_created_is_published_after_the_settle_time(
    api, connection, sandbox, worker, platform, action, value
):
    api.publish(connection, "Once")
    add_fault(sandbox, PUBLISH_REQUESTS, platform, action, value)

    worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == (Status.UNCONFIRMED, "outcome_unknown")

    # Before the settle time is over, the platform may not list the post yet.
    worker.work_ahead(seconds=80)
    assert sandbox.posts(platform) == []

    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_post_that_is_listed_late_is_not_published_again(
    api, connection, sandbox, worker, platform
):
    api.publish(connection, "Slow to show")
    sandbox.call("POST", "settings", list_delay_seconds=80)
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "drop_after")
    worker.work()
    worker.work_ahead(seconds=80)
    # One platform reports that it has the post before it lists it.
    assert statuses() in ({"Unconfirmed": 1}, {"Processing": 1})

    sandbox.call("POST", "clock", advance_seconds=81)
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": {"id": 5}, "id": 5}, [], "x"])
def test_response_without_an_id_is_looked_up(api, connection, sandbox, worker, platform, body):
    if platform in WITHOUT_ID_IN_RESPONSE:
        pytest.skip("reads the id later")
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "status", {"code": 201, "body": body})
    api.publish(connection, "Strange response")
    worker.work()
    assert statuses() == {"Unconfirmed": 1}

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_post_that_a_lookup_finds_gets_its_post_url(api, make_connection, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    api.publish(make_connection("linkedin"), "Once")

    worker.work_ahead()

    job = PublishJob.objects.get()
    assert job.status == "Published"
    assert job.post_url


def test_intent_that_the_release_before_stored_is_looked_up(api, make_connection, sandbox, worker):
    """Its workers still run on the new schema, and store publish_started_at alone."""
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    api.publish(make_connection("linkedin"), "Once")
    worker.work()
    PublishJob.objects.update(
        in_doubt_since=None, publish_started_at=timezone.now() - dt.timedelta(hours=1)
    )
    sandbox.call("POST", "clock", advance_seconds=3600)

    worker.work_ahead(600)

    assert len(sandbox.posts()) == 1


# --- A retry that is refused ---------------------------------------------------------------------


@pytest.fixture
def lost_upload_on_retry(sandbox) -> None:
    """LinkedIn creates the post, the response is lost, and the retry names a lost upload."""
    body = {"status": 400, "code": "EXPIRED_UPLOAD_URL", "message": "expired"}
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", {"code": 400, "body": body})


@pytest.mark.usefixtures("lost_upload_on_retry")
def test_upload_is_not_restarted_while_an_earlier_request_is_in_doubt(
    api, make_connection, sandbox, worker
):
    api.publish(make_connection("linkedin"), "Once", assets=[sandbox.picture()])

    worker.work_ahead(600)

    assert len(sandbox.posts()) == 1


@pytest.mark.usefixtures("lost_upload_on_retry")
def test_earlier_request_stays_in_doubt_when_an_upload_is_lost(
    api, make_connection, sandbox, worker
):
    processing = {"code": 200, "body": {"status": "PROCESSING"}}
    picture = {"method": "GET", "path": "^/rest/images/"}
    sandbox.fault("delay", 0, **picture)
    sandbox.fault("status", processing, **picture, times=400)
    api.publish(make_connection("linkedin"), "Once", assets=[sandbox.picture()])
    worker.work_ahead(700, sandbox=sandbox)
    sandbox.call("DELETE", "faults")
    PublishJob.objects.update(next_attempt_at=timezone.now() + dt.timedelta(seconds=701))
    sandbox.call("POST", "clock", advance_seconds=30)

    worker.finish(timezone.now() + dt.timedelta(seconds=702))

    assert len(sandbox.posts()) == 1


def test_long_message_of_a_refused_retry_is_cut_to_its_column(
    api, make_connection, sandbox, worker
):
    """PostgreSQL refuses more than 500 characters."""
    body = {"status": 422, "code": "X", "message": " ".join(["word"] * 200)}
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", {"code": 422, "body": body})
    api.publish(make_connection("linkedin"), "Same")

    worker.work_ahead(200)

    assert len(PublishJob.objects.get().error_message) <= 500
