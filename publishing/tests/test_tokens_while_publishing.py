"""Tokens that end, are refused or cannot be decrypted while a post is published."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from conftest import consent, statuses
from connections.connecting import store_credentials
from connections.credentials import identify
from connections.models import Destination, SocialConnection
from publishing.models import JobEvent, PublishJob
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault
from socialpublishing.oauth import Tokens
from socialpublishing.platforms import PLATFORMS

pytestmark = [pytest.mark.usefixtures("instant_processing"), pytest.mark.sqlite_at_night]

REFRESH_PATHS = {"twitter": "oauth2/token", "linkedin": "accessToken"}


def expires_in(**time: float) -> None:
    SocialConnection.objects.update(expires_at=timezone.now() + dt.timedelta(**time))


# --- A token that the platform refuses -----------------------------------------------------------


def test_expired_token_is_refreshed_once(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    api.publish(connection, "Fresh again")

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/oauth2/token")) == 1
    connection.refresh_from_db()
    assert connection.token_version == 2


@pytest.mark.parametrize("platform", ["linkedin", "twitter"])
def test_fresh_token_that_has_not_reached_all_servers_is_used_again(
    api, connection, sandbox, worker, platform
):
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "status", 401, times=4)
    api.publish(connection, "Once")

    worker.work_ahead(30)

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls(REFRESH_PATHS[platform])) == 1
    connection.refresh_from_db()
    assert connection.status == "active"


def test_fresh_token_that_cannot_be_refreshed_is_used_again(api, make_connection, sandbox, worker):
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connection = make_connection("linkedin")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", 401, times=2)
    api.publish(connection, "Once")

    worker.work_ahead(30)

    assert statuses() == {"Published": 1}


def test_token_that_is_refused_later_is_refreshed_again(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    limit = {"code": 429, "headers": {"Retry-After": "1800"}}
    for response in (401, limit, 401):
        add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "status", response)
    api.publish(connection, "Once")

    worker.work_ahead(3500)

    connection.refresh_from_db()
    assert connection.status == "active"


def test_page_token_that_is_refused_is_read_again(api, make_connection, sandbox, worker):
    connection = make_connection("facebook")
    expired = {"code": 401, "body": {"error": {"code": 190, "error_subcode": 467, "message": "x"}}}
    add_fault(sandbox, PUBLISH_REQUESTS, "facebook", "status", expired)
    api.publish(connection, "With a new token")

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/me/accounts")) == 2  # when it was connected, and after the refusal


def test_refreshed_token_is_stored_though_the_database_fails_once(
    api, make_connection, sandbox, worker
):
    """The platform may accept a refresh token only once, so the new one must not be lost."""
    connection = make_connection("twitter")
    expires_in(seconds=0)
    api.publish(connection, "Once")
    failures: list[str] = []

    def fail_once(execute, sql, params, many, context):
        if "AS job SET" in sql and sandbox.calls("/oauth2/token") and not failures:
            failures.append(sql)
            raise OperationalError("gone")
        return execute(sql, params, many, context)

    with database.execute_wrapper(fail_once):
        with pytest.raises(OperationalError):
            worker.finish(timezone.now())
        worker.work()

    assert statuses() == {"Published": 1}
    connection.refresh_from_db()
    assert connection.token_version == 2


# --- The owner has to connect the account again --------------------------------------------------


def test_job_and_connection_report_that_the_owner_has_to_connect_again(
    api, connection, sandbox, worker, platform
):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)
    job_id = api.publish(connection, "Waits for its owner").json()["job_id"]

    worker.work()

    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["status"], job["error_code"]) == ("Pending", "needs_reauth")
    [listed] = api.get("connections/").json()
    assert listed["status"] == "needs_reauth"
    another = api.publish(connection, "Another")
    if connection.destinations.exclude(access_token=None).exists():
        # The token of the destination may be good: only the platform can tell.
        assert another.status_code == 202
    else:
        assert (another.status_code, another.json()["code"]) == (403, "needs_reauth")
    assert sandbox.posts(platform) == []


def test_job_continues_when_its_owner_connects_again(api, sandbox, worker, platform):
    def connect() -> str:
        started = api.get(f"connections/connect/{platform}")
        return api.get(consent(started.headers["Location"])).json()["external_user_id"]

    sandbox.call("POST", "tokens/expire", account_id=connect(), refresh=True)
    api.publish(SocialConnection.objects.get(), "Back again")
    worker.work()
    assert PublishJob.objects.get().error_code == "needs_reauth"

    connect()
    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_publish_request_with_a_refused_token_is_repeated_without_lookups(
    api, make_connection, sandbox, worker
):
    """It created nothing for certain."""
    connection = make_connection("linkedin")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", 401, times=7)
    api.publish(connection, "Once")
    worker.work_ahead(60)
    assert statuses() == {"Pending": 1}
    connection.refresh_from_db()
    assert connection.status == "needs_reauth"

    tokens = Tokens(
        access_token=connection.access_token,
        refresh_token=connection.refresh_token,
        lifetime=dt.timedelta(days=30),
        scopes=tuple(connection.scopes),
    )
    credentials = identify(connection.platform_type, tokens, timezone.now())
    store_credentials(user_id=connection.user_id, platform="linkedin", credentials=credentials)
    worker.work_ahead(60)

    assert statuses() == {"Published": 1}


# --- A refresh that fails while the token is still accepted --------------------------------------


def test_refused_refresh_does_not_end_a_valid_token(
    api, make_connection, sandbox, worker, platform
):
    """Some platforms refuse a wrong secret of ours in the same words as a revoked connection."""
    connection = make_connection(platform)
    expires_in(minutes=3)
    if connection.refresh_token is not None:
        sandbox.fault("status", 401, method="POST", path="/(token|accessToken)/?$", times=9)
    else:
        refusal = {"error": {"code": 190, "message": "x"}}
        sandbox.fault("status", {"code": 400, "body": refusal}, path="access_token", times=9)
    api.publish(connection, "Still good")

    worker.work_ahead(60)

    assert statuses() == {"Published": 1}
    connection.refresh_from_db()
    assert (connection.status, connection.token_version) == ("active", 1)
    # A destination that has its own token needs no other, so nothing is refreshed.
    needs_refresh = not PublishJob.objects.get().target.has_own_token
    notes = " ".join(event.note for event in JobEvent.objects.all())
    assert ("Refreshing failed" in notes) is needs_refresh


@pytest.mark.parametrize("platform", ["tiktok", "twitter", "linkedin"])
def test_malformed_response_to_a_refresh_does_not_end_a_valid_token(
    api, connection, sandbox, worker, platform
):
    expires_in(minutes=3)
    response = {"code": 200, "body": {"message": "hm"}}
    sandbox.fault("status", response, method="POST", path="(token|accessToken)/?$", times=3)
    api.publish(connection, "Still good")

    worker.work_ahead(300)

    assert statuses() == {"Published": 1}


def test_token_host_out_of_reach_does_not_end_a_valid_token(
    api, make_connection, worker, monkeypatch
):
    connection = make_connection("linkedin")
    now = timezone.now()
    SocialConnection.objects.update(
        expires_at=now + dt.timedelta(days=5), last_refreshed_at=now - dt.timedelta(days=55)
    )
    app = PLATFORMS["linkedin"].app
    host = app.host
    # Nothing listens on port 9.
    monkeypatch.setattr(
        app, "host", lambda role: "http://127.0.0.1:9" if role == "auth" else host(role)
    )
    api.publish(connection, "Still good")

    worker.work_ahead(5000)

    assert statuses() == {"Published": 1}


def test_refresh_by_its_user_does_not_end_a_token_that_cannot_be_refreshed(
    api, make_connection, sandbox
):
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connection = make_connection("linkedin")
    assert connection.refresh_token is None

    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200

    connection.refresh_from_db()
    assert connection.status == "active"


# --- Another caller refreshes --------------------------------------------------------------------


def refresh_elsewhere(**lease: float) -> None:
    now = timezone.now()
    SocialConnection.objects.update(expires_at=now, refreshing_until=now + dt.timedelta(**lease))


def test_wait_for_a_refresh_adds_few_events(api, make_connection, worker):
    connection = make_connection("twitter")
    refresh_elsewhere(seconds=89)
    api.publish(connection, "Once")

    worker.work_ahead(200)

    assert JobEvent.objects.count() < 20


def test_wait_for_a_refresh_keeps_the_error_code(api, make_connection, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "drop_after")
    sandbox.fault("status", 503, method="GET", path="/tweets$", times=200)
    api.publish(make_connection("twitter"), "One")
    worker.work()
    refresh_elsewhere(seconds=89)

    worker.finish(timezone.now() + dt.timedelta(seconds=10))

    assert PublishJob.objects.get().error_code == "outcome_unknown"


def test_refusal_of_the_content_after_a_wait_for_a_refresh_ends_the_job(
    api, make_connection, sandbox, worker
):
    processing = {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10**9}
    refused = {"status": "FAILED", "fail_reason": "frame_rate_check_failed"}

    def add_status(data) -> None:
        body = {"data": data, "error": {"code": "ok"}}
        sandbox.fault("status", {"code": 200, "body": body}, path="/status/fetch/")

    add_status(processing)
    api.publish(make_connection("tiktok"), "Look")
    now = timezone.now()
    worker.finish(now)
    worker.finish(now)
    job = PublishJob.objects.get()
    assert job.progress["stage"] == "confirming", job.progress
    expires_in(seconds=30)
    sandbox.fault("status", 503, path="/oauth/token/")
    add_status(refused)

    worker.work_ahead(600)

    assert statuses() == {"ContentRejected": 1}


# --- A token that cannot be decrypted ------------------------------------------------------------


def test_job_with_an_unreadable_token_waits_and_holds_up_no_other(
    api, make_connection, sandbox, worker, platform
):
    broken, sound = make_connection(platform), make_connection(platform)
    api.publish(broken, "Unreadable")
    api.publish(sound, "Readable")
    of_unknown_key = {"access_token": f"v1.00000000.{'A' * 16}.{'A' * 32}"}
    SocialConnection.objects.filter(pk=broken.pk).update(**of_unknown_key)
    Destination.objects.filter(connection=broken).update(**of_unknown_key)

    worker.work()

    found = dict(PublishJob.objects.values_list("text", "status"))
    assert found == {"Unreadable": "Pending", "Readable": "Published"}
    assert PublishJob.objects.get(text="Unreadable").error_code == "token_unreadable"
    # The operator has to act, not the owner.
    assert SocialConnection.objects.filter(pk=broken.pk, status="active").exists()
