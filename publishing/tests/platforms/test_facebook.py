"""Facebook: videos that arrive in parts and are published once, and rules that cross."""

from __future__ import annotations

import hashlib
import socket
from urllib.parse import urlsplit

import pytest
import requests

from conftest import statuses
from publishing.models import PublishJob, Status
from socialpublishing.platforms import uploads
from socialpublishing.platforms.facebook import uploads as facebook_uploads
from socialpublishing.tests.meta_parameters import PLACES, MetaParameters
from socialpublishing.tests.watching import watching


@pytest.fixture(autouse=True)
def watched(sandbox):
    """All calls of each test are held against Meta's own lists of parameters."""
    with watching(f"{sandbox.url}/facebook/") as watcher:
        yield watcher
    watcher.check_against(MetaParameters("facebook"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The lane's time runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0)
    return make_connection("facebook")


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 100 KB, each stored at once: a short film is as good as a long one."""
    monkeypatch.setattr(facebook_uploads, "PART_BYTES", 100_000)
    monkeypatch.setattr(uploads, "UPLOAD_STEP_S", 0)


def one_video(sandbox) -> None:
    [post] = sandbox.posts("facebook")
    sent = requests.get(sandbox.clip()["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize("lost", range(6))
def test_lost_answer_at_any_call_of_a_video(api, connection, sandbox, worker, small_parts, lost):
    # start, four parts, finish
    for _ in range(lost):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_before", method="POST", path="/videos$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 7


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_video_whose_publishing_answer_is_lost_is_found(api, connection, sandbox, worker, action):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault(action, method="POST", path="/videos$")
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work()
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 3


def test_video_that_cannot_be_processed_is_refused_in_its_words(api, connection, sandbox, worker):
    errors = [{"code": 1363024, "message": "Not a format that we know."}]
    status = {"video_status": "error", "processing_phase": {"status": "error", "errors": errors}}
    data = {"id": "1", "status": status}
    sandbox.fault("delay", 0, method="GET", path="/v25.0/\\d+$")  # how much has arrived
    sandbox.fault("status", {"code": 200, "body": data}, method="GET", path="/v25.0/\\d+$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "Not a format" in job.error_message


def test_cover_that_cannot_be_read_stops_the_call_before_it_is_made(
    api, connection, sandbox, worker
):
    options = {"cover_url": f"{sandbox.url}/samples/none.jpg"}
    api.publish(connection, "A film", assets=[sandbox.clip()], platform_specific_options=options)

    worker.work_ahead()

    assert statuses() == {"Failed": 1}
    assert PublishJob.objects.get().publish_started_at is None
    assert len(sandbox.calls("/videos", "POST")) == 2  # start and transfer
    assert sandbox.posts() == []


def test_video_that_is_not_to_be_seen_at_once_goes_out_all_the_same(
    api, connection, sandbox, worker
):
    error = {"code": 100, "error_subcode": 33, "message": "Object does not exist"}
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="GET", path="/v25.0/\\d+$", times=2)
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work_ahead()

    connection.refresh_from_db()
    assert (statuses(), connection.status) == ({"Published": 1}, "active")
    assert len(sandbox.calls("/me/accounts")) == 1  # no token was blamed
    one_video(sandbox)


def test_video_in_work_is_looked_at_less_often_by_and_by(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", processing_seconds=3600)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    video_lookups = []

    for seconds in (60, 600, 3600):
        worker.work_ahead(seconds)
        video_lookups.append(len(sandbox.calls("/v25.0/", "GET")))

    assert statuses() == {"Processing": 1}
    in_a_minute, in_ten, in_an_hour = video_lookups
    assert in_a_minute > 5
    assert in_ten - in_a_minute < 9 * in_a_minute / 2
    assert in_an_hour - in_ten < in_ten
    sandbox.call("POST", "clock", advance_seconds=3601)
    worker.work_ahead(7200)
    assert statuses() == {"Published": 1}


def test_video_that_is_never_ready_is_handed_to_a_person(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", processing_seconds=86_400)
    job_id = api.publish(connection, "A film", assets=[sandbox.clip()]).json()["job_id"]

    worker.work_ahead(48 * 3600)

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Unconfirmed", "outcome_unknown")
    assert "Facebook has not said" in state["error_message"]
    response = api.post(f"publishing/jobs/{job_id}/resolve", {"outcome": "not_published"})
    assert response.status_code == 200, response.json()


def test_video_that_facebook_lost_is_uploaded_anew(api, connection, sandbox, worker):
    gone = {"id": "1", "status": {"video_status": "expired"}}
    sandbox.fault("delay", 0, method="GET", path="/v25.0/\\d+$")  # how much has arrived
    sandbox.fault("status", {"code": 200, "body": gone}, method="GET", path="/v25.0/\\d+$")
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/video-upload/")) == 2
    assert len(sandbox.posts()) == 1


def test_video_that_was_out_is_published_whatever_became_of_it(api, connection, sandbox, worker):
    phases = {
        "video_status": "error",
        "publishing_phase": {"status": "complete", "publish_status": "published"},
    }
    data = {"id": "1", "post_id": "5", "status": phases}
    sandbox.fault("delay", 0, method="GET", path="/v25.0/\\d+$")  # how much has arrived
    sandbox.fault("status", {"code": 200, "body": data}, method="GET", path="/v25.0/\\d+$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert PublishJob.objects.get().remote_id.endswith("_5")
    assert len(sandbox.calls("/videos", "POST")) == 3


CARDS = [{"link": "https://example.com/rye"}, {"link": "https://example.com/spelt"}]


@pytest.mark.parametrize(
    ("options", "asset", "rules"),
    [
        ({"link": "https://example.com/news"}, None, []),
        ({"link": "https://example.com/news"}, "picture", ["link_alone"]),
        ({"video_title": "Dawn"}, "clip", []),
        ({"link": "https://example.com/", "link_details": {"title": "News"}}, None, []),
        ({"link_details": {"title": "News"}}, None, ["link_details_need_link"]),
        ({"link": "https://example.com/", "call_to_action": "SHOP_NOW"}, None, []),
        ({"call_to_action": "SHOP_NOW"}, None, ["call_to_action_needs_link"]),
        ({"link": "https://example.com/", "link_cards": CARDS}, None, []),
        ({"link_cards": CARDS}, None, ["link_cards_need_link"]),
        ({"cover_url": "https://example.com/a.jpg"}, "clip", []),
        ({"cover_url": "https://example.com/a.jpg"}, "picture", ["cover_needs_video"]),
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

    response = api.post("publishing/validate", body).json()

    assert [broken["rule"] for broken in response["violations"]] == rules


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
    api, connection, sandbox, worker, kind, asset, path, action
):
    if asset != "photo":
        sandbox.fault("delay", 0, method="POST", path=path)  # the upload's start
    sandbox.fault(action, method="POST", path=path)
    text = "Rye" if kind == "reel" else ""
    options = {"post_type": kind}
    response = api.publish(
        connection, text, assets=[asset_of(sandbox, asset)], platform_specific_options=options
    )
    assert response.status_code == 202, response.json()
    worker.work_ahead()
    [post] = sandbox.posts()
    assert statuses() == {"Published": 1}
    job = PublishJob.objects.get()
    assert requests.get(job.post_url, timeout=5).ok
    assert post["details"]["kind"] == kind
    assert post["id"].endswith(job.remote_id.rpartition("_")[2])


def offsets_of(watcher):
    """Where each call to the upload host began."""
    return [
        int(call.request.headers["offset"])
        for call in watcher.calls
        if "/video-upload/" in str(call.request.url)
    ]


def break_off(address, token, data, *, at):
    """What a worker does that is killed in the middle of an upload."""
    parts = urlsplit(address)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: OAuth {token}\r\n"
        f"offset: 0\r\nfile_size: {len(data)}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
        line.sendall(head.encode() + data[:at])
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass


@pytest.mark.parametrize("spelling", ["guide", "reference"])
@pytest.mark.parametrize("kind", ["reel", "story"])
def test_upload_goes_on_where_the_killed_worker_stopped(
    api, connection, sandbox, worker, watched, kind, spelling
):
    sandbox.call("POST", "settings", facebook_spelling=spelling)
    sandbox.fault("drop_before", path="/video-upload/")
    asset = asset_of(sandbox, "reel")
    text = "Rye" if kind == "reel" else ""
    api.publish(connection, text, assets=[asset], platform_specific_options={"post_type": kind})
    worker.work()
    hosted = PublishJob.objects.get().progress["handle"]["hosted"]
    sent = requests.get(asset["url"], timeout=5).content
    token = connection.destinations.get().account.token.reveal()
    assert token not in str(PublishJob.objects.get().progress)
    break_off(hosted["url"], token, sent, at=70_000)

    worker.work_ahead()

    [post] = sandbox.posts()
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert offsets_of(watched) == [0, 70_000]
    assert statuses() == {"Published": 1}


def test_bytes_that_arrived_without_an_answer_are_not_sent_again(
    api, connection, sandbox, worker, watched
):
    sandbox.fault("drop_after", path="/video-upload/")
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)

    worker.work_ahead()

    assert offsets_of(watched) == [0]
    assert statuses() == {"Published": 1}


def test_upload_begins_anew_where_the_host_stands_elsewhere(api, connection, sandbox, worker):
    info = {"retriable": False, "type": "OffsetInvalidError", "message": "Stands at 17."}
    value = {"code": 400, "body": {"debug_info": info}}
    sandbox.fault("status", value, path="/video-upload/")
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/video_reels", "POST")) == 3  # begun twice, published once


def test_video_story_is_found_among_the_stories_where_the_video_says_nothing(
    api, connection, sandbox, worker
):
    silent = {"id": "1", "status": {"video_status": "processing"}}
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "story"}
    for _ in range(2):  # before the upload, and behind it
        sandbox.fault("delay", 0, method="GET", path="/v25.0/\\d+$")
    value = {"code": 200, "body": silent}
    sandbox.fault("status", value, method="GET", path="/v25.0/\\d+$", times=99)
    sandbox.fault("delay", 0, method="POST", path="/video_stories$")  # the upload's start
    sandbox.fault("drop_after", method="POST", path="/video_stories$")
    api.publish(connection, "", assets=[asset], platform_specific_options=options)

    worker.work_ahead()

    job = PublishJob.objects.get()
    assert statuses() == {"Published": 1}
    assert job.post_url.endswith(f"/stories/{job.remote_id}")
    assert len(sandbox.posts()) == 1


def test_reel_has_the_address_of_a_reel(api, connection, sandbox, worker):
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)
    worker.work_ahead()
    job = PublishJob.objects.get()
    assert f"{sandbox.url}/facebook/reel/" in job.post_url
    assert job.remote_id == sandbox.posts()[0]["id"]


@pytest.mark.parametrize("kind", ["reel", "story"])
def test_publishing_call_that_never_arrived_is_made_again(api, connection, sandbox, worker, kind):
    path = f"/video_{'reels' if kind == 'reel' else 'stories'}$"
    sandbox.fault("delay", 0, method="POST", path=path)  # the upload's start
    sandbox.fault("drop_before", method="POST", path=path)
    text = "Rye" if kind == "reel" else ""
    asset = asset_of(sandbox, "reel")
    api.publish(connection, text, assets=[asset], platform_specific_options={"post_type": kind})

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


@pytest.mark.parametrize("is_granted", [True, False])
def test_connecting_notes_whether_insights_may_be_read(make_connection, is_granted):
    scopes = ["pages_show_list", "pages_manage_posts", "pages_read_engagement"]
    connection = make_connection("facebook", scopes=scopes + ["read_insights"] * is_granted)
    assert connection.destinations.get().account.profile == {"tells_insights": is_granted}


def test_page_that_has_to_confirm_who_it_is_is_told_so(api, connection, sandbox, worker):
    error = {"code": 368, "error_subcode": 4854002, "message": "Confirm your identity"}
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/feed$")
    api.publish(connection, "Hello")
    worker.work_ahead()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "permission_missing")
    assert "identity" in job.error_message


def test_every_list_of_parameters_is_held_against_something(
    api, connection, sandbox, worker, watched
):
    judge = MetaParameters("facebook")
    picture, film = sandbox.picture(), sandbox.clip()
    upright, still = asset_of(sandbox, "reel"), asset_of(sandbox, "photo")
    lost = "/(feed|photo_stories)$"  # so that they are looked up
    sandbox.fault("drop_after", method="POST", path=lost, times=2)
    for text, assets, kind in [
        ("Two", [picture, picture], "feed"),
        ("Film", [film], "feed"),
        ("Reel", [upright], "reel"),
        ("", [upright], "story"),
        ("", [still], "story"),
    ]:
        options = {"post_type": kind}
        response = api.publish(connection, text, assets=assets, platform_specific_options=options)
        assert response.status_code == 202, response.json()
        worker.work_ahead()

    assert statuses() == {"Published": 5}
    watched.check_against(judge)
    assert judge.seen == {*PLACES["facebook"].values()}


@pytest.mark.parametrize("kind", ["reel", "story"])
def test_lost_answer_of_the_upload_host_costs_an_upload(api, connection, sandbox, worker, kind):
    sandbox.fault("drop_before", path="/video-upload/")
    text = "Rye" if kind == "reel" else ""
    asset = asset_of(sandbox, "reel")
    api.publish(connection, text, assets=[asset], platform_specific_options={"post_type": kind})
    worker.work_ahead()
    [post] = sandbox.posts()
    sent = requests.get(asset["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert len(sandbox.calls("/video-upload/")) == 2


def test_reels_of_a_day_come_to_an_end_and_wait(api, connection, sandbox, worker):
    error = {"code": 613, "message": "Calls to this api have exceeded the rate limit."}
    sandbox.fault("delay", 0, method="POST", path="/video_reels$")
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/video_reels$")
    asset = asset_of(sandbox, "reel")
    options = {"post_type": "reel"}
    api.publish(connection, "Rye", assets=[asset], platform_specific_options=options)
    worker.work()
    assert PublishJob.objects.get().error_code == "rate_limited"
    worker.work_ahead()
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
    response = api.publish(connection, "Hi", platform_specific_options={"targeting": targeting})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "targeting" in response.json()["violations"][0]["field"]
