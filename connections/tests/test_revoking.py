"""Revocations that a platform refuses or does not respond to."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from conftest import consent
from connections.models import AuthorizationSession, Revocation, SocialConnection
from connections.revoking import revoke_due
from connections.tasks import housekeeping

REVOKED_AT = {
    "facebook": "/permissions$",
    "instagram": "/permissions$",
    "linkedin": "/revoke$",
    "tiktok": "/revoke/?$",
    "twitter": "/revoke$",
}


def connect(api, platform: str) -> SocialConnection:
    callback = consent(api.get(f"connections/connect/{platform}").headers["Location"])
    assert api.get(callback).status_code == 200
    return SocialConnection.objects.get(user_id="alice")


def wait_confirmation(api, platform: str) -> dict:
    started = api.get(f"connections/connect/{platform}?redirect=false").json()
    pending: dict = api.get(consent(started["authorization_url"])).json()
    return pending


def later(**time: float) -> None:
    """As if so much time had passed."""
    for row in Revocation.objects.all():
        row.created_at -= dt.timedelta(**time)
        row.next_attempt_at -= dt.timedelta(**time)
        row.save()


@pytest.mark.parametrize("platform", sorted(REVOKED_AT))
def test_revocation_that_failed_is_asked_again(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    sandbox.fault("status", 503, path=REVOKED_AT[platform], times=2)

    response = api.delete(f"connections/{connection.pk}")

    assert (response.status_code, response.json()["status"]) == (200, "disconnected")
    assert "asked again" in response.json()["message"]
    row = SocialConnection.objects.get()
    assert (row.status, row.has_tokens) == ("revoked", False)
    housekeeping()
    assert Revocation.objects.get().failures == 2
    housekeeping()
    assert Revocation.objects.get().failures == 2, "it waits longer after each failure"
    later(hours=1)
    housekeeping()
    assert not Revocation.objects.exists()
    assert api.delete(f"connections/{connection.pk}").status_code == 404


@pytest.mark.parametrize("platform", sorted(REVOKED_AT))
def test_revocation_leaves_nothing_behind(api, make_connection, sandbox, platform):
    connection = make_connection(platform)

    message = api.delete(f"connections/{connection.pk}").json()["message"]

    assert "asked again" not in message
    assert not Revocation.objects.exists()


def test_operator_is_informed_once_after_a_day(api, make_connection, sandbox, caplog, superuser):
    connection = make_connection("twitter")
    sandbox.fault("status", 503, path="/revoke$", times=99)
    api.delete(f"connections/{connection.pk}")

    for _ in range(30):
        housekeeping()
        later(hours=1)

    errors = [each for each in caplog.records if each.levelname == "ERROR"]
    assert [each.platform for each in errors] == ["twitter"]
    row = Revocation.objects.get()
    assert row.given_up_at is not None
    assert (row.access_token, row.refresh_token) == (None, None)
    assert 5 <= row.failures <= 9
    page = superuser.get("/admin/connections/revocation/")
    assert connection.external_user_id in page.content.decode()


def test_refused_token_needs_no_revocation(api, make_connection, sandbox):
    connection = make_connection("facebook")
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)

    api.delete(f"connections/{connection.pk}")

    assert not Revocation.objects.exists()


@pytest.mark.parametrize("platform", ["facebook", "linkedin", "tiktok"])
def test_pending_revocation_does_not_end_a_new_authorization(api, sandbox, platform):
    sandbox.account(platform)
    connection = connect(api, platform)
    sandbox.fault("status", 503, path=REVOKED_AT[platform])
    api.delete(f"connections/{connection.pk}")
    asked = len(sandbox.calls("revoke")) + len(sandbox.calls("permissions", method="DELETE"))
    connect(api, platform)

    housekeeping()

    assert not Revocation.objects.exists()
    now = len(sandbox.calls("revoke")) + len(sandbox.calls("permissions", method="DELETE"))
    assert now == asked
    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200


def test_replaced_grant_is_revoked_where_that_leaves_the_new_one(api, sandbox):
    sandbox.account("twitter")
    old = connect(api, "twitter")
    old_token = old.refresh_token.reveal()

    new = connect(api, "twitter")

    assert new.pk == old.pk
    assert new.refresh_token.reveal() != old_token
    assert len(sandbox.calls("/revoke")) == 1
    assert not Revocation.objects.exists()
    assert api.post(f"connections/{new.pk}/refresh").status_code == 200


@pytest.mark.parametrize("platform", ["facebook", "instagram", "linkedin", "tiktok", "pinterest"])
def test_replaced_grant_is_left_where_its_end_would_end_the_new_one(api, sandbox, platform):
    sandbox.account(platform)
    connect(api, platform)

    connection = connect(api, platform)

    assert not Revocation.objects.exists()
    assert sandbox.calls("revoke") == []
    assert sandbox.calls("permissions", method="DELETE") == []
    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200


@pytest.mark.parametrize("is_first_refused", [False, True])
def test_credentials_that_nobody_confirmed_are_revoked(api, sandbox, is_first_refused):
    sandbox.account("twitter")
    pending = wait_confirmation(api, "twitter")
    if is_first_refused:
        sandbox.fault("status", 503, path="/revoke$")
    now = timezone.now()

    housekeeping()
    assert sandbox.calls("/revoke") == []
    AuthorizationSession.objects.update(expires_at=now - dt.timedelta(seconds=1))
    housekeeping()
    housekeeping()

    assert len(sandbox.calls("/revoke")) == 1 + is_first_refused
    assert not Revocation.objects.exists()
    assert AuthorizationSession.objects.get().credentials is None
    body = {name: pending[name] for name in ("attempt_id", "completion_code")}
    assert api.post("connections/confirm", body).status_code == 404


def test_platform_that_cannot_be_reached_is_asked_once(make_connection, sandbox, settings, api):
    connections = [make_connection("twitter") for _ in range(3)]
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    for each in connections:
        api.delete(f"connections/{each.pk}")
    before = [row.failures for row in Revocation.objects.all()]

    revoke_due(timezone.now())

    assert sum(row.failures for row in Revocation.objects.all()) == sum(before) + 1
