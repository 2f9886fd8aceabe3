"""TikTok, from a request to our API to the post in the sandbox."""

from __future__ import annotations

import hashlib
import struct

import pytest
import requests

from conftest import plain_post
from publishing.models import PublishJob
from socialpublishing.platforms import uploads
from socialpublishing.platforms.tiktok import payloads
from socialpublishing.platforms.tiktok.payloads import plans_of
from socialpublishing.sandbox.pages import HERE
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.sample_videos import long_box

REQUIRED = {
    "privacy_level": "PUBLIC_TO_EVERYONE",
    "disable_comment": False,
    "disable_duet": False,
    "disable_stitch": False,
    "brand_content_toggle": False,
    "brand_organic_toggle": False,
    "music_usage_confirmed": True,
}


@pytest.fixture(autouse=True)
def no_processing_time(sandbox):
    # The worker's clock is moved forward, the sandbox's is not.
    sandbox.call("POST", "settings", processing_seconds=0, tiktok_review_processing_seconds=0)


@pytest.fixture
def connection(make_connection):
    return make_connection("tiktok")


def publish(api, connection, sandbox, text="Look", assets=None, **options):
    required = {} if options.get("post_type") == "draft" else REQUIRED
    assets = assets or [sandbox.clip()]
    options = {**required, **options}
    return api.publish(connection, text, assets=assets, platform_specific_options=options)


def photo(sandbox, name="harbour.jpg"):
    return {**sandbox.picture(name), "alt_text": None}


def job():
    return PublishJob.objects.get()


def outcome():
    return job().status, job().error_code


def puts(sandbox):
    return sandbox.calls("/upload/video/", "PUT")


def error_body(code):
    return {"data": {}, "error": {"code": code, "message": "no", "log_id": "1"}}


def status_response(**data):
    return {"code": 200, "body": {"data": data, "error": {"code": "ok"}}}


def broken_rules(response):
    return [each["rule"] for each in response.json()["violations"]]


# --- Options and limits of content ---------------------------------------------------------------


@pytest.mark.parametrize("missing", REQUIRED)
def test_required_options_have_no_defaults(api, connection, sandbox, missing):
    options = {name: value for name, value in REQUIRED.items() if name != missing}
    response = api.publish(
        connection, "Look", assets=[sandbox.clip()], platform_specific_options=options
    )
    assert (response.status_code, broken_rules(response)) == (400, ["option_required"])


def test_music_usage_has_to_be_agreed_to(api, connection, sandbox):
    response = publish(api, connection, sandbox, music_usage_confirmed=False)
    assert broken_rules(response) == ["music_usage"]


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
def test_options_are_refused_with_the_wrong_media(api, connection, sandbox, assets, options, rule):
    asset = sandbox.clip() if assets == "clip" else photo(sandbox)
    response = publish(api, connection, sandbox, assets=[asset], **options)
    assert response.status_code == (400 if rule else 202)
    if rule:
        assert broken_rules(response) == [rule]


@pytest.fixture
def file_server():
    server = FileServer()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("size", "is_accepted"),
    [((1080, 1920), True), ((1920, 1080), True), ((1081, 1200), False), ((1000, 1921), False)],
)
def test_photos_fit_into_1080p(api, connection, sandbox, settings, file_server, size, is_accepted):
    width, height = size
    start_of_frame = struct.pack(">HHBHH", 0xFFC0, 17, 8, height, width)
    file_server.file = whole(b"\xff\xd8" + start_of_frame + bytes(1000) + b"\xff\xd9")
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, file_server.origin]
    asset = {"url": file_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    response = publish(api, connection, sandbox, assets=[asset])
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert broken_rules(response) == ["photo_resolution"]


@pytest.mark.parametrize(("length", "is_accepted"), [(2200, True), (2201, False)])
def test_text_of_a_video_is_shorter_than_that_of_photos(
    api, connection, sandbox, length, is_accepted
):
    response = publish(api, connection, sandbox, "x" * length)
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert broken_rules(response) == ["video_text_length"]
    assert (
        publish(api, connection, sandbox, "x" * length, assets=[photo(sandbox)]).status_code == 202
    )


@pytest.mark.parametrize(
    ("facts", "options", "detail"),
    [
        ({"private": True}, {"disable_duet": True, "disable_stitch": True}, "FOLLOWER_OF_CREATOR"),
        ({"comment_disabled": True}, {}, "disable_comment"),
        ({"duet_disabled": True}, {}, "disable_duet"),
        ({"stitch_disabled": True}, {}, "disable_stitch"),
        ({"max_video_seconds": 4}, {}, "4 seconds"),
    ],
)
def test_post_that_the_creator_may_not_publish_is_refused_before_the_upload(
    api, make_connection, sandbox, worker, facts, options, detail
):
    connection = make_connection("tiktok", **facts)
    publish(api, connection, sandbox, **options)
    worker.work_ahead()
    assert outcome() == ("ContentRejected", "content_rejected")
    assert detail in job().error_message
    assert sandbox.calls("/video/init/") == []


def test_creator_info_is_read_for_each_post(api, connection, sandbox, worker):
    for text in ("One", "Two"):
        publish(api, connection, sandbox, text)
        worker.work_ahead()
    assert len(sandbox.calls("/creator_info/query/")) == 2


# --- ENABLE_TIKTOK_PUBLISHING --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "options", "is_accepted"),
    [
        ("off", {"privacy_level": "SELF_ONLY"}, False),
        ("off", {"post_type": "draft"}, False),
        ("private", {}, False),
        ("private", {"privacy_level": "SELF_ONLY"}, True),
        ("private", {"post_type": "draft"}, True),
        ("on", {}, True),
    ],
)
def test_setting_decides_what_is_accepted(
    api, connection, sandbox, settings, switch, options, is_accepted
):
    settings.ENABLE_TIKTOK_PUBLISHING = switch
    response = publish(api, connection, sandbox, **options)
    assert response.status_code == (202 if is_accepted else 403)
    if not is_accepted:
        assert response.json()["code"] == "publishing_off"


def test_post_is_deferred_while_publishing_is_switched_off(
    api, connection, sandbox, worker, settings
):
    publish(api, connection, sandbox)
    settings.ENABLE_TIKTOK_PUBLISHING = "off"
    worker.work_ahead(300)
    assert outcome() == ("Pending", "publishing_off")
    settings.ENABLE_TIKTOK_PUBLISHING = "on"
    worker.work_ahead(600)
    assert outcome() == ("Published", "")


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
def test_upload_plan_obeys_tiktoks_rules(size, count, last):
    first, *others = plans_of(size)
    assert (first.count, size - first.last_start) == (count, last)
    assert len(others) == (size >= 20_000_000)
    for plan in (first, *others):
        assert plan.count == size // plan.chunk_bytes <= 1000
        assert size - plan.last_start <= 128_000_000
        assert plan.count == 1 or 5_000_000 <= plan.chunk_bytes <= 64_000_000
        assert plan.count > 1 or plan.chunk_bytes == size
    assert len({plan.chunk_bytes for plan in (first, *others)}) == 1 + len(others)


@pytest.fixture
def large_video(monkeypatch, settings, file_server):
    """A video of 16 million bytes, which is sent in three chunks, and its SHA-256."""
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


def test_video_in_chunks_arrives_complete(api, connection, sandbox, worker, large_video):
    asset, sha256 = large_video
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert post["media"][0]["sha256"] == sha256
    assert len(puts(sandbox)) == 3
    assert requests.get(job().post_url, timeout=5).ok


@pytest.mark.parametrize("action", ["drop_before", "drop_after", "malformed"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_lost_response_to_any_chunk_makes_one_post(
    api, connection, sandbox, worker, large_video, action, number
):
    asset, sha256 = large_video
    for _ in range(number - 1):
        sandbox.fault("delay", 0, method="PUT", path="/upload/video/")
    sandbox.fault(action, method="PUT", path="/upload/video/")
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    [post] = sandbox.posts()
    assert post["media"][0]["sha256"] == sha256
    assert len(sandbox.calls("/video/init/")) == 1


def test_upload_is_restarted_after_its_address_expired(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 403, "body": "expired"}, method="PUT")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/video/init/")) == 2


# --- Status and ids ------------------------------------------------------------------------------


def test_job_waits_for_the_id_of_a_public_post(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_review_processing_seconds=60)
    publish(api, connection, sandbox)
    worker.work_ahead(10)
    assert job().status == "Processing"
    sandbox.call("POST", "clock", advance_seconds=61)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert (job().status, job().remote_id) == ("Published", post["id"])


def test_private_post_has_its_publish_id_as_id(api, connection, sandbox, worker):
    publish(api, connection, sandbox, privacy_level="SELF_ONLY")
    worker.work_ahead()
    assert job().status == "Published"
    assert job().remote_id.startswith("v_pub_file")
    assert job().post_url.endswith(sandbox.call("GET", "posts")[0]["url"].split("/")[-3])


def test_draft_is_published_to_the_inbox(api, connection, sandbox, worker):
    publish(api, connection, sandbox, post_type="draft")
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"] == {"draft": True}
    assert job().status == "Published"
    assert sandbox.calls("/creator_info/") == []


@pytest.mark.parametrize(
    ("reason", "status", "inits"),
    [
        ("frame_rate_check_failed", "ContentRejected", 1),
        ("spam_risk_text", "ContentRejected", 1),
        ("internal", "Published", 2),
        ("video_pull_failed", "Published", 2),
    ],
)
def test_failure_is_reported_or_published_again(
    api, connection, sandbox, worker, reason, status, inits
):
    failed = status_response(status="FAILED", fail_reason=reason)
    sandbox.fault("status", failed, path="/status/fetch/")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert job().status == status
    assert len(sandbox.calls("/video/init/")) == inits


# --- Photos --------------------------------------------------------------------------------------


def test_tiktok_pulls_photos_in_their_order(api, connection, sandbox, worker):
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


def test_lookup_finds_public_photos_after_a_lost_response(api, connection, sandbox, worker):
    sandbox.fault("drop_after", path="/content/init/")
    publish(api, connection, sandbox, "Once", assets=[photo(sandbox)])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


def test_private_photos_stay_unconfirmed_after_a_lost_response(api, connection, sandbox, worker):
    sandbox.fault("drop_after", path="/content/init/")
    publish(api, connection, sandbox, "Once", assets=[photo(sandbox)], privacy_level="SELF_ONLY")
    worker.work_ahead(7200)
    assert outcome() == ("Unconfirmed", "outcome_unknown")
    assert len(sandbox.calls("/content/init/")) == 1


# --- Limits --------------------------------------------------------------------------------------


def test_job_waits_for_the_end_of_the_daily_limit(api, connection, sandbox, worker):
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
        ("spam_risk_user_banned_from_posting", "Pending", "account_blocked"),
        ("scope_not_authorized", "Failed", "permission_missing"),
    ],
)
def test_refusals_with_a_status_of_success_are_refusals(
    api, connection, sandbox, worker, code, status, error_code
):
    sandbox.fault(
        "status", {"code": 200, "body": error_body(code)}, path="/creator_info/", times=99
    )
    publish(api, connection, sandbox)
    worker.work()
    assert (job().status, job().error_code) == (status, error_code)


@pytest.mark.parametrize("status", ["4xx", "200"])
def test_invalid_refresh_token_needs_the_owner_whatever_the_status(
    api, connection, sandbox, status
):
    sandbox.call("POST", "settings", tiktok_oauth_errors=status)
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    connection.refresh_token = None
    body = {"error": "invalid_grant", "error_description": "no", "log_id": "1"}
    value = {"code": 200 if status == "200" else 400, "body": body}
    sandbox.fault("status", value, path="/oauth/token/", times=9)
    response = api.post(f"connections/{connection.pk}/refresh")
    assert (response.status_code, response.json()["code"]) == (403, "needs_reauth")


# --- Failures ------------------------------------------------------------------------------------

PUT = {"method": "PUT", "path": "/upload/video/"}


@pytest.mark.parametrize("case", ["captionless", "self_only", "draft"])
def test_lookup_of_photos_ignores_videos_with_the_same_text(api, connection, sandbox, worker, case):
    text = "" if case == "captionless" else "Same words"
    publish(api, connection, sandbox, text=text)  # without its job, as if made in the app
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


def test_upload_that_no_longer_exists_is_restarted(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 404, "body": "no such task"}, times=4, **PUT)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.calls("/video/init/")) > 1


def test_upload_that_disappears_midway_is_restarted(api, connection, sandbox, worker, large_video):
    asset, _ = large_video
    body = error_body("invalid_publish_id")
    sandbox.fault("status", {"code": 400, "body": body}, path="/status/fetch/")
    publish(api, connection, sandbox, assets=[asset])
    worker.work_ahead(3000)
    assert job().status == "Published"


def test_upload_that_may_be_complete_is_not_restarted(api, connection, sandbox, worker):
    """All bytes arrived, the response was lost, the status lags, then the address expires."""
    stale = status_response(status="PROCESSING_UPLOAD", uploaded_bytes=0)
    sandbox.fault("drop_after", **PUT)
    sandbox.fault("status", {"code": 403, "body": "expired"}, **PUT)
    sandbox.fault("status", stale, path="/status/fetch/", times=6)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.posts()) == 1


def test_complete_upload_whose_address_is_refused_makes_one_post(api, connection, sandbox, worker):
    stale = status_response(status="PROCESSING_UPLOAD", uploaded_bytes=0)
    sandbox.fault("delay", 0, **PUT)
    sandbox.fault("status", {"code": 403, "body": "complete"}, **PUT)
    sandbox.fault("status", stale, path="/status/fetch/", times=4)
    publish(api, connection, sandbox)
    worker.work_ahead(3000)
    assert len(sandbox.posts()) == 1


def test_finished_draft_has_a_usable_address(api, connection, sandbox, worker):
    finished = status_response(status="PUBLISH_COMPLETE", publicaly_available_post_id=[])
    sandbox.fault("status", finished, path="/status/fetch/", times=9)
    publish(api, connection, sandbox, post_type="draft")
    worker.work_ahead()
    assert not job().post_url.endswith("/@")


def test_malformed_creator_info_is_requested_again(api, connection, sandbox, worker):
    sandbox.fault("status", {"code": 200, "body": {"error": {"code": "ok"}}}, path="/creator_info/")
    publish(api, connection, sandbox)
    worker.work_ahead()
    assert job().status == "Published"


def test_full_inbox_does_not_defer_direct_posts(api, connection, sandbox, worker):
    body = error_body("spam_risk_too_many_pending_share")
    sandbox.fault("status", {"code": 403, "body": body}, path="/inbox/video/init/", times=99)
    publish(api, connection, sandbox, "Draft", post_type="draft")
    job_id = publish(api, connection, sandbox, "Direct").json()["job_id"]
    worker.work_ahead(7000)
    assert PublishJob.objects.get(pk=job_id).status == "Published"


def test_unknown_code_with_a_status_of_success_leaves_the_job_in_doubt(
    api, connection, sandbox, worker
):
    body = error_body("some_new_code")
    sandbox.fault("status", {"code": 200, "body": body}, path="/content/init/")
    publish(api, connection, sandbox, "Photos", assets=[photo(sandbox)])
    worker.work_ahead(30)
    assert job().status == "Unconfirmed"


def test_creator_info_is_read_again_before_a_retry(api, connection, sandbox, worker):
    limit = {"code": 429, "headers": {"Retry-After": "1800"}}
    sandbox.fault("status", limit, path="/video/init/")
    publish(api, connection, sandbox)

    worker.work_ahead(3000)

    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/creator_info/")) == 2
