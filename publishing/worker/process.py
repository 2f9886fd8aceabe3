"""A lane: one process that takes due jobs to their platforms.

The lane's own thread is the only one that touches the database: it claims, decides, writes marks,
hands HTTP to its threads, and settles what comes back, many jobs in one statement. Claims of all
lanes go through one turnstile, a locked row, so that one SELECT can rank fairly and still take at
most one job of each account.
"""

from __future__ import annotations

import datetime as dt
import logging
import queue
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.sharedctypes import RawValue
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import F, Min

from connections import tokens
from publishing import engine
from publishing.engine import Context, Decision, Result, Step, StepKind
from publishing.models import JobEvent, PublishJob, Status, WorkerSlot
from publishing.transitions import Move, is_legal, move
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms.accounts import Renewal
from socialpublishing.platforms.progress import Stage

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=30)
EXTEND_EVERY_S = 10.0
# A publishing call may leave only while this much of its lease is left.
SEND_MARGIN_S = 5.0
# A step that takes longer is left to itself: its lease runs out, and the job is looked up.
STEP_DEADLINE_S = 600.0
HEARTBEAT_EVERY_S = 1.0
# A lane that has not beaten for so long is dead: its successor takes over what it had in hand.
DEAD_AFTER = dt.timedelta(seconds=5)
SLEEP_S = 0.2
# Results are gathered for so long, so that many are written together.
GATHER_S = 0.05
GATHER_ABOVE = 8
DRAIN_S = 45.0
# A lane that has most of its threads at work claims this seldom, so that many are claimed together.
CLAIM_PAUSE_S = 0.1
CLAIM_LOCK = "turnstile"

# Set to 1 by `manage.py worker` when it has to stop; forked processes share it. A bare byte and no
# Event: a process that is killed while it asks an Event leaves it locked for all others.
stopping = RawValue("b", 0)


@dataclass
class InFlight:
    step: Step
    since: float


class Worker:
    """Runs one lane until it is superseded, stopped, or its time is over.

    `now` is passed to a turn, so that tests can live at another time.
    """

    def __init__(self, name: str, *, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.generation = self._take_over()
        self.owner = f"{name}:{self.generation}"
        self.in_flight: dict[UUID, InFlight] = {}
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        # Finished, but not yet written: kept while the database is away.
        self.unsettled: list[Result] = []
        self.is_claiming = True
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=f"lane-{name}")
        self._extended_at = self._settled_at = time.monotonic()
        self._claimed_at = 0.0
        self._heartbeat_sent_at = 0.0

    def _take_over(self) -> int:
        now = database_now()
        WorkerSlot.objects.get_or_create(name=CLAIM_LOCK)
        with transaction.atomic():
            slot, _ = WorkerSlot.objects.select_for_update().get_or_create(name=self.name)
            if slot.heartbeat_at is None or now - slot.heartbeat_at > DEAD_AFTER:
                # Its leases end now. Should it be alive after all, the fence keeps it from writing.
                PublishJob.objects.filter(lease_owner__startswith=f"{self.name}:").update(
                    next_attempt_at=now
                )
            slot.generation += 1
            slot.heartbeat_at = now
            slot.save()
        return slot.generation

    # --- The loop --------------------------------------------------------------------------------

    def run(self, *, seconds: float, stop: Callable[[], object] = lambda: False) -> None:
        """Work for `seconds`, or until superseded or stopped; then finish what is under way."""
        ends_at = time.monotonic() + seconds
        drains_until = float("inf")
        pause = 0.5
        while True:
            if self.is_claiming and (stop() or time.monotonic() > ends_at):
                self.is_claiming = False
            if not self.is_claiming:
                drains_until = min(drains_until, time.monotonic() + DRAIN_S)
                if not (self.in_flight or self.unsettled) or time.monotonic() > drains_until:
                    break
            try:
                wait = self.turn(database_now())
                pause = 0.5
            except (OperationalError, InterfaceError):
                logger.exception("the database is away; trying again in %.1f s", pause)
                connection.close()
                time.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            self._collect(wait)
        self._pool.shutdown(wait=False)

    def turn(self, now: dt.datetime) -> float:
        """Settle, beat, extend, claim; answers for how long there is nothing to do, in seconds."""
        started = time.monotonic()
        if self.unsettled:
            self.settle(now, started)
        if started - self._heartbeat_sent_at >= HEARTBEAT_EVERY_S:
            self._heartbeat(now)
            self._heartbeat_sent_at = started
        if self.in_flight and started - self._extended_at >= EXTEND_EVERY_S:
            self._extend(now, started)
        free = self.threads - len(self.in_flight)
        if not self.is_claiming or free <= 0:
            return SLEEP_S
        pause = self._claimed_at + CLAIM_PAUSE_S - started
        if free < self.threads // 2 and pause > 0:
            return pause
        self._claimed_at = started
        if self.claim(now, started, free) == free:
            return 0.0
        return self._until_next(now)

    def finish(self, now: dt.datetime) -> None:
        """For tests: turn until nothing is in flight."""
        self.turn(now)
        while self.in_flight or self.unsettled:
            self._collect(SLEEP_S)
            self.turn(now)

    def _collect(self, wait_s: float) -> None:
        """Wait for results, and when many are under way for some more of them."""
        try:
            self.unsettled.append(self.results.get(timeout=max(wait_s, 0.001)))
        except queue.Empty:
            return
        if len(self.in_flight) > GATHER_ABOVE:
            time.sleep(max(0.0, self._settled_at + GATHER_S - time.monotonic()))
        while not self.results.empty():
            self.unsettled.append(self.results.get())

    def _until_next(self, now: dt.datetime) -> float:
        waiting = PublishJob.objects.filter(next_attempt_at__gt=now)
        due: dt.datetime | None = waiting.aggregate(due=Min("next_attempt_at"))["due"]
        return SLEEP_S if due is None else min(SLEEP_S, (due - now).total_seconds())

    def _heartbeat(self, now: dt.datetime) -> None:
        mine = WorkerSlot.objects.filter(name=self.name, generation=self.generation)
        if not mine.update(heartbeat_at=now):
            self.is_claiming = False  # superseded

    def _extend(self, now: dt.datetime, started: float) -> None:
        living = [
            pk for pk, flight in self.in_flight.items() if started - flight.since < STEP_DEADLINE_S
        ]
        PublishJob.objects.filter(pk__in=living, lease_owner=self.owner).update(
            next_attempt_at=now + LEASE
        )
        self._extended_at = started

    # --- Claiming --------------------------------------------------------------------------------

    def claim(self, now: dt.datetime, started: float, limit: int) -> int:
        """Take up to `limit` due jobs in hand and begin with each; answers how many."""
        if not PublishJob.objects.filter(next_attempt_at__lte=now).exists():
            return 0
        with transaction.atomic():
            # All lanes pass here one by one (SQLite: the transaction itself is exclusive).
            WorkerSlot.objects.select_for_update().get(name=CLAIM_LOCK)
            ids = list(PublishJob.objects.claimable(now, limit).values_list("pk", flat=True))
            if not ids:
                return 0
            # Once more `next_attempt_at`: the API may have cancelled one meanwhile.
            PublishJob.objects.filter(pk__in=ids, next_attempt_at__lte=now).update(
                lease_owner=self.owner,
                next_attempt_at=now + LEASE,
                fencing_token=F("fencing_token") + 1,
                claims=F("claims") + 1,
            )
            jobs = list(
                PublishJob.objects.filter(pk__in=ids, lease_owner=self.owner).select_related(
                    "connection", "destination__connection"
                )
            )
            steps = self._decide(jobs, now, started)
        self._hand_out(steps)
        return len(jobs)

    def _decide(self, jobs: Sequence[PublishJob], now: dt.datetime, started: float) -> list[Step]:
        """Write what each job does next; answers the steps that may now be taken."""
        twins = _in_doubt_by_text(jobs)
        decisions = [
            _decided(
                job,
                replace(
                    context,
                    has_same_text_in_doubt=bool(
                        twins.get((job.account, job.text), set()) - {job.pk}
                    ),
                ),
            )
            for job, context in zip(jobs, self._contexts(jobs, now, started), strict=True)
        ]
        decisions = [self._with_refresh_right(decision, now) for decision in decisions]
        moved = self._write(decisions, now)
        return [
            decision.step for decision in decisions if decision.step and id(decision.move) in moved
        ]

    def _with_refresh_right(self, decision: Decision, now: dt.datetime) -> Decision:
        step = decision.step
        if step is None or step.kind != StepKind.REFRESH:
            return decision
        assert step.job.connection is not None
        if tokens.take_refresh(step.job.connection, now):
            return decision
        return engine.wait_for_refresh(step.job, now)

    def _contexts(
        self, jobs: Sequence[PublishJob], now: dt.datetime, started: float
    ) -> Iterable[Context]:
        for job in jobs:
            yield Context(
                now=now,
                other_post_ids=partial(_other_post_ids, job),
                belongs_to_other_job=partial(_belongs_to_other_job, job),
                may_own_named_post=partial(_may_own_named_post, job),
                lease_until=now + LEASE,
                send_before=started + LEASE.total_seconds() - SEND_MARGIN_S,
            )

    def _hand_out(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.in_flight[step.job.pk] = InFlight(step, time.monotonic())
            self._pool.submit(self._run, step)

    def _run(self, step: Step) -> None:
        self.results.put(engine.run(step))

    # --- Settling --------------------------------------------------------------------------------

    def settle(self, now: dt.datetime, started: float) -> None:
        """Write what came back, all of it or nothing, and go on with the jobs that stay in hand."""
        results = list(self.unsettled)
        as_read = [(result.step.job, dict(result.step.job.__dict__)) for result in results]
        try:
            with transaction.atomic():
                steps = self._settle(results, now, started)
        except DatabaseError:
            # Nothing of it is stored, so nothing of it happened to the jobs in memory.
            for job, attributes in as_read:
                job.__dict__.clear()
                job.__dict__.update(attributes)
            raise
        for result in results:
            self.in_flight.pop(result.step.job.pk, None)
        self.unsettled = []
        self._settled_at = time.monotonic()
        self._hand_out(steps)

    def _settle(self, results: Sequence[Result], now: dt.datetime, started: float) -> list[Step]:
        for result in results:
            if result.step.kind == StepKind.REFRESH:
                self._settle_refresh(result, now)
        surroundings = self._contexts([r.step.job for r in results], now, started)
        decisions = [engine.settle(r, s) for r, s in zip(results, surroundings, strict=True)]
        moved = self._write(decisions, now)
        for decision in decisions:
            if id(decision.move) not in moved:
                self._keep_evidence(decision.move, now)
        again = [d.move.job for d in decisions if d.again and id(d.move) in moved]
        return self._decide(again, now, started) if again else []

    def _settle_refresh(self, result: Result, now: dt.datetime) -> None:
        held = result.step.job.connection
        assert held is not None
        renewal = result.value if isinstance(result.value, Renewal) else None
        tokens.settle_refresh(held, renewal or result.error, now)
        if result.step.job.destination is not None:
            result.step.job.destination.refresh_from_db()

    def _write(self, decisions: Sequence[Decision], now: dt.datetime) -> set[int]:
        """Write the moves, and what they say of accounts; answers the ids of those that counted."""
        moves = [decision.move for decision in decisions if _is_allowed(decision.move)]
        moved = move(moves, now=now, actor=f"worker {self.owner}")
        for decision in decisions:
            target = decision.move.job.target
            if decision.limited_until is not None and target is not None:
                target.row.limited_until = decision.limited_until
                target.row.save(update_fields=["limited_until"])
            place = decision.move.job.destination
            if decision.is_shut_out and place is not None:
                place.can_publish = False
                place.save(update_fields=["can_publish"])
            held = decision.move.job.connection
            if decision.reauth_reason and held is not None:
                tokens.needs_reauth(held, decision.reauth_reason)
        return {id(each) for each in moved}

    def _keep_evidence(self, late: Move, now: dt.datetime) -> None:
        """Store what a platform told us even though the job is in other hands by now.

        Whoever has it reads the evidence before anything else.
        """
        if late.to != Status.PUBLISHED:
            return
        try:
            with transaction.atomic():
                PublishJob.objects.filter(pk=late.job.pk, remote_id="").update(
                    remote_id=late.changes["remote_id"], post_url=late.changes["post_url"]
                )
        except IntegrityError:
            logger.exception("two jobs claim one post", extra={"job_id": late.job.pk})
            return
        # One that was given up is of no more concern to anybody: now it is.
        PublishJob.objects.filter(
            pk=late.job.pk, status=Status.UNCONFIRMED, next_attempt_at=None
        ).update(next_attempt_at=now)
        JobEvent.objects.create(
            job_id=late.job.pk,
            at=now,
            from_status=late.job.status,
            to_status=late.job.status,
            actor=f"worker {self.owner}",
            step=late.step,
            note="A worker that had lost the job brings the platform's answer: the post is there.",
        )


def _in_doubt_by_text(jobs: Sequence[PublishJob]) -> Mapping[tuple[str, str], set[UUID]]:
    """What is looked for on the accounts of `jobs`: ids of jobs by account and text."""
    found: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    in_doubt = PublishJob.objects.in_doubt().filter(account__in={job.account for job in jobs})
    columns = ("pk", "account", "text", "publish_started_at", "progress")
    for pk, account, text, intent_at, progress in in_doubt.values_list(*columns):
        if progress.get("stage") == Stage.CONFIRMING:
            continue  # its name is known, and it is asked for by that
        if (
            intent_at is None
            and not PublishJob.objects.select_related("connection").get(pk=pk).may_exist
        ):
            continue  # known to be absent
        found[account, text].add(pk)
    return found


def _is_allowed(each: Move) -> bool:
    """One job that would go astray is an alarm, and no reason to hold up the others."""
    if is_legal(each):
        return True
    logger.error("illegal move to %s", each.to, extra={"job_id": each.job.pk})
    return False


def _other_post_ids(job: PublishJob) -> frozenset[str]:
    """Ids of posts that belong to other jobs of its account, and that a look-up may come across."""
    # A platform's clock, too, may be off by so much.
    since = (job.in_doubt_since or job.created_at) - 2 * engine.LOOKUP_MARGIN
    others = PublishJob.objects.filter(account=job.account).exclude(pk=job.pk)
    whole = others.filter(published_at__gte=since).exclude(remote_id="")
    ids: set[str] = set()
    for found in (whole, others.partly_out()):
        for remote_id, progress in found.values_list("remote_id", "progress"):
            ids |= {remote_id, *progress.get("posted", ())}
    return frozenset(ids - {""})


def _belongs_to_other_job(job: PublishJob, remote_id: str) -> bool:
    others = PublishJob.objects.filter(account=job.account, remote_id=remote_id)
    return others.exclude(pk=job.pk).exists() or remote_id in _other_post_ids(job)


def _may_own_named_post(job: PublishJob) -> bool:
    others = PublishJob.objects.filter(account=job.account, text=job.text, remote_id="")
    return others.exclude(pk=job.pk).filter(in_doubt_since__isnull=False).exists()


def _decided(job: PublishJob, context: Context) -> Decision:
    try:
        return engine.decide(job, context)
    except SocialPublishingBaseError as error:
        # A token that no key of ours opens, a platform that left the register: an alarm, and no
        # reason to hold up the other jobs.
        logger.exception("job cannot go on", extra={"job_id": job.pk})
        return engine.defer(job, context.now, error)
