"""What a due job does next, and what becomes of how it went.

Three functions: `decide` (what next), `run` (the HTTP, in a thread, without the database) and
`settle` (what its outcome means). They change nothing themselves; a lane (lanes.py) writes the
moves they return. The safety of the service stands on one rule of theirs: a job that carries the
mark `publish_started_at` is looked up, never published.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.conf import settings

from publishing.models import PublishJob, Status
from publishing.transitions import Move
from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformUnreachableError,
    PublishingOffError,
    RateLimitError,
    Retry,
    SocialPublishingBaseError,
    TokenExpiredError,
    UploadLostError,
    WhoActs,
)
from socialpublishing.platforms import client_for
from socialpublishing.platforms.accounts import Account, Renewal
from socialpublishing.platforms.progress import Found, Progress, Stage
from socialpublishing.posts import Post

logger = logging.getLogger(__name__)

# A job whose claims end this often without any outcome kills its workers.
MAX_CLAIMS = 5
# While its owner has to connect again, or the account's refresh is under way elsewhere.
DEFER = dt.timedelta(seconds=60)
REFRESH_ELSEWHERE = dt.timedelta(milliseconds=500)
SAME_TEXT_WAIT = dt.timedelta(seconds=5)
MAX_RETRY_PAUSE_S = 900.0
# A limit without a time: this long, doubled each time it is met again.
BARE_LIMIT_S = 60.0
MAX_LIMIT = dt.timedelta(hours=24)
# What waits for longer than it may is told so as soon as that is over.
JUST_LATE = dt.timedelta(seconds=1)
# Pauses before each look for a post whose publishing call had no clear end. Found is final at once;
# absent only after the platform's settle time.
LOOKUP_PAUSES_S = (2, 8, 20, 40, 60, 120, 300, 600, 900)
LOOKUP_FOR = dt.timedelta(hours=24)
# A platform that works long on a post is asked again after this share of the time so far.
POLL_SHARE, MAX_POLL_PAUSE = 0.1, dt.timedelta(minutes=5)
# Clocks differ: a post may bear a time before our mark.
LOOKUP_MARGIN = dt.timedelta(seconds=120)
# A token that is younger may not be known everywhere at its platform: where there is none fresher,
# it is shown again.
FRESH_TOKEN, FRESH_TOKEN_WAIT = dt.timedelta(seconds=15), dt.timedelta(seconds=3)
FOUND = "Looked it up: the post is there."
MAY_EXIST = "But an earlier try may have published it."
# Of a repeat that was refused although the post is not to be seen: so long it may still show up.
LATE_IN_LISTS = dt.timedelta(minutes=10)


class StepKind(StrEnum):
    REFRESH = "refresh"
    PREPARE = "prepare"
    PUBLISH = "publish"
    CONFIRM = "confirm"
    LOOKUP = "find"


@dataclass(frozen=True, kw_only=True)
class Step:
    """HTTP to do for a job in hand, with all that it needs: a thread asks no database."""

    job: PublishJob
    kind: StepKind
    post: Post
    account: Account
    progress: Progress
    token_version: int
    refresh_token: Secret | None = None
    since: dt.datetime | None = None
    other_post_ids: frozenset[str] = frozenset()
    # time.monotonic() after which a publishing call may no longer leave: the lease may be over.
    send_before: float = float("inf")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a step brought: a value of its kind, or the error that ended it."""

    step: Step
    value: Progress | Renewal | Found | None = None
    error: Exception | None = None
    duration_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A move to write, and a step to take once it is written."""

    move: Move
    step: Step | None = None
    # The job stays in hand: decide again once the move is written.
    again: bool = False
    # The account was told to wait until then.
    limited_until: dt.datetime | None = None
    # Why only the connection's owner can help.
    reauth_reason: str = ""
    # The destination takes nothing from us any more; the account's others may.
    is_shut_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Context:
    """What `decide` has to know beside the job."""

    now: dt.datetime
    # Another job of this account with the same text waits to be looked up.
    has_same_text_in_doubt: bool = False
    # Ids of posts that belong to other jobs of the account; asked for only when it matters.
    other_post_ids: Callable[[], frozenset[str]] = frozenset
    # Does the post of this id belong to another job of the account?
    belongs_to_other_job: Callable[[str], bool] = lambda _: False
    # May another job of the same text own a post of the account whose id nobody knows?
    may_own_named_post: Callable[[], bool] = lambda: False
    # The end of the lease for a step that starts now, by the database's clock and by ours.
    lease_until: dt.datetime
    send_before: float = float("inf")


# --- What next -----------------------------------------------------------------------------------


def decide(job: PublishJob, context: Context) -> Decision:
    """What `job`, in hand, does next."""
    return _unless_it_may_exist(_decide(job, context))


def _decide(job: PublishJob, context: Context) -> Decision:
    now, connection, target = context.now, job.connection, job.target
    if job.remote_id:
        return _published(job, now, note="Its platform had told so.")
    if connection is None or target is None or connection.status == connection.Status.REVOKED:
        return _without_account(job, now)
    has_intent = job.publish_started_at is not None
    if not has_intent:
        if _repeat_is_too_late(job, now):
            return _given_up(job, "By now a repeat could make it twice.")
        if now > job.late_at:
            return _too_late(job)
        if job.claims > MAX_CLAIMS:
            return _failed(job, "poison", "Working on this post stopped the service repeatedly.")
    if not has_intent:
        try:
            connection.platform_type.check_publishing(job.post)
        except PublishingOffError as error:
            return defer(job, now, error)
    if job.destination is not None and not job.destination.can_publish and not has_intent:
        message = f"The account may no longer publish to {job.account_name}."
        return _failed(job, InsufficientPermissionsError.code, message)
    if connection.status == connection.Status.NEEDS_REAUTH:
        code = TokenExpiredError.code
        return _deferred(job, now, code, connection.status_reason, is_looking=has_intent)
    limited = target.row.limited_until
    if limited is not None and limited > now and not has_intent:
        note = (
            f"{job.platform_type.label} lets this account publish again at {limited:%H:%M:%S} UTC."
        )
        until = min(limited, job.late_at + JUST_LATE)
        return Decision(move=_wait(job, until, Status.PENDING, note, code=RateLimitError.code))
    if connection.needs_refresh(now) or job.refused_token_version == connection.token_version:
        return _step(job, StepKind.REFRESH, context)
    progress = job.stored_progress
    if has_intent:
        if progress.stage == Stage.CONFIRMING:
            return _step(job, StepKind.CONFIRM, context)
        return _step(job, StepKind.LOOKUP, context)
    # Of several parts the first has the media.
    needs_preparation = not progress.posted and connection.platform_type.needs_preparation(job.post)
    if progress.stage == Stage.PREPARING and needs_preparation:
        return _step(job, StepKind.PREPARE, context)
    if context.has_same_text_in_doubt:
        note = "A post of the same text is being looked up on this account first."
        return Decision(move=_wait_on(job, now + SAME_TEXT_WAIT, note, ""))
    return _step(job, StepKind.PUBLISH, context)


def _step(job: PublishJob, kind: StepKind, context: Context) -> Decision:
    connection, target = job.connection, job.target
    assert connection is not None
    assert target is not None
    is_refresh = kind == StepKind.REFRESH
    step = Step(
        job=job,
        kind=kind,
        post=job.post,
        # A refresh is the connection's, whatever carries the post.
        account=connection.account if is_refresh else target.account,
        progress=job.stored_progress,
        token_version=connection.token_version,
        refresh_token=connection.refresh_token if is_refresh else None,
        since=_lookup_since(job) if kind == StepKind.LOOKUP else None,
        other_post_ids=context.other_post_ids() if kind == StepKind.LOOKUP else frozenset(),
        send_before=context.send_before,
    )
    move = Move(job=job, to=Status(job.status), step=kind)
    move.changes["next_attempt_at"] = context.lease_until
    match kind:
        case StepKind.PUBLISH:
            # From here until the outcome is stored, nobody may publish again.
            move.to = Status.PROCESSING
            move.note = f"Publishing on {job.platform_type.label}."
            move.changes |= {
                "publish_started_at": context.now,
                "in_doubt_since": job.in_doubt_since or context.now,
                "publish_calls": job.publish_calls + 1,
                "lookups": 0,
            }
        case StepKind.LOOKUP if job.status != Status.UNCONFIRMED:
            move.to = Status.UNCONFIRMED
            move.note = "The worker stopped while publishing; looking whether the post exists."
            move.code = "outcome_unknown"
            move.changes |= {"error_code": "outcome_unknown", "error_message": move.note}
        case StepKind.PREPARE:
            if job.status != Status.PROCESSING:
                move.note = "Preparing the media."
            move.to = Status.PROCESSING
        case StepKind.REFRESH if job.publish_started_at is None:
            move.to = Status.PROCESSING
            move.note = "Refreshing the account's token."
    return Decision(move=move, step=step)


def _lookup_since(job: PublishJob) -> dt.datetime:
    started = job.in_doubt_since or job.publish_started_at
    assert started is not None
    return started - LOOKUP_MARGIN


# --- The HTTP ------------------------------------------------------------------------------------


def run(step: Step) -> Result:
    """Take `step`. Whatever happens is in the result; nothing is raised."""
    started = time.monotonic()
    value: Progress | Renewal | Found | None = None
    failure: Exception | None = None
    try:
        client = client_for(step.job.platform, step.account)
        match step.kind:
            case StepKind.REFRESH:
                value = client.renew(step.refresh_token)
            case StepKind.PREPARE:
                value = client.prepare(step.post, step.progress)
            case StepKind.PUBLISH:
                # A process that was frozen may wake when its lease is long over.
                if started > step.send_before:
                    raise PlatformUnreachableError("The worker came too late to send this.")
                value = client.publish(step.post, step.progress)
            case StepKind.CONFIRM:
                value = client.confirm(step.post, step.progress)
            case StepKind.LOOKUP:
                assert step.since is not None
                value = client.lookup(
                    step.post, step.progress, since=step.since, other_post_ids=step.other_post_ids
                )
    except Exception as error:  # noqa: BLE001  a thread has nobody to raise to; settle() is loud
        failure = error
    duration_ms = int((time.monotonic() - started) * 1000)
    return Result(step=step, value=value, error=failure, duration_ms=duration_ms)


# --- What it means -------------------------------------------------------------------------------


def settle(result: Result, context: Context) -> Decision:
    """What becomes of the job after `result`. The lane has stored a refresh before it asks this."""
    decision = _settle_error(result, context) if result.error else _settle_value(result, context)
    move = decision.move
    move.step = result.step.kind
    move.duration_ms = result.duration_ms
    # An outcome is recorded, so this claim did not kill its worker.
    move.changes["claims"] = 0
    error = result.error if isinstance(result.error, SocialPublishingBaseError) else None
    is_refusal = error is not None and error.nothing_was_created
    if result.step.kind == StepKind.PUBLISH and is_refusal and move.to != Status.UNCONFIRMED:
        move.changes.setdefault("publish_started_at", None)
        if not was_in_doubt_before(result.step.job):
            move.changes.setdefault("in_doubt_since", None)
    if result.step.kind != StepKind.REFRESH and error is not None and error.token_was_accepted:
        move.changes.setdefault("refused_token_version", None)
    if isinstance(result.error, PlatformApiError):
        move.platform_status = result.error.status_code
        move.platform_code = result.error.platform_code
        move.platform_request_id = result.error.request_id
    return _unless_it_may_exist(decision)


def was_in_doubt_before(job: PublishJob) -> bool:
    """Was a publishing call made, before the one that is marked, whose outcome is open?"""
    return job.in_doubt_since is not None and job.in_doubt_since != job.publish_started_at


def _unless_it_may_exist(decision: Decision) -> Decision:
    """Nothing ends as unpublished while an earlier call may have made it: a person has to look."""
    move = decision.move
    job = move.job
    is_open = move.changes.get("in_doubt_since", job.in_doubt_since) is not None
    if not is_open or not job.cannot_be_looked_up:
        return decision
    if move.to not in {Status.FAILED, Status.CONTENT_REJECTED, Status.CANCELLED}:
        return decision
    given_up = _given_up(job, f"{move.note} {MAY_EXIST}")
    given_up.move.changes = {**move.changes, **given_up.move.changes}
    return replace(
        given_up, limited_until=decision.limited_until, reauth_reason=decision.reauth_reason
    )


def _settle_value(result: Result, context: Context) -> Decision:
    job, now = result.step.job, context.now
    value = result.value
    if isinstance(value, Found):
        if context.belongs_to_other_job(value.remote_id):
            return _not_found(result, context)
        return _published(job, now, value.remote_id, value.post_url, note=FOUND)
    if isinstance(value, Progress):
        return _progressed(job, value, now, is_found=result.step.kind == StepKind.LOOKUP)
    if result.step.kind == StepKind.REFRESH:
        note = "Refreshed the account's token."
        return Decision(move=Move(job=job, to=Status(job.status), note=note), again=True)
    return _not_found(result, context)


def _progressed(job: PublishJob, value: Progress, now: dt.datetime, *, is_found: bool) -> Decision:
    label = job.platform_type.label
    match value.stage:
        case Stage.PUBLISHED:
            note = FOUND if is_found else "Published."
            done = _published(job, now, value.remote_id, value.post_url, note=note)
            if value.posted:
                done.move.changes["progress"] = _stored(value)
            return done
        case Stage.REFUSED:
            note = value.note or ContentRejectedError.sentence
            ended = _ended(job, Status.CONTENT_REJECTED, ContentRejectedError.code, note)
            # Nothing is public, and a retry has to begin anew.
            ended.move.changes |= {
                "publish_started_at": None,
                "in_doubt_since": None,
                "progress": job.restarted_progress,
            }
            return ended
        case Stage.LOST:
            return _restart_upload(job, now, UploadLostError(value.note), pause=value.poll_after)
    changes: dict[str, Any] = {
        "progress": _stored(value),
        "refused_token_version": None,
    }
    poll_after = value.poll_after
    if value.stage == Stage.CONFIRMING:
        assert job.publish_started_at is not None
        assert poll_after is not None
        age = now - job.publish_started_at
        if value.remote_id:
            # Named, so it is out: nobody has to wait for what this call became.
            changes["in_doubt_since"] = None
        if age > LOOKUP_FOR:
            return _given_up(job, f"{label} has not said in a day what became of this post.")
        poll_after = max(poll_after, min(age * POLL_SHARE, MAX_POLL_PAUSE))
        note = value.note or f"{label} is working on the post."
    else:
        # What the last call was to make is made, or was for certain not: the next one is free.
        changes |= {
            "error_code": "",
            "error_message": "",
            "post_url": value.post_url or job.post_url,
        }
        if job.publish_started_at is not None:
            changes |= {"publish_started_at": None, "in_doubt_since": None}
        note = value.note or ("Uploaded." if value.stage == Stage.PREPARING else "Ready.")
    if poll_after is not None:
        move = _wait(job, now + poll_after, Status.PROCESSING, note)
        move.changes |= changes
        return Decision(move=move)
    move = Move(job=job, to=Status.PROCESSING, changes=changes, note=note)
    return Decision(move=move, again=True)


def _restart_upload(
    job: PublishJob,
    now: dt.datetime,
    error: UploadLostError,
    *,
    pause: dt.timedelta | None = None,
) -> Decision:
    """The last call made nothing public, and what was prepared is worth nothing any more."""
    if was_in_doubt_before(job) and job.cannot_be_looked_up:
        # With other uploads it would be another post, which the platform does not refuse.
        given_up = _given_up(job, f"{error} {MAY_EXIST}")
        given_up.move.changes["publish_started_at"] = None
        return given_up
    # A pause that the platform asks for is not the post's fault.
    decision = _retry(job, now, error, uses_attempt=pause is None, pause=pause)
    decision.move.changes |= {
        "progress": job.restarted_progress,
        "publish_started_at": None,
        "lookups": 0,
    }
    if not was_in_doubt_before(job):
        decision.move.changes["in_doubt_since"] = None
    return decision


def _stored(value: Progress) -> dict[str, Any]:
    stored: dict[str, Any] = {"stage": value.stage, "handle": dict(value.handle)}
    if value.remote_id:
        # It is public; what is still asked for are details.
        stored["remote_id"] = value.remote_id
    return stored | ({"posted": list(value.posted)} if value.posted else {})


def _settle_error(result: Result, context: Context) -> Decision:
    job, kind, error, now = result.step.job, result.step.kind, result.error, context.now
    label = job.platform_type.label
    if not isinstance(error, SocialPublishingBaseError):
        logger.error("step %s failed", kind, exc_info=error, extra={"job_id": job.pk})
    has_intent = job.publish_started_at is not None
    if has_intent and kind != StepKind.PUBLISH and not isinstance(error, TokenExpiredError):
        # Looking changes nothing: whatever went wrong, look again.
        return _look_up_again(job, now, note=f"The look-up failed: {error}", code=_code(error))
    match error:
        case PlatformUnreachableError() if kind != StepKind.REFRESH or not _token_is_usable(
            job, now
        ):
            # Nothing left us, so nothing was made and no try is used up; the grace is the bound.
            return _retry(job, now, error, uses_attempt=False)
        case Exception() if kind == StepKind.REFRESH and (
            not _needs_a_person(error) or _token_is_usable(job, now)
        ):
            # Its lease stays for a while as a pause; until the token ends, it serves.
            move = Move(job=job, to=Status(job.status), note=f"Refreshing failed: {error}")
            return Decision(move=move, again=True)
        case RateLimitError():
            return _limited(job, now, error)
        case DuplicateContentError() if _is_our_duplicate(error, result, context):
            note = "The platform has the post already, from our earlier try."
            return _published(job, now, error.remote_id, error.post_url, note=note)
        case _ if kind == StepKind.PUBLISH and _may_be_due_to_earlier_call(error, job):
            # The earlier call may have used up what this one wanted.
            note = f"{error} Maybe because an earlier try has published it; looking."
            in_doubt = _in_doubt(job, now, note, _code(error))
            refusal = {"code": _code(error), "message": str(error)}
            in_doubt.move.changes["progress"] = {**job.progress, "refusal": refusal}
            return in_doubt
        case UploadLostError():
            return _restart_upload(job, now, error)
        case MediaNotReadyError():
            return _retry(job, now, error, uses_attempt=error.uses_attempt, pause=error.wait)
        case TokenExpiredError() if kind != StepKind.REFRESH and _is_token_fresh(job, now):
            note = f"{label} does not know the fresh token yet."
            move = _wait(job, now + FRESH_TOKEN_WAIT, _living(job), note)
            return Decision(move=move)
        case TokenExpiredError() if kind != StepKind.REFRESH and job.refused_token_version is None:
            note = f"{label} no longer takes the token; refreshing it."
            changes = {"refused_token_version": result.step.token_version}
            move = Move(job=job, to=_living(job), changes=changes, note=note, code="token_refused")
            return Decision(move=move, again=True)
        case TokenExpiredError() if kind != StepKind.REFRESH and _has_own_token(job):
            # The person's token was refreshed and serves: it is about this one place.
            if has_intent and kind != StepKind.PUBLISH:
                return _look_up_again(
                    job, now, note=f"The look-up failed: {error}", code=error.code
                )
            message = f"{label} no longer lets us post to {job.account_name}: {error}"
            failed = _failed(job, InsufficientPermissionsError.code, message)
            return replace(failed, is_shut_out=True)
        case TokenExpiredError():
            is_looking = has_intent and kind != StepKind.PUBLISH
            held = _deferred(job, now, error.code, str(error), is_looking=is_looking)
            return Decision(move=held.move, reauth_reason=str(error))
        case ContentRejectedError():
            return _ended(job, Status.CONTENT_REJECTED, error.code, str(error))
        case InsufficientPermissionsError() | PlatformConfigurationError():
            return _failed(job, error.code, str(error))
        case MediaError(retry=Retry.WITHOUT_ATTEMPT):
            return _retry(job, now, error, uses_attempt=False)
        case MediaError(retry=Retry.WITH_ATTEMPT):
            return _retry(job, now, error)
        case MediaError():
            return _failed(job, error.code, str(error))
    if kind == StepKind.PUBLISH:
        # Neither a yes nor one of the noes that say for certain that nothing was made.
        in_doubt = _in_doubt(job, now, f"{error} Looking whether the post exists.", _code(error))
        rest_until = error.rest_until if isinstance(error, PlatformApiError) else None
        return replace(in_doubt, limited_until=rest_until)
    if isinstance(error, PlatformApiError):
        return _retry(job, now, error)
    if isinstance(error, (LookupError, TypeError, ValueError, AttributeError)):
        # Most likely an answer of another shape than the platform's pages say.
        return _retry(
            job, now, NoResponseError(f"{label} gave an answer that we do not understand.")
        )
    return _failed(job, "internal_error", "Something went wrong on our side with this post.")


def _may_be_due_to_earlier_call(error: Exception | None, job: PublishJob) -> bool:
    """May `error` say no to a repeat because of a post that the call before it made?"""
    if not was_in_doubt_before(job):
        return False
    if isinstance(error, MediaNotReadyError):
        # Where the platform itself keeps a repeat from making two, it may be repeated.
        return job.lookup_rules.repeat_within is None
    return isinstance(error, (UploadLostError, ContentRejectedError))


def _is_our_duplicate(error: DuplicateContentError, result: Result, context: Context) -> bool:
    """Does the platform name a post that only an earlier try of this very job can have made?"""
    is_repeat = result.step.kind == StepKind.PUBLISH and was_in_doubt_before(result.step.job)
    if not is_repeat or not error.remote_id or context.belongs_to_other_job(error.remote_id):
        return False
    return not context.may_own_named_post()


def _not_found(result: Result, context: Context) -> Decision:
    job, now = result.step.job, context.now
    assert job.publish_started_at is not None
    lookup_rules = job.lookup_rules
    age = now - job.publish_started_at
    absent = job.progress.get("absent", 0) + 1
    again = _look_up_again(job, now, note="The post is not to be seen yet.")
    again.move.changes["progress"] = {**job.progress, "absent": absent}
    if refusal := job.progress.get("refusal"):
        # Never repeated: what refused it may be the post itself.
        if lookup_rules.repeat_within is not None:
            return _given_up(job, refusal["message"])
        if refusal["code"] == ContentRejectedError.code and age > LATE_IN_LISTS:
            return _ended(job, Status.CONTENT_REJECTED, refusal["code"], refusal["message"])
        return again
    if _repeat_is_too_late(job, now):
        return _given_up(job, "The platform does not let us see whether this post exists.")
    if not (age >= lookup_rules.settle and lookup_rules.is_complete and absent >= 2):
        return again
    if job.attempts >= settings.MAX_API_RETRIES:
        return _failed(job, NoResponseError.code, "The platform took none of our tries.")
    note = "The post does not exist; publishing it again."
    move = _wait(job, now, Status.PENDING, note)
    move.changes |= {
        "publish_started_at": None,
        # A worker of the release before sets the mark alone.
        "in_doubt_since": job.in_doubt_since or job.publish_started_at,
        "lookups": 0,
        "attempts": job.attempts + 1,
        "progress": {**job.progress, "absent": 0},
    }
    return Decision(move=move)


def _repeat_is_too_late(job: PublishJob, now: dt.datetime) -> bool:
    """Is the time over in which the platform itself would refuse to make the post twice?"""
    since = job.in_doubt_since or job.publish_started_at
    if since is None:
        return False
    within = job.lookup_rules.repeat_within
    return within is not None and now - since >= within


def _look_up_again(job: PublishJob, now: dt.datetime, *, note: str, code: str = "") -> Decision:
    assert job.publish_started_at is not None
    lookups = job.lookups + 1
    age = now - job.publish_started_at
    if (named := job.stored_progress.remote_id) and lookups >= len(LOOKUP_PAUSES_S):
        return _published(job, now, named, note="Published. Its address could not be read.")
    status = Status.UNCONFIRMED
    if job.stored_progress.stage == Stage.CONFIRMING:
        status = Status.PROCESSING
    # One that a person has us look for again is looked for more than once.
    if age > LOOKUP_FOR and lookups > 3:
        return _given_up(job, "We could not find out whether this post exists.")
    pause = dt.timedelta(seconds=LOOKUP_PAUSES_S[min(lookups, len(LOOKUP_PAUSES_S) - 1)])
    settle = job.lookup_rules.settle
    if age < settle:
        # One look falls on the settle time, so that an absent post waits no longer than it must.
        pause = min(pause, settle - age)
    move = _wait(job, now + pause, status, note, code=code)
    move.changes["lookups"] = min(lookups, 30_000)
    if status == Status.UNCONFIRMED:
        move.changes |= {"error_code": "outcome_unknown", "error_message": note[:500]}
    return Decision(move=move)


def _given_up(job: PublishJob, why: str) -> Decision:
    """Nobody can know by asking any longer; a person decides."""
    message = job.with_public_parts(f"{why} Please look at the platform, and resolve the job.")
    changes = {"next_attempt_at": None, "lease_owner": "", "error_code": "outcome_unknown"}
    changes["error_message"] = message[:500]
    move = Move(job=job, to=Status.UNCONFIRMED, changes=changes, note=message)
    return Decision(move=move)


def _in_doubt(job: PublishJob, now: dt.datetime, note: str, code: str) -> Decision:
    move = _wait(
        job, now + dt.timedelta(seconds=LOOKUP_PAUSES_S[0]), Status.UNCONFIRMED, note, code=code
    )
    move.changes |= {"error_code": "outcome_unknown", "error_message": note[:500]}
    return Decision(move=move)


def _published(
    job: PublishJob, now: dt.datetime, remote_id: str = "", post_url: str = "", *, note: str
) -> Decision:
    changes = {
        "remote_id": remote_id or job.remote_id,
        "post_url": post_url or job.post_url,
        "published_at": now,
        "error_code": "",
        "error_message": "",
    }
    return Decision(move=Move(job=job, to=Status.PUBLISHED, changes=changes, note=note))


def _retry(
    job: PublishJob,
    now: dt.datetime,
    error: SocialPublishingBaseError,
    *,
    uses_attempt: bool = True,
    pause: dt.timedelta | None = None,
) -> Decision:
    attempts = job.attempts + uses_attempt
    if attempts > settings.MAX_API_RETRIES:
        return _failed(job, _code(error), f"{error} We tried {attempts} times.")
    low = settings.API_RETRY_DELAY_SECONDS
    high = max(low, (job.retry_pause_s or low) * settings.API_RETRY_BACKOFF_FACTOR)
    pause_s = min(MAX_RETRY_PAUSE_S, random.uniform(low, high))  # noqa: S311  jitter, not a secret
    until = now + (pause or dt.timedelta(seconds=pause_s))
    move = _wait(job, until, Status.PENDING, str(error), code=_code(error))
    move.changes |= {"attempts": attempts, "retry_pause_s": pause_s}
    return Decision(move=move)


def _limited(job: PublishJob, now: dt.datetime, error: RateLimitError) -> Decision:
    until, pause = error.until, job.retry_pause_s
    if until is None or until <= now:
        pause = max(BARE_LIMIT_S, pause * 2)
        until = now + dt.timedelta(seconds=pause)
    until = min(until, now + MAX_LIMIT)
    # A little later than allowed, and not all at once.
    at = until + dt.timedelta(seconds=random.uniform(0.1, 1.0))  # noqa: S311
    at = min(at, job.late_at + JUST_LATE)
    note = f"{error} Waiting until {until:%H:%M:%S} UTC."
    move = _wait(job, at, Status.PENDING, note, code=error.code)
    move.changes["retry_pause_s"] = pause
    return Decision(move=move, limited_until=until if error.of_account else None)


def _deferred(
    job: PublishJob, now: dt.datetime, code: str, reason: str, *, is_looking: bool
) -> Decision:
    if is_looking:
        return _look_up_again(
            job, now, note="Looking it up has to wait for the owner to connect again."
        )
    if now >= job.late_at:
        return _too_late(job)
    message = reason or TokenExpiredError.sentence
    return Decision(move=_wait_on(job, min(now + DEFER, job.late_at), message, code))


def _wait_on(job: PublishJob, until: dt.datetime, why: str, code: str) -> Move:
    """Wait, and tell so once, not each time that it is still so."""
    is_told = (job.status, job.error_code, job.error_message) == (Status.PENDING, code, why[:500])
    move = _wait(job, until, Status.PENDING, why, code=code)
    move.note = "" if is_told else why
    return move


def _too_late(job: PublishJob) -> Decision:
    if job.error_code == TokenExpiredError.code:
        return _failed(job, job.error_code, "The account was not connected again in time.")
    message = f"It was due at {job.due_at:%Y-%m-%d %H:%M} UTC and could not be sent in time."
    # What it waited for last.
    return _failed(job, "too_late", f"{message} {job.error_message}".strip())


def _without_account(job: PublishJob, now: dt.datetime) -> Decision:
    message = "The account was disconnected."
    if named := job.stored_progress.remote_id:
        return _published(job, now, named, note="Published. Its address could not be read.")
    if job.publish_started_at is None:
        return _ended(job, Status.CANCELLED, "connection_removed", message)
    return _given_up(job, "The account was disconnected before the outcome was known.")


def _failed(job: PublishJob, code: str, message: str) -> Decision:
    return _ended(job, Status.FAILED, code, message)


def _ended(job: PublishJob, to: Status, code: str, message: str) -> Decision:
    message = job.with_public_parts(message)
    changes = {"error_code": code, "error_message": message[:500]}
    return Decision(move=Move(job=job, to=to, changes=changes, note=message, code=code))


def _wait(job: PublishJob, until: dt.datetime, to: Status, note: str, *, code: str = "") -> Move:
    """Give the job back until then."""
    changes: dict[str, Any] = {
        "claims": 0,
        "next_attempt_at": until,
        "lease_owner": "",
        "error_code": code,
        "error_message": note[:500] if code else "",
    }
    return Move(job=job, to=to, changes=changes, note=note, code=code)


def _token_is_usable(job: PublishJob, now: dt.datetime) -> bool:
    held = job.connection
    return held is not None and held.serves(now) and job.refused_token_version != held.token_version


def _has_own_token(job: PublishJob) -> bool:
    return job.target is not None and job.target.has_own_token


def _is_token_fresh(job: PublishJob, now: dt.datetime) -> bool:
    """Was a refresh a moment ago, or the connect itself where no refresh can help?"""
    held = job.connection
    if held is None or held.last_refreshed_at is None:
        return False
    is_last_resort = job.refused_token_version is not None or not held.is_renewable
    return is_last_resort and now - held.last_refreshed_at < FRESH_TOKEN


def _living(job: PublishJob) -> Status:
    return Status.UNCONFIRMED if job.status == Status.UNCONFIRMED else Status.PROCESSING


def _needs_a_person(error: Exception) -> bool:
    return isinstance(error, PlatformApiError) and error.who_acts in {
        WhoActs.OWNER,
        WhoActs.OPERATOR,
    }


def _code(error: Exception | None) -> str:
    return error.code if isinstance(error, SocialPublishingBaseError) else "internal_error"


def defer(job: PublishJob, now: dt.datetime, error: SocialPublishingBaseError) -> Decision:
    """Something of ours keeps `job` from going on, such as a key that is missing. It waits."""
    if job.publish_started_at is not None:
        if now - job.publish_started_at > LOOKUP_FOR:
            return _given_up(job, str(error))
        move = _wait(job, now + DEFER, Status.UNCONFIRMED, str(error), code=error.code)
        return Decision(move=move)
    if now >= job.late_at:
        return _unless_it_may_exist(_failed(job, error.code, str(error)))
    until = min(now + DEFER, job.late_at)
    return Decision(move=_wait_on(job, until, str(error), error.code))


def wait_for_refresh(job: PublishJob, now: dt.datetime) -> Decision:
    """Another worker refreshes the account's token right now."""
    status = Status(job.status)
    if status in {Status.SCHEDULED, Status.PROCESSING} and job.publish_started_at is None:
        status = Status.PENDING
    move = _wait(job, now + REFRESH_ELSEWHERE, status, "")
    move.changes |= {"error_code": job.error_code, "error_message": job.error_message}
    return Decision(move=move)
