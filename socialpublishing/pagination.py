"""How lists are cut into pages."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions, pagination
from rest_framework.request import Request
from rest_framework.response import Response


class LinkPagination(pagination.CursorPagination):
    """The body stays a plain list; the next page is in the Link header (RFC 8288)."""

    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"
    # Newest first.
    ordering: Any = ("-created_at", "-id")

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound as error:
            # Not 404: the list exists, and the request is wrong.
            raise exceptions.ValidationError({"cursor": ["This is not a valid cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        links = [
            f'<{url}>; rel="{rel}"'
            for rel, url in (("next", self.get_next_link()), ("prev", self.get_previous_link()))
            if url
        ]
        return Response(data, headers={"Link": ", ".join(links)} if links else None)
