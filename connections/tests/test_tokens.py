"""The rule for tokens: when they are refreshed, by whom, and what a failure means."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.utils import timezone

from connections.expiring import refresh_expiring
from connections.models import SocialConnection
from connections.tokens import (
    REFRESH_LEASE,
    client_of,
    is_usable,
    needs_refresh,
    refusal_ends_connection,
    require_reauth,
    store_refresh_outcome,
    store_renewal,
    take_refresh,
)
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    NoResponseError,
    PlatformConfigurationError,
    PlatformUnreachableError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.oauth import Tokens
from socialpublishing.platforms.accounts import Renewal

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
# Port 9 of this machine accepts no connections.
UNREACHABLE = "http://127.0.0.1:9"


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


def token(
    *,
    left: float | None = 60,
    life: float = 60,
    lease: float | None = None,
    platform: str = "pinterest",
    has_refresh_token: bool = True,
) -> SocialConnection:
    """An unsaved connection at noon. Times are in minutes."""
    expires_at = None if left is None else NOON + minutes(left)
    return SocialConnection(
        platform=platform,
        token_version=3,
        access_token=Secret("access"),
        refresh_token=Secret("refresh") if has_refresh_token else None,
        expires_at=expires_at,
        last_refreshed_at=(expires_at or NOON) - minutes(life),
        refreshing_until=None if lease is None else NOON + minutes(lease),
    )


def failures(caplog) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "connections.connection_events"]


# --- The rule without a database -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "is_needed"),
    [
        (token(left=None), False),
        (token(left=60), False),
        (token(left=11), False),
        (token(left=9), True),
        (token(left=-5), True),
        # A tenth of a long life is a longer margin.
        (token(left=6 * 24 * 60 - 1, life=60 * 24 * 60), True),
        (token(left=6 * 24 * 60 + 1, life=60 * 24 * 60), False),
        # While another caller refreshes, the token is used to its end.
        (token(left=9, lease=1), False),
        (token(left=2, lease=1), False),
        (token(left=0.5, lease=1), True),
        # A lease that ran out: a refresh token that rotates may have been used up.
        (token(left=9, lease=-1, platform="twitter"), False),
        (token(left=4, lease=-1, platform="twitter"), True),
        (token(left=9, lease=-1, platform="facebook", has_refresh_token=False), True),
        # Without any way to refresh, the token is used to its end.
        (token(left=9, platform="linkedin", has_refresh_token=False), False),
        (token(left=0.5, platform="linkedin", has_refresh_token=False), True),
    ],
)
def test_when_a_token_needs_a_refresh(connection, is_needed):
    assert needs_refresh(connection, NOON) == is_needed


@pytest.mark.parametrize(
    ("connection", "refused_version", "expected"),
    [
        (token(left=None), None, True),
        (token(left=2), None, True),
        (token(left=0.5), None, False),
        (token(left=-1), None, False),
        (token(left=60), 3, False),
        (token(left=60), 2, True),
    ],
)
def test_when_a_token_is_usable(connection, refused_version, expected):
    assert is_usable(connection, NOON, refused_version=refused_version) == expected


@pytest.mark.parametrize(
    ("error", "is_token_usable", "expected"),
    [
        (TokenExpiredError(), False, True),
        (TokenExpiredError(), True, False),
        (PlatformConfigurationError(), False, False),
        (RateLimitError(), False, False),
        (NoResponseError(), False, False),
        (PlatformUnreachableError(), False, False),
    ],
)
def test_only_a_refusal_ends_a_connection_and_only_with_its_token(error, is_token_usable, expected):
    assert refusal_ends_connection(error, is_token_usable=is_token_usable) == expected


# --- The lease -----------------------------------------------------------------------------------


def test_one_caller_at_a_time_may_refresh(make_connection):
    connection = make_connection()

    assert take_refresh(connection, NOON)
    assert not take_refresh(connection, NOON)
    assert take_refresh(connection, NOON + REFRESH_LEASE)


def test_caller_with_old_tokens_may_not_refresh_or_end_the_connection(make_connection):
    connection = make_connection()
    store_renewal(SocialConnection.objects.get(), Renewal(), NOON)

    assert not take_refresh(connection, NOON)
    assert not require_reauth(connection, "refused")
    assert SocialConnection.objects.get().status == "active"


def test_renewal_of_old_tokens_is_not_stored(make_connection):
    connection = make_connection()
    store_renewal(SocialConnection.objects.get(), Renewal(), NOON)

    late = Renewal(tokens=Tokens(access_token=Secret("late"), refresh_token=Secret("late")))
    store_renewal(connection, late, NOON)

    row = SocialConnection.objects.get()
    assert (row.token_version, row.access_token) == (2, connection.access_token)


def test_renewal_without_a_refresh_token_keeps_the_old_one(make_connection):
    connection = make_connection()

    store_refresh_outcome(connection, Renewal(tokens=Tokens(access_token=Secret("new"))), NOON)

    row = SocialConnection.objects.get()
    assert (row.access_token, row.refreshing_until) == (Secret("new"), None)
    assert row.refresh_token is not None


@pytest.mark.parametrize(
    ("error", "is_free"),
    [
        (PlatformUnreachableError(), True),
        (NoResponseError(), False),
        (TokenExpiredError(), False),
        (RateLimitError(), False),
        (KeyError("access_token"), False),
    ],
)
def test_right_to_refresh_is_given_back_only_if_nothing_was_sent(make_connection, error, is_free):
    connection = make_connection()
    take_refresh(connection, NOON)

    store_refresh_outcome(connection, error, NOON)

    assert (SocialConnection.objects.get().refreshing_until is None) == is_free
    # The caller itself goes on with the token it has.
    assert connection.refreshing_until == NOON + REFRESH_LEASE


def hold_refresh(connection: SocialConnection, **facts) -> None:
    """The token has ended, and another caller refreshes it."""
    SocialConnection.objects.update(
        expires_at=timezone.now(),
        **{"refreshing_until": timezone.now() + REFRESH_LEASE, **facts},
    )
    connection.refresh_from_db()


def test_web_request_takes_over_when_the_lease_of_another_caller_ends(make_connection, sandbox):
    connection = make_connection("tiktok")
    hold_refresh(connection, refreshing_until=timezone.now() + dt.timedelta(seconds=1))
    before = connection.access_token

    client_of(connection)

    assert (connection.token_version, connection.access_token != before) == (2, True)
    assert len(sandbox.calls("/oauth/token")) == 1


def test_web_request_does_not_wait_for_a_refresh_that_failed(api, make_connection, sandbox):
    connection = make_connection("tiktok")
    hold_refresh(connection, refresh_failed_at=timezone.now())

    response = api.get(f"connections/{connection.pk}/posting-options")

    assert (response.status_code, response.json()["code"]) == (503, "refresh_pending")
    assert sandbox.calls("/oauth/token") == []
    assert SocialConnection.objects.get().status == "active"


def test_failure_of_the_token_host_is_no_reason_to_connect_again(api, make_connection, sandbox):
    connection = make_connection("tiktok")
    SocialConnection.objects.update(expires_at=timezone.now() - minutes(1))
    sandbox.fault("status", 503, path="/oauth/token", times=9)
    path = f"connections/{connection.pk}/posting-options"

    codes = [api.get(path).json()["code"] for _ in range(2)]

    assert codes == ["no_answer", "refresh_pending"]
    assert SocialConnection.objects.get().status == "active"


# --- A token that the platform refuses before its end --------------------------------------------

REFRESHED_BY = {"pinterest": "/oauth/token", "linkedin": "/accessToken"}


@pytest.mark.parametrize("platform", sorted(REFRESHED_BY))
def test_refused_token_is_refreshed_and_the_request_repeated(
    api, make_connection, sandbox, platform
):
    connection = make_connection(platform)
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)

    response = api.get(f"connections/{connection.pk}/posting-options")

    assert response.status_code == 200, response.json()
    assert len(sandbox.calls(REFRESHED_BY[platform])) == 1
    row = SocialConnection.objects.get()
    assert (row.status, row.token_version) == ("active", 2)


def test_refused_token_that_nothing_can_replace_needs_its_owner(api, make_connection, sandbox):
    connection = make_connection("facebook")
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)

    response = api.get(f"connections/{connection.pk}/posting-options")

    # Its Page has a token of its own, which may still serve.
    assert response.json().get("code", "needs_reauth") == "needs_reauth"
    assert SocialConnection.objects.get().status == "needs_reauth"


def test_refused_token_is_refreshed_for_insights(api, make_connection, sandbox):
    connection = make_connection("pinterest")
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)

    api.get(f"insights/pinterest/best-times?connection_id={connection.pk}")

    row = SocialConnection.objects.get()
    assert (row.status, row.token_version) == ("active", 2)


def test_token_that_is_refused_again_is_not_refreshed_again(api, make_connection, sandbox):
    connection = make_connection("pinterest")
    sandbox.fault("status", 401, method="GET", path="^/v5/boards$", times=9)
    path = f"connections/{connection.pk}/posting-options"

    codes = [api.get(path).json()["code"] for _ in range(3)]

    assert codes == ["needs_reauth"] * 3
    assert len(sandbox.calls("/oauth/token")) == 1
    # Its servers may not know the new token yet.
    assert SocialConnection.objects.get().status == "active"


def test_board_is_created_once_with_a_refreshed_token(api, make_connection, sandbox):
    connection = make_connection("pinterest")
    sandbox.fault("status", 401, method="POST", path="^/v5/boards$")

    response = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})

    assert response.status_code == 201, response.json()
    assert len(sandbox.calls("/v5/boards", method="POST")) == 2
    assert connection.destinations.filter(name="Bread").count() == 1


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_refused_credentials_of_our_app_blame_no_user(api, make_connection, sandbox, error):
    connection = make_connection("pinterest")
    SocialConnection.objects.update(expires_at=timezone.now())
    refusal = {"code": 401, "body": {"error": error}}
    sandbox.fault("status", refusal, path="/oauth/token$", times=9)

    response = api.get(f"connections/{connection.pk}/posting-options")

    assert response.json()["code"] == "platform_configuration"
    assert SocialConnection.objects.get().status == "active"


# --- A token host that cannot be reached ---------------------------------------------------------


def test_web_request_tries_once_and_goes_on_with_its_token(
    make_connection, settings, caplog, platform
):
    connection = make_connection(platform)
    connection.expires_at = timezone.now() + minutes(3)
    connection.save()
    settings.SANDBOX_URL = UNREACHABLE

    for _ in range(3):
        client_of(connection)

    [logged] = failures(caplog)
    assert (logged.code, logged.platform) == ("platform_unreachable", platform)
    assert logged.connection_id == str(connection.pk)
    row = SocialConnection.objects.get()
    assert (row.status, row.refreshing_until, row.token_version) == ("active", None, 1)


def test_worker_tries_once_a_claim_and_goes_on_with_its_token(
    api, make_connection, sandbox, settings, worker
):
    connection = make_connection("twitter")
    SocialConnection.objects.update(expires_at=timezone.now() + minutes(3))
    job = api.publish(connection, "Hello").json()["job_id"]
    settings.SANDBOX_URL = UNREACHABLE

    worker.finish(timezone.now())

    notes = [event["note"] for event in api.get(f"publishing/jobs/{job}/events").json()]
    assert sum("Refreshing failed" in note for note in notes) == 1
    assert api.get(f"publishing/jobs/{job}/status").json()["error_code"] == "platform_unreachable"
    row = SocialConnection.objects.get()
    assert (row.status, row.refreshing_until, row.token_version) == ("active", None, 1)

    settings.SANDBOX_URL = sandbox.url
    worker.work_ahead(120)
    assert len(sandbox.posts()) == 1


def test_worker_waits_when_its_token_has_ended(api, make_connection, sandbox, settings, worker):
    connection = make_connection("twitter")
    api.publish(connection, "Hello")
    SocialConnection.objects.update(expires_at=timezone.now())
    settings.SANDBOX_URL = UNREACHABLE

    worker.finish(timezone.now())

    row = SocialConnection.objects.get()
    assert (row.status, row.refreshing_until, row.token_version) == ("active", None, 1)
    settings.SANDBOX_URL = sandbox.url
    worker.work_ahead(120)
    assert len(sandbox.posts()) == 1
    assert SocialConnection.objects.get().token_version == 2


# --- A refresh at a user's request ---------------------------------------------------------------


def test_refresh_stores_a_token_that_works(api, make_connection, sandbox, worker, platform):
    connection = make_connection(platform)
    before = connection.access_token.reveal()

    response = api.post(f"connections/{connection.pk}/refresh")

    assert response.status_code == 200, response.json()
    connection = SocialConnection.objects.get(pk=connection.pk)
    assert connection.token_version == 2
    assert connection.last_refreshed_at > timezone.now() - dt.timedelta(minutes=1)
    if platform != "facebook":  # its refresh reads the Pages again and keeps the long-lived token
        assert connection.access_token.reveal() != before
    assert api.publish(connection).status_code == 202
    worker.work_ahead()
    assert len(sandbox.posts(platform)) == 1


def test_refresh_of_an_ended_connection_needs_its_owner(api, make_connection, sandbox):
    connection = make_connection("twitter")
    SocialConnection.objects.filter(pk=connection.pk).update(status="needs_reauth")

    response = api.post(f"connections/{connection.pk}/refresh")

    assert (response.status_code, response.json()["code"]) == (403, "needs_reauth")


def test_refresh_reports_a_failure_of_the_platform(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    sandbox.fault("status", 500, platform=platform, times=10)
    response = api.post(f"connections/{connection.pk}/refresh")
    assert response.status_code == 502


# --- Credentials that nobody uses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "ends", "is_renewed"),
    [
        ("facebook", {"expires_at": 5}, True),
        ("instagram", {"expires_at": 5}, True),
        ("facebook", {"expires_at": 30}, False),
        ("twitter", {"expires_at": 0.01}, False),  # its refresh token replaces it at any time
        ("pinterest", {"refresh_expires_at": 5}, True),
        ("pinterest", {"refresh_expires_at": 30}, False),
    ],
)
def test_credentials_that_would_end_unused_are_renewed(
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
def test_connection_without_refresh_token_is_used_until_its_end(
    api, make_connection, sandbox, worker, days_left
):
    """LinkedIn issues none to most apps. Credentials that cannot be renewed do not end early."""
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


def about_to_end(make_connection, *platforms: str) -> None:
    """One connection at each of `platforms`. They end in this order, within the sweep's margin."""
    now = timezone.now()
    for number, name in enumerate(platforms, start=1):
        SocialConnection.objects.filter(pk=make_connection(name).pk).update(
            last_refreshed_at=now - dt.timedelta(days=55),
            expires_at=now + dt.timedelta(days=number),
            refresh_expires_at=now + dt.timedelta(days=number),
        )


@pytest.mark.parametrize(
    ("platform", "path"), [("pinterest", "/oauth/token$"), ("facebook", "/me/accounts$")]
)
def test_malformed_response_does_not_stop_the_sweep(
    make_connection, sandbox, caplog, platform, path
):
    about_to_end(make_connection, platform, "pinterest")
    sandbox.fault("status", {"code": 200, "body": {"data": 5}}, path=path)
    first = SocialConnection.objects.order_by("expires_at").first()

    assert refresh_expiring(timezone.now()) == 1

    [logged] = failures(caplog)
    assert (logged.code, logged.platform) == ("no_answer", platform)
    assert logged.connection_id == str(first.pk)


def test_sweep_tries_a_platform_that_cannot_be_reached_once(make_connection, settings, caplog):
    about_to_end(make_connection, "pinterest", "pinterest", "pinterest", "facebook")
    settings.SANDBOX_URL = UNREACHABLE

    assert refresh_expiring(timezone.now()) == 0

    assert [record.platform for record in failures(caplog)] == ["pinterest", "facebook"]
    assert not SocialConnection.objects.filter(refreshing_until__isnull=False).exists()
