"""The management commands for operators."""

import datetime as dt
import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from conftest import statuses
from publishing.models import PublishJob, WorkerSlot
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


RETRY = ("reprocess_jobs", "--reason", "The permission is back.")
RECENT = ("--status", "Failed", "--due-from", "1h")


def make_old(job: PublishJob, **age: int) -> None:
    """It was due so long ago, without a change that workers would notice."""
    at = job.created_at - dt.timedelta(**age)
    PublishJob.objects.filter(pk=job.pk).update(created_at=at)


def test_failed_jobs_are_listed_and_then_retried(failed_jobs, worker, sandbox, capsys):
    call_command("reprocess_jobs", *RECENT, "--dry-run")
    listed = capsys.readouterr().out
    assert all(f"{job.pk}  " in listed and job.error_code in listed for job in failed_jobs)
    assert "2 jobs would be retried, 0 past their grace" in listed
    assert "Number" not in listed  # no texts of users

    call_command(*RETRY, *RECENT, "--code", "too_late")
    call_command(*RETRY, *RECENT, "--platform", "facebook")
    call_command(*RETRY, *RECENT, "--user", "bob")
    call_command(*RETRY, *RECENT, "--code", failed_jobs[0].error_code, "--limit", "1")
    call_command(*RETRY, *RECENT)
    printed = capsys.readouterr().out.split("\n")
    assert [line for line in printed if line] == ["0 retried"] * 3 + ["1 retried"] * 2

    worker.work()

    assert statuses() == {"Published": 2}
    assert len(sandbox.posts()) == 2
    records = AuditRecord.objects.filter(action="retried")
    assert {(each.reason, each.actor_name) for each in records} == {(RETRY[2], "command line")}
    assert {each.object_id for each in records} == {str(job.pk) for job in failed_jobs}


def test_one_job_is_retried_by_its_id(failed_jobs, worker):
    call_command(*RETRY, str(failed_jobs[0].pk))
    worker.work()
    assert statuses() == {"Published": 1, "Failed": 1}


def test_no_job_is_retried_that_was_due_before_the_window(failed_jobs):
    make_old(failed_jobs[0], hours=2)
    call_command(*RETRY, *RECENT, "--yes")
    call_command(*RETRY, "--status", "Failed", "--due-from", "1d", "--due-to", "3h", "--yes")
    assert statuses() == {"Pending": 1, "Failed": 1}
    assert PublishJob.objects.get(status="Failed").pk == failed_jobs[0].pk


def test_posts_past_their_grace_are_retried_only_after_a_question(failed_jobs, monkeypatch, capsys):
    make_old(failed_jobs[0], days=300)
    everything = (*RETRY, "--status", "Failed", "--all-time")
    for typed in ("", "yes", "2"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(CommandError, match="Nothing was retried"):
            call_command(*everything)
    assert "1 of 2 posts are past their grace" in capsys.readouterr().err
    assert statuses() == {"Failed": 2}

    monkeypatch.setattr("sys.stdin", io.StringIO("1"))
    call_command(*everything)
    assert statuses() == {"Pending": 2}


def test_a_job_that_fails_again_is_not_retried_again_for_the_same_reason(
    failed_jobs, sandbox, worker, capsys
):
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$", times=2)
    call_command(*RETRY, *RECENT)
    worker.work()
    assert statuses() == {"Failed": 2}

    call_command(*RETRY, *RECENT)

    assert "2 were retried for this reason before" in capsys.readouterr().err
    assert statuses() == {"Failed": 2}
    call_command("reprocess_jobs", *RECENT, "--reason", "The permission is really back.")
    assert statuses() == {"Pending": 2}


def test_a_job_that_cannot_be_retried_makes_the_command_fail(failed_jobs, capsys):
    erased = PublishJob.objects.filter(pk=failed_jobs[0].pk)
    erased.update(content_erased_at=failed_jobs[0].created_at)
    with pytest.raises(CommandError, match="Not all"):
        call_command(*RETRY, *RECENT)
    printed = capsys.readouterr().out
    assert "1 retried" in printed
    assert "1 not retried (not_retriable)" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name ids"),
        (["not-an-id"], "invalid UUID"),
        ([str(uuid.uuid4())], "There is no job"),
        (["--status", "Failed"], "how old"),
        (["--status", "Failed", "--due-to", "1h"], "how old"),
        (["--status", "Failed", "--due-from", "1h", "--all-time"], "not both"),
        (["--status", "Failde", "--all-time"], "invalid choice: 'Failde'"),
        (["--status", "Published", "--all-time"], "invalid choice"),
        (["--status", "Failed", "--all-time", "--code", "toolate"], "invalid choice"),
        (["--status", "Failed", "--all-time", "--platform", "myspace"], "invalid choice"),
        (["--status", "Failed", "--due-from", "2026-11-28T09:00"], "neither a time with an offset"),
        (["--status", "Failed", "--due-from", "2026-13-28T09:00Z"], "neither a time"),
        (["--status", "Failed", "--due-from", "1h", "--limit", "0"], "at least 1"),
        (["--status", "Failed", "--due-from", "1h", "--reason", " "], "1 to 250 characters"),
    ],
)
def test_wrong_arguments_are_refused(db, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("reprocess_jobs", *arguments)


def test_a_retry_needs_a_reason(failed_jobs):
    with pytest.raises(CommandError, match="Give a --reason"):
        call_command("reprocess_jobs", *RECENT)


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


# --- publish_due ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_published_once_in_the_foreground(api, make_connection, sandbox, capsys):
    connections = [make_connection("twitter") for _ in range(3)]
    for number in range(7):
        api.publish(connections[number % 3], f"Number {number}")
    later = (timezone.now() + dt.timedelta(hours=1)).isoformat()
    body = {"connection_id": str(connections[0].pk), "text_content": "x", "schedule_time": later}
    api.post("publishing/schedule", body)

    call_command("publish_due", "--threads", "4")

    assert capsys.readouterr().out == "7 Published\n"
    assert statuses() == {"Published": 7, "Scheduled": 1}
    assert len(sandbox.posts()) == 7
    assert not WorkerSlot.objects.filter(name__startswith="command").exists()
    call_command("publish_due")
    assert capsys.readouterr().out == "Nothing was due.\n"


@pytest.mark.django_db(transaction=True)
def test_publish_due_fails_if_a_post_fails(api, make_connection, sandbox, capsys):
    connection = make_connection("twitter")
    sandbox.fault("status", 403, method="POST", path="^/2/tweets$", times=1)
    api.publish(connection, "Refused")
    api.publish(connection, "Published")
    with pytest.raises(CommandError, match="Not all of them were published"):
        call_command("publish_due")
    assert capsys.readouterr().out == "1 Failed\n1 Published\n"


# --- refresh_tokens ------------------------------------------------------------------------------

REFRESH = ("refresh_tokens", "--reason", "Outage")


def test_tokens_that_end_soon_are_refreshed(make_connection, sandbox, capsys):
    soon, later = make_connection("twitter"), make_connection("twitter")
    lost = make_connection("twitter")
    hours = {soon: 1, later: 5, lost: 1}
    for connection, left in hours.items():
        connection.expires_at = timezone.now() + dt.timedelta(hours=left)
        connection.save()
    sandbox.call("POST", "tokens/expire", account_id=lost.external_user_id)

    call_command(*REFRESH, "--within", "2h", "--dry-run")
    assert capsys.readouterr().out == "2 would be refreshed.\n"
    call_command(*REFRESH, "--within", "2h", "--platform", "twitter")

    for connection in hours:
        connection.refresh_from_db()
    assert (soon.token_version, later.token_version) == (2, 1)
    records = AuditRecord.objects.filter(action="refreshed", reason="Outage")
    assert records.get(object_id=str(soon.pk)).after["outcome"] == "renewed"
    call_command(*REFRESH, str(later.pk))
    later.refresh_from_db()
    assert later.token_version == 2


def test_a_refresh_that_fails_makes_the_command_fail(make_connection, sandbox, capsys):
    connections = [make_connection("twitter") for _ in range(2)]
    sandbox.fault("status", 503, method="POST", path="token", times=1)
    ids = [str(each.pk) for each in connections]
    with pytest.raises(CommandError, match="Not all of them"):
        call_command(*REFRESH, *ids)
    assert "1 renewed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name ids, or give --within"),
        (["--within", "soon"], "no duration"),
        ([str(uuid.uuid4())], "There is no active connection"),
        ([str(uuid.uuid4()), "--within", "1h"], "Name ids, or"),
    ],
)
def test_wrong_choices_of_connections_are_refused(db, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command(*REFRESH, *arguments)
