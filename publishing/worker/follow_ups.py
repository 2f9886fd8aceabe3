"""A worker's work on follow-ups: claims them, hands their steps out, stores the outcomes.

Nothing here touches the post, its account or other posts: a refusal is the follow-up's own. It
ends as an entry in the job's history and, if it failed, as a warning of the job.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import DateTimeField

from publishing import job_log
from publishing.engine.outcomes import growing_pause
from publishing.engine.settle import settle as settled
from publishing.engine.values import Decision, Result, Step, StepKind
from publishing.follow_ups import STATE, as_job
from publishing.models import ENDED, FollowUp, JobEvent, PublishJob, Status
from publishing.transitions import Move, history_entry, move_one
from publishing.worker import contexts
from publishing.worker.deciding import decision_for
from publishing.worker.storing import store_refresh
from publishing.worker.turn import Turn
from socialpublishing.errors import PlatformRefusedError
from socialpublishing.events.models import EventType
from socialpublishing.json_rows import insert
from socialpublishing.posts import PostWarning
from socialpublishing.prepared import Parameter, PreparedQuery

STORED = tuple(name for name in STATE if name not in {"created_at", "updated_at", "remote_id"})
UNCONFIRMED = (
    "It is unknown whether the first comment was made. Look at the post before you comment by hand."
)
FAILED = {
    FollowUp.Kind.FIRST_COMMENT: ("first_comment_failed", "The first comment was not made:"),
    FollowUp.Kind.TAKE_DOWN: ("take_down_failed", "The post was not taken down:"),
}
DONE = {
    FollowUp.Kind.FIRST_COMMENT: "Made the first comment.",
    FollowUp.Kind.TAKE_DOWN: "Took the post down.",
}


def _one_due() -> Any:
    due = FollowUp.objects.filter(next_attempt_at__lte=Parameter("now", DateTimeField()))
    return due.values_list("pk")[:1]


ONE_DUE: PreparedQuery[FollowUp] = PreparedQuery(_one_due)


def are_due(now: dt.datetime) -> bool:
    return bool(ONE_DUE.values(now=now))


def claim(turn: Turn, *, owner: str, limit: int) -> list[PublishJob]:
    """Claim up to `limit` due follow-ups, those that have been due longest."""
    rows = FollowUp.objects.filter(next_attempt_at__lte=turn.now).select_related(
        "job__connection", "job__destination__connection"
    )
    # Those whose job is locked, by a request that takes it down, have their turn later.
    free = rows.select_for_update(skip_locked=True, of=("self", "job"))
    due = free.order_by("next_attempt_at", "pk")[:limit]
    return [as_job(each) for each in due if _take(each, turn, owner)]


def _take(follow_up: FollowUp, turn: Turn, owner: str) -> bool:
    """False if another worker or request was faster."""
    as_read = FollowUp.objects.filter(
        pk=follow_up.pk,
        fencing_token=follow_up.fencing_token,
        next_attempt_at=follow_up.next_attempt_at,
    )
    changes = {
        "lease_owner": owner,
        "next_attempt_at": turn.lease_until,
        "fencing_token": follow_up.fencing_token + 1,
        "claims": follow_up.claims + 1,
    }
    for name, value in changes.items():
        setattr(follow_up, name, value)
    return bool(as_read.update(**changes))


def decide(jobs: Sequence[PublishJob], turn: Turn, actor: str) -> list[Step]:
    """Store what each does next; returns the steps that may now be taken."""
    context = contexts.plain_context(turn)
    decisions = [decision_for(job, context) for job in jobs]
    stored = [each for each in decisions if _store(each, turn.now, actor)]
    return [each.step for each in stored if each.step]


def settle(results: Sequence[Result], turn: Turn, actor: str) -> list[Step]:
    """Store what came back; returns the next steps of those that go on."""
    again = []
    # Jobs before follow-ups, as requests lock them.
    works = [result.step.job.follow_up for result in results]
    PublishJob.objects.lock([work.job for work in works if work])
    for result in results:
        if result.step.kind == StepKind.REFRESH:
            store_refresh(result, turn.now)
        decision = _by_itself(settled(result, contexts.plain_context(turn)), turn.now)
        if not _store(decision, turn.now, actor):
            _keep_evidence(decision.move, turn.now)
        elif decision.decide_again:
            again.append(decision.move.job)
    return decide(again, turn, actor) if again else []


def _by_itself(decision: Decision, now: dt.datetime) -> Decision:
    """No account and no platform waits because of a follow-up, so it ends or waits by itself."""
    each = decision.move
    if each.to != Status.PENDING:
        return decision
    if decision.reauth_reason:
        each.to, each.note = Status.FAILED, decision.reauth_reason
    elif decision.pause is not None:
        pause_s = growing_pause(each.job.retry_pause_s, PlatformRefusedError.first_pause)
        until = now + dt.timedelta(seconds=pause_s)
        each.changes |= {"next_attempt_at": until, "retry_pause_s": pause_s}
    return decision


def extend_leases(pks: Iterable[Any], turn: Turn, owner: str) -> None:
    in_hand = FollowUp.objects.filter(pk__in=list(pks), lease_owner=owner)
    in_hand.update(next_attempt_at=turn.lease_until)


def _store(decision: Decision, now: dt.datetime, actor: str) -> bool:
    """False if the follow-up is no longer as it was read."""
    each = decision.move
    work = each.job
    values = {name: each.changes.get(name, getattr(work, name)) for name in STORED}
    if each.to in ENDED:
        values |= {"next_attempt_at": None, "lease_owner": "", "waiting_for": ""}
    if remote_id := each.changes.get("remote_id"):
        values["remote_id"] = remote_id
    values["status"] = each.to
    as_read = FollowUp.objects.filter(
        pk=work.pk, status=work.status, fencing_token=work.fencing_token
    )
    if not as_read.update(**values, updated_at=now):
        return False
    for name, value in values.items():
        setattr(work, name, value)
    if work.next_attempt_at is None:
        _end(each, now, actor)
    elif each.note and each.code:
        _record(each, now, actor)
    return True


def _record(each: Move, now: dt.datetime, actor: str) -> None:
    """An error that may pass, in the history of the job."""
    assert each.job.follow_up is not None
    insert(JobEvent, [history_entry(_report_of(each, each.job.follow_up.job), now, actor)])


def _end(each: Move, now: dt.datetime, actor: str) -> None:
    """Tell the job what became of its follow-up."""
    assert each.job.follow_up is not None
    kind = FollowUp.Kind(each.job.follow_up.kind)
    job = PublishJob.objects.select_for_update().get(pk=each.job.follow_up.job_id)
    report = _report_of(each, job)
    report.changes["warnings"] = _warnings(job, kind, each)
    if each.to == Status.PUBLISHED:
        report.note = DONE[kind]
        if kind == FollowUp.Kind.TAKE_DOWN:
            report.changes["deleted_at"] = now
    if "deleted_at" in report.changes or report.changes["warnings"] != job.warnings:
        report.event = EventType.JOB_CHANGED
    move_one(report, now=now, actor=actor)
    is_done = each.to == Status.PUBLISHED
    outcome = "done" if is_done else "not done"
    level = logging.INFO if is_done else logging.WARNING
    job_log.write(level, f"{kind.label.lower()} {outcome}", each, {})


def _report_of(each: Move, job: PublishJob) -> Move:
    """What `job` records of a move of its follow-up."""
    follow_up = each.job.follow_up
    assert follow_up is not None
    return replace(
        each,
        job=job,
        to=Status.PUBLISHED,
        changes={},
        note=f"{follow_up.get_kind_display()}: {each.note}",
        step=follow_up.kind,
    )


def _warnings(job: PublishJob, kind: FollowUp.Kind, each: Move) -> list[dict[str, str]] | None:
    """The warnings of `job`; of this kind of follow-up only the newest."""
    code, sentence = FAILED[kind]
    old = {code, "first_comment_unconfirmed"} if kind == FollowUp.Kind.FIRST_COMMENT else {code}
    kept = [stored for stored in job.warnings or () if stored["code"] not in old]
    if each.to == Status.UNCONFIRMED:
        kept.append(vars(PostWarning(code="first_comment_unconfirmed", message=UNCONFIRMED)))
    elif each.to != Status.PUBLISHED:
        kept.append(vars(PostWarning(code=code, message=f"{sentence} {each.note}")))
    return kept or None


def _keep_evidence(late: Move, now: dt.datetime) -> None:
    """Store the id of a comment even though the follow-up was taken over or dropped meanwhile."""
    remote_id = late.changes.get("remote_id")
    if late.to != Status.PUBLISHED or not remote_id:
        return
    row = FollowUp.objects.filter(pk=late.job.pk)
    row.filter(remote_id="").update(remote_id=remote_id)
    # One whose lookups have ended without a result.
    row.filter(status=Status.UNCONFIRMED, next_attempt_at=None).update(next_attempt_at=now)
