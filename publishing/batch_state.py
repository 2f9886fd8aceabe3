"""What a batch is, by its jobs: its status, its JSON, and its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import F

from publishing.models import ENDED, PublishBatch, PublishJob, Status
from publishing.representation import job_as_data, time_as_data
from socialpublishing.events import outbox
from socialpublishing.events.models import EventType


class BatchStatus(models.TextChoices):
    SCHEDULED = "scheduled", "no post has begun"
    PUBLISHING = "publishing", "a post is open, or its outcome is unknown"
    PUBLISHED = "published", "all posts are public"
    PARTLY_PUBLISHED = "partly_published", "some posts are public, and none is open"
    CANCELLED = "cancelled", "all posts were cancelled"
    FAILED = "failed", "none is public or open, and not all were cancelled"


def status_of(jobs: Collection[PublishJob]) -> BatchStatus:
    """The status of a batch with these jobs."""
    statuses = {job.status for job in jobs}
    if statuses.difference(ENDED):
        has_begun = not all(_has_not_begun(job) for job in jobs)
        return BatchStatus.PUBLISHING if has_begun else BatchStatus.SCHEDULED
    if Status.PUBLISHED in statuses:
        all_public = len(statuses) == 1
        return BatchStatus.PUBLISHED if all_public else BatchStatus.PARTLY_PUBLISHED
    return BatchStatus.CANCELLED if statuses == {Status.CANCELLED} else BatchStatus.FAILED


def _has_not_begun(job: PublishJob) -> bool:
    """A job that waits for its next attempt has begun."""
    is_due_later = job.status in {Status.PENDING, Status.SCHEDULED} and not job.waiting_for
    return is_due_later or job.status == Status.CANCELLED


def batch_as_data(batch: PublishBatch, jobs: Sequence[PublishJob]) -> dict[str, Any]:
    """What the API returns for `batch`: its jobs without their content, in order of the targets."""
    return {
        "batch_id": str(batch.pk),
        "status": str(status_of(jobs)),
        "user_id": batch.user_id,
        "created_at": time_as_data(batch.created_at),
        "ended_at": time_as_data(batch.ended_at),
        "external_reference": batch.external_reference or None,
        "metadata": batch.metadata,
        "jobs": [job_as_data(job) for job in jobs],
    }


def jobs_of(batch: PublishBatch) -> list[PublishJob]:
    """In the order of the targets: `accept_batch` gives out growing ids."""
    return list(PublishJob.objects.filter(batch=batch).order_by("pk"))


def end_batches(batch_ids: Collection[UUID], now: dt.datetime) -> None:
    """Store the one `batch.ended` of each of these batches that has no open job any more.

    Called in the transaction in which jobs of theirs have ended. Each such transaction locks the
    batch's row: the last one sees that all jobs have ended, in whatever processes they did.
    """
    locked = (
        PublishBatch.objects.select_for_update(no_key=True)
        .filter(pk__in=batch_ids, ended_at__isnull=True)
        .order_by("pk")
    )
    for batch in list(locked):
        jobs = jobs_of(batch)
        if any(job.status not in ENDED for job in jobs):
            continue
        PublishBatch.objects.filter(pk=batch.pk).update(
            ended_at=now, event_sequence=F("event_sequence") + 1
        )
        batch.ended_at = now
        ended = outbox.News(
            type=EventType.BATCH_ENDED,
            user_id=batch.user_id,
            sequence=batch.event_sequence + 1,
            data=batch_as_data(batch, jobs),
        )
        outbox.record([ended], at=now)
