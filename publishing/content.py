"""Erasing what jobs hold of their users, without touching what keeps posts from going out twice."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from publishing.models import ENDED, FollowUp, JobEvent, PublishJob, Status
from publishing.progress import JobProgress
from socialpublishing.platforms.progress import Progress

# A lookup of another job may still come across a post that is no older than this.
RECENT = dt.timedelta(minutes=10)
# What the author gave us.
CONTENT: dict[str, Any] = {
    "text": "",
    "assets": [],
    "platform_specific_options": {},
    "metadata": None,
    "first_response": "",
}
# What else names people, or quotes the post.
TRACES: dict[str, Any] = {
    "account_name": "",
    "external_reference": "",
    "warnings": None,
    "at_risk": None,
    "error_message": "",
    "idempotency_key": "",
    "request_hash": "",
}


def needed_by_others(now: dt.datetime) -> Q:
    """Jobs whose post another open job of the account could take for its own.

    The ids of such posts are compared with what a lookup finds (worker/contexts.py).
    """
    may_be_public = (
        Q(published_at__isnull=False)
        | Q(in_doubt_since__isnull=False)
        | ~Q(remote_id="")
        | ~Q(post_url="")
    )
    # All open jobs lack `published_at`, which the index of accounts needs to see.
    open_jobs = PublishJob.objects.filter(account=OuterRef("account"), published_at__isnull=True)
    others = open_jobs.exclude(status__in=ENDED).exclude(pk=OuterRef("pk"))
    begun = Q(Exists(others.exclude(status=Status.SCHEDULED)))
    is_recent = Q(published_at__gte=now - RECENT) | Q(in_doubt_since__gte=now - RECENT)
    return may_be_public & (begun | (is_recent & Q(Exists(others))))


def erase_content(jobs: QuerySet[PublishJob], now: dt.datetime) -> int:
    """Erase what the author gave us; the history stays. Such a job cannot be retried."""
    FollowUp.objects.filter(job__in=jobs).update(text="")
    return jobs.update(**CONTENT, content_erased_at=now)


def erase_traces(jobs: QuerySet[PublishJob], now: dt.datetime) -> None:
    """Erase all but ids, statuses, times, and what distinguishes the post from others."""
    pks = []
    for job in jobs.only("progress"):
        pks.append(job.pk)
        public = job.stored_progress.platform
        progress = JobProgress(platform=Progress(posted=public.posted, remote_id=public.remote_id))
        PublishJob.objects.filter(pk=job.pk).update(progress=progress.to_json())
    JobEvent.objects.filter(job__in=pks).update(note="")
    FollowUp.objects.filter(job__in=pks).update(error_message="")
    rows = PublishJob.objects.filter(pk__in=pks)
    # Where only parts are public, the address marks the job as one whose ids are compared.
    rows.exclude(remote_id="").update(post_url="")
    rows.update(**TRACES)
    erase_content(rows, now)


def erase_account(jobs: QuerySet[PublishJob]) -> None:
    """Erase whose account it was, and which post. For ended jobs that no other job needs."""
    for job in jobs.only("platform"):
        PublishJob.objects.filter(pk=job.pk).update(
            account=f"{job.platform}:erased-{job.pk.hex}",
            remote_id="",
            post_url="",
            progress={},
        )
        job.follow_ups.update(remote_id="", progress={})
