"""LinkedIn's quirks: little text, codes in two envelopes, URNs in addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.linkedin import LinkedIn, errors
from socialpublishing.platforms.linkedin.client import encoded
from socialpublishing.platforms.linkedin.little_text import read, write
from socialpublishing.platforms.linkedin.matching import shows
from socialpublishing.platforms.linkedin.payloads import author_urn, post_payload
from socialpublishing.platforms.progress import LookupRules
from socialpublishing.posts import Media, MediaKind, Post
from socialpublishing.sandbox.linkedin import little_text as theirs

PICTURE = Media(kind=MediaKind.IMAGE, url="x", mime_type="image/jpeg", alt_text="A harbour")
ME = "urn:li:person:abc"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain, with. signs!", "plain, with. signs!"),
        ("(a) [b] {c} <d>", r"\(a\) \[b\] \{c\} \<d\>"),
        (r"a\b|c*d_e~f@g", r"a\\b\|c\*d\_e\~f\@g"),
        ("#rye bread", r"{hashtag|\#|rye} bread"),
        ("#slow_rye", r"{hashtag|\#|slow\_rye}"),
        ("no#tag and # alone", r"no\#tag and \# alone"),
        ("@[A B](urn:li:organization:1) (x)", r"@[A B](urn:li:organization:1) \(x\)"),
        ("@[A](urn:li:share:1)", r"\@\[A\]\(urn:li:share:1\)"),
    ],
)
def test_little_text(text, written):
    assert write(text) == written


@given(st.text(alphabet=st.sampled_from("ab #_\\|{}@[]()<>*~\né"), max_size=60))
def test_what_is_written_is_read_whole_by_the_other_side(text):
    seen, kept = theirs.read(write(text))
    assert seen == text
    assert read(kept) == text


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "EXPIRED_ACCESS_TOKEN", "serviceErrorCode": 65602}, TokenExpiredError),
        (401, {"code": "REVOKED_ACCESS_TOKEN"}, TokenExpiredError),
        (403, {"code": "ACCESS_DENIED", "message": "no"}, InsufficientPermissionsError),
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
        (418, {}, PlatformApiError),
    ],
)
def test_errors_are_sorted_by_status_and_code(status, body, error):
    data = PlatformResponse(status_code=status, headers={"x-li-uuid": "abc"}, json=body, text="")
    found = errors.read_error(data)
    assert type(found) is error
    assert found.request_id == "abc"


def test_duplicate_names_the_post_in_the_inner_envelope():
    inner = {"code": "DUPLICATE_POST", "description": "x"}
    body = {
        "message": "Content is a duplicate of urn:li:share:712",
        "errorDetails": {"inputErrors": [inner]},
        "status": 422,
    }
    error = errors.read_error(PlatformResponse(status_code=422, headers={}, json=body, text=""))
    assert isinstance(error, DuplicateContentError)
    assert (error.remote_id, error.platform_code) == ("urn:li:share:712", "DUPLICATE_POST")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, TokenExpiredError),
        (400, {"error": "invalid_request"}, TokenExpiredError),
        (401, {"error": "invalid_client"}, PlatformConfigurationError),
        (503, {}, NoResponseError),
    ],
)
def test_errors_of_the_token_endpoint(status, body, error):
    data = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert type(errors.read_token_error(data)) is error


def test_members_and_organizations_are_looked_up_each_in_their_way():
    post = Post(text="Hi")
    assert LinkedIn.lookup_rules(post, at_destination=True) == LookupRules()
    assert LinkedIn.lookup_rules(post, at_destination=False).repeat_within is not None


@pytest.mark.parametrize(
    ("account", "urn"), [("abc", ME), ("urn:li:organization:5", "urn:li:organization:5")]
)
def test_author(account, urn):
    assert author_urn(account) == urn


def test_urns_are_encoded_wholly():
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
def test_content_has_one_shape(post, assets, content):
    assert post_payload(post, author=ME, assets=assets).get("content") == content


@pytest.mark.parametrize(
    ("found", "assets", "is_it"),
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
def test_post_is_known_by_its_text_and_files(found, assets, is_it):
    assert shows(found, Post(text="Half (price) #rye"), assets) == is_it
