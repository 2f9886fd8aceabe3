"""Meta asks for the deletion of a person's data: what came from that account is erased, alone."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import PlatformCallback, SocialConnection
from connections.tests.test_callbacks import (
    SECRETS,
    apps,  # noqa: F401  a fixture
    call,
    message_of,
    person_of,
    signed,
)
from insights.models import MetricSnapshot, WeekEstimate
from publishing.models import JobEvent, PublishBatch, PublishJob
from publishing.tasks import housekeeping
from socialpublishing.events.models import Event


def ask_for_deletion(connection):
    text = signed(message_of(person_of(connection)), SECRETS["facebook"])
    return call("facebook", text, "data-deletion").json()["url"]


def state(url):
    return Client().get(urlsplit(url).path).json()


def columns(rows):
    return sorted(json.dumps(row, default=str) for row in rows.values())


@pytest.fixture
def published(api, make_connection, worker):
    """Two published jobs of the same user, on two Facebook accounts, with metrics."""

    def make(name):
        connection = make_connection("facebook", name=name)
        assert api.publish(connection, f"Text of {name}").status_code == 202
        worker.work()
        job = PublishJob.objects.get(connection=connection)
        assert job.status == "Published"
        MetricSnapshot.objects.create(job=job, read_at=timezone.now(), likes=1)
        return connection, job

    return make


def test_copies_in_batches_and_their_events_are_erased(api, make_connection, apps):  # noqa: F811
    anna, ben = (make_connection("facebook", name=name) for name in ("Anna", "Ben"))
    for accounts in ([anna, ben], [ben]):
        body = {
            "text_content": "Together",
            "schedule_time": "2027-06-01T10:00:00Z",
            "targets": [{"connection_id": str(each.pk)} for each in accounts],
        }
        key = {"Idempotency-Key": str(len(accounts))}
        batch = api.post("publishing/batches", body, headers=key).json()["batch_id"]
        api.post(f"publishing/batches/{batch}/cancel")
    apps()

    ask_for_deletion(anna)

    [left] = Event.objects.filter(type="batch.ended")
    assert left.data["batch_id"] == batch
    assert [bool(each.first_response) for each in PublishBatch.objects.order_by("created_at")] == [
        False,
        True,
    ]
    shown = json.dumps([columns(PublishBatch.objects.all()), columns(Event.objects.all())])
    assert str(anna.pk) not in shown


def test_only_what_came_from_the_account_is_erased(published, apps):  # noqa: F811
    connection, job = published("Anna")
    other, other_job = published("Ben")
    before = {
        "connection": columns(SocialConnection.objects.filter(pk=other.pk)),
        "job": columns(PublishJob.objects.filter(pk=other_job.pk)),
        "destinations": columns(other.destinations),
        "metrics": columns(other_job.metric_snapshots),
        "events": columns(other_job.events),
    }
    apps()

    url = ask_for_deletion(connection)

    assert not SocialConnection.objects.filter(pk=connection.pk).exists()
    assert not connection.destinations.exists()
    assert not MetricSnapshot.objects.filter(job=job).exists()
    assert not WeekEstimate.objects.exists()
    erased = PublishJob.objects.get(pk=job.pk)
    assert (erased.status, erased.user_id) == ("Published", "alice")
    assert (erased.text, erased.assets, erased.platform_specific_options) == ("", [], {})
    assert (erased.account_name, erased.remote_id, erased.post_url) == ("", "", "")
    assert erased.published_at == job.published_at
    left = json.dumps(
        [columns(model.objects.all()) for model in (PublishJob, JobEvent, PlatformCallback)]
    )
    for trace in ("Anna", connection.external_user_id, job.remote_id, person_of(connection)):
        assert trace not in left
    assert before == {
        "connection": columns(SocialConnection.objects.filter(pk=other.pk)),
        "job": columns(PublishJob.objects.filter(pk=other_job.pk)),
        "destinations": columns(other.destinations),
        "metrics": columns(other_job.metric_snapshots),
        "events": columns(other_job.events),
    }
    assert state(url)["status"] == "done"
    assert state(url)["done_at"]


def test_erased_job_is_shown_and_cannot_be_retried(api, make_connection, worker, sandbox, apps):  # noqa: F811
    connection = make_connection("facebook")
    sandbox.fault("status", 403, method="POST", path="/feed$")
    job_id = api.publish(connection, "Refused").json()["job_id"]
    worker.work()
    apps()
    ask_for_deletion(connection)

    shown = api.get(f"publishing/jobs/{job_id}")
    assert (shown.status_code, shown.json()["status"]) == (200, "Failed")
    assert "Refused" not in shown.content.decode()
    assert api.get(f"publishing/jobs/{job_id}/events").status_code == 200
    retried = api.post(f"publishing/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["code"]) == (409, "not_retriable")
    assert "erased" in retried.json()["detail"]


def test_deletion_waits_for_a_post_that_is_being_published(
    api,
    make_connection,
    sandbox,
    worker,
    apps,  # noqa: F811
    settings,
):
    connection = make_connection("facebook")
    sandbox_url = settings.SANDBOX_URL
    sandbox.fault("delay_after", 1, method="POST", path="/feed$")
    api.publish(connection, "On its way")
    worker.turn(timezone.now())
    apps()

    url = ask_for_deletion(connection)

    assert state(url)["status"] == "received"
    assert SocialConnection.objects.get().status == "revoked"
    settings.SANDBOX_URL = sandbox_url
    worker.finish(timezone.now())
    housekeeping()
    assert state(url)["status"] == "done"
    assert not SocialConnection.objects.exists()
    job = PublishJob.objects.get()
    assert (job.status, job.text, job.remote_id) == ("Published", "", "")


def test_account_that_was_connected_again_stays(make_connection, apps):  # noqa: F811
    connection = make_connection("facebook")
    person = person_of(connection)
    callback = PlatformCallback.objects.create(
        digest="d",
        platform="facebook",
        kind="data_deletion",
        external_user_id=person,
        received_at=timezone.now(),
    )

    housekeeping()

    assert SocialConnection.objects.get().status == "active"
    callback.refresh_from_db()
    assert (callback.status, callback.external_user_id) == ("done", "")


def test_page_of_two_persons_keeps_what_an_open_job_needs(
    api,
    make_api,
    make_connection,
    worker,
    sandbox,
    apps,  # noqa: F811
):
    """The ids of posts on a shared Page tell the other person's lookup what is not theirs."""
    connection, other = make_connection("facebook"), make_connection("facebook", user="bob")
    page = connection.destinations.get()
    other.destinations.update(external_id=page.external_id)
    api.publish(connection, "Same words")
    worker.work()
    job = PublishJob.objects.get()
    make_api("bob").publish(other, "Same words")
    open_job = PublishJob.objects.exclude(pk=job.pk).get()
    assert open_job.account == job.account
    apps()

    url = ask_for_deletion(connection)

    kept = PublishJob.objects.get(pk=job.pk)
    assert (kept.text, kept.remote_id, kept.account) == ("", job.remote_id, job.account)
    assert state(url)["status"] == "done"
    PublishJob.objects.filter(pk=open_job.pk).update(status="Cancelled", next_attempt_at=None)
    housekeeping()
    kept.refresh_from_db()
    assert kept.remote_id == ""
    assert job.account not in kept.account
