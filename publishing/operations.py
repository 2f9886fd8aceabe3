"""What users and operators can do with a job: change, cancel, resolve and retry it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from connections.models import ConnectionNotFoundError, SocialConnection
from publishing.checking import (
    Draft,
    check_schedule_time,
    checked,
    connection_for_publishing,
    rescheduled_warnings,
)
from publishing.engine.in_doubt import (
    PUBLISHED_WITHOUT_URL,
    can_be_cancelled,
    has_intent,
    look_up_before_retry,
    may_be_public,
    may_exist,
    nothing_in_doubt,
)
from publishing.engine.outcomes import left_to_a_person, published
from publishing.errors import (
    AlreadySubmittingError,
    NotRetriableError,
    NotUnconfirmedError,
    PostTakenError,
    RemoteIdRequiredError,
)
from publishing.models import ENDED, NOTHING_WRONG, Outcome, PublishJob, Status, WaitingFor
from publishing.transitions import Move, StaleJobError, move, move_one
from socialpublishing.clock import database_now
from socialpublishing.events.models import EventType
from socialpublishing.options import files_in
from socialpublishing.platforms.progress import web_address

# --- Change --------------------------------------------------------------------------------------


def change_job(job: PublishJob, changes: Mapping[str, Any], *, actor: str) -> None:
    """Give a job that has not begun another time, or another content, which is checked again.

    `changes` are fields of a Draft; scheduled_at None: now.
    Raises AlreadySubmittingError, and whatever `accept_post` raises.
    """
    now = database_now()
    if job.status not in {Status.PENDING, Status.SCHEDULED} or may_be_public(job):
        raise AlreadySubmittingError
    draft = replace(_draft_of(job), **changes)
    if "scheduled_at" in changes:
        check_schedule_time(draft.scheduled_at, now)
    columns: dict[str, Any] = {"warnings": rescheduled_warnings(job, draft.scheduled_at or now)}
    has_new_content = not changes.keys().isdisjoint({"text", "assets", "options"})
    if has_new_content:
        columns = checked(draft, connection_for_publishing(draft, job.user_id)).columns()
    change = _change(
        job,
        draft,
        next_attempt_at=now if "scheduled_at" in changes else job.next_attempt_at,
        has_new_content=has_new_content,
    )
    if not changes.keys() <= {"scheduled_at", "late_grace_s"}:
        change.note = "Changed."
    with transaction.atomic():
        columns |= {
            "scheduled_at": draft.scheduled_at,
            "external_reference": draft.external_reference,
            "metadata": draft.metadata,
        }
        PublishJob.objects.filter(pk=job.pk).update(**columns)
        for name, value in columns.items():
            setattr(job, name, value)
        # Reading files may have taken minutes, and callers poll by `updated_at`.
        move_one(change, now=database_now(), actor=actor)
    job.refresh_from_db()


def _draft_of(job: PublishJob) -> Draft:
    if job.connection_id is None:
        raise ConnectionNotFoundError
    return Draft(
        connection_id=job.connection_id,
        text=job.text,
        assets=job.assets,
        options=job.platform_specific_options,
        scheduled_at=job.scheduled_at,
        late_grace_s=job.late_grace_s,
        external_reference=job.external_reference,
        metadata=job.metadata,
        accepted_files=frozenset(_files(job)),
    )


def _files(job: PublishJob) -> Iterator[str]:
    yield from (asset["url"] for asset in job.assets)
    for _, url, _ in files_in(job.platform_specific_options, job.platform_type.options):
        yield url


def _change(
    job: PublishJob, draft: Draft, *, next_attempt_at: dt.datetime | None, has_new_content: bool
) -> Move:
    changes: dict[str, Any] = {
        # A worker that has just claimed the job can no longer write to it.
        "fencing_token": job.fencing_token + 1,
        "lease_owner": "",
        "next_attempt_at": draft.scheduled_at or next_attempt_at,
        "late_grace_s": draft.late_grace_s,
        **NOTHING_WRONG,
        # An earlier publish request is known to have created nothing.
        "in_doubt_since": None,
    }
    if has_new_content:
        changes["progress"] = {}
    return Move(
        job=job,
        to=Status.SCHEDULED if draft.scheduled_at else Status.PENDING,
        changes=changes,
        note="Rescheduled.",
        event=EventType.JOB_CHANGED,
    )


# --- Cancel --------------------------------------------------------------------------------------


def cancel_job(job: PublishJob, *, actor: str, reason: str = "Cancelled.") -> None:
    """Stop a job before its publish request. Raises AlreadySubmittingError after it."""
    if not can_be_cancelled(job):
        raise AlreadySubmittingError
    try:
        move_one(cancellation(job, "cancelled", reason), now=database_now(), actor=actor)
    except StaleJobError:
        job.refresh_from_db()
        if job.status in ENDED or may_be_public(job):
            raise AlreadySubmittingError from None
        raise


def cancel_for_connection(connection: SocialConnection, actor: str) -> int:
    """Cancel the waiting jobs of a connection that ends. Returns how many.

    Submitted jobs go on: their outcome is still recorded.
    """
    waiting = PublishJob.objects.alive().filter(
        connection=connection, publish_started_at__isnull=True
    )
    moves = [
        cancellation(job, "connection_removed", "The account was disconnected.")
        for job in waiting.select_related("connection")
        if not may_exist(job)
    ]
    return len(move(moves, now=database_now(), actor=actor))


def end_without_account(jobs: Iterable[PublishJob], *, actor: str, now: dt.datetime) -> None:
    """End open jobs whose account goes. A post that may exist is left to a person.

    A job that a worker has in hand is one of them only when its lease has ended.
    """
    for job in jobs:
        named = job.remote_id or job.stored_progress.platform.remote_id
        if named:
            end = published(job, now, named, note=PUBLISHED_WITHOUT_URL).move
        elif has_intent(job) or may_exist(job):
            end = left_to_a_person(job, "The account was removed.").move
        else:
            end = cancellation(job, "connection_removed", "The account was removed.")
        end.changes["fencing_token"] = job.fencing_token + 1
        move([end], now=now, actor=actor)


def cancellation(job: PublishJob, code: str, note: str) -> Move:
    """The end of a job that can be cancelled."""
    note = job.with_public_parts(note)
    changes = {
        "error_code": code,
        "error_message": note[:500],
        "who_acts": "",
        # A worker that prepares the post at this moment does not get to publish it.
        "fencing_token": job.fencing_token + 1,
    }
    return Move(job=job, to=Status.CANCELLED, changes=changes, note=note, code=code)


# --- Resolve -------------------------------------------------------------------------------------


def resolve_job(
    job: PublishJob,
    *,
    outcome: Outcome,
    actor: str,
    reason: str = "",
    remote_id: str = "",
    post_url: str = "",
) -> None:
    """Record what a person saw at the platform for a job whose outcome is unknown.

    After NOT_PUBLISHED a retry publishes the post: the person vouches that it does not exist.
    """
    now = database_now()
    if job.status != Status.UNCONFIRMED:
        raise NotUnconfirmedError
    if remote_id and PublishJob.objects.filter(account=job.account, remote_id=remote_id).exists():
        raise PostTakenError
    if outcome == Outcome.NOT_PUBLISHED:
        resolved = _resolved_as_not_published(job, reason)
    elif job.parts_left > 1:
        resolved = _resolved_as_part_of_thread(
            job, now, reason=reason, remote_id=remote_id, post_url=post_url
        )
    else:
        resolved = _resolved_as_published(
            job, now, reason=reason, remote_id=remote_id, post_url=post_url
        )
    resolved.changes["fencing_token"] = job.fencing_token + 1
    move_one(resolved, now=now, actor=actor)


def _resolved_as_published(
    job: PublishJob, now: dt.datetime, *, reason: str, remote_id: str, post_url: str
) -> Move:
    changes = {
        "published_at": job.in_doubt_since or now,
        # The id of a thread is that of its first post.
        "remote_id": next(iter(job.posted), remote_id),
        "post_url": job.post_url or web_address(post_url),
        **NOTHING_WRONG,
    }
    return Move(
        job=job,
        to=Status.PUBLISHED,
        changes=changes,
        note=reason or "A person found the post at the platform.",
    )


def _resolved_as_part_of_thread(
    job: PublishJob, now: dt.datetime, *, reason: str, remote_id: str, post_url: str
) -> Move:
    """One post of a thread is public; the engine publishes the others."""
    if not remote_id:
        raise RemoteIdRequiredError
    progress = job.stored_progress.with_part(remote_id, post_url=job.post_url or post_url)
    changes = {
        **nothing_in_doubt(),
        "progress": progress.to_json(),
        "post_url": progress.platform.post_url,
        "next_attempt_at": now,
        **NOTHING_WRONG,
        "lookups": 0,
    }
    note = reason or "A person found this part at the platform; the rest follows."
    return Move(job=job, to=Status.PENDING, changes=changes, note=note, event=EventType.JOB_CHANGED)


def _resolved_as_not_published(job: PublishJob, reason: str) -> Move:
    note = job.with_public_parts(reason or "A person found that the post does not exist.")
    changes = {
        **nothing_in_doubt(),
        # A retry continues a thread after its public posts.
        "progress": job.stored_progress.restarted().to_json(),
        "error_code": "not_published",
        "error_message": note[:500],
        "who_acts": "",
    }
    return Move(job=job, to=Status.FAILED, changes=changes, note=note, code="not_published")


# --- Retry ---------------------------------------------------------------------------------------


def retry_job(job: PublishJob, *, actor: str, reason: str = "") -> None:
    """Retry a failed or rejected job with all its attempts, or look up an unconfirmed one again.

    A post that may have been published is looked up first: its publish intent stays.
    """
    now = database_now()
    move_one(retrying(job, now, reason), now=now, actor=actor)


def retrying(job: PublishJob, now: dt.datetime, reason: str) -> Move:
    """What `retry_job` stores. Raises NotRetriableError."""
    if job.status not in {Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED}:
        raise NotRetriableError
    if job.content_erased_at is not None:
        raise NotRetriableError("The content of this post was erased.")
    late_s = int((now - job.due_at).total_seconds())
    changes = {
        "fencing_token": job.fencing_token + 1,
        "next_attempt_at": now,
        **NOTHING_WRONG,
        "attempts": 0,
        "claims": 0,
        "retry_pause_s": 0,
        "lookups": 0,
        # The person wants the post in spite of its lateness: the grace starts again.
        "late_grace_s": late_s + settings.LATE_PUBLISH_GRACE_SECONDS,
    }
    if job.status == Status.UNCONFIRMED:
        to, note = Status.UNCONFIRMED, reason or "Looking it up again."
    else:
        to, note = Status.PENDING, reason or "Retried."
        changes |= look_up_before_retry(job)
    return Move(job=job, to=to, changes=changes, note=note, event=EventType.JOB_CHANGED)


def resume_for_connection(connection: SocialConnection) -> None:
    """Make the jobs due that wait for their owner to connect the account again."""
    waiting = PublishJob.objects.alive().filter(
        # A worker of the release before stores the code alone.
        Q(waiting_for=WaitingFor.OWNER) | Q(error_code="needs_reauth"),
        connection=connection,
    )
    now = database_now()
    moves = [
        Move(
            job=job,
            to=Status.PENDING,
            changes={
                "next_attempt_at": now,
                **NOTHING_WRONG,
                "refused_token_version": None,
            },
            note="The account was connected again.",
            event=EventType.JOB_CHANGED,
        )
        for job in waiting.filter(lease_owner="", status=Status.PENDING)
    ]
    move(moves, now=now, actor=f"user {connection.user_id}")
