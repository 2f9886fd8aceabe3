"""When the metrics of which published post are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import Max

from insights.models import READ_AT, READ_AT_WHEN_BILLED, MetricSchedule
from publishing.models import PublishJob, Status
from socialpublishing.platforms.metrics import MetricsReader

MAX_NEW = 2000  # posts that get a schedule in one round
LEASE = dt.timedelta(minutes=5)
# A post may get a `published_at` before that of posts that have a schedule already: its outcome was
# in doubt and resolved later, or a worker stored it late.
RESOLVED_LATE = dt.timedelta(days=2)


def schedule_published(now: dt.datetime) -> int:
    """Create the schedules of posts published since the last round. Returns how many posts."""
    since = now - READ_AT[-1]
    newest = MetricSchedule.objects.aggregate(at=Max("job__published_at"))["at"]
    if newest is not None:
        since = max(since, newest - RESOLVED_LATE)
    unscheduled = PublishJob.objects.filter(
        status=Status.PUBLISHED, published_at__gte=since, metric_schedule__isnull=True
    ).order_by("published_at")
    jobs = list(unscheduled.select_related("connection")[:MAX_NEW])
    MetricSchedule.objects.bulk_create(
        [MetricSchedule(job=job, next_read_at=first_snapshot_at(job, now)) for job in jobs],
        ignore_conflicts=True,
    )
    return len(jobs)


def first_snapshot_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    """When the first snapshot after `now` is due; None if the metrics cannot be read."""
    reader = reader_type_of(job)
    if reader is None or not job.remote_id:
        return None
    if reader.reads_are_billed and not settings.INSIGHTS_MAX_BILLED_READS:
        return None
    return next_snapshot_at(job, now)


def next_snapshot_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    """When the post reaches the next age of READ_AT; None if it has passed them all."""
    assert job.published_at is not None
    reader = reader_type_of(job)
    is_billed = reader is not None and reader.reads_are_billed
    times = (job.published_at + age for age in (READ_AT_WHEN_BILLED if is_billed else READ_AT))
    return next((at for at in times if at > now), None)


def reader_type_of(job: PublishJob) -> type[MetricsReader[Any]] | None:
    return job.connection.platform_type.metrics_reader if job.connection else None


def claim(schedule: MetricSchedule, now: dt.datetime) -> bool:
    """Whether this round reads the post. Two rounds may run at once; only one of them gets it."""
    return bool(
        MetricSchedule.objects.filter(pk=schedule.pk, next_read_at=schedule.next_read_at).update(
            next_read_at=now + LEASE
        )
    )


def postpone(
    schedules: Sequence[MetricSchedule],
    until: dt.datetime | None,
    *,
    code: str = "",
    message: str = "",
) -> None:
    """Read the posts at `until` (None: never again); `code` and `message` give the reason."""
    MetricSchedule.objects.filter(pk__in=[schedule.pk for schedule in schedules]).update(
        next_read_at=until, error_code=code, error_message=message[:500]
    )
