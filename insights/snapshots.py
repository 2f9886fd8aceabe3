"""Reads the metrics of published posts at growing ages and stores them as snapshots.

This changes no job and no connection: a rate limit here delays snapshots, not publishing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from itertools import groupby

from django.conf import settings
from django.db import transaction

from connections.models import SocialConnection
from connections.targets import PostingTarget
from insights.audience import metrics_reader_type, with_metrics_reader
from insights.metric_schedules import (
    claim,
    next_read_at,
    postpone,
    reader_type_of,
    schedule_published,
)
from insights.models import MetricSchedule, MetricSnapshot
from publishing.models import PublishJob
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    InsufficientPermissionsError,
    RateLimitError,
    SocialPublishingBaseError,
    TokenExpiredError,
)
from socialpublishing.platforms.metrics import Metrics, MetricsNotAvailableError

logger = logging.getLogger(__name__)

SWEEP_SIZE = 500  # posts in a sweep
SWEEP_S = 45.0  # a sweep starts every minute
PAUSE = dt.timedelta(hours=1)  # after an error that is likely to pass
LONG_PAUSE = dt.timedelta(hours=12)  # after an error that ends only when the owner reconnects


def read_due(now: dt.datetime | None = None) -> int:
    """One sweep: read the due metrics, account by account. Returns the number of posts read."""
    now = now or database_now()
    give_up_at = time.monotonic() + SWEEP_S
    schedule_published(now)
    _end_for_deleted(now)
    read = 0
    for target, schedules in _due(now):
        if time.monotonic() > give_up_at:
            break
        read += _read(target, schedules, now)
    return read


def _end_for_deleted(now: dt.datetime) -> None:
    """A post that was taken down is read no more."""
    deleted = MetricSchedule.objects.filter(next_read_at__lte=now, job__deleted_at__isnull=False)
    postpone(deleted, None, code="post_not_found", message="The post was taken down.")


def _due(now: dt.datetime) -> Iterator[tuple[PostingTarget | None, list[MetricSchedule]]]:
    """The due schedules in batches of one account, claimed right before each batch is returned."""
    rows = MetricSchedule.objects.filter(next_read_at__lte=now).select_related(
        "job__connection", "job__destination__connection"
    )
    due = sorted(rows.order_by("next_read_at")[:SWEEP_SIZE], key=lambda each: each.job.account)
    for _, group in groupby(due, key=lambda each: (each.job.account, each.job.connection_id)):
        schedules = list(group)
        reader = reader_type_of(schedules[0].job)
        size = reader.posts_at_a_time if reader else SWEEP_SIZE
        for start in range(0, len(schedules), size):
            batch = [each for each in schedules[start : start + size] if claim(each, now)]
            if batch:
                yield _active_target(batch[0].job), batch


def _active_target(job: PublishJob) -> PostingTarget | None:
    """Where the post was published; None if its account is disconnected."""
    target = job.target
    if target is None or target.connection.status == SocialConnection.Status.REVOKED:
        return None
    return target


def _read(
    target: PostingTarget | None, schedules: Sequence[MetricSchedule], now: dt.datetime
) -> int:
    """Read and store the metrics of posts of one account. Returns the number of posts read."""
    if target is None:
        message = "The account is no longer connected."
        postpone(schedules, None, code="connection_not_found", message=message)
        return 0
    try:
        reader = metrics_reader_type(target)
        if reader is not None and reader.reads_are_billed:
            postpone(schedules[settings.INSIGHTS_MAX_BILLED_READS :], now + PAUSE)
            schedules = schedules[: settings.INSIGHTS_MAX_BILLED_READS]
        ids = [schedule.job.remote_id for schedule in schedules]
        metrics = with_metrics_reader(target, lambda reader: reader.metrics(ids))
    except SocialPublishingBaseError as error:
        postpone(schedules, _retry_at(error, now), code=error.code, message=str(error))
        return 0
    for schedule in schedules:
        _store(schedule, metrics.get(schedule.job.remote_id), now)
    return len(metrics)


def _retry_at(error: SocialPublishingBaseError, now: dt.datetime) -> dt.datetime | None:
    """When to try again; None if each attempt would fail in the same way."""
    match error:
        case MetricsNotAvailableError() | InsufficientPermissionsError():
            return None
        case RateLimitError():
            return max(error.until or now, now + PAUSE)
        case TokenExpiredError():
            return now + LONG_PAUSE
        case _:
            logger.warning("metrics were not read: %s", error.code)
            return now + PAUSE


def _store(schedule: MetricSchedule, metrics: Metrics | None, now: dt.datetime) -> None:
    with transaction.atomic():
        if not MetricSchedule.objects.select_for_update().filter(pk=schedule.pk).exists():
            return  # erased meanwhile
        if metrics is not None:
            MetricSnapshot.objects.create(
                job=schedule.job, read_at=now, **dataclasses.asdict(metrics)
            )
        schedule.error_code = "" if metrics else "post_not_found"
        schedule.error_message = (
            "" if metrics else "The platform returned no metrics for this post."
        )
        schedule.next_read_at = next_read_at(schedule.job, now)
        schedule.save()
