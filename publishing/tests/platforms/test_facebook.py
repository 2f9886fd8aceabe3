"""Facebook: videos that arrive in parts and are published once, and rules that cross."""

from __future__ import annotations

import hashlib

import pytest
import requests

from conftest import statuses
from publishing.models import PublishJob, Status
from socialpublishing.platforms import base, facebook
from socialpublishing.tests.meta_parameters import MetaParameters
from socialpublishing.tests.watching import watching


@pytest.fixture(autouse=True)
def watched(sandbox):
    """All calls of each test are held against Meta's own lists of parameters."""
    with watching(f"{sandbox.url}/facebook/") as watcher:
        yield
    watcher.hold_against(MetaParameters("facebook"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The lane's time runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0)
    return make_connection("facebook")


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 100 KB, each stored at once: a short film is as good as a long one."""
    monkeypatch.setattr(facebook, "CHUNK", 100_000)
    monkeypatch.setattr(base, "UPLOAD_STEP_S", 0)


def one_video(sandbox) -> None:
    [post] = sandbox.posts("facebook")
    sent = requests.get(sandbox.clip()["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize("lost", range(6))
def test_lost_answer_at_any_call_of_a_video(api, connection, sandbox, lane, small_parts, lost):
    # start, four parts, finish
    for _ in range(lost):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_before", method="POST", path="/videos$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    lane.work()
    lane.work_ahead()

    assert statuses() == {"Published": 1}
    one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 7


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_video_whose_publishing_answer_is_lost_is_found(api, connection, sandbox, lane, action):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault(action, method="POST", path="/videos$")
    api.publish(connection, "A film", assets=[sandbox.clip()])
    lane.work()
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    lane.work_ahead()

    assert statuses() == {"Published": 1}
    one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 3


def test_video_that_cannot_be_processed_is_refused_in_its_words(api, connection, sandbox, lane):
    errors = [{"code": 1363024, "message": "Not a format that we know."}]
    status = {"video_status": "error", "processing_phase": {"status": "error", "errors": errors}}
    told = {"id": "1", "status": status}
    sandbox.fault("delay", 0, method="GET", path="/v25.0/\\d+$")  # how much has arrived
    sandbox.fault("status", {"code": 200, "body": told}, method="GET", path="/v25.0/\\d+$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    lane.work()
    lane.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "Not a format" in job.error_message


@pytest.mark.parametrize(
    ("options", "asset", "rules"),
    [
        ({"link": "https://example.com/news"}, None, []),
        ({"link": "https://example.com/news"}, "picture", ["link_alone"]),
        ({"video_title": "Dawn"}, "clip", []),
        ({"link": "https://example.com/", "link_details": {"title": "News"}}, None, []),
        ({"link_details": {"title": "News"}}, None, ["link_details_need_link"]),
        ({"place": "1"}, None, []),
        ({"place": "1"}, "clip", ["place_without_video"]),
        ({"video_title": "Dawn"}, "picture", ["title_needs_video"]),
        ({"video_title": "Dawn"}, None, ["title_needs_video"]),
    ],
)
def test_rules_that_cross(api, connection, sandbox, options, asset, rules):
    body = {
        "connection_id": str(connection.pk),
        "text_content": "Hi",
        "assets": [getattr(sandbox, asset)()] if asset else [],
        "platform_specific_options": options,
    }

    answer = api.post("publishing/validate", body).json()

    assert [broken["rule"] for broken in answer["violations"]] == rules


# --- Reels and stories ---------------------------------------------------------------------------


def asset_of(sandbox, name):
    return sandbox.clip("reel.mp4") if name == "reel" else {**sandbox.picture(), "alt_text": None}


KINDS = [
    ("reel", "reel", "/video_reels$"),
    ("story", "reel", "/video_stories$"),
    ("story", "photo", "/photo_stories$"),
]


@pytest.mark.parametrize(("kind", "asset", "path"), KINDS)
@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_reels_and_stories_whose_answer_is_lost_are_found(
    api, connection, sandbox, lane, kind, asset, path, action
):
    if asset != "photo":
        sandbox.fault("delay", 0, method="POST", path=path)  # the upload's start
    sandbox.fault(action, method="POST", path=path)
    text = "Rye" if kind == "reel" else ""
    options = {"post_type": kind}
    answer = api.publish(
        connection, text, assets=[asset_of(sandbox, asset)], platform_specific_options=options
    )
    assert answer.status_code == 202, answer.json()
    lane.work_ahead()
    [post] = sandbox.posts()
    assert statuses() == {"Published": 1}
    job = PublishJob.objects.get()
    assert requests.get(job.post_url, timeout=5).ok
    assert post["details"]["kind"] == kind
    assert post["id"].endswith(job.remote_id.rpartition("_")[2])


@pytest.mark.parametrize("kind", ["reel", "story"])
def test_lost_answer_of_the_upload_host_costs_an_upload(api, connection, sandbox, lane, kind):
    sandbox.fault("drop_before", path="/video-upload/")
    text = "Rye" if kind == "reel" else ""
    asset = asset_of(sandbox, "reel")
    api.publish(connection, text, assets=[asset], platform_specific_options={"post_type": kind})
    lane.work_ahead()
    [post] = sandbox.posts()
    sent = requests.get(asset["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert len(sandbox.calls("/video-upload/")) == 2


def test_reels_of_a_day_come_to_an_end_and_wait(api, connection, sandbox, lane):
    error = {"code": 613, "message": "Calls to this api have exceeded the rate limit."}
    sandbox.fault("delay", 0, method="POST", path="/video_reels$")
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/video_reels$")
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)
    lane.work()
    assert PublishJob.objects.get().error_code == "rate_limited"
    lane.work_ahead()
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize(
    "targeting",
    [
        {"countries": ["Germany"]},
        {"countries": []},
        {"age_min": 14},
        {"age_min": "18"},
        {"cities": ["Hamburg"]},
        {"locales": [0]},
        [],
    ],
)
def test_malformed_targeting_is_refused_by_its_name(api, connection, targeting):
    answer = api.publish(connection, "Hi", platform_specific_options={"targeting": targeting})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "targeting" in answer.json()["violations"][0]["field"]
