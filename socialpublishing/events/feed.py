"""The events in an order that readers can follow without missing one.

Ids are given before a transaction commits: a lower id may become visible later than a higher one,
and a reader who remembers the highest id would miss it. So a committed event gets its position
afterwards, by one process at a time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.events import audience
from socialpublishing.events.models import Event, EventFeed
from socialpublishing.events.queueing import queue_deliveries

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Page:
    """Events in the order of the feed, and where the next page begins."""

    events: Sequence[Event]
    next_position: int


class CursorExpiredError(SocialPublishingBaseError):
    code = "cursor_expired"
    sentence = (
        "Events behind the cursor are not kept any more. Start again without `after`: the response "
        "then begins with the oldest kept event."
    )


def page_of(user_id: str, *, after: int | None, types: Collection[str] = (), limit: int) -> Page:
    """The events of a user that follow position `after`; None: the oldest kept ones.

    Raises CursorExpiredError if events behind `after` may have been deleted, or if the feed is a
    restored one, which does not go as far.
    """
    place_new_events()
    feed = EventFeed.objects.filter(pk=1).first() or EventFeed()
    if after is not None and after > feed.last_position:
        raise CursorExpiredError
    visible = Event.objects.filter(position__gt=after or 0, position__lte=feed.last_position)
    if types:
        visible = visible.filter(type__in=types)
    # Two queries, each in the order of an index.
    own = visible.filter(user_id=user_id)
    to_all = visible.filter(user_id="", platform__in=audience.platforms_of(user_id))
    found = [*own.order_by("position")[:limit], *to_all.order_by("position")[:limit]]
    events = sorted(found, key=lambda event: event.position or 0)[:limit]
    # Asked after the events were read: none can have been deleted between.
    if after is not None and EventFeed.objects.filter(pk=1, deleted_up_to__gt=after).exists():
        raise CursorExpiredError
    is_full = len(events) == limit
    last = events[-1].position or 0 if is_full else feed.last_position
    return Page(events=events, next_position=last)


def place_new_events() -> int:
    """Give committed events their positions, and make their deliveries; returns how many.

    0 while another process does it.
    """
    if not Event.objects.filter(position__isnull=True).exists():
        return 0
    EventFeed.objects.get_or_create(pk=1)
    try:
        return _place_and_queue()
    except IntegrityError:
        return 0  # a webhook was deleted meanwhile; the next call does it


def _place_and_queue() -> int:
    with transaction.atomic():
        feed = EventFeed.objects.select_for_update(skip_locked=True).filter(pk=1).first()
        if feed is None:
            return 0
        positions = _place(feed.last_position)
        highest = max(positions, default=feed.last_position)
        EventFeed.objects.filter(pk=1).update(last_position=highest)
        new = Event.objects.filter(position__gt=feed.last_position, position__lte=highest)
        queue_deliveries(new.order_by("position"), database_now())
    return len(positions)


def _place(last: int) -> list[int]:
    """Returns the positions: with gaps where events of an erased user go at this moment."""
    table = connection.ops.quote_name(Event._meta.db_table)
    sql = (
        f"UPDATE {table} AS event SET position = %s + new.number FROM ("  # noqa: S608  our own names only
        f"SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS number FROM {table} "
        "WHERE position IS NULL ORDER BY id LIMIT %s) AS new WHERE event.id = new.id "
        "RETURNING position"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [last, BATCH])
        return [position for [position] in cursor.fetchall()]


# --- Retention -----------------------------------------------------------------------------------


def older_than(cutoff: dt.datetime) -> Iterator[list[int]]:
    """The ids of older events, in batches."""
    after = 0
    # Ids grow with the times: no index of the times is needed.
    placed = Event.objects.filter(position__isnull=False).order_by("pk").values_list("pk", "at")
    while rows := list(placed.filter(pk__gt=after)[:BATCH]):
        if due := [pk for pk, at in rows if at < cutoff]:
            yield due
        if len(due) < len(rows):
            return
        after = rows[-1][0]


def delete(pks: Sequence[int]) -> int:
    """Delete events, and remember up to where. Called inside a transaction."""
    batch = Event.objects.filter(pk__in=pks)
    highest = batch.aggregate(highest=Max("position"))["highest"] or 0
    EventFeed.objects.filter(deleted_up_to__lt=highest).update(deleted_up_to=highest)
    return batch.delete()[1].get(Event._meta.label, 0)
