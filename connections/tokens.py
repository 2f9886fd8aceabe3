"""One rule for tokens, for workers and web requests alike.

- A caller refreshes before its request if `needs_refresh` is true, some time before the token's
  end. `take_refresh` lets one caller at a time do it: platforms that rotate
  refresh tokens may end the connection if one is sent twice. All others wait for it: a job until
  its next claim, a web request for a few seconds (`wait_for_refresh`).
- A token that a platform refuses is refreshed once, whatever its stored end, and the request is
  repeated once.
- A refused refresh ends the connection only when its access token has ended too. Some platforms
  refuse a wrong secret of ours in the same words.
- A token host that cannot be reached has received nothing: the right to refresh is given back. The
  caller does not retry by itself. It goes on with the token it has.
- After any other failure the refresh may have been carried out. The lease runs out as a pause, and
  stays stored as a sign of it (see `LAST_RESORT_MARGIN`).
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q

from connections.connection_events import log_failure, log_needs_owner, tell
from connections.destinations import check_unlisted, store_destinations
from connections.models import ConnectionNotFoundError, Destination, SocialConnection
from socialpublishing import database
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    PlatformApiError,
    PlatformUnreachableError,
    Retry,
    SocialPublishingBaseError,
    TokenExpiredError,
)
from socialpublishing.events.models import EventType
from socialpublishing.platforms import client_for, offered_platform
from socialpublishing.platforms.accounts import Profile, Renewal
from socialpublishing.platforms.base import Platform

# Tokens are refreshed when less than this is left of their lifetime, or less than a tenth of it.
REFRESH_MARGIN = dt.timedelta(minutes=10)
# A refresh whose response was lost may have used up a refresh token that rotates. It is sent again
# only when less than this is left.
LAST_RESORT_MARGIN = dt.timedelta(minutes=5)
# With less than this left a token is not worth a request.
USABLE_MARGIN = dt.timedelta(minutes=1)
# As long as one refresh may take, its time-outs included.
REFRESH_LEASE = dt.timedelta(seconds=90)
# How long a web request waits for another caller's refresh, and between two looks at it.
WAIT_S, FIRST_LOOK_S, LAST_LOOK_S = 8, 0.05, 0.5
# A token that was refused although it was fresh is not refreshed again for so long.
REFUSED_PAUSE = dt.timedelta(minutes=1)
# Until then servers of a platform may not know a new token yet.
FRESH_TOKEN = dt.timedelta(seconds=15)
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


def take_refresh(connection: SocialConnection, now: dt.datetime) -> bool:
    """Take the right to refresh. False: another caller has it, or has refreshed already.

    The lease is committed before the request is sent: after a crash it shows that a refresh may
    have happened.
    """
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lte=now)
    same = SocialConnection.objects.filter(
        free, status=SocialConnection.Status.ACTIVE, **_version(connection)
    )
    return bool(same.update(refreshing_until=now + REFRESH_LEASE, refresh_failed_at=None))


def store_refresh_outcome(
    connection: SocialConnection, outcome: Renewal | Exception | None, now: dt.datetime
) -> None:
    """Store what a refresh brought: a renewal, or the error. `connection` is read again."""
    if isinstance(outcome, Renewal):
        store_renewal(connection, outcome, now)
    same = SocialConnection.objects.filter(**_version(connection))
    was_sent = not isinstance(outcome, PlatformUnreachableError)
    if not was_sent:
        same.update(refreshing_until=None)
    elif not isinstance(outcome, Renewal):
        same.update(refresh_failed_at=now)
    if not isinstance(outcome, Renewal):
        log_failure(connection, outcome)
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
        row.refreshing_until = row.refresh_failed_at = None
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
        profile = with_client(connection, lambda client: client.profile())
    except PlatformApiError as error:
        log_failure(connection, error)
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
    with transaction.atomic():
        is_ended = same.update(
            status=SocialConnection.Status.NEEDS_REAUTH,
            status_reason=reason[:300],
            refreshing_until=None,
            updated_at=database_now(),
        )
        if is_ended:
            connection.refresh_from_db(fields=["status", "status_reason"])
            tell(connection, EventType.CONNECTION_NEEDS_REAUTH)
            transaction.on_commit(partial(log_needs_owner, connection))
    return bool(is_ended)


def _version(connection: SocialConnection) -> dict[str, object]:
    """Filters for the row while it has the tokens that this caller has read."""
    return {"pk": connection.pk, "token_version": connection.token_version}


# --- For web requests and sweeps -----------------------------------------------------------------

ResultT = TypeVar("ResultT")


class RefreshPendingError(PlatformApiError):
    """Another caller refreshes the token, or failed to a moment ago. The request was not sent."""

    code = "refresh_pending"
    sentence = "The account's token is being refreshed; try again in a moment."
    nothing_was_created = True
    retry = Retry.WITHOUT_ATTEMPT


def with_client(
    connection: SocialConnection,
    use: Callable[[Platform], ResultT],
    destination: Destination | None = None,
) -> ResultT:
    """What `use` returns for a client with fresh tokens. `connection` is read again.

    `use` is called again, once, if the platform refuses the token: such a refusal means that
    nothing was done. Raises what `client_of` and `use` raise.
    """
    try:
        return use(client_of(connection, destination))
    except TokenExpiredError:
        refresh_refused(connection)
    try:
        return use(client_of(connection, destination))
    except TokenExpiredError:
        cache.set(_refused(connection), True, REFUSED_PAUSE.total_seconds())
        raise


def client_of(connection: SocialConnection, destination: Destination | None = None) -> Platform:
    """A client with fresh tokens, for a request that does not wait for a worker.

    Raises PlatformNotConfiguredError, TokenExpiredError if only the owner can help, and
    RefreshPendingError.
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

    Raises TokenExpiredError if only the owner can help. Other failures do not matter while the
    token that we have may still serve.
    """
    _check_active(connection)
    now = database_now()
    # Again after another caller could not reach the platform.
    while needs_refresh(connection, now):
        if not take_refresh(connection, now):
            wait_for_refresh(connection)
            now = database_now()
            continue
        try:
            renew(connection, now)
        except SocialPublishingBaseError:
            has_ended = connection.expires_at is not None and connection.expires_at <= now
            if has_ended or connection.status != SocialConnection.Status.ACTIVE:
                raise
        return


def refresh_refused(connection: SocialConnection) -> None:
    """Refresh tokens that the platform has refused, unless others have. `connection` is read again.

    Raises TokenExpiredError if only the owner can help, and what the refresh raises.
    """
    refused = connection.token_version
    connection.refresh_from_db()
    _check_active(connection)
    now = database_now()
    if connection.token_version != refused:
        return
    if cache.get(_refused(connection)) or (
        not is_renewable(connection) and is_fresh(connection, now)
    ):
        # Its servers may not know the new token yet: the connection is not ended for that.
        raise TokenExpiredError(platform=connection.platform)
    if take_refresh(connection, now):
        renew(connection, now, refused_version=refused)
    else:
        wait_for_refresh(connection)


def wait_for_refresh(connection: SocialConnection) -> None:
    """Wait until no other caller refreshes, for some seconds. `connection` is read again.

    No database connection is held meanwhile. Raises RefreshPendingError if the refresh failed or
    takes longer, TokenExpiredError if only the owner can help.
    """
    version, pause = connection.token_version, FIRST_LOOK_S
    give_up_at = time.monotonic() + WAIT_S
    while True:
        connection.refresh_from_db()
        _check_active(connection)
        until = connection.refreshing_until
        if connection.token_version != version or until is None or until <= database_now():
            return
        if connection.refresh_failed_at is not None or time.monotonic() > give_up_at:
            raise RefreshPendingError(platform=connection.platform)
        database.release()
        time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  no secret
        pause = min(2 * pause, LAST_LOOK_S)


def refresh(connection: SocialConnection) -> None:
    """Refresh tokens and destinations at a user's request. `connection` is read again.

    Raises what the platform raises, and TokenExpiredError if only the owner can help.
    """
    now = database_now()
    offered_platform(connection.platform, connection.login)
    _check_active(connection)
    is_needed = is_renewable(connection) or not is_usable(connection, now)
    if connection.expires_at is not None and is_needed:
        if take_refresh(connection, now):
            renew(connection, now)
        else:
            wait_for_refresh(connection)
    found = with_client(connection, lambda client: client.destinations())
    store_destinations(connection, found)
    check_unlisted(connection, found)


def renew(
    connection: SocialConnection, now: dt.datetime, *, refused_version: int | None = None
) -> None:
    """Refresh, once the right to do so is taken. `connection` is read again, also on an error."""
    version = connection.token_version
    try:
        client = client_for(connection.platform, connection.account)
        renewal = client.renew(connection.refresh_token)
    except SocialPublishingBaseError as error:
        is_token_usable = is_usable(connection, now, refused_version=refused_version)
        if refusal_ends_connection(error, is_token_usable=is_token_usable):
            require_reauth(connection, str(error))
        store_refresh_outcome(connection, error, now)
        if connection.token_version != version:
            return  # another caller has stored new tokens
        raise
    store_refresh_outcome(connection, renewal, now)


def is_fresh(connection: SocialConnection, now: dt.datetime) -> bool:
    """Were the tokens granted or refreshed a moment ago?"""
    return (
        connection.last_refreshed_at is not None
        and now - connection.last_refreshed_at < FRESH_TOKEN
    )


def _refused(connection: SocialConnection) -> str:
    """A key of the cache: the platform refused these tokens although they were new."""
    return f"refused:{connection.pk}:{connection.token_version}"


def _check_active(connection: SocialConnection) -> None:
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise TokenExpiredError(platform=connection.platform)
    if connection.status == SocialConnection.Status.REVOKED:
        raise ConnectionNotFoundError
