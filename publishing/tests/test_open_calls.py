"""What becomes of a job while nobody knows what its publishing call made."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone

from conftest import SteppedWorker, statuses
from connections.models import SocialConnection
from publishing.models import JobEvent, PublishJob
from publishing.tests.platforms.test_tiktok import SAID, failed
from socialpublishing.platforms import PLATFORMS

CHUNKS = {"method": "PUT", "path": "/upload/video/"}
TWEETS = {"method": "POST", "path": "^/2/tweets$"}
POSTS = {"method": "POST", "path": "^/rest/posts$"}
WAIT = {"code": 429, "headers": {"Retry-After": "60"}}
AT_WORK = {
    "code": 200,
    "body": {
        "data": {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10**9},
        "error": {"code": "ok"},
    },
}


def job():
    return PublishJob.objects.get()


@pytest.fixture(autouse=True)
def instant(sandbox):
    sandbox.call(
        "POST",
        "settings",
        processing_seconds=0,
        tiktok_review_processing_seconds=0,
        linkedin_processing_seconds=0,
    )


@pytest.fixture
def tiktok(make_connection):
    return make_connection("tiktok")


def film(api, connection, sandbox, text="Look"):
    response = api.publish(
        connection, text, assets=[sandbox.clip()], platform_specific_options=SAID
    )
    assert response.status_code == 202, response.content
    return response.json()["job_id"]


def change(api, job_id, **fields):
    path = f"/api/v1/publishing/jobs/{job_id}"
    return api.client.patch(path, fields, content_type="application/json")


def by_earlier(names, **ago):
    """Let the times of all jobs lie so far back."""
    back = dt.timedelta(**ago)
    PublishJob.objects.update(**{name: F(name) - back for name in names})


MARKS = ("publish_started_at", "in_doubt_since", "created_at")


def in_doubt_then_limited(api, sandbox, worker, connection):
    sandbox.fault("drop_before", **CHUNKS)
    sandbox.fault("status", {"code": 429, "headers": {"Retry-After": "600"}}, **CHUNKS)
    job_id = film(api, connection, sandbox)
    worker.work_ahead(150)
    assert (job().status, job().error_code) == ("Pending", "rate_limited")
    assert job().publish_started_at is None
    return job_id


def expired_upload_on_the_repeat(sandbox):
    sandbox.fault("drop_after", **POSTS)
    body = {"status": 400, "code": "EXPIRED_UPLOAD_URL", "message": "expired"}
    sandbox.fault("status", {"code": 400, "body": body}, **POSTS)


def test_post_known_absent_waits_where_publishing_is_switched_off(
    api, tiktok, sandbox, worker, settings
):
    job_id = in_doubt_then_limited(api, sandbox, worker, tiktok)
    at = (timezone.now() + dt.timedelta(seconds=900)).isoformat()
    assert change(api, job_id, schedule_time=at).status_code == 200
    settings.ENABLE_TIKTOK_PUBLISHING = "off"

    worker.work_ahead(1000)

    assert (job().status, job().error_code) == ("Pending", "publishing_off")


def test_post_known_absent_goes_with_its_connection(api, tiktok, sandbox, worker, settings):
    job_id = in_doubt_then_limited(api, sandbox, worker, tiktok)
    settings.ENABLE_TIKTOK_PUBLISHING = "off"
    worker.work_ahead(1000)
    assert api.post(f"publishing/jobs/{job_id}/cancel").status_code == 200
    gone = api.delete(f"connections/{tiktok.pk}")
    assert gone.status_code < 300
    assert job().status == "Cancelled"


def test_refusal_after_waiting_for_a_refresh_ends_the_job_and_no_lane(api, tiktok, sandbox, worker):
    sandbox.fault("status", AT_WORK, path="/status/fetch/")
    film(api, tiktok, sandbox)
    now = timezone.now()
    worker.finish(now)
    worker.finish(now)
    assert job().progress["stage"] == "confirming", job().progress
    SocialConnection.objects.update(expires_at=now + dt.timedelta(seconds=30))
    sandbox.fault("status", 503, path="/oauth/token/")
    sandbox.fault("status", failed("frame_rate_check_failed"), path="/status/fetch/")
    worker.work_ahead(600)

    assert statuses() == {"ContentRejected": 1}


def test_two_posts_of_one_text_that_are_known_absent_do_not_wait_for_each_other(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.fault("drop_before", times=4, **TWEETS)
    a = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(3000)
    assert PublishJob.objects.get(pk=a).status == "Failed"
    by_earlier(MARKS, seconds=3000)
    sandbox.fault("drop_before", **TWEETS)
    sandbox.fault("status", WAIT, **TWEETS)
    b = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(120)
    assert PublishJob.objects.get(pk=b).error_code == "rate_limited"
    back = dt.timedelta(seconds=100)
    PublishJob.objects.filter(pk=b).update(in_doubt_since=F("in_doubt_since") - back)
    assert api.post(f"publishing/jobs/{a}/retry").status_code == 200
    worker.work_ahead(7200)
    assert len(sandbox.posts()) >= 1


def test_post_known_absent_holds_up_nothing_of_its_text_when_rescheduled(
    api, make_connection, sandbox, worker
):
    connection = make_connection("twitter")
    sandbox.fault("drop_before", **TWEETS)
    sandbox.fault("status", WAIT, **TWEETS)
    a = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(120)
    at = (timezone.now() + dt.timedelta(days=30)).isoformat()
    assert change(api, a, schedule_time=at).status_code == 200
    SocialConnection.objects.update(limited_until=None)
    b = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(4000)
    data = PublishJob.objects.get(pk=b)
    assert data.status == "Published"


def test_film_that_is_worked_on_holds_up_no_other_without_words(api, tiktok, sandbox, worker):
    sandbox.fault("status", AT_WORK, path="/status/fetch/", times=300)
    film(api, tiktok, sandbox, text="")
    worker.work()
    b = film(api, tiktok, sandbox, text="")
    worker.work_ahead(4000)
    stand = {str(j.pk): (j.status, j.error_code) for j in PublishJob.objects.all()}
    assert stand[b][0] != "Failed"


def test_mark_of_the_release_before_counts(api, make_connection, sandbox, worker):
    """Old code, which still runs while the new schema is there, sets publish_started_at alone."""
    connection = make_connection("linkedin")
    sandbox.fault("drop_after", **POSTS)
    api.publish(connection, "Once")
    worker.work()
    PublishJob.objects.update(
        in_doubt_since=None, publish_started_at=timezone.now() - dt.timedelta(hours=1)
    )
    sandbox.call("POST", "clock", advance_seconds=3600)
    worker.work_ahead(600)
    assert len(sandbox.posts()) == 1


def test_job_that_failed_long_ago_can_be_tried_again(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("drop_before", times=4, **TWEETS)
    a = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(3000)
    assert job().status == "Failed"
    by_earlier(MARKS, hours=30)
    for _ in range(3):
        api.post(f"publishing/jobs/{a}/retry")
        worker.work_ahead(3000)
    assert job().status == "Published"


def test_changed_content_has_no_open_call(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    api.publish(connection, "Two")
    worker.work_ahead()
    PublishJob.objects.all().delete()  # made by hand
    sandbox.fault("drop_before", **TWEETS)
    sandbox.fault("status", WAIT, **TWEETS)
    a = api.publish(connection, "One").json()["job_id"]
    worker.work_ahead(120)
    assert change(api, a, text_content="Two").status_code == 200
    sandbox.call("POST", "clock", advance_seconds=300)
    worker.work_ahead(7200)
    assert job().error_code == "duplicate_content"


def test_found_twin_has_an_address(api, make_connection, sandbox, worker):
    connection = make_connection("linkedin")
    sandbox.fault("drop_after", **POSTS)
    api.publish(connection, "Once")
    worker.work_ahead()
    assert job().status == "Published"
    assert job().post_url


def test_platform_that_left_keeps_nobody_from_disconnecting(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("drop_before", **TWEETS)
    sandbox.fault("status", WAIT, **TWEETS)
    api.publish(connection, "Same")
    worker.work_ahead(120)
    PublishJob.objects.update(platform="gone")
    SocialConnection.objects.update(platform="gone")
    response = api.delete(f"connections/{connection.pk}")
    assert response.status_code < 300


def test_users_refresh_does_not_end_what_serves(api, make_connection, sandbox, worker):
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connection = make_connection("linkedin")
    assert connection.refresh_token is None
    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200
    connection.refresh_from_db()
    assert connection.status == "active"


@pytest.mark.parametrize("name", ["tiktok", "twitter", "linkedin"])
def test_unusable_refresh_answer_ends_nothing(api, make_connection, sandbox, worker, name):
    connection = make_connection(name)
    SocialConnection.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=3))
    sandbox.fault(
        "status",
        {"code": 200, "body": {"message": "hm"}},
        method="POST",
        path="(token|accessToken)/?$",
        times=3,
    )
    if name == "tiktok":
        film(api, connection, sandbox)
    else:
        api.publish(connection, "Still good")
    worker.work_ahead(300)
    assert job().status == "Published"


def test_token_host_out_of_reach_while_token_serves(
    api, make_connection, sandbox, worker, monkeypatch
):
    connection = make_connection("linkedin")
    now = timezone.now()
    SocialConnection.objects.update(
        expires_at=now + dt.timedelta(days=5), last_refreshed_at=now - dt.timedelta(days=55)
    )
    app = PLATFORMS["linkedin"].app
    was = app.host
    # Port 9 of this machine answers nobody.
    monkeypatch.setattr(
        app, "host", lambda role: "http://127.0.0.1:9" if role == "auth" else was(role)
    )
    api.publish(connection, "Still good")
    worker.work_ahead(5000)
    assert job().status == "Published"


def test_a_later_401_is_refreshed_again(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("status", 401, **TWEETS)
    sandbox.fault("status", {"code": 429, "headers": {"Retry-After": "1800"}}, **TWEETS)
    sandbox.fault("status", 401, **TWEETS)
    api.publish(connection, "Once")
    worker.work_ahead(3500)
    connection.refresh_from_db()
    assert connection.status == "active"


def test_events_while_a_refresh_is_elsewhere(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    now = timezone.now()
    SocialConnection.objects.update(expires_at=now, refreshing_until=now + dt.timedelta(seconds=89))
    api.publish(connection, "Once")
    worker.work_ahead(200)
    assert JobEvent.objects.count() < 20


def test_twin_of_a_job_given_up_is_not_taken_for_anothers(api, make_connection, sandbox, worker):
    connection = make_connection("linkedin")
    sandbox.fault("drop_after", **POSTS)
    sandbox.fault("status", 422, **POSTS)
    first = api.publish(connection, "Same").json()["job_id"]
    worker.work_ahead(200)
    given_up = PublishJob.objects.get(pk=first)
    assert (given_up.status, given_up.next_attempt_at) == ("Unconfirmed", None)
    sandbox.fault("drop_before", **POSTS)
    second = api.publish(connection, "Same").json()["job_id"]

    worker.work_ahead(400)

    assert PublishJob.objects.get(pk=second).status == "Unconfirmed"
    [post] = sandbox.posts()
    found = {"outcome": "published", "remote_id": post["id"]}
    assert api.post(f"publishing/jobs/{first}/resolve", found).json()["status"] == "Published"


def test_wait_for_refresh_keeps_the_reason(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("drop_after", **TWEETS)
    sandbox.fault("status", 503, method="GET", path="/tweets$", times=200)
    api.publish(connection, "One")
    worker.work()
    now = timezone.now()
    SocialConnection.objects.update(expires_at=now, refreshing_until=now + dt.timedelta(seconds=89))
    worker.finish(now + dt.timedelta(seconds=10))
    assert job().error_code == "outcome_unknown"


def test_long_words_fit(api, make_connection, sandbox, worker):
    """PostgreSQL refuses what is longer than 500."""
    connection = make_connection("linkedin")
    sandbox.fault("drop_after", **POSTS)
    words = " ".join(["word"] * 200)
    sandbox.fault(
        "status", {"code": 422, "body": {"status": 422, "code": "X", "message": words}}, **POSTS
    )
    api.publish(connection, "Same")
    worker.work_ahead(200)
    assert len(job().error_message) <= 500


def test_open_call_outlives_a_lost_upload(api, make_connection, sandbox, worker):
    connection = make_connection("linkedin")
    expired_upload_on_the_repeat(sandbox)
    sandbox.fault("delay", 0, method="GET", path="^/rest/images/")
    busy = {"code": 200, "body": {"status": "PROCESSING"}}
    sandbox.fault("status", busy, method="GET", path="^/rest/images/", times=400)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(700, sandbox=sandbox)
    sandbox.call("DELETE", "faults")
    PublishJob.objects.update(next_attempt_at=timezone.now() + dt.timedelta(seconds=701))
    sandbox.call("POST", "clock", advance_seconds=30)
    worker.finish(timezone.now() + dt.timedelta(seconds=702))
    assert len(sandbox.posts()) == 1


def test_lost_upload_is_not_made_anew_while_a_call_is_open(api, make_connection, sandbox, worker):
    connection = make_connection("linkedin")
    expired_upload_on_the_repeat(sandbox)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(600)
    assert len(sandbox.posts()) == 1


def test_mark_that_nobody_can_look_after_has_an_end(api, make_connection, sandbox, worker):
    connection = make_connection("twitter")
    sandbox.fault("drop_after", **TWEETS)
    api.publish(connection, "Same")
    worker.work()
    PublishJob.objects.update(platform="gone")
    SocialConnection.objects.update(platform="gone")
    for hours in range(0, 60, 12):
        PublishJob.objects.update(next_attempt_at=timezone.now() + dt.timedelta(hours=hours))
        worker.finish(timezone.now() + dt.timedelta(hours=hours))
    assert job().next_attempt_at is None
    found = {"outcome": "published"}
    response = api.post(f"publishing/jobs/{job().pk}/resolve", found)
    assert response.json()["status"] == "Published"


def test_late_answer_wakes_a_job_that_was_given_up(api, make_connection, sandbox):
    connection = make_connection("linkedin")
    slow, quick = SteppedWorker("slow", threads=2), SteppedWorker("quick", threads=2)
    api.publish(connection, "Slow answer")
    sandbox.fault("delay_after", 1.0, **POSTS)
    now = timezone.now()
    slow.turn(now)
    quick.work(after=31)
    quick.work(after=700)
    slow.finish(timezone.now())
    quick.work_ahead(3 * 86400)
    assert job().status == "Published"
