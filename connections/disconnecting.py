"""Ending a connection: stop its jobs, revoke its tokens at the platform, delete them here."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from connections.hooks import on_disconnect
from connections.models import ConnectionNotFoundError, SocialConnection
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import client_for

logger = logging.getLogger(__name__)


def disconnect(
    connection: SocialConnection, *, reason: str = "Disconnected by its user.", actor: str = ""
) -> int:
    """End a connection. Returns how many waiting jobs were cancelled with it.

    The row stays for history, without tokens. The platform is asked to revoke them, once; if it
    does not respond, they are deleted here all the same.
    """
    cancelled = end_connection(
        connection, reason=reason, actor=actor or f"user {connection.user_id}"
    )
    revoke_and_wipe(connection)
    return cancelled


def end_without_revoking(connection: SocialConnection, *, reason: str, actor: str) -> None:
    """End a connection whose authorization the platform has ended already."""
    with transaction.atomic():
        end_connection(connection, reason=reason, actor=actor)
        _wipe(connection)


@transaction.atomic
def end_connection(connection: SocialConnection, *, reason: str, actor: str) -> int:
    """The first half of `disconnect`, which leaves the tokens for revoke_and_wipe.

    Raises ConnectionNotFoundError if it has ended already.
    """
    ended = (
        SocialConnection.objects.filter(pk=connection.pk)
        .exclude(status=SocialConnection.Status.REVOKED)
        .update(
            status=SocialConnection.Status.REVOKED,
            status_reason=reason[:300],
            updated_at=database_now(),
        )
    )
    if not ended:
        raise ConnectionNotFoundError
    return sum(callback(connection, actor) for callback in on_disconnect)


def finish_revocations(*, older_than: dt.datetime) -> int:
    """Revoke and delete tokens that a crash during a disconnect left. Returns for how many."""
    left = SocialConnection.objects.filter(
        status=SocialConnection.Status.REVOKED,
        access_token__isnull=False,
        updated_at__lt=older_than,
    )
    for connection in left:
        revoke_and_wipe(connection)
    return len(left)


def revoke_and_wipe(connection: SocialConnection) -> None:
    """The second half of `disconnect`: not in a transaction, because it calls the platform."""
    if not _authorization_is_shared(connection):
        try_to_revoke(connection)
    _wipe(connection)


def _wipe(connection: SocialConnection) -> None:
    with transaction.atomic():
        wiped = SocialConnection.objects.filter(
            pk=connection.pk, status=SocialConnection.Status.REVOKED
        ).update(access_token=None, refresh_token=None, updated_at=database_now())
        # Its owner may have connected it again meanwhile: those tokens are new.
        if wiped:
            connection.destinations.update(access_token=None)


def _authorization_is_shared(connection: SocialConnection) -> bool:
    """Would a revocation end another connection, too?

    Two users may have connected one account, and one user two platforms with one login.
    """
    of_same_person = SocialConnection.objects.filter(
        external_user_id=connection.external_user_id
    ).exclude(status=SocialConnection.Status.REVOKED)
    return any(other.authorized_app == connection.authorized_app for other in of_same_person)


def try_to_revoke(connection: SocialConnection) -> None:
    """Best effort: a platform that does not respond must not keep a user from disconnecting.

    `connection` may be an unsaved row.
    """
    try:
        client = client_for(connection.platform, connection.account)
        client.revoke(connection.refresh_token)
    except SocialPublishingBaseError as error:
        logger.warning(
            "revocation failed",
            extra={
                "code": error.code,
                "connection_id": str(connection.pk),
                "platform": connection.platform,
            },
        )
