"""What staff do in the console: to a whole selection, to platforms, connections and one post."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from connections import bulk
from connections.bulk import housekeeping
from publishing.models import PublishJob, Status
from socialpublishing.audit import Actor, AuditRecord
from socialpublishing.bulk import BulkOperation
from socialpublishing.platforms.pauses import PlatformPause

JOBS = "/admin/publishing/publishjob/"
PAUSES = "/admin/socialpublishing/platformpause/"


@pytest.fixture
def make_role(db):
    def make(name):
        user = User.objects.create_user(name, is_staff=True)
        user.groups.add(Group.objects.get(name=name))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def make_jobs(db):
    def make(count, status=Status.FAILED, **columns):
        now = timezone.now()
        return PublishJob.objects.bulk_create(
            PublishJob(
                **{
                    "user_id": "alice",
                    "platform": "twitter",
                    "account": f"twitter:{uuid.uuid4()}",
                    "status": status,
                    "published_at": now if status == Status.PUBLISHED else None,
                    "created_at": now,
                    "updated_at": now,
                    **columns,
                }
            )
            for _ in range(count)
        )

    return make


def start_retry(client, query, **more):
    """Retry all that the list's filters find: the question, then the confirmation."""
    chosen = {"action": "retry", "_selected_action": "all", "select_across": "1", **more}
    question = client.post(f"{JOBS}?{query}", {**chosen, "index": "0"})
    count = question.context["count"]
    return client.post(f"{JOBS}?{query}", {**chosen, "count": count, "reason": "It works again"})


def test_whole_selection_is_retried_in_the_background_each_job_once(
    make_role, make_jobs, django_capture_on_commit_callbacks
):
    ops = make_role("ops")
    make_jobs(60, error_code="too_late")
    make_jobs(2, error_code="poison")

    page = start_retry(ops, "error_code=too_late")

    started = BulkOperation.objects.get()
    assert page.url == f"/admin/socialpublishing/bulkoperation/{started.pk}/change/"
    assert "0 of 60" in ops.get(page.url).content.decode()
    PublishJob.objects.filter(pk=started.ids[0]).update(status=Status.CANCELLED)
    PublishJob.objects.filter(pk=started.ids[1]).delete()
    bulk.run(str(started.pk))
    bulk.run(str(started.pk))
    assert PublishJob.objects.filter(status=Status.PENDING).count() == 58
    assert PublishJob.objects.filter(error_code="poison", status=Status.FAILED).count() == 2
    records = AuditRecord.objects.filter(action="retried")
    assert len({each.object_id for each in records}) == len(records) == 58
    assert {(each.actor_name, each.reason) for each in records} == {("ops", "It works again")}
    part = ops.get(f"/admin/socialpublishing/bulkoperation/{started.pk}/part/").content.decode()
    assert "60 of 60: done" in part
    assert "58 changed" in part
    assert "1 not changed: <bdi>It is gone.</bdi>" in part


def test_selection_that_has_grown_is_asked_for_again(make_role, make_jobs):
    ops = make_role("ops")
    make_jobs(2)
    chosen = {"action": "retry", "_selected_action": "all", "select_across": "1"}

    page = ops.post(JOBS, {**chosen, "count": "1", "reason": "Because"})

    assert page.context["count"] == 2
    assert not BulkOperation.objects.exists()


def test_interrupted_operation_goes_on(make_jobs, make_role, django_capture_on_commit_callbacks):
    make_jobs(3)
    start_retry(make_role("ops"), "")
    started = BulkOperation.objects.get()
    BulkOperation.objects.update(touched_at=started.created_at - bulk.DEAD_AFTER)

    with django_capture_on_commit_callbacks() as queued:
        housekeeping(timezone.now())

    assert len(queued) == 1


def test_viewer_starts_nothing(make_role, make_jobs):
    viewer = make_role("viewer")
    [job] = make_jobs(1)
    chosen = {"action": "retry", "_selected_action": "all", "select_across": "1"}

    viewer.post(JOBS, {**chosen, "count": "1", "reason": "Because"})

    assert viewer.post(f"{PAUSES}add/", {"platform": "twitter"}).status_code == 403
    assert viewer.get(f"{JOBS}export/").status_code == 200
    assert not BulkOperation.objects.exists()
    assert not PlatformPause.objects.exists()
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_jobs_are_exported_with_the_filters_and_without_formulas(make_role, make_jobs):
    make_jobs(3, error_code="too_late", error_message="=1+1", external_reference="+49")
    make_jobs(1, error_code="poison", account_name="@bakery")
    viewer = make_role("viewer")

    response = viewer.get(f"{JOBS}export/?error_code=too_late")

    text = b"".join(response.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["error_message"], row["external_reference"]) for row in rows] == [
        ("'=1+1", "'+49")
    ] * 3
    everything = b"".join(viewer.get(f"{JOBS}export/").streaming_content).decode()
    assert len(everything.splitlines()) == 5
    assert "'@bakery" in everything
    assert AuditRecord.objects.filter(action="exported", actor_name="viewer").count() == 2


def test_unconfirmed_post_is_resolved_with_its_id(make_role, make_jobs):
    ops = make_role("ops")
    [job] = make_jobs(1, Status.UNCONFIRMED)

    found = {"reason": "I saw it", "remote_id": "1860", "post_url": "https://x.com/i/status/1860"}
    ops.post(f"{JOBS}{job.pk}/resolve_published/", found)

    job.refresh_from_db()
    assert (job.status, job.remote_id) == (Status.PUBLISHED, "1860")
    assert job.post_url == "https://x.com/i/status/1860"


def test_platform_is_paused_and_resumed(make_role):
    ops = make_role("ops")

    ops.post(f"{PAUSES}add/", {"platform": "twitter", "reason": "The campaign is wrong."})

    pause = PlatformPause.objects.get()
    assert (pause.platform, pause.code) == ("twitter", "platform_paused")
    assert "The campaign is wrong." in ops.get(PAUSES).content.decode()
    page = ops.post(f"{PAUSES}{pause.pk}/resume/", {"reason": "It is right."})
    assert page.url == PAUSES
    assert not PlatformPause.objects.exists()
    recorded = AuditRecord.objects.exclude(action="signed_in").order_by("id")
    assert list(recorded.values_list("action", "actor_name", "reason")) == [
        ("paused", "ops", "The campaign is wrong."),
        ("resumed", "ops", "It is right."),
    ]


def test_connection_is_refreshed_and_shows_where_its_owner_connects_it(
    make_role, make_connection, settings
):
    ops = make_role("ops")
    connection = make_connection("twitter")
    page = f"/admin/connections/socialconnection/{connection.pk}/"

    response = ops.post(f"{page}refresh/", {"reason": "Its owner asked."}, follow=True)

    assert [str(each) for each in response.context["messages"]] == [
        "1 social connection refreshed."
    ]
    before = connection.token_version
    connection.refresh_from_db()
    assert connection.token_version == before + 1
    address = f"{settings.SERVICE_BASE_URL}/api/v1/connections/connect/twitter"
    assert f'data-copy="{address}"' in response.content.decode()


def test_what_a_platform_refuses_in_the_background_is_counted(make_connection, sandbox):
    connections = [make_connection("twitter"), make_connection("twitter")]
    sandbox.fault("status", 400, method="POST", path="token")
    started = bulk.start(
        "connections.SocialConnection", "refresh", title="Refresh", reason="All at once",
        ids=[each.pk for each in connections], actor=Actor(name="ops"),
    )  # fmt: skip

    bulk.run(str(started.pk))

    started.refresh_from_db()
    assert (started.position, started.done, len(started.refusals)) == (2, 1, 1)
    assert started.ended_at is not None


def test_job_page_shows_what_to_do_next(make_role, make_connection, make_jobs):
    viewer = make_role("viewer")
    connection = make_connection("twitter")

    def page(status, **columns):
        [job] = make_jobs(1, status, **columns)
        return viewer.get(f"{JOBS}{job.pk}/change/").content.decode()

    soon = timezone.now()
    waiting = page(
        Status.PENDING, next_attempt_at=soon, waiting_for="owner", who_acts="owner",
        error_code="needs_reauth", error_message="Connect it again.", connection=connection,
    )  # fmt: skip
    head, history = waiting.index("Connect it again."), waiting.index('id="job-history"')
    assert head < history < waiting.index("Too late after")
    assert "waits for its owner" in waiting
    assert "connections/connect/twitter" in waiting
    assert "resolve it as published" in page(Status.UNCONFIRMED)
    assert "lies with this service" in page(Status.FAILED, who_acts="operator")
    assert "waits for a retry" in page(
        Status.PENDING, next_attempt_at=soon, waiting_for="retry", who_acts=""
    )
