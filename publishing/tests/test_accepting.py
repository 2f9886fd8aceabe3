"""A post that breaks a rule is refused before anything is stored or sent."""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connection as database
from django.utils import timezone

from conftest import plain_post
from publishing import views
from publishing.models import PublishJob
from socialpublishing.options import (
    NumberField,
    PostOptions,
    UserNameField,
    checked_options,
    choice,
    list_of,
    wrong_options,
)
from socialpublishing.platforms import PLATFORMS
from socialpublishing.serializers import StrictSerializer
from socialpublishing.tests.file_server import FileServer, whole

UNKNOWN_ID = str(uuid.uuid4())


def in_future(**ahead: float) -> str:
    return (timezone.now() + dt.timedelta(**ahead)).isoformat()


@pytest.mark.parametrize(
    ("endpoint", "change", "status", "code"),
    [
        ("publish", {"connection_id": UNKNOWN_ID}, 404, "connection_not_found"),
        ("publish", {"connection_id": "x"}, 400, "invalid_request"),
        ("publish", {"text_content": ""}, 400, "empty_post"),
        ("publish", {"text_content": "\u200b \n"}, 400, "empty_post"),
        ("publish", {"text_content": 5}, 400, "invalid_request"),
        ("publish", {"text_content": "a\x00b"}, 400, "invalid_json"),
        ("publish", {"text_content": "a" * 281}, 400, "content_rejected"),
        ("publish", {"text_content": "\u6f22" * 141}, 400, "content_rejected"),
        ("publish", {"text_content": "$ABC $DEF"}, 400, "content_rejected"),
        ("publish", {"status": "Published"}, 400, "invalid_request"),
        ("publish", {"platform_specific_options": {"page_id": "1"}}, 400, "invalid_request"),
        ("publish", {"assets": None}, 400, "invalid_request"),
        ("schedule", {}, 400, "invalid_request"),
        ("schedule", {"schedule_time": in_future(hours=-1)}, 400, "schedule_time_past"),
        ("schedule", {"schedule_time": "2030-01-01T10:00:00"}, 400, "schedule_time_no_offset"),
        ("schedule", {"schedule_time": "2030-02-30T10:00:00Z"}, 400, "invalid_request"),
        ("schedule", {"schedule_time": 1893456000}, 400, "invalid_request"),
        ("schedule", {"schedule_time": in_future(days=400)}, 400, "schedule_time_too_far"),
    ],
)
def test_bad_request_is_refused_and_stores_and_sends_nothing(
    api, make_connection, sandbox, endpoint, change, status, code
):
    body = {"connection_id": str(make_connection().pk), "text_content": "Good", **change}

    response = api.post(f"publishing/{endpoint}", body)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"]
    assert not PublishJob.objects.exists()
    assert sandbox.calls(method="POST", path="/tweets") == []


def asset(sandbox: Any, **change: Any) -> dict[str, Any]:
    return {**sandbox.picture(), **change}


@pytest.mark.parametrize(
    ("change", "count", "code"),
    [
        ({}, 5, "content_rejected"),
        ({"alt_text": "a" * 1001}, 1, "content_rejected"),
        ({"mime_type": "image/png"}, 1, "asset_type_mismatch"),
        ({"asset_type": "video"}, 1, "asset_type_mismatch"),
        ({"url": "http://127.0.0.1:9/x.jpg"}, 1, "asset_address_refused"),
        ({"url": "bucket/x.jpg"}, 1, "object_store_not_configured"),
    ],
)
def test_bad_asset_is_refused(api, make_connection, sandbox, change, count, code):
    response = api.publish(make_connection(), assets=[asset(sandbox, **change)] * count)

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert not PublishJob.objects.exists()


def test_refused_file_of_the_own_machine_names_the_setting_that_allows_it(
    api, make_connection, sandbox, worker, settings
):
    connection, server = make_connection(), FileServer()
    server.file = whole(requests.get(sandbox.picture()["url"], timeout=5).content)
    picture = asset(sandbox, url=f"http://localhost:{urlsplit(server.origin).port}/a.jpg")

    [setting] = re.findall(
        r"MEDIA_ALLOWED_ORIGINS=(\S+)", api.publish(connection, assets=[picture]).json()["detail"]
    )
    settings.MEDIA_ALLOWED_ORIGINS = [setting]
    accepted = api.publish(connection, assets=[picture])

    assert accepted.status_code == 202, accepted.json()
    worker.work()
    assert len(sandbox.posts()[0]["media"]) == 1
    server.close()


def test_unreachable_asset_is_refused(api, make_connection, sandbox):
    gone = asset(sandbox, url=f"{sandbox.url}/samples/none.jpg")

    response = api.publish(make_connection(), assets=[gone])

    assert (response.status_code, response.json()["code"]) == (400, "asset_unreachable")


def test_ids_of_another_user_are_not_found(api, make_api, make_connection):
    connection = make_connection(user="alice")
    job = api.publish(connection).json()["job_id"]
    bob = make_api("bob")

    assert bob.publish(connection).json()["code"] == "connection_not_found"
    assert bob.get(f"publishing/jobs/{job}").json()["code"] == "job_not_found"
    assert bob.get(f"publishing/jobs/{job}/events").status_code == 404
    assert bob.post(f"publishing/jobs/{job}/cancel").status_code == 404
    assert bob.delete(f"connections/{connection.pk}").status_code == 404
    assert bob.get("publishing/jobs").json() == []
    assert bob.get("connections").json() == []


def test_missing_choice_of_destination_is_refused_with_the_list_of_them(
    api, make_connection, sandbox
):
    connection = make_connection("facebook", pages=2)

    response = api.publish(connection)
    assert (response.status_code, response.json()["code"]) == (400, "destination_required")

    [first, _] = api.get(f"connections/{connection.pk}/destinations").json()
    assert first["external_id"] in response.json()["detail"]
    chosen = api.put(
        f"connections/{connection.pk}/destinations/default", {"destination_id": first["id"]}
    )
    assert chosen.json()["is_default"]
    assert api.publish(connection).status_code == 202


def test_same_idempotency_key_returns_the_first_response_and_no_second_job(
    api, make_connection, worker
):
    connection = make_connection()
    body = {"connection_id": str(connection.pk), "text_content": "Once"}
    first = api.post("publishing/publish", body, headers={"Idempotency-Key": "k-1"})
    worker.work()

    again = api.post("publishing/publish", body, headers={"Idempotency-Key": '"k-1"'})

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = {**body, "text_content": "Another"}
    reused = api.post("publishing/publish", other, headers={"Idempotency-Key": "k-1"})
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert PublishJob.objects.count() == 1


def test_list_is_a_plain_array_with_the_next_page_in_the_link_header(api, make_connection):
    connection = make_connection()
    for number in range(3):
        api.publish(connection, f"Number {number}")

    page = api.get("publishing/jobs?limit=2&platform=twitter&status=Pending")

    assert len(page.json()) == 2
    assert 'rel="next"' in page.headers["Link"]
    assert api.get("publishing/jobs?status=nonsense").status_code == 400
    assert api.get("publishing/jobs?colour=red").status_code == 400


def test_paths_work_with_and_without_slash_and_every_error_is_json(api):
    assert api.get("publishing/jobs/").status_code == api.get("publishing/jobs").status_code == 200
    assert api.get("connections").status_code == api.get("connections/").status_code == 200
    assert api.get("nowhere").json()["code"] == "not_found"
    assert api.post("platforms").json()["code"] == "method_not_allowed"
    broken = api.post("publishing/publish", "{broken", content_type="application/json")
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_json")


@pytest.mark.skipif(database.vendor == "sqlite", reason="only servers count connections")
@pytest.mark.django_db(transaction=True)
def test_waiting_caller_holds_no_database_connection(make_api, make_connection):
    connection = make_connection()

    def wait(_: int) -> int:
        try:
            body = plain_post(connection, "Patience")
            response = make_api().post("publishing/publish", body, headers={"Prefer": "wait=3"})
            status: int = response.status_code
            return status
        finally:
            database.close()

    counts = []
    with database.cursor() as cursor, ThreadPoolExecutor(5) as callers:
        waiting = callers.map(wait, range(5))
        time.sleep(1)
        for _ in range(20):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            counts += cursor.fetchone()
            time.sleep(0.03)
        assert set(waiting) == {202}
    # Our own, and now and then one that refreshes its job.
    assert min(counts) <= 2


# --- What counts as content, who may publish it --------------------------------------------------

KINDS = [
    pytest.param(name, kind, id=f"{name}-{kind.name}")
    for name, platform in PLATFORMS.items()
    for kind in platform.capabilities.post_types
]


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.behaviour("A poll, an article or a link is a post without text")
def test_option_that_is_content_needs_no_text(api, make_connection, name, kind):
    connection = make_connection(name)
    examples = PLATFORMS[name].options.examples
    required = {option: examples[option] for option in kind.required_options}
    for option in sorted(kind.options - kind.required_options):
        options = {**required, "post_type": kind.name, option: examples[option]}
        if option == PLATFORMS[name].destination_option:
            options[option] = connection.destinations.first().external_id
        body = plain_post(connection, "", platform_specific_options=options, assets=[])
        response = api.post("publishing/validate", body)
        is_content = option in kind.content_options or kind.content_options & set(required)
        assert (response.json().get("code") == "empty_post") == (not is_content), option


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.behaviour("A missing scope is named, with the kind of post that needs it")
def test_missing_scope_is_named_with_the_kind_of_post(api, make_connection, name, kind):
    connection = make_connection(name)
    options = {option: PLATFORMS[name].options.examples[option] for option in kind.required_options}
    options["post_type"] = kind.name
    body = plain_post(connection, "Hi", platform_specific_options=options, assets=[])
    granted = connection.scopes
    for scope in kind.scopes or PLATFORMS[name].app.oauth.publish_scopes:
        connection.scopes = [each for each in granted if each != scope]
        connection.save()
        response = api.post("publishing/publish", body)
        assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
        assert scope in response.json()["detail"]
        assert f"{kind.name} post" in response.json()["detail"]


@pytest.mark.behaviour("A target with its own token publishes, whatever became of the connection's")
def test_target_with_its_own_token_needs_no_other(
    api, worker, sandbox, instant_processing, connection
):
    connection.status = "needs_reauth"
    connection.save()

    response = api.publish(connection, "By the token of the destination")

    if not connection.destinations.exclude(access_token=None).exists():
        assert (response.status_code, response.json()["code"]) == (403, "needs_reauth")
        return
    assert response.status_code == 202
    worker.work_ahead(600)
    assert len(sandbox.posts(connection.platform)) == 1


def test_options_are_stored_in_one_form():
    body = {"user_tags": [{"username": "@harbour.bakery", "x": 1, "y": 0.5}]}
    options = checked_options({"post_type": "feed", **body}, OneForm)
    assert options == {
        "post_type": "feed",
        "user_tags": [{"username": "harbour.bakery", "x": 1, "y": 0.5}],
    }
    assert checked_options(options, OneForm) == options
    for wrong in ("@", "a b", "@@a", "a" * 31, ""):
        paths = [path for path, _ in wrong_options({"user_tags": [{"username": wrong}]}, OneForm)]
        assert paths == ["user_tags.0.username"]


class OneTag(StrictSerializer):
    username = UserNameField(pattern="[a-z.]{1,30}", max_length=30)
    x = NumberField(required=False)
    y = NumberField(required=False)


class OneForm(PostOptions):
    post_type = choice("The kind.", "feed")
    user_tags = list_of(OneTag(), "Tags.", high=3)


def test_one_caller_too_many_does_not_wait_for_the_end(api, make_connection, monkeypatch):
    """Each that waits occupies a thread of the web process."""
    connection = make_connection("twitter")
    waits = [views.waiting_places.acquire(blocking=False) for _ in range(100)]
    slept = []
    monkeypatch.setattr(views.time, "sleep", slept.append)
    try:
        body = plain_post(connection, "Hello")
        response = api.post("publishing/publish", body, headers={"Prefer": "wait=5"})
    finally:
        for _ in range(sum(waits)):
            views.waiting_places.release()

    assert response.status_code == 202
    assert slept == []
