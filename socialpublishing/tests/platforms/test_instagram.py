"""Instagram: codes and subcodes, two shapes of responses, payloads of containers."""

from __future__ import annotations

import datetime as dt

import pytest

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    Retry,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.instagram import errors
from socialpublishing.platforms.instagram.app import unwrapped
from socialpublishing.platforms.instagram.matching import is_older, shows
from socialpublishing.platforms.instagram.offers import read_quota
from socialpublishing.platforms.instagram.payloads import (
    carousel_payload,
    child_payload,
    product_of,
    single_payload,
)
from socialpublishing.posts import Media, MediaKind, Post

IMAGE = Media(
    kind=MediaKind.IMAGE, url="https://example.com/1", mime_type="image/jpeg", alt_text="A pier"
)
VIDEO = Media(kind=MediaKind.VIDEO, url="https://example.com/2", mime_type="video/mp4", alt_text="")


PUBLISHING = "read_publishing_error"


def error_of(code, subcode=None, *, status=400, read="read_error", message="words"):
    body = {"error": {"code": code, "error_subcode": subcode, "message": message}}
    data = PlatformResponse(status_code=status, headers={}, json=body, text="")
    return getattr(errors, read)(data)


@pytest.mark.parametrize(
    ("code", "subcode", "error"),
    [
        (-2, 2207003, UploadLostError),
        (-2, 2207020, UploadLostError),
        (-1, 2207001, NoResponseError),
        (-1, 2207032, UploadLostError),
        (-1, 2207053, UploadLostError),
        (-1, 2207076, UploadLostError),
        (1, None, NoResponseError),
        (1, 2207057, ContentRejectedError),
        (2, None, NoResponseError),
        (4, None, RateLimitError),
        (4, 2207051, NoResponseError),
        (9, 2207042, RateLimitError),
        (9, None, RateLimitError),
        (10, None, InsufficientPermissionsError),
        (17, None, RateLimitError),
        (24, 2207006, UploadLostError),
        (24, 2207008, UploadLostError),
        (25, 2207050, AccountBlockedError),
        (100, None, PlatformRefusedError),
        (100, 33, PlatformRefusedError),
        (100, 2207028, ContentRejectedError),
        (190, 463, TokenExpiredError),
        (200, None, InsufficientPermissionsError),
        (352, 2207026, ContentRejectedError),
        (9004, 2207052, UploadLostError),
        (9007, 2207027, MediaNotReadyError),
        (36000, 2207004, ContentRejectedError),
        (36003, 2207009, ContentRejectedError),
        (80002, None, RateLimitError),
    ],
)
def test_errors_are_sorted_by_code_and_subcode(code, subcode, error):
    assert type(error_of(code, subcode)) is error


def test_unspecific_refusal_of_the_publish_request_leads_to_a_lookup():
    error = error_of(100, read=PUBLISHING)
    assert type(error) is PlatformRefusedError
    assert not error.nothing_was_created


def test_container_that_is_published_already_is_a_duplicate():
    error = error_of(100, message="The container is published already.", read=PUBLISHING)
    assert type(error) is DuplicateContentError


@pytest.mark.parametrize(
    ("code", "subcode", "message", "error"),
    [
        (36003, 2207009, "words", ContentRejectedError),
        (110, 2207018, "Invalid user id", ContentRejectedError),
        (100, None, "(#100) Param caption is wrong", PlatformRefusedError),  # in doubt
    ],
)
def test_refusal_of_the_publish_request_is_the_contents_only_by_its_code(
    code, subcode, message, error
):
    assert type(error_of(code, subcode, message=message, read=PUBLISHING)) is error


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("(#100) param collaborators is not allowed", ContentRejectedError),
        ("INSTAGRAM_PLATFORM_API__INVALID_LOCATION_ID", ContentRejectedError),
        ("(#100) Invalid parameter", PlatformRefusedError),
        ("The user is not an Instagram Business", AccountBlockedError),
    ],
)
def test_general_refusal_is_the_contents_only_by_its_words(message, error):
    assert type(error_of(100, message=message, read="read_preparing_error")) is error


def test_refusal_before_the_publish_request_created_nothing():
    assert error_of(100, read="read_preparing_error").nothing_was_created


@pytest.mark.parametrize(
    ("status", "error", "retry", "words"),
    [
        (
            "Error: Media upload has failed with error code 2207026",
            ContentRejectedError,
            "never",
            "",
        ),
        ("Error: Media upload has failed with error code 2207001", UploadLostError, "new", ""),
        ("4/2207051", UploadLostError, "new", "as spam"),
        ("25/2207050", AccountBlockedError, "new", "has restricted this account"),
        ("Something went wrong", UploadLostError, "new", "Something went wrong"),
        ("", UploadLostError, "new", "no reason"),
        ("1122070260", UploadLostError, "new", ""),
    ],
)
def test_failed_container_is_created_again_unless_the_content_is_refused(
    status, error, retry, words
):
    failure = errors.container_failure(status)
    assert type(failure) is error
    assert (failure.retry == Retry.WITH_NEW_UPLOAD) == (retry == "new")
    assert words in str(failure)


@pytest.mark.parametrize(
    "response",
    [{}, [], None, "x", {"data": []}, {"data": [None]}, {"data": [{"config": None}]},
     {"data": [{"config": {"quota_total": "50"}, "quota_usage": 1}]}],
)  # fmt: skip
def test_quota_of_another_shape_is_unknown(response):
    assert read_quota(response) is None


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Matching code was not found or was already used", TokenExpiredError),
        ("Invalid platform app", PlatformConfigurationError),
        ("Insufficient developer role", PlatformConfigurationError),
    ],
)
def test_flat_errors_of_the_token_host_are_read(message, error):
    body = {"error_type": "OAuthException", "code": 400, "error_message": message}
    data = PlatformResponse(status_code=400, headers={}, json=body, text="")
    assert type(errors.read_token_error(data)) is error


def test_account_that_may_not_use_our_app_is_the_operators_problem():
    message = "Unsupported request - method type: get"
    error = error_of(100, message=message, read="read_token_error")
    assert type(error) is PlatformConfigurationError
    assert "Advanced Access" in str(error)


@pytest.mark.parametrize(
    ("data", "inner"), [({"id": "1"}, {"id": "1"}), ({"data": [{"id": "1"}]}, {"id": "1"})]
)
def test_flat_and_wrapped_responses_are_read(data, inner):
    assert unwrapped(data) == inner


@pytest.mark.parametrize(
    ("post", "payload"),
    [
        (
            Post(text="Hi", media=(IMAGE,)),
            {"image_url": "https://example.com/1", "alt_text": "A pier", "caption": "Hi"},
        ),
        (
            Post(text="Hi", media=(VIDEO,), options={"share_to_feed": False, "thumb_offset": 5}),
            {
                "video_url": "https://example.com/2",
                "media_type": "REELS",
                "share_to_feed": False,
                "thumb_offset": 5,
                "caption": "Hi",
            },
        ),
        (
            Post(text="", media=(IMAGE,), options={"post_type": "story"}),
            {"image_url": "https://example.com/1", "media_type": "STORIES"},
        ),
    ],
)
def test_payload_of_a_single_container(post, payload):
    assert single_payload(post) == payload


def test_payloads_of_a_carousel():
    tags = [{"username": "anna", "x": 0.1, "y": 0.1}]
    post = Post(text="Hi", media=(IMAGE, VIDEO), options={"user_tags": tags})
    assert child_payload(post, 0) == {
        "image_url": "https://example.com/1",
        "alt_text": "A pier",
        "is_carousel_item": True,
        "user_tags": tags,
    }
    assert child_payload(post, 1) == {
        "video_url": "https://example.com/2",
        "media_type": "VIDEO",
        "is_carousel_item": True,
    }
    assert carousel_payload(post, ["1", "2"]) == {
        "media_type": "CAROUSEL",
        "children": ["1", "2"],
        "caption": "Hi",
    }


@pytest.mark.parametrize(
    ("media", "kind", "product"),
    [
        ((IMAGE,), "feed", "FEED"),
        ((VIDEO,), "feed", "REELS"),
        ((VIDEO, VIDEO), "feed", "FEED"),
        ((VIDEO,), "reel", "REELS"),
        ((IMAGE,), "story", "STORY"),
    ],
)
def test_post_is_recognised_by_its_product_type(media, kind, product):
    post = Post(text="Hi", media=media, options={"post_type": kind})
    assert product_of(post) == product
    assert shows({"media_product_type": product, "caption": "Hi"}, post)
    assert not shows({"media_product_type": "AD", "caption": "Hi"}, post)


@pytest.mark.parametrize(
    ("found", "is_shown"),
    [
        ({"caption": None, "media_product_type": "FEED"}, False),
        ({"caption": "Hi", "media_product_type": None}, True),
        ({"caption": 5, "media_product_type": "FEED"}, False),
    ],
)
def test_post_is_recognised_among_nulls(found, is_shown):
    post = Post(text="Hi", media=(IMAGE,), options={"post_type": "feed"})
    assert shows(found, post) is is_shown


def test_post_without_a_time_does_not_count_as_old():
    since = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert not is_older({"timestamp": None}, since)
    assert is_older({"timestamp": "2026-10-31T00:00:00+0000"}, since)


@pytest.mark.parametrize(
    ("code", "subcode", "status"),
    [(2, 2207085, 500), (-1, 2207032, 500), (-1, 2207032, 400), (4, 2207051, 429), (1, None, 429)],
)
def test_fault_of_instagram_leaves_the_publish_request_in_doubt(code, subcode, status):
    error = error_of(code, subcode, status=status, read=PUBLISHING)
    assert type(error) is NoResponseError
    assert bool(error.limited_until) is (subcode == 2207051)


@pytest.mark.parametrize("read", [PUBLISHING, "read_preparing_error"])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("(#10) Application does not have permission for this action", PlatformRefusedError),
        ("(#10) Requires instagram_basic permission", InsufficientPermissionsError),
        ("(#10) The scope was not granted", InsufficientPermissionsError),
    ],
)
def test_code_10_is_a_permission_only_where_one_is_named(read, words, kind):
    error = error_of(10, message=words, read=read)
    assert type(error) is kind
    assert words in str(error)
