"""How long the content of ended jobs, their history and the jobs themselves are kept."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from publishing.models import ENDED, FollowUp, JobEvent, PublishJob, Status
from publishing.tasks import housekeeping

NOW = timezone.now()
SETTINGS = ("JOB_CONTENT_RETENTION_DAYS", "EVENT_RETENTION_DAYS", "JOB_RETENTION_DAYS")


def days_ago(days):
    return timezone.now() - dt.timedelta(days=days)


@pytest.fixture
def make_job(make_connection):
    connections = {}

    def make(status="Published", *, age=40, user="alice", account="twitter:1", **columns):
        if user not in connections:
            connections[user] = make_connection("twitter", user=user)
        at = days_ago(age)
        defaults = {
            "published_at": at if status == "Published" else None,
            "remote_id": str(PublishJob.objects.count()) if status == "Published" else "",
            "next_attempt_at": None if status in (*ENDED, "Unconfirmed") else at,
        }
        job = PublishJob.objects.create(
            user_id=user,
            connection=connections[user],
            platform="twitter",
            account=account,
            text="The text",
            assets=[{"url": "https://example.com/a.jpg"}],
            platform_specific_options={"reply": "x"},
            status=status,
            created_at=at,
            updated_at=at,
            **{**defaults, **columns},
        )
        JobEvent.objects.create(job=job, at=at, to_status=status, actor="user alice")
        return job

    return make


def purge(*arguments):
    out = io.StringIO()
    call_command("purge", *arguments, stdout=out)
    return [int(line.split()[0]) for line in out.getvalue().splitlines()]


def content_of(job):
    job.refresh_from_db()
    return job.text, job.assets, job.platform_specific_options


ERASED = ("", [], {})


def test_everything_is_kept_by_default(make_job):
    job = make_job(age=4000)
    assert purge() == [0, 0, 0]
    assert content_of(job)[0] == "The text"


@pytest.mark.parametrize("status", ENDED)
def test_content_of_old_ended_jobs_is_erased_and_the_rest_stays(make_job, settings, status):
    settings.JOB_CONTENT_RETENTION_DAYS = 30
    old, young = make_job(status, age=31), make_job(status, age=29)
    before = PublishJob.objects.filter(pk=old.pk).values().get()

    assert purge("--dry-run") == [1, 0, 0]
    assert content_of(old)[0] == "The text"
    assert purge() == [1, 0, 0]

    assert content_of(old) == ERASED
    assert content_of(young)[0] == "The text"
    after = PublishJob.objects.filter(pk=old.pk).values().get()
    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {"text", "assets", "platform_specific_options", "content_erased_at"}
    assert old.events.count() == 1
    assert purge() == [0, 0, 0]


def test_old_jobs_go_with_all_that_belongs_to_them(make_job, settings):
    settings.JOB_RETENTION_DAYS = 30
    old, young = make_job(age=31), make_job(age=29)
    for job in (old, young):
        job.metric_snapshots.create(read_at=NOW)

    assert purge() == [0, 0, 1]

    assert list(PublishJob.objects.all()) == [young]
    assert JobEvent.objects.count() == young.metric_snapshots.count() == 1
    assert not old.metric_snapshots.model.objects.exclude(job=young).exists()


def test_old_events_of_ended_jobs_go(make_job, settings):
    settings.EVENT_RETENTION_DAYS = 30
    old, young = make_job(age=31), make_job(age=29)
    waiting = make_job("Scheduled", age=31, account="twitter:2")

    assert purge() == [0, 1, 0]

    counts = [job.events.count() for job in (old, young, waiting)]
    assert counts == [0, 1, 1]
    assert content_of(old)[0] == "The text"


@pytest.mark.parametrize(
    ("status", "columns"),
    [
        ("Scheduled", {}),
        ("Pending", {}),
        ("Processing", {"publish_started_at": NOW}),
        ("Unconfirmed", {}),
        ("Unconfirmed", {"next_attempt_at": NOW, "publish_started_at": NOW}),
        ("Unconfirmed", {"in_doubt_since": NOW}),
    ],
)
def test_open_and_doubtful_jobs_are_never_touched(make_job, settings, status, columns):
    for name in SETTINGS:
        setattr(settings, name, 1)
    job = make_job(status, age=300, **columns)
    before = PublishJob.objects.filter(pk=job.pk).values().get()

    assert purge() == [0, 0, 0]

    assert PublishJob.objects.filter(pk=job.pk).values().get() == before
    assert job.events.count() == 1


def test_ids_that_a_lookup_is_compared_with_stay(make_job, settings):
    """An open job of the account might take the post for its own, if nobody knew whose it is."""
    settings.JOB_RETENTION_DAYS = settings.JOB_CONTENT_RETENTION_DAYS = 1
    old = make_job(age=2)
    elsewhere = make_job(age=2, account="twitter:2")
    looking = make_job("Unconfirmed", age=3, user="bob", in_doubt_since=days_ago(3))

    assert purge()[2] == 1
    assert list(PublishJob.objects.filter(status="Published")) == [old]
    assert elsewhere.pk not in PublishJob.objects.values_list("pk", flat=True)

    PublishJob.objects.filter(pk=looking.pk).update(status=Status.CANCELLED)
    purge()
    assert not PublishJob.objects.filter(pk=old.pk).exists()


def test_open_follow_up_keeps_its_post_and_an_ended_one_goes_with_it(make_job, settings):
    settings.JOB_CONTENT_RETENTION_DAYS = 30
    jobs = [make_job(account=f"twitter:{number}") for number in range(2)]
    for job, due in zip(jobs, (timezone.now(), None), strict=True):
        FollowUp.objects.create(
            job=job,
            kind="first_comment",
            text="A comment",
            status="Pending" if due else "Published",
            next_attempt_at=due,
            created_at=job.created_at,
            updated_at=job.created_at,
        )
    purge()
    assert list(FollowUp.objects.order_by("text").values_list("text", flat=True)) == [
        "",
        "A comment",
    ]

    settings.JOB_RETENTION_DAYS = 30
    purge()
    assert [each.text for each in FollowUp.objects.all()] == ["A comment"]
    assert PublishJob.objects.get() == jobs[0]


def test_failed_job_is_not_needed_by_open_ones(make_job, settings):
    settings.JOB_RETENTION_DAYS = 1
    make_job("Failed", age=2)
    make_job("Pending", age=0)
    assert purge()[2] == 1


def test_idempotency_key_keeps_its_window(make_job, settings):
    settings.JOB_RETENTION_DAYS = settings.JOB_CONTENT_RETENTION_DAYS = 1
    # `age` is that of the last change; a key is as old as its job.
    job = make_job(age=2, idempotency_key="publish:k", remote_id="r")
    PublishJob.objects.filter(pk=job.pk).update(created_at=days_ago(0.5))
    assert purge() == [0, 0, 0]
    PublishJob.objects.filter(pk=job.pk).update(created_at=days_ago(1.1))
    assert purge()[2] == 1


def test_post_that_awaits_its_id_keeps_its_content(make_job, settings):
    settings.JOB_CONTENT_RETENTION_DAYS = 1
    waiting = make_job(age=2, progress={"awaits_id": True})
    named = make_job(age=2)
    given_up = make_job(age=4, progress={"awaits_id": True})
    assert purge()[0] == 2
    assert content_of(waiting)[0] == "The text"
    assert content_of(named) == content_of(given_up) == ERASED


def test_job_without_its_content_is_not_retried(api, make_job, settings, worker, sandbox):
    settings.JOB_CONTENT_RETENTION_DAYS = 1
    job = make_job("Failed", age=2)
    purge()

    response = api.post(f"publishing/jobs/{job.pk}/retry")

    assert (response.status_code, response.json()["code"]) == (409, "not_retriable")
    worker.work()
    assert sandbox.posts() == []


def test_housekeeping_purges(make_job, settings):
    settings.JOB_RETENTION_DAYS = 30
    make_job(age=31)
    housekeeping()
    assert not PublishJob.objects.exists()


def test_many_rows_go_in_batches(make_job, settings, django_assert_max_num_queries):
    settings.JOB_CONTENT_RETENTION_DAYS = settings.EVENT_RETENTION_DAYS = 1
    first = make_job("Failed", age=2)
    PublishJob.objects.bulk_create(
        PublishJob(
            user_id="alice",
            platform="twitter",
            account=f"twitter:{number % 7}",
            text="The text",
            status="Failed",
            # Many with the same time: the batches go on by the id.
            created_at=first.created_at,
            updated_at=first.updated_at,
        )
        for number in range(1200)
    )
    with django_assert_max_num_queries(60):
        assert purge()[0] == 1201
    assert not PublishJob.objects.exclude(text="").exists()
