"""What callers are informed about their connections, and what the log has of them."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import F

from connections.models import SocialConnection
from connections.serializers import SocialConnectionResponseSerializer
from socialpublishing.clock import database_now
from socialpublishing.errors import PlatformApiError, TokenExpiredError
from socialpublishing.events.models import EventType
from socialpublishing.events.outbox import News, record

logger = logging.getLogger(__name__)


def tell(connection: SocialConnection, type_: EventType) -> None:
    """Store an event about `connection` as it is in memory, in the transaction of its change."""
    with transaction.atomic():
        row = SocialConnection.objects.filter(pk=connection.pk)
        row.update(event_sequence=F("event_sequence") + 1)
        sequence = row.values_list("event_sequence", flat=True).first()
        if sequence is None:
            return  # erased meanwhile
        news = News(
            type=type_,
            user_id=connection.user_id,
            platform=connection.platform,
            connection_id=connection.pk,
            sequence=sequence,
            data=dict(SocialConnectionResponseSerializer(connection).data),
        )
        record([news], at=database_now())


def platforms_of(user_id: str) -> set[str]:
    """The platforms at which the user has an active connection."""
    active = SocialConnection.objects.filter(user_id=user_id, status=SocialConnection.Status.ACTIVE)
    return set(active.values_list("platform", flat=True))


def log_failure(connection: SocialConnection, error: Exception | None) -> None:
    """A platform did not give what was asked for the account: new tokens, or its profile."""
    facts = {"code": getattr(error, "code", "internal_error"), **_facts(connection)}
    if isinstance(error, PlatformApiError):
        facts |= {"platform_status": error.status_code, "platform_code": error.platform_code}
    logger.warning("refresh failed", extra=facts)


def log_needs_owner(connection: SocialConnection) -> None:
    facts = {"code": TokenExpiredError.code, **_facts(connection)}
    logger.warning("connection needs its owner", extra=facts)


def _facts(connection: SocialConnection) -> dict[str, Any]:
    return {
        "connection_id": str(connection.pk),
        "user_id": connection.user_id,
        "platform": connection.platform,
    }
