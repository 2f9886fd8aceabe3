"""Jobs of a worker that died, or that was too slow and lost its lease."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from django.utils import timezone

from conftest import SteppedWorker, statuses
from publishing.models import PublishJob, Status
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.progress import Stage

pytestmark = pytest.mark.usefixtures("instant_processing")

DEAD_WORKER = "dead:1"
LEASE_S = 30


@pytest.fixture
def job_with_intent(api, connection, sandbox) -> PublishJob:
    """A prepared job whose worker died between the publish intent and the outcome."""
    api.publish(connection, "Was it sent?")
    job = PublishJob.objects.get()
    client = job.connection.platform_type(job.target.account)
    progress = job.stored_progress.platform
    while progress.stage == Stage.PREPARING and client.needs_preparation(job.post):
        progress = client.prepare(job.post, progress)
        time.sleep(progress.poll_after.total_seconds() if progress.poll_after else 0)
    now = timezone.now()
    PublishJob.objects.filter(pk=job.pk).update(
        status=Status.PROCESSING,
        lease_owner=DEAD_WORKER,
        fencing_token=1,
        claims=1,
        publish_requests=1,
        publish_started_at=now,
        in_doubt_since=now,
        next_attempt_at=now + dt.timedelta(seconds=LEASE_S),
        progress={"stage": progress.stage, "handle": progress.handle},
    )
    job.refresh_from_db()
    return job


@pytest.mark.usefixtures("job_with_intent")
def test_no_worker_claims_a_job_before_its_lease_ends(sandbox, worker, platform):
    worker.work(after=LEASE_S - 5)

    assert sandbox.posts(platform) == []
    assert PublishJob.objects.get().lease_owner == DEAD_WORKER


@pytest.mark.usefixtures("job_with_intent")
def test_post_is_published_after_lookups_if_its_worker_died_before_the_request(
    sandbox, worker, platform
):
    worker.work(after=LEASE_S + 1)
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_post_is_found_if_its_worker_died_after_the_request(
    job_with_intent, sandbox, worker, platform
):
    client = PLATFORMS[platform](job_with_intent.target.account)
    client.publish(job_with_intent.post, job_with_intent.stored_progress.platform)

    worker.work(after=LEASE_S + 1)
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    [post] = sandbox.posts(platform)
    assert PublishJob.objects.get().remote_id == post["id"]


def test_job_that_keeps_killing_its_workers_fails(api, connection, worker, sandbox, platform):
    api.publish(connection, "Poison")
    PublishJob.objects.update(claims=5)

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "poison")
    assert sandbox.posts(platform) == []


# --- A response that comes when another worker has the job ---------------------------------------


@pytest.fixture
def slow_worker(db) -> SteppedWorker:
    return SteppedWorker("slow", threads=2)


def test_late_response_is_stored(api, connection, sandbox, platform, slow_worker, worker):
    api.publish(connection, "Slow response")
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "delay", 1.0)
    sandbox.call("POST", "settings", list_delay_seconds=3600)
    slow_worker.turn(timezone.now())  # sends the publish request
    worker.work(after=LEASE_S + 1)  # claims the job; its lookup does not show the post

    slow_worker.finish(timezone.now())
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_late_response_makes_an_abandoned_job_due_again(
    api, make_connection, sandbox, slow_worker, worker
):
    api.publish(make_connection("linkedin"), "Slow response")
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "delay_after", 1.0)
    slow_worker.turn(timezone.now())
    worker.work(after=LEASE_S + 1)
    worker.work(after=700)

    slow_worker.finish(timezone.now())
    worker.work_ahead(3 * 86400)

    assert statuses() == {"Published": 1}
