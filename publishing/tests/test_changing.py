"""Changing and resolving jobs, and filtering their list by time."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from publishing.models import PublishJob


def in_future(**ahead) -> str:
    return (timezone.now() + dt.timedelta(**ahead)).isoformat()


def patch(api, job, body):
    return api.client.patch(f"/api/v1/publishing/jobs/{job}", body, content_type="application/json")


@pytest.fixture
def connection(make_connection):
    return make_connection("twitter")


@pytest.fixture
def scheduled(api, connection):
    """The id of a job that is due in an hour."""
    body = {
        "connection_id": str(connection.pk),
        "text_content": "Old",
        "schedule_time": in_future(hours=1),
    }
    return api.post("publishing/schedule", body).json()["job_id"]


# --- Changing ------------------------------------------------------------------------------------


def test_job_is_published_at_its_new_time(api, scheduled, sandbox, worker):
    response = patch(api, scheduled, {"schedule_time": in_future(hours=2)})

    assert response.status_code == 200, response.json()
    assert response.json()["status"] == "Scheduled"
    worker.work(after=3700)
    assert sandbox.posts() == []
    worker.work(after=7300)
    [post] = sandbox.posts()
    assert post["text"] == "Old"


def test_job_whose_time_is_removed_is_published_now(api, scheduled, sandbox, worker):
    response = patch(api, scheduled, {"schedule_time": None})
    assert (response.json()["status"], response.json()["scheduled_at"]) == ("Pending", None)
    worker.work()
    assert len(sandbox.posts()) == 1


def test_pending_job_can_be_scheduled(api, connection, sandbox, worker):
    job = api.publish(connection, "Not yet").json()["job_id"]
    assert patch(api, job, {"schedule_time": in_future(hours=1)}).json()["status"] == "Scheduled"
    worker.work()
    assert sandbox.posts() == []


def test_new_content_is_published(api, scheduled, sandbox, worker):
    body = {
        "text_content": "New",
        "assets": [sandbox.picture()],
        "platform_specific_options": {"reply_settings": "following"},
    }
    response = patch(api, scheduled, body)

    assert response.status_code == 200, response.json()
    assert response.json()["text_content"] == "New"
    worker.work_ahead(4000)
    [post] = sandbox.posts()
    assert (post["text"], len(post["media"])) == ("New", 1)
    assert post["details"]["reply_settings"] == "following"
    notes = [event["note"] for event in api.get(f"publishing/jobs/{scheduled}/events").json()]
    assert notes[:2] == ["Accepted.", "Changed."]


def test_change_to_content_that_breaks_a_limit_is_refused(api, scheduled):
    response = patch(api, scheduled, {"text_content": "x" * 281})
    assert (response.status_code, response.json()["code"]) == (400, "content_rejected")
    assert api.get(f"publishing/jobs/{scheduled}").json()["text_content"] == "Old"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"text": "New"}, "invalid_request"),
        ({"text_content": None}, "empty_post"),
        ({"text_content": 7}, "invalid_request"),
        ({"schedule_time": "tomorrow"}, "invalid_request"),
        ({"schedule_time": "2026-12-24T18:00:00"}, "schedule_time_no_offset"),
        ({"schedule_time": "2020-01-01T00:00:00Z"}, "schedule_time_past"),
        ({"schedule_time": "2099-01-01T00:00:00Z"}, "schedule_time_too_far"),
        ({"platform_specific_options": {"colour": "red"}}, "invalid_request"),
        ({"assets": [{"url": "x"}]}, "invalid_request"),
        ({"connection_id": str(uuid.uuid4())}, "invalid_request"),
        ({"late_grace_seconds": -1}, "invalid_request"),
    ],
)
def test_invalid_changes_are_refused(api, scheduled, body, code):
    response = patch(api, scheduled, body)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_late_grace_can_be_set_to_zero(api, scheduled):
    assert patch(api, scheduled, {"late_grace_seconds": 0}).status_code == 200
    assert PublishJob.objects.get(pk=scheduled).late_grace_s == 0


def test_published_job_cannot_be_changed(api, connection, worker):
    job = api.publish(connection, "Out").json()["job_id"]
    worker.work()
    response = patch(api, job, {"text_content": "Too late"})
    assert (response.status_code, response.json()["code"]) == (409, "already_submitting")


def test_job_that_is_changed_after_its_claim_is_published_once_with_the_new_content(
    api, connection, sandbox, worker
):
    job = api.publish(connection, "Old").json()["job_id"]
    now = timezone.now()
    PublishJob.objects.filter(pk=job).update(
        lease_owner="another worker", next_attempt_at=now + dt.timedelta(seconds=30)
    )
    assert patch(api, job, {"text_content": "New"}).status_code == 200
    worker.work_ahead()
    assert [post["text"] for post in sandbox.posts()] == ["New"]


def test_jobs_of_other_users_are_not_found(make_api, scheduled):
    bob = make_api("bob")
    for response in (
        patch(bob, scheduled, {"text_content": "Mine"}),
        bob.post(f"publishing/jobs/{scheduled}/resolve", {"outcome": "published"}),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "job_not_found")


# --- Resolving -----------------------------------------------------------------------------------


@pytest.fixture
def unconfirmed(api, connection, sandbox, worker):
    """The id of a job whose outcome is unknown: the platform does not respond."""
    job = api.publish(connection, "Is it public?").json()["job_id"]
    sandbox.fault("drop_after", path="^/2/tweets$", method="POST")
    sandbox.fault("status", 500, method="GET", times=1000)
    worker.work_ahead(30)
    assert PublishJob.objects.get(pk=job).status == "Unconfirmed"
    return job


def resolve(api, job, **body):
    return api.post(f"publishing/jobs/{job}/resolve", body)


def test_job_resolved_as_published_has_ended(api, unconfirmed, sandbox, worker):
    [post] = sandbox.posts()
    response = resolve(
        api, unconfirmed, outcome="published", remote_id=post["id"], post_url=post["url"]
    )

    assert response.status_code == 200, response.json()
    data = response.json()
    assert (data["status"], data["remote_id"]) == ("Published", post["id"])
    assert (data["post_url"], data["error_code"]) == (post["url"], None)
    assert data["published_at"] is not None
    sandbox.call("DELETE", "faults")
    worker.work_ahead(7200)
    assert len(sandbox.posts()) == 1


def test_job_resolved_as_not_published_can_be_retried(api, unconfirmed, sandbox, worker):
    response = resolve(api, unconfirmed, outcome="not_published", reason="I looked.")
    assert (response.json()["status"], response.json()["error_code"]) == ("Failed", "not_published")
    assert response.json()["error_message"] == "I looked."

    sandbox.call("DELETE", "faults")
    sandbox.call("DELETE", "state")  # The post really does not exist.
    assert api.post(f"publishing/jobs/{unconfirmed}/retry").json()["status"] == "Pending"


def test_post_of_another_job_is_refused(api, connection, unconfirmed, sandbox, worker):
    sandbox.call("DELETE", "faults")
    api.publish(connection, "Another")
    PublishJob.objects.filter(pk=unconfirmed).update(next_attempt_at=None)
    worker.work_ahead(30)
    other = PublishJob.objects.exclude(pk=unconfirmed).get()
    response = resolve(api, unconfirmed, outcome="published", remote_id=other.remote_id)
    assert (response.status_code, response.json()["code"]) == (409, "post_taken")


def test_only_unconfirmed_jobs_can_be_resolved(api, scheduled):
    response = resolve(api, scheduled, outcome="published")
    assert (response.status_code, response.json()["code"]) == (409, "not_unconfirmed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "perhaps"},
        {"outcome": "published", "remote_id": "x" * 201},
        {"outcome": "published", "post_url": "javascript:alert(1)"},
        {"outcome": "published", "status": "Published"},
    ],
)
def test_invalid_resolutions_are_refused(api, unconfirmed, body):
    response = api.post(f"publishing/jobs/{unconfirmed}/resolve", body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_operators_resolve_jobs_in_the_console(make_staff, unconfirmed):
    ops = make_staff("view_publishjob", "change_publishjob")
    page = f"/admin/publishing/publishjob/{unconfirmed}/change/"
    operations = {
        str(each["title"]): each["path"] for each in ops.get(page).context["actions_detail"]
    }
    assert {"Resolve: published", "Resolve: not published"} <= operations.keys()

    ops.post(operations["Resolve: not published"], {"reason": "Looked, nothing there"})

    job = PublishJob.objects.get(pk=unconfirmed)
    assert (job.status, job.error_message) == ("Failed", "Looked, nothing there")


# --- The list ------------------------------------------------------------------------------------


def test_list_is_filtered_by_time(api, connection):
    now = timezone.now()
    jobs = [api.publish(connection, f"Post {number}").json()["job_id"] for number in range(3)]
    for number, job in enumerate(jobs):
        PublishJob.objects.filter(pk=job).update(created_at=now - dt.timedelta(days=number))

    def listed(**query):
        return [job["job_id"] for job in api.get("publishing/jobs", data=query).json()]

    assert listed(**{"from": (now - dt.timedelta(hours=1)).isoformat()}) == jobs[:1]
    assert listed(to=(now - dt.timedelta(hours=1)).isoformat()) == jobs[1:]
    between = {"from": (now - dt.timedelta(hours=36)).isoformat(), "to": now.isoformat()}
    assert listed(**between) == jobs[1:2]
    assert api.get("publishing/jobs", data={"from": "yesterday"}).status_code == 400
