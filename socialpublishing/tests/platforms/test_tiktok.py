"""TikTok's quirks: errors that come as a success, and an upload host without codes."""

from __future__ import annotations

import pytest

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.tiktok import TikTok, errors
from socialpublishing.platforms.tiktok.matching import shows
from socialpublishing.platforms.tiktok.payloads import (
    photos_payload,
    plan_of,
    video_payload,
)
from socialpublishing.posts import Media, MediaKind, Post

FILM = Media(kind=MediaKind.VIDEO, url="https://a/1", mime_type="video/mp4", size_bytes=1000)
PHOTO = Media(kind=MediaKind.IMAGE, url="https://a/2", mime_type="image/jpeg")


def response(status, code, **more):
    error = {"code": code, "message": "words", "log_id": "2026L"}
    return PlatformResponse(
        status_code=status, headers={}, json={"data": {}, "error": error}, text="", **more
    )


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "invalid_params", ContentRejectedError),
        (401, "access_token_invalid", TokenExpiredError),
        (401, "scope_not_authorized", InsufficientPermissionsError),
        (401, "scope_permission_missed", InsufficientPermissionsError),
        (403, "spam_risk_too_many_posts", RateLimitError),
        (200, "spam_risk_too_many_posts", RateLimitError),
        (403, "spam_risk_too_many_pending_share", RateLimitError),
        (200, "reached_active_user_cap", RateLimitError),
        (403, "spam_risk_user_banned_from_posting", ContentRejectedError),
        (403, "spam_risk", ContentRejectedError),
        (403, "unaudited_client_can_only_post_to_private_accounts", PlatformConfigurationError),
        (403, "url_ownership_unverified", PlatformConfigurationError),
        (403, "privacy_level_option_mismatch", ContentRejectedError),
        (429, "rate_limit_exceeded", RateLimitError),
        (500, "internal_error", NoResponseError),
        (502, "something_new", NoResponseError),
        (400, "something_new", ContentRejectedError),
    ],
)
def test_errors_are_sorted_by_code(status, code, error):
    found = errors.read_error(response(status, code))
    assert type(found) is error
    assert (found.platform_code, found.request_id) == (code, "2026L")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, UploadLostError),
        (404, NoResponseError),
        (416, NoResponseError),
        (429, RateLimitError),
        (500, NoResponseError),
    ],
)
def test_upload_host_is_known_by_its_status(status, error):
    data = PlatformResponse(status_code=status, headers={}, json=None, text="")
    assert type(errors.read_error(data)) is error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"error": "invalid_grant"}, TokenExpiredError),
        ({"error": "invalid_client"}, PlatformConfigurationError),
        ({"error": "unauthorized_client"}, PlatformConfigurationError),
        ({"error": "invalid_scope", "error_description": "x"}, PlatformApiError),
    ],
)
def test_refused_tokens_may_come_as_a_success(data, error):
    assert type(errors.token_refusal(data)) is error


@pytest.mark.parametrize("data", [{"access_token": "a"}, {}, [], None, {"error": ""}])
def test_granted_tokens_are_no_refusal(data):
    assert errors.token_refusal(data) is None


def test_video_says_what_its_author_said_and_nothing_else():
    options = {"privacy_level": "SELF_ONLY", "disable_duet": True, "music_usage_confirmed": True}
    post = Post(text="Hi", media=(FILM,), options=options)
    assert video_payload(post, plan_of(1000)) == {
        "post_info": {"title": "Hi", "privacy_level": "SELF_ONLY", "disable_duet": True},
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": 1000,
            "chunk_size": 1000,
            "total_chunk_count": 1,
        },
    }
    draft = Post(text="Hi", media=(FILM,), options={"post_type": "draft"})
    assert set(video_payload(draft, plan_of(1000))) == {"source_info"}


def test_photos_have_no_duet():
    options = {"privacy_level": "SELF_ONLY", "disable_duet": True, "title": "T"}
    data = photos_payload(Post(text="Hi", media=(PHOTO, PHOTO), options=options))
    assert data["post_info"] == {"description": "Hi", "title": "T", "privacy_level": "SELF_ONLY"}
    assert data["post_mode"] == "DIRECT_POST"
    assert data["source_info"]["photo_images"] == ["https://a/2"] * 2


@pytest.mark.parametrize(("said", "is_it"), [("x" * 150, True), ("x" * 149, False)])
def test_captions_are_compared_as_far_as_lists_show_them(said, is_it):
    assert shows({"video_description": said}, Post(text="x" * 200, media=(PHOTO,))) == is_it


def test_id_beyond_what_a_float_can_hold_stays_whole(requests_mock):
    post = Post(text="Hi", media=(FILM,), options={"privacy_level": "PUBLIC_TO_EVERYONE"})
    progress = Progress(handle={"publish_id": "v", "creator": {"username": "me"}})
    data = {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7560123456789012345]}
    account = Account(id="1", token=Secret("canary"))
    done = TikTok(account)._stands(post, progress, data)
    assert done.remote_id == "7560123456789012345"
    assert done.post_url.endswith("/@me/video/7560123456789012345")
