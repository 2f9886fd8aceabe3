"""Facebook: codes and subcodes, states of videos, Pages and payloads."""

from __future__ import annotations

import datetime as dt
import json

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
from socialpublishing.options import wrong_options
from socialpublishing.platforms.facebook import errors
from socialpublishing.platforms.facebook.client import page_facts
from socialpublishing.platforms.facebook.matching import shows
from socialpublishing.platforms.facebook.options import FacebookOptions
from socialpublishing.platforms.facebook.payloads import feed_form, upload_host_form
from socialpublishing.platforms.facebook.videos import read_state
from socialpublishing.platforms.meta.usage import limited_until
from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Media, MediaKind, Post


def response_of(status, code, subcode=None, *, message="words", headers=None):
    body = {"error": {"code": code, "error_subcode": subcode, "message": message}}
    return PlatformResponse(status_code=status, headers=headers or {}, json=body, text="")


@pytest.mark.parametrize(
    ("status", "code", "subcode", "error"),
    [
        (400, 190, 463, TokenExpiredError),
        (400, 102, None, TokenExpiredError),
        (403, 200, None, InsufficientPermissionsError),
        (403, 10, None, InsufficientPermissionsError),
        (500, 2, None, NoResponseError),
        (500, 1, 99, NoResponseError),
        (400, 80001, None, RateLimitError),
        (400, 368, 1390008, RateLimitError),
        (400, 368, 1404082, DuplicateContentError),
        (400, 506, None, DuplicateContentError),
        (400, 100, 1366051, DuplicateContentError),
        (400, 368, 1404006, AccountBlockedError),
        (400, 368, 1404112, AccountBlockedError),
        (400, 368, 1346003, ContentRejectedError),
        (400, 368, 1404102, ContentRejectedError),
        (400, 368, None, RateLimitError),
        (400, 368, 1234567, RateLimitError),
        *[(400, code, None, RateLimitError) for code in (4, 17, 32, 341, 613, 80000, 80014)],
        *[(400, code, None, RateLimitError) for code in range(80002, 80010)],
        ("400", "190", "463", TokenExpiredError),
        (400, 190, 459, AccountBlockedError),
        (400, 5, None, PlatformConfigurationError),
        (400, 100, None, PlatformRefusedError),
        (400, 987654, None, PlatformRefusedError),
        (502, 987654, None, NoResponseError),
        (400, 1500, None, ContentRejectedError),
        (403, 200, 1609008, ContentRejectedError),
        (400, 368, 4854002, AccountBlockedError),
        (400, 100, 1404078, AccountBlockedError),
        (400, 2635, None, PlatformConfigurationError),
        (400, 389, None, MediaNotReadyError),
        (400, 382, None, ContentRejectedError),
        (400, 6000, None, ContentRejectedError),
        (400, 6001, None, UploadLostError),
        (400, 1363037, None, UploadLostError),
        (400, 100, 1363030, UploadLostError),
        (400, 100, 1363045, UploadLostError),
        (400, 100, 1363047, NoResponseError),
        (400, 100, 1363024, ContentRejectedError),
        (400, 1363128, None, ContentRejectedError),
        (400, 100, 33, PlatformRefusedError),
    ],
)
def test_errors_are_sorted_by_code_and_subcode(status, code, subcode, error):
    assert type(errors.read_error(response_of(int(status), code, subcode))) is error


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (100, "Invalid appsecret_proof provided in the API argument", PlatformConfigurationError),
        (1, "Error validating client secret.", PlatformConfigurationError),
        (101, "Error validating application. Invalid application ID.", PlatformConfigurationError),
        (
            190,
            "Error validating application. Application has been deleted.",
            PlatformConfigurationError,
        ),
        (200, "API access blocked.", PlatformConfigurationError),
        (
            200,
            "API access deactivated. To reactivate, go to the app dashboard.",
            PlatformConfigurationError,
        ),
        (100, "(#100) No permission to publish the video", InsufficientPermissionsError),
        (
            190,
            "pages_read_engagement must be granted before impersonating a user's page.",
            InsufficientPermissionsError,
        ),
        (
            200,
            "(#200) requires pages_manage_posts as an admin with sufficient administrative "
            "permission",
            InsufficientPermissionsError,
        ),
        (100, "(#100) picture URL is not properly formatted", ContentRejectedError),
        (100, "(#100) Invalid parameter", PlatformRefusedError),
        (100, "Unsupported post request. Object with ID '1' does not exist", PlatformRefusedError),
    ],
)
def test_words_tell_apart_what_a_general_code_means(code, words, error):
    assert type(errors.read_error(response_of(400, code, message=words))) is error


@pytest.mark.parametrize("words", ["impersonating a user's page", "sufficient administrative"])
def test_missing_role_at_a_page_names_who_gives_it(words):
    full = {
        "impersonating a user's page": (190, "must be granted before impersonating a user's page"),
        "sufficient administrative": (200, "an admin with sufficient administrative permission"),
    }
    code, message = full[words]
    shown = str(errors.read_error(response_of(400, code, message=message)))
    assert "One of the Page's admins" in shown
    assert words in shown


def test_words_for_people_are_kept():
    body = {"error": {"code": 190, "message": "m", "error_user_msg": "Please log in again."}}
    response = PlatformResponse(status_code=400, headers={}, json=body, text="")
    assert "Please log in again." in str(errors.read_error(response))


def test_unknown_code_is_transient_if_the_response_has_the_flag():
    body = {"error": {"code": 987654, "message": "m", "is_transient": True}}
    response = PlatformResponse(status_code=400, headers={}, json=body, text="")
    assert type(errors.read_error(response)) is NoResponseError


@pytest.mark.parametrize(
    ("code", "scope"),
    [(4, LimitScope.APP), (341, LimitScope.APP)]
    + [(code, LimitScope.ACCOUNT) for code in (17, 32, 613, 80001)],
)
def test_some_limits_are_those_of_the_whole_app(code, scope):
    assert errors.read_error(response_of(400, code)).limits == scope


def test_app_without_access_is_the_operators_problem():
    words = "Unsupported request - method type: get"
    error = errors.read_token_error(response_of(400, 100, message=words))
    assert type(error) is PlatformConfigurationError
    assert "Advanced Access" in str(error)


@pytest.mark.parametrize(
    ("code", "subcode", "words"),
    [
        (190, 459, "log in at facebook.com"),
        (190, 464, "confirm it at facebook.com"),
        (190, 492, "no role"),
        (368, 4854002, "identity"),
        (100, 1404078, "authorized"),
    ],
)
def test_error_names_what_only_the_owner_can_do(code, subcode, words):
    assert words in str(errors.read_error(response_of(400, code, subcode)))


def test_limit_of_a_page_ends_at_the_time_of_its_header():
    usage = {"1": [{"type": "pages", "estimated_time_to_regain_access": 7}]}
    headers = {"X-Business-Use-Case-Usage": json.dumps(usage)}
    error = errors.read_error(response_of(400, 80001, headers=headers))
    assert isinstance(error, RateLimitError)
    assert error.until is not None


def usage_of(**entry):
    usage = {"1": [{"estimated_time_to_regain_access": 60, **entry}]}
    return limited_until({"X-Business-Use-Case-Usage": json.dumps(usage)})


def test_usage_of_a_good_response_holds_an_account_for_a_day_at_most():
    until = usage_of(type="pages", estimated_time_to_regain_access=44640)
    assert until <= dt.datetime.now(tz=dt.UTC) + dt.timedelta(hours=24)


@pytest.mark.parametrize("entry", [{"type": "ads_insights"}, {"type": None}, {}])
def test_usage_of_another_product_holds_nothing(entry):
    assert usage_of(**entry) is None
    assert usage_of(type="instagram") is not None


@pytest.mark.parametrize(
    ("status", "code", "subcode", "error"),
    [
        (500, 2, 1363030, NoResponseError),
        (500, 368, 1346003, NoResponseError),
        (400, 1, 1366046, NoResponseError),
        ("429", "-1", None, NoResponseError),
        (429, 2, None, NoResponseError),
        (429, 987654, None, RateLimitError),
        (400, 368, 1346003, ContentRejectedError),
    ],
)
def test_fault_of_facebook_leaves_a_publish_request_in_doubt(status, code, subcode, error):
    for read in (errors.read_publishing_error, errors.read_reel_error):
        assert type(read(response_of(int(status), code, subcode))) is error


def test_limit_that_is_called_transient_is_a_limit():
    body = {"error": {"code": 4, "is_transient": True, "message": "words"}}
    response = PlatformResponse(status_code=403, headers={}, json=body, text="")
    assert type(errors.read_publishing_error(response)) is RateLimitError


def test_known_subcode_of_a_fault_decides_before_the_publish_request():
    assert type(errors.read_error(response_of(500, 2, 1363030))) is UploadLostError


@pytest.mark.parametrize(
    ("found", "is_shown"),
    [
        ({"message": "Rye", "attachments": None}, True),
        ({"message": None, "attachments": None}, False),
        ({"message": None, "attachments": {"data": [{"target": {"id": "7"}}]}}, True),
        ({"message": "Rye", "attachments": {"data": [None, {"target": None}]}}, False),
        ({"message": "Rye", "attachments": {"data": None}}, False),
        ({"message": 5, "attachments": []}, False),
    ],
)
def test_post_is_recognised_among_nulls(found, is_shown):
    post = Post(text="Rye", media=(), options={"post_type": "feed"})
    assert shows(found, post, {"7"}) is is_shown


def test_block_for_posting_too_fast_lasts_for_hours():
    error = errors.read_error(response_of(400, 368, 1390008))
    assert error.until - dt.datetime.now(tz=dt.UTC) > dt.timedelta(hours=2)


@pytest.mark.parametrize(
    ("kind", "is_retriable", "error"),
    [
        ("ProcessingFailedError", False, ContentRejectedError),
        ("ProcessingFailedError", True, NoResponseError),
        ("PartialRequestError", False, UploadLostError),
        ("OffsetInvalidError", False, UploadLostError),
        ("ParameterValidationError", False, UploadLostError),
    ],
)
def test_errors_of_the_upload_host_are_read(kind, is_retriable, error):
    info = {"retriable": is_retriable, "type": kind, "message": "Not so."}
    response = PlatformResponse(status_code=400, headers={}, json={"debug_info": info}, text="")
    read = errors.read_error(response)
    assert (type(read), read.platform_code) == (error, kind)
    assert "Not so." in str(read)


def test_new_video_that_is_not_visible_yet_is_not_taken_for_an_expired_token():
    fresh = response_of(400, 100, 33)
    assert type(errors.read_not_visible_yet_error(fresh)) is MediaNotReadyError
    assert type(errors.read_not_visible_yet_error(response_of(400, 190, 463))) is TokenExpiredError


# --- The state of a video ------------------------------------------------------------------------


def status_of(**phases):
    return {"id": "7", "status": phases}


@pytest.mark.parametrize("name", ["bytes_transferred", "bytes_transfered"])
@pytest.mark.parametrize("word", ["complete", "completed"])
def test_both_spellings_are_read(name, word):
    phase = {"status": word, name: 500}
    state = read_state(status_of(video_status="upload_complete", uploading_phase=phase))
    assert (state.received_bytes, state.is_uploaded, state.is_published) == (500, True, False)


@pytest.mark.parametrize(
    "phases",
    [
        {"processing_phase": {"status": "error", "errors": [{"message": "Too dark."}]}},
        {"processing_phase": {"status": "error", "error": {"message": "Too dark."}}},
        {"video_status": "error", "processing_phase": {"error": [{"message": "Too dark."}]}},
        {"publishing_phase": {"publish_status": "error", "errors": [{"message": "Too dark."}]}},
    ],
)
def test_refusal_quotes_facebook(phases):
    assert "Too dark." in read_state(status_of(**phases)).refusal


@pytest.mark.parametrize(
    ("phases", "is_gone"),
    [
        ({"video_status": "expired"}, True),
        ({"video_status": "upload_failed"}, True),
        ({"uploading_phase": {"status": "error"}}, True),
        ({"video_status": "processing", "uploading_phase": None}, False),
        ({}, False),
    ],
)
def test_failed_upload_is_gone(phases, is_gone):
    assert read_state(status_of(**phases)).is_gone is is_gone


@pytest.mark.parametrize("trace", [{"post_id": "9"}, {"published": True}])
def test_video_that_a_post_shows_is_never_gone(trace):
    assert not read_state({**status_of(video_status="expired"), **trace}).is_gone


@pytest.mark.parametrize(
    ("data", "is_published"),
    [
        (status_of(publishing_phase={"status": "complete", "publish_status": "published"}), True),
        ({**status_of(publishing_phase={"status": "completed"}), "published": True}, True),
        ({**status_of(publishing_phase={"status": "completed"}), "published": False}, False),
        (status_of(publishing_phase={"status": "complete", "publish_status": "draft"}), False),
        ({**status_of(publishing_phase={"status": "not_started"}), "published": True}, False),
    ],
)
def test_video_is_published_only_if_its_publishing_phase_reports_it(data, is_published):
    assert read_state(data).is_published is is_published


# --- Pages and payloads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "can_publish"),
    [
        ({}, True),
        ({"tasks": ["ANALYZE"]}, False),
        ({"tasks": ["PROFILE_PLUS_ANALYZE", "PROFILE_PLUS_FACEBOOK_ACCESS"]}, False),
        ({"tasks": []}, False),
        ({"tasks": None}, True),
        *(
            ({"tasks": [task]}, True)
            for task in (
                "MANAGE",
                "PROFILE_PLUS_CREATE_CONTENT",
                "PROFILE_PLUS_FULL_CONTROL",
                "PROFILE_PLUS_MANAGE",
            )
        ),
        ({"access_token": None}, False),
    ],
)
def test_page_accepts_posts_only_with_the_right_to_create_content(change, can_publish):
    page = {"id": "1", "name": "P", "tasks": ["CREATE_CONTENT"], "access_token": "t", **change}
    assert page_facts(page, ()).can_publish is can_publish


@pytest.mark.parametrize(
    ("granted", "tasks", "can_read"),
    [
        (["read_insights"], ["CREATE_CONTENT", "ANALYZE"], True),
        (["read_insights"], ["PROFILE_PLUS_ANALYZE"], True),
        (["read_insights"], ["CREATE_CONTENT"], False),
        (["pages_show_list"], ["CREATE_CONTENT", "ANALYZE"], False),
    ],
)
def test_insights_need_a_scope_and_a_task(granted, tasks, can_read):
    page = {"id": "1", "name": "P", "tasks": tasks, "access_token": "t"}
    assert page_facts(page, granted).profile == {"tells_insights": can_read}


def test_staged_photos_are_attached_in_order():
    form = feed_form(Post(text="Two"), Progress().ready(photo_ids=["7", "3"]))
    assert json.loads(form["attached_media"]) == [{"media_fbid": "7"}, {"media_fbid": "3"}]


def test_link_has_its_own_field():
    form = feed_form(Post(text="", options={"link": "https://example.com"}), Progress())
    assert form["link"] == "https://example.com"
    assert "message" not in form


def test_cards_and_button_are_sent_with_the_link():
    cards = [
        {"link": "https://example.com/rye", "title": "Rye", "picture_url": "https://e.com/r.jpg"},
        {"link": "https://example.com/spelt", "description": "Spelt"},
    ]
    options = {"link": "https://example.com", "link_cards": cards, "call_to_action": "SHOP_NOW"}

    form = feed_form(Post(text="Two", options=options), Progress())

    assert json.loads(form["child_attachments"]) == [
        {"link": "https://example.com/rye", "name": "Rye", "picture": "https://e.com/r.jpg"},
        {"link": "https://example.com/spelt", "description": "Spelt"},
    ]
    assert json.loads(form["call_to_action"]) == {
        "type": "SHOP_NOW",
        "value": {"link": "https://example.com"},
    }


def test_story_is_published_without_text():
    film = Media(url="https://e.com/a.mp4", kind=MediaKind.VIDEO, mime_type="video/mp4")
    story = Post(media=(film,), options={"post_type": "story"})
    progress = Progress().ready(hosted={"id": "7", "url": "https://rupload.facebook.com/7"})
    assert upload_host_form(story, progress) == {"upload_phase": "finish", "video_id": "7"}


CARD = {"link": "https://example.com/rye"}


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"targeting": {"age_min": 18}}, []),
        ({"targeting": {}}, ["targeting"]),
        ({"link_cards": [CARD] * 2}, []),
        ({"link_cards": [CARD] * 5}, []),
        ({"link_cards": [CARD]}, ["link_cards"]),
        ({"link_cards": [CARD] * 6}, ["link_cards"]),
        ({"link_cards": [CARD, {"title": "No link"}]}, ["link_cards.1.link"]),
        ({"link_cards": [CARD, {**CARD, "link": "rye"}]}, ["link_cards.1.link"]),
        ({"call_to_action": "SHOP_NOW"}, []),
        ({"call_to_action": "Shop now"}, ["call_to_action"]),
        ({"cover_url": "HTTPS://example.com/a.jpg"}, []),
        ({"collaborators": ["615500000000002"]}, []),
        ({"collaborators": ["@bakery"]}, ["collaborators.0"]),
    ],
)
def test_nested_options_are_checked(options, paths):
    assert [path for path, _ in wrong_options(options, FacebookOptions)] == paths
