"""TikTok's specialities: errors with status 200, and an upload host without codes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from requests_mock import ANY

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    InsufficientPermissionsError,
    MalformedResponseError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.tiktok import TikTok, creator, errors
from socialpublishing.platforms.tiktok.matching import is_same_post
from socialpublishing.platforms.tiktok.payloads import (
    photos_payload,
    plans_of,
    video_payload,
)
from socialpublishing.platforms.tiktok.status import progress_of
from socialpublishing.posts import Media, MediaKind, Post

VIDEO = Media(kind=MediaKind.VIDEO, url="https://a/1", mime_type="video/mp4", size_bytes=1000)
PHOTO = Media(kind=MediaKind.IMAGE, url="https://a/2", mime_type="image/jpeg")


def response(status, code, **more):
    error = {"code": code, "message": "words", "log_id": "2026L"}
    return PlatformResponse(
        status_code=status, headers={}, json={"data": {}, "error": error}, text="", **more
    )


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "invalid_params", PlatformRefusedError),
        (400, "invalid_file_upload", ContentRejectedError),
        (401, "access_token_invalid", TokenExpiredError),
        (401, "something_new", TokenExpiredError),
        (401, "scope_not_authorized", InsufficientPermissionsError),
        (401, "scope_permission_missed", InsufficientPermissionsError),
        (403, "spam_risk_too_many_posts", RateLimitError),
        (200, "spam_risk_too_many_posts", RateLimitError),
        (403, "spam_risk_too_many_pending_share", RateLimitError),
        (200, "reached_active_user_cap", RateLimitError),
        (403, "spam_risk_user_banned_from_posting", AccountBlockedError),
        (403, "spam_risk", ContentRejectedError),
        (403, "unaudited_client_can_only_post_to_private_accounts", PlatformConfigurationError),
        (403, "url_ownership_unverified", PlatformConfigurationError),
        (403, "privacy_level_option_mismatch", ContentRejectedError),
        (429, "rate_limit_exceeded", RateLimitError),
        (500, "internal_error", NoResponseError),
        (502, "something_new", NoResponseError),
        (503, "spam_risk", NoResponseError),
        (400, "something_new", PlatformRefusedError),
        (200, "something_new", PlatformRefusedError),
    ],
)
def test_errors_are_read_by_their_code(status, code, error):
    found = errors.read_error(response(status, code))
    assert type(found) is error
    assert (found.platform_code, found.request_id) == (code, "2026L")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, TokenExpiredError),
        (403, PlatformRefusedError),
        (404, PlatformRefusedError),
        (429, RateLimitError),
        (500, NoResponseError),
    ],
)
def test_errors_without_a_code_are_read_by_their_status(status, error):
    response = PlatformResponse(status_code=status, headers={}, json=None, text="<html>")
    assert type(errors.read_error(response)) is error


@pytest.mark.parametrize(
    ("status", "nothing_was_created"),
    [
        *[(each, True) for each in (403, 404, 405, 413)],
        *[(each, False) for each in (400, 408, 409, 421, 425, 499)],
    ],
)
@pytest.mark.parametrize("body", [None, {"data": {}}, []])
def test_refusal_without_a_code_proves_nothing_but_for_some_statuses(
    status, nothing_was_created, body
):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="<html>")
    assert errors.read_error(response).nothing_was_created == nothing_was_created


@pytest.mark.parametrize(
    ("status", "error", "nothing_was_created"),
    [
        (400, PlatformRefusedError, False),
        (401, UploadLostError, True),
        (403, UploadLostError, True),
        (404, UploadLostError, True),
        (416, NoResponseError, False),
        (429, RateLimitError, True),
        (500, NoResponseError, False),
    ],
)
def test_errors_of_the_upload_host_have_a_status_only(status, error, nothing_was_created):
    response = PlatformResponse(status_code=status, headers={}, json=None, text="")
    found = errors.read_upload_error(response)
    assert (type(found), found.nothing_was_created) == (error, nothing_was_created)


@pytest.mark.parametrize(
    ("status", "nothing_was_created"), [(400, True), (403, True), (200, False)]
)
def test_refusal_that_we_do_not_know_keeps_tiktoks_words(status, nothing_was_created):
    found = errors.read_error(response(status, "something_new"))
    assert str(found) == "TikTok refused the request: words"
    assert found.nothing_was_created == nothing_was_created


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"error": "invalid_grant"}, TokenExpiredError),
        ({"error": "invalid_client"}, PlatformConfigurationError),
        ({"error": "unauthorized_client"}, PlatformConfigurationError),
        ({"error": "invalid_scope", "error_description": "x"}, PlatformApiError),
    ],
)
def test_refusal_of_a_token_may_have_a_status_of_success(data, error):
    assert type(errors.token_refusal(data)) is error


@pytest.mark.parametrize("data", [{"access_token": "a"}, {}, [], None, {"error": ""}])
def test_other_token_responses_are_no_refusal(data):
    assert errors.token_refusal(data) is None


@pytest.mark.behaviour(
    "TikTok sends a user with a session straight back: we ask for the consent page each time, "
    "so that another account can be chosen and a declined scope be allowed"
)
@pytest.mark.parametrize("was_declined", [True, False])
def test_consent_page_is_always_shown(was_declined):
    params = TikTok.app.authorize_params(was_declined=was_declined)
    assert params["disable_auto_auth"] == "1"
    assert params["scope"] == "user.info.basic,video.publish,video.upload,video.list"


def test_scopes_of_the_app_can_be_set(monkeypatch):
    monkeypatch.setenv("TIKTOK_SCOPES", "user.info.basic,video.upload")
    monkeypatch.setenv("TIKTOK_OPTIONAL_SCOPES", "")
    params = TikTok.app.authorize_params(was_declined=False)
    assert params["scope"] == "user.info.basic,video.upload"


def test_payload_of_a_video_has_only_the_options_that_were_given():
    options = {"privacy_level": "SELF_ONLY", "disable_duet": True, "music_usage_confirmed": True}
    post = Post(text="Hi", media=(VIDEO,), options=options)
    assert video_payload(post, plans_of(1000)[0]) == {
        "post_info": {"title": "Hi", "privacy_level": "SELF_ONLY", "disable_duet": True},
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": 1000,
            "chunk_size": 1000,
            "total_chunk_count": 1,
        },
    }
    draft = Post(text="Hi", media=(VIDEO,), options={"post_type": "draft"})
    assert set(video_payload(draft, plans_of(1000)[0])) == {"source_info"}


def test_payload_of_photos_leaves_out_options_of_videos(settings):
    options = {"privacy_level": "SELF_ONLY", "disable_duet": True, "title": "T"}
    payload = photos_payload(Post(text="Hi", media=(PHOTO, PHOTO), options=options))
    assert payload["post_info"] == {"description": "Hi", "title": "T", "privacy_level": "SELF_ONLY"}
    assert payload["post_mode"] == "DIRECT_POST"
    prefix = f"{settings.SERVICE_BASE_URL}/media/"
    assert [url.startswith(prefix) for url in payload["source_info"]["photo_images"]] == [True] * 2


@pytest.mark.parametrize(("listed", "is_same"), [("x" * 150, True), ("x" * 149, False)])
def test_only_the_listed_part_of_a_caption_is_compared(listed, is_same):
    post = Post(text="x" * 200, media=(PHOTO,))
    assert is_same_post({"video_description": listed}, post) == is_same


def progress_after(post_ids):
    """The progress of a public video that is complete and has these ids."""
    post = Post(text="Hi", media=(VIDEO,), options={"privacy_level": "PUBLIC_TO_EVERYONE"})
    progress = Progress(handle={"publish_id": "v", "creator": {"username": "me"}})
    status = {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": post_ids}
    return progress_of(status, post, progress, site="https://www.tiktok.com")


def test_post_id_that_is_too_large_for_a_float_stays_exact():
    published = progress_after([7560123456789012345])
    assert published.remote_id == "7560123456789012345"
    assert published.post_url.endswith("/@me/video/7560123456789012345")


@pytest.mark.parametrize("post_ids", [[None], [""], [True], [[5]], {"id": 5}])
def test_post_id_has_to_be_usable(post_ids):
    with pytest.raises(MalformedResponseError):
        progress_after(post_ids)


@pytest.mark.parametrize("publish_id", [None, "", 5, ["5"], {}])
@pytest.mark.parametrize(("media", "verb"), [(VIDEO, "prepare"), (PHOTO, "publish")])
def test_publish_id_has_to_be_usable(settings, requests_mock, media, verb, publish_id):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    data = {"publish_id": publish_id, "upload_url": "http://127.0.0.1:1/x"}
    requests_mock.post(ANY, json={"data": data, "error": {"code": "ok"}})
    client = TikTok(Account(id="1", token=Secret("canary")))
    draft = Post(text="Hi", media=(media,), options={"post_type": "draft"})
    with pytest.raises(MalformedResponseError):
        getattr(client, verb)(draft, Progress())


# --- Responses of other shapes -------------------------------------------------------------------

LISTED = {"id": "7560123456789012345", "create_time": 1700000000, "title": "Hi", "duration": 0}


def client_with(requests_mock, settings, data):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    requests_mock.post(ANY, json={"data": data, "error": {"code": "ok"}})
    return TikTok(Account(id="1", token=Secret("canary")))


def lookup(client):
    options = {"privacy_level": "PUBLIC_TO_EVERYONE"}
    since = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
    post = Post(text="Hi", media=(PHOTO,), options=options)
    return client.lookup(post, Progress(), since=since, other_post_ids=())


@pytest.mark.behaviour("TikTok's ids and times are numbers in some responses and texts in others")
@pytest.mark.parametrize("post_id", ["7560123456789012345", 7560123456789012345])
@pytest.mark.parametrize("time", [1700000000, "1700000000"])
def test_ids_and_times_in_lists_are_numbers_or_texts(settings, requests_mock, post_id, time):
    videos = [{**LISTED, "id": post_id, "create_time": time}]
    client = client_with(requests_mock, settings, {"videos": videos, "has_more": False})
    assert lookup(client).remote_id == "7560123456789012345"
    since = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
    [past] = client.metrics_reader(client).history(since=since, limit=9)
    assert past.id == "7560123456789012345"


@pytest.mark.behaviour(
    "A list of TikTok is empty only if it is an empty list; anything else is no response"
)
@pytest.mark.parametrize("data", [{}, {"has_more": False}, {"videos": None}, {"videos": "none"}])
def test_list_that_is_missing_is_no_empty_list(settings, requests_mock, data):
    with pytest.raises(MalformedResponseError):
        lookup(client_with(requests_mock, settings, data))


def test_empty_list_is_empty(settings, requests_mock):
    data = {"videos": [], "has_more": False, "cursor": 0}
    assert lookup(client_with(requests_mock, settings, data)) is None


@pytest.mark.parametrize("code", ["ok", "", None])
def test_error_without_a_code_is_none(settings, requests_mock, code):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    user = {"open_id": "o", "display_name": "Me"}
    requests_mock.get(ANY, json={"data": {"user": user}, "error": {"code": code}})
    assert TikTok(Account(id="1", token=Secret("canary"))).profile().id == "o"


INFO = {
    "creator_username": "me",
    "creator_nickname": "Me",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("Me", "", None)),
        ({"creator_nickname": None}, ("me", "", None)),
        ({"creator_avatar_url": 5}, ("Me", "", None)),
        ({"max_video_post_duration_sec": "300"}, ("Me", "", 300)),
        ({"max_video_post_duration_sec": 0}, ("Me", "", None)),
    ],
)
def test_creator_info_with_missing_fields_is_read(change, expected):
    offered = creator.offered_to({**INFO, **change}, is_audited=True)
    assert (offered.display_name, offered.avatar_url, offered.max_duration_s) == expected


def test_privacy_levels_that_we_do_not_know_are_not_offered():
    info = {**INFO, "privacy_level_options": ["SUBSCRIBERS", "SELF_ONLY"]}
    [level] = creator.offered_to(info, is_audited=True).choices["privacy_level"]
    assert level.value == "SELF_ONLY"


@pytest.mark.parametrize(("seconds", "is_allowed"), [(60.06, True), (60.9, True), (61.0, False)])
def test_fraction_of_a_second_is_not_too_long(seconds, is_allowed):
    offered = creator.offered_to({**INFO, "max_video_post_duration_sec": 60}, is_audited=True)
    post = Post(media=(replace(VIDEO, duration_s=seconds),), options={})
    assert (list(creator.offer_violations(post, offered)) == []) == is_allowed


def test_token_in_a_refusal_with_a_status_of_success_is_masked(settings, requests_mock):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    token = "act.canary-token-of-a-creator"
    error = {"code": "something_new", "message": f"bad {token} there"}
    requests_mock.post(ANY, json={"data": {}, "error": error})
    with pytest.raises(PlatformRefusedError, match=r"bad .* there") as caught:
        TikTok(Account(id="1", token=Secret(token))).request("/v2/post/publish/", {})
    assert token not in str(caught.value)
    assert caught.value.platform == "tiktok"
