"""How lists are cut into pages."""

from __future__ import annotations

import datetime as dt
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
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                # The time of a row, which the database would refuse later.
                dt.datetime.fromisoformat(str(cursor.position)).astimezone(dt.UTC)
            return cursor
        except (exceptions.NotFound, ValueError, OverflowError) as error:
            # Not 404: the list exists, and the request is wrong.
            raise exceptions.ValidationError({"cursor": ["This is not a valid cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        links = [
            f'<{url}>; rel="{rel}"'
            for rel, url in (("next", self.get_next_link()), ("prev", self.get_previous_link()))
            if url
        ]
        return Response(data, headers={"Link": ", ".join(links)} if links else None)
