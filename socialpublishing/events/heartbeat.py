"""The heartbeat of the processes that deliver webhooks and give events their places in the feed."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models

RENEW_EVERY_S = 5.0


class DeliveryHeartbeat(models.Model):
    """The last heartbeat of a worker group. One that was stopped in order has no row."""

    group = models.CharField(primary_key=True, max_length=100)
    heartbeat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.group


def renew(now: dt.datetime) -> None:
    name = settings.WORKER_GROUP
    if not DeliveryHeartbeat.objects.filter(group=name).update(heartbeat_at=now):
        DeliveryHeartbeat.objects.create(group=name, heartbeat_at=now)


def leave() -> None:
    DeliveryHeartbeat.objects.filter(group=settings.WORKER_GROUP).delete()
