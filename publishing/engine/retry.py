"""Every waiting time of a job but those between lookups: the retry curve, rate limits, deferring.

The curve's delay, factor and number of attempts are settings (API_RETRY_*, MAX_API_RETRIES).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from publishing.engine.in_doubt import (
    LOOKUP_FOR,
    MAY_EXIST,
    cannot_be_looked_up,
    forget_last_request,
    has_intent,
    look_up_again,
    unless_it_may_exist,
    was_in_doubt_before,
)
from publishing.engine.outcomes import (
    JUST_LATE,
    MAX_RETRY_PAUSE_S,
    code_of,
    failed,
    growing_pause,
    keep_waiting,
    left_to_a_person,
    too_late,
    wait,
)
from publishing.engine.values import Context, Decision, Paused, RetryPolicy
from publishing.models import NOTHING_WRONG, PublishJob, Status, WaitingFor
from socialpublishing.clock import readable
from socialpublishing.errors import (
    LimitScope,
    RateLimitError,
    Retry,
    SocialPublishingBaseError,
    TokenExpiredError,
    WhoActs,
)

# While the owner has to connect again, or the operator has to act.
DEFER = dt.timedelta(seconds=60)
REFRESH_ELSEWHERE = dt.timedelta(milliseconds=500)
SAME_TEXT_WAIT = dt.timedelta(seconds=5)
# A limit without a time: this long, doubled each time it is met again.
BARE_LIMIT_S = 60.0
MAX_LIMIT = dt.timedelta(hours=24)
# Jobs go on a little later than the limit ends, and not all at once.
AFTER_LIMIT_S = (0.1, 1.0)
# A token that is younger may not have reached all servers of its platform: it is used once more.
FRESH_TOKEN_WAIT = dt.timedelta(seconds=3)
# The pause before the platform is asked again about a post that it processes, as a share of the
# time so far.
POLL_SHARE, MAX_POLL_PAUSE = 0.1, dt.timedelta(minutes=5)
# A post of which some parts are public is finished, even if it takes so much longer.
FINISHING_GRACE = dt.timedelta(hours=24)


def late_at(job: PublishJob, default_grace_s: int) -> dt.datetime:
    """After this time the post is stale and stays unpublished."""
    grace_s = default_grace_s if job.late_grace_s is None else job.late_grace_s
    at = job.due_at + dt.timedelta(seconds=grace_s)
    # Half a thread is worse than a late one.
    return at + FINISHING_GRACE if job.posted else at


def retry(job: PublishJob, context: Context, error: SocialPublishingBaseError) -> Decision:
    """Again after the error's own pause, else after a random time that grows with each retry."""
    policy = context.policy
    # A pause that the platform asks for is not the post's fault.
    is_new_upload = error.retry == Retry.WITH_NEW_UPLOAD and error.wait is None
    attempts = job.attempts + (error.retry == Retry.WITH_ATTEMPT or is_new_upload)
    if attempts > policy.max_attempts:
        message = f"{error} We tried {attempts} times."
        return failed(job, code_of(error), message, error.who_acts)
    pause_s = _retry_pause_s(job, policy, error)
    until = context.now + (error.wait or dt.timedelta(seconds=pause_s))
    move = wait(
        job,
        _within_grace(job, context, until),
        Status.PENDING,
        str(error),
        code=code_of(error),
        waiting_for=_retry_waits_for(error),
        who_acts=error.who_acts,
    )
    move.changes |= {"attempts": attempts, "retry_pause_s": pause_s}
    return Decision(move=move)


def _retry_pause_s(job: PublishJob, policy: RetryPolicy, error: SocialPublishingBaseError) -> float:
    if error.first_pause is not None:
        return growing_pause(job.retry_pause_s, error.first_pause)
    low = max(policy.delay_s, job.retry_pause_s)
    return min(MAX_RETRY_PAUSE_S, policy.uniform(low, low * policy.backoff_factor))


def _retry_waits_for(error: SocialPublishingBaseError) -> WaitingFor:
    if error.who_acts == WhoActs.OWNER:
        return WaitingFor.OWNER
    # A pause of its own is the time that the platform needs to process something.
    return WaitingFor.PLATFORM if error.wait else WaitingFor.RETRY


def restart_upload(
    job: PublishJob,
    context: Context,
    error: SocialPublishingBaseError,
) -> Decision:
    """The last request published nothing, and what was uploaded for it is lost."""
    if was_in_doubt_before(job) and cannot_be_looked_up(job):
        # With other uploads it would be another post, which the platform does not refuse.
        left = left_to_a_person(job, f"{error} {MAY_EXIST}")
        left.move.changes["publish_started_at"] = None
        return left
    decision = retry(job, context, error)
    progress = job.stored_progress
    restarted = replace(progress.restarted(), refused_since=progress.refused_since)
    decision.move.changes |= {
        "progress": restarted.to_json(),
        "lookups": 0,
        **forget_last_request(job),
    }
    return decision


def wait_for_limit(job: PublishJob, context: Context, error: SocialPublishingBaseError) -> Decision:
    """The platform refused the request for now."""
    now, until, pause_s = context.now, error.until, job.retry_pause_s
    if until is None or until <= now:
        pause_s = max(BARE_LIMIT_S, pause_s * 2)
        until = now + dt.timedelta(seconds=pause_s)
    until = min(until, now + MAX_LIMIT)
    at = until + dt.timedelta(seconds=context.policy.uniform(*AFTER_LIMIT_S))
    at = _within_grace(job, context, at)
    note = f"{error} Waiting until {readable(until, now)}."
    move = wait(job, at, Status.PENDING, note, code=error.code, waiting_for=WaitingFor.RATE_LIMIT)
    move.changes["retry_pause_s"] = pause_s
    is_of_account = error.limits == LimitScope.ACCOUNT
    return Decision(move=move, limited_until=until if is_of_account else None)


def wait_for_known_limit(job: PublishJob, context: Context, until: dt.datetime) -> Decision:
    """The platform asked the account to wait, in its response to another job."""
    at = readable(until, context.now)
    note = f"{job.platform_type.label} lets this account publish again at {at}."
    code = RateLimitError.code
    move = wait(
        job,
        _within_grace(job, context, until),
        Status.PENDING,
        note,
        code=code,
        waiting_for=WaitingFor.RATE_LIMIT,
    )
    return Decision(move=move)


def wait_for_pause(job: PublishJob, context: Context, paused: Paused) -> Decision:
    """The platform refuses our app, or staff paused it. Another job probes it, or staff resume."""
    is_limit = paused.code == RateLimitError.code
    return keep_waiting(
        job,
        _within_grace(job, context, paused.until),
        paused.reason,
        code=paused.code,
        waiting_for=WaitingFor.RATE_LIMIT if is_limit else WaitingFor.OPERATOR,
    )


def wait_for_owner(job: PublishJob, context: Context, reason: str) -> Decision:
    """Only the account's owner can help: the account has to be connected again."""
    ends = late_at(job, context.policy.late_grace_s)
    if context.now >= ends:
        return too_late(job)
    return keep_waiting(
        job,
        min(context.now + DEFER, ends),
        reason or TokenExpiredError.sentence,
        code=TokenExpiredError.code,
        waiting_for=WaitingFor.OWNER,
    )


def look_up_when_reconnected(job: PublishJob, now: dt.datetime) -> Decision:
    note = "Looking it up has to wait for the owner to connect again."
    decision = look_up_again(job, now, note=note)
    if decision.move.changes["waiting_for"]:
        decision.move.changes |= {"waiting_for": WaitingFor.OWNER, "who_acts": WhoActs.OWNER}
    return decision


def defer(job: PublishJob, context: Context, error: SocialPublishingBaseError) -> Decision:
    """Something of this service keeps the job from going on, such as a key that is missing."""
    now = context.now
    if has_intent(job):
        assert job.publish_started_at is not None
        if now - job.publish_started_at > LOOKUP_FOR:
            return left_to_a_person(job, str(error))
        move = wait(
            job,
            now + DEFER,
            Status.UNCONFIRMED,
            str(error),
            code=error.code,
            waiting_for=WaitingFor.OPERATOR,
        )
        return Decision(move=move)
    ends = late_at(job, context.policy.late_grace_s)
    if now >= ends:
        who_acts = error.who_acts or WhoActs.OPERATOR
        return unless_it_may_exist(failed(job, error.code, str(error), who_acts))
    return keep_waiting(
        job,
        min(now + DEFER, ends),
        str(error),
        code=error.code,
        waiting_for=WaitingFor.OPERATOR,
    )


def wait_for_same_text(job: PublishJob, now: dt.datetime) -> Decision:
    """A lookup could not distinguish the two posts."""
    note = "A post of the same text is being looked up on this account first."
    return keep_waiting(job, now + SAME_TEXT_WAIT, note, waiting_for=WaitingFor.OUTCOME)


def wait_for_fresh_token(job: PublishJob, now: dt.datetime, to: Status) -> Decision:
    note = f"{job.platform_type.label} does not accept the new token yet."
    return Decision(move=wait(job, now + FRESH_TOKEN_WAIT, to, note, waiting_for=WaitingFor.RETRY))


def wait_for_refresh(job: PublishJob, now: dt.datetime) -> Decision:
    """Another worker or request refreshes the account's token right now."""
    status = Status(job.status)
    if status in {Status.SCHEDULED, Status.PROCESSING} and not has_intent(job):
        status = Status.PENDING
    move = wait(job, now + REFRESH_ELSEWHERE, status, "", waiting_for=WaitingFor.RETRY)
    # What the job waited for before is still true.
    for column in NOTHING_WRONG:
        move.changes.pop(column)
    return Decision(move=move)


def _within_grace(job: PublishJob, context: Context, until: dt.datetime | None) -> dt.datetime:
    just_late = late_at(job, context.policy.late_grace_s) + JUST_LATE
    return just_late if until is None else min(until, just_late)


def poll_pause(job: PublishJob, now: dt.datetime, at_least: dt.timedelta) -> dt.timedelta:
    """How long until the platform is asked again about a post that it processes."""
    assert job.publish_started_at is not None
    age = now - job.publish_started_at
    return max(at_least, min(age * POLL_SHARE, MAX_POLL_PAUSE))
