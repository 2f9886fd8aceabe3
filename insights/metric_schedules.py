"""When the metrics of each published post are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Max

from insights.models import SNAPSHOT_AGES, SNAPSHOT_AGES_WHEN_BILLED, MetricSchedule
from publishing.models import PublishJob, Status
from socialpublishing.platforms.metrics import MetricsReader

MAX_NEW = 2000  # posts that get a schedule in one sweep
LEASE = dt.timedelta(minutes=5)
# A post may be stored as published after posts with a later `published_at` got their schedules: its
# outcome was in doubt, or its worker was slow.
RESOLVED_LATE = dt.timedelta(days=2)


def schedule_published(now: dt.datetime) -> int:
    """Create the schedules of posts published since the last sweep. Returns their number."""
    since = now - SNAPSHOT_AGES[-1]
    newest = MetricSchedule.objects.aggregate(at=Max("job__published_at"))["at"]
    if newest is not None:
        since = max(since, newest - RESOLVED_LATE)
    unscheduled = PublishJob.objects.filter(
        status=Status.PUBLISHED,
        deleted_at=None,
        published_at__gte=since,
        metric_schedule__isnull=True,
    ).order_by("published_at")
    jobs = list(unscheduled.select_related("connection")[:MAX_NEW])
    MetricSchedule.objects.bulk_create(
        [MetricSchedule(job=job, next_read_at=first_read_at(job, now)) for job in jobs],
        ignore_conflicts=True,
    )
    return len(jobs)


def first_read_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    """The first time after `now` to read the metrics; None if they cannot be read."""
    reader = reader_type_of(job)
    if reader is None or not job.remote_id:
        return None
    if reader.reads_are_billed and not settings.INSIGHTS_MAX_BILLED_READS:
        return None
    return next_read_at(job, now)


def next_read_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    """When the post reaches the next age of SNAPSHOT_AGES; None if it is past the last one."""
    assert job.published_at is not None
    reader = reader_type_of(job)
    is_billed = reader is not None and reader.reads_are_billed
    ages = SNAPSHOT_AGES_WHEN_BILLED if is_billed else SNAPSHOT_AGES
    times = (job.published_at + age for age in ages)
    return next((at for at in times if at > now), None)


def reader_type_of(job: PublishJob) -> type[MetricsReader[Any]] | None:
    return job.connection.platform_type.metrics_reader if job.connection else None


def claim(schedule: MetricSchedule, now: dt.datetime) -> bool:
    """Claim the post for this sweep. False if a sweep that runs at the same time has claimed it."""
    return bool(
        MetricSchedule.objects.filter(pk=schedule.pk, next_read_at=schedule.next_read_at).update(
            next_read_at=now + LEASE
        )
    )


def postpone(
    schedules: Iterable[MetricSchedule],
    until: dt.datetime | None,
    *,
    code: str = "",
    message: str = "",
) -> None:
    """Do not read the posts before `until` (None: never again); `code` and `message` say why."""
    MetricSchedule.objects.filter(pk__in=[schedule.pk for schedule in schedules]).update(
        next_read_at=until, error_code=code, error_message=message[:500]
    )
