from django.urls import path

from socialpublishing.events.webhook_views import DeliveryViewSet, WebhookViewSet

ONE = "webhooks/<uuid:webhook_id>"

urlpatterns = [
    path("webhooks", WebhookViewSet.as_view({"get": "list", "post": "create"})),
    path(
        ONE,
        WebhookViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path(f"{ONE}/rotate-secret", WebhookViewSet.as_view({"post": "rotate_secret"})),
    path(f"{ONE}/test", WebhookViewSet.as_view({"post": "send_test"})),
    path(f"{ONE}/deliveries", DeliveryViewSet.as_view({"get": "list"})),
    path(
        f"{ONE}/deliveries/<uuid:delivery_id>/redeliver",
        DeliveryViewSet.as_view({"post": "redeliver"}),
    ),
]
