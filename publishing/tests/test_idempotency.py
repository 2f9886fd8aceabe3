"""Requests that are repeated, with an Idempotency-Key and without one."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.utils import timezone

from publishing.models import PublishBatch, PublishJob
from publishing.tasks import housekeeping

ENDPOINTS = ("publish", "schedule", "batches")


@pytest.fixture(params=ENDPOINTS)
def endpoint(request):
    return request.param


@pytest.fixture
def account(make_connection):
    return make_connection("twitter")


def body_for(endpoint, account, text="Once", **more):
    body = {"text_content": text, "metadata": {"z": 1, "a": {"y": 2.5, "b": "ä"}}, **more}
    if endpoint == "schedule":
        body["schedule_time"] = (timezone.now() + dt.timedelta(days=300)).isoformat()
    target = {"connection_id": str(account.pk)}
    return body | ({"targets": [target]} if endpoint == "batches" else target)


def send(api, endpoint, body, key="k-1", **headers):
    headers = {**({"Idempotency-Key": key} if key is not None else {}), **headers}
    return api.post(f"publishing/{endpoint}", body, headers=headers)


def code_of(response):
    return response.status_code, response.json().get("code")


def assert_replay(response, first):
    assert response.status_code == 202, response.json()
    assert response.content == first.content
    assert response.headers["Idempotency-Replayed"] == "true"
    assert response.headers["Location"] == first.headers["Location"]


def test_repeated_request_gets_the_first_response_byte_for_byte(
    api, account, worker, sandbox, endpoint
):
    body = body_for(endpoint, account)
    first = send(api, endpoint, body)
    assert first.status_code == 202, first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert_replay(send(api, endpoint, body), first)

    worker.work()

    reordered = dict(reversed(body.items()))
    assert_replay(send(api, endpoint, reordered, key='"k-1"'), first)
    other = {**body, "text_content": "Another"}
    assert code_of(send(api, endpoint, other)) == (422, "idempotency_key_reused")
    assert PublishJob.objects.count() == 1
    assert len(sandbox.posts()) == (endpoint != "schedule")
    place = first.headers["Location"].removeprefix("/api/v1/")
    assert api.get(place).status_code == 200


def test_repeated_request_shows_nothing_of_what_came_later(api, account, make_connection, endpoint):
    """The job was changed and cancelled, its account is gone, the schema was migrated again."""
    body = body_for(endpoint, account)
    first = send(api, endpoint, body)
    job = str(PublishJob.objects.get().pk)
    change = {"text_content": "New", "metadata": None, "schedule_time": "2027-01-01T00:00:00Z"}
    patched = api.client.patch(
        f"/api/v1/publishing/jobs/{job}", change, content_type="application/json"
    )
    assert patched.status_code == 200, patched.json()
    assert_replay(send(api, endpoint, body), first)

    assert api.post(f"publishing/jobs/{job}/cancel").status_code == 200
    assert_replay(send(api, endpoint, body), first)

    assert api.delete(f"connections/{account.pk}").status_code == 200
    assert_replay(send(api, endpoint, body), first)

    call_command("migrate", verbosity=0)
    assert_replay(send(api, endpoint, body), first)
    assert PublishJob.objects.count() == 1


def test_caller_who_waited_gets_what_it_saw(api, account, worker, monkeypatch):
    def work_meanwhile(seconds):
        worker.work()

    monkeypatch.setattr("publishing.views.time.sleep", work_meanwhile)
    body = body_for("publish", account)
    first = send(api, "publish", body, Prefer="wait=5")
    assert first.json()["status"] == "Published"
    assert_replay(send(api, "publish", body), first)


def test_key_is_of_one_user_and_one_endpoint(make_api, make_connection, endpoint):
    for user in ("alice", "bob"):
        account = make_connection("twitter", user=user)
        for path in ENDPOINTS:
            response = send(make_api(user), path, body_for(path, account))
            assert "Idempotency-Replayed" not in response.headers
    assert PublishJob.objects.count() == 6


def test_refused_request_reserves_no_key(api, account, endpoint):
    body = body_for(endpoint, account, text="x" * 281)
    assert send(api, endpoint, body).status_code == 400
    assert not PublishBatch.objects.exists()
    second = send(api, endpoint, {**body, "text_content": "Short"})
    assert second.status_code == 202
    assert "Idempotency-Replayed" not in second.headers
    assert PublishJob.objects.count() == 1


def test_key_is_free_after_its_window_but_not_before_its_job_has_ended(
    api, account, worker, endpoint
):
    body = body_for(endpoint, account)
    first = send(api, endpoint, body)
    old = timezone.now() - dt.timedelta(hours=24, minutes=1)
    PublishJob.objects.update(created_at=old)
    PublishBatch.objects.update(created_at=old)
    housekeeping()
    assert_replay(send(api, endpoint, body), first)

    api.post(f"publishing/jobs/{PublishJob.objects.get().pk}/cancel")
    housekeeping()

    assert "Idempotency-Replayed" not in send(api, endpoint, body).headers
    assert PublishJob.objects.count() == 2


@pytest.mark.parametrize(
    ("key", "is_accepted"),
    [
        ("a", True),
        ("a" * 255, True),
        ("{6b3e7c1e-1c5c-4a55-9e0a-3f6b1c1f2a11}", True),
        ('"quoted"', True),
        ("a" * 256, False),
        ("", False),
        ('""', False),
        ("a b", False),
        ("a\r\nX-Other: 1", False),
        ("schlüssel", False),
        # What a server makes of two headers of this name.
        ("a,b", False),
        ("a, a", False),
    ],
)
def test_which_keys_are_accepted(api, account, endpoint, key, is_accepted):
    response = send(api, endpoint, body_for(endpoint, account), key=key)
    if is_accepted:
        assert response.status_code == 202
    else:
        assert code_of(response) == (400, "idempotency_key_invalid")
        assert not PublishJob.objects.exists()


# --- Without a key -------------------------------------------------------------------------------


def test_same_post_again_names_the_first(api, account, endpoint):
    body = body_for(endpoint, account)
    first = send(api, endpoint, body, key=None)
    assert "X-Possible-Duplicate" not in first.headers
    job = str(PublishJob.objects.get().pk)

    second = send(api, endpoint, {**body, "metadata": {"other": 1}}, key=None)
    third = send(api, endpoint, body, key=None)

    for again in (second, third):
        assert (again.status_code, again.headers["X-Possible-Duplicate"]) == (202, job)
    # With a key it is meant.
    assert "X-Possible-Duplicate" not in send(api, endpoint, body, key="new").headers
    assert PublishJob.objects.count() == 4


@pytest.mark.parametrize("change", ["text", "assets", "options", "account", "user", "age"])
def test_other_posts_are_no_duplicates(
    api, make_api, make_connection, account, sandbox, endpoint, change
):
    send(api, endpoint, body_for(endpoint, account), key=None)
    body = body_for(endpoint, account)
    if change == "text":
        body["text_content"] = "Another"
    elif change == "assets":
        body["assets"] = [sandbox.picture()]
    elif change == "options":
        target = body["targets"][0] if endpoint == "batches" else body
        target["platform_specific_options"] = {"reply_settings": "following"}
    elif change == "account":
        body = body_for(endpoint, make_connection("twitter"))
    elif change == "user":
        PublishJob.objects.update(user_id="bob")
    else:
        PublishJob.objects.update(created_at=timezone.now() - dt.timedelta(minutes=11))
    assert "X-Possible-Duplicate" not in send(api, endpoint, body, key=None).headers


def test_batch_names_the_first_of_each_of_its_posts(api, make_connection):
    accounts = [make_connection("twitter") for _ in range(3)]
    firsts = [
        send(api, "publish", body_for("publish", each), key=None).json()["job_id"]
        for each in accounts[:2]
    ]
    targets = [{"connection_id": str(each.pk)} for each in reversed(accounts)]
    again = send(api, "batches", {"text_content": "Once", "targets": targets}, key=None)
    assert again.headers["X-Possible-Duplicate"] == ", ".join(reversed(firsts))


@pytest.mark.skipif(database.vendor != "sqlite", reason="PostgreSQL scans small tables")
def test_search_for_duplicates_uses_the_index_of_the_user(api, account):
    send(api, "publish", body_for("publish", account), key=None)
    jobs = PublishJob.objects.filter(
        user_id="alice", created_at__gte=timezone.now(), account__in=["a"], text__in=["b"]
    )
    assert "job_of_user" in jobs.order_by("created_at", "pk").explain()


# --- The caller's own facts ----------------------------------------------------------------------


def test_reference_and_metadata_are_returned_and_changed(api, account):
    body = body_for("schedule", account, external_reference="post-7")
    body["metadata"] = {"tags": ["a"], "n": 1.5}
    job = send(api, "schedule", body).json()
    assert (job["external_reference"], job["metadata"]) == ("post-7", {"tags": ["a"], "n": 1.5})

    path = f"/api/v1/publishing/jobs/{job['job_id']}"
    changed = api.client.patch(path, {"metadata": {"n": 2}}, content_type="application/json").json()
    assert (changed["external_reference"], changed["metadata"]) == ("post-7", {"n": 2})
    assert (changed["status"], changed["scheduled_at"]) == ("Scheduled", job["scheduled_at"])
    nothing = {"external_reference": None, "metadata": None}
    changed = api.client.patch(path, nothing, content_type="application/json").json()
    assert (changed["external_reference"], changed["metadata"]) == (None, None)
    notes = [each["note"] for each in api.get(f"publishing/jobs/{job['job_id']}/events").json()]
    assert notes == ["Accepted.", "Changed.", "Changed."]


@pytest.mark.parametrize(
    "facts",
    [
        {"external_reference": "x" * 201},
        {"external_reference": ""},
        {"external_reference": 7},
        {"metadata": [1]},
        {"metadata": "x"},
        {"metadata": {"x": "ä" * 2048}},
        {"metadata": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}}},
    ],
)
def test_reference_and_metadata_have_limits(api, account, endpoint, facts):
    response = send(api, endpoint, {**body_for(endpoint, account), **facts}, key=None)
    assert response.status_code == 400
    assert response.json()["code"] in {"invalid_request", "invalid_json"}


@pytest.mark.night
def test_key_of_a_thousand_users_makes_a_thousand_jobs(make_api, make_connection):
    for number in range(1000):
        user = f"user-{number}"
        account = make_connection("twitter", user=user)
        response = send(make_api(user), "publish", body_for("publish", account))
        assert (response.status_code, "Idempotency-Replayed" in response.headers) == (202, False)
    assert PublishJob.objects.count() == 1000
