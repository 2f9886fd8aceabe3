"""A publishing process: publishes the jobs that are due.

The main thread alone uses the database: it claims, decides, stores publish intents, hands HTTP to
its threads, and stores the outcomes, many jobs in one statement. All workers claim under one lock,
a locked row, so that no two of them claim jobs of the same account. None of them waits for it.
"""

from __future__ import annotations

import datetime as dt
import logging
import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.sharedctypes import RawValue
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection, transaction

from publishing.engine.execute import execute
from publishing.engine.retry import wait_for_pause
from publishing.engine.settle import STEPS_OF_PUBLISHING, settle
from publishing.engine.values import Context, Decision, Result, Step, StepKind
from publishing.models import PublishJob, WorkerSlot
from publishing.worker import contexts, follow_ups
from publishing.worker.deciding import decision_for
from publishing.worker.due import DueJobs
from publishing.worker.slots import leave, take_claim_lock, take_over
from publishing.worker.storing import (
    keep_evidence,
    store,
    store_for_account,
    store_pauses,
    store_refresh,
)
from publishing.worker.turn import LEASE, Turn
from socialpublishing.clock import database_now

logger = logging.getLogger(__name__)

EXTEND_EVERY_S = 10.0
# The lease of a step that takes longer is no longer extended: the job is looked up by another.
STEP_DEADLINE_S = 600.0
HEARTBEAT_EVERY_S = 1.0
SLEEP_S = 0.2
# Results are gathered for so long, so that many are stored together.
GATHER_S = 0.03
GATHER_ABOVE = 8
DRAIN_S = 45.0
# A worker whose threads are mostly at work claims this seldom, so that many are claimed at once.
CLAIM_PAUSE_S = 0.05
# Until a worker tries again that found another one claiming.
LOCKED_OUT_S = 0.01
# For so many jobs of one platform there is a place for another's: a slow one holds up no other.
OTHERS_SHARE = 8
# Of so many free places one is for follow-ups, if any are due.
FOLLOW_UP_SHARE = 8

# Set to 1 by `manage.py worker` when it has to stop; forked processes share it. A bare byte and no
# Event: a process that is killed while it waits for an Event leaves it locked for all others.
stopping = RawValue("b", 0)


@dataclass
class InFlight:
    step: Step
    since: float


class Worker:
    """Owns a worker slot until another tick takes the slot over, it is stopped, or time is up.

    `threads`: for the jobs of one platform; there are some more for those of others.
    `now` is passed to a turn, so that tests can live at another time.
    """

    def __init__(self, slot: str, *, threads: int) -> None:
        self.slot = slot
        self.threads = threads
        self.generation = take_over(slot)
        self.owner = f"{slot}:{self.generation}"
        self.actor = f"worker {self.owner}"
        self.in_flight: dict[UUID, InFlight] = {}
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        # Finished, but not stored yet: kept while the database is away.
        self.unsettled: list[Result] = []
        self.is_claiming = True
        self.due = DueJobs(threads)
        # Another worker was claiming: this one tries again soon.
        self.is_locked_out = False
        self._pool = ThreadPoolExecutor(self.places, thread_name_prefix=f"worker-{slot}")
        self._extended_at = self._settled_at = time.monotonic()
        self._claimed_at = 0.0
        self._heartbeat_at = 0.0

    @property
    def places(self) -> int:
        """How many jobs are under way at most."""
        return self.threads + self.threads // OTHERS_SHARE

    # --- The loop --------------------------------------------------------------------------------

    def run(self, *, seconds: float, stop: Callable[[], object] = lambda: False) -> None:
        """Work for `seconds`, or until taken over or stopped; then finish what is under way."""
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
        if stop():
            leave(self.slot, self.generation)

    def turn(self, now: dt.datetime) -> float:
        """Settle, send the heartbeat, extend leases, claim; returns seconds without work."""
        turn = Turn(now=now)
        if self.unsettled:
            self.settle(turn)
        if turn.started - self._heartbeat_at >= HEARTBEAT_EVERY_S:
            self._send_heartbeat(turn)
        if self.in_flight and turn.started - self._extended_at >= EXTEND_EVERY_S:
            self._extend_leases(turn)
        free = self.places - len(self.in_flight)
        if not self.is_claiming or free <= 0:
            return SLEEP_S
        pause = self._claimed_at + CLAIM_PAUSE_S - turn.started
        if free < self.threads // 2 and pause > 0:
            return pause
        self._claimed_at = turn.started
        if self._claim_all(turn, free) == free:
            return 0.0
        if self.is_locked_out:
            self._claimed_at = 0.0
            return LOCKED_OUT_S
        until_due = PublishJob.objects.seconds_until_due(now, after=self.due.read_until)
        if until_due is None:
            return SLEEP_S
        self.due.read_within(until_due)
        return min(SLEEP_S, until_due)

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

    def _send_heartbeat(self, turn: Turn) -> None:
        own = WorkerSlot.objects.filter(name=self.slot, generation=self.generation)
        if not own.update(heartbeat_at=turn.now):
            self.is_claiming = False  # another tick has taken the slot over
        self._heartbeat_at = turn.started

    def _extend_leases(self, turn: Turn) -> None:
        extended = [
            pk
            for pk, flight in self.in_flight.items()
            if turn.started - flight.since < STEP_DEADLINE_S
        ]
        PublishJob.objects.filter(pk__in=extended, lease_owner=self.owner).update(
            next_attempt_at=turn.now + LEASE
        )
        follow_ups.extend_leases(extended, turn, self.owner)
        self._extended_at = turn.started

    # --- Claiming --------------------------------------------------------------------------------

    def claim(self, turn: Turn, limit: int) -> int:
        """Claim up to `limit` due jobs and start each; returns how many."""
        self.is_locked_out = False
        if not self.due.read(turn.now):
            return 0
        if len(self.in_flight) >= self.threads and not self.due.has_room(self._busy_accounts()):
            return 0
        with transaction.atomic():
            # One worker claims at a time (SQLite: the transaction itself is exclusive).
            self.is_locked_out = not take_claim_lock()
            if self.is_locked_out:
                return 0
            jobs = self._claimable(turn, limit)
            steps = self._decide_claimed(jobs, turn) if jobs else []
        self._hand_out(steps)
        return len(jobs)

    def _busy_accounts(self) -> set[str]:
        return {
            flight.step.job.account
            for flight in self.in_flight.values()
            if flight.step.job.follow_up is None
        }

    def _claimable(self, turn: Turn, limit: int) -> list[PublishJob]:
        busy = self._busy_accounts()
        jobs: list[PublishJob] = []
        while len(jobs) < limit and (ids := self.due.take(limit - len(jobs), busy)):
            jobs += PublishJob.objects.claimable(ids, turn.now)
            busy |= {job.account for job in jobs}
        return jobs

    def _claim_all(self, turn: Turn, free: int) -> int:
        """Posts have most of the free places; what follows others is not kept waiting for ever."""
        if not follow_ups.are_due(turn.now):
            return self.claim(turn, free)
        # The places beyond `threads` are for posts alone.
        room = max(0, self.threads - len(self.in_flight))
        share = (room + 6) // FOLLOW_UP_SHARE
        few = self._claim_follow_ups(turn, share)
        claimed = few + self.claim(turn, free - few)
        if few == share:
            claimed += self._claim_follow_ups(turn, room - claimed)
        return claimed

    def _claim_follow_ups(self, turn: Turn, limit: int) -> int:
        if limit <= 0:
            return 0
        with transaction.atomic():
            claimed = follow_ups.claim(turn, owner=self.owner, limit=limit)
            steps = follow_ups.decide(claimed, turn, self.actor)
        self._hand_out(steps)
        return len(claimed)

    def _decide_claimed(self, jobs: Sequence[PublishJob], turn: Turn) -> list[Step]:
        """Store the claim of `jobs` with what each does next, in one UPDATE; returns the steps."""
        for job in jobs:
            job.lease_owner, job.next_attempt_at = self.owner, turn.lease_until
            job.claims += 1
        decisions = self._decisions(jobs, turn)
        for each in decisions:
            each.move.changes.setdefault("fencing_token", each.move.job.fencing_token + 1)
        stored = store(decisions, now=turn.now, actor=self.actor)
        if len(stored) < len(jobs):
            moved = {id(each.move.job) for each in stored}
            left = [job for job in jobs if id(job) not in moved]
            PublishJob.objects.lease(left, owner=self.owner, until=turn.lease_until)
        return [decision.step for decision in stored if decision.step]

    def _decisions(self, jobs: Sequence[PublishJob], turn: Turn) -> list[Decision]:
        """What each of `jobs` does next."""
        if not jobs:
            return []
        return [
            _with_probe_right(decision_for(job, context), context)
            for job, context in zip(jobs, contexts.before_steps(jobs, turn), strict=True)
        ]

    def _hand_out(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.in_flight[step.job.pk] = InFlight(step, time.monotonic())
            self._pool.submit(self._execute, step)

    def _execute(self, step: Step) -> None:
        self.results.put(execute(step))

    # --- Settling --------------------------------------------------------------------------------

    def settle(self, turn: Turn) -> None:
        """Store what came back, and go on with jobs that stay claimed.

        Follow-ups apart: in one transaction with moves of jobs, workers could block each other.
        """
        for are_follow_ups in (False, True):
            results = [each for each in self.unsettled if each.is_of_follow_up == are_follow_ups]
            if results:
                self._settle_together(results, turn)
                self.unsettled = [
                    each for each in self.unsettled if each.is_of_follow_up != are_follow_ups
                ]
        self._settled_at = time.monotonic()

    def _settle_together(self, results: Sequence[Result], turn: Turn) -> None:
        """All of it or nothing."""
        jobs = [result.step.job for result in results]
        rows = [row for job in jobs for row in (job, job.connection, job.destination) if row]
        as_read = [(row, dict(row.__dict__)) for row in rows]
        try:
            with transaction.atomic():
                if results[0].is_of_follow_up:
                    steps = follow_ups.settle(results, turn, self.actor)
                else:
                    steps = self._settle(results, turn)
        except DatabaseError:
            # Nothing of it is stored, so nothing of it happened to the rows in memory.
            for row, attributes in as_read:
                row.__dict__.clear()
                row.__dict__.update(attributes)
            raise
        for result in results:
            self.in_flight.pop(result.step.job.pk, None)
        self._hand_out(steps)

    def _settle(self, results: Sequence[Result], turn: Turn) -> list[Step]:
        for result in results:
            if result.step.kind == StepKind.REFRESH:
                store_refresh(result, turn.now)
        settled = [
            settle(result, context)
            for result, context in zip(results, contexts.after_steps(results, turn), strict=True)
        ]
        if turn.pauses or any(each.pause for each in settled):
            # Jobs before pauses, as a claim locks them, or two workers could block each other.
            PublishJob.objects.lock([result.step.job for result in results])
        store_pauses(results, settled, turn.now)
        decisions = self._with_next(settled, turn)
        stored = store(decisions, now=turn.now, actor=self.actor)
        stored_ids = {id(decision) for decision in stored}
        for decision in decisions:
            if id(decision) not in stored_ids:
                keep_evidence(decision.move, now=turn.now, actor=self.actor)
        return [decision.step for decision in stored if decision.step]

    def _with_next(self, settled: Sequence[Decision], turn: Turn) -> list[Decision]:
        """For jobs that go on, what they do next: one UPDATE stores it with what came back."""
        again = [decision for decision in settled if decision.decide_again]
        for decision in again:
            store_for_account(decision)
            decision.move.apply()
        following = self._decisions([decision.move.job for decision in again], turn)
        for decision, after in zip(again, following, strict=True):
            after.move.join(decision.move)
        rest = iter(following)
        return [next(rest) if decision.decide_again else decision for decision in settled]


def _with_probe_right(decision: Decision, context: Context) -> Decision:
    """A paused platform is probed by one job: another that would send a request waits."""
    step = decision.step
    if step is None or step.kind not in STEPS_OF_PUBLISHING:
        return decision
    for pause in context.probes:
        paused = contexts.paused_by(pause)
        if not paused.holds(step.kind):
            continue
        if not pause.take_probe(step.job.pk, context.now):
            return wait_for_pause(step.job, context, paused)
        decision = replace(decision, step=replace(step, is_probe=True))
    return decision
