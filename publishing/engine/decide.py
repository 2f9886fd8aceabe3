"""What a claimed job does next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connections.tokens import needs_refresh
from publishing.engine.in_doubt import (
    PUBLISHED_WITHOUT_URL,
    has_intent,
    intent,
    lookup_since,
    repeat_window_is_over,
    unless_it_may_exist,
)
from publishing.engine.outcomes import ended, failed, left_to_a_person, published, too_late
from publishing.engine.retry import (
    defer,
    late_at,
    look_up_when_reconnected,
    wait_for_known_limit,
    wait_for_owner,
    wait_for_pause,
    wait_for_same_text,
)
from publishing.engine.values import Context, Decision, Step, StepKind
from publishing.models import PublishJob, Status
from publishing.transitions import Move
from socialpublishing.errors import InsufficientPermissionsError, WhoActs
from socialpublishing.platforms.progress import Stage

# A job whose claims end this often without an outcome kills its workers.
MAX_CLAIMS = 5

Rule = Callable[[PublishJob, Context], Decision | None]


def decide(job: PublishJob, context: Context) -> Decision:
    """The first rule that applies; if none does, the job's next step."""
    for rule in RULES:
        if decision := rule(job, context):
            return unless_it_may_exist(decision)
    return unless_it_may_exist(_next_step(job, context))


def _is_published(job: PublishJob, context: Context) -> Decision | None:
    if not job.remote_id:
        return None
    return published(job, context.now, note="The platform had reported the post before.")


def _has_no_account(job: PublishJob, context: Context) -> Decision | None:
    connection = job.connection
    if connection is not None and connection.status != connection.Status.REVOKED:
        return None
    if named := job.stored_progress.platform.remote_id:
        return published(job, context.now, named, note=PUBLISHED_WITHOUT_URL)
    if has_intent(job):
        return left_to_a_person(job, "The account was disconnected before the outcome was known.")
    return ended(job, Status.CANCELLED, "connection_removed", "The account was disconnected.")


def _must_not_start(job: PublishJob, context: Context) -> Decision | None:
    """What keeps a post from being published, and does not keep it from being looked up."""
    if has_intent(job):
        return None
    if repeat_window_is_over(job, context.now):
        return left_to_a_person(job, "A repeat could now publish it twice.")
    if context.now > late_at(job, context.policy.late_grace_s):
        return too_late(job)
    if job.claims > MAX_CLAIMS:
        message = "Working on this post stopped the service repeatedly."
        return failed(job, "poison", message, WhoActs.OPERATOR)
    if context.publishing_off is not None:
        return defer(job, context, context.publishing_off)
    if job.destination is not None and not job.destination.can_publish:
        message = f"The account may no longer publish to {job.account_name}."
        error = InsufficientPermissionsError
        return failed(job, error.code, message, error.who_acts)
    return None


def _waits_for_owner(job: PublishJob, context: Context) -> Decision | None:
    connection = job.connection
    assert connection is not None
    if connection.status != connection.Status.NEEDS_REAUTH or not _needs_token_of_connection(job):
        return None
    if has_intent(job):
        return look_up_when_reconnected(job, context.now)
    return wait_for_owner(job, context, connection.status_reason)


def _needs_token_of_connection(job: PublishJob) -> bool:
    """A destination's own token is enough, until the platform refuses it."""
    assert job.connection is not None
    assert job.target is not None
    was_refused = job.refused_token_version == job.connection.token_version
    return was_refused or not job.target.has_own_token


def _waits_for_limit(job: PublishJob, context: Context) -> Decision | None:
    assert job.target is not None
    until = job.target.row.limited_until
    if until is None or until <= context.now or has_intent(job):
        return None
    return wait_for_known_limit(job, context, until)


def _has_no_platform(job: PublishJob, context: Context) -> Decision | None:
    """Raises InvalidSocialPlatformError, which the worker logs before it defers the job."""
    _ = job.platform_type
    return None


def _needs_refresh(job: PublishJob, context: Context) -> Decision | None:
    connection = job.connection
    assert connection is not None
    if not _needs_token_of_connection(job):
        return None
    was_refused = job.refused_token_version == connection.token_version
    if not was_refused and not needs_refresh(connection, context.now):
        return None
    return _step(job, StepKind.REFRESH, context)


RULES: tuple[Rule, ...] = (
    _is_published,
    _has_no_account,
    _must_not_start,
    _waits_for_owner,
    _waits_for_limit,
    _has_no_platform,
    _needs_refresh,
)


def _next_step(job: PublishJob, context: Context) -> Decision:
    progress = job.stored_progress.platform
    if has_intent(job):
        is_confirming = progress.stage == Stage.CONFIRMING
        return _step(job, StepKind.CONFIRM if is_confirming else StepKind.LOOKUP, context)
    # The first part of a post has the media of all.
    if progress.stage == Stage.PREPARING and not progress.posted and job.needs_preparation:
        return _unless_paused(job, StepKind.PREPARE, context)
    if context.same_text_in_doubt:
        return wait_for_same_text(job, context.now)
    return _unless_paused(job, StepKind.PUBLISH, context)


def _unless_paused(job: PublishJob, kind: StepKind, context: Context) -> Decision:
    for each in context.paused:
        if each.holds(kind):
            return wait_for_pause(job, context, each)
    return _step(job, kind, context)


def _step(job: PublishJob, kind: StepKind, context: Context) -> Decision:
    connection, target = job.connection, job.target
    assert connection is not None
    assert target is not None
    is_refresh, is_lookup = kind == StepKind.REFRESH, kind == StepKind.LOOKUP
    step = Step(
        job=job,
        kind=kind,
        post=job.post,
        # A refresh is the connection's, whatever the post goes to.
        account=connection.account if is_refresh else target.account,
        progress=job.stored_progress.platform,
        token_version=connection.token_version,
        refresh_token=connection.refresh_token if is_refresh else None,
        since=lookup_since(job) if is_lookup else None,
        other_post_ids=context.other_post_ids if is_lookup else frozenset(),
        send_before=context.send_before,
    )
    move = Move(job=job, to=Status(job.status), step=kind)
    move.changes = {
        "next_attempt_at": context.lease_until,
        "waiting_for": "",
        "who_acts": "",
        **_begin(move, kind, context),
    }
    return Decision(move=move, step=step)


def _begin(move: Move, kind: StepKind, context: Context) -> dict[str, Any]:
    """Give `move` the status and note of a step that starts; return what else changes."""
    job = move.job
    match kind:
        case StepKind.PUBLISH:
            move.to = Status.PROCESSING
            move.note = f"Publishing on {job.platform_type.label}."
            return intent(job, context.now)
        case StepKind.LOOKUP if job.status != Status.UNCONFIRMED:
            move.to = Status.UNCONFIRMED
            move.note = "The worker stopped while publishing; looking up whether the post exists."
            move.code = "outcome_unknown"
            return {"error_code": "outcome_unknown", "error_message": move.note}
        case StepKind.PREPARE:
            if job.status != Status.PROCESSING:
                move.note = "Preparing the media."
            move.to = Status.PROCESSING
        case StepKind.REFRESH if not has_intent(job):
            move.to = Status.PROCESSING
            move.note = "Refreshing the account's token."
    return {}
