"""The management commands for operators."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from conftest import statuses
from publishing.models import PublishJob
from socialpublishing.audit import AuditRecord
from socialpublishing.events.models import Event
from socialpublishing.platforms.pauses import PlatformPause


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


# --- pause_platform, resume_platform -------------------------------------------------------------


def test_a_platform_that_staff_paused_publishes_nothing_until_they_resume_it(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    call_command("pause_platform", "twitter", "--reason", "The campaign is wrong.")
    call_command("pause_platform", "twitter", "--reason", "The campaign is very wrong.")
    job_id = api.publish(connection, "Wait").json()["job_id"]

    worker.work()
    worker.work(after=3000)

    job = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (job["status"], job["error_code"]) == ("Pending", "platform_paused")
    assert (job["waiting_for"], job["who_acts"]) == ("operator", "operator")
    assert "very wrong" in job["error_message"]
    assert (job["will_publish_at"], sandbox.posts()) == (None, [])

    call_command("resume_platform", "twitter", "--reason", "It is right now.")
    call_command("resume_platform", "twitter", "--reason", "It is right now.")
    worker.work()

    assert statuses() == {"Published": 1}
    actions = AuditRecord.objects.order_by("id").values_list("action", "reason", "actor_name")
    assert list(actions) == [
        ("paused", "The campaign is wrong.", "command line"),
        ("paused", "The campaign is very wrong.", "command line"),
        ("resumed", "It is right now.", "command line"),
    ]
    events = Event.objects.filter(type__startswith="platform.").order_by("id")
    assert [each.type for each in events] == ["platform.paused", "platform.resumed"]


def test_a_refusal_does_not_replace_a_pause_of_staff_and_the_grace_ends(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.fault("status", 402, method="POST", path="^/2/tweets$", times=9)
    api.publish(connection, "Refused, and then paused")
    worker.work()
    call_command("pause_platform", "twitter", "--reason", "Until the credits are there.")

    worker.work_ahead(7200)

    pause = PlatformPause.objects.get()
    assert (pause.code, pause.probe_at) == ("platform_paused", None)
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "too_late")
    assert "Until the credits" in job.error_message


def test_staff_pause_one_login_or_all(db, capsys):
    call_command("pause_platform", "instagram", "--login", "instagram", "--reason", "One")
    assert PlatformPause.objects.count() == 1
    call_command("pause_platform", "instagram", "--reason", "All")
    assert {each.login for each in PlatformPause.objects.all()} == {"", "facebook"}
    with pytest.raises(CommandError, match="login"):
        call_command("pause_platform", "instagram", "--login", "other", "--reason", "None")
