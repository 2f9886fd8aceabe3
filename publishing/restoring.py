"""After a backup was restored: what was published since it was taken is not published again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from publishing.models import PublishJob, Status, WaitingFor
from publishing.transitions import Move, move
from socialpublishing.clock import database_now
from socialpublishing.events.models import EventType

# The backup may have begun so long before the time that its operator names.
MARGIN = dt.timedelta(minutes=5)
BATCH = 200
NOTE = "A backup was restored: the post may have been published since. Looking it up first."


def may_be_public(now: dt.datetime) -> QuerySet[PublishJob]:
    """Jobs that came due since the backup, as far as the restored rows show."""
    due = PublishJob.objects.alive().filter(next_attempt_at__lte=now)
    return due.filter(publish_started_at__isnull=True, remote_id="").order_by("pk")


def put_in_doubt(taken_at: dt.datetime, now: dt.datetime, *, actor: str) -> Iterator[int]:
    """Store a publish intent for each, as if a worker had died: it is looked up before a repeat.

    No worker may run meanwhile. Yields how many of each batch; may be run again.
    """
    while True:
        with transaction.atomic():
            jobs = may_be_public(now).select_related("connection", "destination")
            moved = move(
                [_in_doubt(job, taken_at) for job in jobs[:BATCH]], now=database_now(), actor=actor
            )
        if not moved:
            return
        yield len(moved)


def _in_doubt(job: PublishJob, taken_at: dt.datetime) -> Move:
    assert job.next_attempt_at is not None
    since = max(job.next_attempt_at, taken_at) - MARGIN
    return Move(
        job=job,
        to=Status.UNCONFIRMED,
        changes={
            "publish_started_at": since,
            "in_doubt_since": job.in_doubt_since or since,
            "lease_owner": "",
            "fencing_token": job.fencing_token + 1,
            "lookups": 0,
            "waiting_for": WaitingFor.OUTCOME,
            "error_code": "outcome_unknown",
            "error_message": NOTE,
        },
        note=NOTE,
        event=EventType.JOB_UNCONFIRMED,
    )
