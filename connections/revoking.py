"""Ending authorizations at the platforms.

A revocation is a row until the platform has accepted it: what a platform refuses or does not
respond to is asked again with growing pauses for a day, then an error is logged for the operator.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.db.models import QuerySet

from connections.models import Revocation, SocialConnection
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    PlatformConfigurationError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
    TokenEncryptionError,
    TokenExpiredError,
)
from socialpublishing.platforms import client_for

logger = logging.getLogger(__name__)

# As long as one request may take, its time-outs included.
REQUEST_LEASE = dt.timedelta(seconds=90)
GIVE_UP_AFTER = dt.timedelta(hours=24)
# After the second failure; doubled after each further one. The first is followed by the next sweep.
FIRST_PAUSE = dt.timedelta(hours=1)
# One sweep asks for so many, and for so long.
BATCH, SWEEP_S = 200, 120
# After these errors one sweep asks the platform no more.
SILENT = {PlatformUnreachableError.code, PlatformConfigurationError.code}
# Rows without tokens that show what was given up.
KEEP_GIVEN_UP = dt.timedelta(days=30)


def queue_revocation(**facts: Any) -> Revocation:
    """Store that tokens are to be revoked. `facts` are columns of the row."""
    now = database_now()
    return Revocation.objects.create(created_at=now, next_attempt_at=now, **facts)


def queue_tokens_of(connection: SocialConnection) -> Revocation | None:
    """None if the tokens of `connection` cannot be read: nobody can revoke them."""
    try:
        tokens = {
            "access_token": connection.access_token,
            "refresh_token": connection.refresh_token,
        }
    except TokenEncryptionError:
        logger.exception(
            "tokens cannot be revoked",
            extra={"connection_id": str(connection.pk), "platform": connection.platform},
        )
        return None
    return queue_revocation(
        user_id=connection.user_id,
        platform=connection.platform,
        login=connection.login,
        connection_id=connection.pk,
        external_user_id=connection.external_user_id,
        **tokens,
    )


def is_shared(connection: SocialConnection | Revocation) -> bool:
    """Does another connection stand on the same authorization?

    Two users may have connected one account, and one user two platforms with one login.
    """
    of_same_person = (
        SocialConnection.objects.filter(external_user_id=connection.external_user_id)
        .exclude(status=SocialConnection.Status.REVOKED)
        .exclude(pk=connection.pk)
    )
    return any(other.authorized_app == connection.authorized_app for other in of_same_person)


def revoke(revocation: Revocation) -> bool:
    """Ask the platform once. True if nothing is left to be revoked: the row is gone."""
    now = database_now()
    free = Revocation.objects.filter(pk=revocation.pk, next_attempt_at=revocation.next_attempt_at)
    if not free.update(next_attempt_at=now + REQUEST_LEASE):
        return False
    try:
        _ask(revocation)
    except SocialPublishingBaseError as error:
        _store_failure(revocation, error, now)
        return False
    revocation.delete()
    return True


def _ask(revocation: Revocation) -> None:
    platform = revocation.platform_type
    if is_shared(revocation) and not platform.revokes_single_grants:
        return  # it was connected again meanwhile, and would lose the new authorization too
    try:
        client_for(revocation.platform, revocation.account).revoke(revocation.refresh_token)
    except TokenExpiredError:
        return  # it has ended already


def _store_failure(
    revocation: Revocation, error: SocialPublishingBaseError, now: dt.datetime
) -> None:
    revocation.failures += 1
    revocation.last_code = error.code
    pause = FIRST_PAUSE * (2 ** (revocation.failures - 1) // 2)
    last = revocation.created_at + GIVE_UP_AFTER
    revocation.next_attempt_at = min(now + pause, last)
    columns = ["failures", "last_code", "next_attempt_at"]
    if now >= last:
        revocation.given_up_at = now
        revocation.access_token = revocation.refresh_token = None
        columns += ["given_up_at", "access_token", "refresh_token"]
        _log(
            logging.ERROR, "revocation given up: remove the app at the platform", revocation, error
        )
    else:
        _log(logging.WARNING, "revocation failed", revocation, error)
    # Its user may have been erased meanwhile: only these columns.
    values = {name: getattr(revocation, name) for name in columns}
    same = Revocation.objects.filter(pk=revocation.pk)
    same.update(**values)
    if revocation.given_up_at:
        same.filter(user_id="").delete()


def forget_user(revocations: QuerySet[Revocation]) -> int:
    """Take the user's id out of rows whose tokens are still to be revoked, and delete the others.

    Returns how many stay, until the platform has revoked the tokens or for a day. Runs within the
    caller's transaction.
    """
    revocations.filter(given_up_at__isnull=False).delete()
    kept = 0
    for row in revocations.select_for_update():
        row.user_id = ""
        try:
            row.save(update_fields=["user_id", "access_token", "refresh_token"])
            kept += 1
        except TokenEncryptionError:
            row.delete()  # nobody can revoke what nobody can read
    return kept


def pending(now: dt.datetime) -> QuerySet[Revocation]:
    due = Revocation.objects.filter(given_up_at__isnull=True, next_attempt_at__lte=now)
    return due.order_by("next_attempt_at")


def revoke_now(connection: SocialConnection) -> None:
    """Ask at once for the tokens that `connection` had."""
    for revocation in pending(database_now()).filter(connection_id=connection.pk):
        revoke(revocation)


def revoke_due(now: dt.datetime) -> int:
    """Ask for all revocations that are due. Returns how many are done.

    A platform that cannot be reached, or refuses our app, is asked once.
    """
    Revocation.objects.filter(given_up_at__lt=now - KEEP_GIVEN_UP).delete()
    stop_at, done = time.monotonic() + SWEEP_S, 0
    silent: set[tuple[str, str]] = set()
    for revocation in pending(now)[:BATCH]:
        host = (revocation.platform, revocation.login)
        if host in silent or time.monotonic() > stop_at:
            continue
        done += revoke(revocation)
        if revocation.last_code in SILENT:
            silent.add(host)
    return done


def _log(
    level: int, message: str, revocation: Revocation, error: SocialPublishingBaseError
) -> None:
    logger.log(
        level,
        message,
        extra={
            "code": error.code,
            "revocation_id": str(revocation.pk),
            "connection_id": str(revocation.connection_id),
            "platform": revocation.platform,
        },
    )
