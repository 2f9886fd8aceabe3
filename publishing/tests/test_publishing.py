"""Posts go out once, on time, and their story is told: from the API in to the sandbox out."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import re
import time
from typing import Any

import pytest
import requests
from django.utils import timezone

from conftest import SteppedWorker, consent, plain_post, statuses
from connections.connecting import store_credentials
from connections.credentials import identify
from connections.models import Destination, SocialConnection
from publishing.models import JobEvent, PublishJob, Status
from socialpublishing.oauth import Tokens
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.progress import Stage

# By platform: the call that makes a post, which must not be made twice, and one that uploads.
CREATES = {
    "twitter": ("POST", "^/2/tweets$"),
    "facebook": ("POST", "/feed$"),
    "instagram": ("POST", "/media_publish$"),
    "linkedin": ("POST", "^/rest/posts$"),
    "pinterest": ("POST", "^/v5/pins$"),
    "tiktok": ("PUT", "^/upload/video/"),
}
UPLOADS = {
    "twitter": ("POST", "/2/media/upload$"),
    "facebook": ("POST", "/photos$"),
    "instagram": ("POST", "/media$"),
    "linkedin": ("PUT", "^/dms-uploads/"),
    "pinterest": ("POST", "^/media-upload$"),
    "tiktok": ("POST", "/video/init/$"),
}
# Where pictures are not uploaded by themselves.
UPLOADS_VIDEOS_ONLY = {"pinterest", "tiktok"}
# Whose answer to that call does not name the post: it is asked for later.
NAMELESS: set[str] = {"tiktok"}


def fault_at(
    sandbox: Any, place: dict[str, tuple[str, str]], platform: str, *what: Any, times: int = 1
) -> None:
    method, path = place[platform]
    sandbox.fault(*what, platform=platform, method=method, path=path, times=times)


def calls_of(sandbox: Any, place: dict[str, tuple[str, str]], platform: str) -> int:
    method, path = place[platform]
    made = sandbox.call("GET", f"calls?platform={platform}")
    return sum(call["method"] == method and bool(re.search(path, call["path"])) for call in made)


def uploaded(sandbox: Any, platform: str) -> dict[str, str]:
    """An asset that has to be uploaded before its post is made."""
    asset: dict[str, str] = sandbox.clip() if platform in UPLOADS_VIDEOS_ONLY else sandbox.picture()
    return asset


@pytest.fixture(autouse=True)
def instant(sandbox: Any) -> None:
    """The lane's time runs ahead, the sandbox's does not: nothing is processed there."""
    switches = sandbox.call("GET", "settings")
    instant = {name: 0 for name in switches if name.endswith("processing_seconds")}
    sandbox.call("POST", "settings", **instant)


@pytest.fixture
def connection(make_connection: Any, platform: str) -> SocialConnection:
    made: SocialConnection = make_connection(platform)
    return made


def test_every_platform_of_the_register_is_tested_here():
    assert set(CREATES) == set(UPLOADS) == set(PLATFORMS)


def test_text_goes_out_once_and_its_story_is_told(api, connection, sandbox, worker, platform):
    job_id = api.publish(connection, "Good morning").json()["job_id"]

    worker.work()

    [post] = sandbox.posts(platform)
    assert post["text"] == "Good morning"
    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert state["status"] == "Published"
    assert state["post_url"] == post["url"]
    assert requests.get(state["post_url"], timeout=5).status_code == 200
    states = [event["to_status"] for event in api.get(f"publishing/jobs/{job_id}/events").json()]
    # However many steps there are in the middle.
    assert [state for state, _ in itertools.groupby(states)] == [
        "Pending",
        "Processing",
        "Published",
    ]


@pytest.mark.parametrize("platform", ["twitter", "facebook"])
def test_pictures_arrive_byte_by_byte_in_order_with_their_alt_texts(
    api, connection, sandbox, worker, platform
):
    pictures = [{**sandbox.picture(), "alt_text": f"Picture {n}"} for n in range(3)]
    response = api.publish(connection, "Three", assets=pictures)
    assert response.status_code == 202, response.json()

    worker.work()

    [post] = sandbox.posts(platform)
    sent = requests.get(pictures[0]["url"], timeout=5).content
    assert [media["sha256"] for media in post["media"]] == [hashlib.sha256(sent).hexdigest()] * 3
    assert [media["alt_text"] for media in post["media"]] == ["Picture 0", "Picture 1", "Picture 2"]


def test_scheduled_post_waits_for_its_time(api, connection, sandbox, worker, platform):
    at = timezone.now() + dt.timedelta(minutes=5)
    response = api.post(
        "publishing/schedule",
        {**plain_post(connection, "Later"), "schedule_time": at.isoformat()},
    )
    assert (response.status_code, response.json()["status"]) == (202, "Scheduled")

    worker.work(after=299)
    assert sandbox.posts(platform) == []

    worker.work(after=301)
    assert len(sandbox.posts(platform)) == 1


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_lost_answers_never_double_a_post(make_connection, api, sandbox, worker, platform, action):
    for number in range(20):
        api.publish(make_connection(platform), f"Number {number}")
    fault_at(sandbox, CREATES, platform, action, times=20)

    worker.work()
    assert set(statuses()) <= {"Published", "Unconfirmed"}
    worker.work_ahead()

    assert statuses() == {"Published": 20}
    texts = sorted(post["text"] for post in sandbox.posts(platform))
    assert texts == sorted(f"Number {number}" for number in range(20))


@pytest.mark.parametrize(("action", "value"), [("drop_before", None), ("status", 500)])
def test_post_that_was_never_made_is_made_after_looking(
    api, connection, sandbox, worker, platform, action, value
):
    api.publish(connection, "Once")
    fault_at(sandbox, CREATES, platform, action, value)

    worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == (Status.UNCONFIRMED, "outcome_unknown")

    # Not a moment before the platform had the time to show it.
    worker.work_ahead(seconds=80)
    assert sandbox.posts(platform) == []

    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_post_that_shows_late_is_not_repeated(api, connection, sandbox, worker, platform):
    api.publish(connection, "Slow to show")
    sandbox.call("POST", "settings", list_delay_seconds=80)
    fault_at(sandbox, CREATES, platform, "drop_after")
    worker.work()
    worker.work_ahead(seconds=80)
    # One platform says that it has the post before it shows it.
    assert statuses() in ({"Unconfirmed": 1}, {"Processing": 1})

    sandbox.call("POST", "clock", advance_seconds=81)
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_same_text_waits_until_its_twin_is_found(api, connection, sandbox, worker, platform):
    fault_at(sandbox, CREATES, platform, "drop_after")
    first = api.publish(connection, "Twice on purpose").json()["job_id"]
    worker.work()
    second = api.publish(connection, "Twice on purpose").json()["job_id"]
    other = api.publish(connection, "Something else").json()["job_id"]

    worker.work()

    state = {str(job.pk): job.status for job in PublishJob.objects.all()}
    assert state == {first: "Unconfirmed", second: "Pending", other: "Published"}


def test_rate_limit_is_waited_for_and_uses_up_no_try(api, connection, sandbox, worker, platform):
    limit = {"code": 429, "headers": {"Retry-After": "5"}}
    fault_at(sandbox, CREATES, platform, "status", limit)
    api.publish(connection, "Patience")
    worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code, job.attempts) == ("Pending", "rate_limited", 0)

    # Neither this post nor another of the account.
    api.publish(connection, "Patience too")
    worker.work(after=4)
    assert calls_of(sandbox, CREATES, platform) == 1

    worker.work(after=7)
    assert statuses() == {"Published": 2}
    assert len(sandbox.posts(platform)) == 2


def test_expired_token_is_refreshed_once_and_the_post_goes_out(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    api.publish(connection, "Fresh again")

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/oauth2/token")) == 1
    connection.refresh_from_db()
    assert connection.token_version == 2


@pytest.mark.parametrize(
    ("platform", "path"), [("linkedin", "^/rest/posts$"), ("twitter", "^/2/tweets$")]
)
def test_fresh_token_that_is_not_known_everywhere_yet_is_shown_again(
    api, make_connection, sandbox, worker, platform, path
):
    connection = make_connection(platform)
    sandbox.fault("status", 401, method="POST", path=path, times=4)
    api.publish(connection, "Once")

    worker.work_ahead(30)

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("oauth2/token" if platform == "twitter" else "accessToken")) == 1
    connection.refresh_from_db()
    assert connection.status == "active"


def test_token_of_a_fresh_grant_that_none_can_renew_is_shown_again(
    api, make_connection, sandbox, worker
):
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connection = make_connection("linkedin")
    sandbox.fault("status", 401, method="POST", path="^/rest/posts$", times=2)
    api.publish(connection, "Once")

    worker.work_ahead(30)

    assert statuses() == {"Published": 1}


def test_call_refused_for_its_token_is_repeated_once_the_owner_connects_again(
    api, make_connection, sandbox, worker
):
    """It made nothing for certain, so nobody has to look for it."""
    connection = make_connection("linkedin")
    sandbox.fault("status", 401, method="POST", path="^/rest/posts$", times=7)
    api.publish(connection, "Once")
    worker.work_ahead(60)
    assert statuses() == {"Pending": 1}
    connection.refresh_from_db()
    assert connection.status == "needs_reauth"

    credentials = identify(connection.platform_type, tokens_of(connection), timezone.now())
    store_credentials(user_id=connection.user_id, platform="linkedin", credentials=credentials)
    worker.work_ahead(60)

    assert statuses() == {"Published": 1}


def tokens_of(connection) -> Tokens:
    return Tokens(
        access_token=connection.access_token,
        refresh_token=connection.refresh_token,
        lifetime=dt.timedelta(days=30),
        scopes=tuple(connection.scopes),
    )


def test_refused_refresh_ends_nothing_while_the_token_serves(
    api, make_connection, sandbox, worker, platform
):
    """Some platforms refuse a wrong secret of ours in the words for a dead grant."""
    connection = make_connection(platform)
    soon = timezone.now() + dt.timedelta(minutes=3)
    type(connection).objects.update(expires_at=soon)
    if connection.refresh_token is not None:
        sandbox.fault("status", 401, method="POST", path="/(token|accessToken)/?$", times=9)
    else:
        refusal = {"error": {"code": 190, "message": "x"}}
        sandbox.fault("status", {"code": 400, "body": refusal}, path="access_token", times=9)
    api.publish(connection, "Still good")

    worker.work_ahead(60)

    assert statuses() == {"Published": 1}
    connection.refresh_from_db()
    assert (connection.status, connection.token_version) == ("active", 1)
    assert "Refreshing failed" in " ".join(event.note for event in JobEvent.objects.all())


def test_page_token_that_fails_is_read_anew(api, make_connection, sandbox, worker):
    connection = make_connection("facebook")
    gone = {"code": 401, "body": {"error": {"code": 190, "error_subcode": 467, "message": "x"}}}
    sandbox.fault("status", gone, platform="facebook", method="POST", path="/feed$")
    api.publish(connection, "With a new token")

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/me/accounts")) == 2  # at connecting, and now


def test_refused_refresh_is_told_by_job_and_connection_until_the_owner_connects_again(
    api, connection, sandbox, worker, platform
):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)
    job_id = api.publish(connection, "Waits for its owner").json()["job_id"]
    worker.work()

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Pending", "needs_reauth")
    [data] = api.get("connections/").json()
    assert data["status"] == "needs_reauth"
    refused = api.publish(connection, "Another")
    assert (refused.status_code, refused.json()["code"]) == (403, "needs_reauth")
    assert sandbox.posts(platform) == []


def test_job_goes_on_when_its_owner_connects_again(api, sandbox, worker, platform):
    def connect() -> str:
        started = api.get(f"connections/connect/{platform}")
        return api.get(consent(started.headers["Location"])).json()["external_user_id"]

    sandbox.call("POST", "tokens/expire", account_id=connect(), refresh=True)
    api.publish(SocialConnection.objects.get(), "Back again")
    worker.work()
    assert PublishJob.objects.get().error_code == "needs_reauth"

    connect()
    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_waiting_for_the_owner_ends_with_the_grace(api, connection, sandbox, worker):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id, refresh=True)
    api.publish(connection, "In vain", late_grace_seconds=120)
    worker.work()

    worker.work_ahead(seconds=300)

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "needs_reauth")


def test_platform_refusing_the_content_ends_the_job_with_its_words(
    api, make_connection, sandbox, worker
):
    problem = {
        "title": "Forbidden",
        "detail": "This post has an invalid URL.",
        "type": "about:blank",
        "status": 403,
    }
    sandbox.fault("status", {"code": 403, "body": problem}, method="POST", path="^/2/tweets$")
    job_id = api.publish(make_connection("twitter"), "Refused").json()["job_id"]

    worker.work()
    worker.work_ahead()

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("ContentRejected", "content_rejected")
    assert "invalid URL" in state["error_message"]
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


def test_spent_credits_are_the_operators_and_are_not_retried(api, make_connection, sandbox, worker):
    sandbox.fault("status", 402, method="POST", path="^/2/tweets$")
    api.publish(make_connection("twitter"), "No credits")

    worker.work()
    worker.work_ahead()

    assert PublishJob.objects.get().error_code == "platform_configuration"
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


def test_failing_upload_is_retried_within_its_tries(api, connection, sandbox, worker, platform):
    fault_at(sandbox, UPLOADS, platform, "status", 503, times=2)
    api.publish(connection, "Third time", assets=[uploaded(sandbox, platform)])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert PublishJob.objects.get().attempts == 2
    assert len(sandbox.posts(platform)) == 1


def test_tries_come_to_an_end(api, connection, sandbox, worker, platform, settings):
    fault_at(sandbox, UPLOADS, platform, "status", 503, times=99)
    api.publish(connection, "Never", assets=[uploaded(sandbox, platform)])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "no_answer")
    assert calls_of(sandbox, UPLOADS, platform) == settings.MAX_API_RETRIES + 1


def test_post_that_is_much_too_late_stays_unpublished(api, connection, sandbox, worker, platform):
    api.publish(connection, "Yesterday's news")

    worker.work(after=3700)

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "too_late")
    assert sandbox.posts(platform) == []


def test_grace_can_be_chosen_per_job(api, connection, sandbox, worker, platform):
    api.publish(connection, "Whenever", late_grace_seconds=7200)

    worker.work(after=3700)

    assert len(sandbox.posts(platform)) == 1


def test_disconnecting_cancels_what_waits_and_says_how_many(
    api, connection, sandbox, worker, platform
):
    for number in range(2):
        api.publish(connection, f"Never {number}")

    response = api.delete(f"connections/{connection.pk}")

    assert response.status_code == 200
    assert response.json()["status"] == "disconnected"
    assert "2" in response.json()["message"]
    worker.work()
    assert {job.error_code for job in PublishJob.objects.all()} == {"connection_removed"}
    assert statuses() == {"Cancelled": 2}
    assert sandbox.posts(platform) == []


def test_one_accounts_thousands_do_not_stand_before_anothers_one(
    api, make_connection, sandbox, worker
):
    busy, other = make_connection(), make_connection()
    now = timezone.now()
    for number in range(50):
        api.publish(busy, f"Of many {number}")
    lonely = api.publish(other, "The only one").json()["job_id"]

    worker.finish(now + dt.timedelta(seconds=1))

    assert PublishJob.objects.get(pk=lonely).status == "Published"


def test_one_users_many_accounts_do_not_stand_before_another_users_one(
    make_api, make_connection, sandbox, worker
):
    alice, bob = make_api("alice"), make_api("bob")
    for connection in [make_connection(user="alice") for _ in range(20)]:
        for number in range(3):
            alice.publish(connection, f"Of many {number}")
    bob.publish(make_connection(user="bob"), "The only one")

    worker.work()

    texts = [post["text"] for post in sandbox.posts()]
    assert len(texts) == 61
    assert texts.index("The only one") < worker.threads


# --- What a worker that was killed leaves behind ------------


@pytest.fixture
def job_with_intent(api, connection, sandbox) -> PublishJob:
    """A job, prepared, whose worker died between its mark and its outcome."""
    api.publish(connection, "Was it sent?")
    now = timezone.now()
    job = PublishJob.objects.get()
    client = job.connection.platform_type(job.target.account)
    progress = job.stored_progress.platform
    while progress.stage == Stage.PREPARING and client.needs_preparation(job.post):
        progress = client.prepare(job.post, progress)
        time.sleep(progress.poll_after.total_seconds() if progress.poll_after else 0)
    PublishJob.objects.filter(pk=job.pk).update(
        status=Status.PROCESSING,
        lease_owner="dead-lane:1",
        fencing_token=1,
        claims=1,
        publish_calls=1,
        publish_started_at=now,
        in_doubt_since=now,
        next_attempt_at=now + dt.timedelta(seconds=30),
        progress={"stage": progress.stage, "handle": progress.handle},
    )
    job.refresh_from_db()
    return job


def test_nobody_touches_a_job_while_its_lease_lasts(job_with_intent, sandbox, worker, platform):
    worker.work(after=29)

    assert sandbox.posts(platform) == []
    assert PublishJob.objects.get().lease_owner == "dead-lane:1"


def test_killed_before_sending_is_published_after_looking(
    job_with_intent, sandbox, worker, platform
):
    worker.work(after=31)
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_killed_after_sending_is_found(job_with_intent, api, sandbox, worker, platform, connection):
    # The same post, made by the platform for the call whose answer nobody read.
    client = PLATFORMS[platform](job_with_intent.target.account)
    client.publish(job_with_intent.post, job_with_intent.stored_progress.platform)

    worker.work(after=31)
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    [post] = sandbox.posts(platform)
    assert PublishJob.objects.get().remote_id == post["id"]


def test_late_answer_of_a_worker_that_lost_its_job_is_kept(api, connection, sandbox, platform):
    api.publish(connection, "Slow answer")
    slow, quick = SteppedWorker("slow", threads=2), SteppedWorker("quick", threads=2)
    now = timezone.now()
    fault_at(sandbox, CREATES, platform, "delay", 1.0)
    sandbox.call("POST", "settings", list_delay_seconds=3600)
    slow.turn(now)  # sends it
    quick.work(after=31)  # meanwhile its lease is over; looking shows nothing yet

    slow.finish(timezone.now())
    quick.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


def test_job_that_keeps_killing_its_workers_is_taken_out(
    api, connection, worker, sandbox, platform
):
    api.publish(connection, "Poison")
    PublishJob.objects.update(claims=5)

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "poison")
    assert sandbox.posts(platform) == []


# --- What must not hold up the others -----------------------------------------------------------


def test_token_that_no_key_opens_makes_its_own_job_wait_and_no_other(
    api, make_connection, sandbox, worker, platform
):
    broken, sound = make_connection(platform), make_connection(platform)
    api.publish(broken, "Sealed away")
    api.publish(sound, "Goes out")
    foreign = {"access_token": f"v1.00000000.{'A' * 16}.{'A' * 32}"}
    SocialConnection.objects.filter(pk=broken.pk).update(**foreign)
    Destination.objects.filter(connection=broken).update(**foreign)

    worker.work()

    states = dict(PublishJob.objects.values_list("text", "status"))
    assert states == {"Sealed away": "Pending", "Goes out": "Published"}
    assert PublishJob.objects.get(text="Sealed away").error_code == "token_unreadable"
    # Ours to mend; its owner need not connect again.
    assert SocialConnection.objects.filter(pk=broken.pk, status="active").exists()


def test_page_whose_right_is_gone_is_not_posted_to(api, make_connection, sandbox, worker):
    connection = make_connection("facebook")
    api.publish(connection, "No longer allowed")
    connection.destinations.update(can_publish=False, access_token=None)

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "permission_missing")
    assert sandbox.posts() == []


@pytest.mark.parametrize("response", [{}, {"data": {}}, {"data": {"id": 5}, "id": 5}, [], "x"])
def test_answer_that_names_no_post_is_looked_up(
    api, connection, sandbox, worker, platform, response
):
    if platform in NAMELESS:
        pytest.skip("names its posts later")
    data = {"code": 201, "body": response}
    fault_at(sandbox, CREATES, platform, "status", data)
    api.publish(connection, "Strange answer")
    worker.work()
    assert statuses() == {"Unconfirmed": 1}

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(platform)) == 1


@pytest.mark.parametrize("address", [f"https://x.example/{'a' * 600}", "javascript:alert(1)", 7])
def test_address_that_is_none_is_not_handed_on(api, make_connection, sandbox, worker, address):
    data = {"code": 200, "body": {"id": "1_2", "permalink_url": address}}
    sandbox.fault("status", data, platform="facebook", method="POST", path="/feed$")
    job_id = api.publish(make_connection("facebook"), "Odd address").json()["job_id"]

    worker.work()

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["post_url"]) == ("Published", None)
