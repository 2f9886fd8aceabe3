"""Events as they are stored."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class EventType(models.TextChoices):
    """What events report. The names are public."""

    JOB_ACCEPTED = "job.accepted", "A post was accepted."
    JOB_PUBLISHED = "job.published", "A post is public."
    JOB_FAILED = "job.failed", "A post was given up."
    JOB_CONTENT_REJECTED = "job.content_rejected", "The platform refused the content of a post."
    JOB_UNCONFIRMED = "job.unconfirmed", "The outcome of a publish request is unknown."
    JOB_WAITING_FOR_OWNER = "job.waiting_for_owner", "A post waits for the owner of its account."
    JOB_AT_RISK = "job.at_risk", "A scheduled post would fail as things are now."
    JOB_CANCELLED = "job.cancelled", "A post was cancelled."
    JOB_CHANGED = "job.changed", "Something else about a post has changed."
    BATCH_ENDED = "batch.ended", "No post of a batch is open any more."
    CONNECTION_CONNECTED = "connection.connected", "An account was connected."
    CONNECTION_EXPIRING = "connection.expiring", "An authorization ends soon."
    CONNECTION_NEEDS_REAUTH = (
        "connection.needs_reauth",
        "The owner has to connect an account again.",
    )
    CONNECTION_RESTORED = "connection.restored", "An account was connected again."
    CONNECTION_DISCONNECTED = "connection.disconnected", "An account was disconnected."
    PLATFORM_PAUSED = "platform.paused", "A platform refuses this service for now."
    PLATFORM_RESUMED = "platform.resumed", "A platform accepts this service again."


class Event(models.Model):
    """One event. Append-only, but for its place in the feed."""

    # In the order of insertion, which is not that of the commits.
    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # In the order of the feed; null until the event has its place there. Grows with each event
    # that readers can see, so a reader who remembers the highest one has skipped none.
    position = models.PositiveBigIntegerField(null=True, editable=False)
    type = models.CharField(max_length=32, choices=EventType)
    at = models.DateTimeField()
    # Whose event it is. Empty: of every user with an active connection at `platform`.
    user_id = models.CharField(max_length=128, blank=True)
    platform = models.CharField(max_length=32, blank=True)
    # The connection that it came from, if any: its events leave with it.
    connection_id = models.UUIDField(null=True)
    # Counts the events of the same job, batch or connection, from 1.
    sequence = models.PositiveIntegerField()
    data = models.JSONField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["user_id", "position"], name="event_of_user"),
            models.Index(fields=["id"], condition=Q(position__isnull=True), name="event_new"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"


class EventFeed(models.Model):
    """The one row that is locked to give new events their places."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # The highest place that was given.
    last_position = models.PositiveBigIntegerField(default=0)
    # Events up to here may have been deleted, as they were old.
    deleted_up_to = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"up to {self.last_position}"
