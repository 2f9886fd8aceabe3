"""How long the content of ended jobs, their events and the jobs themselves are kept.

Open jobs, posts in doubt, and what keeps posts from going out twice are never touched: the ids of
posts that an open job could take for its own, idempotency keys within their window, and what a
late id is read for.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from publishing.content import erase_content, needed_by_others
from publishing.erasing import finish_erasures
from publishing.idempotency import IDEMPOTENCY_WINDOW
from publishing.late_ids import READ_FOR
from publishing.models import ENDED, FollowUp, JobEvent, PublishBatch, PublishJob
from socialpublishing.events import feed

BATCH = 500

Pks = list[Any]  # of jobs, or of events
Due = Callable[[dt.datetime], Iterator[Pks]]
Act = Callable[[Pks, dt.datetime], int]


def purge(now: dt.datetime, *, stop_at: float = float("inf")) -> Counter[str]:
    """Do what is due; returns the rows by what was done. After `stop_at` (monotonic) it stops."""
    counts: Counter[str] = Counter()
    finish_erasures()
    for name, (due, act) in STEPS.items():
        for pks in due(now):
            with transaction.atomic():
                counts[name] += act(pks, now)
            if time.monotonic() > stop_at:
                return counts
    return counts


def count_due(now: dt.datetime) -> Counter[str]:
    return Counter({name: sum(map(len, due(now))) for name, (due, _) in STEPS.items()})


# --- What is due, in batches of ids --------------------------------------------------------------


def _days(days: int, now: dt.datetime) -> dt.datetime | None:
    """What is older than this is due; None: never."""
    return now - dt.timedelta(days=days) if days else None


def _old_jobs(now: dt.datetime) -> Iterator[Pks]:
    cutoff = _days(settings.JOB_RETENTION_DAYS, now)
    if cutoff is None:
        return iter(())
    # A job is not older than the row, which the index of the console's list finds.
    old = PublishJob.objects.filter(created_at__lt=cutoff, updated_at__lt=cutoff)
    return _batches(_free(old, now), "created_at")


def _old_contents(now: dt.datetime) -> Iterator[Pks]:
    cutoff = _days(settings.JOB_CONTENT_RETENTION_DAYS, now)
    if cutoff is None:
        return iter(())
    old = PublishJob.objects.filter(
        next_attempt_at__isnull=True, content_erased_at__isnull=True, updated_at__lt=cutoff
    )
    return _batches(_free(old, now), "updated_at")


def _free(jobs: QuerySet[PublishJob], now: dt.datetime) -> QuerySet[PublishJob]:
    """Those that have ended, and that nothing needs any more."""
    has_live_key = ~Q(idempotency_key="") & Q(created_at__gte=now - IDEMPOTENCY_WINDOW)
    awaits_id = Q(published_at__gte=now - READ_FOR, progress__has_key="awaits_id")
    is_followed_up = FollowUp.objects.filter(job=OuterRef("pk"), next_attempt_at__isnull=False)
    ended = jobs.filter(~Exists(is_followed_up), status__in=ENDED)
    return ended.exclude(has_live_key).exclude(awaits_id).exclude(needed_by_others(now))


def _batches(jobs: QuerySet[PublishJob], by: str) -> Iterator[Pks]:
    """Oldest first, each row once, whatever becomes of those before."""
    after: tuple[dt.datetime, uuid.UUID] | None = None
    while True:
        left = jobs
        if after is not None:
            later = Q(**{f"{by}__gt": after[0]}) | Q(**{by: after[0], "pk__gt": after[1]})
            left = jobs.filter(later, **{f"{by}__gte": after[0]})
        rows = list(left.order_by(by, "pk").values_list(by, "pk")[:BATCH])
        if not rows:
            return
        after = rows[-1]
        yield [pk for _, pk in rows]


def _old_events(now: dt.datetime) -> Iterator[Pks]:
    cutoff = _days(settings.EVENT_RETENTION_DAYS, now)
    after = 0
    # Their ids grow with their times: no index of the times is needed.
    while cutoff is not None:
        rows = list(
            JobEvent.objects.filter(pk__gt=after)
            .order_by("pk")
            .values_list("pk", "at", "job__status")[:BATCH]
        )
        due = [pk for pk, at, status in rows if at < cutoff and status in ENDED]
        if due:
            yield due
        if not rows or all(at >= cutoff for _, at, _ in rows):
            return
        after = rows[-1][0]


def _old_feed(now: dt.datetime) -> Iterator[Pks]:
    cutoff = _days(settings.EVENT_RETENTION_DAYS, now)
    return iter(()) if cutoff is None else feed.older_than(cutoff)


# --- What is done --------------------------------------------------------------------------------


def _delete_jobs(pks: Pks, now: dt.datetime) -> int:
    # Checked again: a person may have retried a job meanwhile.
    free = _free(PublishJob.objects.filter(pk__in=pks), now).select_for_update()
    locked = dict(free.values_list("pk", "batch"))
    _, deleted = PublishJob.objects.filter(pk__in=locked).delete()
    left = Exists(PublishJob.objects.filter(batch=OuterRef("pk")))
    PublishBatch.objects.filter(~left, pk__in=set(locked.values()) - {None}).delete()
    return deleted.get(PublishJob._meta.label, 0)


def _erase_contents(pks: Pks, now: dt.datetime) -> int:
    erased = erase_content(_free(PublishJob.objects.filter(pk__in=pks), now), now)
    # A batch has copies of them.
    kept = PublishJob.objects.filter(batch=OuterRef("pk"), content_erased_at__isnull=True)
    batches = PublishBatch.objects.filter(publishjob__in=pks).values("pk")
    PublishBatch.objects.filter(~Exists(kept), pk__in=batches).update(
        metadata=None, first_response=""
    )
    return erased


def _delete_events(pks: Pks, now: dt.datetime) -> int:
    return JobEvent.objects.filter(pk__in=pks, job__status__in=ENDED).delete()[0]


STEPS: Mapping[str, tuple[Due, Act]] = {
    "jobs": (_old_jobs, _delete_jobs),
    "contents": (_old_contents, _erase_contents),
    "events": (_old_events, _delete_events),
    "feed": (_old_feed, lambda pks, now: feed.delete(pks)),
}
