"""Stores what the engine decided, and what a decision implies for accounts."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction

from connections import tokens
from connections.models import PostingAccount
from publishing.engine.values import Decision, Result
from publishing.job_log import facts_of
from publishing.models import JobEvent, PublishJob, Status
from publishing.pausing import end_pauses
from publishing.transitions import Move, is_legal, move
from socialpublishing.platforms import pauses
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.pauses import PlatformPause

logger = logging.getLogger(__name__)


def store(decisions: Sequence[Decision], *, now: dt.datetime, actor: str) -> list[Decision]:
    """Store the moves of `decisions`; returns those whose job was still as it had been read."""
    moved = {
        id(each)
        for each in move(
            [decision.move for decision in decisions if _is_allowed(decision.move)],
            now=now,
            actor=actor,
        )
    }
    for decision in decisions:
        store_for_account(decision)
    return [decision for decision in decisions if id(decision.move) in moved]


def _is_allowed(each: Move) -> bool:
    """A job with an illegal move is left out with an alarm: it must not hold up the others."""
    if is_legal(each):
        return True
    logger.error("illegal move to %s", each.to, extra=facts_of(each.job))
    return False


def store_for_account(decision: Decision) -> None:
    """Store what `decision` means for the account; in memory, too."""
    job = decision.move.job
    if decision.limited_until is not None and job.target is not None:
        _update(job.target.row, limited_until=decision.limited_until)
    if decision.ends_destination and job.destination is not None:
        _update(job.destination, can_publish=False)
    if decision.reauth_reason and job.connection is not None:
        tokens.require_reauth(job.connection, decision.reauth_reason)


def _update(row: PostingAccount, **columns: Any) -> None:
    """Change the row, in memory too. One that was erased meanwhile stays erased."""
    type(row)._default_manager.filter(pk=row.pk).update(**columns)
    for name, value in columns.items():
        setattr(row, name, value)


def store_pauses(
    results: Sequence[Result], decisions: Sequence[Decision], now: dt.datetime
) -> None:
    """Store what responses show about our app: end pauses of platforms, and begin others."""
    probes = [
        decision
        for result, decision in zip(results, decisions, strict=True)
        if result.step.is_probe
    ]
    if probes:
        accepted = {each.move.job.pk: each.move.step for each in probes if each.app_was_accepted}
        _end_pauses(accepted, now)
        pauses.release([each.move.job.pk for each in probes if _found_out_nothing(each)], now)
    for decision in decisions:
        job = decision.move.job
        if decision.pause is not None and job.connection is not None:
            pauses.pause(
                job.platform,
                job.connection.login,
                decision.pause,
                step=decision.move.step,
                job_id=job.pk,
                now=now,
            )


def _found_out_nothing(decision: Decision) -> bool:
    """The step failed for a reason of its own, or the job has ended."""
    is_about_app = decision.pause is not None or decision.app_was_accepted
    return not is_about_app and not decision.decide_again


def _end_pauses(accepted: Mapping[UUID, str], now: dt.datetime) -> None:
    """`accepted`: the jobs whose last step the platform accepted, and that step."""
    ended = [
        each
        for each in PlatformPause.objects.filter(probe_job__in=accepted)
        if each.probe_job and accepted[each.probe_job] == each.step
    ]
    end_pauses(ended, now)


def store_refresh(result: Result, now: dt.datetime) -> None:
    """Store what a refresh returned; the job gets the tokens that are valid now."""
    job = result.step.job
    connection = job.connection
    assert connection is not None
    renewal = result.value if isinstance(result.value, Renewal) else None
    try:
        tokens.store_refresh_outcome(connection, renewal or result.error, now)
        if job.destination is not None:
            job.destination.refresh_from_db()
    except ObjectDoesNotExist:
        logger.info("refreshed for an account that was erased", extra=facts_of(job))


def keep_evidence(late: Move, *, now: dt.datetime, actor: str) -> None:
    """Store the id of a post even though another worker has the job by now.

    Evidence is stored whatever the fencing token. Whoever has the job reads it first.
    """
    if late.to != Status.PUBLISHED:
        return
    job = PublishJob.objects.filter(pk=late.job.pk)
    if not job.select_for_update().exists():
        return  # erased meanwhile
    try:
        with transaction.atomic():
            job.filter(remote_id="").update(
                remote_id=late.changes["remote_id"], post_url=late.changes["post_url"]
            )
    except IntegrityError:
        logger.exception("two jobs have the same post", extra=facts_of(late.job))
        return
    # Make an abandoned Unconfirmed job due again: its post id is now known.
    job.filter(status=Status.UNCONFIRMED, next_attempt_at=None).update(next_attempt_at=now)
    JobEvent.objects.create(
        job_id=late.job.pk,
        at=now,
        from_status=late.job.status,
        to_status=late.job.status,
        actor=actor,
        step=late.step,
        note="A late response shows that the post exists.",
    )
