"""Warnings that an authorization ends which only its owner can prolong."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from connections.expiring import warn_of_expiry
from connections.models import SocialConnection
from connections.tasks import housekeeping
from socialpublishing.events.models import Event

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def warnings(caplog) -> list[str]:
    return [record.connection_id for record in caplog.records if "ends soon" in record.message]


@pytest.fixture
def connection(make_connection) -> SocialConnection:
    """One without a refresh token, such as LinkedIn's for most apps."""
    connection = make_connection("linkedin")
    connection.refresh_token = None
    connection.save()
    return connection


def end_at(connection: SocialConnection, ends_at: dt.datetime) -> None:
    SocialConnection.objects.filter(pk=connection.pk).update(expires_at=ends_at)


def test_end_is_logged_seven_days_and_one_day_before_it_once_each(connection, caplog):
    end = timezone.now() + 30 * DAY
    end_at(connection, end)
    logged_at = []

    for hours in range(9 * 24, -2, -1):
        logged_at += [hours] * warn_of_expiry(end - hours * HOUR)

    assert logged_at == [7 * 24, 24]
    assert warnings(caplog) == [str(connection.pk)] * 2
    assert Event.objects.filter(type="connection.expiring").count() == 2


def test_worker_that_was_away_warns_once(connection):
    end = timezone.now() + 30 * DAY
    end_at(connection, end)

    assert [warn_of_expiry(end - hours * HOUR) for hours in (20, 19, 1)] == [1, 0, 0]


def test_new_end_has_warnings_of_its_own(connection):
    end = timezone.now() + 30 * DAY
    end_at(connection, end)
    assert warn_of_expiry(end - HOUR) == 1

    end_at(connection, end + 60 * DAY)

    assert [warn_of_expiry(end + days * DAY) for days in (1, 54, 55, 59.5)] == [0, 1, 0, 1]


def test_refresh_token_that_ends_is_the_end_of_the_authorization(make_connection):
    connection = make_connection("linkedin")
    now = timezone.now()
    SocialConnection.objects.update(expires_at=now + HOUR, refresh_expires_at=now + 90 * DAY)
    assert warn_of_expiry(now) == 0

    SocialConnection.objects.update(refresh_expires_at=now + 3 * DAY)
    assert warn_of_expiry(now) == 1

    assert connection.refresh_token


@pytest.mark.parametrize("status", ["revoked", "needs_reauth"])
def test_connection_that_has_ended_is_not_warned_of(connection, status):
    SocialConnection.objects.update(status=status, expires_at=timezone.now() + HOUR)

    assert warn_of_expiry(timezone.now()) == 0


def test_housekeeping_warns_of_what_it_could_not_renew(make_connection, connection, caplog):
    renewable = make_connection("instagram")
    SocialConnection.objects.update(
        expires_at=timezone.now() + 3 * DAY, last_refreshed_at=timezone.now() - 50 * DAY
    )

    housekeeping()

    assert warnings(caplog) == [str(connection.pk)]
    renewable.refresh_from_db()
    assert renewable.expires_at > timezone.now() + 7 * DAY
