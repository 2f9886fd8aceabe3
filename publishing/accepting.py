"""From a caller's draft to a stored job: every check that a post passes before it is accepted."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError

from connections.models import ConnectionNotFoundError, SocialConnection
from connections.posting_options import offered_to
from connections.targets import PostingTarget, target_from_options
from connections.tokens import read_profile_again
from publishing.errors import (
    EmptyPostError,
    IdempotencyKeyReusedError,
    NeedsReauthError,
    PermissionMissingError,
    ScheduleTimePastError,
    ScheduleTimeTooFarError,
)
from publishing.models import ENDED, PublishJob, Status
from publishing.probing import probe_assets
from publishing.transitions import record_start
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    ContentValidationError,
    Violation,
)
from socialpublishing.options import InvalidOptionsError, wrong_options
from socialpublishing.platforms import offered_platform
from socialpublishing.posts import Media, Post, PostWarning
from socialpublishing.text import is_blank

MAX_AHEAD = dt.timedelta(days=366)
# A key can be used for another request when its job has ended and is older than this.
IDEMPOTENCY_WINDOW = dt.timedelta(hours=24)


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
    """Check `draft` and store its job, which the engine then publishes.

    Raises an error if anything is wrong; then nothing is stored and nothing was sent.
    """
    now = database_now()
    if replay := _replay(draft, user_id, now):
        return replay
    connection = connection_for_publishing(draft, user_id)
    check_schedule_time(draft.scheduled_at, now)
    job = PublishJob(
        user_id=user_id,
        connection=connection,
        platform=connection.platform,
        **checked_content(draft, connection),
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


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Every rule of the platform that a draft breaks, and what its author should know."""

    violations: Sequence[Violation]
    warnings: Sequence[PostWarning]


def validate_post(draft: Draft, *, user_id: str) -> Verdict:
    """Would the platform accept `draft`? Nothing is stored and nothing published.

    Raises the errors of `accept_post` for what is wrong with the request itself.
    """
    connection = connection_for_publishing(draft, user_id)
    check_schedule_time(draft.scheduled_at, database_now())
    target = _checked_target(draft, connection)
    violations: list[Violation] = []
    assets = probe_assets(draft.assets, draft.options, target.limits, violations=violations)
    platform, post = connection.platform_type, _post(draft, assets)
    violations += platform.violations(post, connection.profile)
    if offered := offered_to(target):
        violations += platform.offer_violations(post, offered)
    return Verdict(violations=violations, warnings=platform.warnings(post, connection.profile))


# --- Idempotent replay ---------------------------------------------------------------------------


def _replay(draft: Draft, user_id: str, now: dt.datetime) -> Accepted | None:
    """The job of an earlier request with the same key, if there is one."""
    if not draft.idempotency_key:
        return None
    earlier = PublishJob.objects.filter(user_id=user_id, idempotency_key=draft.idempotency_key)
    earlier.filter(status__in=ENDED, created_at__lt=now - IDEMPOTENCY_WINDOW).update(
        idempotency_key=""
    )
    job = earlier.first()
    if job is None:
        return None
    if job.request_hash != draft.request_hash:
        raise IdempotencyKeyReusedError
    return Accepted(job=job, is_replay=True)


def as_first_returned(job: PublishJob) -> PublishJob:
    """An unsaved copy of `job` as the first response showed it, whatever has happened since."""
    return PublishJob(
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


# --- Checks --------------------------------------------------------------------------------------


def connection_for_publishing(draft: Draft, user_id: str) -> SocialConnection:
    connection = SocialConnection.objects.of(user_id).filter(pk=draft.connection_id).first()
    if connection is None:
        raise ConnectionNotFoundError
    offered_platform(connection.platform, connection.login)
    if connection.status == SocialConnection.Status.NEEDS_REAUTH:
        raise NeedsReauthError(connection.status_reason)
    if missing := connection.lacks(sorted(connection.platform_type.app.oauth.publish_scopes)):
        raise PermissionMissingError(missing)
    return connection


def check_schedule_time(at: dt.datetime | None, now: dt.datetime) -> None:
    if at is not None and at <= now:
        raise ScheduleTimePastError
    if at is not None and at > now + MAX_AHEAD:
        raise ScheduleTimeTooFarError


def checked_content(draft: Draft, connection: SocialConnection) -> dict[str, Any]:
    """The columns of a job that hold its content and its target, after all checks of them."""
    target = _checked_target(draft, connection)
    assets = probe_assets(draft.assets, draft.options, target.limits)
    platform = connection.platform_type
    post = _post(draft, assets)
    if violations := platform.violations(post, connection.profile):
        raise ContentValidationError(violations)
    warnings = platform.warnings(post, connection.profile)
    return {
        "destination": target.destination,
        "account": target.key,
        "account_name": target.name,
        "text": draft.text,
        "assets": assets,
        "platform_specific_options": dict(draft.options),
        "warnings": [vars(each) for each in warnings] or None,
    }


def _checked_target(draft: Draft, connection: SocialConnection) -> PostingTarget:
    """The target of the post, after all checks but those of its content."""
    platform = connection.platform_type
    if wrong := wrong_options(draft.options, platform.options):
        raise InvalidOptionsError(wrong)
    platform.check_publishing(Post(options=draft.options))
    target = target_from_options(connection, draft.options)
    if is_blank(draft.text) and not draft.assets:
        raise EmptyPostError
    if platform.depends_on_profile(_post(draft, draft.assets)):
        read_profile_again(connection)
    return target


def _post(draft: Draft, assets: Sequence[Mapping[str, Any]]) -> Post:
    return Post(
        text=draft.text,
        media=tuple(Media.from_asset(asset) for asset in assets),
        options=draft.options,
    )
