"""Metric snapshots of posts that we published, at growing ages."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from connections.models import SocialConnection
from insights.models import SNAPSHOT_AGES, SNAPSHOT_AGES_WHEN_BILLED, MetricSchedule, MetricSnapshot
from insights.snapshots import read_due
from insights.tasks import read_metrics
from publishing.models import PublishJob
from socialpublishing.platforms import PLATFORMS

pytestmark = pytest.mark.usefixtures("empty_cache")

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def publish(api, make_connection, worker, sandbox):
    """Publish one post and return its job."""
    # The worker's clock is moved ahead, the sandbox's is not.
    names = sandbox.call("GET", "settings")
    instant = {name: 0 for name in names if name.endswith("processing_seconds")}
    sandbox.call("POST", "settings", **instant)

    def publish(platform, **facts):
        connection = make_connection(platform, **facts)
        response = api.publish(connection, "How will it do?")
        assert response.status_code == 202, response.json()
        worker.work_ahead()
        job = PublishJob.objects.get(pk=response.json()["job_id"])
        assert job.status == "Published", job.error_message
        return job

    return publish


def metrics_of(api, job):
    response = api.get(f"publishing/jobs/{job.pk}/metrics")
    assert response.status_code == 200, response.json()
    return response.json()


def ages_of(platform):
    return (
        SNAPSHOT_AGES_WHEN_BILLED
        if PLATFORMS[platform].metrics_reader.reads_are_billed
        else SNAPSHOT_AGES
    )


def read_at_all_ages(job, sandbox):
    """Read at each age, with the clocks of the sandbox and the service moved ahead."""
    read_due(job.published_at)
    passed = dt.timedelta()
    for age in ages_of(job.platform):
        sandbox.call("POST", "clock", advance_seconds=(age - passed).total_seconds())
        passed = age
        # Our token has aged as well.
        SocialConnection.objects.update(expires_at=timezone.now())
        read_due(job.published_at + age + dt.timedelta(minutes=1))


def test_metrics_grow_with_the_age_of_the_post(api, publish, readable, sandbox):
    job = publish(readable)
    before = metrics_of(api, job)
    assert (before["latest"], before["readings"]) == (None, [])

    read_at_all_ages(job, sandbox)

    data = metrics_of(api, job)
    assert len(data["readings"]) == len(ages_of(readable))
    assert data["latest"] == data["readings"][-1]
    assert data["next_read_at"] is None
    assert data["error_code"] is None
    engagement = [snapshot["engagement"] for snapshot in data["readings"]]
    assert engagement == sorted(engagement)
    assert engagement[-1] > 0


def test_nothing_is_read_before_the_first_age(publish, readable, sandbox):
    job = publish(readable)
    first = ages_of(readable)[0]
    requests = len(sandbox.calls())
    assert read_due(job.published_at + first - dt.timedelta(minutes=2)) == 0
    assert len(sandbox.calls()) == requests


def test_missed_ages_are_skipped(publish, sandbox):
    job = publish("pinterest")
    read_due(job.published_at)
    read_due(job.published_at + dt.timedelta(days=2))
    assert MetricSnapshot.objects.count() == 1
    assert MetricSchedule.objects.get().next_read_at == job.published_at + dt.timedelta(days=3)


def test_rate_limit_postpones_snapshots_but_not_publishing(api, publish, sandbox, worker):
    job = publish("twitter")
    now = job.published_at + dt.timedelta(days=1, minutes=1)
    read_due(job.published_at)
    sandbox.fault("status", 429, method="GET", times=20)

    read_due(now)

    data = metrics_of(api, job)
    assert data["readings"] == []
    assert data["error_code"] == "rate_limited"
    assert MetricSchedule.objects.get().next_read_at >= now + HOUR
    sandbox.call("DELETE", "faults")
    assert job.connection.limited_until is None
    assert api.publish(job.connection, "Another").status_code == 202
    worker.work_ahead()
    assert PublishJob.objects.filter(status="Published").count() == 2


@pytest.mark.parametrize("action", [("status", 500), ("malformed",), ("drop_after",)])
def test_failed_read_is_retried(publish, sandbox, action):
    job = publish("twitter")
    now = job.published_at + dt.timedelta(days=1, minutes=1)
    read_due(job.published_at)
    sandbox.fault(*action, method="GET", times=20)
    read_due(now)
    sandbox.call("DELETE", "faults")
    assert MetricSnapshot.objects.count() == 0

    read_due(now + HOUR)

    assert MetricSnapshot.objects.count() == 1
    assert MetricSchedule.objects.get().error_code == ""


def test_deleted_post_is_reported_as_not_found(api, publish, sandbox):
    job = publish("twitter")
    PublishJob.objects.filter(pk=job.pk).update(remote_id="1")
    read_due(job.published_at)
    read_due(job.published_at + dt.timedelta(days=1, minutes=1))
    assert metrics_of(api, job)["error_code"] == "post_not_found"


def test_disconnected_account_is_not_read_again(api, publish, sandbox):
    job = publish("twitter")
    read_due(job.published_at)
    api.delete(f"connections/{job.connection_id}")
    requests = len(sandbox.calls())

    read_due(job.published_at + dt.timedelta(days=1, minutes=1))

    data = metrics_of(api, job)
    assert (data["error_code"], data["next_read_at"]) == ("connection_not_found", None)
    assert len(sandbox.calls()) == requests


def test_billed_reads_can_be_switched_off(publish, settings, sandbox):
    settings.INSIGHTS_MAX_BILLED_READS = 0
    job = publish("twitter")
    requests = len(sandbox.calls())
    read_due(job.published_at + dt.timedelta(days=8))
    assert len(sandbox.calls()) == requests


def test_billed_reads_are_limited_in_each_sweep(api, make_connection, worker, settings, sandbox):
    settings.INSIGHTS_MAX_BILLED_READS = 2
    connection = make_connection("twitter")
    for number in range(5):
        api.publish(connection, f"Post {number}")
    worker.work_ahead()
    now = timezone.now() + dt.timedelta(days=1, minutes=1)
    assert PublishJob.objects.filter(status="Published").count() == 5
    read_due()
    assert [read_due(now), read_due(now + HOUR), read_due(now + 2 * HOUR)] == [2, 2, 1]


def test_published_posts_are_used_when_no_history_can_be_read(api, publish, sandbox, settings):
    job = publish("twitter")
    for number in range(12):
        at = job.published_at - dt.timedelta(days=number + 1, hours=number)
        other = PublishJob.objects.create(
            user_id="alice",
            connection=job.connection,
            platform="twitter",
            account=job.account,
            status="Published",
            text=f"Post {number}",
            remote_id=f"old-{number}",
            published_at=at,
            created_at=at,
            updated_at=at,
        )
        MetricSnapshot.objects.create(
            job=other, read_at=at + dt.timedelta(days=1), likes=10 + number
        )
    settings.INSIGHTS_MAX_BILLED_READS = 0

    response = api.get(
        "insights/twitter/best-times", data={"connection_id": str(job.connection_id)}
    )

    assert response.status_code == 200, response.json()
    data = response.json()
    assert data["posts_used"] == 12
    assert [(each["name"], each["code"]) for each in data["sources"]] == [
        ("account_history", "insights_not_available"),
        ("published_here", None),
    ]


def test_task_reads_due_metrics(publish, sandbox):
    publish("twitter")
    PublishJob.objects.update(published_at=timezone.now() - dt.timedelta(hours=23, minutes=59))
    read_metrics()
    MetricSchedule.objects.update(next_read_at=timezone.now())
    read_metrics()
    assert MetricSnapshot.objects.count() == 1


def test_metrics_of_unpublished_posts_and_of_other_users_are_not_found(
    api, make_api, publish, make_connection
):
    waiting = api.publish(make_connection("twitter"), "soon").json()
    response = api.get(f"publishing/jobs/{waiting['job_id']}/metrics")
    assert (response.status_code, response.json()["code"]) == (404, "insights_not_available")

    for caller, job in ((make_api("bob"), waiting["job_id"]), (api, uuid.uuid4())):
        response = caller.get(f"publishing/jobs/{job}/metrics")
        assert (response.status_code, response.json()["code"]) == (404, "job_not_found")


def test_metrics_of_a_post_that_was_taken_down_are_read_no_more(api, publish, sandbox, worker):
    job = publish("facebook")
    read_due(job.published_at)
    schedule = MetricSchedule.objects.get()
    assert api.delete(f"publishing/jobs/{job.pk}/post").status_code == 202
    worker.work()
    requests = len(sandbox.calls())

    read_due(schedule.next_read_at)

    schedule.refresh_from_db()
    assert (schedule.next_read_at, schedule.error_code) == (None, "post_not_found")
    assert len(sandbox.calls()) == requests
