"""The webhooks of a user over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from socialpublishing.callers import user_id
from socialpublishing.events import managing
from socialpublishing.events.webhook_serializers import (
    ChangeWebhookSerializer,
    DeliveryQuerySerializer,
    DeliverySerializer,
    NewWebhookSerializer,
    TestResultSerializer,
    WebhookSerializer,
    WebhookWithSecretSerializer,
    outcome_as_data,
)
from socialpublishing.events.webhooks import DeliveryNotFoundError, Webhook, WebhookDelivery
from socialpublishing.pagination import LinkPagination
from socialpublishing.serializers import validated, validated_query

TAG = "Webhooks"
WEBHOOK = {
    "id": "0c2f5f1e-6f0c-4f6e-9d57-0c9d2f1b7a10",
    "url": "https://example.com/events",
    "events": ["job.published", "job.failed"],
    "description": "The newsroom",
    "status": "active",
    "paused_reason": None,
    "paused_at": None,
    "failing_since": None,
    "former_secret_until": None,
    "created_at": "2026-11-28T09:30:00Z",
}
NEW_EXAMPLE = OpenApiExample(
    "Two types of events",
    value={name: WEBHOOK[name] for name in ("url", "events", "description")},
    request_only=True,
)
SECRET_EXAMPLE = OpenApiExample(
    "With its secret",
    value={**WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
    response_only=True,
)
EXAMPLE = OpenApiExample("A webhook", value=WEBHOOK, response_only=True)


class WebhookViewSet(viewsets.GenericViewSet[Webhook]):
    serializer_class = WebhookSerializer
    # These wait for a server that a user names.
    reads_media = costly = ("create", "partial_update", "send_test")

    def get_queryset(self) -> Any:
        return Webhook.objects.filter(user_id=user_id(self.request))

    def get_object(self) -> Webhook:
        return Webhook.objects.one_of(user_id(self.request), self.kwargs["webhook_id"])

    @extend_schema(
        operation_id="create_webhook_webhooks_post",
        tags=[TAG],
        summary="Have events sent to an address",
        description="From now on each event of the caller is sent there by POST, signed as "
        "Standard Webhooks say. The body is the object that `GET /events` returns.",
        request=NewWebhookSerializer,
        responses={201: WebhookWithSecretSerializer},
        examples=[NEW_EXAMPLE, SECRET_EXAMPLE],
    )
    def create(self, request: Request) -> Response:
        body = validated(NewWebhookSerializer, request.data)
        webhook = managing.create_webhook(user_id=user_id(request), **body)
        return Response(WebhookWithSecretSerializer(webhook).data, status=201)

    @extend_schema(
        operation_id="list_webhooks_webhooks_get",
        tags=[TAG],
        summary="The caller's webhooks, newest first",
        description="All of them, without their secrets.",
        responses=WebhookSerializer(many=True),
        examples=[EXAMPLE],
    )
    def list(self, request: Request) -> Response:
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    @extend_schema(
        operation_id="get_webhook_webhooks__webhook_id__get",
        tags=[TAG],
        summary="One webhook",
        description="Whether it is paused and why, and since when its receiver fails.",
        examples=[EXAMPLE],
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="change_webhook_webhooks__webhook_id__patch",
        tags=[TAG],
        summary="Change, pause or activate a webhook",
        description="While it is paused, what waits keeps waiting, and new events are in "
        "`GET /events` only.",
        request=ChangeWebhookSerializer,
        examples=[
            OpenApiExample("Activate it again", value={"status": "active"}, request_only=True),
            EXAMPLE,
        ],
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        webhook = self.get_object()
        managing.change_webhook(webhook, validated(ChangeWebhookSerializer, request.data))
        return Response(self.get_serializer(webhook).data)

    @extend_schema(
        operation_id="delete_webhook_webhooks__webhook_id__delete",
        tags=[TAG],
        summary="Delete a webhook",
        description="With its deliveries, also those that wait.",
        responses={204: None},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        managing.delete_webhook(self.get_object())
        return Response(status=204)

    @extend_schema(
        operation_id="rotate_webhook_secret_webhooks__webhook_id__rotate_secret_post",
        tags=[TAG],
        summary="Give a webhook a new secret",
        description="For 24 hours each event carries two signatures: by the new secret first, "
        "then by the one before.",
        request=None,
        responses=WebhookWithSecretSerializer,
        examples=[SECRET_EXAMPLE],
    )
    def rotate_secret(self, request: Request, **kwargs: Any) -> Response:
        webhook = managing.rotate_secret(self.get_object())
        return Response(WebhookWithSecretSerializer(webhook).data)

    @extend_schema(
        operation_id="test_webhook_webhooks__webhook_id__test_post",
        tags=[TAG],
        summary="Send a test event now",
        description=f"An event of the type `{managing.TEST_TYPE}`, signed like all others, sent "
        "once, also to a paused webhook. It is neither in the feed nor among the deliveries.",
        request=None,
        responses=TestResultSerializer,
        examples=[
            OpenApiExample(
                "It arrived",
                value={
                    "event_id": "evt_6f0c4f6e9d570c9d2f1b7a100c2f5f1e",
                    "delivered": True,
                    "response_status": 200,
                    "error": None,
                    "duration_ms": 84,
                },
                response_only=True,
            )
        ],
    )
    def send_test(self, request: Request, **kwargs: Any) -> Response:
        message, outcome = managing.send_test(self.get_object())
        return Response(TestResultSerializer(outcome_as_data(message, outcome)).data)


class DeliveryViewSet(viewsets.GenericViewSet[WebhookDelivery]):
    serializer_class = DeliverySerializer

    def get_queryset(self) -> Any:
        webhook = Webhook.objects.one_of(user_id(self.request), self.kwargs["webhook_id"])
        found = webhook.deliveries.select_related("event", "webhook")
        return found.defer("event__data", "webhook__secret", "webhook__former_secret")

    @extend_schema(
        operation_id="list_webhook_deliveries_webhooks__webhook_id__deliveries_get",
        tags=[TAG],
        summary="What was sent to a webhook, newest first",
        description="Kept for 30 days, or for as long as their events, if that is shorter.",
        parameters=[DeliveryQuerySerializer],
        responses=DeliverySerializer(many=True),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        deliveries = self.get_queryset()
        query = validated_query(DeliveryQuerySerializer, request)
        if "status" in query:
            deliveries = deliveries.filter(status=query["status"])
        pagination = LinkPagination()
        page: Any = pagination.paginate_queryset(deliveries, request)
        return pagination.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="redeliver_webhooks__webhook_id__deliveries__delivery_id__redeliver_post",
        tags=[TAG],
        summary="Send an event again",
        description="With all attempts, and the same id. For an event that has no delivery, read "
        "`GET /events`.",
        request=None,
        responses={202: DeliverySerializer},
    )
    def redeliver(self, request: Request, **kwargs: Any) -> Response:
        delivery = self.get_queryset().filter(pk=self.kwargs["delivery_id"]).first()
        if delivery is None:
            raise DeliveryNotFoundError
        managing.redeliver(delivery)
        return Response(self.get_serializer(delivery).data, status=202)
