"""Each worker group has slots, and a queue of ticks, of its own."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from conftest import SteppedWorker
from publishing.models import PublishJob, WorkerSlot
from publishing.tasks import schedule
from publishing.worker.broker import GroupBroker
from publishing.worker.slots import (
    CLAIM_LOCK,
    delete_unused,
    group_queue,
    leave,
    slot_names,
    take_over,
)
from publishing.worker.supervisor import Supervisor

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_group(settings):
    def become(name: str, processes: int = 2) -> None:
        settings.WORKER_GROUP, settings.PUBLISH_PROCESSES = name, processes

    return become


def test_slots_carry_the_name_of_their_group(as_group):
    as_group("alpha")
    assert slot_names() == ["alpha/1", "alpha/2"]
    as_group("g" * 40, 256)
    longest = f"{slot_names()[-1]}:{2**31}"
    assert len(longest) <= PublishJob._meta.get_field("lease_owner").max_length


def test_ticks_are_taken_by_their_own_group_alone(as_group):
    as_group("alpha")
    Supervisor().start_ticks()
    assert OrmQ.objects.filter(key=group_queue()).count() == 2

    as_group("beta")
    assert not GroupBroker().dequeue()

    as_group("alpha")
    assert GroupBroker().dequeue()


def test_other_tasks_are_taken_by_any_group(as_group):
    async_task("publishing.tasks.read_late_ids")
    as_group("beta")
    assert GroupBroker().dequeue()


def test_slot_with_a_heartbeat_gets_its_next_tick_after_a_minute(as_group):
    as_group("alpha", 1)
    supervisor = Supervisor()
    supervisor.start_ticks()
    take_over("alpha/1")
    supervisor.start_ticks()
    assert OrmQ.objects.count() == 1

    supervisor.tick_started_at["alpha/1"] -= 61
    supervisor.start_ticks()
    assert OrmQ.objects.count() == 2


def test_ticks_of_the_release_before_are_no_longer_scheduled():
    Schedule.objects.create(func="publishing.tasks.publish_tick", args="'old slot'")
    schedule()
    assert not Schedule.objects.filter(func__endswith="publish_tick").exists()


@pytest.fixture
def claimed_by(api, make_connection):
    def claim(owner: str) -> PublishJob:
        api.publish(make_connection("twitter"), "Claimed")
        ends = timezone.now() + dt.timedelta(seconds=30)
        PublishJob.objects.update(lease_owner=owner, next_attempt_at=ends)
        return PublishJob.objects.get()

    return claim


@pytest.mark.parametrize(("name", "is_due"), [("alpha/1", True), ("beta/1", False)])
def test_successor_ends_the_leases_of_its_own_slot_alone(claimed_by, name, is_due):
    job = claimed_by("alpha/1:7")
    take_over(name)
    job.refresh_from_db()
    assert (job.next_attempt_at <= timezone.now()) == is_due


def test_stopped_worker_leaves_no_slot_behind():
    SteppedWorker("alpha/1", threads=1).run(seconds=60, stop=lambda: True)
    assert set(WorkerSlot.objects.values_list("name", flat=True)) == {CLAIM_LOCK}


def test_slot_is_left_by_its_owner_alone():
    older, newer = take_over("alpha/1"), take_over("alpha/1")
    leave("alpha/1", older)
    assert WorkerSlot.objects.filter(name="alpha/1", generation=newer).exists()


def test_what_machines_that_are_gone_have_left_is_deleted_after_a_day(as_group):
    now = timezone.now()
    long_ago = now - dt.timedelta(days=2)
    for name, heartbeat in (("gone/1", long_ago), ("today/1", now), (CLAIM_LOCK, None)):
        WorkerSlot.objects.create(name=name, heartbeat_at=heartbeat)
    as_group("gone")
    for key, at in ((group_queue(), long_ago), ("social:today", now), ("social", long_ago)):
        OrmQ.objects.create(key=key, payload="", lock=at)

    delete_unused(now)

    assert set(WorkerSlot.objects.values_list("name", flat=True)) == {"today/1", CLAIM_LOCK}
    assert set(OrmQ.objects.values_list("key", flat=True)) == {"social:today", "social"}
