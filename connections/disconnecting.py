"""Ending a connection: stop its jobs, delete its tokens here, revoke them at the platform."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from connections.connection_events import tell
from connections.hooks import on_disconnect
from connections.models import ConnectionNotFoundError, Revocation, SocialConnection
from connections.revoking import is_shared, queue_tokens_of, revoke
from socialpublishing.clock import database_now
from socialpublishing.events.models import EventType


@dataclass(frozen=True, kw_only=True)
class Disconnected:
    """How many waiting jobs were cancelled, and whether the platform is still to be asked."""

    cancelled_jobs: int
    is_revocation_pending: bool

    @property
    def message(self) -> str:
        jobs = self.cancelled_jobs
        waiting = f"Waiting posts cancelled: {jobs}." if jobs else "No post was waiting."
        sentences = ["The account is disconnected.", waiting]
        if self.is_revocation_pending:
            sentences.append(
                "The platform has not ended our access yet; it is asked again for 24 hours."
            )
        return " ".join(sentences)


def disconnect(
    connection: SocialConnection, *, reason: str = "Disconnected by its user.", actor: str = ""
) -> Disconnected:
    """End a connection. The row stays for history, without tokens.

    The platform is asked to revoke them; if it does not do so now, it is asked again later.
    """
    with transaction.atomic():
        cancelled = _end(connection, reason, actor or f"user {connection.user_id}")
        revocation = _hand_over_tokens(connection)
    is_pending = revocation is not None and not revoke(revocation)
    return Disconnected(cancelled_jobs=cancelled, is_revocation_pending=is_pending)


@transaction.atomic
def end_connection(connection: SocialConnection, *, reason: str, actor: str) -> None:
    """`disconnect` without the request to the platform, which is left to revoke_now.

    Raises ConnectionNotFoundError if it has ended already.
    """
    _end(connection, reason, actor)
    _hand_over_tokens(connection)


@transaction.atomic
def end_without_revoking(connection: SocialConnection, *, reason: str, actor: str) -> None:
    """End a connection whose authorization the platform has ended already."""
    _end(connection, reason, actor)
    _wipe(connection)


def _end(connection: SocialConnection, reason: str, actor: str) -> int:
    """Raises ConnectionNotFoundError if it has ended already."""
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
    connection.refresh_from_db(fields=["status", "status_reason"])
    tell(connection, EventType.CONNECTION_DISCONNECTED)
    return sum(callback(connection, actor) for callback in on_disconnect)


def _hand_over_tokens(connection: SocialConnection) -> Revocation | None:
    """Move the tokens to a revocation. None if there is nothing to revoke."""
    row = SocialConnection.objects.get(pk=connection.pk)  # a refresh may have stored newer tokens
    is_left_alone = not row.has_tokens or is_shared(row)
    revocation = None if is_left_alone else queue_tokens_of(row)
    _wipe(row)
    return revocation


def finish_disconnects(*, older_than: dt.datetime) -> int:
    """Hand over tokens that a crash of the release before left in disconnected rows."""
    left = SocialConnection.objects.filter(
        status=SocialConnection.Status.REVOKED,
        access_token__isnull=False,
        updated_at__lt=older_than,
    )
    for connection in left:
        with transaction.atomic():
            _hand_over_tokens(connection)
    return len(left)


def _wipe(connection: SocialConnection) -> None:
    wiped = SocialConnection.objects.filter(
        pk=connection.pk, status=SocialConnection.Status.REVOKED
    ).update(access_token=None, refresh_token=None, updated_at=database_now())
    # Its owner may have connected it again meanwhile: those tokens are new.
    if wiped:
        connection.destinations.update(access_token=None)
