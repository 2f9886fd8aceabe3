"""Jobs and worker slots in the ops console, requested as staff does."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import SocialConnection
from publishing.models import FollowUp, JobEvent, PublishJob, Status, WorkerSlot
from publishing.worker.slots import CLAIM_LOCK
from socialpublishing.crypto import Secret, key_ring

LIST = "/admin/publishing/publishjob/"
CANARY = "canary-of-a-token"


@pytest.fixture
def viewer(make_staff):
    return make_staff("view_publishjob")


@pytest.fixture
def ops(make_staff):
    return make_staff("view_publishjob", "change_publishjob")


@pytest.fixture
def connection(db):
    return SocialConnection.objects.create(
        user_id="alice",
        platform="twitter",
        external_user_id="1",
        external_display_name="Harbour Bakery",
        access_token=Secret(CANARY),
        refresh_token=Secret(CANARY),
    )


@pytest.fixture
def make_job(connection):
    def make(status=Status.FAILED, **columns):
        now = timezone.now()
        is_alive = status in {
            Status.PENDING,
            Status.SCHEDULED,
            Status.PROCESSING,
            Status.UNCONFIRMED,
        }
        job = PublishJob.objects.create(
            **{
                "user_id": "alice",
                "connection": connection,
                "platform": "twitter",
                "account": f"twitter:{uuid.uuid4()}",
                "account_name": "Harbour Bakery",
                "text": "Fresh bread",
                "status": status,
                "next_attempt_at": now if is_alive else None,
                "published_at": now if status == Status.PUBLISHED else None,
                "created_at": now,
                "updated_at": now,
                **columns,
            }
        )
        JobEvent.objects.create(
            job=job, at=now, to_status=status, actor="slot-1:1", note="Claimed."
        )
        return job

    return make


def page_of(job):
    return f"{LIST}{job.pk}/change/"


def operate(client, name, jobs, **more):
    """Post an operation on `jobs`, as the list does."""
    selected = [str(job.pk) for job in jobs]
    return client.post(LIST, {"action": name, "_selected_action": selected, **more}, follow=True)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def listed(response):
    return set(response.context["cl"].result_list)


# --- Reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "ops", "superuser"])
def test_staff_see_list_and_page_and_no_token(request, make_job, who):
    client = request.getfixturevalue(who)
    job = make_job()

    for response in (client.get(LIST), client.get(page_of(job))):
        html = response.content.decode()
        assert response.status_code == 200
        assert "Harbour Bakery" in html
        assert CANARY not in html
        assert f"v1.{key_ring().primary_id}" not in html
    assert "Claimed." in html


def test_people_without_permission_see_nothing(make_job, make_staff):
    job = make_job()

    assert Client().get(page_of(job)).status_code == 302
    assert make_staff().get(page_of(job)).status_code == 403


@pytest.mark.parametrize("status", Status)
def test_jobs_of_every_status_are_shown(viewer, make_job, status):
    job = make_job(status)

    assert status in viewer.get(LIST).content.decode()
    assert viewer.get(page_of(job)).status_code == 200


def test_text_of_users_and_platforms_is_escaped_and_isolated(viewer, make_job):
    evil = "<script>alert(1)</script>"
    job = make_job(
        text=evil,
        account_name=evil,
        error_message=evil,
        user_id=evil,
        error_code=evil,
        progress={"handle": {"note": evil}},
        assets=[{"kind": evil, "mime_type": evil, "url": evil, "alt_text": evil}],
    )
    JobEvent.objects.create(
        job=job, at=timezone.now(), to_status=Status.FAILED, actor=evil, note=evil, code=evil,
        platform_request_id=evil,
    )  # fmt: skip

    for address in (f"{LIST}?q=%3Cscript%3Ealert(1)%3C/script%3E", page_of(job), LIST):
        html = viewer.get(address).content.decode()
        assert evil not in html
    assert '<bdi dir="auto">&lt;script&gt;' in html


@pytest.mark.parametrize(
    ("url", "sandbox", "is_link"),
    [
        ("https://x.com/i/status/1", "", True),
        ("http://127.0.0.1:8001/twitter/1", "http://127.0.0.1:8001", True),
        ("http://127.0.0.1:8001/twitter/1", "", False),
        ("http://127.0.0.1:8001@evil.example/", "http://127.0.0.1:8001", False),
        ("http://x.com/i/status/1", "http://127.0.0.1:8001", False),
        ("javascript:alert(1)", "http://127.0.0.1:8001", False),
        ("http://[", "", False),
    ],
)
def test_address_of_a_post_is_a_link_only_if_it_is_safe(
    viewer, make_job, settings, url, sandbox, is_link
):
    settings.SANDBOX_URL = sandbox
    job = make_job(Status.PUBLISHED, post_url=url)

    html = viewer.get(page_of(job)).content.decode()

    assert url in html
    assert (f'href="{url}"' in html) == is_link


def test_number_of_queries_does_not_grow_with_rows(superuser, make_job):
    def count_queries(address):
        with CaptureQueriesContext(database) as queries:
            assert superuser.get(address).status_code == 200
        return len(queries)

    job = make_job()
    WorkerSlot.objects.create(name="slot-0")
    pages = (LIST, page_of(job), "/admin/publishing/workerslot/")
    for page in pages:
        count_queries(page)  # reads what is then in a cache
    before = [count_queries(page) for page in pages]
    for number in range(20):
        make_job()
        JobEvent.objects.create(job=job, at=timezone.now(), to_status=Status.FAILED, actor="me")
        WorkerSlot.objects.create(name=f"slot-{number + 1}")

    assert [count_queries(page) for page in pages] == before
    assert max(before) <= 10


# --- Searching -----------------------------------------------------------------------------------


def test_search_finds_jobs_by_ids_reference_and_account(viewer, make_job, connection):
    wanted = make_job(user_id="usr_48213", remote_id="18600", external_reference="summer-7")
    make_job(connection=None, user_id="bob", account_name="Bikes", text="usr_48213")

    for term in (wanted.pk, connection.pk, "usr_48213", "summer-7", " 18600 ", "harbour bak"):
        assert listed(viewer.get(LIST, {"q": str(term)})) == {wanted}, term
    assert listed(viewer.get(LIST, {"q": "1860"})) == set()


@pytest.mark.parametrize(
    "query",
    [
        {"q": "0" * 31},
        {"q": "{6b29fc40-ca47-1067-b31d-00dd010662d}"},
        {"q": "\x00"},
        {"q": "'\"; DROP TABLE--"},
        {"q": "%_\\"},
        {"q": "ظ" * 5000},
        {"status__exact": "nope"},
        {"platform": "nope"},
        {"attention": "nope"},
        {"late": "nope"},
        {"ended": "nope"},
        {"waiting_for": "nope"},
        {"error_code": "\x00"},
        {"user_id": "'; DROP TABLE"},
        {"at_risk": "nope"},
        {"follow_up": "nope"},
        {"connection__id__exact": "nope"},
        {"created_at_from_0": "nope", "created_at_to_1": "nope"},
        {"next_attempt_at_to_0": "2026-13-40"},
        {"p": "nope"},
        {"o": "nope"},
    ],
)
def test_malformed_queries_do_not_fail(viewer, make_job, query):
    make_job()

    assert viewer.get(LIST, query, follow=True).status_code == 200


def test_page_of_a_malformed_id_redirects(viewer):
    assert viewer.get(f"{LIST}nope/change/").status_code == 302


def test_list_can_be_filtered(viewer, make_job):
    failed = make_job(error_code="too_late", who_acts="owner", user_id="bob")
    published = make_job(Status.PUBLISHED, platform="facebook")

    assert listed(viewer.get(LIST, {"status__exact": ["Failed", "Pending"]})) == {failed}
    assert listed(viewer.get(LIST, {"platform": "facebook"})) == {published}
    assert listed(viewer.get(LIST, {"error_code": "too_late"})) == {failed}
    assert listed(viewer.get(LIST, {"who_acts": "owner"})) == {failed}
    assert listed(viewer.get(LIST, {"user_id": "bob"})) == {failed}
    assert listed(viewer.get(LIST, {"ended": "1h"})) == {failed, published}


def test_scheduled_posts_at_risk_are_listed_with_the_reasons(viewer, make_job):
    reason = {"code": "needs_reauth", "message": "Connect the account again.", "who_acts": "owner"}
    at_risk = make_job(Status.SCHEDULED, at_risk=[reason], checked_at=timezone.now())
    make_job(Status.SCHEDULED, checked_at=timezone.now())

    assert listed(viewer.get(LIST, {"at_risk": "yes"})) == {at_risk}
    page = viewer.get(page_of(at_risk)).content.decode()
    assert "needs_reauth" in page
    assert "Connect the account again." in page
    assert at_risk.checked_at.strftime("%Y-%m-%d %H:%M:%S") in page


def test_first_comments_and_take_downs_are_listed_by_how_they_went(viewer, make_job):
    now = timezone.now()

    def make_follow_up(kind, status, **columns):
        job = make_job(Status.PUBLISHED)
        columns = {"created_at": now, "updated_at": now, **columns}
        return FollowUp.objects.create(job=job, kind=kind, status=status, **columns).job

    failed = make_follow_up(
        "first_comment",
        Status.FAILED,
        text="Open <b>on Sunday",
        error_code="platform_refused",
        error_message="Comments are off.",
    )
    taken_down = make_follow_up("take_down", Status.PUBLISHED)
    under_way = make_follow_up("take_down", Status.PENDING, next_attempt_at=now)
    make_job(Status.PUBLISHED)

    for value, jobs in {
        "open": {under_way},
        "failed": {failed},
        "first_comment": {failed},
        "take_down": {taken_down, under_way},
    }.items():
        assert listed(viewer.get(LIST, {"follow_up": value})) == jobs, value
    page = viewer.get(page_of(failed)).content.decode()
    for shown in ("First comment", "Open &lt;b&gt;on Sunday", "platform_refused: ", "Comments are"):
        assert shown in page


def test_date_without_a_time_includes_all_of_the_day(viewer, make_job):
    evening = dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC)
    job = make_job(created_at=evening)
    make_job(created_at=evening + dt.timedelta(hours=1))

    day = {"created_at_from_0": "2026-11-22", "created_at_to_0": "2026-11-22"}

    assert listed(viewer.get(LIST, day)) == {job}


def test_list_cannot_be_filtered_by_hidden_columns(viewer, make_job):
    make_job()

    for column in ("connection__access_token__startswith", "refused_token_version"):
        assert viewer.get(LIST, {column: "v1"}).status_code == 400


# --- Operations ----------------------------------------------------------------------------------


def test_operation_requires_a_reason(ops, make_job):
    job = make_job()

    page = operate(ops, "retry", [job])
    refused = operate(ops, "retry", [job], reason="  ")

    assert str(job.pk) in page.content.decode()
    assert "This field is required." in refused.content.decode()
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_retry_from_the_list_reports_the_result_of_each(ops, make_job):
    again = [make_job(), make_job(Status.CONTENT_REJECTED), make_job(Status.UNCONFIRMED)]
    published = make_job(Status.PUBLISHED)

    response = operate(ops, "retry", [*again, published], reason="The platform works again")

    assert messages_of(response) == [
        "3 publish jobs retried.",
        "1 publish job not retried. "
        "Only a job that failed, was rejected or is unconfirmed can be retried.",
    ]
    for job in again:
        job.refresh_from_db()
        event = job.events.last()
        assert job.next_attempt_at is not None
        assert event.note == "The platform works again"
        assert event.actor.startswith("ops staff")
    published.refresh_from_db()
    assert published.status == Status.PUBLISHED


def test_retry_from_the_page(ops, make_job):
    job = make_job()

    page = ops.get(f"{LIST}{job.pk}/retry/")
    response = ops.post(f"{LIST}{job.pk}/retry/", {"reason": "Again"}, follow=True)

    assert page.status_code == 200
    assert response.redirect_chain == [(page_of(job), 302)]
    job.refresh_from_db()
    assert job.status == Status.PENDING


def test_cancel_stops_only_jobs_that_were_not_submitted(ops, make_job):
    waiting = make_job(Status.SCHEDULED)
    submitted = make_job(Status.PROCESSING, publish_started_at=timezone.now())

    response = operate(ops, "cancel", [waiting, submitted], reason="Its owner called")

    waiting.refresh_from_db()
    submitted.refresh_from_db()
    assert (waiting.status, submitted.status) == (Status.CANCELLED, Status.PROCESSING)
    assert waiting.events.last().note == "Its owner called"
    assert [line.partition(".")[0] for line in messages_of(response)] == [
        "1 publish job cancelled",
        "1 publish job not cancelled",
    ]


def test_form_for_the_reason_changes_nothing(ops, make_job):
    job = make_job()

    ops.get(f"{LIST}{job.pk}/retry/?reason=Again")
    ops.post(f"{LIST}{job.pk}/retry/")

    job.refresh_from_db()
    assert job.status == Status.FAILED


@pytest.mark.parametrize("name", ["retry", "cancel"])
def test_viewers_cannot_operate(viewer, make_job, name):
    job = make_job(Status.FAILED if name == "retry" else Status.PENDING)
    status = job.status

    operate(viewer, name, [job], reason="Because")
    response = viewer.post(f"{LIST}{job.pk}/{name}/", {"reason": "Because"})

    assert response.status_code == 403
    job.refresh_from_db()
    assert job.status == status
    assert f"/{name}/" not in viewer.get(page_of(job)).content.decode()


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        (Status.FAILED, {"retry"}),
        (Status.CONTENT_REJECTED, {"retry"}),
        (Status.UNCONFIRMED, {"retry", "resolve_published", "resolve_not_published"}),
        (Status.PENDING, {"cancel"}),
        (Status.SCHEDULED, {"cancel"}),
        (Status.PROCESSING, {"cancel"}),
        (Status.PUBLISHED, set()),
        (Status.CANCELLED, set()),
    ],
)
def test_page_offers_the_operations_that_fit_the_status(ops, make_job, status, offered):
    html = ops.get(page_of(make_job(status))).content.decode()

    operations = ("retry", "cancel", "resolve_published", "resolve_not_published")
    assert {name for name in operations if f"/{name}/" in html} == offered


def test_operation_on_a_missing_job_is_not_found(ops):
    assert ops.post(f"{LIST}{uuid.uuid4()}/retry/", {"reason": "Again"}).status_code == 404
    assert ops.get(f"{LIST}nope/retry/").status_code == 404


def test_malformed_selection_is_refused(ops):
    data = {"action": "retry", "_selected_action": ["nope"], "reason": "Again"}

    assert ops.post(LIST, data).status_code == 400


@pytest.mark.parametrize("model", ["publishjob", "workerslot"])
def test_nobody_can_add_change_or_delete_rows(superuser, make_job, model):
    row = make_job() if model == "publishjob" else WorkerSlot.objects.create(name="slot-1")
    base = f"/admin/publishing/{model}/"

    assert superuser.get(f"{base}add/").status_code == 403
    assert superuser.post(f"{base}{row.pk}/change/", {"text": "Mine"}).status_code == 403
    assert superuser.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    superuser.post(base, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


def test_worker_slots_show_whether_their_heartbeat_is_fresh(superuser):
    now = timezone.now()
    WorkerSlot.objects.create(name="slot-1", heartbeat_at=now)
    WorkerSlot.objects.create(name="slot-2", heartbeat_at=now - dt.timedelta(minutes=3))
    WorkerSlot.objects.create(name=CLAIM_LOCK)

    html = superuser.get("/admin/publishing/workerslot/").content.decode()

    assert html.count("alive") == html.count("silent") == 1
    assert CLAIM_LOCK not in html
