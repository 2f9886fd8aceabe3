"""TikTok, from the API in to the posts at the sandbox out."""

from __future__ import annotations

import hashlib
import struct

import pytest
import requests

from conftest import plain_post
from publishing.models import PublishJob
from socialpublishing.platforms import uploads
from socialpublishing.platforms.tiktok import payloads
from socialpublishing.platforms.tiktok.payloads import plan_of
from socialpublishing.sandbox.pages import HERE
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.films import long_box

SAID = {
    "privacy_level": "PUBLIC_TO_EVERYONE",
    "disable_comment": False,
    "disable_duet": False,
    "disable_stitch": False,
    "brand_content_toggle": False,
    "brand_organic_toggle": False,
    "music_usage_confirmed": True,
}


@pytest.fixture(autouse=True)
def instant(sandbox):
    # The lane's time runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0, tiktok_review_processing_seconds=0)


@pytest.fixture
def connection(make_connection):
    return make_connection("tiktok")


def publish(api, connection, sandbox, text="Look", assets=None, **options):
    said = {**({} if options.get("post_type") == "draft" else SAID), **options}
    assets = assets or [sandbox.clip()]
    return api.publish(connection, text, assets=assets, platform_specific_options=said)


def photo(sandbox, name="harbour.jpg"):
    return {**sandbox.picture(name), "alt_text": None}


def job():
    return PublishJob.objects.get()


def outcome():
    return job().status, job().error_code


def puts(sandbox):
    return sandbox.calls("/upload/video/", "PUT")


def rules(response):
    return [each["rule"] for each in response.json()["violations"]]


# --- What the author has to say ------------------------------------------------------------------


@pytest.mark.parametrize("missing", SAID)
def test_nothing_is_preset(api, connection, sandbox, missing):
    said = {name: value for name, value in SAID.items() if name != missing}
    response = api.publish(
        connection, "Look", assets=[sandbox.clip()], platform_specific_options=said
    )
    assert (response.status_code, rules(response)) == (400, ["option_required"])


def test_music_usage_has_to_be_agreed_to(api, connection, sandbox):
    response = publish(api, connection, sandbox, music_usage_confirmed=False)
    assert rules(response) == ["music_usage"]


@pytest.mark.parametrize(
    ("assets", "options", "rule"),
    [
        ("clip", {"title": "For photos"}, "option_of_other_media"),
        ("clip", {"auto_add_music": True}, "option_of_other_media"),
        ("photo", {"is_aigc": True}, "option_of_other_media"),
        ("photo", {"photo_cover_index": 1}, "photo_cover_index"),
        ("photo", {"title": "\N{GRINNING FACE}" * 46}, "title_length"),
        ("photo", {"title": "\N{GRINNING FACE}" * 45}, None),
        ("photo", {"photo_cover_index": 0}, None),
    ],
)
def test_options_go_with_their_media(api, connection, sandbox, assets, options, rule):
    asset = sandbox.clip() if assets == "clip" else photo(sandbox)
    response = publish(api, connection, sandbox, assets=[asset], **options)
    assert response.status_code == (400 if rule else 202)
    if rule:
        assert rules(response) == [rule]


@pytest.fixture
def file_server():
    server = FileServer()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("size", "is_taken"),
    [((1080, 1920), True), ((1920, 1080), True), ((1081, 1200), False), ((1000, 1921), False)],
)
def test_photos_fit_into_1080p(api, connection, sandbox, settings, file_server, size, is_taken):
    width, height = size
    start_of_frame = struct.pack(">HHBHH", 0xFFC0, 17, 8, height, width)
    file_server.file = whole(b"\xff\xd8" + start_of_frame + bytes(1000) + b"\xff\xd9")
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, file_server.origin]
    asset = {"url": file_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    response = publish(api, connection, sandbox, assets=[asset])
    assert (response.status_code == 202) == is_taken
    if not is_taken:
        assert rules(response) == ["photo_resolution"]


@pytest.mark.parametrize(("length", "is_taken"), [(2200, True), (2201, False)])
def test_text_of_a_video_is_shorter_than_that_of_photos(api, connection, sandbox, length, is_taken):
    response = publish(api, connection, sandbox, "x" * length)
    assert (response.status_code == 202) == is_taken
    if not is_taken:
        assert rules(response) == ["video_text_length"]
    assert (
        publish(api, connection, sandbox, "x" * length, assets=[photo(sandbox)]).status_code == 202
    )


@pytest.mark.parametrize(
    ("facts", "options", "words"),
    [
        ({"private": True}, {"disable_duet": True, "disable_stitch": True}, "FOLLOWER_OF_CREATOR"),
        ({"comment_disabled": True}, {}, "disable_comment"),
        ({"duet_disabled": True}, {}, "disable_duet"),
        ({"stitch_disabled": True}, {}, "disable_stitch"),
        ({"max_video_seconds": 4}, {}, "4 seconds"),
    ],
)
def test_what_the_creator_may_not_is_told_before_anything_is_sent(
    api, make_connection, sandbox, worker, facts, options, words
):
    connection = make_connection("tiktok", **facts)
    publish(api, connection, sandbox, **options)
    worker.work_ahead()
    assert outcome() == ("ContentRejected", "content_rejected")
    assert words in job().error_message
    assert sandbox.calls("/video/init/") == []


def test_creator_is_asked_anew_for_each_post(api, connection, sandbox, worker):
    for text in ("One", "Two"):
        publish(api, connection, sandbox, text)
        worker.work_ahead()
    assert len(sandbox.calls("/creator_info/query/")) == 2


# --- The switch ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "options", "is_taken"),
    [
        ("off", {"privacy_level": "SELF_ONLY"}, False),
        ("off", {"post_type": "draft"}, False),
        ("private", {}, False),
        ("private", {"privacy_level": "SELF_ONLY"}, True),
        ("private", {"post_type": "draft"}, True),
        ("on", {}, True),
    ],
)
def test_operator_decides_what_is_published(
    api, connection, sandbox, settings, switch, options, is_taken
):
    settings.ENABLE_TIKTOK_PUBLISHING = switch
    response = publish(api, connection, sandbox, **options)
    assert response.status_code == (202 if is_taken else 403)
    if not is_taken:
        assert response.json()["code"] == "publishing_off"


def test_switched_off_meanwhile_holds_the_post(api, connection, sandbox, worker, settings):
    publish(api, connection, sandbox)
    settings.ENABLE_TIKTOK_PUBLISHING = "off"
    worker.work_ahead(300)
    assert outcome() == ("Pending", "publishing_off")
    settings.ENABLE_TIKTOK_PUBLISHING = "on"
    worker.work_ahead(600)
    assert outcome() == ("Published", "")


def test_unaudited_app_is_the_operators_matter(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_audit="unaudited")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert outcome() == ("Failed", "platform_configuration")


# --- Chunks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "count", "last"),
    [
        (1, 1, 1),
        (5_000_000, 1, 5_000_000),
        (64_000_000, 1, 64_000_000),
        (64_000_001, 6, 14_000_001),
        (70_000_000, 7, 10_000_000),
        (1024**3, 107, 13_741_824),
        (4 * 1024**3, 429, 14_967_296),
    ],
)
def test_plan_keeps_tiktoks_rules(size, count, last):
    plan = plan_of(size)
    assert plan.count == count == size // plan.chunk
    assert size - plan.last_start == last <= 128_000_000


@pytest.fixture
def in_chunks(monkeypatch, settings, file_server):
    """A film of eleven million bytes, to be sent as a longer one would be: in two chunks."""
    monkeypatch.setattr(payloads, "SINGLE_CHUNK_BYTES", 5_000_000)
    monkeypatch.setattr(payloads, "CHUNK_BYTES", 5_000_000)
    monkeypatch.setattr(uploads, "UPLOAD_STEP_S", 0)
    clip = (HERE / "samples" / "clip.mp4").read_bytes()
    rest = 16_000_000 - len(clip)
    data = clip + long_box(b"free", rest, bytes(rest - 16))
    file_server.file = whole(data)
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, file_server.origin]
    asset = {"url": file_server.url, "asset_type": "video", "mime_type": "video/mp4"}
    return asset, hashlib.sha256(data).hexdigest()


def test_film_arrives_whole_chunk_by_chunk(api, connection, sandbox, worker, in_chunks):
    asset, sha256 = in_chunks
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert post["media"][0]["sha256"] == sha256
    assert len(puts(sandbox)) == 3
    assert requests.get(job().post_url, timeout=5).ok


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "malformed"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_lost_answer_of_any_chunk_makes_one_post(
    api, connection, sandbox, worker, in_chunks, action, number
):
    asset, sha256 = in_chunks
    for _ in range(number - 1):
        sandbox.fault("delay", 0, method="PUT", path="/upload/video/")
    sandbox.fault(action, method="PUT", path="/upload/video/")
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    [post] = sandbox.posts()
    assert post["media"][0]["sha256"] == sha256
    assert len(sandbox.calls("/video/init/")) == 1


def test_expired_address_is_asked_for_anew(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 403, "body": "expired"}, method="PUT")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/video/init/")) == 2


# --- What becomes of it --------------------------------------------------------------------------


def test_public_post_waits_for_its_id(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=60)
    publish(api, connection, sandbox)
    worker.work_ahead(10)
    assert job().status == "Processing"
    sandbox.call("POST", "clock", advance_seconds=61)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert (job().status, job().remote_id) == ("Published", post["id"])


def test_post_that_nobody_else_sees_has_no_id(api, connection, sandbox, worker):
    publish(api, connection, sandbox, privacy_level="SELF_ONLY")
    worker.work_ahead()
    assert job().status == "Published"
    assert job().remote_id.startswith("v_pub_file")
    assert job().post_url.endswith(sandbox.call("GET", "posts")[0]["url"].split("/")[-3])


def test_draft_waits_in_the_inbox(api, connection, sandbox, worker):
    publish(api, connection, sandbox, post_type="draft")
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"] == {"draft": True}
    assert job().status == "Published"
    assert sandbox.calls("/creator_info/") == []


def failed(reason):
    body = {"data": {"status": "FAILED", "fail_reason": reason}, "error": {"code": "ok"}}
    return {"code": 200, "body": body}


@pytest.mark.parametrize(
    ("reason", "status", "inits"),
    [
        ("frame_rate_check_failed", "ContentRejected", 1),
        ("spam_risk_user_banned_from_posting", "ContentRejected", 1),
        ("internal", "Published", 2),
        ("video_pull_failed", "Published", 2),
    ],
)
def test_failure_is_told_or_begun_anew(api, connection, sandbox, worker, reason, status, inits):
    sandbox.fault("status", failed(reason), path="/status/fetch/")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert job().status == status
    assert len(sandbox.calls("/video/init/")) == inits


# --- Photos --------------------------------------------------------------------------------------


def test_photos_are_pulled_in_their_order(api, connection, sandbox, worker):
    names = ["harbour.jpg", "mountains.jpg", "bakery.jpg"]
    assets = [photo(sandbox, name) for name in names]
    publish(api, connection, sandbox, "Three", assets=assets, photo_cover_index=2)
    worker.work_ahead()
    [post] = sandbox.posts()
    sent = [requests.get(asset["url"], timeout=5).content for asset in assets]
    assert [each["sha256"] for each in post["media"]] == [
        hashlib.sha256(data).hexdigest() for data in sent
    ]
    assert post["details"]["photo_cover_index"] == 2
    assert "/photo/" in job().post_url


def test_public_photos_whose_answer_was_lost_are_found_if_listed(api, connection, sandbox, worker):
    sandbox.fault("drop_after", path="/content/init/")
    publish(api, connection, sandbox, "Once", assets=[photo(sandbox)])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


def test_private_photos_whose_answer_was_lost_are_left_to_a_person(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_after", path="/content/init/")
    publish(api, connection, sandbox, "Once", assets=[photo(sandbox)], privacy_level="SELF_ONLY")
    worker.work_ahead(7200)
    assert outcome() == ("Unconfirmed", "outcome_unknown")
    assert len(sandbox.calls("/content/init/")) == 1


# --- Limits --------------------------------------------------------------------------------------


def test_daily_cap_is_waited_for(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_daily_posts=1)
    for text in ("One", "Two"):
        body = plain_post(connection, text, late_grace_seconds=6 * 86400)
        assert api.post("publishing/publish", body).status_code == 202
    worker.work_ahead(600)
    assert len(sandbox.posts()) == 1
    waiting = PublishJob.objects.exclude(status="Published").get()
    assert (waiting.status, waiting.error_code) == ("Pending", "rate_limited")
    sandbox.call("POST", "clock", advance_seconds=86401)
    worker.work_ahead(7300)
    assert len(sandbox.posts()) == 2


@pytest.mark.parametrize(
    ("code", "status", "error_code"),
    [
        ("reached_active_user_cap", "Pending", "rate_limited"),
        ("spam_risk_user_banned_from_posting", "ContentRejected", "content_rejected"),
        ("scope_not_authorized", "Failed", "permission_missing"),
    ],
)
def test_refusals_that_come_as_a_success_are_refusals(
    api, connection, sandbox, worker, code, status, error_code
):
    body = {"data": {}, "error": {"code": code, "message": "no", "log_id": "1"}}
    sandbox.fault("status", {"code": 200, "body": body}, path="/creator_info/", times=99)
    publish(api, connection, sandbox)
    worker.work()
    assert (job().status, job().error_code) == (status, error_code)


@pytest.mark.parametrize("status", ["4xx", "200"])
def test_dead_refresh_token_needs_its_owner_with_any_status(api, connection, sandbox, status):
    sandbox.call("POST", "settings", tiktok_oauth_errors=status)
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    connection.refresh_token = None
    body = {"error": "invalid_grant", "error_description": "no", "log_id": "1"}
    value = {"code": 200 if status == "200" else 400, "body": body}
    sandbox.fault("status", value, path="/oauth/token/", times=9)
    response = api.post(f"connections/{connection.pk}/refresh")
    assert (response.status_code, response.json()["code"]) == (403, "needs_reauth")


# --- What goes wrong on the way ------------------------------------------------------------------

PUT = {"method": "PUT", "path": "/upload/video/"}


@pytest.mark.parametrize("case", ["captionless", "self_only", "draft"])
def test_lost_photos_are_not_taken_for_somebodys_film(api, connection, sandbox, worker, case):
    text = "" if case == "captionless" else "Same words"
    publish(api, connection, sandbox, text=text)  # made in the app, as far as we know
    worker.work_ahead()
    PublishJob.objects.all().delete()
    sandbox.fault("drop_before", path="/content/init/")
    more = {
        "captionless": {},
        "self_only": {"privacy_level": "SELF_ONLY"},
        "draft": {"post_type": "draft"},
    }[case]
    publish(api, connection, sandbox, text=text, assets=[photo(sandbox)], **more)
    worker.work_ahead(3600)
    assert job().status == "Unconfirmed"


def test_upload_that_is_gone_is_begun_anew(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 404, "body": "no such task"}, times=4, **PUT)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.calls("/video/init/")) > 1


def test_upload_that_is_gone_midway_is_no_refusal_of_content(
    api, connection, sandbox, worker, in_chunks
):
    asset, _ = in_chunks
    body = {"data": {}, "error": {"code": "invalid_publish_id", "message": "no", "log_id": "1"}}
    sandbox.fault("status", {"code": 400, "body": body}, path="/status/fetch/")
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead(3000)
    assert job().status == "Published"


def test_film_is_begun_anew_only_once_the_old_task_is_over(api, connection, sandbox, worker):
    """All of it arrived, the answer was lost, the status lags; then the address has ended."""
    stale = {
        "code": 200,
        "body": {
            "data": {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0},
            "error": {"code": "ok"},
        },
    }
    sandbox.fault("drop_after", **PUT)
    sandbox.fault("status", {"code": 403, "body": "expired"}, **PUT)
    sandbox.fault("status", stale, path="/status/fetch/", times=6)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.posts()) == 1


def test_film_whose_address_is_used_up_is_not_made_twice(api, connection, sandbox, worker):
    stale = {
        "code": 200,
        "body": {
            "data": {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0},
            "error": {"code": "ok"},
        },
    }
    sandbox.fault("delay", 0, **PUT)
    sandbox.fault("status", {"code": 403, "body": "used up"}, **PUT)
    sandbox.fault("status", stale, path="/status/fetch/", times=4)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.posts()) == 1


def test_draft_that_was_finished_has_an_address(api, connection, sandbox, worker):
    done = {
        "code": 200,
        "body": {
            "data": {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": []},
            "error": {"code": "ok"},
        },
    }
    sandbox.fault("status", done, path="/status/fetch/", times=9)
    publish(api, connection, sandbox, post_type="draft")
    worker.work_ahead()
    assert not job().post_url.endswith("/@")


def test_answer_without_its_fields_is_asked_for_again(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 200, "body": {"error": {"code": "ok"}}}, path="/creator_info/")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert job().status == "Published"


def test_full_inbox_does_not_hold_up_direct_posts(api, connection, sandbox, worker):
    body = {
        "data": {},
        "error": {"code": "spam_risk_too_many_pending_share", "message": "no", "log_id": "1"},
    }
    sandbox.fault("status", {"code": 403, "body": body}, path="/inbox/video/init/", times=99)
    publish(api, connection, sandbox, "Draft", post_type="draft")
    b = publish(api, connection, sandbox, "Direct").json()["job_id"]
    worker.work_ahead(7000)
    data = PublishJob.objects.get(pk=b)
    assert data.status == "Published"


def test_code_that_no_list_knows_leaves_the_outcome_open(api, connection, sandbox, worker):
    """A code that no list knows says nothing certain of the call."""
    body = {"data": {}, "error": {"code": "some_new_code", "message": "hm", "log_id": "1"}}
    sandbox.fault("status", {"code": 200, "body": body}, path="/content/init/")
    publish(api, connection, sandbox, "Photos", assets=[photo(sandbox)])
    worker.work_ahead(30)
    assert job().status == "Unconfirmed"


def test_creator_is_asked_right_before_each_begin(api, connection, sandbox, worker):
    limit = {"code": 429, "headers": {"Retry-After": "1800"}}
    sandbox.fault("status", limit, path="/video/init/")
    publish(api, connection, sandbox)

    worker.work_ahead(3000)

    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/creator_info/")) == 2
