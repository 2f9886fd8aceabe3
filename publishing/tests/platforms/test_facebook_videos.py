"""Facebook: videos, reels and stories."""

from __future__ import annotations

import hashlib
import socket
from urllib.parse import urlsplit

import pytest
import requests

from conftest import statuses
from publishing.models import PublishJob, Status, WaitingFor
from socialpublishing.platforms import uploads
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.meta_parameters import MetaParameters
from socialpublishing.tests.recording import body_of, record_requests

NODE = r"/v27.0/\d+$"
PROCESSING = {
    "video_status": "processing",
    "uploading_phase": {"status": "complete"},
    "processing_phase": {"status": "in_progress"},
    "publishing_phase": {"status": "not_started"},
}
PUBLISHED = {
    "video_status": "ready",
    "uploading_phase": {"status": "complete"},
    "publishing_phase": {"status": "complete", "publish_status": "published"},
}


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Checks all requests of each test against Meta's own lists of parameters."""
    with record_requests(f"{sandbox.url}/facebook/") as recorder:
        yield recorder
    recorder.check_against(MetaParameters("facebook"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The worker's clock runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0)
    return make_connection("facebook")


@pytest.fixture
def small_parts(sandbox, monkeypatch):
    """Parts of 100 KB, stored after each, so that a short video has several."""
    sandbox.call("POST", "settings", facebook_part_bytes=100_000)
    monkeypatch.setattr(uploads, "UPLOAD_STEP_S", 0)


def job():
    return PublishJob.objects.get()


def graph_error(code, subcode=None, message="x"):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": 400, "body": {"error": error}}


def asset_of(sandbox, name):
    return sandbox.clip("reel.mp4") if name == "reel" else {**sandbox.picture(), "alt_text": None}


def assert_one_video(sandbox) -> None:
    [post] = sandbox.posts("facebook")
    sent = requests.get(sandbox.clip()["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()


def publish_video(api, connection, sandbox, post_type):
    """A reel, or a story with a video."""
    text = "" if post_type == "story" else "Rye"
    options = {"post_type": post_type}
    video = sandbox.clip("reel.mp4")
    api.publish(connection, text, assets=[video], platform_specific_options=options)


def report_video_state(sandbox, video_id, state, *, times=999):
    data = {"code": 200, "body": state}
    sandbox.fault("status", data, method="GET", path=f"/v27.0/{video_id}$", times=times)


def lose_publish_response(sandbox, retry):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    sandbox.fault("status", retry, method="POST", path="/videos$")


# --- Videos in the feed --------------------------------------------------------------------------


@pytest.mark.parametrize("lost", range(6))
def test_request_of_a_video_upload_that_never_arrived_is_repeated(
    api, connection, sandbox, worker, small_parts, lost
):
    # start, four parts, finish
    for _ in range(lost):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_before", method="POST", path="/videos$")
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert_one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 7


@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_video_is_found_after_a_lost_publish_response(api, connection, sandbox, worker, action):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault(action, method="POST", path="/videos$")
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work()
    assert PublishJob.objects.get().status == Status.UNCONFIRMED

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert_one_video(sandbox)
    assert len(sandbox.calls("/videos", "POST")) == 3


def test_refusal_of_a_video_quotes_facebooks_reason(api, connection, sandbox, worker):
    errors = [{"code": 1363024, "message": "Not a format that we know."}]
    status = {"video_status": "error", "processing_phase": {"status": "error", "errors": errors}}
    data = {"id": "1", "status": status}
    sandbox.fault("status", {"code": 200, "body": data}, method="GET", path=NODE)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "Not a format" in job.error_message


@pytest.mark.parametrize("kind", ["feed", "reel"])
def test_cover_that_became_unreadable_prevents_the_publish_request(
    api, connection, sandbox, worker, settings, kind
):
    cover = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [sandbox.url, cover.origin]
    cover.file = whole(requests.get(sandbox.picture()["url"], timeout=5).content)
    options = {"cover_url": f"{cover.url}.jpg", "post_type": kind}
    asset = sandbox.clip("reel.mp4")
    api.publish(connection, "A video", assets=[asset], platform_specific_options=options)
    cover.refusal = lambda handler: 404

    worker.work_ahead(30 * 3600)
    cover.close()

    assert statuses() == {"Failed": 1}
    assert sandbox.posts() == []
    uploads = {"feed": ("/videos", 2), "reel": ("/video_reels", 1)}  # all but the publish request
    path, count = uploads[kind]
    assert len(sandbox.calls(path, "POST")) == count


def test_video_that_is_not_visible_at_once_is_published(api, connection, sandbox, worker):
    error = graph_error(100, 33, "Object does not exist")
    sandbox.fault("status", error, method="GET", path=NODE, times=2)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    connection.refresh_from_db()
    assert (statuses(), connection.status) == ({"Published": 1}, "active")
    assert len(sandbox.calls("/me/accounts")) == 1  # no token was refreshed
    assert_one_video(sandbox)


def test_pauses_between_polls_of_a_processing_video_grow(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", processing_seconds=3600)
    api.publish(connection, "A video", assets=[sandbox.clip()])
    polls = []

    for seconds in (60, 600, 3600):
        worker.work_ahead(seconds)
        polls.append(len(sandbox.calls("/v27.0/", "GET")))

    assert statuses() == {"Processing": 1}
    in_a_minute, in_ten, in_an_hour = polls
    assert in_a_minute > 5
    assert in_ten - in_a_minute < 9 * in_a_minute / 2
    assert in_an_hour - in_ten < in_ten
    sandbox.call("POST", "clock", advance_seconds=3601)
    worker.work_ahead(7200)
    assert statuses() == {"Published": 1}


def test_video_that_is_never_ready_can_be_resolved_by_its_user(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", processing_seconds=86_400)
    job_id = api.publish(connection, "A video", assets=[sandbox.clip()]).json()["job_id"]

    worker.work_ahead(48 * 3600)

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Unconfirmed", "outcome_unknown")
    assert "Facebook" in state["error_message"]
    response = api.post(f"publishing/jobs/{job_id}/resolve", {"outcome": "not_published"})
    assert response.status_code == 200, response.json()


def test_video_that_facebook_lost_is_uploaded_again(api, connection, sandbox, worker):
    gone = {"id": "1", "status": {"video_status": "expired"}}
    sandbox.fault("delay", 0, method="GET", path=NODE)  # the number of received bytes
    sandbox.fault("status", {"code": 200, "body": gone}, method="GET", path=NODE)
    publish_video(api, connection, sandbox, "reel")

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/video-upload/")) == 2
    assert len(sandbox.posts()) == 1


def test_video_that_was_public_once_counts_as_published(api, connection, sandbox, worker):
    phases = {
        "video_status": "error",
        "publishing_phase": {"status": "complete", "publish_status": "published"},
    }
    data = {"id": "1", "post_id": "5", "status": phases}
    sandbox.fault("status", {"code": 200, "body": data}, method="GET", path=NODE)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert PublishJob.objects.get().remote_id.endswith("_5")
    assert len(sandbox.calls("/videos", "POST")) == 3


@pytest.mark.parametrize(
    "retry",
    [
        graph_error(100, 1363030, "Your video upload session has expired"),
        graph_error(6001, None),
        graph_error(100, 1363041),
    ],
)
def test_processing_video_is_not_uploaded_again(api, connection, sandbox, worker, retry):
    lose_publish_response(sandbox, retry)
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    video_id = job().progress["handle"]["upload"]["id"]
    state = {"id": video_id, "published": True, "status": PROCESSING}
    report_video_state(sandbox, video_id, state)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


@pytest.mark.parametrize("lost", range(6))
def test_request_of_a_video_upload_whose_response_is_lost_duplicates_nothing(
    api, connection, sandbox, worker, small_parts, lost
):
    for _ in range(lost):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


def test_published_video_is_stored_with_the_id_that_lists_use(api, connection, sandbox, worker):
    api.publish(connection, "Same words", assets=[sandbox.clip()])
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    video_id = job().progress["handle"]["upload"]["id"]
    state = {"id": video_id, "published": True, "status": PUBLISHED}
    report_video_state(sandbox, video_id, state)
    worker.work_ahead()
    sandbox.fault("drop_before", method="POST", path="/feed$")
    api.publish(connection, "Same words")
    worker.work_ahead()
    assert len(sandbox.posts()) == 2


def test_publish_response_without_success_is_not_taken_for_success(
    api, connection, sandbox, worker
):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault(
        "status", {"code": 200, "body": {"success": False}}, method="POST", path="/videos$"
    )
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead(30 * 3600)
    assert statuses() == {"Published": 1}


def test_unreadable_video_is_found_by_the_post_that_shows_it(api, connection, sandbox, worker):
    """Facebook reports the video as missing for good; the list of posts shows it."""
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    video_id = job().progress["handle"]["upload"]["id"]
    sandbox.fault(
        "status",
        graph_error(100, 33, "does not exist"),
        method="GET",
        path=f"/v27.0/{video_id}$",
        times=999,
    )
    worker.work_ahead(30 * 3600)
    assert statuses() == {"Published": 1}


# --- What real uploads meet ----------------------------------------------------------------------


def transfers(recorder):
    """The first byte and the length of each part that was sent."""
    sent = []
    for call in recorder.calls:
        form = body_of(call.request) if call.request.method == "POST" else None
        if isinstance(form, dict) and form.get("upload_phase") == "transfer":
            sent.append((int(form["start_offset"]), call.status))
    return sent


@pytest.mark.behaviour(
    "Facebook names the bytes of each part of a video; the service sends exactly those."
)
def test_parts_are_those_that_facebook_asks_for(api, connection, sandbox, worker, recorded):
    sandbox.call("POST", "settings", facebook_part_bytes=70_000)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert_one_video(sandbox)
    size = len(requests.get(sandbox.clip()["url"], timeout=5).content)
    assert transfers(recorded) == [(at, 200) for at in range(0, size, 70_000)]


@pytest.mark.behaviour(
    "Facebook refuses parts now and then and names the offset to go on at (1363037); the upload "
    "goes on there without using an attempt."
)
def test_upload_goes_on_at_the_offset_of_an_error(api, connection, sandbox, worker, recorded):
    settings = {"facebook_part_bytes": 20_000, "facebook_spontaneous_offsets": 5}
    sandbox.call("POST", "settings", **settings)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    assert (statuses(), job().attempts) == ({"Published": 1}, 0)
    assert_one_video(sandbox)
    sent = transfers(recorded)
    refused = [at for at, status in sent if status == 400]
    assert len(refused) == 5
    assert len(sent) == len({at for at, _ in sent}) + 5  # each error repeats one part


def test_upload_that_is_refused_at_the_same_offset_for_ever_starts_again(
    api, connection, sandbox, worker
):
    offsets = {"start_offset": 0, "end_offset": 1_000}
    error = {"code": 6001, "error_subcode": 1363037, "message": "x", "error_data": offsets}
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("delay", 0, method="POST", path="/videos$")  # the upload's start
    sandbox.fault("status", value, method="POST", path="/videos$", times=11)
    api.publish(connection, "A video", assets=[sandbox.clip()])

    worker.work_ahead()

    assert (statuses(), job().attempts) == ({"Published": 1}, 1)


@pytest.mark.behaviour(
    "No page documents that a video can be read before it is published; no upload needs that."
)
@pytest.mark.parametrize("kind", ["feed", "reel", "story"])
def test_video_that_cannot_be_read_before_it_is_published_is_uploaded(
    api, connection, sandbox, worker, kind
):
    sandbox.call("POST", "settings", facebook_video_readable="when_published")
    publish_video(api, connection, sandbox, kind)

    worker.work_ahead(120)

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour(
    "Facebook may keep an upright video of the feed as a draft; the author is warned, and a draft "
    "that lasts is left to the author."
)
def test_draft_that_lasts_is_left_to_its_user(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", facebook_upright_video="draft")
    accepted = api.publish(connection, "Upright", assets=[sandbox.clip("reel.mp4")]).json()

    worker.work_ahead(3600)

    assert [each["code"] for each in accepted["warnings"]] == ["may_become_draft"]
    state = api.get(f"publishing/jobs/{accepted['job_id']}/status").json()
    assert (state["status"], state["who_acts"]) == ("Unconfirmed", "user")
    assert "draft" in state["error_message"]
    assert len(sandbox.calls("/videos", "POST")) == 3


def test_draft_that_facebook_publishes_later_is_published(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", facebook_upright_video="draft")
    api.publish(connection, "Upright", assets=[sandbox.clip("reel.mp4")])
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    video_id = job().progress["handle"]["upload"]["id"]
    worker.work_ahead(180)
    report_video_state(sandbox, video_id, {"id": video_id, "published": True, "status": PUBLISHED})

    worker.work_ahead(3600)

    assert statuses() == {"Published": 1}


@pytest.mark.behaviour(
    "Some accounts report `video_status: ready` and nothing else for a published video."
)
@pytest.mark.parametrize("kind", ["feed", "reel"])
def test_ready_video_without_contradiction_is_published(api, connection, sandbox, worker, kind):
    sandbox.call("POST", "settings", facebook_status="short")
    publish_video(api, connection, sandbox, kind)

    worker.work_ahead(120)

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour("The check of a video's copyright may never end; publishing goes on.")
def test_copyright_check_without_end_holds_nothing(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", facebook_copyright_check="endless")
    publish_video(api, connection, sandbox, "reel")

    worker.work_ahead(120)

    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("An error in a phase of a video ends the wait, whatever its status is.")
def test_error_in_a_phase_that_has_not_begun_ends_the_wait(api, connection, sandbox, worker):
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    video_id = job().progress["handle"]["upload"]["id"]
    phase = {"status": "not_started", "error": {"message": "Resolution too low."}}
    state = {"id": video_id, "status": {"video_status": "processing", "processing_phase": phase}}
    report_video_state(sandbox, video_id, state)

    worker.work_ahead(60)

    assert statuses() == {"ContentRejected": 1}
    assert "Resolution too low." in job().error_message


@pytest.mark.behaviour(
    "A reel may have a cover and invite other Pages; what Facebook refuses of that becomes a "
    "warning."
)
@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_reel_has_a_cover_and_invites_other_pages(api, connection, sandbox, worker, outcome):
    sandbox.call("POST", "settings", facebook_reel_extras=outcome)
    cover = f"{sandbox.url}/samples/bakery.jpg"
    options = {"post_type": "reel", "cover_url": cover, "collaborators": ["615500000000002"]}
    job_id = api.publish(
        connection, "Rye", assets=[sandbox.clip("reel.mp4")], platform_specific_options=options
    ).json()["job_id"]

    worker.work_ahead()

    [post] = sandbox.posts()
    warnings = api.get(f"publishing/jobs/{job_id}/status").json()["warnings"]
    codes = {each["code"] for each in warnings}
    assert statuses() == {"Published": 1}
    if outcome == "accepted":
        assert post["details"]["collaborators"] == ["615500000000002"]
        assert (bool(post["details"]["thumb"]), codes) == (True, set())
    else:
        assert codes == {"cover_refused", "collaborators_refused"}
        assert "Not for this reel." in warnings[0]["message"]


# --- Reels and stories ---------------------------------------------------------------------------


KINDS = [
    ("reel", "reel", "/video_reels$"),
    ("story", "reel", "/video_stories$"),
    ("story", "photo", "/photo_stories$"),
]


@pytest.mark.parametrize(("kind", "asset", "path"), KINDS)
@pytest.mark.parametrize("action", ["drop_after", "malformed"])
def test_reels_and_stories_are_found_after_a_lost_publish_response(
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


def upload_offsets(recorder):
    """The offset of each request to the upload host."""
    return [
        int(call.request.headers["offset"])
        for call in recorder.calls
        if "/video-upload/" in str(call.request.url)
    ]


def send_start_of(address, token, data, *, at):
    """Sends what a worker sends that is killed in the middle of an upload."""
    parts = urlsplit(address)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: OAuth {token}\r\n"
        f"offset: 0\r\nfile_size: {len(data)}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(head.encode() + data[:at])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


@pytest.mark.parametrize("spelling", ["guide", "reference"])
@pytest.mark.parametrize("kind", ["reel", "story"])
def test_upload_continues_where_a_killed_worker_stopped(
    api, connection, sandbox, worker, recorded, kind, spelling
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
    send_start_of(hosted["url"], token, sent, at=70_000)

    worker.work_ahead()

    [post] = sandbox.posts()
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert upload_offsets(recorded) == [0, 70_000]
    assert statuses() == {"Published": 1}


def test_bytes_that_arrived_before_a_lost_response_are_not_sent_again(
    api, connection, sandbox, worker, recorded
):
    sandbox.fault("drop_after", path="/video-upload/")
    publish_video(api, connection, sandbox, "reel")

    worker.work_ahead()

    assert upload_offsets(recorded) == [0]
    assert statuses() == {"Published": 1}


def test_upload_restarts_if_the_host_has_another_offset(api, connection, sandbox, worker):
    info = {"retriable": False, "type": "OffsetInvalidError", "message": "The offset is 17."}
    value = {"code": 400, "body": {"debug_info": info}}
    sandbox.fault("status", value, path="/video-upload/")
    publish_video(api, connection, sandbox, "reel")

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/video_reels", "POST")) == 3  # started twice, published once


def test_video_story_is_found_in_the_list_of_stories_if_its_status_shows_nothing(
    api, connection, sandbox, worker
):
    inconclusive = {"id": "1", "status": {"video_status": "processing"}}
    for _ in range(2):  # before and after the upload
        sandbox.fault("delay", 0, method="GET", path=NODE)
    value = {"code": 200, "body": inconclusive}
    sandbox.fault("status", value, method="GET", path=NODE, times=99)
    sandbox.fault("delay", 0, method="POST", path="/video_stories$")  # the upload's start
    sandbox.fault("drop_after", method="POST", path="/video_stories$")
    publish_video(api, connection, sandbox, "story")

    worker.work_ahead()

    job = PublishJob.objects.get()
    assert statuses() == {"Published": 1}
    assert job.post_url.endswith(f"/stories/{job.remote_id}")
    assert len(sandbox.posts()) == 1


def test_post_url_of_a_reel_is_a_reel_address(api, connection, sandbox, worker):
    publish_video(api, connection, sandbox, "reel")
    worker.work_ahead()
    job = PublishJob.objects.get()
    assert f"{sandbox.url}/facebook/reel/" in job.post_url
    assert job.remote_id == sandbox.posts()[0]["id"]


@pytest.mark.parametrize("kind", ["reel", "story"])
def test_publish_request_that_never_arrived_is_sent_again(api, connection, sandbox, worker, kind):
    path = f"/video_{'reels' if kind == 'reel' else 'stories'}$"
    sandbox.fault("delay", 0, method="POST", path=path)  # the upload's start
    sandbox.fault("drop_before", method="POST", path=path)
    publish_video(api, connection, sandbox, kind)

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


@pytest.mark.parametrize("kind", ["reel", "story"])
def test_upload_that_never_arrived_is_sent_again(api, connection, sandbox, worker, kind):
    sandbox.fault("drop_before", path="/video-upload/")
    publish_video(api, connection, sandbox, kind)
    worker.work_ahead()
    [post] = sandbox.posts()
    sent = requests.get(sandbox.clip("reel.mp4")["url"], timeout=5).content
    assert post["media"][0]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert len(sandbox.calls("/video-upload/")) == 2


def test_daily_limit_of_reels_defers_the_post(api, connection, sandbox, worker):
    error = graph_error(613, None, "Calls to this api have exceeded the rate limit.")
    sandbox.fault("delay", 0, method="POST", path="/video_reels$")
    sandbox.fault("status", error, method="POST", path="/video_reels$")
    publish_video(api, connection, sandbox, "reel")
    worker.work()
    assert PublishJob.objects.get().error_code == "rate_limited"
    worker.work_ahead()
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("A Page may publish 30 reels a day; its other posts go on.")
def test_daily_limit_of_reels_holds_reels_alone(api, connection, sandbox, worker):
    error = graph_error(613, None, "Calls to this api have exceeded the rate limit.")
    sandbox.fault("delay", 0, method="POST", path="/video_reels$")
    sandbox.fault("status", error, method="POST", path="/video_reels$", times=99)
    publish_video(api, connection, sandbox, "reel")
    worker.work()
    api.publish(connection, "Meanwhile")
    worker.work()
    assert statuses() == {"Pending": 1, "Published": 1}


def test_processing_reel_is_not_uploaded_again(api, connection, sandbox, worker):
    path = "/video_reels$"
    sandbox.fault("delay", 0, method="POST", path=path)
    sandbox.fault("drop_after", method="POST", path=path)
    sandbox.fault(
        "status",
        graph_error(100, 1363030, "Your video upload session has expired"),
        method="POST",
        path=path,
    )
    publish_video(api, connection, sandbox, "reel")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    video_id = job().progress["handle"]["hosted"]["id"]
    state = {"id": video_id, "published": False, "status": PROCESSING}
    report_video_state(sandbox, video_id, state)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_reel_is_looked_up_after_its_retry_is_refused(api, connection, sandbox, worker):
    path = "/video_reels$"
    sandbox.fault("delay", 0, method="POST", path=path)
    sandbox.fault("drop_after", method="POST", path=path)
    sandbox.fault(
        "status",
        graph_error(6000, None, "There was a problem uploading your video file"),
        method="POST",
        path=path,
    )
    publish_video(api, connection, sandbox, "reel")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    video_id = job().progress["handle"]["hosted"]["id"]
    state = {"id": video_id, "published": False, "status": PROCESSING}
    report_video_state(sandbox, video_id, state, times=8)
    worker.work_ahead()
    assert statuses() == {"Published": 1}


def test_reel_that_has_fully_arrived_is_not_sent_again(api, connection, sandbox, worker):
    """All bytes arrived, the response was lost, and the status is late."""
    sandbox.fault("drop_after", path="/video-upload/")
    publish_video(api, connection, sandbox, "reel")
    worker.work(until=lambda: job().waiting_for == WaitingFor.RETRY)
    video_id = job().progress["handle"]["hosted"]["id"]
    size = len(requests.get(f"{sandbox.url}/samples/reel.mp4", timeout=5).content)
    state = {
        "id": video_id,
        "status": {
            "video_status": "uploading",
            "uploading_phase": {"status": "in_progress", "bytes_transferred": size},
        },
    }
    report_video_state(sandbox, video_id, state, times=4)
    worker.work_ahead()
    assert statuses() == {"Published": 1}


def test_token_is_refreshed_after_the_upload_host_refuses_it(api, connection, sandbox, worker):
    info = {"retriable": False, "type": "NotAuthorizedError", "message": "Token expired"}
    sandbox.fault(
        "status", {"code": 401, "body": {"debug_info": info}}, path="/video-upload/", times=99
    )
    publish_video(api, connection, sandbox, "reel")
    worker.work_ahead(600)
    assert job().error_code != "upload_lost"


@pytest.mark.parametrize(
    "status",
    [
        {"video_status": "upload_complete"},
        {"video_status": "ready"},
        {"video_status": "upload_complete", "uploading_phase": {"status": "upload_complete"}},
    ],
)
def test_each_of_facebooks_spellings_of_a_complete_upload_is_read(
    api, connection, sandbox, worker, status
):
    sandbox.fault("delay", 0, method="GET", path=NODE)
    sandbox.fault(
        "status",
        {"code": 200, "body": {"id": "1", "status": status}},
        method="GET",
        path=NODE,
        times=9999,
    )
    publish_video(api, connection, sandbox, "reel")
    worker.work_ahead(2 * 3600)
    assert len(sandbox.posts()) == 1


def test_story_gets_its_id_from_the_publish_response(api, connection, sandbox, worker):
    """The publish response has post_id; the video's status does not."""
    publish_video(api, connection, sandbox, "story")
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    video_id = job().progress["handle"]["hosted"]["id"]
    state = {"id": video_id, "published": True, "status": PUBLISHED}
    report_video_state(sandbox, video_id, state)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["id"].endswith("_" + job().remote_id)


def test_new_photo_that_is_not_visible_yet_does_not_end_the_connection(
    api, connection, sandbox, worker
):
    sandbox.fault(
        "status",
        graph_error(100, 33, "Object does not exist"),
        method="POST",
        path="/photo_stories$",
        times=8,
    )
    api.publish(
        connection,
        "",
        assets=[{**sandbox.picture(), "alt_text": None}],
        platform_specific_options={"post_type": "story"},
    )
    worker.work_ahead(600)
    connection.refresh_from_db()
    assert connection.status == "active"
