"""What `/metrics` shows of the database, and to whom."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config.metrics.database import read
from connections.models import SocialConnection
from publishing.models import FollowUp, PublishJob, Status, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, WebhookDelivery, new_secret
from socialpublishing.platforms.pauses import PlatformPause

MAX_QUERIES = 13


@pytest.fixture
def now(db) -> dt.datetime:
    return timezone.now()


@pytest.fixture
def make_job(now):
    def make(status: str = "Pending", **facts):
        facts = {
            "user_id": "alice",
            "platform": "twitter",
            "account": f"twitter:{uuid.uuid4()}",
            "status": status,
            "created_at": now,
            "updated_at": now,
            **facts,
        }
        return PublishJob.objects.create(**facts)

    return make


def ago(now, seconds: float) -> dt.datetime:
    return now - dt.timedelta(seconds=seconds)


def shown(name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric, by the values of their labels."""
    [metric] = [each for each in read() if each.name == f"socialpublishing_{name}"]
    return {tuple(each.labels.values()): each.value for each in metric.samples}


def test_open_jobs_are_counted_by_what_they_wait_for(make_job, now):
    later = now + dt.timedelta(hours=1)
    for _ in range(2):
        make_job(next_attempt_at=later, waiting_for="owner", who_acts="owner")
    make_job("Scheduled", next_attempt_at=later, scheduled_at=later, platform="facebook")
    make_job("Unconfirmed", who_acts="user")
    make_job("Failed", who_acts="user")
    make_job("Published", published_at=now)

    assert shown("jobs") == {
        ("twitter", "Pending", "owner", "owner"): 2,
        ("facebook", "Scheduled", "", ""): 1,
        ("twitter", "Unconfirmed", "", "user"): 1,
    }


def test_late_jobs_and_what_is_due(make_job, now):
    make_job(next_attempt_at=ago(now, 90), created_at=ago(now, 100))
    make_job(next_attempt_at=ago(now, 5), created_at=ago(now, 7200), waiting_for="retry")
    make_job("Processing", next_attempt_at=ago(now, 3), lease_owner="a:1")
    make_job("Processing", next_attempt_at=now + dt.timedelta(minutes=1), lease_owner="b:1")

    assert shown("jobs_late") == {("twitter", ""): 1, ("twitter", "retry"): 1}
    assert shown("job_lateness_max_seconds")["twitter", "retry"] == pytest.approx(7200, abs=30)
    assert shown("leases_expired") == {(): 1}
    assert shown("due")["posts",] == 2
    assert shown("oldest_due_seconds")["posts",] == pytest.approx(90, abs=30)


def test_jobs_that_ended_lately(make_job, now):
    for late in (2, 6):
        due = ago(now, 60)
        published = due + dt.timedelta(seconds=late)
        make_job("Published", scheduled_at=due, published_at=published, updated_at=published)
    make_job("Failed", error_code="too_late")
    make_job("Failed", error_code="too_late", updated_at=ago(now, 660))
    # Published long ago, and changed now: its metrics, or a late id.
    make_job("Published", published_at=ago(now, 7200))

    assert shown("jobs_ended_10m") == {
        ("twitter", "Published", ""): 2,
        ("twitter", "Failed", "too_late"): 1,
    }
    assert shown("published_lateness_seconds") == {("twitter", "mean"): 4, ("twitter", "max"): 6}


def test_queues_beside_posts(make_job, now):
    job = make_job("Published", published_at=now)
    past = ago(now, 50)
    FollowUp.objects.create(
        job=job, kind="take_down", status="Pending", next_attempt_at=past, created_at=past,
        updated_at=past,
    )  # fmt: skip
    facts = {"type": "job.failed", "user_id": "alice", "sequence": 1, "data": {}}
    Event.objects.create(at=ago(now, 40), **facts)
    event = Event.objects.create(at=past, position=1, **facts)
    for status in ("active", "paused"):
        webhook = Webhook.objects.create(
            url="https://a.example/", secret=new_secret(), status=status, created_at=now,
            paused_reason="gone" if status == "paused" else "",
            failing_since=now if status == "active" else None,
        )  # fmt: skip
        WebhookDelivery.objects.create(
            webhook=webhook, event=event, created_at=past, next_attempt_at=ago(now, 30)
        )

    assert shown("due") == {
        ("posts",): 0, ("follow_ups",): 1, ("deliveries",): 1, ("events",): 1
    }  # fmt: skip
    oldest = shown("oldest_due_seconds")
    assert (oldest["posts",], oldest["deliveries",]) == (0, pytest.approx(30, abs=20))
    assert shown("webhooks") == {
        ("active", ""): 0, ("active", "failing"): 1, ("paused", "gone"): 1
    }  # fmt: skip


def test_workers_and_pauses(now):
    WorkerSlot.objects.create(name="host-a/1", heartbeat_at=ago(now, 20))
    WorkerSlot.objects.create(name=CLAIM_LOCK)
    PlatformPause.objects.create(
        platform="twitter", feature="all", code="platform_configuration", reason="", since=now,
        step="publish", probe_at=now, pause_s=30,
    )  # fmt: skip

    assert shown("worker_heartbeat_age_seconds") == {("host-a/1",): pytest.approx(20, abs=15)}
    [(labels, seconds)] = shown("platform_pause_seconds").items()
    assert labels == ("twitter", "", "all", "platform_configuration")
    assert 0 <= seconds < 15


def test_connections_and_those_that_end_soon(make_connection, now):
    first, second, third = (make_connection("facebook") for _ in range(3))
    SocialConnection.objects.update(expires_at=now + dt.timedelta(days=40))
    SocialConnection.objects.filter(pk=first.pk).update(expires_at=now + dt.timedelta(days=2))
    SocialConnection.objects.filter(pk=second.pk).update(status="needs_reauth")
    SocialConnection.objects.filter(pk=third.pk).update(status="revoked")

    assert shown("connections") == {("facebook", "active"): 1, ("facebook", "needs_reauth"): 1}
    assert shown("connections_expiring") == {("facebook",): 1}


def test_few_queries_however_much_there_is(make_job, make_connection, now):
    for number in range(4):
        make_connection("twitter")
        make_job(next_attempt_at=now, platform=f"p{number}")
        make_job("Failed", error_code=f"code_{number}")
    with CaptureQueriesContext(
        database,
    ) as queries:
        assert read()

    assert len(queries) <= MAX_QUERIES


@pytest.fixture
def ask(settings, db):
    def ask(token: str = "", **headers: str):
        settings.METRICS_TOKEN = token
        return Client(headers=headers).get("/metrics")

    return ask


def test_metrics_are_prometheus_text(ask):
    response = ask(accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")

    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {each.name for each in text_string_to_metric_families(response.content.decode())}
    assert {"socialpublishing_database_up", "socialpublishing_due"} <= found


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "not_authenticated"),
        ("Bearer another-token-of-22", "invalid_token"),
        ("Basic a-token-of-22-letters", "invalid_token"),
        ("Bearer größer", "invalid_token"),
    ],
)
def test_metrics_need_their_token_if_there_is_one(ask, given, code):
    response = ask("a-token-of-22-letters", **({"authorization": given} if given else {}))

    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    allowed = ask("a-token-of-22-letters", authorization="Bearer a-token-of-22-letters")
    assert allowed.status_code == 200


def test_metrics_can_only_be_read(db):
    response = Client().post("/metrics")

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_metrics_are_not_throttled(settings, db):
    settings.THROTTLE_ADDRESS = "1/h"

    assert {Client().get("/metrics").status_code for _ in range(3)} == {200}


def test_database_that_is_away_is_a_metric_not_an_error(db):
    with database.execute_wrapper(_is_away):
        assert [(each.name, each.samples[0].value) for each in read()] == [
            ("socialpublishing_database_up", 0)
        ]


def _is_away(execute, sql, params, many, context):
    from django.db import OperationalError

    raise OperationalError("the database is away")


def test_each_status_can_be_open_or_ended(make_job, now):
    """No status of a job makes the collection fail."""
    for status in Status:
        is_open = status in {Status.PENDING, Status.SCHEDULED, Status.PROCESSING}
        make_job(
            status,
            next_attempt_at=now if is_open else None,
            published_at=now if status == Status.PUBLISHED else None,
        )

    assert shown("database_up") == {(): 1}


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/healthz/worker"])
def test_an_instance_may_be_asked_by_its_address(db, path):
    host = {"host": "10.1.2.3:8000"}
    assert Client(headers=host).get(path).status_code in {200, 503}
    assert Client(headers=host).get("/api/v1/platforms").status_code == 400
