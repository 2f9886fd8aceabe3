"""What keeps a worker from sending a request twice, or from losing a response."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from conftest import SteppedWorker, statuses
from publishing.engine.decide import decide
from publishing.engine.execute import execute
from publishing.engine.values import StepKind
from publishing.models import FollowUp, PublishJob
from publishing.operations import cancellation
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault, count_requests
from publishing.transitions import Move, move
from publishing.worker import follow_ups, process
from publishing.worker.contexts import plain_context
from publishing.worker.slots import take_over
from publishing.worker.turn import Turn
from socialpublishing.events import outbox

LEASE_S = 30


@pytest.fixture
def job(api, make_connection) -> PublishJob:
    api.publish(make_connection("twitter"), "Hello")
    return PublishJob.objects.get()


def test_lease_of_a_step_under_way_is_extended(job, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "delay", 0.5)
    now = timezone.now()
    worker.turn(now)
    worker._extended_at -= process.EXTEND_EVERY_S

    worker.turn(now + dt.timedelta(seconds=10))

    job.refresh_from_db()
    assert job.next_attempt_at == now + dt.timedelta(seconds=10 + LEASE_S)
    worker.finish(now)


def test_lease_of_another_worker_is_left_alone(job, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, "twitter", "delay", 0.5)
    now = timezone.now()
    worker.turn(now)
    ends = now + dt.timedelta(seconds=15)
    PublishJob.objects.update(lease_owner="other/1:1", next_attempt_at=ends)
    worker._extended_at -= process.EXTEND_EVERY_S

    worker.turn(now + dt.timedelta(seconds=10))

    job.refresh_from_db()
    assert job.next_attempt_at == ends
    worker.finish(now)


@pytest.mark.parametrize(("silent_s", "ends"), [(0, False), (60, True)])
def test_leases_end_early_only_if_their_worker_is_dead(job, silent_s, ends):
    lease_until = timezone.now() + dt.timedelta(seconds=LEASE_S)
    generation = take_over("slot")
    PublishJob.objects.update(lease_owner=f"slot:{generation}", next_attempt_at=lease_until)
    process.WorkerSlot.objects.filter(name="slot").update(
        heartbeat_at=timezone.now() - dt.timedelta(seconds=silent_s)
    )

    take_over("slot")

    job.refresh_from_db()
    assert (job.next_attempt_at < lease_until) == ends


def test_request_does_not_leave_after_its_lease(job, sandbox):
    turn = Turn(now=timezone.now(), started=time.monotonic() - LEASE_S)
    step = decide(job, plain_context(turn)).step
    assert step.kind == StepKind.PUBLISH

    result = execute(step)

    assert result.error.nothing_was_created
    assert count_requests(sandbox, PUBLISH_REQUESTS, "twitter") == 0


def test_result_is_kept_while_the_database_is_away(job, sandbox, worker, monkeypatch):
    turns = iter([0, 0, 0])
    settle = process.Worker.settle

    def fail_thrice(self, turn):
        for _ in turns:
            raise OperationalError("the server closed the connection")
        settle(self, turn)

    monkeypatch.setattr(process.Worker, "settle", fail_thrice)
    monkeypatch.setattr(process.connection, "close", lambda: None)
    monkeypatch.setattr(process.time, "sleep", lambda seconds: None)

    worker.run(seconds=3)

    assert statuses() == {"Published": 1}
    assert count_requests(sandbox, PUBLISH_REQUESTS, "twitter") == 1


def test_outcome_is_stored_though_storing_it_failed_once(api, make_connection, sandbox, worker):
    """The rows in memory have nothing of what was rolled back."""
    options = {"thread": ["Second", "Third"]}
    api.publish(make_connection("twitter"), "First", platform_specific_options=options)
    updates = []

    def fail_once(execute, sql, parameters, many, context):
        result = execute(sql, parameters, many, context)
        if f"UPDATE {connection.ops.quote_name(PublishJob._meta.db_table)} AS" in sql:
            updates.append(sql)
            if len(updates) == 2:  # the first one is the claim
                raise OperationalError("rolled back")
        return result

    with connection.execute_wrapper(fail_once):
        with pytest.raises(OperationalError):
            worker.finish(timezone.now())
        worker.finish(timezone.now())

    assert statuses() == {"Published": 1}
    assert sorted(post["text"] for post in sandbox.posts()) == ["First", "Second", "Third"]


def test_follow_up_is_claimed_by_one_worker(job, worker, monkeypatch):
    FollowUp.objects.create(
        job=job,
        kind=FollowUp.Kind.FIRST_COMMENT,
        status="Pending",
        next_attempt_at=timezone.now(),
        created_at=timezone.now(),
        updated_at=timezone.now(),
    )
    turn = Turn(now=timezone.now() + dt.timedelta(seconds=1))
    as_job = follow_ups._take
    others: list[PublishJob] = []

    def after_another_worker(follow_up, *arguments):
        """Both have read the row before either claims it."""
        if not others:
            others.append(job)
            others.extend(follow_ups.claim(turn, owner="other:1", limit=1))
        return as_job(follow_up, *arguments)

    monkeypatch.setattr(follow_ups, "_take", after_another_worker)

    assert follow_ups.claim(turn, owner="one:1", limit=1) == []
    assert len(others) == 2


def test_job_whose_publish_request_has_started_is_not_cancelled(api, job):
    now = timezone.now()
    PublishJob.objects.update(status="Processing", publish_started_at=now, in_doubt_since=now)

    response = api.post(f"publishing/jobs/{job.pk}/cancel")

    assert (response.status_code, response.json()["code"]) == (409, "already_submitting")


def test_disconnecting_does_not_cancel_a_job_whose_post_may_exist(api, make_connection):
    connection = make_connection("linkedin")
    api.publish(connection, "May exist")
    PublishJob.objects.update(in_doubt_since=timezone.now())

    assert api.delete(f"connections/{connection.pk}").status_code == 200

    assert statuses() == {"Pending": 1}


def test_job_does_not_move_without_its_event(job, monkeypatch):
    def fail(*args, **kwargs):
        raise IntegrityError("no event")

    monkeypatch.setattr(outbox, "record", fail)

    assert not move([cancellation(job, "cancelled", "Cancelled.")], now=timezone.now(), actor="x")

    job.refresh_from_db()
    assert job.status == "Pending"


def test_id_that_was_stored_as_evidence_meanwhile_is_kept(job):
    PublishJob.objects.update(remote_id="7")

    assert move([Move(job=job, to="Processing")], now=timezone.now(), actor="x")

    job.refresh_from_db()
    assert job.remote_id == "7"


def test_worker_that_was_taken_over_claims_no_more(job, sandbox):
    older = SteppedWorker("slot", threads=1)
    take_over("slot")

    older.run(seconds=1)

    assert sandbox.posts() == []
