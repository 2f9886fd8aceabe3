"""Posts for many accounts, accepted together or not at all."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from conftest import plain_post
from publishing.batch_state import status_of
from publishing.models import PublishBatch, PublishJob
from publishing.operations import cancellation
from publishing.tests.test_retention import purge
from publishing.transitions import move
from socialpublishing.events.models import Event
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.tests.file_server import whole


def in_future(**ahead: float) -> str:
    return (timezone.now() + dt.timedelta(**ahead)).isoformat()


@pytest.fixture
def accounts(make_connection):
    return [make_connection("twitter") for _ in range(3)]


def batch_of(accounts, **more):
    targets = [{"connection_id": str(each.pk)} for each in accounts]
    return {"text_content": "To all", "targets": targets, **more}


def post(api, body, **more):
    return api.post("publishing/batches", body, **more)


# --- Accepting -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("instant_processing")
def test_one_batch_publishes_to_every_platform(api, make_connection, worker, sandbox):
    targets = []
    for name in PLATFORMS:
        target = plain_post(make_connection(name), f"For {name}")
        targets.append(target)

    response = post(api, {"text_content": "For those without", "targets": targets})

    assert response.status_code == 202, response.json()
    body = response.json()
    assert [job["platform"] for job in body["jobs"]] == list(PLATFORMS)
    assert body["status"] == "scheduled"
    assert response.headers["Location"] == f"/api/v1/publishing/batches/{body['batch_id']}"
    worker.work_ahead(600)
    assert len(sandbox.posts()) == len(PLATFORMS)
    ended = api.get(f"publishing/batches/{body['batch_id']}").json()
    assert ended["status"] == "published"
    assert [job["job_id"] for job in ended["jobs"]] == [job["job_id"] for job in body["jobs"]]
    assert {job["batch_id"] for job in ended["jobs"]} == {body["batch_id"]}
    [event] = Event.objects.filter(type="batch.ended")
    assert (event.data, event.sequence, event.user_id) == (ended, 1, "alice")


def test_a_value_of_a_target_replaces_the_shared_one_whole(api, accounts, sandbox):
    later, soon = in_future(hours=2), in_future(hours=1)
    body = batch_of(
        accounts,
        assets=[sandbox.picture()],
        schedule_time=later,
        external_reference="spring-7",
        metadata={"campaign": {"id": 7}},
    )
    body["targets"][1] |= {
        "text_content": "Only here",
        "assets": None,
        "schedule_time": soon,
        "platform_specific_options": {"reply_settings": "following"},
    }
    body["targets"][2] |= {"text_content": None, "schedule_time": None}

    accepted = post(api, body).json()
    jobs = [api.get(f"publishing/jobs/{job['job_id']}").json() for job in accepted["jobs"]]

    assert [job["text_content"] for job in jobs] == ["To all", "Only here", ""]
    assert [len(job["assets"]) for job in jobs] == [1, 0, 1]
    assert [job["status"] for job in jobs] == ["Scheduled", "Scheduled", "Pending"]
    assert [dt.datetime.fromisoformat(job["scheduled_at"]) for job in jobs[:2]] == [
        dt.datetime.fromisoformat(later),
        dt.datetime.fromisoformat(soon),
    ]
    assert jobs[1]["platform_specific_options"] == {"reply_settings": "following"}
    for each in (accepted, *jobs):
        assert each["external_reference"] == "spring-7"
        assert each["metadata"] == {"campaign": {"id": 7}}


def test_each_violation_of_each_target_is_returned_and_nothing_is_stored(
    api, make_connection, accounts, sandbox
):
    facebook = make_connection("facebook", pages=2)
    lost = make_connection("twitter")
    lost.status = "needs_reauth"
    lost.save()
    gone = {**sandbox.picture(), "url": f"{sandbox.url}/samples/none.jpg"}
    body = batch_of([*accounts, facebook, lost])
    body["targets"][1] |= {"text_content": "x" * 281, "schedule_time": in_future(hours=-1)}
    body["targets"][2] |= {"assets": [gone], "platform_specific_options": {}}
    body["targets"] += [
        {"connection_id": str(uuid.uuid4())},
        {"connection_id": str(accounts[0].pk), "platform_specific_options": {"page_id": "1"}},
        {"connection_id": str(accounts[0].pk)},
    ]

    response = post(api, body)

    assert (response.status_code, response.json()["code"]) == (400, "batch_rejected")
    found = [
        (each["target"], each.get("code") or each.get("rule"))
        for each in response.json()["violations"]
    ]
    assert found == [
        (1, "schedule_time_past"),
        (1, "text_length"),
        (2, "asset_unreachable"),
        (3, "destination_required"),
        (4, "needs_reauth"),
        (5, "connection_not_found"),
        (6, "invalid_option"),
        (7, "duplicate_target"),
    ]
    assert all(each["message"] for each in response.json()["violations"])
    assert not PublishJob.objects.exists()
    assert not PublishBatch.objects.exists()
    assert not Event.objects.exclude(type="connection.connected").exists()


@pytest.mark.parametrize(
    ("change", "target"),
    [
        ({"targets": []}, None),
        ({"targets": None}, None),
        ({"targets": "all"}, None),
        ({"text": "x"}, None),
        ({"metadata": {"x": "y" * 4096}}, None),
        ({"metadata": [1]}, None),
        ({"external_reference": "x" * 201}, None),
        ({"external_reference": ""}, None),
        ({"targets": [{"connection_id": "x"}]}, 0),
        ({"targets": [{"connection_id": str(uuid.uuid4()), "late": 1}]}, 0),
        ({"targets": [{"connection_id": str(uuid.uuid4())}] * 51}, None),
    ],
)
def test_malformed_batch_is_refused(api, accounts, change, target):
    response = post(api, {**batch_of(accounts), **change})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["violations"][0].get("target") == target


def test_each_address_is_read_once(api, make_connection, private_server, sandbox):
    private_server.file = whole(requests.get(sandbox.picture()["url"], timeout=5).content)
    accounts = [make_connection(name) for name in ("twitter", "linkedin", "facebook") * 4]
    picture = {"asset_type": "image", "mime_type": "image/jpeg"}
    shared = {**picture, "url": private_server.url}
    body = batch_of(accounts, assets=[shared])
    for number, target in enumerate(body["targets"][:4]):
        target["assets"] = [shared, {**picture, "url": f"{private_server.url}/{number}"}]

    response = post(api, body)

    assert response.status_code == 202, response.json()
    paths = [path for path, _ in private_server.requests]
    assert sorted(paths) == sorted({"/file", *(f"/file/{number}" for number in range(4))})


def test_same_post_at_another_time_is_no_duplicate(api, accounts):
    body = batch_of([accounts[0], accounts[0]])
    body["targets"][1]["schedule_time"] = in_future(hours=1)
    assert post(api, body).status_code == 202


# --- Status, cancel, end -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["Pending", "Scheduled"], "scheduled"),
        (["Scheduled", "Cancelled"], "scheduled"),
        (["Pending retry"], "publishing"),
        (["Scheduled", "Processing"], "publishing"),
        (["Scheduled", "Published"], "publishing"),
        (["Published", "Unconfirmed"], "publishing"),
        (["Published", "Published"], "published"),
        (["Published", "Failed"], "partly_published"),
        (["Published", "Cancelled"], "partly_published"),
        (["Cancelled", "Cancelled"], "cancelled"),
        (["Cancelled", "Failed"], "failed"),
        (["ContentRejected", "Failed"], "failed"),
    ],
)
def test_status_follows_from_those_of_the_jobs(statuses, expected):
    jobs = [
        PublishJob(status=status, waiting_for=waiting)
        for status, _, waiting in (each.partition(" ") for each in statuses)
    ]
    assert status_of(jobs) == expected


def test_cancel_stops_what_has_not_begun(api, accounts, worker):
    body = batch_of(accounts, schedule_time=in_future(hours=1))
    body["targets"][0]["schedule_time"] = None
    batch = post(api, body).json()["batch_id"]
    worker.work()

    cancelled = api.post(f"publishing/batches/{batch}/cancel")

    assert cancelled.status_code == 200
    assert [job["status"] for job in cancelled.json()["jobs"]] == [
        "Published",
        "Cancelled",
        "Cancelled",
    ]
    assert cancelled.json()["status"] == "partly_published"
    assert cancelled.json()["ended_at"]
    again = api.post(f"publishing/batches/{batch}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled.json())
    assert Event.objects.filter(type="batch.ended").count() == 1


def test_unconfirmed_job_keeps_its_batch_open(api, accounts, worker, sandbox):
    sandbox.fault("drop_after", path="^/2/tweets$", method="POST")
    sandbox.fault("status", 500, method="GET", path="/tweets", times=1000)
    batch = post(api, batch_of(accounts[:1])).json()
    worker.work_ahead(30)
    assert api.get(f"publishing/batches/{batch['batch_id']}").json()["status"] == "publishing"
    api.post(f"publishing/batches/{batch['batch_id']}/cancel")
    assert not Event.objects.filter(type="batch.ended").exists()

    job = batch["jobs"][0]["job_id"]
    api.post(f"publishing/jobs/{job}/resolve", {"outcome": "not_published"})
    assert api.get(f"publishing/batches/{batch['batch_id']}").json()["status"] == "failed"
    assert Event.objects.filter(type="batch.ended").count() == 1

    # A retry opens it again; the event was sent.
    assert api.post(f"publishing/jobs/{job}/retry").status_code == 200
    assert api.get(f"publishing/batches/{batch['batch_id']}").json()["status"] != "failed"
    api.post(f"publishing/jobs/{job}/cancel")
    assert Event.objects.filter(type="batch.ended").count() == 1


@pytest.mark.parametrize("end", ["disconnect", "too_late"])
def test_batch_ends_however_its_last_job_does(api, accounts, worker, end):
    batch = post(api, batch_of(accounts[:1], schedule_time=in_future(hours=1))).json()["batch_id"]
    if end == "disconnect":
        api.delete(f"connections/{accounts[0].pk}")
    else:
        worker.work(after=3 * 86_400)
    [event] = Event.objects.filter(type="batch.ended")
    assert event.data["batch_id"] == batch
    assert event.data["status"] == ("cancelled" if end == "disconnect" else "failed")


@pytest.mark.skipif(database.vendor == "sqlite", reason="it has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_two_transactions_that_end_the_last_two_jobs_send_one_event(api, accounts):
    """The first has not committed when the second asks whether a job is open."""
    batch = PublishBatch.objects.get(pk=post(api, batch_of(accounts[:2])).json()["batch_id"])
    first, second = PublishJob.objects.filter(batch=batch)
    moved = threading.Event()

    def end(job: PublishJob) -> None:
        move([cancellation(job, "cancelled", "")], now=timezone.now(), actor="test")

    def end_second() -> None:
        try:
            moved.wait(10)
            end(second)  # waits for the row of the batch
        finally:
            database.close()

    with ThreadPoolExecutor(1) as other:
        done = other.submit(end_second)
        with transaction.atomic():
            end(first)
            moved.set()
            time.sleep(0.3)
            assert not done.done()
        done.result(10)

    assert Event.objects.filter(type="batch.ended").count() == 1
    batch.refresh_from_db()
    assert batch.event_sequence == 1


@pytest.mark.night
@pytest.mark.skipif(database.vendor == "sqlite", reason="it has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_many_batches_whose_jobs_end_at_once_end_once_each(make_api, api, make_connection):
    accounts = [make_connection("twitter") for _ in range(8)]
    for _ in range(50):
        start = threading.Barrier(8)
        jobs = post(api, batch_of(accounts, schedule_time=in_future(hours=1))).json()["jobs"]

        def cancel(job, start=start):
            try:
                start.wait(10)
                return make_api().post(f"publishing/jobs/{job['job_id']}/cancel").status_code
            finally:
                database.close()

        with ThreadPoolExecutor(8) as callers:
            assert set(callers.map(cancel, jobs)) == {200}
    assert Event.objects.filter(type="batch.ended").count() == 50


def test_batch_leaves_with_its_jobs(api, accounts, settings):
    settings.JOB_CONTENT_RETENTION_DAYS = 1
    body = batch_of(accounts, metadata={"a": 1}, schedule_time=in_future(hours=1))
    batch = post(api, body, headers={"Idempotency-Key": "k"}).json()["batch_id"]
    api.post(f"publishing/batches/{batch}/cancel")
    old = timezone.now() - dt.timedelta(days=2)
    PublishJob.objects.update(created_at=old, updated_at=old)

    purge()
    row = PublishBatch.objects.get()
    assert (row.metadata, row.first_response) == (None, "")
    settings.JOB_RETENTION_DAYS = 1
    purge()
    assert not PublishBatch.objects.exists()


# --- Validating many -----------------------------------------------------------------------------


def test_each_target_has_its_verdict(api, make_connection, accounts):
    linkedin = make_connection("linkedin")
    at = in_future(hours=1)
    own = {"external_reference": "order-4711", "metadata": {"campaign": "spring"}}
    body = batch_of([accounts[0], linkedin], schedule_time=at, **own)
    body["targets"] += [
        {"connection_id": str(uuid.uuid4())},
        {"connection_id": str(accounts[1].pk), "text_content": "x" * 281},
    ]

    response = api.post("publishing/validate", body)

    assert response.status_code == 200, response.json()
    verdict = response.json()
    assert verdict["is_valid"] is False
    assert [each["target"] for each in verdict["targets"]] == [0, 1, 2, 3]
    assert [each["is_valid"] for each in verdict["targets"]] == [True, True, False, False]
    assert [
        (each["target"], each.get("code") or each["rule"]) for each in verdict["violations"]
    ] == [
        (2, "connection_not_found"),
        (3, "text_length"),
    ]
    assert [each["estimated_cost"] for each in verdict["targets"]] == [
        {"amount": 0.015, "currency": "USD"},
        None,
        None,
        {"amount": 0.015, "currency": "USD"},
    ]
    due = verdict["targets"][0]["will_publish_at"]
    assert dt.datetime.fromisoformat(due) == dt.datetime.fromisoformat(at)
    assert verdict["targets"][3]["will_publish_at"] is None
    assert not PublishJob.objects.exists()


@pytest.mark.parametrize(
    ("text", "options", "prices", "amount"),
    [
        ("Plain", {}, {}, 0.015),
        ("See https://example.com", {}, {}, 0.2),
        ("See example.com", {"thread": ["Two", "https://a.example.com"]}, {}, 0.415),
        ("Plain", {"first_comment": "Open from six"}, {}, 0.03),
        ("Plain", {"first_comment": "See example.com"}, {}, 0.215),
        ("Plain", {}, {"TWITTER_POST_PRICE": 0.01}, 0.01),
        ("Plain", {}, {"TWITTER_POST_PRICE": 0, "TWITTER_LINK_POST_PRICE": 0}, None),
    ],
)
def test_cost_follows_from_links_and_parts(api, accounts, settings, text, options, prices, amount):
    for name, price in prices.items():
        setattr(settings, name, price)
    body = plain_post(accounts[0], text, platform_specific_options=options)
    cost = api.post("publishing/validate", body).json()["estimated_cost"]
    assert cost == (amount and {"amount": amount, "currency": "USD"})


def test_alt_text_costs(api, accounts, sandbox):
    body = plain_post(accounts[0], "Hi", assets=[sandbox.picture()] * 2)
    cost = api.post("publishing/validate", body).json()["estimated_cost"]
    assert cost["amount"] == 0.025


def test_expected_time_knows_limits_and_pauses(api, accounts):
    def expected(**more):
        body = plain_post(accounts[0], "Hi", **more)
        at = api.post("publishing/validate", body).json()["will_publish_at"]
        return at and dt.datetime.fromisoformat(at)

    now = timezone.now()
    assert abs((expected() - now).total_seconds()) < 60
    until = now + dt.timedelta(hours=2)
    accounts[0].limited_until = until
    accounts[0].save()
    assert expected() == until
    later = now + dt.timedelta(hours=3)
    assert expected(schedule_time=later.isoformat()) == later

    pause = PlatformPause.objects.create(
        platform="twitter", feature="all", code="rate_limited", reason="Wait", step="publish",
        since=now, probe_at=later - dt.timedelta(minutes=1), pause_s=30,
    )  # fmt: skip
    assert expected() == pause.probe_at
    PlatformPause.objects.update(code="platform_configuration")
    assert expected() is None  # the operator has to act
    assert expected(schedule_time=later.isoformat()) == later
