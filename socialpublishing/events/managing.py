"""What users and staff do with webhooks, and what ends or keeps them."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from socialpublishing import audit, database
from socialpublishing.clock import database_now
from socialpublishing.crypto import Secret
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.events.models import Event, EventFeed
from socialpublishing.events.representation import event_as_data
from socialpublishing.events.sending import Message, Outcome, check_address, send
from socialpublishing.events.webhooks import (
    FORMER_SECRET_TIME,
    PausedReason,
    Webhook,
    WebhookDelivery,
    WebhookNotFoundError,
    WebhookStatus,
    new_secret,
)

logger = logging.getLogger(__name__)

WEBHOOKS_PER_USER = 10
# The type of the event that only a test sends.
TEST_TYPE = "webhook.test"
# Deliveries are a log: events stay in the feed for EVENT_RETENTION_DAYS.
DELIVERIES_KEPT = dt.timedelta(days=30)
PURGE_BATCH, PURGE_S = 500, 60.0

SERVICE = audit.Actor(name="the service")


class WebhookLimitError(SocialPublishingBaseError):
    code = "webhook_limit_reached"
    sentence = f"You have {WEBHOOKS_PER_USER} webhooks, which is the maximum. Delete one first."


class WebhookPausedError(SocialPublishingBaseError):
    code = "webhook_paused"
    sentence = 'The webhook is paused. Set its status to "active" first.'


class WebhookPausedByStaffError(SocialPublishingBaseError):
    code = "webhook_paused_by_staff"
    sentence = "The operator of this service paused the webhook, and has to activate it."


class WebhookSecretLostError(SocialPublishingBaseError):
    code = "webhook_secret_lost"
    sentence = "The secret of the webhook is lost. Rotate it first."


def create_webhook(
    *, user_id: str, url: str, events: Sequence[str] = (), description: str = ""
) -> Webhook:
    """Raises WebhookAddressRefusedError, WebhookLimitError."""
    database.release()
    check_address(url)
    return store_webhook(user_id=user_id, url=url, events=events, description=description)


def store_webhook(
    *, user_id: str, url: str, events: Sequence[str] = (), description: str = ""
) -> Webhook:
    """The same for an address that was checked. Raises WebhookLimitError."""
    webhook = Webhook(
        user_id=user_id,
        url=url,
        events=sorted(set(events)),
        description=description,
        secret=new_secret(),
        created_at=database_now(),
    )
    EventFeed.objects.get_or_create(pk=1)
    with transaction.atomic():
        # Two at once must not both be the last one that is allowed.
        EventFeed.objects.select_for_update().get(pk=1)
        if user_id and Webhook.objects.filter(user_id=user_id).count() >= WEBHOOKS_PER_USER:
            raise WebhookLimitError
        webhook.save(force_insert=True)
    return webhook


def change_webhook(webhook: Webhook, changes: dict[str, Any]) -> None:
    """`changes`: url, events, description, and `status`, by which a user pauses and activates."""
    if "url" in changes and changes["url"] != webhook.url:
        database.release()
        check_address(changes["url"])
    if "events" in changes:
        changes = {**changes, "events": sorted(set(changes["events"]))}
    columns = {name: value for name, value in changes.items() if name != "status"}
    with transaction.atomic():
        locked = Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        if locked is None:
            raise WebhookNotFoundError
        _set_status(locked, changes.get("status", locked.status))
        Webhook.objects.filter(pk=webhook.pk).update(**columns)
        webhook.refresh_from_db()


def delete_webhook(webhook: Webhook) -> None:
    """With its deliveries. Those that are queued meanwhile wait for it, and are not stored."""
    with transaction.atomic():
        Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        webhook.delete()


def _set_status(webhook: Webhook, wanted: str) -> None:
    """What its user wants."""
    if wanted == webhook.status:
        return
    if wanted == WebhookStatus.PAUSED:
        pause(webhook, PausedReason.REQUESTED, database_now())
    elif webhook.paused_reason == PausedReason.STAFF:
        raise WebhookPausedByStaffError
    else:
        activate(webhook)


def pause(webhook: Webhook, reason: PausedReason, now: dt.datetime) -> None:
    """From now on nothing is sent and no new event is queued. What is queued waits."""
    paused = {"status": WebhookStatus.PAUSED, "paused_reason": reason, "paused_at": now}
    Webhook.objects.filter(pk=webhook.pk).update(**paused)


def activate(webhook: Webhook) -> None:
    """Raises WebhookSecretLostError."""
    if webhook.paused_reason == PausedReason.SECRET_LOST:
        raise WebhookSecretLostError
    active = {"status": WebhookStatus.ACTIVE, "paused_reason": "", "paused_at": None}
    Webhook.objects.filter(pk=webhook.pk).update(**active, failing_since=None)


def pause_by_itself(webhook: Webhook, reason: PausedReason, now: dt.datetime) -> None:
    """Pause because of the receiver, and tell the operator. Called in a transaction."""
    locked = Webhook.objects.active().select_for_update().filter(pk=webhook.pk).first()
    if locked is None:
        return
    pause(locked, reason, now)
    audit.record(
        audit.Action.PAUSED,
        actor=SERVICE,
        row=locked,
        reason=str(reason.label),
        before={"status": WebhookStatus.ACTIVE.value},
        after={"status": WebhookStatus.PAUSED.value},
    )
    logger.warning(
        "a webhook is paused", extra={"webhook_id": str(webhook.pk), "code": reason.value}
    )


def rotate_secret(webhook: Webhook) -> Webhook:
    """Give the webhook a new secret. The one before signs too, for FORMER_SECRET_TIME."""
    with transaction.atomic():
        locked = Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        if locked is None:
            raise WebhookNotFoundError
        if locked.paused_reason == PausedReason.SECRET_LOST:
            locked.former_secret, locked.paused_reason = None, PausedReason.REQUESTED
        else:
            locked.former_secret = locked.secret
            locked.former_secret_until = database_now() + FORMER_SECRET_TIME
        locked.secret = new_secret()
        locked.save()
    return locked


def give_up_secret(webhook: Webhook) -> None:
    """The key of its secret is lost: it sends nothing until the secret is rotated."""
    webhook.secret = Secret("")
    webhook.former_secret = webhook.former_secret_until = None
    webhook.status, webhook.paused_reason = WebhookStatus.PAUSED, PausedReason.SECRET_LOST
    webhook.paused_at = database_now()
    webhook.save()


def send_test(webhook: Webhook) -> tuple[Message, Outcome]:
    """Send a test event now, once. It is in neither the feed nor the log."""
    if webhook.paused_reason == PausedReason.SECRET_LOST:
        raise WebhookSecretLostError
    now = database_now()
    event = Event(type=TEST_TYPE, at=now, sequence=1, data={"webhook_id": str(webhook.pk)})
    message = Message.of(event_as_data(event))
    secrets = webhook.live_secrets(now)
    database.release()
    return message, send(webhook.url, message, secrets)


def redeliver(delivery: WebhookDelivery) -> None:
    """Make it due now, with all attempts. Raises WebhookPausedError."""
    if delivery.webhook.status == WebhookStatus.PAUSED:
        raise WebhookPausedError
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        status=WebhookDelivery.Status.PENDING, attempts=0, next_attempt_at=database_now()
    )
    delivery.refresh_from_db()


def delete_old_deliveries(now: dt.datetime) -> int:
    """Part of the housekeeping: what is left after its time is deleted by the next one."""
    stop_at, deleted = time.monotonic() + PURGE_S, 0
    old = Q(created_at__lt=now - DELIVERIES_KEPT)
    while time.monotonic() < stop_at:
        pks = list(WebhookDelivery.objects.filter(old).values_list("pk", flat=True)[:PURGE_BATCH])
        if not pks:
            break
        deleted += WebhookDelivery.objects.filter(pk__in=pks).delete()[0]
    return deleted
