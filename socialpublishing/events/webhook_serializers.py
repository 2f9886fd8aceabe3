"""The JSON of webhooks and their deliveries, in and out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from socialpublishing.crypto import Secret
from socialpublishing.events.managing import WEBHOOKS_PER_USER
from socialpublishing.events.models import EventType
from socialpublishing.events.representation import event_id
from socialpublishing.events.sending import Message, Outcome
from socialpublishing.events.webhooks import (
    MAX_DESCRIPTION,
    DeliveryError,
    PausedReason,
    Webhook,
    WebhookDelivery,
    WebhookStatus,
)
from socialpublishing.media.addresses import MAX_URL_LENGTH
from socialpublishing.serializers import (
    ChoiceField,
    QuerySerializer,
    StrictSerializer,
    TextField,
)

ERRORS = "\n".join(f"`{each.value}`: {each.label}" for each in DeliveryError)
REASONS = "\n".join(f"`{each.value}`: {each.label}" for each in PausedReason)


class EventsField(serializers.ListField):
    """Types of events. Null and an empty list stand for all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=ChoiceField(choices=EventType.values),
            max_length=len(EventType),
            **kwargs,
        )

    def to_representation(self, data: Any) -> Any:
        return super().to_representation(data) or None


class ChangeWebhookSerializer(StrictSerializer):
    url = TextField(
        max_length=MAX_URL_LENGTH,
        required=False,
        help_text="A public https:// address with a path, on port 443.",
    )
    events = EventsField(required=False, allow_null=True, help_text="Null: all events.")
    description = TextField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)
    status = ChoiceField(
        choices=WebhookStatus.values,
        required=False,
        help_text="`active` sends again, first what waits; `paused` stops.",
    )

    def validate_events(self, value: list[str] | None) -> list[str]:
        return value or []


class NewWebhookSerializer(ChangeWebhookSerializer):
    url = TextField(
        max_length=MAX_URL_LENGTH,
        help_text="A public https:// address with a path, on port 443. A user has at most "
        f"{WEBHOOKS_PER_USER} webhooks.",
    )
    status = None  # type: ignore[assignment]  # a new one is active


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    events = EventsField(allow_null=True, help_text="Null: all events.")
    paused_reason = serializers.SerializerMethodField(help_text=REASONS)
    former_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before the last rotation signs too."
    )

    class Meta:
        model = Webhook
        fields = (
            "id",
            "url",
            "events",
            "description",
            "status",
            "paused_reason",
            "paused_at",
            "failing_since",
            "former_secret_until",
            "created_at",
        )
        read_only_fields = fields

    def get_paused_reason(self, webhook: Webhook) -> str | None:
        return webhook.paused_reason or None


class WebhookWithSecretSerializer(WebhookSerializer):
    """The only responses with the secret: store it."""

    secret = serializers.SerializerMethodField(
        help_text="Verifies signatures: `whsec_` and base64. It is not shown again."
    )

    class Meta(WebhookSerializer.Meta):
        fields = read_only_fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]

    def get_secret(self, webhook: Webhook) -> str:
        secret: Secret = webhook.secret
        return secret.reveal()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    event_id = serializers.SerializerMethodField(help_text="The `id` of the event.")
    event_type = serializers.CharField(source="event.type")
    attempts = serializers.IntegerField(help_text="Those that have ended.")
    next_attempt_at = serializers.SerializerMethodField(
        help_text="Null: it has ended, or the webhook is paused."
    )
    response_status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of the last response."
    )
    error = serializers.SerializerMethodField(help_text=ERRORS)
    duration_ms = serializers.IntegerField(allow_null=True, help_text="Of the last attempt.")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "event_id",
            "event_type",
            "status",
            "attempts",
            "created_at",
            "last_attempt_at",
            "next_attempt_at",
            "response_status",
            "error",
            "duration_ms",
        )
        read_only_fields = fields

    def get_event_id(self, delivery: WebhookDelivery) -> str:
        return event_id(delivery.event)

    def get_next_attempt_at(self, delivery: WebhookDelivery) -> str | None:
        is_paused = delivery.webhook.status == WebhookStatus.PAUSED
        at = None if is_paused else delivery.next_attempt_at
        return serializers.DateTimeField().to_representation(at) if at else None

    def get_error(self, delivery: WebhookDelivery) -> str | None:
        return delivery.error or None


class DeliveryQuerySerializer(QuerySerializer):
    status = ChoiceField(choices=WebhookDelivery.Status.values, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False)
    cursor = serializers.CharField(
        required=False, help_text="From the Link header of the last page."
    )


class TestResultSerializer(serializers.Serializer[Any]):
    """What became of a test event."""

    event_id = serializers.CharField()
    delivered = serializers.BooleanField()
    response_status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text=ERRORS)
    duration_ms = serializers.IntegerField()


def outcome_as_data(message: Message, outcome: Outcome) -> dict[str, Any]:
    return {
        "event_id": message.id,
        "delivered": outcome.is_delivered,
        "response_status": outcome.response_status,
        "error": outcome.error or None,
        "duration_ms": outcome.duration_ms,
    }
