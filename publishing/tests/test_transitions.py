"""Only the moves of the table are allowed, and only for a job that is still as it was read."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from django.utils import timezone

from publishing.engine.in_doubt import intent
from publishing.errors import AlreadySubmittingError
from publishing.models import ENDED, PublishJob, Status
from publishing.operations import cancel_job
from publishing.transitions import MOVES, IllegalMoveError, Move, StaleJobError, move, move_one

NOW = timezone.now()


@pytest.fixture
def make_job(db: None):
    def make(status: Status, **facts: Any) -> PublishJob:
        has_ended = status in ENDED
        return PublishJob.objects.create(
            user_id="alice",
            platform="twitter",
            account=f"twitter:{PublishJob.objects.count()}",
            status=status,
            next_attempt_at=None if has_ended else NOW,
            published_at=NOW if status == Status.PUBLISHED else None,
            created_at=NOW,
            updated_at=NOW,
            **facts,
        )

    return make


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_status_changes_only_as_the_table_allows(make_job, before, after):
    job = make_job(before)
    changes = {"published_at": NOW, "next_attempt_at": NOW}

    if after in MOVES[before]:
        move_one(Move(job=job, to=after, changes=changes), now=NOW, actor="test")
        stored = PublishJob.objects.get(pk=job.pk)
        assert stored.status == job.status == after
        assert (stored.next_attempt_at is None) == (after in ENDED)
        recorded = job.events.values_list("from_status", "to_status")
        assert list(recorded) == ([] if before == after else [(before, after)])
    else:
        with pytest.raises(IllegalMoveError):
            move_one(Move(job=job, to=after, changes=changes), now=NOW, actor="test")
        assert not job.events.exists()


@pytest.mark.parametrize("meanwhile", [{"fencing_token": 7}, {"status": Status.PENDING}])
def test_move_of_a_job_that_has_changed_meanwhile_is_not_stored(make_job, meanwhile):
    job = make_job(Status.PROCESSING)
    PublishJob.objects.filter(pk=job.pk).update(**meanwhile)

    with pytest.raises(StaleJobError):
        move_one(Move(job=job, to=Status.FAILED), now=NOW, actor="test")

    assert PublishJob.objects.get().status != Status.FAILED
    assert not job.events.exists()


def test_cancellation_is_refused_if_the_publish_request_has_started_since_the_job_was_read(
    make_job,
):
    job = make_job(Status.PROCESSING)
    read_before = PublishJob.objects.get(pk=job.pk)
    move_one(Move(job=job, to=Status.PROCESSING, changes=intent(job, NOW)), now=NOW, actor="test")

    with pytest.raises(AlreadySubmittingError):
        cancel_job(read_before, actor="test")

    stored = PublishJob.objects.get()
    assert (stored.status, stored.publish_started_at) == (Status.PROCESSING, NOW)


def test_each_of_many_moves_changes_its_own_job(make_job):
    jobs = [make_job(Status.PROCESSING) for _ in range(3)]
    later = [NOW + dt.timedelta(minutes=number) for number in range(3)]
    moves = [
        Move(
            job=job,
            to=Status.PENDING,
            changes={"next_attempt_at": at, "progress": {"n": at.minute}},
        )
        for job, at in zip(jobs, later, strict=True)
    ]

    assert move(moves, now=NOW, actor="test") == moves

    stored = {job.pk: job for job in PublishJob.objects.all()}
    assert [stored[job.pk].next_attempt_at for job in jobs] == later
    assert [stored[job.pk].progress for job in jobs] == [{"n": at.minute} for at in later]


def test_move_that_violates_a_constraint_does_not_hold_up_the_others(make_job):
    first = make_job(Status.PROCESSING, remote_id="1")
    good, bad = make_job(Status.PROCESSING), make_job(Status.PROCESSING)
    PublishJob.objects.filter(pk=bad.pk).update(account=first.account)
    published = {"published_at": NOW}

    moved = move(
        [
            Move(job=bad, to=Status.PUBLISHED, changes={**published, "remote_id": "1"}),
            Move(job=good, to=Status.PUBLISHED, changes={**published, "remote_id": "2"}),
        ],
        now=NOW,
        actor="test",
    )

    assert [each.job.pk for each in moved] == [good.pk]
    assert PublishJob.objects.get(pk=bad.pk).status == Status.PROCESSING
