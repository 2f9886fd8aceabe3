"""From a caller's draft to a stored job: every check that a post passes before it is accepted."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError

from connections.models import ConnectionNotFoundError, SocialConnection
from connections.posting_options import offered_to
from connections.targets import PostingTarget, target_from_options
from connections.tokens import is_renewable, read_profile_again
from publishing.errors import (
    EmptyPostError,
    IdempotencyKeyReusedError,
    NeedsReauthError,
    PermissionMissingError,
    ScheduleTimePastError,
    ScheduleTimeTooFarError,
)
from publishing.models import ENDED, PublishJob, Status
from publishing.probing import probe_assets, without_lost_alt_texts, wrong_files
from publishing.transitions import record_start
from socialpublishing import media
from socialpublishing.clock import database_now
from socialpublishing.errors import (
    ContentValidationError,
    Violation,
)
from socialpublishing.options import InvalidOptionsError, checked_options, with_files
from socialpublishing.platforms import offered_platform
from socialpublishing.platforms.follow_ups import FIRST_COMMENT
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
    # Addresses of files of the job that this draft changes: they were accepted with it.
    accepted_files: frozenset[str] = frozenset()

    def own_file(self, url: str, user_id: str) -> str:
        """`url`, or for a path that of a file of `user_id`. Raises MediaError."""
        return url if url in self.accepted_files else media.owned(url, user_id)


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
    draft = _with_checked_options(draft, connection)
    target = _checked_target(draft, connection)
    platform = connection.platform_type
    violations = [
        Violation(rule=error.code, limit=None, actual=path, message=f"{path}: {error}")
        for path, error in wrong_files(draft.options, platform.options)
    ]
    assets = probe_assets(
        draft.assets,
        draft.options,
        target.limits,
        own_file=lambda url: draft.own_file(url, user_id),
        violations=violations,
    )
    post = _post(draft, assets)
    violations += _violations(post, target)
    if offered := offered_to(target):
        violations += platform.offer_violations(post, offered)
    return Verdict(violations=violations, warnings=_warnings(draft, target, post))


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
    return connection


def check_schedule_time(at: dt.datetime | None, now: dt.datetime) -> None:
    if at is not None and at <= now:
        raise ScheduleTimePastError
    if at is not None and at > now + MAX_AHEAD:
        raise ScheduleTimeTooFarError


def checked_content(draft: Draft, connection: SocialConnection) -> dict[str, Any]:
    """The columns of a job that hold its content and its target, after all checks of them."""
    draft = _with_checked_options(draft, connection)
    target = _checked_target(draft, connection)
    platform = connection.platform_type
    if wrong := list(wrong_files(draft.options, platform.options)):
        raise InvalidOptionsError([(path, str(error)) for path, error in wrong])
    assets = probe_assets(
        draft.assets,
        draft.options,
        target.limits,
        own_file=lambda url: draft.own_file(url, connection.user_id),
    )
    post = _post(draft, assets)
    if violations := _violations(post, target):
        raise ContentValidationError(violations)
    return {
        "destination": target.destination,
        "account": target.key,
        "account_name": target.name,
        "text": draft.text,
        "assets": without_lost_alt_texts(assets, target.limits.of(post)),
        "platform_specific_options": draft.options,
        "warnings": [vars(each) for each in _warnings(draft, target, post)] or None,
    }


def _with_checked_options(draft: Draft, connection: SocialConnection) -> Draft:
    known = connection.platform_type.options
    options = checked_options(draft.options, known)
    options = with_files(options, known, lambda url: draft.own_file(url, connection.user_id))
    return replace(draft, options=options)


def _checked_target(draft: Draft, connection: SocialConnection) -> PostingTarget:
    """The target of the post, after all checks but those of its content."""
    post = Post(options=draft.options)
    connection.platform_type.check_publishing(post)
    target = target_from_options(connection, draft.options)
    _check_permission(target, post)
    content_options = target.limits.of(post).content_options
    has_content = draft.assets or not content_options.isdisjoint(draft.options)
    if is_blank(draft.text) and not has_content:
        raise EmptyPostError(content_options)
    if connection.platform_type.depends_on_profile(_post(draft, draft.assets)):
        read_profile_again(connection)
    return target


def _check_permission(target: PostingTarget, post: Post) -> None:
    connection = target.connection
    # A target with its own token publishes with it, whatever became of the connection's.
    needs_connection = not target.has_own_token
    if connection.status == SocialConnection.Status.NEEDS_REAUTH and needs_connection:
        raise NeedsReauthError(connection.status_reason)
    missing = connection.lacks(connection.platform_type.needed_scopes(post))
    if missing:
        raise PermissionMissingError(sorted(missing), kind=post.post_type)


def _violations(post: Post, target: PostingTarget) -> list[Violation]:
    connection = target.connection
    platform = connection.platform_type
    return [
        *platform.violations(post, connection.profile),
        *_comment_permission_violations(post, target),
    ]


def _comment_permission_violations(post: Post, target: PostingTarget) -> Iterator[Violation]:
    connection = target.connection
    steps = connection.platform_type.follow_ups.get(FIRST_COMMENT)
    if steps is None or not post.options.get(FIRST_COMMENT):
        return
    wanted = steps.scopes(at_destination=target.destination is not None)
    if missing := sorted(connection.lacks(wanted)):
        yield Violation(
            rule="comment_permission",
            limit=sorted(wanted),
            actual=missing,
            message="The account was connected without the permission to comment "
            f"({', '.join(missing)}).",
            fix="Connect the account again and grant it, or remove first_comment.",
        )


def _warnings(draft: Draft, target: PostingTarget, post: Post) -> list[PostWarning]:
    connection = target.connection
    warnings = connection.platform_type.warnings(post, connection.profile)
    return [*warnings, *token_warnings(target, draft.scheduled_at or database_now())]


def rescheduled_warnings(job: PublishJob, due: dt.datetime) -> list[dict[str, str]] | None:
    """The warnings of `job` once it is due at another time."""
    kept = [each for each in job.warnings or () if each["code"] != "token_ends_before"]
    added = token_warnings(job.target, due) if job.target else ()
    return [*kept, *map(vars, added)] or None


def token_warnings(target: PostingTarget, due: dt.datetime) -> Iterator[PostWarning]:
    """A warning if the authorization ends before `due`, and only the owner can renew it."""
    connection = target.connection
    if target.has_own_token:
        return
    ends_at = connection.expires_at
    if is_renewable(connection):
        # Refreshing an account that nobody uses keeps a rotating refresh token alive.
        is_kept = connection.platform_type.app.oauth.rotates_refresh_token
        ends_at = None if is_kept else connection.refresh_expires_at
    if ends_at is not None and ends_at < due:
        yield PostWarning(
            code="token_ends_before",
            message=f"The authorization of the account ends at {ends_at:%Y-%m-%d %H:%M} UTC, "
            "before the post is due. Its owner has to connect it again by then.",
        )


def _post(draft: Draft, assets: Sequence[Mapping[str, Any]]) -> Post:
    return Post(
        text=draft.text,
        media=tuple(Media.from_asset(asset) for asset in assets),
        options=draft.options,
    )
