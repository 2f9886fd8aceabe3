"""Reads ids that a platform names only hours after it published a post.

Until then a job has the id of its publish request, and its address is that of the profile. This
changes nothing at the platform, and no status: the post is published.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from connections.models import SocialConnection
from connections.tokens import with_client
from publishing.models import JobEvent, PublishJob, Status
from publishing.progress import JobProgress
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms.progress import Progress, Stage

logger = logging.getLogger(__name__)

# A sweep starts every minute. A post that still has no id after so long is not public.
SWEEP, READ_FOR = dt.timedelta(minutes=1), dt.timedelta(days=3)
# The pause between two reads, as a share of the time since the post was published.
PAUSE_SHARE, MAX_PAUSE = 0.1, dt.timedelta(minutes=15)
BATCH = 500
# The key of a job's progress with the time of its next read, in seconds since 1970.
NEXT_READ = "progress__next_id_read"


def read_late_ids(now: dt.datetime) -> int:
    """One sweep. Returns how many posts got their id."""
    return sum(_read(job, now) for job in _due(now))


def _due(now: dt.datetime) -> Iterator[PublishJob]:
    waiting = PublishJob.objects.filter(
        status=Status.PUBLISHED,
        published_at__gte=now - READ_FOR,
        progress__awaits_id=True,
        connection__status=SocialConnection.Status.ACTIVE,
    )
    never_read = Q(**{f"{NEXT_READ}__isnull": True})
    due = waiting.filter(never_read | Q(**{f"{NEXT_READ}__lte": now.timestamp()}))
    jobs = due.select_related("connection", "destination")
    return iter(jobs.order_by(F(NEXT_READ).asc(nulls_first=True), "published_at")[:BATCH])


def _next_read(published_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    """The pause grows with the age of the post. A sweep may start a little early."""
    pause = min(max((now - published_at) * PAUSE_SHARE, SWEEP), MAX_PAUSE)
    return now + pause - SWEEP / 2


def _read(job: PublishJob, now: dt.datetime) -> bool:
    assert job.connection is not None
    _postpone(job, now)
    try:
        progress = with_client(
            job.connection,
            lambda client: client.confirm(job.post, job.stored_progress.platform),
            job.destination,
        )
    except SocialPublishingBaseError as error:
        logger.info("no late id", extra={"job_id": str(job.pk), "code": error.code})
        return False
    is_named = progress.stage == Stage.PUBLISHED and not progress.awaits_id
    return is_named and _store(job, progress, now)


def _postpone(job: PublishJob, now: dt.datetime) -> None:
    """Store when the id is read again: before the read, whose outcome does not matter for it."""
    assert job.published_at is not None
    at = _next_read(job.published_at, now).timestamp()
    progress = replace(job.stored_progress, next_id_read=at).to_json()
    same = PublishJob.objects.filter(pk=job.pk, status=Status.PUBLISHED, remote_id=job.remote_id)
    same.update(progress=progress)


def _store(job: PublishJob, progress: Progress, now: dt.datetime) -> bool:
    """False: the job has changed meanwhile, or another job has the post."""
    same = PublishJob.objects.filter(pk=job.pk, status=Status.PUBLISHED, remote_id=job.remote_id)
    try:
        with transaction.atomic():
            is_stored = same.update(
                remote_id=progress.remote_id,
                post_url=progress.post_url,
                progress=JobProgress(platform=progress).to_json(),
                updated_at=now,
            )
            if is_stored:
                JobEvent.objects.create(
                    job=job,
                    at=now,
                    from_status=job.status,
                    to_status=job.status,
                    actor="late ids",
                    note="The platform has named the id of the post.",
                )
    except IntegrityError:
        logger.warning("another job has this post", extra={"job_id": str(job.pk)})
        return False
    return bool(is_stored)
