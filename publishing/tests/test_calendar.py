"""The list of jobs: its filters, orders and pages."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from publishing.models import PublishBatch, PublishJob

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def make_job(make_connection):
    connection = make_connection()

    def make(**facts: Any) -> PublishJob:
        facts = {"next_attempt_at": NOW, "status": "Pending", "created_at": NOW, **facts}
        job: PublishJob = PublishJob.objects.create(
            user_id="alice",
            connection=connection,
            platform="twitter",
            account=f"twitter:{uuid.uuid4()}",
            text="Fresh bread",
            updated_at=facts.pop("updated_at", facts["created_at"]),
            **facts,
        )
        return job

    return make


def ids_of(api: Any, **query: Any) -> list[str]:
    response = api.get(f"publishing/jobs?{urlencode(query)}")
    assert response.status_code == 200, response.json()
    return [job["job_id"] for job in response.json()]


def walk(api: Any, **query: Any) -> list[str]:
    """The ids of all pages, by the links."""
    path, seen = f"publishing/jobs?{urlencode(query)}", []
    while True:
        response = api.get(path)
        seen += [job["job_id"] for job in response.json()]
        link = re.match(r'<[^>]*/api/v1/([^>]+)>; rel="next"', response.headers.get("Link", ""))
        if link is None:
            return seen
        path = link[1]


def test_pages_hold_each_job_once_in_both_orders_also_those_of_the_same_time(api, make_job):
    # Two are due when they were accepted, three at the same later time, two before those.
    jobs = [make_job(created_at=NOW - 3 * HOUR) for _ in range(2)]
    jobs += [make_job(scheduled_at=NOW + 5 * HOUR, status="Scheduled") for _ in range(3)]
    jobs += [make_job(scheduled_at=NOW + HOUR, status="Scheduled") for _ in range(2)]
    by_due = sorted(jobs, key=lambda job: (job.due_at, str(job.pk)))
    by_age = sorted(jobs, key=lambda job: (job.created_at, str(job.pk)), reverse=True)

    assert walk(api, order="due", limit=2) == [str(job.pk) for job in by_due]
    assert walk(api, limit=2) == [str(job.pk) for job in by_age]
    assert walk(api, order="-created", limit=3) == [str(job.pk) for job in by_age]


def test_job_accepted_while_a_caller_pages_moves_no_other(api, make_job):
    jobs = [make_job(created_at=NOW - n * HOUR) for n in range(4)]
    first = api.get("publishing/jobs?limit=2")
    make_job(created_at=NOW + HOUR)

    following = re.search(r"cursor=([^&>]+)", first.headers["Link"])
    second = api.get(f"publishing/jobs?limit=2&cursor={following[1]}").json()

    assert [job["job_id"] for job in second] == [str(job.pk) for job in jobs[2:]]


def test_each_filter_finds_its_jobs_alone(api, make_job):
    batch = PublishBatch.objects.create(user_id="alice", created_at=NOW)
    plain = make_job(created_at=NOW - 2 * HOUR)
    other = make_job(
        scheduled_at=NOW + 9 * HOUR,
        status="Scheduled",
        external_reference="spring & summer",
        batch=batch,
        error_code="needs_reauth",
        waiting_for="owner",
        who_acts="owner",
        updated_at=NOW + HOUR,
    )
    filters = {
        "due_from": (NOW + 9 * HOUR).isoformat(),
        "external_reference": "spring & summer",
        "batch_id": str(batch.pk),
        "error_code": "needs_reauth",
        "waiting_for": "owner",
        "who_acts": "owner",
        "status": "Scheduled",
        "updated_after": NOW.isoformat(),
        "from": NOW.isoformat(),
    }
    for name, value in filters.items():
        assert ids_of(api, **{name: value}) == [str(other.pk)], name
        assert ids_of(api, order="due", **{name: value}) == [str(other.pk)], name
    assert ids_of(api, due_to=(NOW + 9 * HOUR).isoformat()) == [str(plain.pk)]
    assert ids_of(api, to=NOW.isoformat()) == [str(plain.pk)]
    assert ids_of(api, connection_id=str(uuid.uuid4())) == []


def test_rows_have_the_content_of_their_posts(api, make_connection):
    connection = make_connection()
    job_id = api.publish(connection, "Fresh bread").json()["job_id"]

    [row] = api.get("publishing/jobs").json()

    assert row == api.get(f"publishing/jobs/{job_id}").json()
    assert row["text_content"] == "Fresh bread"
    assert {"assets", "platform_specific_options", "warnings", "updated_at"} <= row.keys()


def test_polling_by_updated_after_finds_what_has_changed(api, make_connection, worker):
    connection = make_connection()
    job_id = api.publish(connection, "Fresh bread").json()["job_id"]
    [seen] = api.get("publishing/jobs").json()
    assert ids_of(api, updated_after=seen["updated_at"]) == []

    worker.work()

    assert ids_of(api, updated_after=seen["updated_at"]) == [job_id]


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("due_form=2026-12-24T18:00:00Z", "due_form", "Did you mean `due_from`?"),
        ("order=new", "order", "The choices are -created, due."),
        ("platform=twiter", "platform", "Did you mean `twitter`?"),
        ("error_code=too_lat", "error_code", "Did you mean `too_late`?"),
        ("due_from=2026-12-24T18:00:00+01:00", "due_from", "+ is written %2B"),
        ("external_reference=%00", "external_reference", "control characters"),
        ("cursor=nonsense", "cursor", "not a valid cursor"),
        ("limit=101", "limit", "100"),
    ],
)
def test_wrong_parameter_is_refused_with_what_to_write(api, query, field, sentence):
    response = api.get(f"publishing/jobs?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    [violation] = response.json()["violations"]
    assert violation["field"] == field
    assert sentence in violation["message"]


def test_cursor_of_one_order_is_refused_in_another(api, make_job):
    for _ in range(2):
        make_job()
    link = api.get("publishing/jobs?limit=1&order=due").headers["Link"]
    cursor = re.search(r"cursor=([^&>]+)", link)[1]

    response = api.get(f"publishing/jobs?limit=1&cursor={cursor}")

    assert response.status_code == 400
    assert "order=due" in response.json()["detail"]
