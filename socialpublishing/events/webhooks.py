"""Webhooks and their deliveries, as they are stored.

A delivery is made in the transaction in which its event gets its place in the feed (feed.py), so
both hold the same events. Who sends it stores a lease first (delivering.py).
"""

from __future__ import annotations

import base64
import datetime as dt
import secrets
import uuid

from django.db import models
from django.db.models import Q

from socialpublishing.crypto import EncryptedTextField, Secret
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.events.models import Event
from socialpublishing.media.addresses import MAX_URL_LENGTH

SECRET_BYTES = 32
# How long signatures of the secret before are sent too.
FORMER_SECRET_TIME = dt.timedelta(hours=24)
MAX_DESCRIPTION = 200


class WebhookNotFoundError(SocialPublishingBaseError):
    code = "webhook_not_found"
    sentence = "You have no such webhook."


class DeliveryNotFoundError(SocialPublishingBaseError):
    code = "delivery_not_found"
    sentence = "The webhook has no such delivery."


def new_secret() -> Secret:
    return Secret(f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}")


class WebhookStatus(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"


class PausedReason(models.TextChoices):
    REQUESTED = "requested", "Its user paused it."
    FAILING = "failing", "Deliveries failed for five days."
    GONE = "gone", "The receiver responded with 410."
    STAFF = "staff", "The operator of this service paused it."
    SECRET_LOST = "secret_lost", "Its secret cannot be decrypted any more; rotate it."


# Those whose receiver does not take its events, or which are paused because of that.
FAILING = Q(failing_since__isnull=False) | Q(
    paused_reason__in=[PausedReason.FAILING, PausedReason.GONE, PausedReason.SECRET_LOST]
)


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def active(self) -> WebhookQuerySet:
        return self.filter(status=WebhookStatus.ACTIVE)

    def one_of(self, user_id: str, webhook_id: uuid.UUID) -> Webhook:
        """Raises WebhookNotFoundError."""
        webhook = self.filter(user_id=user_id, pk=webhook_id).first()
        if webhook is None:
            raise WebhookNotFoundError
        return webhook


class Webhook(models.Model):
    """Where events are sent: those of its user, or of everybody if staff made it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Empty: made in the console, for the events of all users.
    user_id = models.CharField(max_length=128, blank=True)
    url = models.CharField(max_length=MAX_URL_LENGTH)
    # Types of events; empty: all.
    events = models.JSONField(default=list, blank=True)
    description = models.CharField(max_length=MAX_DESCRIPTION, blank=True)
    secret = EncryptedTextField(editable=False, bound_to=("user_id",))
    former_secret = EncryptedTextField(null=True, editable=False, bound_to=("user_id",))
    former_secret_until = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=WebhookStatus, default=WebhookStatus.ACTIVE)
    paused_reason = models.CharField(max_length=16, choices=PausedReason, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    # The first failure since the last success.
    failing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["user_id", "-created_at"], name="webhook_of_user"),
        ]

    def __str__(self) -> str:
        return self.url

    def wants(self, event: Event) -> bool:
        return not self.events or event.type in self.events

    def live_secrets(self, now: dt.datetime) -> list[Secret]:
        """Those that sign, the newest first. Raises TokenEncryptionError."""
        found: list[Secret] = [self.secret]
        if self.former_secret_until is not None and now < self.former_secret_until:
            found.append(self.former_secret)
        return found


class DeliveryError(models.TextChoices):
    """Why a delivery failed. The names are public."""

    ADDRESS_REFUSED = "address_refused", "We do not send to what the address resolves to."
    UNREACHABLE = "unreachable", "There was no connection to the receiver, or no secure one."
    NO_RESPONSE = "no_response", "The receiver gave no usable response in time."
    REDIRECTED = "redirected", "The receiver redirects, which is not followed."
    GONE = "gone", "The receiver responded with 410; the webhook is paused."
    REFUSED = "refused", "The receiver responded with another status than 2xx."
    SECRET_UNREADABLE = "secret_unreadable", "The secret cannot be decrypted."


class WebhookDelivery(models.Model):
    """One event on its way to one webhook."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Other indexes begin with these two.
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+", db_index=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # While it is being sent, the end of that lease. Null once it has ended.
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    # Of the last attempt.
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=24, choices=DeliveryError, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "webhook"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(status="pending") ^ Q(next_attempt_at__isnull=True),
                name="delivery_pending_is_due",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_log"),
            models.Index(
                fields=["webhook", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="delivery_due_of_webhook",
            ),
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}"
