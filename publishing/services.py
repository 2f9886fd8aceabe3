"""What users and operators can do with posts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from connections.models import ConnectionNotFoundError, SocialConnection
from connections.targets import PostingTarget, target_from_options
from publishing.models import ENDED, Outcome, PublishJob, Status
from publishing.transitions import Move, StaleJobError, move, move_one, record_start
from socialpublishing import media
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    AssetSizeUnknownError,
    AssetTypeMismatchError,
    ContentValidationError,
    MediaError,
    SocialPublishingBaseError,
    Violation,
)
from socialpublishing.limits import Capabilities, PostType
from socialpublishing.options import InvalidOptionsError, wrong_options
from socialpublishing.platforms import offered_platform
from socialpublishing.platforms.progress import Stage, web_address
from socialpublishing.posts import MEASURES, Media, MediaKind, Post, media_kind
from socialpublishing.text import is_blank

MAX_AHEAD = dt.timedelta(days=366)
# A key may be used anew when its job has ended and so much time is over.
IDEMPOTENCY_FOR = dt.timedelta(hours=24)


class JobNotFoundError(SocialPublishingBaseError):
    code = "job_not_found"
    sentence = "You have no such job."


class EmptyPostError(SocialPublishingBaseError):
    code = "empty_post"
    sentence = "A post needs a text or at least one asset."


class ScheduleTimeError(SocialPublishingBaseError):
    code = "schedule_time_past"
    sentence = "schedule_time lies in the past."


class ScheduleTimeFarError(SocialPublishingBaseError):
    code = "schedule_time_too_far"
    sentence = "schedule_time lies more than a year ahead."


class NeedsReauthError(SocialPublishingBaseError):
    code = "needs_reauth"
    sentence = "The account has to be connected again before it can publish."


class PermissionMissingError(SocialPublishingBaseError):
    code = "permission_missing"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"The account was connected without the permission to publish ({', '.join(missing)}). "
            "Please connect it again and grant it."
        )


class IdempotencyKeyReusedError(SocialPublishingBaseError):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used for another request."


class AlreadySubmittingError(SocialPublishingBaseError):
    code = "already_submitting"
    sentence = "The post is being published or has ended; it can no longer be cancelled or changed."


class NotRetriableError(SocialPublishingBaseError):
    code = "not_retriable"
    sentence = "Only a job that failed or was rejected can be tried again."


class NotUnconfirmedError(SocialPublishingBaseError):
    code = "not_unconfirmed"
    sentence = "Only a job whose outcome nobody knows is settled by a person."


class PostTakenError(SocialPublishingBaseError):
    code = "post_taken"
    sentence = "Another job stands for this post already."


class RemoteIdRequiredError(SocialPublishingBaseError):
    code = "remote_id_required"
    sentence = (
        "It is one post of a thread, and the next one answers it: tell its id at the platform as "
        "remote_id."
    )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a caller wants to publish, as sent."""

    connection_id: uuid.UUID
    text: str = ""
    assets: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    scheduled_at: dt.datetime | None = None
    late_grace_s: int | None = None
    idempotency_key: str = ""
    request_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    job: PublishJob
    is_replay: bool = False


def accept_post(draft: Draft, *, user_id: str) -> Accepted:
    """Check `draft` and store its job; from then on the job is the engine's.

    Raises the error that says what is wrong; then nothing is stored and nothing was sent.
    """
    now = database_now()
    if replay := _replay(draft, user_id, now):
        return replay
    connection = _connection(draft, user_id)
    _check_time(draft.scheduled_at, now)
    job = PublishJob(
        user_id=user_id,
        connection=connection,
        platform=connection.platform,
        **_content(draft, connection),
        status=Status.SCHEDULED if draft.scheduled_at else Status.PENDING,
        scheduled_at=draft.scheduled_at,
        late_grace_s=draft.late_grace_s,
        next_attempt_at=draft.scheduled_at or now,
        idempotency_key=draft.idempotency_key,
        request_hash=draft.request_hash,
        created_at=now,
        updated_at=now,
    )
    try:
        record_start([job], now=now, actor=f"user {user_id}")
    except IntegrityError:
        # Another request with the same key was faster.
        if replay := _replay(draft, user_id, now):
            return replay
        raise
    return Accepted(job=job)


def _content(draft: Draft, connection: SocialConnection) -> dict[str, Any]:
    """The columns of a job that hold its content and its target, once all of it is checked."""
    target = _checked_target(draft, connection)
    assets = probe_assets(draft, target.limits)
    platform = connection.platform_type
    if violations := platform.violations(_post(draft, assets), connection.profile):
        raise ContentValidationError(violations)
    return {
        "destination": target.destination,
        "account": target.key,
        "account_name": target.name,
        "text": draft.text,
        "assets": assets,
        "platform_specific_options": dict(draft.options),
    }


def check_post(draft: Draft, *, user_id: str) -> list[Violation]:
    """Every rule of the platform that `draft` breaks; nothing is stored and nothing sent.

    Raises the errors of `accept_post` for what is wrong with the request itself.
    """
    connection = _connection(draft, user_id)
    _check_time(draft.scheduled_at, database_now())
    target = _checked_target(draft, connection)
    found: list[Violation] = []
    assets = probe_assets(draft, target.limits, found)
    platform = connection.platform_type
    return found + platform.violations(_post(draft, assets), connection.profile)


def _checked_target(draft: Draft, connection: SocialConnection) -> PostingTarget:
    """Where the post goes, once everything but its content is checked."""
    platform = connection.platform_type
    if wrong := wrong_options(draft.options, platform.options):
        raise InvalidOptionsError(wrong)
    platform.check_publishing(Post(options=draft.options))
    target = target_from_options(connection, draft.options)
    if is_blank(draft.text) and not draft.assets:
        raise EmptyPostError
    return target


def _replay(draft: Draft, user_id: str, now: dt.datetime) -> Accepted | None:
    if not draft.idempotency_key:
        return None
    earlier = PublishJob.objects.filter(user_id=user_id, idempotency_key=draft.idempotency_key)
    earlier.filter(status__in=ENDED, created_at__lt=now - IDEMPOTENCY_FOR).update(
        idempotency_key=""
    )
    job = earlier.first()
    if job is None:
        return None
    if job.request_hash != draft.request_hash:
        raise IdempotencyKeyReusedError
    return Accepted(job=job, is_replay=True)


def _connection(draft: Draft, user_id: str) -> SocialConnection:
    connection = SocialConnection.objects.of(user_id).filter(pk=draft.connection_id).first()
    if connection is None:
        raise ConnectionNotFoundError
    offered_platform(connection.platform, connection.login)
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise NeedsReauthError(connection.status_reason)
    missing = sorted(connection.platform_type.oauth.publish_scopes - set(connection.scopes))
    if missing:
        raise PermissionMissingError(missing)
    return connection


def _check_time(at: dt.datetime | None, now: dt.datetime) -> None:
    if at is not None and at <= now:
        raise ScheduleTimeError
    if at is not None and at > now + MAX_AHEAD:
        raise ScheduleTimeFarError


def probe_assets(
    draft: Draft, limits: Capabilities, found: list[Violation] | None = None
) -> list[dict[str, Any]]:
    """The assets with what their servers and their bytes say of them.

    Raises MediaError for the first that cannot be used; with `found`, each is added to it instead.
    """
    assets = [dict(asset) for asset in draft.assets]
    if len(assets) > limits.max_media:
        return assets  # too many to be published, so there is no reason to fetch them
    kind = limits.of(Post(options=draft.options))
    for number, asset in enumerate(assets, start=1):
        try:
            asset |= _probed(asset, kind)
        except MediaError as error:
            if found is None:
                raise
            message = f"Asset {number}: {error}"
            found.append(Violation(rule=error.code, limit=None, actual=None, message=message))
    return assets


def _post(draft: Draft, assets: Sequence[Mapping[str, Any]]) -> Post:
    media = tuple(Media.from_asset(asset) for asset in assets)
    return Post(text=draft.text, media=media, options=draft.options)


def _probed(asset: Mapping[str, Any], kind: PostType) -> dict[str, Any]:
    cap = max((limit.max_bytes for limit in kind.media.values()), default=0)
    facts = media.probe(asset["url"], declared_type=asset["mime_type"], max_bytes=cap)
    found = MediaKind.GIF if facts.is_animated_gif else media_kind(facts.mime_type)
    if found != asset["asset_type"] and (found, asset["asset_type"]) != ("gif", "image"):
        raise AssetTypeMismatchError(
            f"The asset is called {asset['asset_type']}, but it is {found}."
        )
    if facts.size_bytes is None and found in {MediaKind.VIDEO, MediaKind.DOCUMENT}:
        raise AssetSizeUnknownError(f"The server does not tell how large the {found} is.")
    measures = {name: getattr(facts, name) for name in MEASURES}
    return {"kind": found, "mime_type": facts.mime_type, **measures}


# --- Afterwards ----------------------------------------------------------------------------------


def cancel_job(job: PublishJob, *, actor: str, reason: str = "Cancelled.") -> None:
    """Stop a job before its publishing call. Raises AlreadySubmittingError after it."""
    if not can_be_cancelled(job):
        raise AlreadySubmittingError
    try:
        # The fence moves, so a worker that prepares the post right now will not get to publish it.
        move_one(_cancellation(job, "cancelled", reason), now=database_now(), actor=actor)
    except StaleJobError:
        job.refresh_from_db()
        if job.status in ENDED or has_begun(job):
            raise AlreadySubmittingError from None
        raise


def can_be_cancelled(job: PublishJob) -> bool:
    return job.status not in {*ENDED, Status.UNCONFIRMED} and not has_begun(job)


def _without_refusal(progress: Mapping[str, Any]) -> dict[str, Any]:
    """What was said against the last try does not stand against the next."""
    return {name: value for name, value in progress.items() if name not in {"refusal", "absent"}}


def has_begun(job: PublishJob) -> bool:
    """Is any of it public, or may it be?"""
    return job.publish_started_at is not None or job.may_exist or bool(job.posted)


def change_job(job: PublishJob, changes: Mapping[str, Any], *, actor: str) -> None:
    """Give a job that has not begun another time, or another content, which is checked anew.

    `changes` are fields of a Draft: text, assets, options, scheduled_at (None: now), late_grace_s.
    Raises AlreadySubmittingError, and whatever `accept_post` raises.
    """
    now = database_now()
    if job.status not in {Status.PENDING, Status.SCHEDULED} or has_begun(job):
        raise AlreadySubmittingError
    draft = replace(_draft_of(job), **changes)
    if "scheduled_at" in changes:
        _check_time(draft.scheduled_at, now)
    columns: dict[str, Any] = {}
    if not changes.keys().isdisjoint({"text", "assets", "options"}):
        columns = _content(draft, _connection(draft, job.user_id))
    due = draft.scheduled_at or (now if "scheduled_at" in changes else job.next_attempt_at)
    step = Move(
        job=job,
        to=Status.SCHEDULED if draft.scheduled_at else Status.PENDING,
        changes={
            # The fence moves: a worker that has just taken the job comes to nothing with it.
            "fencing_token": job.fencing_token + 1,
            "lease_owner": "",
            "next_attempt_at": due,
            "late_grace_s": draft.late_grace_s,
            "error_code": "",
            "error_message": "",
            # An earlier call is known to have made nothing.
            "in_doubt_since": None,
            **({"progress": {}} if columns else {}),
        },
        note="Changed." if columns else "Rescheduled.",
    )
    with transaction.atomic():
        move_one(step, now=now, actor=actor)
        columns["scheduled_at"] = draft.scheduled_at
        PublishJob.objects.filter(pk=job.pk).update(**columns)
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
    )


def resolve_job(
    job: PublishJob,
    outcome: Outcome,
    *,
    actor: str,
    reason: str = "",
    remote_id: str = "",
    post_url: str = "",
) -> None:
    """Settle a job whose outcome the platform does not tell, by what a person saw there.

    After NOT_PUBLISHED it may be tried again, and would then be published: the person vouches.
    """
    now = database_now()
    if job.status != Status.UNCONFIRMED:
        raise NotUnconfirmedError
    if remote_id and PublishJob.objects.filter(account=job.account, remote_id=remote_id).exists():
        raise PostTakenError
    found: dict[str, Any] = {"fencing_token": job.fencing_token + 1}
    if outcome == Outcome.PUBLISHED and job.parts_left > 1:
        if not remote_id:
            raise RemoteIdRequiredError
        # It is one post of a thread: the others follow.
        part = job.stored_progress.with_part(remote_id, post_url=job.post_url or post_url)
        found |= {
            "progress": {**job.progress, "stage": Stage.READY, "posted": list(part.posted)},
            "post_url": part.post_url,
            "publish_started_at": None,
            "in_doubt_since": None,
            "next_attempt_at": now,
            "error_code": "",
            "error_message": "",
            "lookups": 0,
        }
        note = reason or "Found there; the thread goes on behind it."
        settled = Move(job=job, to=Status.PENDING, changes=found, note=note)
    elif outcome == Outcome.PUBLISHED:
        found |= {
            "published_at": job.in_doubt_since or now,
            # A thread is known by its first post.
            "remote_id": next(iter(job.posted), remote_id),
            "post_url": job.post_url or web_address(post_url),
            "error_code": "",
            "error_message": "",
        }
        settled = Move(job=job, to=Status.PUBLISHED, changes=found, note=reason or "Found there.")
    else:
        note = job.with_public_parts(reason or "A person found that the post is not there.")
        found |= {
            "publish_started_at": None,
            "in_doubt_since": None,
            # A retry goes on behind it.
            "progress": job.restarted_progress,
            "error_code": "not_published",
            "error_message": note[:500],
        }
        settled = Move(job=job, to=Status.FAILED, changes=found, note=note, code="not_published")
    move_one(settled, now=now, actor=actor)


def retry_job(job: PublishJob, *, actor: str, reason: str = "") -> None:
    """Try a failed or rejected job again, with all its tries.

    What may have been published is looked up first: the mark stays where the outcome is unclear.
    """
    now = database_now()
    fresh = {
        "fencing_token": job.fencing_token + 1,
        "next_attempt_at": now,
        "error_code": "",
        "error_message": "",
        "attempts": 0,
        "claims": 0,
        "retry_pause_s": 0,
        "lookups": 0,
        # Late on purpose: its grace begins anew.
        "late_grace_s": int((now - job.due_at).total_seconds())
        + settings.LATE_PUBLISH_GRACE_SECONDS,
    }
    if job.status == Status.UNCONFIRMED:
        again = Move(job=job, to=Status.UNCONFIRMED, changes=fresh, note=reason or "Looking again.")
    elif job.status in {Status.FAILED, Status.CONTENT_REJECTED}:
        note = reason or "Tried again by hand."
        # Where a call's outcome is open, it is looked for before anything is sent.
        fresh |= {
            "publish_started_at": job.in_doubt_since,
            "progress": _without_refusal(job.progress),
        }
        again = Move(job=job, to=Status.PENDING, changes=fresh, note=note)
    else:
        raise NotRetriableError
    move_one(again, now=now, actor=actor)


def cancel_for_connection(connection: SocialConnection, actor: str) -> int:
    """Cancel what waits for a connection that ends; what was submitted is still recorded."""
    waiting = PublishJob.objects.alive().filter(
        connection=connection, publish_started_at__isnull=True
    )
    moves = [
        _cancellation(job, "connection_removed", "The account was disconnected.")
        for job in waiting.select_related("connection")
        if not job.may_exist
    ]
    return len(move(moves, now=database_now(), actor=actor))


def resume_for_connection(connection: SocialConnection) -> None:
    """Let the jobs that waited for their owner go on: the account is connected again."""
    held = PublishJob.objects.alive().filter(connection=connection, error_code="needs_reauth")
    moves = [
        Move(
            job=job,
            to=Status.PENDING,
            changes={
                "next_attempt_at": database_now(),
                "error_code": "",
                "error_message": "",
                "refused_token_version": None,
            },
            note="The account was connected again.",
        )
        for job in held.filter(lease_owner="", status=Status.PENDING)
    ]
    move(moves, now=database_now(), actor=f"user {connection.user_id}")


def _cancellation(job: PublishJob, code: str, note: str) -> Move:
    note = job.with_public_parts(note)
    changes = {
        "error_code": code,
        "error_message": note[:500],
        "fencing_token": job.fencing_token + 1,
    }
    return Move(job=job, to=Status.CANCELLED, changes=changes, note=note, code=code)
