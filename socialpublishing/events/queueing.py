"""Makes the deliveries of events that have just got their places in the feed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db.models import QuerySet

from socialpublishing.events import audience
from socialpublishing.events.models import Event
from socialpublishing.events.webhooks import Webhook, WebhookDelivery

BATCH = 1000


def queue_deliveries(placed: QuerySet[Event], now: dt.datetime) -> None:
    """Store a delivery of each of the `placed` events to each active webhook that wants it.

    Called in the transaction that places them.
    """
    if not Webhook.objects.active().exists():
        return
    events = list(placed.only("type", "user_id", "platform", "at"))
    webhooks = _candidates(events)
    platforms: dict[str, set[str]] = {}
    deliveries = [
        WebhookDelivery(
            webhook=webhook,
            event=event,
            created_at=now,
            # Not later than the time of a loop that has begun its turn.
            next_attempt_at=min(event.at, now),
        )
        for event in events
        for webhook in webhooks
        if webhook.wants(event) and _concerns(webhook, event, platforms)
    ]
    WebhookDelivery.objects.bulk_create(deliveries, batch_size=BATCH)


def _candidates(events: Sequence[Event]) -> list[Webhook]:
    active = Webhook.objects.active().only("user_id", "events")
    users = {event.user_id for event in events}
    # An event without a user concerns everybody with an account at its platform.
    return list(active if "" in users else active.filter(user_id__in={"", *users}))


def _concerns(webhook: Webhook, event: Event, platforms: dict[str, set[str]]) -> bool:
    """`platforms` remembers those of each user."""
    user = webhook.user_id
    if user in ("", event.user_id):
        return True
    if event.user_id:
        return False
    if user not in platforms:
        platforms[user] = audience.platforms_of(user)
    return event.platform in platforms[user]
