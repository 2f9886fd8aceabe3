"""What leaves with a user, or with one account: connections, destinations, pending connects."""

from __future__ import annotations

import logging

from django.db import transaction

from connections.confirming import withdraw
from connections.disconnecting import disconnect
from connections.models import (
    AuthorizationSession,
    ConnectionNotFoundError,
    Destination,
    PlatformCallback,
    Revocation,
    SocialConnection,
)
from connections.revoking import forget_user, revoke
from socialpublishing.erasure import Part, Subject, Table, Tally, delete_in_batches
from socialpublishing.errors import TokenEncryptionError

logger = logging.getLogger(__name__)

SESSIONS = Table(
    model=AuthorizationSession,
    user="user_id",
    connection="connection_id",
    unexported=frozenset({"state_hash", "browser_hash", "completion_hash"}),
)
DESTINATIONS = Table(model=Destination, user="connection__user_id", connection="connection_id")
CONNECTIONS = Table(model=SocialConnection, user="user_id", connection="pk")
REVOCATIONS = Table(model=Revocation, user="user_id")


def _settle(subject: Subject) -> int:
    """End the connections, with a revocation at the platform, and the pending connects."""
    for session in SESSIONS.rows(subject):
        try:
            if revocation := withdraw(session):
                revoke(revocation)
        except TokenEncryptionError:
            logger.exception("credentials cannot be read", extra={"attempt_id": str(session.pk)})
    alive = CONNECTIONS.rows(subject).exclude(status=SocialConnection.Status.REVOKED)
    for connection in alive:
        try:
            disconnect(connection, reason="Its user has left.", actor=subject.actor)
        except ConnectionNotFoundError:
            continue  # it has ended meanwhile
    return 0


def _erase(subject: Subject, tally: Tally) -> None:
    for table in (SESSIONS, DESTINATIONS, CONNECTIONS):
        delete_in_batches(table.rows(subject), tally)
    with transaction.atomic():
        kept = forget_user(REVOCATIONS.rows(subject))
        tally.add(kept=kept, of=REVOCATIONS.name)


PART = Part(
    tables=(
        CONNECTIONS,
        DESTINATIONS,
        SESSIONS,
        REVOCATIONS,
        Table(
            model=PlatformCallback,
            why="It names a person at a platform until it is handled, and no user.",
        ),
    ),
    settle=_settle,
    erase=_erase,
)
