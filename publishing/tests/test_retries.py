"""Rate limits and failed uploads: what is retried, when, and how often."""

from __future__ import annotations

import pytest

from conftest import statuses
from publishing.models import PublishJob
from publishing.tests.platform_requests import (
    PUBLISH_REQUESTS,
    UPLOAD_REQUESTS,
    add_fault,
    asset_to_upload,
    count_requests,
)

pytestmark = pytest.mark.usefixtures("instant_processing")


def test_rate_limit_holds_for_all_posts_of_the_account_and_uses_no_attempt(
    api, connection, sandbox, worker, platform
):
    limit = {"code": 429, "headers": {"Retry-After": "5"}}
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "status", limit)
    api.publish(connection, "Patience")
    worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code, job.attempts) == ("Pending", "rate_limited", 0)

    api.publish(connection, "Patience too")
    worker.work(after=4)
    assert count_requests(sandbox, PUBLISH_REQUESTS, platform) == 1

    worker.work(after=7)
    assert statuses() == {"Published": 2}
    assert len(sandbox.posts(platform)) == 2


def test_failed_upload_is_retried(api, connection, sandbox, worker, platform):
    add_fault(sandbox, UPLOAD_REQUESTS, platform, "status", 503, times=2)
    api.publish(connection, "Third attempt", assets=[asset_to_upload(sandbox, platform)])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert PublishJob.objects.get().attempts == 0
    assert len(sandbox.posts(platform)) == 1


def test_outage_while_preparing_is_waited_out_within_the_grace(
    api, connection, sandbox, worker, platform, settings
):
    add_fault(sandbox, UPLOAD_REQUESTS, platform, "status", 503, times=99)
    asset = asset_to_upload(sandbox, platform)
    job_id = api.publish(connection, "Never", assets=[asset]).json()["job_id"]

    worker.work_ahead(settings.LATE_PUBLISH_GRACE_SECONDS - 60, sandbox=sandbox)
    assert statuses() == {"Pending": 1}
    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["waiting_for"], job["error_code"]) == ("retry", "no_answer")
    reason = job["error_message"]
    assert count_requests(sandbox, UPLOAD_REQUESTS, platform) > settings.MAX_API_RETRIES + 1

    worker.work_ahead(settings.LATE_PUBLISH_GRACE_SECONDS + 60)
    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["status"], job["error_code"]) == ("Failed", "too_late")
    assert reason in job["error_message"]
