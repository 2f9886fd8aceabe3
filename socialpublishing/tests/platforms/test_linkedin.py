"""LinkedIn: error codes in two forms, URNs in URLs, payloads and matching."""

from __future__ import annotations

import datetime as dt

import pytest

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    LimitScope,
    MediaNotReadyError,
    NoResponseError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.linkedin import LinkedIn, errors
from socialpublishing.platforms.linkedin.matching import is_same_post
from socialpublishing.platforms.linkedin.payloads import post_payload
from socialpublishing.platforms.linkedin.urns import author_urn, encoded
from socialpublishing.platforms.progress import LookupRules
from socialpublishing.posts import Media, MediaKind, Post

PICTURE = Media(kind=MediaKind.IMAGE, url="x", mime_type="image/jpeg", alt_text="A harbour")
ME = "urn:li:person:abc"
NO_PERMISSION = InsufficientPermissionsError


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "EXPIRED_ACCESS_TOKEN", "serviceErrorCode": 65602}, TokenExpiredError),
        (401, {"code": "REVOKED_ACCESS_TOKEN"}, TokenExpiredError),
        (403, {"code": "ACCESS_DENIED", "message": "no"}, NO_PERMISSION),
        (
            400,
            {"message": "Organization permissions must be used when using organization as author"},
            InsufficientPermissionsError,
        ),
        (400, {"code": "MEDIA_ASSET_WAITING_UPLOAD"}, MediaNotReadyError),
        (400, {"code": "MEDIA_ASSET_PROCESSING_FAILED"}, ContentRejectedError),
        (400, {"code": "EXPIRED_UPLOAD_URL"}, UploadLostError),
        (400, {"code": "UPDATING_ASSET_FAILED"}, UploadLostError),
        (400, {"code": "FIELD_LENGTH_TOO_LONG", "message": "long"}, ContentRejectedError),
        (413, {}, ContentRejectedError),
        (415, {}, ContentRejectedError),
        (426, {"code": "NONEXISTENT_VERSION"}, PlatformConfigurationError),
        (429, {"serviceErrorCode": 101}, RateLimitError),
        (500, {"message": "x"}, NoResponseError),
        (504, None, NoResponseError),
        (418, {}, PlatformRefusedError),
        (403, "<html>Attention Required!</html>", PlatformRefusedError),
        (403, {"message": "Not enough permissions to access: POST /posts"}, NO_PERMISSION),
        (403, {"message": "Your account is restricted"}, AccountBlockedError),
        (400, {"code": "ILLEGAL_ARGUMENT", "message": "no"}, PlatformRefusedError),
        (404, {"message": "Resource posts does not exist"}, PlatformRefusedError),
        (404, {"message": "Could not find image urn:li:image:1"}, MediaNotReadyError),
        (400, {"message": "Media urn:li:video:1 does not exist"}, MediaNotReadyError),
        (422, {"errorDetails": [{"code": "DUPLICATE_POST"}]}, DuplicateContentError),
        (422, {"errorDetails": {"inputErrors": {"code": "X"}}, "code": 5}, PlatformRefusedError),
        (400, {"message": "text length (8694) exceeded the maximum"}, ContentRejectedError),
        (409, {"message": "conflict"}, PlatformRefusedError),
        # What has an own code or words, too, may be created if the status is LinkedIn's failure.
        (500, {"code": "DUPLICATE_POST"}, NoResponseError),
        (503, {"code": "FIELD_LENGTH_TOO_LONG"}, NoResponseError),
        (408, {"code": "MEDIA_ASSET_PROCESSING_FAILED"}, NoResponseError),
        (422, {"message": "ERROR :: /commentary :: is not valid"}, ContentRejectedError),
        (422, {"message": "ERROR :: /content/poll/options :: too few"}, ContentRejectedError),
        (422, {"message": "ERROR :: /content/x :: unrecognized field found"}, PlatformRefusedError),
        (422, {"message": "ERROR :: /distribution/x :: is not valid"}, PlatformRefusedError),
        (422, {"message": "This is against our policies"}, ContentRejectedError),
        (400, {"message": "It violates the Professional Community Policies"}, ContentRejectedError),
        (400, {"message": "Query param policy invalid"}, PlatformRefusedError),
    ],
)
def test_error_is_read_from_status_and_code(status, body, error):
    headers = {"x-li-uuid": "abc"}
    response = PlatformResponse(status_code=status, headers=headers, json=body, text="")
    read_error = errors.read_error(response)
    assert type(read_error) is error
    assert read_error.request_id == "abc"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            422,
            {
                "message": "com.linkedin.content.common.exception.BadRequest: Invalid post",
                "errorDetails": {"inputErrors": [{"description": "Title is blank", "code": "X"}]},
            },
            "Invalid post Title is blank",
        ),
        (403, {"message": "no permission to the ADMIN_ONLY VisibilityReduction"}, "no role"),
        (403, {"message": "validation failed: processing fields [/author]"}, "no role"),
        (403, {"message": "Not enough permissions to access: POST /posts"}, "permission is"),
        (400, {"message": "Organization permissions must be used"}, "w_organization_social"),
    ],
)
def test_error_has_linkedins_words_and_who_can_help(status, body, words):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert words in str(errors.read_error(response))


def test_day_limit_ends_at_midnight_and_one_of_the_app_concerns_all_accounts():
    body = {"message": "Resource level throttle APPLICATION DAY limit for calls is reached."}
    response = PlatformResponse(status_code=429, headers={}, json=body, text="")
    error = errors.read_error(response)
    assert (error.limits, error.until.time()) == (LimitScope.APP, dt.time())
    body = {"message": "Resource level throttle limit for calls to this resource is reached."}
    error = errors.read_error(PlatformResponse(status_code=429, headers={}, json=body, text=""))
    assert (error.limits, error.until) == (LimitScope.ACCOUNT, None)


def test_duplicate_error_has_the_urn_and_the_nested_code():
    inner = {"code": "DUPLICATE_POST", "description": "x"}
    body = {
        "message": "Content is a duplicate of urn:li:share:712",
        "errorDetails": {"inputErrors": [inner]},
        "status": 422,
    }
    error = errors.read_error(PlatformResponse(status_code=422, headers={}, json=body, text=""))
    assert isinstance(error, DuplicateContentError)
    assert (error.remote_id, error.platform_code) == ("urn:li:share:712", "DUPLICATE_POST")


@pytest.mark.parametrize("status", [400, 409, 422])
def test_duplicate_is_known_by_its_words_alone(status):
    body = {"message": "x.y.BadRequest: Content is a duplicate of urn:li:share:712", "status": 1}
    error = errors.read_error(PlatformResponse(status_code=status, headers={}, json=body, text=""))
    assert isinstance(error, DuplicateContentError)
    assert error.remote_id == "urn:li:share:712"


@pytest.mark.parametrize(
    ("status", "nothing_was_created"),
    [
        (400, True),
        (422, True),
        (408, False),
        (409, False),
        (421, False),
        (425, False),
        (499, False),
    ],
)
def test_unknown_refusal_proves_that_nothing_was_created_with_some_statuses_only(
    status, nothing_was_created
):
    body = {"message": "Something new", "status": status}
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert errors.read_error(response).nothing_was_created == nothing_was_created


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, TokenExpiredError),
        (400, {"error": "invalid_request"}, TokenExpiredError),
        (401, {"error": "invalid_client"}, PlatformConfigurationError),
        (400, {"error": "invalid_client_id"}, PlatformConfigurationError),
        (503, {}, NoResponseError),
    ],
)
def test_error_of_the_token_endpoint_is_read_from_the_status(status, body, error):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert type(errors.read_token_error(response)) is error


def test_organizations_have_a_lookup_and_members_a_time_to_repeat():
    post = Post(text="Hi")
    assert LinkedIn.lookup_rules(post, at_destination=True) == LookupRules()
    assert LinkedIn.lookup_rules(post, at_destination=False).repeat_within is not None


@pytest.mark.parametrize(
    ("account", "urn"), [("abc", ME), ("urn:li:organization:5", "urn:li:organization:5")]
)
def test_author_urn_is_made_from_the_account_id(account, urn):
    assert author_urn(account) == urn


def test_colons_of_a_urn_are_encoded():
    assert encoded("urn:li:share:1") == "urn%3Ali%3Ashare%3A1"


@pytest.mark.parametrize(
    ("post", "assets", "content"),
    [
        (Post(text="Hi"), [], None),
        (
            Post(text="Hi", media=(PICTURE,)),
            ["urn:li:image:1"],
            {"media": {"id": "urn:li:image:1", "altText": "A harbour"}},
        ),
        (
            Post(text="Hi", media=(PICTURE,) * 2),
            ["urn:li:image:1", "urn:li:image:2"],
            {
                "multiImage": {
                    "images": [
                        {"id": "urn:li:image:1", "altText": "A harbour"},
                        {"id": "urn:li:image:2", "altText": "A harbour"},
                    ]
                }
            },
        ),
        (
            Post(
                text="Hi",
                media=(PICTURE,),
                options={"article": {"url": "https://example.com", "title": "T"}},
            ),
            ["urn:li:image:1"],
            {
                "article": {
                    "source": "https://example.com",
                    "title": "T",
                    "thumbnail": "urn:li:image:1",
                }
            },
        ),
    ],
)
def test_payload_has_the_content_for_its_media_and_options(post, assets, content):
    assert post_payload(post, author=ME, assets=assets).get("content") == content


@pytest.mark.parametrize(
    ("listed", "assets", "is_same"),
    [
        ({"commentary": r"Half \(price\) {hashtag|\#|rye}"}, [], True),
        ({"commentary": r"Half \(price\)"}, [], False),
        (
            {
                "commentary": r"Half \(price\) {hashtag|\#|rye}",
                "content": {"media": {"id": "urn:li:image:1"}},
            },
            ["urn:li:image:1"],
            True,
        ),
        (
            {
                "commentary": r"Half \(price\) {hashtag|\#|rye}",
                "content": {"multiImage": {"images": [{"id": "urn:li:image:7"}]}},
            },
            ["urn:li:image:1"],
            False,
        ),
    ],
)
def test_post_is_recognised_by_its_text_and_files(listed, assets, is_same):
    assert is_same_post(listed, Post(text="Half (price) #rye"), assets) == is_same
