"""A platform that refuses our app is paused for all accounts, with one probe at a time."""

from __future__ import annotations

import datetime as dt
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from conftest import statuses
from publishing.models import JobEvent, PublishJob
from publishing.tests.platform_requests import PUBLISH_REQUESTS, count_requests
from publishing.worker.turn import Turn
from socialpublishing.errors import LimitScope, RateLimitError
from socialpublishing.platforms.pauses import (
    MAX_LIMIT,
    PROBE_LEASE,
    PlatformPause,
    pause,
    refusal_of_app,
)

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


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has no row locks")
def test_worker_that_settles_does_not_hold_a_pause_while_it_waits_for_a_job(
    transactional_db, api, make_connection, sandbox, worker
):
    """Another one that claims the job, whose lease is over, then takes the probe."""
    first, second = make_connection("twitter"), make_connection("twitter")
    refuse(sandbox, times=2)
    api.publish(first, "Begins the pause")
    worker.work()
    job_id = api.publish(second, "Probes").json()["job_id"]
    worker.turn(PlatformPause.objects.get().probe_at)
    worker.unsettled.append(worker.results.get(timeout=10))
    claiming = databases.create_connection("default")
    claiming.set_autocommit(False)
    with ThreadPoolExecutor(1) as pool, closing(claiming), claiming.cursor() as cursor:
        table = PublishJob._meta.db_table
        cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [job_id])
        settling = pool.submit(settle_and_close, worker)
        wait_for_lock(cursor)

        cursor.execute(f"UPDATE {PlatformPause._meta.db_table} SET reason = reason")
        claiming.commit()
        settling.result(30)

    assert PublishJob.objects.get(pk=job_id).waiting_for == "operator"


def settle_and_close(worker) -> None:
    worker.settle(Turn(now=timezone.now()))
    database.close()


def wait_for_lock(cursor) -> None:
    """Until another connection waits for a lock of `cursor`'s."""
    mine = "pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    query = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {mine}"
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        cursor.execute(query)
        if cursor.fetchone()[0]:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


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


# --- Probes --------------------------------------------------------------------------------------


def test_job_that_waits_for_its_owner_does_not_keep_the_probe(api, connections, sandbox, worker):
    first, second, *_ = connections
    refuse(sandbox, times=1)
    api.publish(first, "Meets it")
    worker.work()
    sandbox.call("POST", "tokens/expire", account_id=first.external_user_id, refresh=True)
    worker.finish(timezone.now() + dt.timedelta(seconds=32))
    api.publish(second, "Another account")

    work_for(worker, 600)

    assert PublishJob.objects.get(text="Another account").status == "Published"


def test_job_behind_a_post_of_the_same_text_does_not_keep_the_probe(
    api, connections, sandbox, worker
):
    in_doubt, refused, third, *_ = connections
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$", times=1)
    sandbox.fault("status", 500, method="GET", path="^/2/users/.*/tweets$", times=9999)
    api.publish(in_doubt, "Same")
    worker.work()
    refuse(sandbox, times=1)
    api.publish(refused, "Refused")
    worker.work()
    api.publish(in_doubt, "Same")
    api.publish(third, "Third")

    work_for(worker, 600)

    assert PublishJob.objects.get(text="Third").status == "Published"


def test_probe_that_found_out_nothing_is_free_at_once(api, connections, sandbox, worker):
    first, second, *_ = connections
    refuse(sandbox, times=1)
    api.publish(first, "Meets it")
    worker.work()
    sandbox.fault("status", 503, method="POST", path="^/2/tweets$", times=1)
    worker.finish(timezone.now() + dt.timedelta(seconds=32))
    api.publish(second, "Another account")

    worker.finish(timezone.now() + dt.timedelta(seconds=40))

    assert PublishJob.objects.get(text="Another account").status == "Published"


def test_refused_uploads_are_probed_by_uploads_and_hold_no_text(api, connections, sandbox, worker):
    *accounts, other = connections
    sandbox.fault("status", 402, method="POST", path="/2/media/upload", times=9999)
    for each in accounts:
        api.publish(each, "Picture", assets=[sandbox.picture()])
    worker.work()
    for minute in range(5):
        api.publish(other, f"Text {minute}")
        for second in range(0, 60, 10):
            worker.finish(timezone.now() + dt.timedelta(minutes=minute, seconds=second))

    assert statuses() == {"Published": 5, "Pending": len(accounts)}
    assert len(sandbox.calls("/2/media/upload")) <= len(accounts) + 5


@pytest.mark.parametrize(
    ("until_s", "probe_after_s"), [(400 * 86400, MAX_LIMIT.total_seconds()), (-5, 30), (600, 600)]
)
def test_end_of_an_app_limit_is_bounded(db, until_s, probe_after_s):
    now = timezone.now()
    until = now + dt.timedelta(seconds=until_s)
    refusal = refusal_of_app(RateLimitError(until=until, limits=LimitScope.APP))
    pause("twitter", "", refusal, step="publish", job_id=PublishJob().pk, now=now)
    assert (PlatformPause.objects.get().probe_at - now).total_seconds() == probe_after_s
