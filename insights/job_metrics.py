"""The metrics of one published post, for its user."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from insights.errors import InsightsNotAvailableError
from insights.metric_schedules import first_read_at
from insights.models import MetricSchedule, MetricSnapshot
from publishing.errors import JobNotFoundError
from publishing.models import PublishJob, Status


@dataclass(frozen=True, kw_only=True)
class JobMetrics:
    job_id: uuid.UUID
    platform: str
    published_at: dt.datetime
    snapshots: list[MetricSnapshot]  # oldest first
    next_read_at: dt.datetime | None
    error_code: str | None
    error_message: str | None

    @property
    def latest(self) -> MetricSnapshot | None:
        return self.snapshots[-1] if self.snapshots else None


def metrics_of_job(user_id: str, job_id: uuid.UUID) -> JobMetrics:
    """Raises JobNotFoundError, and InsightsNotAvailableError for a post that is not published."""
    job = PublishJob.objects.filter(pk=job_id, user_id=user_id).first()
    if job is None:
        raise JobNotFoundError
    if job.status != Status.PUBLISHED or job.published_at is None:
        raise InsightsNotAvailableError("The post is not published, so it has no metrics yet.")
    schedule = MetricSchedule.objects.filter(job=job).first()
    first = first_read_at(job, job.published_at)
    return JobMetrics(
        job_id=job.pk,
        platform=job.platform,
        published_at=job.published_at,
        snapshots=list(job.metric_snapshots.all()),
        next_read_at=schedule.next_read_at if schedule else first,
        error_code=(schedule.error_code or None) if schedule else None,
        error_message=(schedule.error_message or None) if schedule else None,
    )
