"""From a caller's draft to a stored job. The checks are in checking.py."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q
from structlog.contextvars import get_contextvars

from publishing.checking import (
    Checked,
    Draft,
    check_schedule_time,
    checked,
    connection_for_publishing,
)
from publishing.idempotency import NO_KEY, IdempotencyKey, as_stored, made_by
from publishing.models import ENDED, PublishBatch, PublishJob, Status
from publishing.representation import content_as_data, job_as_data
from publishing.transitions import record_start
from socialpublishing.clock import database_now

# A job that was accepted so lately, with the same content and target, may be the same post.
DUPLICATES_WITHIN = dt.timedelta(minutes=10)
MAX_COMPARED = 200


@dataclass(frozen=True, kw_only=True)
class Accepted:
    job: PublishJob
    # Of the request that this one repeats, with the same Idempotency-Key.
    first_response: dict[str, Any] | None = None


def accept_post(draft: Draft, *, user_id: str, key: IdempotencyKey = NO_KEY) -> Accepted:
    """Check `draft` and store its job, which the engine then publishes.

    Raises an error if anything is wrong; then nothing is stored and nothing was sent.
    """
    now = database_now()
    if replay := _replay(key, user_id, now):
        return replay
    connection = connection_for_publishing(draft, user_id)
    check_schedule_time(draft.scheduled_at, now)
    job = new_job(checked(draft, connection), now=now)
    job.idempotency_key, job.request_hash = key.value, key.request_hash
    job.first_response = as_stored(job_as_data(job)) if key.value else ""
    try:
        record_start([job], now=now, actor=f"user {user_id}")
    except IntegrityError:
        # Another request with the same key was faster.
        if replay := _replay(key, user_id, now):
            return replay
        raise
    return Accepted(job=job)


def new_job(found: Checked, *, now: dt.datetime, batch: PublishBatch | None = None) -> PublishJob:
    """The unsaved job of a post without violations. Raises what is wrong."""
    draft, connection = found.candidate.draft, found.candidate.target.connection
    return PublishJob(
        user_id=connection.user_id,
        connection=connection,
        platform=connection.platform,
        batch=batch,
        external_reference=draft.external_reference,
        metadata=draft.metadata,
        **found.columns(),
        status=Status.SCHEDULED if draft.scheduled_at else Status.PENDING,
        scheduled_at=draft.scheduled_at,
        late_grace_s=draft.late_grace_s,
        next_attempt_at=draft.scheduled_at or now,
        created_at=now,
        updated_at=now,
        request_id=get_contextvars().get("request_id", ""),
    )


# --- Repeated requests ---------------------------------------------------------------------------


def _replay(key: IdempotencyKey, user_id: str, now: dt.datetime) -> Accepted | None:
    rows = PublishJob.objects.filter(user_id=user_id)
    job = made_by(rows, key, has_ended=Q(status__in=ENDED), now=now)
    if job is None:
        return None
    # The release before stored no response.
    data = json.loads(job.first_response) if job.first_response else _as_first_returned(job)
    return Accepted(job=job, first_response=data)


def _as_first_returned(job: PublishJob) -> dict[str, Any]:
    return job_as_data(
        PublishJob(
            id=job.pk,
            user_id=job.user_id,
            connection_id=job.connection_id,
            platform=job.platform,
            account_name=job.account_name,
            status=Status.SCHEDULED if job.scheduled_at else Status.PENDING,
            scheduled_at=job.scheduled_at,
            warnings=job.warnings,
            next_attempt_at=job.due_at,
            created_at=job.created_at,
            updated_at=job.created_at,
        )
    )


def keep_first_response(job: PublishJob) -> None:
    """Store what the first response shows, if `job` has changed while its caller waited for it."""
    if job.first_response:
        stored = as_stored(job_as_data(job))
        PublishJob.objects.filter(pk=job.pk).update(first_response=stored)


def possible_duplicates(jobs: Sequence[PublishJob]) -> list[UUID]:
    """Jobs of the last ten minutes that may be the same posts as the new `jobs` of a user.

    For each of these the first with the same target, text, assets and options.
    """
    [newest] = jobs[:1]
    others = PublishJob.objects.filter(
        user_id=newest.user_id,
        created_at__gte=newest.created_at - DUPLICATES_WITHIN,
        account__in={job.account for job in jobs},
        text__in={job.text for job in jobs},
    ).exclude(pk__in=[job.pk for job in jobs])
    columns = ("account", "text", "assets", "platform_specific_options")
    first: dict[str, UUID] = {}
    for other in others.only(*columns).order_by("created_at", "pk")[:MAX_COMPARED]:
        first.setdefault(_identity(other), other.pk)
    found = [first.get(_identity(job)) for job in jobs]
    return [pk for pk in dict.fromkeys(found) if pk is not None]


def _identity(job: PublishJob) -> str:
    return json.dumps([job.account, content_as_data(job)], sort_keys=True)
