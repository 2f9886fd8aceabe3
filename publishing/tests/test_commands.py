"""The management commands for operators."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from conftest import statuses
from publishing.models import PublishJob


@pytest.fixture
def failed_jobs(api, make_connection, sandbox, worker):
    """Two jobs of an account that lacked the permission for a while."""
    connection = make_connection("twitter")
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$", times=2)
    for number in range(2):
        api.publish(connection, f"Number {number}")
    worker.work()
    assert statuses() == {"Failed": 2}
    return list(PublishJob.objects.all())


def test_failed_jobs_are_retried_by_status_and_code(failed_jobs, worker, sandbox, capsys):
    call_command("reprocess_jobs", "--status", "Failed", "--dry-run")
    assert "2 jobs would be" in capsys.readouterr().out
    call_command("reprocess_jobs", "--status", "Failed", "--code", "too_late")
    call_command("reprocess_jobs", "--status", "Failed", "--code", failed_jobs[0].error_code)
    assert "2 retried" in capsys.readouterr().out

    worker.work()

    assert statuses() == {"Published": 2}
    assert len(sandbox.posts()) == 2


def test_one_job_is_retried_by_its_id(failed_jobs, worker):
    call_command("reprocess_jobs", str(failed_jobs[0].pk))
    worker.work()
    assert statuses() == {"Published": 1, "Failed": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name ids"),
        (["not-an-id"], "invalid UUID"),
        ([str(uuid.uuid4())], "There is no job"),
        ([str(uuid.uuid4()), "--status", "Failed"], "not both"),
    ],
)
def test_wrong_arguments_are_refused(db, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("reprocess_jobs", *arguments)
