"""What becomes of a job after a step."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from typing import Any

from connections.tokens import is_fresh, is_renewable, is_usable
from publishing.engine import in_doubt
from publishing.engine.in_doubt import FOUND, has_intent, unless_it_may_exist
from publishing.engine.outcomes import code_of, ended, failed, left_to_a_person, published, wait
from publishing.engine.retry import (
    look_up_when_reconnected,
    poll_pause,
    restart_upload,
    retry,
    wait_for_fresh_token,
    wait_for_limit,
    wait_for_owner,
    wait_for_pause,
)
from publishing.engine.values import Context, Decision, Paused, Result, StepKind
from publishing.job_log import facts_of
from publishing.models import NOTHING_WRONG, PublishJob, Status, WaitingFor
from publishing.progress import JobProgress
from publishing.transitions import Move
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MalformedResponseError,
    MediaError,
    PlatformApiError,
    PlatformRefusedError,
    PlatformUnreachableError,
    Retry,
    SocialPublishingBaseError,
    TokenExpiredError,
    UploadLostError,
    WhoActs,
)
from socialpublishing.platforms.pauses import FIRST_PROBE_S, refusal_of_app
from socialpublishing.platforms.progress import Found, Progress, Stage

logger = logging.getLogger(__name__)

# A response to one of these shows whether the platform accepts our app.
STEPS_OF_PUBLISHING = frozenset({StepKind.PREPARE, StepKind.PUBLISH})


def settle(result: Result, context: Context) -> Decision:
    """What becomes of the job after `result`. The worker stores a refresh before it calls this."""
    error = result.error
    if error is None:
        decision = replace(_after_value(result, context), limited_until=result.limited_until)
    else:
        decision = _after_error(result, error, context)
    in_doubt.forget_refused_request(result, decision)
    _record(result, decision.move)
    return unless_it_may_exist(_about_our_app(result, decision))


def _about_our_app(result: Result, decision: Decision) -> Decision:
    if result.step.kind not in STEPS_OF_PUBLISHING:
        return decision
    error = result.error
    if refusal := refusal_of_app(error):
        return replace(decision, pause=refusal)
    was_accepted = error is None or getattr(error, "token_was_accepted", False)
    return replace(decision, app_was_accepted=was_accepted)


def _record(result: Result, move: Move) -> None:
    error = result.error
    move.step = result.step.kind
    move.duration_ms = result.duration_ms
    # An outcome is recorded, so this claim did not kill its worker.
    move.changes["claims"] = 0
    if result.step.kind != StepKind.REFRESH and getattr(error, "token_was_accepted", False):
        move.changes.setdefault("refused_token_version", None)
    if isinstance(error, PlatformApiError):
        move.platform_status = error.status_code
        move.platform_code = error.platform_code
        move.platform_request_id = error.request_id


# --- After a value -------------------------------------------------------------------------------


def _after_value(result: Result, context: Context) -> Decision:
    job, now, value = result.step.job, context.now, result.value
    if result.step.kind == StepKind.REFRESH:
        note = "Refreshed the account's token."
        return Decision(move=Move(job=job, to=Status(job.status), note=note), decide_again=True)
    if isinstance(value, Progress):
        return _after_progress(result, value, context)
    if isinstance(value, Found) and not context.named_post_is_taken:
        return published(job, now, value.remote_id, value.post_url, note=FOUND)
    return in_doubt.not_found(result, context)


def _after_progress(result: Result, value: Progress, context: Context) -> Decision:
    job = result.step.job
    match value.stage:
        case Stage.PUBLISHED:
            note = FOUND if result.step.kind == StepKind.LOOKUP else "Published."
            done = published(job, context.now, value.remote_id, value.post_url, note=note)
            done.move.changes["warnings"] = job.warnings_with(value.warnings)
            if value.posted or value.awaits_id:
                done.move.changes["progress"] = JobProgress(platform=value).to_json()
            return done
        case Stage.REFUSED:
            return _refused_after_all(job, value.note)
        case Stage.LOST:
            return restart_upload(job, context, _loss(value))
        case Stage.UNDECIDED:
            return left_to_a_person(job, value.note)
        case Stage.CONFIRMING:
            return _confirming(job, value, context.now)
        case _:
            return _prepared(job, value, context.now)


def _loss(value: Progress) -> PlatformApiError:
    if not value.needs_owner:
        return UploadLostError(value.note, wait=value.poll_after)
    error = AccountBlockedError(value.note)
    error.wait = value.poll_after
    return error


def _refused_after_all(job: PublishJob, note: str) -> Decision:
    """The platform accepted the publish request, and refused the content later."""
    code = ContentRejectedError.code
    message = note or ContentRejectedError.sentence
    decision = ended(job, Status.CONTENT_REJECTED, code, message, ContentRejectedError.who_acts)
    # Nothing is public, and a retry has to start from the beginning.
    decision.move.changes |= {
        **in_doubt.nothing_in_doubt(),
        "progress": job.stored_progress.restarted().to_json(),
    }
    return decision


def _confirming(job: PublishJob, value: Progress, now: dt.datetime) -> Decision:
    """The platform accepted the publish request and processes the post."""
    assert job.publish_started_at is not None
    assert value.poll_after is not None
    label = job.platform_type.label
    if now - job.publish_started_at > in_doubt.LOOKUP_FOR:
        return left_to_a_person(
            job, f"{label} has not reported within a day whether this post is public."
        )
    changes = _stored(job, value)
    if value.remote_id:
        # The post has an id, so it is public: no other post has to wait for this outcome.
        changes["in_doubt_since"] = None
    return _poll(
        job,
        value.note or f"{label} is processing the post.",
        now + poll_pause(job, now, value.poll_after),
        changes,
    )


def _prepared(job: PublishJob, value: Progress, now: dt.datetime) -> Decision:
    """The last request has a known outcome, so the next one may be sent."""
    changes = {
        **_stored(job, value),
        **NOTHING_WRONG,
        "post_url": value.post_url or job.post_url,
    }
    if has_intent(job):
        changes |= in_doubt.nothing_in_doubt()
    note = value.note or ("Uploaded." if value.stage == Stage.PREPARING else "Ready.")
    if value.poll_after is not None:
        return _poll(job, note, now + value.poll_after, changes)
    move = Move(job=job, to=Status.PROCESSING, changes=changes, note=note)
    return Decision(move=move, decide_again=True)


def _stored(job: PublishJob, value: Progress) -> dict[str, Any]:
    return {
        "progress": JobProgress(platform=value).to_json(),
        "warnings": job.warnings_with(value.warnings),
        "refused_token_version": None,
    }


def _poll(job: PublishJob, note: str, until: dt.datetime, changes: dict[str, Any]) -> Decision:
    move = wait(job, until, Status.PROCESSING, note, waiting_for=WaitingFor.PLATFORM)
    move.changes = {**changes, **move.changes}
    return Decision(move=move)


# --- After an error ------------------------------------------------------------------------------


def _after_error(result: Result, error: Exception, context: Context) -> Decision:
    job, kind, now = result.step.job, result.step.kind, context.now
    _log_for_operator(job, kind, error)
    is_token_refused = isinstance(error, TokenExpiredError)
    if has_intent(job) and kind != StepKind.PUBLISH and not is_token_refused:
        # Lookups change nothing at the platform: whatever went wrong, look up again.
        note = f"Reading the outcome failed: {error}"
        return in_doubt.look_up_again(job, now, note=note, code=code_of(error))
    if kind == StepKind.REFRESH and not _ends_refresh(job, error, now):
        # The refresh lease stays for a while as a pause; until the token ends, it can be used.
        move = Move(job=job, to=Status(job.status), note=f"Refreshing failed: {error}")
        return Decision(move=move, decide_again=True)
    if isinstance(error, DuplicateContentError) and in_doubt.is_our_duplicate(
        error, result, context
    ):
        note = "The platform has the post already, from our earlier publish request."
        return published(job, now, error.remote_id, error.post_url, note=note)
    if kind == StepKind.PUBLISH and in_doubt.may_be_due_to_earlier_request(error, job):
        return in_doubt.refused_retry(job, now, error)
    if is_token_refused and kind != StepKind.REFRESH:
        return _token_refused(result, error, context)
    return _by_its_handling(result, error, context)


def _log_for_operator(job: PublishJob, kind: StepKind, error: Exception) -> None:
    """Log what no user can explain: bugs of ours, and responses that we do not understand."""
    facts = facts_of(job)
    if not isinstance(error, SocialPublishingBaseError):
        logger.error("step %s failed", kind, exc_info=error, extra=facts)
    elif isinstance(error, MalformedResponseError):
        # The traceback is in the log of platforms/responses.py.
        logger.error("step %s got a malformed response", kind, extra=facts)
    elif isinstance(error, PlatformRefusedError):
        facts |= {"platform_code": error.platform_code, "reason": str(error)}
        logger.error("step %s was refused for an unknown reason", kind, extra=facts)


def _ends_refresh(job: PublishJob, error: Exception, now: dt.datetime) -> bool:
    """The job cannot go on with the token that it has."""
    if _token_is_usable(job, now):
        return False
    if isinstance(error, PlatformUnreachableError):
        return True
    return isinstance(error, PlatformApiError) and error.who_acts in {
        WhoActs.OWNER,
        WhoActs.OPERATOR,
    }


def _by_its_handling(result: Result, error: Exception, context: Context) -> Decision:
    """What the error itself prescribes."""
    job = result.step.job
    is_publish = result.step.kind == StepKind.PUBLISH
    if is_publish and in_doubt.leaves_in_doubt(error, job):
        until = getattr(error, "limited_until", None)
        return replace(in_doubt.unknown_outcome(job, context.now, error), limited_until=until)
    if not isinstance(error, (PlatformApiError, MediaError)):
        message = "Something went wrong on our side with this post."
        return failed(job, "internal_error", message, WhoActs.OPERATOR)
    match error.retry:
        case Retry.AFTER_PAUSE:
            return wait_for_pause(job, context, _first_pause(result.step.kind, error, context))
        case Retry.AFTER_LIMIT:
            return wait_for_limit(job, context, error)
        case Retry.WITH_NEW_UPLOAD:
            return restart_upload(job, context, error)
        case Retry.WITH_NEW_TOKEN:
            return _ask_owner(result, error, context)
        case Retry.NEVER:
            is_content = isinstance(error, ContentRejectedError)
            to = Status.CONTENT_REJECTED if is_content else Status.FAILED
            return ended(job, to, error.code, str(error), error.who_acts)
        case _:
            return retry(job, context, error)


def _first_pause(kind: StepKind, error: PlatformApiError | MediaError, context: Context) -> Paused:
    """Until the job learns at its next claim when it may probe the platform."""
    until = context.now + dt.timedelta(seconds=FIRST_PROBE_S)
    return Paused(until=until, code=error.code, reason=str(error), step=kind)


# --- After a refused token -----------------------------------------------------------------------


def _token_refused(result: Result, error: Exception, context: Context) -> Decision:
    """First a refreshed token, then the owner."""
    job, now = result.step.job, context.now
    label = job.platform_type.label
    if _is_token_fresh(job, now):
        return wait_for_fresh_token(job, now, _running_status(job))
    if job.refused_token_version is None:
        move = Move(
            job=job,
            to=_running_status(job),
            changes={"refused_token_version": result.step.token_version},
            note=f"{label} no longer accepts the token; refreshing it.",
            code="token_refused",
        )
        return Decision(move=move, decide_again=True)
    if job.target is not None and job.target.has_own_token:
        # The person's token was refreshed and is accepted: it is about this one destination.
        if has_intent(job) and result.step.kind != StepKind.PUBLISH:
            note = f"Reading the outcome failed: {error}"
            return in_doubt.look_up_again(job, now, note=note, code=code_of(error))
        message = f"{label} no longer lets us post to {job.account_name}: {error}"
        handling = InsufficientPermissionsError
        decision = failed(job, handling.code, message, handling.who_acts)
        return replace(decision, ends_destination=True)
    return _ask_owner(result, error, context)


def _ask_owner(result: Result, error: Exception, context: Context) -> Decision:
    job, reason = result.step.job, str(error)
    if has_intent(job) and result.step.kind != StepKind.PUBLISH:
        decision = look_up_when_reconnected(job, context.now)
    else:
        decision = wait_for_owner(job, context, reason)
    return replace(decision, reauth_reason=reason)


def _token_is_usable(job: PublishJob, now: dt.datetime) -> bool:
    connection = job.connection
    refused = job.refused_token_version
    return connection is not None and is_usable(connection, now, refused_version=refused)


def _is_token_fresh(job: PublishJob, now: dt.datetime) -> bool:
    """The token was refreshed a moment ago, or granted where no refresh can help."""
    connection = job.connection
    if connection is None:
        return False
    is_last_resort = job.refused_token_version is not None or not is_renewable(connection)
    return is_last_resort and is_fresh(connection, now)


def _running_status(job: PublishJob) -> Status:
    return Status.UNCONFIRMED if job.status == Status.UNCONFIRMED else Status.PROCESSING
