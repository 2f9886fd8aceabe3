"""X: what it refuses, and what becomes of the post. No unknown refusal is the content's."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from conftest import consent, statuses
from connections.models import SocialConnection
from publishing.models import PublishJob
from socialpublishing import http
from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.platforms.twitter import errors

THREAD = {"thread": ["Two", "Three"]}


@pytest.fixture
def connection(make_connection):
    return make_connection("twitter")


@pytest.fixture
def settle_in(worker):
    """Lets the time pass in small steps; the sandbox's clock too."""

    def pass_time(sandbox, seconds, step=30):
        for after in range(0, seconds + 1, step):
            worker.finish(timezone.now() + dt.timedelta(seconds=after))
            sandbox.call("POST", "clock", advance_seconds=step)

    return pass_time


def texts(sandbox) -> list[str]:
    return [post["text"] for post in sandbox.posts("twitter")]


# --- What heals without the user -----------------------------------------------------------------


@pytest.mark.behaviour(
    "X refuses our app for a time, for lack of credits, a reached cap or missing access: posts "
    "wait and go out when it accepts the app again"
)
@pytest.mark.parametrize("refusal", ["credits", "spend_cap", "usage_cap", "app_access"])
def test_post_waits_until_x_accepts_the_app_again(
    api, connection, sandbox, worker, settle_in, refusal
):
    sandbox.call("POST", "settings", twitter_refusal=refusal, twitter_refusal_seconds=900)
    job_id = api.publish(connection, "Patience").json()["job_id"]
    worker.work()
    job = api.get(f"publishing/jobs/{job_id}").json()
    assert (job["status"], job["error_code"]) == ("Pending", "platform_configuration")
    assert (job["waiting_for"], job["who_acts"]) == ("operator", "operator")
    assert PlatformPause.objects.count() == 1

    settle_in(sandbox, 1800)

    assert statuses() == {"Published": 1}
    assert texts(sandbox) == ["Patience"]


@pytest.mark.behaviour("X's daily limit of posts (185, 344) is a limit: the post waits for its end")
def test_daily_limit_is_waited_for(api, make_connection, sandbox, worker):
    connection = make_connection("twitter", restriction="daily_limit")
    job_id = api.publish(connection, "Tomorrow").json()["job_id"]

    worker.work()

    job = api.get(f"publishing/jobs/{job_id}").json()
    assert (job["error_code"], job["waiting_for"]) == ("rate_limited", "rate_limit")
    assert PublishJob.objects.get().next_attempt_at > timezone.now() + dt.timedelta(minutes=25)


@pytest.mark.behaviour(
    "X locks, suspends or restricts an account, or takes it for a robot (326, 64, 226): the post "
    "waits for the owner, and goes out when the account is free"
)
@pytest.mark.parametrize("restriction", ["locked", "suspended", "automated", "not_permitted"])
def test_post_of_a_blocked_account_waits_for_its_owner(
    api, make_connection, sandbox, worker, restriction
):
    connection = make_connection("twitter", restriction=restriction)
    job_id = api.publish(connection, "When I am back").json()["job_id"]
    worker.work()
    job = api.get(f"publishing/jobs/{job_id}").json()
    assert (job["error_code"], job["who_acts"]) == ("account_blocked", "owner")
    assert job["waiting_for"] == "owner"
    assert job["status"] == "Pending"


# --- What nothing explains -----------------------------------------------------------------------


def problem(status, detail, **more):
    body = {"title": "Forbidden", "detail": detail, "type": "about:blank", "status": status, **more}
    return {"code": status, "body": body}


UNKNOWN = {
    "unsupported-authentication": problem(
        403,
        "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.",
        type="https://api.x.com/2/problems/unsupported-authentication",
    ),
    "code 220": {
        "code": 403,
        "body": {
            "errors": [{"code": 220, "message": "Your credentials do not allow access to this "}]
        },
    },
    "code 34": {
        "code": 404,
        "body": {"errors": [{"code": 34, "message": "Sorry, that page does not exist."}]},
    },
    "not JSON": problem(400, "Request body is not valid JSON"),
    "not permitted": problem(403, "You are not permitted to perform this action."),
    "nothing": {"code": 403, "body": {}},
    "other types": {"code": 403, "body": {"errors": {"code": "7"}, "detail": None, "title": [1]}},
}


@pytest.mark.behaviour(
    "X refuses a post for a reason that nothing explains, such as unsupported-authentication once "
    "in many posts: it is tried again within the grace, and never the content's fault"
)
@pytest.mark.parametrize("refusal", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_refusal_is_tried_again(api, connection, sandbox, worker, refusal):
    sandbox.fault("status", refusal, method="POST", path="^/2/tweets$", times=2)
    job_id = api.publish(connection, "Again").json()["job_id"]
    worker.work()
    job = api.get(f"publishing/jobs/{job_id}").json()
    assert (job["status"], job["error_code"]) == ("Pending", "platform_refused")
    assert "None" not in job["error_message"]

    worker.work_ahead(900)

    assert statuses() == {"Published": 1}
    assert texts(sandbox) == ["Again"]


@pytest.mark.behaviour(
    "A server in front of X's API refuses with a page of HTML: the post is tried again"
)
def test_page_of_the_edge_is_no_refusal_of_the_content(api, connection, sandbox, worker, settle_in):
    sandbox.call("POST", "settings", twitter_refusal="edge", twitter_refusal_seconds=240)
    job_id = api.publish(connection, "Hello").json()["job_id"]
    worker.work()
    job = api.get(f"publishing/jobs/{job_id}").json()
    assert job["error_code"] == "platform_refused"
    assert "Attention Required!" in job["error_message"]

    settle_in(sandbox, 900)

    assert statuses() == {"Published": 1}


@pytest.mark.behaviour(
    "A server in front of X's API gives up with a page after X has created the post: it is looked "
    "up and not sent again"
)
@pytest.mark.parametrize("status", [408, 409, 499])
def test_page_after_the_post_was_created_does_not_send_it_again(
    api, connection, sandbox, worker, settle_in, monkeypatch, status
):
    send, pages = http.Http._send, []

    def send_and_lose(self, request):
        response = send(self, request)
        if pages or not (request.method == "POST" and request.url.endswith("/2/tweets")):
            return response
        pages.append("<html><title>Request Timeout</title></html>")
        return http.PlatformResponse(status_code=status, headers={}, json=None, text=pages[0])

    monkeypatch.setattr(http.Http, "_send", send_and_lose)
    api.publish(connection, "Once")
    settle_in(sandbox, 900)
    assert len(pages) == 1
    assert texts(sandbox) == ["Once"]
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("X names the content in its refusal: the post is rejected at once")
@pytest.mark.parametrize(
    "refusal",
    [
        problem(403, "The Tweet contains an invalid URL."),
        {
            "code": 403,
            "body": {"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]},
        },
        problem(403, "User video duration exceeded"),
        problem(400, "Invalid", errors=[{"message": "$.poll.options: there must be at least 2"}]),
        {"code": 403, "body": {"errors": [{"code": "186", "message": None}]}},
    ],
)
def test_refusal_of_the_content_rejects_the_post(api, connection, sandbox, worker, refusal):
    sandbox.fault("status", refusal, method="POST", path="^/2/tweets$")
    api.publish(connection, "Refused")

    worker.work_ahead()

    assert statuses() == {"ContentRejected": 1}
    assert "None" not in PublishJob.objects.get().error_message


# --- Lists ---------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "X's list of own posts has errors alone: that is no evidence, so nothing is published "
    "again until the list reports that there are no posts"
)
@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
def test_nothing_is_published_again_while_the_list_is_refused(
    api, connection, sandbox, worker, action
):
    sandbox.call("POST", "settings", twitter_own_posts="refused")
    sandbox.fault(action, method="POST", path="^/2/tweets$")
    api.publish(connection, "Only once", late_grace_seconds=86400)

    worker.work_ahead(3600)

    assert statuses() == {"Unconfirmed": 1}
    assert len(sandbox.calls("/2/tweets", "POST")) == 1
    sandbox.call("POST", "settings", twitter_own_posts="listed")
    worker.work_ahead(86400)
    assert statuses() == {"Published": 1}
    assert texts(sandbox) == ["Only once"]


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"data": []},
        {"data": None, "meta": {}},
        {"meta": {"result_count": 3}},
        {"meta": {"result_count": None}},
        {"meta": {"result_count": 0}, "errors": [{"title": "Authorization Error"}]},
        {"data": [{"id": "1", "text": "Another"}], "meta": {"result_count": 2}},
        [],
    ],
)
def test_list_that_does_not_say_that_it_is_empty_shows_no_absence(
    api, connection, sandbox, worker, page
):
    response = {"code": 200, "body": page}
    sandbox.fault("status", response, method="GET", path="/tweets$", times=99)
    sandbox.fault("drop_before", method="POST", path="^/2/tweets$")
    api.publish(connection, "Only once")

    worker.work_ahead(3600)

    assert statuses() == {"Unconfirmed": 1}
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


# --- Threads -------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "X does not show the post before it to the next post of a thread for some seconds: that is "
    "waited for, and no thread is left half"
)
@pytest.mark.parametrize("times", [1, 8])
def test_thread_goes_on_when_x_shows_the_post_before(api, connection, sandbox, worker, times):
    invisible = problem(
        403, "You attempted to reply to a Tweet that is deleted or not visible to you."
    )
    sandbox.fault("delay", 0, method="POST", path="^/2/tweets$")
    sandbox.fault("status", invisible, method="POST", path="^/2/tweets$", times=times)
    api.publish(connection, "One", platform_specific_options=THREAD)

    worker.work_ahead(900)

    assert statuses() == {"Published": 1}
    assert texts(sandbox) == ["One", "Two", "Three"]


def test_thread_is_completed_on_a_platform_that_shows_posts_late(
    api, connection, sandbox, settle_in
):
    sandbox.call("POST", "settings", twitter_reply_delay_seconds=20)
    api.publish(connection, "One", platform_specific_options=THREAD)

    settle_in(sandbox, 300, step=5)

    assert texts(sandbox) == ["One", "Two", "Three"]


@pytest.mark.behaviour(
    "X no longer has the post before it in a thread: the rest is refused, with the number of posts "
    "that are public"
)
def test_thread_whose_last_post_was_deleted_is_not_restarted(
    api, connection, sandbox, worker, monkeypatch
):
    monkeypatch.setattr(errors, "VISIBLE_AFTER", -dt.timedelta(days=3650))
    gone = {"title": "Invalid Request", "errors": [{"message": "Tweet not found"}]}
    sandbox.fault("delay", 0, method="POST", path="^/2/tweets$")
    response = {"code": 400, "body": gone}
    sandbox.fault("status", response, method="POST", path="^/2/tweets$", times=9)
    job_id = api.publish(connection, "One", platform_specific_options=THREAD).json()["job_id"]
    worker.work_ahead()

    data = api.get(f"publishing/jobs/{job_id}/status").json()
    assert data["status"] == "ContentRejected"
    assert "1 of its posts is public" in data["error_message"]
    assert len(sandbox.posts()) == 1


# --- Media ---------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "X refuses an alt text: the post goes out without it, with the warning alt_text_refused"
)
@pytest.mark.parametrize("fault", [None, 500, 403, 429, 402])
def test_alt_text_that_x_refuses_is_a_warning(api, connection, sandbox, worker, fault):
    if fault:
        sandbox.fault("status", fault, path="^/2/media/metadata$", times=9)
    else:
        sandbox.call("POST", "settings", twitter_alt_text="refused")
    job_id = api.publish(connection, "Look", assets=[sandbox.picture()]).json()["job_id"]

    worker.work_ahead()

    job = api.get(f"publishing/jobs/{job_id}").json()
    assert job["status"] == "Published"
    assert [each["code"] for each in job["warnings"]] == ["alt_text_refused"]


@pytest.mark.behaviour(
    "X takes alt texts for images alone: that of a video is left out, with the warning "
    "alt_text_left_out"
)
def test_alt_text_of_a_video_is_left_out(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", processing_seconds=0)
    clip = {**sandbox.clip(), "alt_text": "Waves"}
    response = api.publish(connection, "Look", assets=[clip])
    assert response.status_code == 202

    worker.work_ahead()

    job = api.get(f"publishing/jobs/{response.json()['job_id']}").json()
    assert job["status"] == "Published"
    assert [each["code"] for each in job["warnings"]] == ["alt_text_left_out"]
    assert not sandbox.calls("/2/media/metadata")


@pytest.mark.behaviour("X reports an error in a state that goes on: the file is refused with it")
def test_error_in_a_state_ends_the_processing(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", twitter_processing="error_in_progress")
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    job = PublishJob.objects.get()
    assert job.status == "ContentRejected"
    assert "InvalidMedia" in job.error_message


@pytest.mark.behaviour(
    "X's processing of a video stands still for ten minutes: the video is uploaded again"
)
def test_processing_that_stands_still_is_begun_again(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", twitter_processing="stands_still")
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead(800)
    assert len(sandbox.calls("/initialize", "POST")) == 2
    sandbox.call("POST", "settings", twitter_processing="ends", processing_seconds=0)

    worker.work_ahead(2400)

    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("A post on X with media alone has an empty text")
def test_post_with_media_alone_has_an_empty_text(api, connection, sandbox, worker):
    api.publish(connection, "", assets=[sandbox.picture()])

    worker.work()

    [post] = sandbox.posts("twitter")
    assert post["text"] == ""
    assert statuses() == {"Published": 1}


# --- What the account is -------------------------------------------------------------------------


def subscribe(connection, plan):
    """As if the account had been connected with this subscription."""
    connection.profile = {**connection.profile, "subscription_type": plan}
    connection.save()


@pytest.mark.behaviour("Whether an account may publish a long text is read again for such a text")
def test_new_subscriber_may_publish_a_long_text(api, make_connection, sandbox, worker):
    connection = make_connection("twitter", subscription_type="Premium")
    subscribe(connection, "None")
    body = {"connection_id": str(connection.pk), "text_content": "a" * 400}

    assert api.post("publishing/validate", body).json()["is_valid"]
    assert api.publish(connection, "a" * 400).status_code == 202
    worker.work()
    assert statuses() == {"Published": 1}


def test_former_subscriber_may_not_publish_a_long_text(api, connection, sandbox):
    subscribe(connection, "Premium")

    response = api.publish(connection, "a" * 400)

    assert response.status_code == 400
    assert response.json()["violations"][0]["rule"] == "text_length"


def test_subscription_that_ended_before_a_long_post_is_due_is_named(
    api, connection, sandbox, worker
):
    subscribe(connection, "Premium")
    users_me = {"data": {"id": "1", "name": "A", "username": "a", "subscription_type": "Premium"}}
    sandbox.fault("status", {"code": 200, "body": users_me}, path="^/2/users/me$")
    assert api.publish(connection, "a" * 400).status_code == 202

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "no subscription" in job.error_message
    assert not sandbox.calls("/2/tweets", "POST")


@pytest.mark.behaviour("What an account of X is, is read once a day, with the refresh of its token")
def test_subscription_is_read_again_when_the_token_is_refreshed(api, make_connection, sandbox):
    connection = make_connection("twitter", subscription_type="Premium")
    subscribe(connection, "None")
    connection.profile |= {"read_on": "2026-01-01"}
    connection.save()

    for _ in range(2):
        assert api.post(f"connections/{connection.pk}/refresh").status_code == 200

    connection.refresh_from_db()
    assert connection.profile["subscription_type"] == "Premium"
    reads = sandbox.calls("/2/users/me")
    assert len(reads) == 1 + 1  # at the connect, and with the first refresh


def test_refreshed_tokens_are_kept_when_the_account_cannot_be_read(api, connection, sandbox):
    connection.profile |= {"read_on": "2026-01-01"}
    connection.save()
    sandbox.fault("status", 500, path="^/2/users/me$")

    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200

    version = connection.token_version
    connection.refresh_from_db()
    assert connection.token_version == version + 1


@pytest.mark.behaviour(
    "X names no end of a refresh token, but one that is not used ends after about 180 days: a "
    "connection that nobody uses is renewed before"
)
def test_refresh_token_has_an_end_by_default(api, sandbox):
    started = api.get("connections/connect/twitter?redirect=false").json()
    code = api.get(consent(started["authorization_url"])).json()["completion_code"]
    confirmed = {"attempt_id": started["attempt_id"], "completion_code": code}
    assert api.post("connections/confirm", confirmed).status_code == 200

    left = SocialConnection.objects.get().refresh_expires_at - timezone.now()
    assert dt.timedelta(days=179) < left <= dt.timedelta(days=180)


@pytest.mark.behaviour("X closed its communities on 2026-05-06: their options are unknown")
@pytest.mark.parametrize("option", [{"community_id": "1"}, {"share_with_followers": True}])
def test_options_of_communities_are_gone(api, connection, option):
    response = api.publish(connection, "Hello", platform_specific_options=option)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
