"""One rule for tokens, for workers and web requests alike.

- A caller refreshes before its request if `needs_refresh` is true, some time before the token's
  end. `take_refresh` lets one caller at a time do it: platforms that rotate
  refresh tokens may end the connection if one is sent twice.
- A refused refresh ends the connection only when its access token has ended too. Some platforms
  refuse a wrong secret of ours in the same words.
- A token host that cannot be reached has received nothing: the right to refresh is given back. The
  caller does not retry by itself. It goes on with the token it has.
- After any other failure the refresh may have been carried out. The lease runs out as a pause, and
  stays stored as a sign of it (see `LAST_RESORT_MARGIN`).
"""

from __future__ import annotations

import datetime as dt
import logging
from enum import StrEnum

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q

from connections.destinations import check_unlisted, store_destinations
from connections.models import Destination, SocialConnection
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    PlatformApiError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
    TokenExpiredError,
)
from socialpublishing.platforms import PLATFORMS, client_for, offered_platform
from socialpublishing.platforms.accounts import Profile, Renewal
from socialpublishing.platforms.base import Platform

logger = logging.getLogger(__name__)

# Tokens are refreshed when less than this is left of their lifetime, or less than a tenth of it.
REFRESH_MARGIN = dt.timedelta(minutes=10)
# A refresh whose response was lost may have used up a refresh token that rotates. It is sent again
# only when less than this is left.
LAST_RESORT_MARGIN = dt.timedelta(minutes=5)
# With less than this left a token is not worth a request.
USABLE_MARGIN = dt.timedelta(minutes=1)
# As long as one refresh may take, its time-outs included.
REFRESH_LEASE = dt.timedelta(seconds=90)
# Credentials that end sooner are renewed even if nobody uses them; so many in one sweep.
IDLE_MARGIN, IDLE_BATCH = dt.timedelta(days=7), 200
IDLE_RETRY = dt.timedelta(days=1)
# Facts of an account are read again for a post that depends on them, unless they are so young.
PROFILE_AGE = dt.timedelta(minutes=1)


# --- When a token needs a refresh ----------------------------------------------------------------


def needs_refresh(connection: SocialConnection, now: dt.datetime) -> bool:
    """Should a caller refresh the token before its request?"""
    if connection.expires_at is None:
        return False
    left = connection.expires_at - now
    until = connection.refreshing_until
    if (until is not None and until > now) or not is_renewable(connection):
        # Another caller refreshes, or failed a moment ago, or nobody can: the old token is used.
        return not is_usable(connection, now)
    if until is not None and connection.platform_type.app.oauth.rotates_refresh_token:
        return left < LAST_RESORT_MARGIN
    lifetime = connection.expires_at - (connection.last_refreshed_at or connection.created_at)
    return left < max(REFRESH_MARGIN, lifetime / 10)


def is_usable(
    connection: SocialConnection, now: dt.datetime, *, refused_version: int | None = None
) -> bool:
    """Is the access token worth a request: neither near its end, nor the one that was refused?"""
    if connection.token_version == refused_version:
        return False
    return connection.expires_at is None or connection.expires_at - now >= USABLE_MARGIN


def is_renewable(connection: SocialConnection) -> bool:
    """Can the token be refreshed without the owner?"""
    has_refresh_token = connection.refresh_token is not None
    return has_refresh_token or connection.platform_type.renews_without_refresh_token


# --- Who may refresh, and what comes of it -------------------------------------------------------


class RefreshAction(StrEnum):
    """What a caller does that needs a refresh."""

    REFRESH = "refresh"
    GO_ON = "go_on"  # it uses the token that it has
    WAIT = "wait"  # it waits for the caller that refreshes


def refresh_action(
    connection: SocialConnection, now: dt.datetime, *, if_taken: RefreshAction
) -> RefreshAction:
    """REFRESH if no other caller does so; else `if_taken`.

    That is the one difference between callers: a web request goes on, because a person waits for
    it; a worker waits.
    """
    return RefreshAction.REFRESH if take_refresh(connection, now) else if_taken


def take_refresh(connection: SocialConnection, now: dt.datetime) -> bool:
    """Take the right to refresh. False: another caller has it, or has refreshed already.

    The lease is committed before the request is sent: after a crash it shows that a refresh may
    have happened.
    """
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lte=now)
    same = SocialConnection.objects.filter(free, **_version(connection))
    return bool(same.update(refreshing_until=now + REFRESH_LEASE))


def store_refresh_outcome(
    connection: SocialConnection, outcome: Renewal | Exception | None, now: dt.datetime
) -> None:
    """Store what a refresh brought: a renewal, or the error. `connection` is read again."""
    if isinstance(outcome, Renewal):
        store_renewal(connection, outcome, now)
    was_sent = not isinstance(outcome, PlatformUnreachableError)
    if not was_sent:
        SocialConnection.objects.filter(**_version(connection)).update(refreshing_until=None)
    connection.refresh_from_db()
    if not was_sent:
        # In memory only: others may try at once, but this caller has just done so. It uses the
        # token it has.
        connection.refreshing_until = now + REFRESH_LEASE


def store_renewal(connection: SocialConnection, renewal: Renewal, now: dt.datetime) -> None:
    """Store new tokens and destinations, unless the tokens were changed meanwhile.

    Without a new refresh token, the one that we have stays.
    """
    with transaction.atomic():
        row = SocialConnection.objects.select_for_update().get(pk=connection.pk)
        if row.token_version != connection.token_version:
            return
        if renewal.tokens is not None:
            row.access_token = renewal.tokens.access_token
            row.refresh_token = renewal.tokens.refresh_token or row.refresh_token
            row.expires_at = now + renewal.tokens.lifetime if renewal.tokens.lifetime else None
            if renewal.tokens.refresh_lifetime:
                row.refresh_expires_at = now + renewal.tokens.refresh_lifetime
        row.token_version += 1
        row.refreshing_until = None
        row.last_refreshed_at = now
        row.save()
        if renewal.destinations is not None:
            store_destinations(row, renewal.destinations)
    if renewal.profile is not None:
        store_profile(connection, renewal.profile)


def store_profile(connection: SocialConnection, profile: Profile) -> None:
    """Store the name of the account and the facts that were read now; others stay."""
    with transaction.atomic():
        row = SocialConnection.objects.select_for_update().get(pk=connection.pk)
        row.external_display_name = profile.display_name[:255]
        row.profile = {**row.profile, **profile.facts}
        row.save(update_fields=["external_display_name", "profile"])


def read_profile_again(connection: SocialConnection) -> None:
    """Read and store what the account is now, at most once a minute. `connection` is changed.

    The facts that we have stay if the platform does not tell it now.
    """
    if not cache.add(f"profile:{connection.pk}", True, PROFILE_AGE.total_seconds()):
        return
    try:
        profile = client_of(connection).profile()
    except PlatformApiError as error:
        _log_failure(connection, error)
        return
    store_profile(connection, profile)
    connection.refresh_from_db(fields=["external_display_name", "profile"])


def refusal_ends_connection(error: Exception, *, is_token_usable: bool) -> bool:
    """Does a failed refresh mean that only the owner can help?"""
    return isinstance(error, TokenExpiredError) and not is_token_usable


def require_reauth(connection: SocialConnection, reason: str) -> bool:
    """Store that only the owner can help. False: the tokens were changed meanwhile; use those."""
    same = SocialConnection.objects.filter(
        status=SocialConnection.Status.ACTIVE, **_version(connection)
    )
    return bool(
        same.update(
            status=SocialConnection.Status.NEEDS_REAUTH,
            status_reason=reason[:300],
            refreshing_until=None,
            updated_at=database_now(),
        )
    )


def _version(connection: SocialConnection) -> dict[str, object]:
    """Filters for the row while it has the tokens that this caller has read."""
    return {"pk": connection.pk, "token_version": connection.token_version}


# --- For web requests and sweeps -----------------------------------------------------------------


def client_of(connection: SocialConnection, destination: Destination | None = None) -> Platform:
    """A client with fresh tokens, for a request that does not wait for a worker.

    Raises PlatformNotConfiguredError, and TokenExpiredError if only the owner can help.
    """
    offered_platform(connection.platform, connection.login)
    if destination is None or destination.access_token is None:
        # A destination with its own token needs no other.
        refresh_if_due(connection)
    if destination is not None:
        destination = connection.destinations.get(pk=destination.pk)
    return client_for(connection.platform, (destination or connection).account)


def refresh_if_due(connection: SocialConnection) -> None:
    """Refresh the tokens if they are near their end. `connection` is read again.

    Raises TokenExpiredError if only the owner can help. Other failures are logged: the token that
    we have may still serve, and if not, the platform refuses the request itself.
    """
    now = database_now()
    _check_active(connection)
    if not needs_refresh(connection, now):
        return
    action = refresh_action(connection, now, if_taken=RefreshAction.GO_ON)
    if action != RefreshAction.REFRESH:
        return
    try:
        _renew(connection, now)
    except SocialPublishingBaseError as error:
        if connection.status != SocialConnection.Status.ACTIVE:
            raise
        _log_failure(connection, error)


def refresh(connection: SocialConnection) -> None:
    """Refresh tokens and destinations at a user's request. `connection` is read again.

    Raises what the platform raises, and TokenExpiredError if only the owner can help.
    """
    now = database_now()
    offered_platform(connection.platform, connection.login)
    _check_active(connection)
    is_needed = is_renewable(connection) or not is_usable(connection, now)
    has_end = connection.expires_at is not None
    if has_end and is_needed and take_refresh(connection, now):
        _renew(connection, now)
    found = client_for(connection.platform, connection.account).destinations()
    store_destinations(connection, found)
    check_unlisted(connection, found)


def refresh_expiring(now: dt.datetime) -> int:
    """Renew credentials that would end unused, such as those of posts months ahead.

    Returns how many were renewed. Access tokens that a refresh token can replace at any time are
    left alone. One connection that fails does not stop the others; a platform that cannot be
    reached is tried once.
    """
    soon = now + IDLE_MARGIN
    renewing = [name for name, each in PLATFORMS.items() if each.renews_without_refresh_token]
    ending = Q(platform__in=renewing, expires_at__gt=now, expires_at__lt=soon)
    ending |= Q(refresh_expires_at__gt=now, refresh_expires_at__lt=soon)
    idle = SocialConnection.objects.filter(ending, status=SocialConnection.Status.ACTIVE).filter(
        # Some credentials cannot be prolonged: one try a day is enough.
        Q(last_refreshed_at__isnull=True) | Q(last_refreshed_at__lt=now - IDLE_RETRY)
    )
    renewed = 0
    unreachable: set[tuple[str, str]] = set()
    for connection in idle.order_by("expires_at")[:IDLE_BATCH]:
        host = (connection.platform, connection.login)
        if host in unreachable or not take_refresh(connection, now):
            continue
        try:
            _renew(connection, now)
            renewed += 1
        except SocialPublishingBaseError as error:
            _log_failure(connection, error)
            if isinstance(error, PlatformUnreachableError):
                unreachable.add(host)
    return renewed


def _renew(connection: SocialConnection, now: dt.datetime) -> None:
    """Refresh, once the right to do so is taken. `connection` is read again, also on an error."""
    try:
        client = client_for(connection.platform, connection.account)
        renewal = client.renew(connection.refresh_token)
    except SocialPublishingBaseError as error:
        if refusal_ends_connection(error, is_token_usable=is_usable(connection, now)):
            require_reauth(connection, str(error))
        store_refresh_outcome(connection, error, now)
        raise
    store_refresh_outcome(connection, renewal, now)


def _check_active(connection: SocialConnection) -> None:
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise TokenExpiredError(platform=connection.platform)


def _log_failure(connection: SocialConnection, error: SocialPublishingBaseError) -> None:
    logger.warning(
        "refresh failed",
        extra={
            "code": error.code,
            "connection_id": str(connection.pk),
            "platform": connection.platform,
        },
    )
