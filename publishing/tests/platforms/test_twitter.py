"""X: threads that publish each post once, uploads in parts, options and limits.

Every request that our client sends here is checked against X's own OpenAPI description.
"""

from __future__ import annotations

import hashlib
import time

import pytest
import requests

from conftest import statuses
from publishing.models import PublishJob, Status
from socialpublishing.platforms import uploads
from socialpublishing.platforms.twitter import client, payloads
from socialpublishing.platforms.twitter.options import TwitterOptions
from socialpublishing.tests.recording import record_requests
from socialpublishing.tests.x_description import XDescription

THREAD = {"thread": ["Two", "Three"]}


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Checks every request and every complete response against the description."""
    with record_requests(f"{sandbox.url}/twitter/2/") as recorder:
        yield recorder
    assert recorder.calls
    recorder.check_against(XDescription())


@pytest.fixture
def connection(make_connection):
    return make_connection("twitter")


def texts(sandbox) -> list[str]:
    """The texts of all posts at X, oldest first."""
    return [post["text"] for post in sandbox.posts("twitter")]


def fail_post(sandbox, number, action, value=None):
    """Makes the publish request for the post with this number in the thread fail, from 0."""
    for _ in range(number):
        sandbox.fault("delay", 0, method="POST", path="^/2/tweets$")
    sandbox.fault(action, value, method="POST", path="^/2/tweets$")


def test_thread_is_a_chain_of_replies_and_its_job_has_the_id_of_the_first(
    api, connection, sandbox, worker
):
    api.publish(connection, "One", platform_specific_options=THREAD)

    worker.work()

    first, second, third = sandbox.posts("twitter")
    assert [first["text"], second["text"], third["text"]] == ["One", "Two", "Three"]
    assert second["details"]["reply"]["in_reply_to_tweet_id"] == first["id"]
    assert third["details"]["reply"]["in_reply_to_tweet_id"] == second["id"]
    assert PublishJob.objects.get().remote_id == first["id"]


@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_thread_is_completed_after_a_lost_response_to_any_of_its_posts(
    api, connection, sandbox, worker, action, lost
):
    fail_post(sandbox, lost, action)
    api.publish(connection, "One", platform_specific_options=THREAD)
    worker.work()
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert texts(sandbox) == ["One", "Two", "Three"]


def test_thread_that_is_refused_midway_reports_its_posts_and_resumes_on_retry(
    api, connection, sandbox, worker
):
    fail_post(sandbox, 1, "reject")
    job_id = api.publish(connection, "One", platform_specific_options=THREAD).json()["job_id"]
    worker.work()
    assert PublishJob.objects.get().status == Status.CONTENT_REJECTED
    notes = [event["note"] for event in api.get(f"publishing/jobs/{job_id}/events").json()]
    assert "Published 1 of 3." in notes

    assert api.post(f"publishing/jobs/{job_id}/retry").status_code == 200
    worker.work()
    assert texts(sandbox) == ["One", "Two", "Three"]


@pytest.fixture
def start_thread(api, connection, sandbox, worker):
    """Starts a thread: its first post is public, X refuses the second one for `seconds`."""

    def start(seconds=300):
        limit = {"code": 429, "headers": {"Retry-After": str(seconds)}}
        fail_post(sandbox, 1, "status", limit)
        job_id = api.publish(connection, "One", platform_specific_options=THREAD).json()["job_id"]
        worker.work()
        assert texts(sandbox) == ["One"]
        return job_id

    return start


def test_started_thread_can_neither_be_changed_nor_cancelled(api, start_thread, sandbox, worker):
    job_id = start_thread()
    data = api.get(f"publishing/jobs/{job_id}/status").json()
    assert data["post_url"].endswith(sandbox.posts()[0]["id"])
    change = {"text_content": "Another"}
    path = f"/api/v1/publishing/jobs/{job_id}"
    refused = api.client.patch(path, change, content_type="application/json")
    assert refused.json()["code"] == "already_submitting"
    assert api.post(f"publishing/jobs/{job_id}/cancel").json()["code"] == "already_submitting"

    worker.work_ahead()

    assert texts(sandbox) == ["One", "Two", "Three"]


def test_started_thread_is_completed_after_its_grace(start_thread, sandbox, worker):
    start_thread(seconds=7000)

    worker.work_ahead(9000)

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 3


def test_thread_continues_after_a_person_resolves_a_post_as_not_published(
    api, connection, sandbox, worker
):
    fail_post(sandbox, 1, "drop_before")
    sandbox.fault("status", 503, method="GET", path="/tweets$", times=200)
    job_id = api.publish(connection, "One", platform_specific_options=THREAD).json()["job_id"]
    worker.work_ahead(2 * 86400)
    assert statuses() == {"Unconfirmed": 1}
    sandbox.call("DELETE", "faults")

    data = api.post(f"publishing/jobs/{job_id}/resolve", {"outcome": "not_published"}).json()
    assert data["error_message"].startswith("1 of its posts is public already: http")
    api.post(f"publishing/jobs/{job_id}/retry")
    worker.work_ahead()

    assert texts(sandbox) == ["One", "Two", "Three"]


def test_thread_continues_after_a_person_resolves_a_post_as_published(
    api, connection, sandbox, worker
):
    fail_post(sandbox, 1, "drop_after")
    sandbox.fault("status", 503, method="GET", path="/tweets$", times=200)
    job_id = api.publish(connection, "One", platform_specific_options=THREAD).json()["job_id"]
    worker.work_ahead(2 * 86400)
    assert statuses() == {"Unconfirmed": 1}
    sandbox.call("DELETE", "faults")
    path, body = f"publishing/jobs/{job_id}/resolve", {"outcome": "published"}

    without_id = api.post(path, body)
    assert (without_id.status_code, without_id.json()["code"]) == (400, "remote_id_required")
    second = next(post["id"] for post in sandbox.posts() if post["text"] == "Two")
    assert api.post(path, {**body, "remote_id": second}).json()["status"] == "Pending"
    worker.work_ahead()

    assert texts(sandbox) == ["One", "Two", "Three"]
    assert PublishJob.objects.get().remote_id == sandbox.posts()[0]["id"]


def test_disconnecting_reports_which_posts_of_a_thread_stay(api, connection, start_thread):
    job_id = start_thread()
    api.delete(f"connections/{connection.pk}")
    data = api.get(f"publishing/jobs/{job_id}/status").json()
    assert data["status"] == "Cancelled"
    assert "1 of its posts is public" in data["error_message"]


def test_post_of_a_thread_is_not_taken_for_the_lost_post_of_another_job(
    api, connection, sandbox, worker
):
    api.publish(connection, "One", platform_specific_options=THREAD)
    worker.work_ahead()
    sandbox.fault("drop_before", method="POST", path="^/2/tweets$")

    api.publish(connection, "Two")
    worker.work_ahead(3600)

    # For X a reply and a post with the same text are no duplicates.
    assert texts(sandbox) == ["One", "Two", "Three", "Two"]
    assert statuses() == {"Published": 2}


def test_post_with_a_link_that_redirects_is_recognised(api, connection, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$")
    api.publish(connection, "Look https://bit.ly/x1 & https://EXAMPLE.com/a%20b/")

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


def test_lost_post_that_x_reports_as_a_duplicate_is_looked_up_not_repeated(
    api, connection, sandbox, worker
):
    """X refuses a repeat as a duplicate before its list shows the post."""
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$")
    empty = {"code": 200, "body": {"meta": {"result_count": 0}}}
    sandbox.fault("status", empty, method="GET", path="/tweets$", times=8)
    api.publish(connection, "Once")

    worker.work_ahead(7200)

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/2/tweets", "POST")) == 2


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 100 KB, with the progress stored after each: a short video has several parts."""
    monkeypatch.setattr(client, "SEGMENT", 100_000)
    monkeypatch.setattr(uploads, "UPLOAD_STEP_S", 0)


@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
def test_upload_resumes_at_the_part_that_failed(
    api, connection, sandbox, worker, small_parts, action
):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/append$")
    sandbox.fault(action, method="POST", path="/append$")
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work()
    # X processes the video in the sandbox's time.
    worker.work_ahead(sandbox=sandbox)

    [post] = sandbox.posts("twitter")
    sent = requests.get(sandbox.clip()["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    # Four parts; the one that failed was sent twice.
    assert len(sandbox.calls("/append", "POST")) == 5
    assert len(sandbox.calls("/initialize", "POST")) == 1


def test_video_that_x_cannot_process_rejects_the_post(api, connection, sandbox, worker):
    failed = {"id": "1", "processing_info": {"state": "failed"}}
    sandbox.fault("status", {"code": 200, "body": {"data": failed}}, path="/finalize$")
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "could not process" in job.error_message


def test_expired_upload_is_restarted(api, connection, sandbox, worker):
    gone = {"title": "Invalid Request", "detail": "One or more", "type": "about:blank"}
    gone["errors"] = [{"message": "Your media IDs are invalid.", "parameters": {}}]
    sandbox.fault("status", {"code": 400, "body": gone}, method="POST", path="^/2/tweets$")
    api.publish(connection, "A picture", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/2/media/upload", "POST")) == 2


OPTIONS = TwitterOptions.examples


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_option_is_sent_as_described(api, connection, sandbox, worker, option):
    assets = [sandbox.picture()] if option in {"tagged_user_ids", "made_with_ai"} else []
    options = {option: OPTIONS[option]}
    api.publish(connection, "With an option", assets=assets, platform_specific_options=options)
    worker.work()
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize(
    "names", [["harbour.jpg"], ["harbour.jpg", "city.png"], ["waves.gif"], ["clip.mp4"]]
)
def test_media_are_sent_as_described(api, connection, sandbox, worker, names):
    kinds = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "mp4": "video/mp4"}
    assets = [
        {
            "url": f"{sandbox.url}/samples/{name}",
            "asset_type": "video" if name.endswith("mp4") else "image",
            "mime_type": kinds[name.rpartition(".")[2]],
            "alt_text": "A description",
        }
        for name in names
    ]
    assert api.publish(connection, "With media", assets=assets).status_code == 202
    worker.work_ahead(sandbox=sandbox)
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("names", ["asked", "old", "new", "mixed"])
@pytest.mark.parametrize("use_new_names", [False, True])
def test_lost_post_is_found_whatever_field_names_x_uses(
    api, make_connection, sandbox, worker, monkeypatch, use_new_names, names
):
    # Long enough for a note, whose field is among the renamed ones.
    subscriber = make_connection("twitter", subscription_type="Premium")
    monkeypatch.setattr(payloads, "USE_NEW_NAMES", use_new_names)
    sandbox.call("POST", "settings", twitter_names=names)
    sandbox.fault("drop_after", method="POST", path="^/2/tweets$")
    api.publish(subscriber, "Long & <wide>: https://example.com/ " + "a" * 400)

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/2/tweets", "POST")) == 1


@pytest.mark.parametrize(
    ("options", "assets", "rule"),
    [
        ({"poll": {"options": ["A", "B"], "duration_minutes": 5}}, 0, None),
        ({"poll": {"options": ["A", "B"], "duration_minutes": 5}}, 1, "poll_alone"),
        ({"tagged_user_ids": ["1"]}, 1, None),
        ({"tagged_user_ids": ["1"]}, 0, "tags_need_media"),
        ({"thread": ["a" * 280]}, 0, None),
        ({"thread": ["a" * 281]}, 0, "text_length"),
        ({"thread": ["a\ufeffb"]}, 0, "text_characters"),
        ({"thread": ["a\uffff"]}, 0, "text_characters"),
        ({"first_comment": "\ufffea"}, 0, "text_characters"),
    ],
)
def test_options_that_do_not_fit_the_post_are_violations(
    api, connection, sandbox, options, assets, rule
):
    body = {
        "connection_id": str(connection.pk),
        "text_content": "Hi",
        "assets": [sandbox.picture()] * assets,
        "platform_specific_options": options,
    }

    response = api.post("publishing/validate", body).json()

    assert [violation["rule"] for violation in response["violations"]] == ([rule] if rule else [])
    assert response["is_valid"] == (rule is None)
    assert PublishJob.objects.count() == 0


@pytest.mark.parametrize(
    "poll",
    [
        {},
        {"options": ["A"], "duration_minutes": 5},
        {"options": ["A", "B", "C", "D", "E"], "duration_minutes": 5},
        {"options": ["A", "a" * 26], "duration_minutes": 5},
        {"options": ["A", "B"], "duration_minutes": 4},
        {"options": ["A", "B"], "duration_minutes": 10_081},
        {"options": ["A", "B"], "duration_minutes": "5"},
        {"options": ["A", "B"], "duration_minutes": 5, "more": 1},
    ],
)
def test_invalid_poll_is_refused_with_the_name_of_its_field(api, connection, poll):
    response = api.publish(connection, "Which?", platform_specific_options={"poll": poll})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    fields = {violation["field"] for violation in response.json()["violations"]}
    assert all(field.startswith("platform_specific_options.poll.") for field in fields)


def test_used_up_daily_limit_defers_the_post_to_its_end(api, connection, sandbox, worker):
    now = int(time.time())
    headers = {
        "x-rate-limit-remaining": "12",
        "x-rate-limit-reset": str(now + 300),
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": str(now + 3000),
    }
    limit = {"code": 429, "headers": headers}
    sandbox.fault("status", limit, method="POST", path="^/2/tweets$")
    api.publish(connection, "Later", late_grace_seconds=7200)

    worker.work()

    due = PublishJob.objects.get().next_attempt_at
    assert now + 3000 <= due.timestamp() <= now + 3002
