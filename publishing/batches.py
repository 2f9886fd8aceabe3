"""Posts that are accepted together, all or none. Then each job goes its own way."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from publishing.accepting import new_job
from publishing.batch_state import batch_as_data, jobs_of
from publishing.checking import Checked, Draft, check_targets
from publishing.engine.in_doubt import can_be_cancelled
from publishing.errors import BatchRejectedError
from publishing.idempotency import NO_KEY, IdempotencyKey, as_stored, made_by
from publishing.models import ENDED, PublishBatch, PublishJob
from publishing.operations import cancellation
from publishing.transitions import move, record_start
from socialpublishing.clock import database_now

MAX_TARGETS = 50
# A job that changes while its batch is being cancelled is read again.
CANCEL_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class AcceptedBatch:
    batch: PublishBatch
    # In the order of the targets. Not read for a repeated request.
    jobs: Sequence[PublishJob] = ()
    # Of the request that this one repeats, with the same Idempotency-Key.
    first_response: dict[str, Any] | None = None


def accept_batch(
    drafts: Sequence[Draft],
    *,
    user_id: str,
    external_reference: str = "",
    metadata: Mapping[str, Any] | None = None,
    key: IdempotencyKey = NO_KEY,
) -> AcceptedBatch:
    """Check all `drafts` and store their jobs. Jobs have the batch's reference and metadata.

    Raises BatchRejectedError with all that is wrong; then nothing is stored.
    """
    now = database_now()
    if replay := _replay(key, user_id, now):
        return replay
    targets = check_targets(drafts, user_id=user_id, now=now)
    if violations := [each for target in targets for each in target.violations_as_data()]:
        raise BatchRejectedError(violations)
    batch = PublishBatch(
        user_id=user_id,
        external_reference=external_reference,
        metadata=metadata,
        idempotency_key=key.value,
        request_hash=key.request_hash,
        created_at=now,
    )
    jobs = _jobs(batch, [target.checked for target in targets if target.checked], now)
    batch.first_response = as_stored(batch_as_data(batch, jobs)) if key.value else ""
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
            record_start(jobs, now=now, actor=f"user {user_id}")
    except IntegrityError:
        # Another request with the same key was faster.
        if replay := _replay(key, user_id, now):
            return replay
        raise
    return AcceptedBatch(batch=batch, jobs=jobs)


def _jobs(batch: PublishBatch, posts: Sequence[Checked], now: dt.datetime) -> list[PublishJob]:
    # Growing ids keep the order of the targets.
    pks = sorted(uuid.uuid4() for _ in posts)
    jobs = [new_job(each, now=now, batch=batch) for each in posts]
    for job, pk in zip(jobs, pks, strict=True):
        job.pk = pk
    return jobs


def _replay(key: IdempotencyKey, user_id: str, now: dt.datetime) -> AcceptedBatch | None:
    open_jobs = PublishJob.objects.filter(batch=OuterRef("pk")).exclude(status__in=ENDED)
    rows = PublishBatch.objects.filter(user_id=user_id)
    batch = made_by(rows, key, has_ended=~Q(Exists(open_jobs)), now=now)
    if batch is None:
        return None
    if batch.first_response:
        data = json.loads(batch.first_response)
    else:
        # It was erased with an account of the batch.
        data = batch_as_data(batch, jobs_of(batch))
    return AcceptedBatch(batch=batch, first_response=data)


def cancel_batch(batch: PublishBatch, *, actor: str) -> None:
    """Stop the jobs whose publish request was not sent. The others go on, as their status shows."""
    for _ in range(CANCEL_ROUNDS):
        jobs = PublishJob.objects.filter(batch=batch).select_related("connection")
        moves = [
            cancellation(job, "cancelled", "The batch was cancelled.")
            for job in jobs
            if can_be_cancelled(job)
        ]
        if len(move(moves, now=database_now(), actor=actor)) == len(moves):
            return
