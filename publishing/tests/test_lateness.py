"""A post that could not be published in its grace stays unpublished."""

from __future__ import annotations

import pytest

from publishing.models import PublishJob

pytestmark = pytest.mark.usefixtures("instant_processing")


def test_post_that_is_too_late_stays_unpublished(api, connection, sandbox, worker, platform):
    api.publish(connection, "Yesterday's news")

    worker.work(after=3700)

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "too_late")
    assert sandbox.posts(platform) == []


def test_job_can_have_a_grace_of_its_own(api, connection, sandbox, worker, platform):
    api.publish(connection, "Whenever", late_grace_seconds=7200)

    worker.work(after=3700)

    assert len(sandbox.posts(platform)) == 1


def test_job_waits_for_its_owner_no_longer_than_its_grace(api, connection, sandbox, worker):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)
    api.publish(connection, "In vain", late_grace_seconds=120)
    worker.work()

    worker.work_ahead(seconds=300)

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "needs_reauth")
