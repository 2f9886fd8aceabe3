"""The events in an order that readers can follow without missing one.

Ids are given before a transaction commits: a lower id may become visible later than a higher one,
and a reader who remembers the highest id would miss it. So a committed event gets its position
afterwards, by one process at a time.
"""

from __future__ import annotations

from django.db import connection, transaction

from socialpublishing.events.models import Event, EventFeed

BATCH = 500


def place_new_events() -> int:
    """Give committed events their positions; returns how many. 0 while another process does it."""
    if not Event.objects.filter(position__isnull=True).exists():
        return 0
    EventFeed.objects.get_or_create(pk=1)
    with transaction.atomic():
        feed = EventFeed.objects.select_for_update(skip_locked=True).filter(pk=1).first()
        if feed is None:
            return 0
        placed = _place(feed.last_position)
        EventFeed.objects.filter(pk=1).update(last_position=feed.last_position + placed)
    return placed


def _place(last: int) -> int:
    table = connection.ops.quote_name(Event._meta.db_table)
    sql = (
        f"UPDATE {table} AS event SET position = %s + new.number FROM ("  # noqa: S608  our own names only
        f"SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS number FROM {table} "
        "WHERE position IS NULL ORDER BY id LIMIT %s) AS new WHERE event.id = new.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [last, BATCH])
        placed: int = cursor.rowcount
        return placed
