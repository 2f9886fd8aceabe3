"""The OpenAPI document over HTTP, and the page that shows it."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponse
from django.views.generic import TemplateView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response


@extend_schema(exclude=True)
class SchemaView(SpectacularAPIView):
    """The OpenAPI document. It changes with the code alone: a process renders each format once."""

    rendered: ClassVar[dict[str, HttpResponse]] = {}

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        media_type = request.accepted_renderer.media_type
        if media_type in self.rendered:
            known = self.rendered[media_type]
            return HttpResponse(known.content, headers=dict(known.headers))
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.add_post_render_callback(partial(self.rendered.__setitem__, media_type))
        return response


class ApiPage(TemplateView):
    """The API page: Scalar, from our own static files (docs/development.md)."""

    template_name = "api/page.html"
