"""How the posts that we published are doing, read at growing ages.

Reading never touches a post: what a platform says here changes no job and no connection, and a
platform that asks to wait is left alone by the readings only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from connections.models import SocialConnection
from connections.targets import PostingTarget
from insights.evidence import metrics_reader_of
from insights.models import READ_AT, READ_AT_WHEN_BILLED, MetricSchedule, MetricSnapshot
from insights.services import TooLittleKnownError
from publishing.errors import JobNotFoundError
from publishing.models import PublishJob, Status
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    InsufficientPermissionsError,
    NoResponseError,
    RateLimitError,
    SocialPublishingBaseError,
    TokenExpiredError,
)
from socialpublishing.platforms.metrics import Metrics, MetricsNotAvailableError

logger = logging.getLogger(__name__)

ROUND = 500  # posts in a round
ROUND_S = 45.0  # rounds start every minute
LEASE = dt.timedelta(minutes=5)
# A post may count as published at a time before that of posts which are watched already: one
# that a person settled, or whose answer a worker brought late.
SETTLED_LATE = dt.timedelta(days=2)
PAUSE = dt.timedelta(hours=1)  # after what is likely to pass
LONG_PAUSE = dt.timedelta(hours=12)  # until the owner has connected the account again


@dataclass(frozen=True, kw_only=True)
class JobMetrics:
    job_id: uuid.UUID
    platform: str
    published_at: dt.datetime
    readings: list[MetricSnapshot]
    next_read_at: dt.datetime | None
    error_code: str | None
    error_message: str | None

    @property
    def latest(self) -> MetricSnapshot | None:
        return self.readings[-1] if self.readings else None


def of_job(user_id: str, job_id: uuid.UUID) -> JobMetrics:
    """Raises JobNotFoundError, and TooLittleKnownError for a post that is not out."""
    job = PublishJob.objects.filter(pk=job_id, user_id=user_id).first()
    if job is None:
        raise JobNotFoundError
    if job.status != Status.PUBLISHED or job.published_at is None:
        raise TooLittleKnownError("The post is not published: there is nothing to count yet.")
    schedule = MetricSchedule.objects.filter(job=job).first()
    first = first_snapshot_at(job, job.published_at)
    return JobMetrics(
        job_id=job.pk,
        platform=job.platform,
        published_at=job.published_at,
        readings=list(job.readings.all()),
        next_read_at=schedule.next_read_at if schedule else first,
        error_code=(schedule.error_code or None) if schedule else None,
        error_message=(schedule.error_message or None) if schedule else None,
    )


# --- Which posts ---------------------------------------------------------------------------------


def schedule_published(now: dt.datetime) -> int:
    """Begin to watch what was published since the last round; answers how many."""
    since = now - READ_AT[-1]
    newest = MetricSchedule.objects.aggregate(at=Max("job__published_at"))["at"]
    if newest is not None:
        since = max(since, newest - SETTLED_LATE)
    fresh = PublishJob.objects.filter(
        status=Status.PUBLISHED, published_at__gte=since, metric_schedule__isnull=True
    ).order_by("published_at")
    jobs = list(fresh.select_related("connection")[: 4 * ROUND])
    MetricSchedule.objects.bulk_create(
        [MetricSchedule(job=job, next_read_at=first_snapshot_at(job, now)) for job in jobs],
        ignore_conflicts=True,
    )
    return len(jobs)


def first_snapshot_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    if job.connection is None:
        return None
    metrics_reader = job.connection.platform_type.metrics_reader
    if metrics_reader is None or not job.remote_id:
        return None
    if metrics_reader.reads_are_billed and not settings.INSIGHTS_MAX_BILLED_READS:
        return None
    return next_snapshot_at(job, now)


def next_snapshot_at(job: PublishJob, now: dt.datetime) -> dt.datetime | None:
    """When the job reaches the next of the ages; None if it has reached them all."""
    assert job.published_at is not None
    metrics_reader = job.connection.platform_type.metrics_reader if job.connection else None
    is_billed = metrics_reader is not None and metrics_reader.reads_are_billed
    times = (job.published_at + age for age in (READ_AT_WHEN_BILLED if is_billed else READ_AT))
    return next((at for at in times if at > now), None)


# --- Reading -------------------------------------------------------------------------------------


def read_due(now: dt.datetime | None = None) -> int:
    """One round: read what is due, account by account; answers how many posts were read."""
    now = now or database_now()
    give_up_at = time.monotonic() + ROUND_S
    schedule_published(now)
    read = 0
    for target, watches in _due(now):
        if time.monotonic() > give_up_at:
            break
        read += _read(target, watches, now)
    return read


def _due(now: dt.datetime) -> Iterator[tuple[PostingTarget | None, list[MetricSchedule]]]:
    due = MetricSchedule.objects.filter(next_read_at__lte=now).select_related(
        "job__connection", "job__destination__connection"
    )
    watches = sorted(due.order_by("next_read_at")[:ROUND], key=lambda each: each.job.account)
    for _, group in groupby(watches, key=lambda each: (each.job.account, each.job.connection_id)):
        own = list(group)
        size = _posts_at_a_time(own[0].job)
        for start in range(0, len(own), size):
            batch = [schedule for schedule in own[start : start + size] if _take(schedule, now)]
            if batch:
                yield _active_target(batch[0].job), batch


def _posts_at_a_time(job: PublishJob) -> int:
    metrics_reader = job.connection.platform_type.metrics_reader if job.connection else None
    return metrics_reader.posts_at_a_time if metrics_reader else ROUND


def _take(schedule: MetricSchedule, now: dt.datetime) -> bool:
    """Two rounds may run at once; a post is read by one of them."""
    return bool(
        MetricSchedule.objects.filter(pk=schedule.pk, next_read_at=schedule.next_read_at).update(
            next_read_at=now + LEASE
        )
    )


def _active_target(job: PublishJob) -> PostingTarget | None:
    """Where the post went, unless its account is disconnected by now."""
    target = job.target
    if target is None or target.connection.status == SocialConnection.Status.REVOKED:
        return None
    return target


def _read(target: PostingTarget | None, watches: Sequence[MetricSchedule], now: dt.datetime) -> int:
    if target is None:
        _put_off(watches, None, "connection_not_found", "The account is no longer connected.")
        return 0
    try:
        metrics_reader = metrics_reader_of(target)
        if metrics_reader.reads_are_billed:
            rest = watches[settings.INSIGHTS_MAX_BILLED_READS :]
            _put_off(rest, now + PAUSE, "", "")
            watches = watches[: settings.INSIGHTS_MAX_BILLED_READS]
        found = metrics_reader.metrics([schedule.job.remote_id for schedule in watches])
    except (MetricsNotAvailableError, InsufficientPermissionsError) as error:
        _put_off(watches, None, error.code, str(error))
    except RateLimitError as error:
        _put_off(watches, max(error.until or now, now + PAUSE), error.code, str(error))
    except TokenExpiredError as error:
        _put_off(watches, now + LONG_PAUSE, error.code, str(error))
    except SocialPublishingBaseError as error:
        logger.warning("metrics were not read: %s", error.code)
        _put_off(watches, now + PAUSE, error.code, str(error))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # An answer without the fields that its description promises: other accounts come all the
        # same.
        logger.exception("metrics were not understood")
        _put_off(watches, now + PAUSE, NoResponseError.code, type(error).__name__)
    else:
        for schedule in watches:
            _store(schedule, found.get(schedule.job.remote_id), now)
        return len(found)
    return 0


def _store(schedule: MetricSchedule, metrics: Metrics | None, now: dt.datetime) -> None:
    with transaction.atomic():
        if metrics is not None:
            MetricSnapshot.objects.create(
                job=schedule.job, read_at=now, **dataclasses.asdict(metrics)
            )
        schedule.error_code = "" if metrics else "post_not_found"
        schedule.error_message = "" if metrics else "The platform tells nothing of this post."
        schedule.next_read_at = next_snapshot_at(schedule.job, now)
        schedule.save()


def _put_off(
    watches: Sequence[MetricSchedule], until: dt.datetime | None, code: str, message: str
) -> None:
    MetricSchedule.objects.filter(pk__in=[schedule.pk for schedule in watches]).update(
        next_read_at=until, error_code=code, error_message=message[:500]
    )
