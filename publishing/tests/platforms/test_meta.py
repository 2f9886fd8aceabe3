"""Facebook and Instagram: what a lost answer, a late list and a refused repeat may not lead to."""

from __future__ import annotations

import datetime as dt

import pytest
import requests

from conftest import consent, statuses
from connections.models import SocialConnection
from publishing.models import PublishJob, Status
from socialpublishing.platforms import uploads
from socialpublishing.platforms.facebook import uploads as facebook_uploads
from socialpublishing.platforms.instagram.payloads import single_payload
from socialpublishing.posts import Media, Post

PUBLISH = "/media_publish$"
NODE = r"/v25.0/\d+$"
AT_WORK = {
    "video_status": "processing",
    "uploading_phase": {"status": "complete"},
    "processing_phase": {"status": "in_progress"},
    "publishing_phase": {"status": "not_started"},
}
IS_OUT = {
    "video_status": "ready",
    "uploading_phase": {"status": "complete"},
    "publishing_phase": {"status": "complete", "publish_status": "published"},
}


@pytest.fixture
def fb(make_connection, sandbox):
    sandbox.call("POST", "settings", processing_seconds=0)
    return make_connection("facebook")


@pytest.fixture
def ig(make_connection, sandbox):
    sandbox.call("POST", "settings", processing_seconds=0, instagram_processing_seconds=0)
    return make_connection("instagram")


def job():
    return PublishJob.objects.get()


def err(code, subcode=None, message="x", status=400):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": status, "body": {"error": error}}


def status(code, words=""):
    return {"code": 200, "body": {"status_code": code, "status": words, "id": "1"}}


def publish_film(api, fb, sandbox, post_type):
    words = "" if post_type == "story" else "Rye"
    options = {"post_type": post_type}
    film = sandbox.clip("reel.mp4")
    api.publish(fb, words, assets=[film], platform_specific_options=options)


def report_video_state(sandbox, vid, state, *, times=999):
    data = {"code": 200, "body": state}
    sandbox.fault("status", data, method="GET", path=f"/v25.0/{vid}$", times=times)


def video_faults(sandbox, repeat):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    sandbox.fault("status", repeat, method="POST", path="/videos$")


@pytest.mark.parametrize("refusal", [(24, 2207008), (24, 2207006), (-2, 2207020)])
def test_container_that_a_lost_call_used_up_is_not_made_anew(api, ig, sandbox, worker, refusal):
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", err(*refusal), path=PUBLISH)  # to the repeat
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    # the container's status lags
    sandbox.fault("status", status("FINISHED"), method="GET", path=NODE, times=6)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_container_not_ready_for_a_repeat_is_one_to_look_up(api, ig, sandbox, worker):
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", err(9007, 2207027), path=PUBLISH, times=999)
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    sandbox.fault("status", status("FINISHED"), method="GET", path=NODE, times=6)
    worker.work_ahead(7200)
    assert len(sandbox.posts()) == 1
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("value", [err(2, None, status=500), err(10, None, status=403)])
def test_named_post_is_published_even_if_its_list_cannot_be_read(api, ig, sandbox, worker, value):
    sandbox.fault("status", value, method="GET", path="/media$", times=999)
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work_ahead(30 * 3600)
    assert len(sandbox.posts()) == 1
    assert statuses() == {"Published": 1}


def test_named_post_is_published_even_if_its_account_is_disconnected(api, ig, sandbox, worker):
    sandbox.fault("status", err(2, None, status=500), method="GET", path="/media$", times=999)
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work()
    assert api.delete(f"connections/{ig.pk}").status_code in (200, 202, 204)
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}


def test_story_made_by_hand_is_not_taken_for_a_lost_one(api, ig, sandbox, worker):
    """A story whose answer was lost; meanwhile another one is made by hand."""
    picture = {**sandbox.picture(), "alt_text": None}
    sandbox.fault("drop_after", path=PUBLISH)
    api.publish(ig, "", assets=[picture], platform_specific_options={"post_type": "story"})
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    token = ig.account.token.reveal()
    headers = {"Authorization": f"Bearer {token}"}
    edge = f"{sandbox.url}/instagram/v25.0/{ig.external_user_id}"
    c = requests.post(
        f"{edge}/media",
        json={"media_type": "STORIES", "image_url": f"{sandbox.url}/samples/bakery.jpg"},
        headers=headers,
    ).json()["id"]
    foreign = requests.post(
        f"{edge}/media_publish", json={"creation_id": c}, headers=headers
    ).json()["id"]
    worker.work_ahead()
    assert job().remote_id != foreign


@pytest.mark.parametrize(
    "subcode", ["2207004", "2207005", "2207009", "2207010", "2207057", "2207040"]
)
def test_container_that_failed_for_its_content_is_refused(api, ig, sandbox, worker, subcode):
    words = f"Error: Media upload has failed with error code {subcode}"
    sandbox.fault("status", status("ERROR", words), method="GET", path=NODE, times=999)
    api.publish(ig, "Film", assets=[sandbox.clip()])
    worker.work_ahead(7200)
    assert job().status == "ContentRejected"


def test_quota_that_may_not_be_read_stops_nothing(api, ig, sandbox, worker):
    sandbox.fault("status", err(10, None, status=403), path="/content_publishing_limit", times=999)
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work_ahead()
    assert statuses() == {"Published": 1}


def test_what_waited_too_long_tells_for_what(api, ig, sandbox, worker):
    sandbox.call("POST", "settings", instagram_quota=1)
    for t in ("a", "b"):
        api.publish(ig, t, assets=[sandbox.picture()])
    worker.work_ahead(5 * 3600)
    j = PublishJob.objects.exclude(status="Published").get()
    assert "posts" in j.error_message


@pytest.mark.parametrize("body", [{"success": True}, {}, []])
def test_answer_without_an_id_is_asked_for_again(api, ig, sandbox, worker, body):
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="/media$")
    api.publish(ig, "Once", assets=[sandbox.picture()])
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}


def test_named_story_holds_up_no_other(api, ig, sandbox, worker):
    picture = {**sandbox.picture(), "alt_text": None}
    sandbox.fault("status", err(2, None, status=500), method="GET", path="/stories$", times=999)
    for _ in range(2):
        api.publish(ig, "", assets=[picture], platform_specific_options={"post_type": "story"})
    worker.work_ahead(26 * 3600)
    assert len(sandbox.posts()) == 2


def test_caption_is_compared_as_instagram_keeps_it(api, ig, sandbox, worker):
    sandbox.fault("drop_after", path=PUBLISH)
    api.publish(ig, "Once\r\nmore", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "caption": "Once\nmore",
                    "timestamp": now,
                    "permalink": "https://www.instagram.com/p/x/",
                    "media_product_type": "FEED",
                }
            ]
        },
    }
    sandbox.fault("status", value, method="GET", path="/media$", times=999)
    worker.work_ahead()
    assert job().remote_id == own["id"]


def test_people_in_a_reel_have_no_place(sandbox):
    clip = Media.from_asset({**sandbox.clip("reel.mp4")})
    post = Post(
        text="x",
        media=(clip,),
        options={"post_type": "reel", "user_tags": [{"username": "a", "x": 0.1, "y": 0.2}]},
    )
    assert "x" not in single_payload(post)["user_tags"][0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("With @[123456] today", "With Sandbox Bakery today"),
        ("Line\r\nLine", "Line\nLine"),
        ("Cafe\u0301", "Caf\u00e9"),
    ],
)
def test_message_is_compared_as_facebook_keeps_it(api, fb, sandbox, worker, text, shown):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    assert api.publish(fb, text).status_code == 202
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "message": shown,
                    "permalink_url": "https://www.facebook.com/1",
                    "created_time": "2030-01-01T00:00:00+0000",
                }
            ],
            "paging": {},
        },
    }
    sandbox.fault("status", value, method="GET", path="/published_posts$", times=999)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_post_is_known_by_its_photos_whatever_became_of_its_words(api, fb, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    api.publish(fb, "With @[123456]", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    [photo_id] = job().progress["handle"]["photo_ids"]
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "message": "With Sandbox Bakery",
                    "attachments": {"data": [{"target": {"id": photo_id}}]},
                    "permalink_url": "https://www.facebook.com/1",
                    "created_time": "2030-01-01T00:00:00+0000",
                }
            ],
            "paging": {},
        },
    }
    sandbox.fault("status", value, method="GET", path="/published_posts$", times=999)
    worker.work_ahead(3600)
    assert statuses() == {"Published": 1}


def test_photo_made_by_hand_is_not_taken_for_a_text_of_the_same_words(api, fb, sandbox, worker):
    sandbox.fault("drop_before", method="POST", path="/feed$")
    api.publish(fb, "Happy Friday!")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    dest = fb.destinations.get()
    token = dest.account.token.reveal()
    headers = {"Authorization": f"Bearer {token}"}
    requests.post(
        f"{sandbox.url}/facebook/v25.0/{dest.external_id}/photos",
        data={"url": f"{sandbox.url}/samples/bakery.jpg", "message": "Happy Friday!"},
        headers=headers,
    )
    worker.work_ahead()
    assert len(sandbox.posts()) == 2


@pytest.mark.parametrize(
    "repeat",
    [
        err(100, 1363030, "Your video upload session has expired"),
        err(6001, None),
        err(100, 1363041),
    ],
)
def test_video_at_work_is_not_uploaded_anew(api, fb, sandbox, worker, repeat):
    video_faults(sandbox, repeat)
    api.publish(fb, "A film", assets=[sandbox.clip()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    vid = job().progress["handle"]["upload"]["id"]
    state = {"id": vid, "published": True, "status": AT_WORK}
    report_video_state(sandbox, vid, state)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_reel_whose_upload_a_lost_call_used_up_is_not_uploaded_anew(api, fb, sandbox, worker):
    path = "/video_reels$"
    sandbox.fault("delay", 0, method="POST", path=path)
    sandbox.fault("drop_after", method="POST", path=path)
    sandbox.fault(
        "status",
        err(100, 1363030, "Your video upload session has expired"),
        method="POST",
        path=path,
    )
    publish_film(api, fb, sandbox, "reel")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    vid = job().progress["handle"]["hosted"]["id"]
    state = {"id": vid, "published": False, "status": AT_WORK}
    report_video_state(sandbox, vid, state)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_reel_whose_repeat_is_refused_is_looked_for(api, fb, sandbox, worker):
    path = "/video_reels$"
    sandbox.fault("delay", 0, method="POST", path=path)
    sandbox.fault("drop_after", method="POST", path=path)
    sandbox.fault(
        "status",
        err(6000, None, "There was a problem uploading your video file"),
        method="POST",
        path=path,
    )
    publish_film(api, fb, sandbox, "reel")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    vid = job().progress["handle"]["hosted"]["id"]
    state = {"id": vid, "published": False, "status": AT_WORK}
    report_video_state(sandbox, vid, state, times=8)
    worker.work_ahead()
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("lost", range(6))
def test_lost_answer_at_any_call_of_a_video_in_parts(api, fb, sandbox, worker, monkeypatch, lost):
    monkeypatch.setattr(facebook_uploads, "PART_BYTES", 100_000)
    monkeypatch.setattr(uploads, "UPLOAD_STEP_S", 0)
    for _ in range(lost):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    api.publish(fb, "A film", assets=[sandbox.clip()])
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


def test_one_page_that_is_gone_holds_up_no_other(api, make_connection, sandbox, worker):
    fb = make_connection("facebook", pages=2)
    one, two = fb.destinations.order_by("external_id")
    sandbox.fault(
        "status",
        err(100, 33, "Object does not exist"),
        method="POST",
        path=f"/{one.external_id}/feed$",
        times=999,
    )
    api.publish(fb, "One", platform_specific_options={"page_id": one.external_id})
    worker.work_ahead(120)
    fb.refresh_from_db()
    api.publish(fb, "Two", platform_specific_options={"page_id": two.external_id})
    worker.work_ahead(300)
    assert statuses().get("Published") == 1


@pytest.mark.parametrize("refusal", [(190, 492), (190, 460)])
def test_one_page_whose_token_is_dead_ends_no_connection(
    api, make_connection, sandbox, worker, refusal
):
    fb = make_connection("facebook", pages=2)
    one, two = fb.destinations.order_by("external_id")
    sandbox.fault(
        "status", err(*refusal), method="POST", path=f"/{one.external_id}/feed$", times=999
    )
    api.publish(fb, "One", platform_specific_options={"page_id": one.external_id})
    worker.work_ahead(120)
    fb.refresh_from_db()
    api.publish(fb, "Two", platform_specific_options={"page_id": two.external_id})
    worker.work_ahead(4000)
    assert fb.status == "active"


def test_fresh_photo_that_is_not_to_be_seen_yet_is_waited_for(api, fb, sandbox, worker):
    sandbox.fault(
        "status",
        err(100, 33, "Object does not exist"),
        method="POST",
        path="/photo_stories$",
        times=8,
    )
    api.publish(
        fb,
        "",
        assets=[{**sandbox.picture(), "alt_text": None}],
        platform_specific_options={"post_type": "story"},
    )
    worker.work_ahead(600)
    fb.refresh_from_db()
    assert fb.status == "active"


def test_story_is_named_by_the_answer_that_published_it(api, fb, sandbox, worker):
    """The finish answers post_id; the video node does not tell it."""
    api.publish(
        fb, "", assets=[sandbox.clip("reel.mp4")], platform_specific_options={"post_type": "story"}
    )
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    vid = job().progress["handle"]["hosted"]["id"]
    state = {"id": vid, "published": True, "status": IS_OUT}
    report_video_state(sandbox, vid, state)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["id"].endswith("_" + job().remote_id)


def test_video_is_credited_under_the_name_that_lists_give_it(api, fb, sandbox, worker):
    api.publish(fb, "Same words", assets=[sandbox.clip()])
    worker.work(until=lambda: job().progress.get("stage") == "confirming")
    vid = job().progress["handle"]["upload"]["id"]
    state = {"id": vid, "published": True, "status": IS_OUT}
    report_video_state(sandbox, vid, state)
    worker.work_ahead()
    sandbox.fault("drop_before", method="POST", path="/feed$")
    api.publish(fb, "Same words")
    worker.work_ahead()
    assert len(sandbox.posts()) == 2


def test_refused_repeat_is_looked_for_in_late_lists(api, fb, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    sandbox.fault("status", err(368, 1346003, "deemed abusive"), method="POST", path="/feed$")
    api.publish(fb, "Hello")
    sandbox.call("POST", "settings", list_delay_seconds=300)
    worker.work_ahead()
    assert job().status in ("Published", "Unconfirmed")


def test_reel_whose_bytes_are_all_there_is_not_sent_again(api, fb, sandbox, worker):
    """All arrived without an answer; the host still says in_progress for a moment."""
    sandbox.fault("drop_after", path="/video-upload/")
    publish_film(api, fb, sandbox, "reel")
    worker.work(until=lambda: job().attempts == 1)
    vid = job().progress["handle"]["hosted"]["id"]
    size = len(requests.get(f"{sandbox.url}/samples/reel.mp4", timeout=5).content)
    state = {
        "id": vid,
        "status": {
            "video_status": "uploading",
            "uploading_phase": {"status": "in_progress", "bytes_transferred": size},
        },
    }
    report_video_state(sandbox, vid, state, times=4)
    worker.work_ahead()
    assert statuses() == {"Published": 1}


def test_finish_that_says_no_is_no_yes(api, fb, sandbox, worker):
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault(
        "status", {"code": 200, "body": {"success": False}}, method="POST", path="/videos$"
    )
    api.publish(fb, "A film", assets=[sandbox.clip()])
    worker.work_ahead(30 * 3600)
    assert statuses() == {"Published": 1}


def test_upload_host_that_refuses_the_token_has_it_refreshed(api, fb, sandbox, worker):
    info = {"retriable": False, "type": "NotAuthorizedError", "message": "Token expired"}
    sandbox.fault(
        "status", {"code": 401, "body": {"debug_info": info}}, path="/video-upload/", times=99
    )
    publish_film(api, fb, sandbox, "reel")
    worker.work_ahead(600)
    assert job().error_code != "upload_lost"


@pytest.mark.parametrize("lag", [91, 120, 240])
def test_post_that_is_late_in_the_list_is_not_made_twice(api, fb, sandbox, worker, lag):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    sandbox.call("POST", "settings", list_delay_seconds=lag)
    api.publish(fb, "Hello")
    worker.work_ahead(600, sandbox=sandbox)
    assert len(sandbox.posts()) == 1


def test_wrong_secret_of_ours_is_not_blamed_on_the_post(api, fb, sandbox, worker):
    sandbox.fault(
        "status",
        err(100, None, "Invalid appsecret_proof provided in the API argument"),
        method="POST",
        path="/feed$",
        times=99,
    )
    api.publish(fb, "One")
    worker.work_ahead(600)
    assert job().status != "ContentRejected"


def test_video_that_cannot_be_read_is_found_by_the_post_that_shows_it(api, fb, sandbox, worker):
    """It is told of as missing for good; the list of posts shows it at once."""
    for _ in range(2):
        sandbox.fault("delay", 0, method="POST", path="/videos$")
    sandbox.fault("drop_after", method="POST", path="/videos$")
    api.publish(fb, "A film", assets=[sandbox.clip()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    vid = job().progress["handle"]["upload"]["id"]
    sandbox.fault(
        "status", err(100, 33, "does not exist"), method="GET", path=f"/v25.0/{vid}$", times=999
    )
    worker.work_ahead(30 * 3600)
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize(
    "words",
    [
        {"video_status": "upload_complete"},
        {"video_status": "ready"},
        {"video_status": "upload_complete", "uploading_phase": {"status": "upload_complete"}},
    ],
)
def test_upload_is_complete_by_any_of_facebooks_words(api, fb, sandbox, worker, words):
    sandbox.fault("delay", 0, method="GET", path=NODE)
    sandbox.fault(
        "status",
        {"code": 200, "body": {"id": "1", "status": words}},
        method="GET",
        path=NODE,
        times=9999,
    )
    publish_film(api, fb, sandbox, "reel")
    worker.work_ahead(2 * 3600)
    assert len(sandbox.posts()) == 1


def test_account_whose_posts_are_taken_for_spam_is_left_alone(api, ig, sandbox, worker):
    sandbox.fault("status", err(4, 2207051), path=PUBLISH, times=999)
    api.publish(ig, "Once", assets=[sandbox.picture()])

    worker.work_ahead(7200)

    assert len(sandbox.calls("/media_publish", "POST")) == 1
    ig.refresh_from_db()
    assert ig.limited_until > ig.last_refreshed_at + dt.timedelta(hours=23)
    assert (job().status, job().error_code) == ("Failed", "too_late")
    assert "publish again at" in job().error_message


def test_scopes_of_facebook_login_are_those_that_were_granted(api, sandbox):
    sandbox.account("instagram", username="works")
    query = {"redirect": "false", "login": "facebook"}
    started = api.get("connections/connect/instagram", data=query).json()
    back = api.get(consent(started["authorization_url"])).json()
    confirm = {name: back[name] for name in ("attempt_id", "completion_code")}
    assert "instagram_content_publish" in api.post("connections/confirm", confirm).json()["scopes"]
    assert sandbox.calls("/me/permissions", "GET")


@pytest.mark.parametrize("login", ["facebook", ""])
def test_disconnecting_ends_no_grant_that_another_connection_lives_on(api, fb, sandbox, login):
    """Meta ends the whole login of a person, whichever of our platforms it was made for."""
    SocialConnection.objects.create(
        user_id="alice",
        platform="instagram",
        login=login,
        external_user_id=fb.external_user_id,
        access_token=fb.access_token,
    )

    assert api.delete(f"connections/{fb.pk}").status_code == 200

    revoked = sandbox.calls("/me/permissions", "DELETE")
    assert len(revoked) == (0 if login == "facebook" else 1)
