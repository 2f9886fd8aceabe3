"""A first comment is made once, and its failure never touches the post."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone

from conftest import SteppedWorker
from publishing.engine.execute import execute
from publishing.models import FollowUp, PublishJob
from publishing.tasks import housekeeping
from publishing.tests.follow_ups import WITH_COMMENTS, account_for, comments_on, options_for
from socialpublishing.events.models import Event
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.pauses import PlatformPause

pytestmark = [pytest.mark.usefixtures("instant_processing"), pytest.mark.sqlite_at_night]


@pytest.fixture(params=WITH_COMMENTS)
def connection(request, make_connection):
    return account_for(make_connection, request.param)


@pytest.fixture
def publish(api, connection, worker):
    """Publishes a post with this first comment, and works until nothing is due."""

    def publish(comment: str, **more) -> PublishJob:
        options = options_for(connection, first_comment=comment, **more)
        response = api.publish(connection, "A post", platform_specific_options=options)
        assert response.status_code == 202, response.json()
        worker.work()
        return PublishJob.objects.get()

    return publish


def codes(job: PublishJob) -> list[str]:
    job.refresh_from_db()
    return [each["code"] for each in job.warnings or ()]


def test_comment_is_made_once(publish, api, sandbox, worker):
    job = publish("The first one: https://example.com/a")
    worker.work_ahead(86_400)

    assert job.status == "Published"
    assert comments_on(sandbox, job) == ["The first one: https://example.com/a"]
    assert job.warnings is None
    notes = [each["note"] for each in api.get(f"publishing/jobs/{job.pk}/events").json()]
    assert notes.count("Made the first comment.") == 1


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_lost_response_never_comments_twice(publish, sandbox, worker, action):
    job = publish(f"[sandbox:{action}] Once")
    assert len(comments_on(sandbox, job)) == 1
    worker.work_ahead(2 * 86_400, sandbox=sandbox)

    job.refresh_from_db()
    assert job.status == "Published"
    assert len(comments_on(sandbox, job)) == 1
    assert codes(job) == []
    assert FollowUp.objects.get().status == "Published"


@pytest.mark.parametrize("action", ["drop_before", "500"])
def test_comment_that_was_not_made_is_made_after_lookups(publish, sandbox, worker, action):
    job = publish(f"[sandbox:{action} once] Once")
    assert comments_on(sandbox, job) == []
    worker.work_ahead(3600, sandbox=sandbox)

    assert len(comments_on(sandbox, job)) == 1
    assert codes(job) == []


def test_refused_comment_is_a_warning_of_the_published_job(publish, sandbox, worker):
    job = publish("[sandbox:reject] Refused")
    worker.work_ahead(2 * 86_400)

    assert (job.status, comments_on(sandbox, job)) == ("Published", [])
    assert codes(job) == ["first_comment_failed"]
    changed = Event.objects.get(type="job.changed")
    assert changed.data["warnings"][0]["code"] == "first_comment_failed"
    assert changed.data["status"] == "Published"
    assert changed.sequence == 3


def test_limit_on_comments_delays_the_comment_and_no_post(publish, sandbox, worker, api):
    job = publish("[sandbox:429 once] Later")
    assert comments_on(sandbox, job) == []
    connection = job.connection
    assert connection.limited_until is None
    assert all(each.limited_until is None for each in connection.destinations.all())

    worker.work_ahead(86_400, sandbox=sandbox)
    assert len(comments_on(sandbox, job)) == 1


def test_expired_token_is_refreshed_for_the_comment(publish, connection, sandbox, worker):
    if connection.platform_type.destination_option or connection.refresh_token is None:
        pytest.skip("has a token without an end")
    job = publish("[sandbox:401 once] Refreshed")
    worker.work_ahead(60)

    connection.refresh_from_db()
    assert len(comments_on(sandbox, job)) == 1
    assert connection.token_version == 2


def test_refused_token_ends_the_comment_alone(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    options = {"first_comment": "[sandbox:401] Never"}
    api.publish(connection, "A post", platform_specific_options=options)
    worker.work()
    worker.work_ahead(600)

    connection.refresh_from_db()
    assert (connection.status, connection.token_version) == ("active", 2)
    assert codes(PublishJob.objects.get()) == ["first_comment_failed"]


def test_refusal_of_our_app_pauses_no_posts(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    options = {"first_comment": "[sandbox:402] Never"}
    api.publish(connection, "A post", platform_specific_options=options)
    worker.work()
    worker.work_ahead(3600)
    assert not PlatformPause.objects.exists()
    assert len(sandbox.calls("/2/tweets", "POST")) < 12

    worker.work_ahead(2 * 86_400)
    assert codes(PublishJob.objects.get()) == ["first_comment_failed"]


# --- Workers that die ----------------------------------------------------------------------------


class DyingWorker(SteppedWorker):
    """Dies in a step of a follow-up: before the request, or before it stores the outcome."""

    def __init__(self, *, in_step: int, sends: bool) -> None:
        super().__init__("dying", threads=2)
        self.in_step, self.sends, self.is_dead = in_step, sends, False

    def _execute(self, step):
        self.in_step -= step.job.follow_up is not None
        if self.in_step or step.job.follow_up is None:
            super()._execute(step)
            return
        if self.sends:
            execute(step)
        self.is_dead = True

    def work_until_death(self) -> None:
        now = timezone.now()
        while not self.is_dead:
            self.turn(now)
            self._collect(0.2)
            now += dt.timedelta(seconds=1)


def test_late_result_of_a_comment_changes_only_its_id(api, connection, sandbox, worker):
    options = options_for(connection, first_comment="Once")
    api.publish(connection, "A post", platform_specific_options=options)
    now = timezone.now()
    while not FollowUp.objects.filter(status="Processing").exists():
        worker.turn(now)
        worker._collect(0.2)
    FollowUp.objects.update(lease_owner="other/1:1", fencing_token=F("fencing_token") + 1)

    worker.finish(now)

    row = FollowUp.objects.get()
    assert (row.status, row.lease_owner) == ("Processing", "other/1:1")
    assert row.remote_id


@pytest.mark.parametrize("sends", [False, True])
@pytest.mark.parametrize("in_step", [1, 2])
def test_comment_is_made_once_whenever_its_worker_dies(
    api, connection, sandbox, worker, in_step, sends
):
    """In the request for the comment, or in the first lookup after a response was lost."""
    comment = "Once" if in_step == 1 else "[sandbox:drop_after] Once"
    options = options_for(connection, first_comment=comment)
    api.publish(connection, "A post", platform_specific_options=options)
    DyingWorker(in_step=in_step, sends=sends).work_until_death()
    assert FollowUp.objects.get().publish_started_at is not None

    worker.work_ahead(3600, sandbox=sandbox)

    job = PublishJob.objects.get()
    assert comments_on(sandbox, job) == [comment]
    assert (FollowUp.objects.get().status, codes(job)) == ("Published", [])


def test_late_response_of_a_comment_is_kept(publish, sandbox, worker):
    job = publish("[sandbox:drop_after] Once")
    row = FollowUp.objects.get()
    FollowUp.objects.update(remote_id="of-a-late-response", next_attempt_at=timezone.now())
    worker.work(after=1)

    row.refresh_from_db()
    assert (row.status, row.remote_id) == ("Published", "of-a-late-response")
    assert len(comments_on(sandbox, job)) == 1


# --- Where nothing can be looked up --------------------------------------------------------------


def test_comment_of_a_member_in_doubt_is_left_with_a_warning(api, make_connection, sandbox, worker):
    """LinkedIn does not show a member's comments: the request is never repeated."""
    connection = account_for(make_connection, "linkedin")
    options = {"first_comment": "[sandbox:500] Once"}
    api.publish(connection, "A post", platform_specific_options=options)
    worker.work()
    worker.work_ahead(3 * 86_400)

    job = PublishJob.objects.get()
    assert codes(job) == ["first_comment_unconfirmed"]
    assert len(sandbox.calls("/comments", "POST")) == 1


# --- Published in other ways ---------------------------------------------------------------------


def test_post_that_a_lookup_finds_gets_its_comment(api, make_connection, sandbox, worker):
    connection = account_for(make_connection, "facebook")
    sandbox.fault("drop_after", method="POST", path="/feed$")
    options = options_for(connection, first_comment="Found")
    api.publish(connection, "A post", platform_specific_options=options)
    worker.work()
    assert not FollowUp.objects.exists()
    worker.work_ahead()

    assert comments_on(sandbox, PublishJob.objects.get()) == ["Found"]


def test_post_that_a_person_found_gets_its_comment(api, make_connection, sandbox, worker):
    connection = account_for(make_connection, "linkedin")
    sandbox.fault("drop_after", method="POST", path="/rest/posts$")
    options = {"first_comment": "Resolved"}
    api.publish(connection, "A post", platform_specific_options=options)
    worker.work()
    [post] = sandbox.posts()
    job = PublishJob.objects.get()
    body = {"outcome": "published", "remote_id": post["id"]}
    assert api.post(f"publishing/jobs/{job.pk}/resolve", body).status_code == 200
    worker.work()

    job.refresh_from_db()
    assert comments_on(sandbox, job) == ["Resolved"]


def test_post_of_a_worker_of_the_release_before_gets_its_comment(
    api, make_connection, sandbox, worker
):
    options = {"first_comment": "Late"}
    api.publish(make_connection("twitter"), "A post", platform_specific_options=options)
    PublishJob.objects.update(platform_specific_options={})
    worker.work()
    PublishJob.objects.update(platform_specific_options=options)
    for _ in range(2):
        housekeeping()
        worker.work()

    assert comments_on(sandbox, PublishJob.objects.get()) == ["Late"]
    assert len(sandbox.posts()) == 2


def test_comment_on_a_thread_follows_its_last_post(api, make_connection, sandbox, worker):
    options = {"thread": ["Second"], "first_comment": "Third"}
    api.publish(make_connection("twitter"), "First", platform_specific_options=options)
    worker.work()

    texts = {each["text"]: each for each in sandbox.posts()}
    assert [each["text"] for each in texts["Second"]["comments"]] == ["Third"]


def test_lookup_of_a_post_does_not_take_a_comment_for_it(api, make_connection, sandbox, worker):
    """On X both are posts, and here of the same text."""
    connection = make_connection("twitter")
    api.publish(connection, "Open", platform_specific_options={"first_comment": "We are here"})
    worker.work()
    sandbox.fault("status", 500, method="POST", path="^/2/tweets$")
    api.publish(connection, "We are here")
    worker.work()
    worker.work_ahead()

    own = [each for each in sandbox.posts() if "reply" not in each["details"]]
    assert [each["text"] for each in own] == ["Open", "We are here"]


# --- Accepting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_COMMENTS)
def test_comment_that_is_too_long_is_refused(api, make_connection, name):
    connection = account_for(make_connection, name)
    limits = PLATFORMS[name].first_comment().limits(connection.profile)
    options = options_for(connection, first_comment="a" * (limits.max_text + 1))
    response = api.publish(connection, "A post", platform_specific_options=options)

    [violation] = response.json()["violations"]
    assert (violation["rule"], violation["limit"]) == ("comment_text_length", limits.max_text)
    assert violation["message"].startswith("The first comment: ")


@pytest.mark.parametrize("name", WITH_COMMENTS)
def test_comment_of_white_space_is_refused(api, make_connection, name):
    connection = account_for(make_connection, name)
    options = options_for(connection, first_comment=" \n\u200b")
    response = api.publish(connection, "A post", platform_specific_options=options)

    assert response.status_code == 400
    assert "comment_text_required" in {each["rule"] for each in response.json()["violations"]}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("facebook", "pages_manage_engagement"),
        ("instagram", "instagram_business_manage_comments"),
        ("linkedin", "w_member_social_feed"),
    ],
)
def test_comment_without_its_permission_is_refused(api, make_connection, name, missing):
    usual = {"facebook": ["pages_show_list", "pages_manage_posts", "pages_read_engagement"]}
    more = {"scopes": usual[name]} if name in usual else {}
    connection = make_connection(name, **more)
    options = {"first_comment": "Hello"}
    if name == "facebook":
        options["page_id"] = connection.destinations.get().external_id
    response = api.publish(connection, "A post", platform_specific_options=options)

    assert response.status_code == 400
    [violation] = response.json()["violations"]
    assert (violation["rule"], violation["actual"]) == ("comment_permission", [missing])


def test_story_takes_no_comment(api, make_connection, sandbox):
    connection = account_for(make_connection, "instagram")
    options = {"post_type": "story", "first_comment": "Hello"}
    response = api.publish(connection, "", platform_specific_options=options)
    assert "option" in [each["rule"] for each in response.json()["violations"]]
