"""What TikTok lets a creator and our app do: shown before a post is written, checked when due."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from publishing.models import PublishJob
from publishing.tests.platforms.test_tiktok import (
    REQUIRED,
    broken_rules,
    error_body,
    job,
    outcome,
    photo,
    publish,
)
from socialpublishing.platforms.pauses import PlatformPause

pytestmark = pytest.mark.usefixtures("instant_processing")

WITHOUT_VIDEO_SWITCHES = {
    name: value
    for name, value in REQUIRED.items()
    if name not in {"disable_duet", "disable_stitch"}
}
USER = "user.info.basic"


@pytest.fixture
def connection(make_connection):
    return make_connection("tiktok", username="baker", name="The Baker")


def offered(api, connection):
    response = api.get(f"connections/{connection.pk}/posting-options")
    assert response.status_code == 200, response.json()
    return response.json()


def validate(api, connection, sandbox, assets=None, **options):
    body = {
        "connection_id": str(connection.pk),
        "text_content": "Look",
        "assets": assets or [sandbox.clip()],
        "platform_specific_options": {**REQUIRED, **options},
    }
    response = api.post("publishing/validate", body)
    assert response.status_code == 200, response.json()
    return [each["rule"] for each in response.json()["violations"]]


# --- Posting options -----------------------------------------------------------------------------


@pytest.mark.behaviour(
    "TikTok's audit wants forms to show the creator's name and picture, the privacy levels on "
    "offer, greyed-out switches and the longest video: posting options have them, read live"
)
def test_posting_options_have_what_tiktoks_audit_wants_forms_to_show(api, make_connection, sandbox):
    facts = {"comment_disabled": True, "duet_disabled": True, "max_video_seconds": 180}
    connection = make_connection("tiktok", username="baker", name="The Baker", **facts)

    options = offered(api, connection)

    assert (options["can_post"], options["reason"]) == (True, None)
    assert options["display_name"] == "The Baker"
    assert options["avatar_url"].startswith(sandbox.url)
    assert options["choices"]["privacy_level"] == [
        {"value": "PUBLIC_TO_EVERYONE", "label": "Everyone"},
        {"value": "MUTUAL_FOLLOW_FRIENDS", "label": "Friends"},
        {"value": "SELF_ONLY", "label": "Only you"},
    ]
    assert options["disabled"] == ["disable_comment", "disable_duet"]
    assert [each["value"] for each in options["choices"]["disable_comment"]] == [True]
    assert options["max_duration_s"] == 180
    assert options["remaining"] is None


@pytest.mark.behaviour("Creators change what they allow at any time: posting options show it")
def test_posting_options_follow_a_change_of_the_account(api, connection, sandbox):
    assert offered(api, connection)["disabled"] == []

    sandbox.call("POST", "accounts", platform="tiktok", username="baker", private=True)
    cache.clear()  # as after a minute

    options = offered(api, connection)
    assert options["disabled"] == ["disable_duet", "disable_stitch"]
    assert options["choices"]["privacy_level"][0]["value"] == "FOLLOWER_OF_CREATOR"


@pytest.mark.behaviour(
    "TikTok's creator_info refuses with status 200 when the creator is banned or has posted too "
    "much: posting options say that the account cannot post, and why"
)
@pytest.mark.parametrize(
    ("code", "reason", "remaining"),
    [
        ("spam_risk_too_many_posts", "no more posts", {"count": 0, "until": None}),
        ("spam_risk_user_banned_from_posting", "banned", None),
        ("reached_active_user_cap", "daily limit", None),
        ("scope_not_authorized", "video.publish", None),
    ],
)
@pytest.mark.parametrize("status", [200, 403])
def test_posting_options_say_why_the_creator_cannot_post(
    api, connection, sandbox, code, reason, remaining, status
):
    sandbox.fault("status", {"code": status, "body": error_body(code)}, path="/creator_info/")
    options = offered(api, connection)
    assert options["can_post"] is False
    assert reason in options["reason"]
    assert options["display_name"]
    assert options["remaining"] == remaining


def test_limit_of_our_own_requests_does_not_concern_posting(api, connection, sandbox):
    body = error_body("rate_limit_exceeded")
    sandbox.fault("status", {"code": 429, "body": body}, path="/creator_info/")
    response = api.get(f"connections/{connection.pk}/posting-options")
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")


@pytest.mark.behaviour(
    "Before TikTok's audit only private accounts can post, visible to the creator alone: posting "
    "options offer no more while ENABLE_TIKTOK_PUBLISHING is private"
)
@pytest.mark.parametrize("is_private", [True, False])
def test_posting_options_before_the_audit(api, make_connection, settings, is_private):
    settings.ENABLE_TIKTOK_PUBLISHING = "private"
    options = offered(api, make_connection("tiktok", private=is_private))
    assert options["can_post"] == is_private
    if is_private:
        assert [each["value"] for each in options["choices"]["privacy_level"]] == ["SELF_ONLY"]
    else:
        assert "Private account" in options["reason"]


def test_posting_options_while_publishing_is_switched_off(api, connection, sandbox, settings):
    settings.ENABLE_TIKTOK_PUBLISHING = "off"
    options = offered(api, connection)
    assert (options["can_post"], options["reason"]) == (
        False,
        "Publishing to TikTok is switched off here.",
    )
    assert sandbox.calls("/creator_info/") == []


@pytest.mark.behaviour("TikTok offers each creator other choices: validate knows them")
@pytest.mark.parametrize(
    ("facts", "options", "rules"),
    [
        ({}, {}, []),
        ({}, {"privacy_level": "FOLLOWER_OF_CREATOR"}, ["privacy_level"]),
        ({"comment_disabled": True}, {}, ["interaction_disabled"]),
        ({"comment_disabled": True}, {"disable_comment": True}, []),
        ({"duet_disabled": True, "stitch_disabled": True}, {}, ["interaction_disabled"] * 2),
        ({"max_video_seconds": 4}, {}, ["media_duration"]),
    ],
)
def test_validate_knows_what_the_creator_may_choose(
    api, make_connection, sandbox, facts, options, rules
):
    connection = make_connection("tiktok", **facts)
    assert validate(api, connection, sandbox, **options) == rules


def test_photos_need_no_choice_about_duets(api, make_connection, sandbox):
    connection = make_connection("tiktok", duet_disabled=True, stitch_disabled=True)
    assert validate(api, connection, sandbox, assets=[photo(sandbox)]) == []


# --- Options -------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Duets and stitches are made of videos only: a post with photos needs no choice about them"
)
@pytest.mark.parametrize(("medium", "status"), [("photo", 202), ("clip", 400)])
def test_required_options_depend_on_the_medium(api, connection, sandbox, worker, medium, status):
    asset = photo(sandbox) if medium == "photo" else sandbox.clip()
    options = WITHOUT_VIDEO_SWITCHES
    response = api.publish(connection, "Look", assets=[asset], platform_specific_options=options)
    assert response.status_code == status
    if status == 400:
        assert broken_rules(response) == ["option_required", "option_required"]
    else:
        worker.work_ahead()
        assert outcome() == ("Published", "")


@pytest.mark.behaviour("TikTok never allows branded content that only the creator can see")
@pytest.mark.parametrize("medium", ["photo", "clip"])
@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"brand_content_toggle": True, "privacy_level": "SELF_ONLY"}, ["branded_content_privacy"]),
        ({"brand_content_toggle": True}, []),
        ({"brand_organic_toggle": True, "privacy_level": "SELF_ONLY"}, []),
    ],
)
def test_branded_content_is_never_private(api, connection, sandbox, medium, options, rules):
    asset = photo(sandbox) if medium == "photo" else sandbox.clip()
    response = publish(api, connection, sandbox, assets=[asset], **options)
    assert response.status_code == (400 if rules else 202)
    if rules:
        assert broken_rules(response) == rules


@pytest.mark.behaviour("TikTok carries no alt texts: they are left out, with a warning")
def test_alt_texts_of_photos_are_left_out_with_a_warning(api, connection, sandbox, worker):
    response = publish(api, connection, sandbox, assets=[sandbox.picture()])
    assert response.status_code == 202
    assert [each["code"] for each in response.json()["warnings"]] == ["alt_text_left_out"]
    worker.work_ahead()
    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "TikTok ignores the text of a draft with a video: the draft goes out, with a warning"
)
@pytest.mark.parametrize(
    ("medium", "text", "codes"),
    [("clip", "Look", ["text_left_out"]), ("clip", "", []), ("photo", "Look", [])],
)
def test_lost_text_of_a_draft_is_a_warning(api, connection, sandbox, medium, text, codes):
    asset = photo(sandbox) if medium == "photo" else sandbox.clip()
    response = publish(api, connection, sandbox, text, assets=[asset], post_type="draft")
    assert response.status_code == 202
    assert [each["code"] for each in response.json()["warnings"]] == codes


# --- Scopes --------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "TikTok lets the user untick scopes: drafts need video.upload, posts need video.publish, and "
    "the missing one is named"
)
@pytest.mark.parametrize("medium", ["photo", "clip"])
@pytest.mark.parametrize(
    ("scope", "post_type", "missing"),
    [
        ("video.publish", "feed", None),
        ("video.upload", "draft", None),
        ("video.upload", "feed", "video.publish"),
        ("video.publish", "draft", "video.upload"),
    ],
)
def test_each_kind_of_post_needs_its_own_scope(
    api, make_connection, sandbox, worker, medium, scope, post_type, missing
):
    connection = make_connection("tiktok", scopes=[USER, scope])
    asset = photo(sandbox) if medium == "photo" else sandbox.clip()
    response = publish(api, connection, sandbox, assets=[asset], post_type=post_type)
    if missing:
        assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
        assert missing in response.json()["detail"]
    else:
        assert response.status_code == 202, response.json()
        worker.work_ahead()
        assert outcome() == ("Published", "")


def test_scope_that_ended_since_is_named_by_the_job(api, connection, sandbox, worker):
    publish(api, connection, sandbox, post_type="draft")
    sandbox.call(
        "POST", "accounts", platform="tiktok", username="baker", scopes=[USER, "video.publish"]
    )
    worker.work_ahead()
    assert outcome() == ("Failed", "permission_missing")
    assert "video.upload" in job().error_message


# --- What heals without the user -----------------------------------------------------------------


@pytest.mark.behaviour(
    "TikTok lets an unaudited app post to private accounts only: posts wait for the operator, "
    "drafts go out meanwhile"
)
def test_posts_of_an_unaudited_app_wait_and_drafts_go_out(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_audit="unaudited")
    publish(api, connection, sandbox)
    worker.work()
    assert outcome() == ("Pending", "platform_configuration")
    assert (job().waiting_for, job().who_acts) == ("operator", "operator")
    draft = publish(api, connection, sandbox, post_type="draft").json()["job_id"]
    worker.work()
    assert PublishJob.objects.get(pk=draft).status == "Published"

    sandbox.call("POST", "settings", tiktok_audit="audited")
    worker.work_ahead(3600)

    assert set(PublishJob.objects.values_list("status", flat=True)) == {"Published"}
    assert not PlatformPause.objects.exists()
    assert len(sandbox.posts()) == 2


@pytest.mark.behaviour(
    "An unaudited app may not post to a public account, not even for the creator alone: before the "
    "audit such a post waits until the owner has switched the account to private"
)
def test_post_to_a_public_account_waits_before_the_audit(
    api, connection, sandbox, worker, settings
):
    settings.ENABLE_TIKTOK_PUBLISHING = "private"
    sandbox.call("POST", "settings", tiktok_audit="unaudited")
    off = {"disable_duet": True, "disable_stitch": True}
    publish(api, connection, sandbox, privacy_level="SELF_ONLY", **off)
    worker.work()
    assert outcome() == ("Pending", "account_blocked")
    assert job().who_acts == "owner"
    assert not PlatformPause.objects.exists()
    assert sandbox.calls("/video/init/") == []

    sandbox.call("POST", "accounts", platform="tiktok", username="baker", private=True)
    worker.work_ahead(3600)

    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "TikTok pulls photos from verified addresses only: posts with photos wait for the operator and "
    "name the prefix to verify; videos go out meanwhile"
)
def test_photos_of_an_unverified_address_wait_and_videos_go_out(
    api, connection, sandbox, worker, service_url
):
    sandbox.call("POST", "settings", tiktok_verified_prefix="https://cdn.example/")
    publish(api, connection, sandbox, assets=[photo(sandbox)])
    worker.work()
    assert outcome() == ("Pending", "platform_configuration")
    assert f"{service_url}/media/" in job().error_message
    video = publish(api, connection, sandbox).json()["job_id"]
    worker.work()
    assert PublishJob.objects.get(pk=video).status == "Published"

    sandbox.call("POST", "settings", tiktok_verified_prefix=f"{service_url}/media/")
    worker.work_ahead(3600)

    assert set(PublishJob.objects.values_list("status", flat=True)) == {"Published"}
    assert not PlatformPause.objects.exists()
    assert len(sandbox.posts()) == 2


@pytest.mark.behaviour(
    "TikTok limits how many creators an app serves a day: the posts of all wait, and none fails"
)
def test_posts_wait_while_the_app_has_too_many_creators(api, make_connection, sandbox, worker):
    sandbox.call("POST", "settings", tiktok_active_creators=1)
    for text in ("One", "Two"):
        publish(api, make_connection("tiktok"), sandbox, text)
        worker.work()
    waiting = PublishJob.objects.exclude(status="Published").get()
    assert (waiting.status, waiting.error_code) == ("Pending", "rate_limited")

    sandbox.call("POST", "settings", tiktok_active_creators=2)
    worker.work_ahead(7100)

    assert len(sandbox.posts()) == 2


@pytest.mark.behaviour(
    "TikTok bans creators from posting for spam, at once or after the upload: the owner has to act "
    "in TikTok's app, the content is not at fault"
)
@pytest.mark.parametrize("post_type", ["feed", "draft"])
@pytest.mark.parametrize("is_banned_later", [False, True])
def test_posts_of_a_banned_creator_wait_for_the_owner(
    api, connection, sandbox, worker, post_type, is_banned_later
):
    banned = {"platform": "tiktok", "username": "baker"}
    sandbox.call("POST", "accounts", **banned, banned=True)
    if is_banned_later:
        body = {"status": "FAILED", "fail_reason": "spam_risk_user_banned_from_posting"}
        value = {"code": 200, "body": {"data": body, "error": {"code": "ok"}}}
        sandbox.call("POST", "accounts", **banned, banned=False)
        sandbox.fault("status", value, path="/status/fetch/")
    publish(api, connection, sandbox, post_type=post_type)
    worker.work()
    if is_banned_later:
        assert "banned" in job().error_message
        assert (job().waiting_for, job().who_acts) == ("owner", "owner")
        sandbox.call("DELETE", "faults")
        sandbox.call("POST", "accounts", **banned, banned=True)
        worker.work(after=90)
    assert outcome() == ("Pending", "account_blocked")
    assert (job().waiting_for, job().who_acts) == ("owner", "owner")

    sandbox.call("POST", "accounts", **banned, banned=False)
    worker.work_ahead(3600)

    assert job().status == "Published"


@pytest.mark.behaviour(
    "A creator's TikTok app may be too old for drafts: the draft waits for the creator"
)
def test_draft_waits_until_the_creator_has_a_new_app(api, connection, sandbox, worker):
    body = {"status": "FAILED", "fail_reason": "app_version_check_failed"}
    value = {"code": 200, "body": {"data": body, "error": {"code": "ok"}}}
    sandbox.fault("status", value, path="/status/fetch/")
    publish(api, connection, sandbox, post_type="draft")
    worker.work()
    assert outcome() == ("Pending", "account_blocked")
    assert (job().waiting_for, job().who_acts) == ("owner", "owner")
    assert "has to update it" in job().error_message
    worker.work_ahead(1200)
    assert job().status == "Published"


@pytest.mark.behaviour(
    "TikTok may refuse for a reason that nobody has documented: the post waits, and its words are "
    "shown; it is no fault of the content"
)
@pytest.mark.parametrize("body", [error_body("brand_new_code"), "<html>Access Denied</html>"])
@pytest.mark.parametrize("step", ["/creator_info/", "/video/init/", "/content/init/"])
def test_unknown_refusal_is_retried_within_the_grace(api, connection, sandbox, worker, body, step):
    sandbox.fault("status", {"code": 403, "body": body}, path=step, times=3)
    asset = photo(sandbox) if step == "/content/init/" else sandbox.clip()
    publish(api, connection, sandbox, assets=[asset])
    worker.work()
    assert outcome() == ("Pending", "platform_refused")
    worker.work_ahead(3600)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1
