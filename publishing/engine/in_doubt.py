"""The exactly-once rule.

1. Before a publish request leaves, its intent is stored: `publish_started_at` and, for the first
   one, `in_doubt_since` (`intent`). While `publish_started_at` is set, the job is looked up and
   never published.
2. Only evidence ends the doubt about a request. A response that proves that it created nothing
   clears its own intent (`forget_refused_request`), never that of an earlier request: the
   response to a retry does not settle the original request.
3. A lookup that finds the post ends the job. The post counts as absent only after the platform's
   settle time, by two lookups that can be trusted to be complete (`not_found`). Then, and only
   then, the request is repeated.
4. What refuses a retry may be due to the post itself (`may_be_due_to_earlier_request`): from then
   on the post is looked up and never published again. A duplicate may be due even to a request that
   was refused for an unknown reason, by a status that means that it created nothing. The retry
   itself trusts such a status: it follows without a lookup.
5. Where nothing can be looked up, the platform itself refuses a duplicate for a while; after that
   window nothing is repeated (`repeat_window_is_over`).
6. A job does not end as unpublished while its post may exist (`unless_it_may_exist`): a person
   resolves it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from publishing.engine.outcomes import (
    code_of,
    ended,
    failed,
    growing_pause,
    left_to_a_person,
    published,
    wait,
)
from publishing.engine.values import Context, Decision, Result, StepKind
from publishing.models import ENDED, PublishJob, Status, WaitingFor
from publishing.progress import Refusal
from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    MediaNotReadyError,
    NoResponseError,
    PlatformRefusedError,
    SocialPublishingBaseError,
    UploadLostError,
)
from socialpublishing.platforms.progress import LookupRules, Stage

# Pauses before the lookups of a post. "Found" is final at once, "absent" only after the platform's
# settle time.
LOOKUP_PAUSES_S = (2, 8, 20, 40, 60, 120, 300, 600, 900)
LOOKUP_FOR = dt.timedelta(hours=24)
# Lookups for a person who asks again after that time.
LEAST_LOOKUPS = 3
# A post that was refused, and that no lookup shows after this time, is taken for absent.
LATE_IN_LISTS = dt.timedelta(minutes=10)
# Clocks differ: a platform may date a post before our intent.
CLOCK_MARGIN = dt.timedelta(seconds=120)
FOUND = "A lookup found the post."
PUBLISHED_WITHOUT_URL = "Published. Its address could not be read."
MAY_EXIST = "But an earlier publish request may have published it."


# --- What is known of a job ----------------------------------------------------------------------


def has_intent(job: PublishJob) -> bool:
    """A publish request was made, and no response or lookup has settled it."""
    return job.publish_started_at is not None


def was_in_doubt_before(job: PublishJob) -> bool:
    """A request before the one whose intent stands is in doubt."""
    return job.in_doubt_since is not None and job.in_doubt_since != job.publish_started_at


def cannot_be_looked_up(job: PublishJob) -> bool:
    """No list of the platform would show the post, or the platform is no longer supported."""
    rules = _lookup_rules(job)
    return rules is None or rules.repeat_within is not None


def may_exist(job: PublishJob) -> bool:
    """A request is in doubt, and lookups have not settled it or never can."""
    return job.in_doubt_since is not None and (has_intent(job) or cannot_be_looked_up(job))


def may_be_public(job: PublishJob) -> bool:
    """A part of the post is public, or may be: nobody may cancel or change the job."""
    return has_intent(job) or may_exist(job) or bool(job.posted)


def can_be_cancelled(job: PublishJob) -> bool:
    return job.status not in {*ENDED, Status.UNCONFIRMED} and not may_be_public(job)


def repeat_window_is_over(job: PublishJob, now: dt.datetime) -> bool:
    """The time is over in which the platform itself would refuse to create the post twice."""
    since = job.in_doubt_since or job.publish_started_at
    if since is None:
        return False
    rules = _lookup_rules(job)
    within = rules.repeat_within if rules is not None else None
    return within is not None and now - since >= within


def lookup_since(job: PublishJob) -> dt.datetime:
    """Posts from then on may be the one that the job published."""
    started = job.in_doubt_since or job.publish_started_at
    assert started is not None
    return started - CLOCK_MARGIN


def _lookup_rules(job: PublishJob) -> LookupRules | None:
    try:
        return job.lookup_rules
    except SocialPublishingBaseError:  # the platform is no longer in PLATFORMS
        return None


# --- The changes that a move stores --------------------------------------------------------------


def intent(job: PublishJob, now: dt.datetime) -> dict[str, Any]:
    """From here until the outcome is stored, nobody may publish again."""
    return {
        "publish_started_at": now,
        "in_doubt_since": job.in_doubt_since or now,
        "publish_requests": job.publish_requests + 1,
        "lookups": 0,
        # Who has read the job before, such as a request that cancels it, writes nothing any more:
        # its status may have been the same.
        "fencing_token": job.fencing_token + 1,
    }


def nothing_in_doubt() -> dict[str, Any]:
    return {"publish_started_at": None, "in_doubt_since": None}


def forget_last_request(job: PublishJob) -> dict[str, Any]:
    """The last request created nothing. One before it may still be in doubt."""
    changes: dict[str, Any] = {"publish_started_at": None}
    return changes if was_in_doubt_before(job) else changes | {"in_doubt_since": None}


def look_up_before_retry(job: PublishJob) -> dict[str, Any]:
    """For a retry by hand: a request that is in doubt is looked up before anything is sent."""
    return {
        "publish_started_at": job.in_doubt_since,
        "progress": job.stored_progress.without_refusal().to_json(),
    }


# --- After a publish request ---------------------------------------------------------------------


def in_doubt(job: PublishJob, now: dt.datetime, error: Exception, why: str) -> Decision:
    """The outcome of a publish request is unknown: the first lookup follows soon."""
    note = f"{error} {why}"
    until = now + dt.timedelta(seconds=LOOKUP_PAUSES_S[0])
    move = wait(
        job,
        until,
        Status.UNCONFIRMED,
        note,
        code=code_of(error),
        waiting_for=WaitingFor.OUTCOME,
    )
    move.changes |= {"error_code": "outcome_unknown", "error_message": note[:500]}
    return Decision(move=move)


def unknown_outcome(job: PublishJob, now: dt.datetime, error: Exception) -> Decision:
    """Neither a success nor an error that proves that the request created nothing."""
    decision = in_doubt(job, now, error, "Looking up whether the post exists.")
    if isinstance(error, PlatformRefusedError):
        doubt = Refusal(code=error.code, message=str(error))
        decision.move.changes["progress"] = replace(job.stored_progress, doubt=doubt).to_json()
    return decision


def leaves_in_doubt(error: Exception, job: PublishJob) -> bool:
    """The request may have created the post, or the refusal may be due to an earlier one's post."""
    if not getattr(error, "nothing_was_created", False):
        return True
    return isinstance(error, PlatformRefusedError) and was_in_doubt_before(job)


def may_be_due_to_earlier_request(error: Exception | None, job: PublishJob) -> bool:
    """The platform may refuse the retry because the request before it created the post."""
    if isinstance(error, DuplicateContentError) and _was_refused_for_unknown_reason(job):
        return True
    if not was_in_doubt_before(job):
        return False
    if isinstance(error, MediaNotReadyError):
        # Where the platform itself keeps a repeat from creating two, it may be repeated.
        return job.lookup_rules.repeat_within is None
    return isinstance(error, (UploadLostError, ContentRejectedError))


def _was_refused_for_unknown_reason(job: PublishJob) -> bool:
    """Whatever the status of that refusal means, the request may have created the post."""
    # A worker of the release before stores the code alone.
    is_last = job.error_code == PlatformRefusedError.code
    return is_last or job.stored_progress.refused_since is not None


def refused_retry(job: PublishJob, now: dt.datetime, error: Exception) -> Decision:
    """The retry is refused, maybe due to the post itself: it is looked up from now on."""
    why = "Maybe because an earlier publish request created the post; looking it up."
    decision = in_doubt(job, now, error, why)
    refusal = Refusal(code=code_of(error), message=str(error))
    progress = job.stored_progress
    decision.move.changes["progress"] = replace(progress, refusal=refusal).to_json()
    if progress.refused_since is not None and not was_in_doubt_before(job):
        since = dt.datetime.fromtimestamp(progress.refused_since, dt.UTC)
        decision.move.changes["in_doubt_since"] = since
    return decision


def is_our_duplicate(error: DuplicateContentError, result: Result, context: Context) -> bool:
    """The platform names a post that only an earlier request of this job can have created."""
    job = result.step.job
    may_be_ours = was_in_doubt_before(job) or _was_refused_for_unknown_reason(job)
    is_retry = result.step.kind == StepKind.PUBLISH and may_be_ours
    is_free = not (context.named_post_is_taken or context.named_post_may_be_others)
    return is_retry and bool(error.remote_id) and is_free


def forget_refused_request(result: Result, decision: Decision) -> None:
    """Clear the intent where the response proves that its request created nothing."""
    error, move = result.error, decision.move
    is_refusal = isinstance(error, SocialPublishingBaseError) and error.nothing_was_created
    if result.step.kind != StepKind.PUBLISH or not is_refusal:
        return
    if move.to == Status.UNCONFIRMED:
        return  # looked up for the sake of an earlier request
    job = result.step.job
    move.changes = {**forget_last_request(job), **move.changes}
    if isinstance(error, PlatformRefusedError):
        progress, started = job.stored_progress, job.publish_started_at
        assert started is not None
        since = progress.refused_since or started.timestamp()
        changed = replace(progress, refused_since=since)
        move.changes.setdefault("progress", changed.to_json())


# --- After a lookup ------------------------------------------------------------------------------


def not_found(result: Result, context: Context) -> Decision:
    """A lookup did not show the post."""
    job, now = result.step.job, context.now
    assert job.publish_started_at is not None
    age = now - job.publish_started_at
    progress = job.stored_progress.with_absent_lookup()
    if progress.refusal is not None:
        return _not_found_after_refusal(job, progress.refusal, age, now)
    if repeat_window_is_over(job, now):
        return left_to_a_person(job, "The platform does not let us see whether this post exists.")
    rules = job.lookup_rules
    is_absent = age >= rules.settle and rules.is_complete and progress.absent_lookups >= 2
    if not is_absent:
        return _look_up_absent(job, now)
    if progress.doubt is not None:
        return _publish_again_after_refusal(job, progress.doubt, now)
    if job.attempts >= context.policy.max_attempts:
        return failed(job, NoResponseError.code, "The platform accepted none of our attempts.")
    decision = _publish_again(job, now, "The post does not exist; publishing it again.")
    decision.move.changes["attempts"] = job.attempts + 1
    return decision


def _not_found_after_refusal(
    job: PublishJob, refusal: Refusal, age: dt.timedelta, now: dt.datetime
) -> Decision:
    """Never repeated: what refused the retry may be the post itself."""
    if job.lookup_rules.repeat_within is not None:
        return left_to_a_person(job, refusal.message)
    if refusal.code == ContentRejectedError.code and age > LATE_IN_LISTS:
        who_acts = ContentRejectedError.who_acts
        return ended(job, Status.CONTENT_REJECTED, refusal.code, refusal.message, who_acts)
    return _look_up_absent(job, now)


def _look_up_absent(job: PublishJob, now: dt.datetime) -> Decision:
    decision = look_up_again(job, now, note="No lookup has found the post yet.")
    progress = job.stored_progress.with_absent_lookup()
    decision.move.changes["progress"] = progress.to_json()
    return decision


def _publish_again_after_refusal(job: PublishJob, doubt: Refusal, now: dt.datetime) -> Decision:
    """A refusal that we do not understand is no verdict: only the grace limits the retries."""
    pause_s = growing_pause(job.retry_pause_s, PlatformRefusedError.first_pause)
    decision = _publish_again(
        job, now + dt.timedelta(seconds=pause_s), doubt.message, code=doubt.code
    )
    decision.move.changes |= {"retry_pause_s": pause_s, "who_acts": PlatformRefusedError.who_acts}
    return decision


def _publish_again(job: PublishJob, at: dt.datetime, note: str, *, code: str = "") -> Decision:
    move = wait(job, at, Status.PENDING, note, code=code, waiting_for=WaitingFor.RETRY)
    move.changes |= {
        "publish_started_at": None,
        # A worker of the release before stores the intent alone.
        "in_doubt_since": job.in_doubt_since or job.publish_started_at,
        "lookups": 0,
        "progress": replace(job.stored_progress, absent_lookups=0, doubt=None).to_json(),
    }
    return Decision(move=move)


def look_up_again(job: PublishJob, now: dt.datetime, *, note: str, code: str = "") -> Decision:
    """The lookup settled nothing; the next one follows after a longer pause."""
    assert job.publish_started_at is not None
    lookups = job.lookups + 1
    age = now - job.publish_started_at
    platform = job.stored_progress.platform
    if platform.remote_id and lookups >= len(LOOKUP_PAUSES_S):
        return published(job, now, platform.remote_id, note=PUBLISHED_WITHOUT_URL)
    if age > LOOKUP_FOR and lookups > LEAST_LOOKUPS:
        return left_to_a_person(job, "We could not find out whether this post exists.")
    pause = dt.timedelta(seconds=LOOKUP_PAUSES_S[min(lookups, len(LOOKUP_PAUSES_S) - 1)])
    settle = job.lookup_rules.settle
    if age < settle:
        # One lookup falls on the settle time, so that an absent post waits no longer than it must.
        pause = min(pause, settle - age)
    if platform.stage == Stage.CONFIRMING:
        status, waiting_for = Status.PROCESSING, WaitingFor.PLATFORM
    else:
        status, waiting_for = Status.UNCONFIRMED, WaitingFor.OUTCOME
    move = wait(job, now + pause, status, note, code=code, waiting_for=waiting_for)
    move.changes["lookups"] = min(lookups, 30_000)
    if status == Status.UNCONFIRMED:
        move.changes |= {"error_code": "outcome_unknown", "error_message": note[:500]}
    return Decision(move=move)


# --- Before a job ends ---------------------------------------------------------------------------


def unless_it_may_exist(decision: Decision) -> Decision:
    """Nothing ends as unpublished while an earlier request may have published it."""
    move = decision.move
    job = move.job
    is_in_doubt = move.changes.get("in_doubt_since", job.in_doubt_since) is not None
    ends_unpublished = move.to in {Status.FAILED, Status.CONTENT_REJECTED, Status.CANCELLED}
    if not (is_in_doubt and ends_unpublished and cannot_be_looked_up(job)):
        return decision
    left = left_to_a_person(job, f"{move.note} {MAY_EXIST}")
    left.move.changes = {**move.changes, **left.move.changes}
    return replace(decision, move=left.move)
