"""What callers are informed about their connections."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from connections.models import SocialConnection
from connections.serializers import SocialConnectionResponseSerializer
from socialpublishing.clock import database_now
from socialpublishing.events.models import EventType
from socialpublishing.events.outbox import News, record


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
