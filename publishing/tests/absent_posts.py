"""Jobs whose post is known to be absent: a request was in doubt, lookups found nothing, and the
retry has to wait for a rate limit.
"""

from __future__ import annotations

from typing import Any

from connections.models import SocialConnection
from publishing.models import PublishJob
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault

# Longer than the settle time, after which the retry is sent; shorter than the limit.
WORK_S, LIMIT_S = 150, 600


def publish_as_absent(
    api: Any, sandbox: Any, worker: Any, connection: SocialConnection, text: str = "Absent"
) -> str:
    """Publish `text` until its post is known to be absent. Returns the job's id."""
    limit = {"code": 429, "headers": {"Retry-After": str(LIMIT_S)}}
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "drop_before")
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "status", limit)
    response = api.publish(connection, text)
    assert response.status_code == 202, response.content
    job_id: str = response.json()["job_id"]
    worker.work_ahead(WORK_S)
    job = PublishJob.objects.get(pk=job_id)
    assert (job.status, job.error_code) == ("Pending", "rate_limited")
    assert job.publish_started_at is None
    assert job.in_doubt_since is not None
    return job_id


def change_job(api: Any, job_id: str, **fields: Any) -> Any:
    path = f"/api/v1/publishing/jobs/{job_id}"
    return api.client.patch(path, fields, content_type="application/json")
