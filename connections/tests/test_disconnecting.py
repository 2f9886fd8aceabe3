"""Ending a connection, also after a crash in the middle of it."""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database
from django.utils import timezone

from conftest import consent
from connections.disconnecting import finish_disconnects
from connections.models import SocialConnection
from connections.revoking import revoke_due


def test_disconnected_connection_has_no_tokens_at_any_platform(
    api, make_connection, sandbox, platform
):
    connection = make_connection(platform)

    response = api.delete(f"connections/{connection.pk}")

    assert (response.status_code, response.json()["status"]) == (200, "disconnected")
    row = SocialConnection.objects.get()
    assert (row.status, row.access_token, row.refresh_token) == ("revoked", None, None)
    assert not row.destinations.exclude(access_token=None).exists()


def test_platform_that_fails_does_not_keep_an_account_connected(api, make_connection, sandbox):
    connection = make_connection("twitter")
    sandbox.fault("status", 503, path="/oauth2/revoke$", times=9)

    assert api.delete(f"connections/{connection.pk}").status_code == 200

    assert SocialConnection.objects.get().access_token is None


def test_account_that_two_users_connected_is_not_revoked_with_the_first(
    api, make_api, make_connection, sandbox
):
    first = make_connection("twitter")
    second = make_connection("twitter", user="bob")
    SocialConnection.objects.filter(pk=second.pk).update(external_user_id=first.external_user_id)

    api.delete(f"connections/{first.pk}")
    assert sandbox.calls("/oauth2/revoke") == []

    make_api("bob").delete(f"connections/{second.pk}")
    assert len(sandbox.calls("/oauth2/revoke")) == 1


@pytest.mark.parametrize(("age", "finished"), [(1, 0), (10, 1)])
def test_disconnect_that_crashed_is_finished_after_a_while(make_connection, sandbox, age, finished):
    make_connection("twitter")
    now = timezone.now()
    SocialConnection.objects.update(status="revoked", updated_at=now - dt.timedelta(minutes=age))

    assert finish_disconnects(older_than=now - dt.timedelta(minutes=5)) == finished
    assert revoke_due(timezone.now()) == finished

    assert len(sandbox.calls("/oauth2/revoke")) == finished
    assert (SocialConnection.objects.get().access_token is None) == bool(finished)


@pytest.mark.skipif(
    database.vendor == "sqlite", reason="threads lock each other out of a database in memory"
)
@pytest.mark.django_db(transaction=True)
def test_account_that_is_connected_again_during_a_disconnect_keeps_its_new_tokens(
    make_api, make_connection, sandbox
):
    browser = make_api()

    def connect() -> None:
        started = browser.get("connections/connect/facebook")
        assert browser.get(consent(started.headers["Location"])).status_code == 200

    connect()
    connection = SocialConnection.objects.get()
    sandbox.fault("delay", 2, platform="facebook", method="DELETE", path="/permissions$")

    def disconnect(_: int) -> int:
        try:
            status: int = make_api().delete(f"connections/{connection.pk}").status_code
            return status
        finally:
            database.close()

    with ThreadPoolExecutor(1) as other:
        running = other.submit(disconnect, 0)
        while SocialConnection.objects.get().status != "revoked":
            time.sleep(0.05)
        connect()
        assert running.result() < 300

    connection.refresh_from_db()
    page = connection.destinations.get()
    assert (connection.status, page.can_publish) == ("active", True)
    assert connection.access_token is not None
    assert page.access_token is not None
