"""The start page of the console: what needs attention, and where each number leads."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import SocialConnection
from publishing.models import PublishJob, Status, WorkerSlot
from socialpublishing.crypto import Secret
from socialpublishing.events.webhooks import Webhook
from socialpublishing.platforms.pauses import PlatformPause

NOW = timezone.now


@pytest.fixture
def make_job(db):
    def make(status, **columns):
        now = NOW()
        is_alive = status in {Status.PENDING, Status.SCHEDULED, Status.PROCESSING}
        return PublishJob.objects.create(
            **{
                "user_id": "alice",
                "platform": "twitter",
                "account": f"twitter:{uuid.uuid4()}",
                "status": status,
                "next_attempt_at": now if is_alive else None,
                "published_at": now if status == Status.PUBLISHED else None,
                "created_at": now,
                "updated_at": now,
                **columns,
            }
        )

    return make


def cards(client):
    """The number of each card, and the page that it leads to."""
    html = client.get("/admin/").content.decode()
    found = re.findall(r'<h2 id="card-\d+"><a href="([^"]+)">(.+?) <strong>([\d,]+)<', html)
    return {title: (int(count), link.replace("&amp;", "&")) for link, title, count in found}


def ago(**time):
    return NOW() - dt.timedelta(**time)


def test_each_number_leads_to_its_jobs(superuser, make_job):
    unconfirmed = make_job(Status.UNCONFIRMED)
    owner = make_job(Status.PENDING, waiting_for="owner", error_code="needs_reauth")
    operator = make_job(Status.PENDING, waiting_for="operator", error_code="platform_paused")
    retried = make_job(Status.PENDING, waiting_for="retry", error_code="unreachable")
    late = make_job(Status.SCHEDULED, created_at=ago(hours=1), scheduled_at=ago(minutes=9))
    failed = make_job(Status.FAILED, error_code="too_late")
    rejected = make_job(Status.CONTENT_REJECTED, error_code="content_rejected")
    make_job(Status.FAILED, error_code="too_late", updated_at=ago(hours=25))
    make_job(Status.PUBLISHED)
    went_out_late = make_job(Status.PUBLISHED, created_at=ago(hours=2))
    make_job(Status.PENDING)

    found = cards(superuser)
    leads_to = {
        title: {*superuser.get(link).context["cl"].result_list}
        for title, (_, link) in found.items()
        if "publishjob" in link
    }

    assert leads_to == {
        "Needs a person": {unconfirmed, owner, operator},
        "Waiting": {retried},
        "Failed in 24 hours": {failed, rejected},
        "Late now": {late},
    }
    assert {title: found[title][0] for title in leads_to} == {
        title: len(jobs) for title, jobs in leads_to.items()
    }
    html = superuser.get("/admin/").content.decode()
    for line, jobs in {
        "error_code=too_late": {failed},
        "waiting_for=owner": {owner},
        "attention=resolve": {unconfirmed},
        "late=published": {went_out_late},
    }.items():
        [link] = {each for each in re.findall(r'href="([^"]+)"', html) if line in each}
        page = superuser.get(link.replace("&amp;", "&"))
        assert {*page.context["cl"].result_list} == jobs, line
    assert 'aria-label="X: 2 published, 2 failed, at most 2 h late"' in html


def test_it_shows_slots_pauses_connections_and_webhooks(superuser):
    now = NOW()
    WorkerSlot.objects.create(name="host/1", heartbeat_at=now)
    WorkerSlot.objects.create(name="host/2", heartbeat_at=ago(minutes=3))
    PlatformPause.objects.create(
        platform="twitter", feature="all", code="credits", since=now, probe_at=now, pause_s=30,
        reason="No credits.",
    )  # fmt: skip
    for number, facts in enumerate(
        ({"status": "needs_reauth"}, {"expires_at": now + dt.timedelta(days=2)}, {})
    ):
        SocialConnection.objects.create(
            user_id="alice", platform="facebook", external_user_id=str(number),
            access_token=Secret("t"), **facts,
        )  # fmt: skip
    Webhook.objects.create(
        url="https://a.example/", secret=Secret("s"), failing_since=now, created_at=now
    )
    Webhook.objects.create(url="https://b.example/", secret=Secret("s"), created_at=now)

    found = cards(superuser)

    assert {title: count for title, (count, _) in found.items() if count} == {
        "Silent worker slots": 1,
        "Paused platforms": 1,
        "Connections for their owner": 2,
        "Failing webhooks": 1,
    }
    for title in ("Connections for their owner", "Failing webhooks"):
        count, link = found[title]
        assert len(superuser.get(link).context["cl"].result_list) == count
    html = superuser.get("/admin/").content.decode()
    assert "host/2: last heartbeat" in html
    assert "X, credits, since" in html


def test_an_empty_service_shows_what_comes_next(superuser):
    WorkerSlot.objects.create(name="host/1", heartbeat_at=NOW())

    html = superuser.get("/admin/").content.decode()

    assert "No posts yet" in html
    assert "/api/docs" in html


def test_a_service_without_trouble_shows_it(superuser, make_job):
    WorkerSlot.objects.create(name="host/1", heartbeat_at=NOW())
    make_job(Status.PUBLISHED)

    assert "Nothing needs you." in superuser.get("/admin/").content.decode()


def test_staff_see_only_what_they_may_view(make_staff, make_job):
    make_job(Status.FAILED, error_code="too_late")

    assert {*cards(make_staff("view_webhook"))} == {"Failing webhooks"}
    assert "Late now" in cards(make_staff("view_publishjob"))


def test_it_asks_the_database_little_and_its_refresh_keeps_no_session_alive(superuser, make_job):
    for status in Status:
        make_job(status, error_code="too_late" if status == Status.FAILED else "")
    session = superuser.session
    session["seen_at"] = 0
    session.save()

    with CaptureQueriesContext(database) as queries:
        part = superuser.get("/admin/start/")

    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert superuser.session["seen_at"] == 0
    superuser.get("/admin/")
    with CaptureQueriesContext(database) as of_page:
        superuser.get("/admin/")
    assert max(len(queries), len(of_page)) <= 12
