"""The yardstick of `benchmarks.accepting`: the service with one more view, which inserts one row.

`benchmarks.bare_settings` adds it. It has no caller, no limit, no checks and no history.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler404, handler500, urlpatterns


class BarePost(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    text = models.TextField()
    scheduled_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "benchmarks"
        db_table = "bare_post"

    def __str__(self) -> str:
        return self.text


class BareView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        row = BarePost.objects.create(
            text=request.data["text_content"],
            scheduled_at=request.data["schedule_time"],
            created_at=timezone.now(),
        )
        return Response({"id": str(row.id)}, status=202)


urlpatterns = [*urlpatterns, path("bare", BareView.as_view())]
__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]
