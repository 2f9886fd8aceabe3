"""A platform that refuses our app is paused for all accounts, with one probe at a time."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.utils import timezone

from conftest import statuses
from publishing.models import JobEvent, PublishJob
from publishing.tests.platform_requests import PUBLISH_REQUESTS, count_requests
from socialpublishing.platforms.pauses import PROBE_LEASE, PlatformPause

pytestmark = pytest.mark.usefixtures("instant_processing")

ACCOUNTS = 8


@pytest.fixture
def connections(make_connection):
    return [make_connection("twitter") for _ in range(ACCOUNTS)]


def refuse(sandbox, times: int, status: int = 402) -> None:
    sandbox.fault("status", status, method="POST", path="^/2/tweets$", times=times)


def work_for(worker, seconds: float, *, step: float = 5) -> None:
    """Let the time pass in small steps, as it does for a worker."""
    for after in range(0, int(seconds) + 1, int(step)):
        worker.finish(timezone.now() + dt.timedelta(seconds=after))


def test_posts_wait_while_the_platform_refuses_our_app_and_then_go_out(
    api, connections, sandbox, worker, caplog
):
    refuse(sandbox, times=ACCOUNTS + 2)  # each account once, then two probes
    jobs = [api.publish(each, "Credits").json()["job_id"] for each in connections]

    worker.work()

    job = api.get(f"publishing/jobs/{jobs[0]}/status").json()
    assert (job["status"], job["error_code"]) == ("Pending", "platform_configuration")
    assert (job["waiting_for"], job["who_acts"]) == ("operator", "operator")
    assert job["waits_until"] is not None
    assert "credits" in job["error_message"]

    work_for(worker, 600)

    assert statuses() == {"Published": ACCOUNTS}
    assert len(sandbox.posts("twitter")) == ACCOUNTS
    assert not PlatformPause.objects.exists()
    requests = count_requests(sandbox, PUBLISH_REQUESTS, "twitter")
    assert requests == ACCOUNTS + 2 + ACCOUNTS
    changes = [each for each in caplog.records if each.name.endswith("platforms.pauses")]
    assert len(changes) == 2


def test_one_job_probes_while_the_others_wait(api, connections, sandbox, worker):
    refuse(sandbox, times=1)
    api.publish(connections[0], "The first one meets it")
    worker.work()
    refuse(sandbox, times=99)
    for each in connections[1:]:
        api.publish(each, "Later")
    worker.work()
    assert count_requests(sandbox, PUBLISH_REQUESTS, "twitter") == 1

    work_for(worker, 35)

    assert count_requests(sandbox, PUBLISH_REQUESTS, "twitter") == 2


def test_probe_of_a_worker_that_died_is_taken_over(api, connections, sandbox, worker):
    refuse(sandbox, times=1)
    api.publish(connections[0], "Refused")
    worker.work()
    [pause] = PlatformPause.objects.all()
    gone = PublishJob(id="00000000-0000-4000-8000-000000000001").pk
    assert pause.take_probe(gone, pause.probe_at)
    assert not PlatformPause.objects.get().take_probe(PublishJob().pk, pause.probe_at - PROBE_LEASE)

    worker.work_ahead()

    assert statuses() == {"Published": 1}


def test_pause_ends_with_the_grace_of_each_post(api, connections, sandbox, worker):
    refuse(sandbox, times=999)
    api.publish(connections[0], "Too long", late_grace_seconds=120)

    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code, job.who_acts) == ("Failed", "too_late", "operator")
    assert "credits" in job.error_message
    assert not sandbox.posts("twitter")


def test_pause_does_not_hold_a_lookup(api, connections, sandbox, worker):
    """A post whose outcome is unknown is looked up all the same."""
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$", times=1)
    api.publish(connections[0], "Lost response")
    worker.work()
    refuse(sandbox, times=99)
    api.publish(connections[1], "Refused")
    worker.work()

    worker.work_ahead(60)

    assert statuses() == {"Published": 1, "Pending": 1}


def test_wait_is_recorded_once_in_the_history(api, connections, sandbox, worker):
    refuse(sandbox, times=3)
    api.publish(connections[0], "Patience")

    work_for(worker, 400)

    assert statuses() == {"Published": 1}
    notes = [each.note for each in JobEvent.objects.all() if "credits" in each.note]
    assert 1 <= len(notes) <= 3


def test_pause_is_logged_once(api, connections, sandbox, worker, caplog):
    caplog.set_level(logging.INFO)
    refuse(sandbox, times=ACCOUNTS)
    for each in connections:
        api.publish(each, "Refused")
    worker.work()
    [record] = [each for each in caplog.records if "is paused" in each.message]
    assert (record.platform, record.code) == ("twitter", "platform_configuration")
