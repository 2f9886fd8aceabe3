"""The feed of events over HTTP."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from socialpublishing import database
from socialpublishing.callers import user_id
from socialpublishing.events.feed import Page, page_of
from socialpublishing.events.representation import event_as_data
from socialpublishing.events.serializers import EventPageSerializer, EventQuerySerializer
from socialpublishing.serializers import validated_query

LOOK_EVERY_S = 0.5


class WaitingCallers:
    """Bounds how many callers wait at the same time, in all and for one user."""

    def __init__(self, places: int, of_one_user: int) -> None:
        self._places, self._of_one_user = places, of_one_user
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, user: str) -> Iterator[bool]:
        """False: there is no place, the caller must not wait."""
        with self._lock:
            is_free = self._waiting.total() < self._places
            may_wait = is_free and self._waiting[user] < self._of_one_user
            self._waiting[user] += may_wait
        try:
            yield may_wait
        finally:
            with self._lock:
                self._waiting -= Counter({user: int(may_wait)})


# A quarter of the threads of the pool in which this runs (config/web/pools.py).
waiting = WaitingCallers(places=8, of_one_user=4)


class EventViewSet(viewsets.ViewSet):
    @extend_schema(
        operation_id="list_events_events_get",
        tags=["Events"],
        summary="What happened to the caller's posts and accounts, oldest first",
        description="Follow `next` from page to page: no event is left out, none comes twice. "
        "With `wait`, the response comes as soon as there is an event.",
        parameters=[EventQuerySerializer],
        responses=EventPageSerializer,
    )
    def read(self, request: Request) -> Response:
        query = validated_query(EventQuerySerializer, request)
        page = _wait_for_page(user_id(request), **query)
        body = {
            "events": [event_as_data(event) for event in page.events],
            "next": EventPageSerializer().fields["next"].to_representation(page.next_position),
        }
        return Response(body)


def _wait_for_page(user: str, *, wait: int, after: int | None = None, **query: Any) -> Page:
    page = page_of(user, after=after, **query)
    if page.events or not wait:
        return page
    with waiting.place(user) as may_wait:
        deadline = time.monotonic() + wait
        while may_wait and not page.events and time.monotonic() < deadline:
            # Waiting callers must not use up the connections of the database.
            database.release()
            time.sleep(LOOK_EVERY_S)
            page = page_of(user, after=page.next_position, **query)
    return page
