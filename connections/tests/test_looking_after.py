"""What callers can do with a connection beside connecting: its time zone, a refresh on demand."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from connections.models import SocialConnection
from connections.services import refresh_expiring
from socialpublishing.platforms import client_for
from socialpublishing.platforms.boards import NewBoard


def patch(api, connection, body):
    return api.client.patch(
        f"/api/v1/connections/{connection.pk}", body, content_type="application/json"
    )


def test_time_zone_is_kept(api, make_connection, platform):
    connection = make_connection(platform)

    response = patch(api, connection, {"timezone": "Europe/Berlin"})

    assert response.status_code == 200, response.json()
    assert response.json()["timezone"] == "Europe/Berlin"
    assert api.get(f"connections/{connection.pk}").json()["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "body",
    [{}, {"timezone": ""}, {"timezone": "Mars"}, {"timezone": None}, {"status": "active"}],
)
def test_all_else_is_refused(api, make_connection, body):
    connection = make_connection()
    response = patch(api, connection, body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_connection_of_others_is_not_found(api, make_connection):
    theirs = make_connection(user="bob")
    assert patch(api, theirs, {"timezone": "UTC"}).status_code == 404
    assert api.post(f"connections/{theirs.pk}/refresh").status_code == 404


def test_refresh_brings_a_token_that_serves(api, make_connection, sandbox, worker, platform):
    connection = make_connection(platform)
    before = connection.access_token.reveal()

    response = api.post(f"connections/{connection.pk}/refresh")

    assert response.status_code == 200, response.json()
    connection = SocialConnection.objects.get(pk=connection.pk)
    assert connection.token_version == 2
    assert connection.last_refreshed_at > timezone.now() - dt.timedelta(minutes=1)
    if platform != "facebook":  # whose refresh reads Pages anew and keeps the long-lived token
        assert connection.access_token.reveal() != before
    assert api.publish(connection).status_code == 202
    worker.work_ahead()
    assert len(sandbox.posts(platform)) == 1


def test_refresh_finds_destinations_that_came_later(api, make_connection, sandbox):
    connection = make_connection("pinterest")
    client_for("pinterest", connection.account).create_board(NewBoard(name="Made at Pinterest"))
    before = api.get(f"connections/{connection.pk}/destinations").json()
    assert "Made at Pinterest" not in str(before)

    api.post(f"connections/{connection.pk}/refresh")

    assert "Made at Pinterest" in str(api.get(f"connections/{connection.pk}/destinations").json())


def test_refresh_of_a_dead_grant_says_who_has_to_act(api, make_connection, sandbox):
    connection = make_connection("twitter")
    SocialConnection.objects.filter(pk=connection.pk).update(status="needs_reauth")

    response = api.post(f"connections/{connection.pk}/refresh")

    assert (response.status_code, response.json()["code"]) == (403, "needs_reauth")


def test_refresh_when_the_platform_fails(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    sandbox.fault("status", 500, platform=platform, times=10)
    response = api.post(f"connections/{connection.pk}/refresh")
    assert response.status_code == 502


# --- Grants that nobody uses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "ends", "is_renewed"),
    [
        ("facebook", {"expires_at": 5}, True),
        ("instagram", {"expires_at": 5}, True),
        ("facebook", {"expires_at": 30}, False),
        ("twitter", {"expires_at": 0.01}, False),  # its refresh token brings it back at any time
        ("pinterest", {"refresh_expires_at": 5}, True),
        ("pinterest", {"refresh_expires_at": 30}, False),
    ],
)
def test_grants_that_would_end_unused_are_renewed(
    make_connection, sandbox, platform, ends, is_renewed
):
    connection = make_connection(platform)
    now = timezone.now()
    SocialConnection.objects.filter(pk=connection.pk).update(
        last_refreshed_at=now - dt.timedelta(days=55),
        **{name: now + dt.timedelta(days=days) for name, days in ends.items()},
    )
    sandbox.call("POST", "clock", advance_seconds=2 * 86400)  # Instagram renews no younger ones

    renewed = [refresh_expiring(timezone.now()) for _ in range(2)]

    assert renewed == [int(is_renewed), 0]
    old, connection = connection, SocialConnection.objects.get()
    assert connection.token_version == old.token_version + is_renewed
    assert (connection.access_token != old.access_token) == is_renewed


@pytest.mark.parametrize("days_left", [0.1, 5.5, 10])
def test_grant_without_refresh_token_serves_until_its_end(
    api, make_connection, sandbox, worker, days_left
):
    """LinkedIn gives most apps none. What cannot be renewed must not be ended early."""
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connection = make_connection("linkedin")
    assert connection.refresh_token is None
    now = timezone.now()
    SocialConnection.objects.update(
        last_refreshed_at=now - dt.timedelta(days=60 - days_left),
        expires_at=now + dt.timedelta(days=days_left),
    )

    assert refresh_expiring(now) == 0
    api.publish(connection, "Still good")
    worker.work()

    assert len(sandbox.posts()) == 1
    connection.refresh_from_db()
    assert connection.status == "active"
