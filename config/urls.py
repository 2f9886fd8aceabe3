from typing import Any

from django.contrib import admin
from django.urls import include, path

from config import health, media
from config.metrics.view import metrics
from config.schema_view import ApiPage, SchemaView
from insights.views import JobMetricsViewSet
from publishing.views import PlatformViewSet

handler400 = "config.api.bad_request"
handler404 = "config.api.page_not_found"
handler500 = "config.api.server_error"

api: list[Any] = [
    path("connections/", include("connections.urls")),
    path("publishing/", include("publishing.urls")),
    path("insights/", include("insights.urls")),
    path("publishing/jobs/<uuid:job_id>/metrics", JobMetricsViewSet.as_view({"get": "retrieve"})),
    path("", include("socialpublishing.events.urls")),
    path("", include("socialpublishing.events.webhook_urls")),
    path("platforms", PlatformViewSet.as_view({"get": "list"})),
]

public = {"authentication_classes": (), "permission_classes": ()}

urlpatterns = [
    path("api/v1/", include(api)),
    path("api/schema", SchemaView.as_view(**public), name="schema"),
    path("api/docs", ApiPage.as_view(), name="docs"),
    path("admin/", admin.site.urls),
    path("media/<path:signed>", media.pull),
    path("healthz", health.healthz),
    path("healthz/worker", health.worker),
    path("readyz", health.readyz),
    path("metrics", metrics),
]
