"""A published post is taken down at its platform, once it is asked for."""

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from conftest import SteppedWorker, consent
from connections.models import SocialConnection
from publishing.models import FollowUp, PublishJob
from publishing.tests.follow_ups import WITH_COMMENTS, WITH_TAKE_DOWN, account_for, options_for
from socialpublishing.events.models import Event
from socialpublishing.platforms import PLATFORMS

pytestmark = pytest.mark.usefixtures("instant_processing")


@pytest.fixture
def publish(api, worker):
    """Publishes a post of `connection`."""

    def publish(connection, text="A post", assets=None, **options) -> PublishJob:
        kind = connection.platform_type.capabilities.post_types[0]
        examples = connection.platform_type.options.examples
        required = {name: examples[name] for name in kind.required_options}
        options = required | options_for(connection, **options)
        more = {"assets": assets} if assets else {}
        response = api.publish(connection, text, platform_specific_options=options, **more)
        assert response.status_code == 202, response.json()
        worker.work()
        worker.work_ahead(120)
        job = PublishJob.objects.latest("created_at")
        assert job.status == "Published"
        return job

    return publish


@pytest.fixture(params=WITH_TAKE_DOWN)
def job(request, make_connection, publish):
    return publish(account_for(make_connection, request.param))


def take_down(api, job):
    return api.delete(f"publishing/jobs/{job.pk}/post")


def deletions(sandbox) -> int:
    return len(sandbox.calls(method="DELETE"))


def codes(job) -> list[str]:
    job.refresh_from_db()
    return [each["code"] for each in job.warnings or ()]


def test_post_is_taken_down_and_repeats_are_harmless(job, api, sandbox, worker):
    for _ in range(2):
        response = take_down(api, job)
        assert (response.status_code, response.json()["deleted_at"]) == (202, None)
    worker.work()

    assert sandbox.posts(job.platform) == []
    [post] = sandbox.call("GET", f"posts?platform={job.platform}&deleted=true")
    assert post["deleted_at"]
    job.refresh_from_db()
    assert (job.status, bool(job.deleted_at)) == ("Published", True)
    changed = Event.objects.get(type="job.changed")
    assert changed.data["deleted_at"]
    again = take_down(api, job)
    assert (again.status_code, again.json()["deleted_at"] is None) == (202, False)
    worker.work()
    assert deletions(sandbox) == 1
    notes = [each["note"] for each in api.get(f"publishing/jobs/{job.pk}/events").json()]
    assert notes[-2:] == ["Taking the post down.", "Took the post down."]


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "status"])
def test_lost_response_is_asked_again(job, api, sandbox, worker, action):
    sandbox.fault(action, 500 if action == "status" else None, method="DELETE")
    take_down(api, job)
    worker.work()
    worker.work_ahead(3600)

    job.refresh_from_db()
    assert job.deleted_at is not None
    assert codes(job) == []
    assert sandbox.posts(job.platform) == []


def test_post_that_is_gone_counts_as_taken_down(job, api, sandbox, worker):
    take_down(api, job)
    worker.work()
    PublishJob.objects.update(deleted_at=None)
    FollowUp.objects.all().delete()

    take_down(api, job)
    worker.work()
    worker.work_ahead(3600)

    job.refresh_from_db()
    assert job.deleted_at is not None


def test_refusal_is_a_warning_and_can_be_asked_for_again(job, api, sandbox, worker):
    sandbox.fault("status", 403, method="DELETE", times=100)
    take_down(api, job)
    worker.work()
    worker.work_ahead(2 * 86_400)

    assert codes(job) == ["take_down_failed"]
    assert (job.status, job.deleted_at) == ("Published", None)
    assert Event.objects.get(type="job.changed").data["warnings"]
    notes = [each["note"] for each in api.get(f"publishing/jobs/{job.pk}/events").json()]
    assert notes[-1].startswith("Take-down: ")

    sandbox.call("DELETE", "faults")
    assert take_down(api, job).json()["warnings"] == []
    worker.work()
    job.refresh_from_db()
    assert job.deleted_at is not None


# --- What cannot be taken down -------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(PLATFORMS) - set(WITH_TAKE_DOWN)))
def test_platform_that_deletes_no_posts_is_named(api, make_connection, make_job, name):
    connection = make_connection(name)
    job = make_job(connection=connection, status="Published", remote_id="1")
    response = take_down(api, job)

    assert (response.status_code, response.json()["code"]) == (409, "not_supported")
    assert PLATFORMS[name].label in response.json()["detail"]
    assert not FollowUp.objects.exists()


def test_platforms_report_what_can_follow_a_post(api):
    listed = {each["name"]: each for each in api.get("platforms").json()}
    with_comments = [name for name, each in listed.items() if each["first_comment"]]
    assert sorted(with_comments) == WITH_COMMENTS
    assert listed["twitter"]["first_comment"]["max_text"] == 280
    can = [name for name, each in listed.items() if each["no_take_down"] is None]
    assert sorted(can) == WITH_TAKE_DOWN


@pytest.fixture
def make_job(db):
    def make(connection, status, **columns):
        now = timezone.now()
        return PublishJob.objects.create(
            user_id="alice",
            connection=connection,
            platform=connection.platform,
            account=f"{connection.platform}:{connection.external_user_id}",
            status=status,
            created_at=now,
            updated_at=now,
            published_at=now if status == "Published" else None,
            **columns,
        )

    return make


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Unconfirmed", "ContentRejected"])
def test_only_published_posts_are_taken_down(api, make_connection, make_job, status):
    response = take_down(api, make_job(make_connection("twitter"), status))
    assert (response.status_code, response.json()["code"]) == (409, "not_published")


def test_post_without_an_id_is_not_supported(api, make_connection, make_job):
    response = take_down(api, make_job(make_connection("twitter"), "Published"))
    assert (response.status_code, response.json()["code"]) == (409, "not_supported")


def test_post_of_a_disconnected_account_is_not_taken_down(api, make_connection, publish):
    job = publish(make_connection("twitter"))
    assert api.delete(f"connections/{job.connection_id}").status_code == 200
    response = take_down(api, job)
    assert (response.status_code, response.json()["code"]) == (409, "connection_removed")


def test_permission_to_delete_is_checked_at_once(api, make_connection, make_job):
    connection = make_connection(
        "pinterest", scopes=["boards:read", "pins:read", "user_accounts:read"]
    )
    response = take_down(api, make_job(connection, "Published", remote_id="1"))
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
    assert "pins:write" in response.json()["detail"]


def test_account_that_is_disconnected_meanwhile_leaves_a_warning(
    api, make_connection, publish, worker
):
    job = publish(make_connection("twitter"))
    take_down(api, job)
    api.delete(f"connections/{job.connection_id}")
    worker.work()
    assert codes(job) == ["take_down_failed"]


# --- Threads and comments ------------------------------------------------------------------------


def test_all_parts_of_a_thread_are_taken_down(api, make_connection, publish, sandbox, worker):
    options = {"thread": ["Second", "Third"], "first_comment": "Comment"}
    job = publish(make_connection("twitter"), **options)
    assert len(sandbox.posts()) == 4
    take_down(api, job)
    worker.work()

    job.refresh_from_db()
    assert (sandbox.posts(), bool(job.deleted_at)) == ([], True)
    assert deletions(sandbox) == 4


def test_thread_that_is_partly_gone_is_taken_down(api, make_connection, publish, sandbox, worker):
    job = publish(make_connection("twitter"), thread=["Second", "Third"])
    sandbox.fault("drop_after", method="DELETE")
    take_down(api, job)
    worker.work()
    assert len(sandbox.posts()) == 2
    worker.work_ahead(600)

    job.refresh_from_db()
    assert (sandbox.posts(), bool(job.deleted_at)) == ([], True)


@pytest.mark.parametrize("name", [each for each in WITH_COMMENTS if each in WITH_TAKE_DOWN])
def test_comment_that_is_still_open_is_dropped(
    api, make_connection, publish, sandbox, worker, name
):
    job = publish(account_for(make_connection, name), first_comment="[sandbox:429] Never")
    comment = FollowUp.objects.get()
    assert comment.next_attempt_at is not None

    take_down(api, job)
    worker.work()
    worker.work_ahead(86_400)

    comment.refresh_from_db()
    job.refresh_from_db()
    assert (comment.status, comment.next_attempt_at) == ("Cancelled", None)
    assert (sandbox.posts(name), bool(job.deleted_at)) == ([], True)


def test_comment_in_flight_is_taken_down_too(api, make_connection, sandbox, worker):
    """On X it is a post of its own, whose id comes after the take-down was asked for."""
    slow_worker = SteppedWorker("slow", threads=2)
    options = {"first_comment": "In flight"}
    api.publish(make_connection("twitter"), "A post", platform_specific_options=options)
    slow_worker.turn(timezone.now())
    slow_worker._collect(5)
    sandbox.fault("delay_after", 0.5, method="POST", path="^/2/tweets$")
    slow_worker.turn(timezone.now())  # sends the comment
    while len(sandbox.posts()) < 2:
        time.sleep(0.01)
    job = PublishJob.objects.get()

    assert take_down(api, job).status_code == 202
    worker.work()
    assert deletions(sandbox) == 0
    slow_worker.finish(timezone.now())
    worker.work_ahead(60)

    job.refresh_from_db()
    assert (sandbox.posts(), bool(job.deleted_at)) == ([], True)
    assert FollowUp.objects.get(kind="first_comment").status == "Cancelled"


# --- Instagram with Facebook Login ---------------------------------------------------------------


@pytest.fixture
def instagram_by_facebook(api, sandbox, monkeypatch):
    """Connects an account with these scopes besides those of publishing."""

    def connect(*scopes: str) -> SocialConnection:
        monkeypatch.setenv("INSTAGRAM_FACEBOOK_OPTIONAL_SCOPES", ",".join(scopes))
        sandbox.account("instagram")
        start = {"redirect": "false", "login": "facebook"}
        started = api.get("connections/connect/instagram", data=start).json()
        back = api.get(consent(started["authorization_url"])).json()
        body = {name: back[name] for name in ("attempt_id", "completion_code")}
        confirmed = api.post("connections/confirm", body).json()
        return SocialConnection.objects.get(pk=confirmed["id"])

    return connect


@pytest.mark.behaviour(
    "Instagram deletes posts of accounts only that are connected with Facebook Login"
)
def test_instagram_with_facebook_login_is_taken_down(
    api, instagram_by_facebook, publish, sandbox, worker
):
    scopes = ("instagram_manage_comments", "instagram_manage_contents")
    connection = instagram_by_facebook(*scopes)
    job = publish(connection, assets=[sandbox.picture()], first_comment="Hello")
    [post] = sandbox.posts()
    assert [each["text"] for each in post["comments"]] == ["Hello"]
    take_down(api, job)
    worker.work()

    job.refresh_from_db()
    assert (sandbox.posts(), bool(job.deleted_at)) == ([], True)


def test_instagram_without_the_scope_names_it(api, instagram_by_facebook, publish, sandbox):
    job = publish(instagram_by_facebook(), assets=[sandbox.picture()])
    response = take_down(api, job)
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
    assert "instagram_manage_contents" in response.json()["detail"]
