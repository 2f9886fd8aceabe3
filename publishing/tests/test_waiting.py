"""How long a caller waits for its job, and when its post is expected to go out."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from connections.models import SocialConnection
from publishing import views
from publishing.models import PublishJob


@pytest.fixture
def sleeps(monkeypatch, worker):
    """The caller's pauses, in each of which the worker works."""
    pauses: list[float] = []
    other_sleep = views.time.sleep

    def sleep(seconds: float) -> None:
        if seconds != views.POLL_EVERY_S:  # the worker's or the sandbox's
            other_sleep(seconds)
            return
        assert len(pauses) < 3, "the caller waits for nothing"
        pauses.append(seconds)
        worker.work()

    monkeypatch.setattr(views.time, "sleep", sleep)
    return pauses


def publish_and_wait(api, connection):
    response = api.post(
        "publishing/publish",
        {"connection_id": str(connection.pk), "text_content": "Fresh bread"},
        headers={"Prefer": "wait=3600"},
    )
    assert response.status_code == 202
    return response.json()


def test_caller_waits_until_the_post_is_published(api, make_connection, sleeps):
    assert publish_and_wait(api, make_connection())["status"] == "Published"
    assert len(sleeps) == 1


def test_caller_whose_job_is_erased_meanwhile_gets_a_404(api, make_connection, monkeypatch):
    monkeypatch.setattr(views.time, "sleep", lambda seconds: PublishJob.objects.all().delete())
    body = {"connection_id": str(make_connection().pk), "text_content": "Fresh bread"}
    response = api.post("publishing/publish", body, headers={"Prefer": "wait=5"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_caller_does_not_wait_for_the_owner(api, make_connection, sandbox, sleeps):
    connection = make_connection()
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)

    job = publish_and_wait(api, connection)

    assert (job["waiting_for"], job["who_acts"]) == ("owner", "owner")
    assert job["will_publish_at"] is None
    assert len(sleeps) <= 2


def test_caller_does_not_wait_for_the_operator(api, make_connection, sandbox, sleeps):
    refusal = {"code": 402, "body": {"title": "CreditsDepleted"}}
    sandbox.fault("status", refusal, method="POST", path="^/2/tweets$", times=9)

    job = publish_and_wait(api, make_connection())

    assert (job["waiting_for"], job["who_acts"]) == ("operator", "operator")


def test_caller_does_not_wait_for_what_comes_later(api, make_connection, sandbox, sleeps):
    limit = {"code": 429, "headers": {"Retry-After": "600"}}
    sandbox.fault("status", limit, method="POST", path="^/2/tweets$", times=9)

    job = publish_and_wait(api, make_connection())

    assert job["waiting_for"] == "rate_limit"
    assert job["waits_until"] == job["will_publish_at"] is not None


def test_limit_of_the_account_is_part_of_the_expected_time(api, make_connection):
    connection = make_connection()
    until = timezone.now().replace(microsecond=0) + dt.timedelta(hours=2)
    SocialConnection.objects.filter(pk=connection.pk).update(limited_until=until)

    accepted = api.publish(connection).json()

    expected = until.isoformat().replace("+00:00", "Z")
    [row] = api.get("publishing/jobs").json()
    status = api.get(f"publishing/jobs/{row['job_id']}/status").json()
    assert [accepted["will_publish_at"], row["will_publish_at"], status["will_publish_at"]] == [
        expected
    ] * 3
