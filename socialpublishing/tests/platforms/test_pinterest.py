"""Pinterest's specialities: its codes, one alt text for a Pin, lists of undocumented order."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    InsufficientPermissionsError,
    LimitScope,
    MalformedResponseError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadAddressRefusedError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.media import Downloaded
from socialpublishing.options import wrong_options
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.boards import NewBoard
from socialpublishing.platforms.pinterest import Pinterest, errors, matching, payloads
from socialpublishing.platforms.pinterest.client import board_facts
from socialpublishing.platforms.pinterest.options import PinterestOptions
from socialpublishing.platforms.progress import Found, Progress
from socialpublishing.posts import Media, MediaKind, Post

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
BOARD = Account(id="77", token=Secret("canary"), owner_id="1")


def image(width=1000, height=1500, alt_text="", **more):
    return Media(
        kind=MediaKind.IMAGE,
        url="https://files.example/a.jpg",
        mime_type="image/jpeg",
        width=width,
        height=height,
        alt_text=alt_text,
        **more,
    )


def video(**facts):
    url = "https://files.example/a.mp4"
    return Media(kind=MediaKind.VIDEO, url=url, mime_type="video/mp4", **facts)


def broken_rules(post):
    return [violation.rule for violation in Pinterest.violations(post, {})]


# --- Errors --------------------------------------------------------------------------------------


def error_from(status, code=None, message="", text="", **headers):
    body = None if text else {"code": code, "message": message}
    return errors.read_error(
        PlatformResponse(status_code=status, headers=headers, json=body, text=text)
    )


@pytest.mark.parametrize(
    ("status", "code", "detail", "error"),
    [
        (400, 1, "Sorry we could not fetch the image.", MediaNotReadyError),
        (400, 1, "Unable to reach the URL", MediaNotReadyError),
        (400, 1, "'x' does not match '^\\d+$'", ContentRejectedError),
        (400, 1, "Sorry! This site doesn't allow you to save Pins.", ContentRejectedError),
        (401, 2, "Authentication failed.", TokenExpiredError),
        (
            401,
            3,
            "Insufficient permissions. Missing: ['boards:write']",
            InsufficientPermissionsError,
        ),
        (401, 3, "No access to this restricted feature: pin_edit", PlatformConfigurationError),
        (403, 29, "Apps with Trial access may not create Pins", PlatformConfigurationError),
        (403, 29, "You are not permitted to access that resource.", InsufficientPermissionsError),
        (403, None, "Sorry, this image is too small.", ContentRejectedError),
        (404, 40, "Board not found.", ContentRejectedError),
        (404, 404, "Media not found.", UploadLostError),
        (404, 2031, "Sorry! We couldn't find this board section.", ContentRejectedError),
        (404, 50, "Pin not found.", PlatformRefusedError),
        (408, None, "Upload timed out", NoResponseError),
        (409, None, "Conflict", PlatformRefusedError),
        (400, 2787, "Something went wrong on our end.", NoResponseError),
        (400, 1, "Something is not right.", PlatformRefusedError),
        (400, 1, "We blocked this link because it may lead to spam.", ContentRejectedError),
        (403, 9, "You've hit a block (Pins) we have in place to combat spam.", AccountBlockedError),
        (403, "9", None, AccountBlockedError),
        (403, 2625, "Your account has been disapproved.", AccountBlockedError),
        (429, 8, "Rate limit exceeded", RateLimitError),
        (429, None, "This looks like spam", AccountBlockedError),
        # The same code and words with another status are about something else.
        (400, 9, "Invalid request.", PlatformRefusedError),
        (404, 9, "Not found.", PlatformRefusedError),
        (400, 1, "Your app sent an invalid value.", PlatformRefusedError),
        (403, 29, "Your app may not do that.", PlatformConfigurationError),
        (503, 503, "Away", NoResponseError),
    ],
)
def test_errors_are_read_by_status_code_and_message(status, code, detail, error):
    found = error_from(status, code, detail)
    assert type(found) is error
    assert found.platform_code == str(code or "")


def test_form_that_storage_refuses_is_a_lost_upload():
    xml = "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    assert type(error_from(403, text=xml)) is UploadLostError
    assert type(error_from(403, text="<html>")) is PlatformRefusedError


@pytest.mark.parametrize("status", [400, 408, 409, 421, 425, 499])
def test_page_proves_nothing_with_a_status_that_may_follow_creation(status):
    page = "<html><title>Your app or spam</title></html>"
    assert not error_from(status, text=page).nothing_was_created or status == 400


def test_messages_name_who_can_act_and_errors_keep_the_request_id():
    trial = error_from(403, 29, "Apps with Trial access may not…", **{"x-pinterest-rid": "77"})
    assert "Standard access" in str(trial)
    assert trial.request_id == "77"
    assert "Choose another" in str(error_from(404, 40, "Board not found."))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        (str(int(dt.datetime.now(tz=dt.UTC).timestamp()) + 9000), 9000),
        ("", None),
        ("x", None),
    ],
)
def test_rate_limit_ends_when_its_header_reports(header, seconds):
    until = error_from(429, 8, "Wait", **{"x-ratelimit-reset": header}).until
    if seconds is None:
        assert until is None
    else:
        left = (until - dt.datetime.now(tz=dt.UTC)).total_seconds()
        assert left == pytest.approx(seconds, rel=0.1)


def test_blocked_account_is_tried_seldom():
    assert error_from(403, 9, "spam").first_pause == dt.timedelta(minutes=15)


@pytest.mark.parametrize(
    ("windows", "limits"),
    [
        ("", LimitScope.ACCOUNT),
        ('1000;w=60;name="org_read_app_id_user_id"', LimitScope.ACCOUNT),
        ('1000, 1000;w=86400;name="org_write_app_id"', LimitScope.APP),
    ],
)
def test_rate_limit_is_for_whom_its_header_names(windows, limits):
    assert error_from(429, 8, "Wait", **{"x-ratelimit-limit": windows}).limits == limits


@pytest.mark.parametrize(("status", "is_proof"), [(403, False), (404, True), (400, False)])
def test_unknown_refusal_keeps_its_words_and_leaves_open_what_it_does_not_prove(status, is_proof):
    error = error_from(status, 4711, "Unheard of.")
    assert type(error) is PlatformRefusedError
    assert error.nothing_was_created == is_proof
    assert "Unheard of." in str(error)
    assert "Attention Required!" in str(
        error_from(403, text="<html><title>Attention Required!</title></html>")
    )


def test_refused_app_at_the_token_endpoint_is_the_operators():
    body = {"code": 283, "data": "Invalid Application ID", "message": "The grant is invalid"}
    response = PlatformResponse(status_code=401, headers={}, json=body, text=json.dumps(body))
    assert type(errors.read_token_error(response)) is PlatformConfigurationError


@pytest.mark.parametrize("body", [{"code": 2, "message": "x"}, {"error": "invalid_grant"}])
@pytest.mark.parametrize("status", [400, 401])
def test_refusal_of_the_token_endpoint_needs_the_owner(status, body):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert type(errors.read_token_error(response)) is TokenExpiredError


# --- Rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "broken"),
    [
        ([(1000, 1500), (1000, 1500)], []),
        ([(1000, 1500), (500, 750), (2000, 3000)], []),
        ([(1000, 1500), (667, 1000)], []),  # rounded to whole pixels
        ([(1000, 1500), (1000, 1503)], ["carousel_ratio"]),
        ([(1000, 1500), (1500, 1000)], ["carousel_ratio"]),
        ([(1000, 1500), (None, None), (1000, 1000)], ["carousel_ratio"]),
        ([(1000, 1500), (None, None)], []),
    ],
)
def test_images_of_a_carousel_need_one_ratio(sizes, broken):
    assert broken_rules(Post(media=tuple(image(*size) for size in sizes))) == broken


@pytest.mark.parametrize(
    ("lengths", "broken"),
    [
        ((500,), []),
        ((250, 249), []),  # plus the line break between them
        ((250, 250), ["alt_texts_length"]),
        ((501, 1), ["alt_text_length"]),
    ],
)
def test_alt_texts_of_a_carousel_have_one_common_limit(lengths, broken):
    media = tuple(image(alt_text="a" * length) for length in lengths)
    assert broken_rules(Post(media=media)) == broken


@pytest.mark.parametrize(
    ("media", "options", "broken"),
    [
        (video(), {}, []),
        (video(), {"cover_image_key_frame_time": 0}, []),
        (video(), {"cover_image_url": "https://x.example/a.jpg"}, []),
        (
            video(),
            {"cover_image_url": "https://x.example/a.jpg", "cover_image_key_frame_time": 0},
            ["cover_once"],
        ),
        (image(), {"cover_image_key_frame_time": 0}, ["cover_needs_video"]),
        (image(), {"cover_image_url": "https://x.example/a.jpg"}, ["cover_needs_video"]),
    ],
)
def test_video_has_at_most_one_cover_and_an_image_none(media, options, broken):
    assert broken_rules(Post(media=(media,), options=options)) == broken


def test_pin_needs_media():
    assert broken_rules(Post(text="Words")) == ["media_required"]


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("board_id", ["5"], ["", "Bread", "5\n", 5, "\u0665", "1" * 31]),
        ("board_section_id", ["5"], ["x"]),
        ("title", ["a" * 100], ["a" * 101]),
        (
            "link",
            ["http://x.example", "HTTPS://x.example/?q=1"],
            ["ftp://x", "x.example", "https:// x"],
        ),
        ("dominant_color", ["#AbCdEf"], ["#ABC", "red"]),
        ("cover_image_key_frame_time", [0, 900], [-1, "0", 1.5]),
        ("cover_image_url", ["https://x.example/a.jpg"], [5]),
        (
            "slides",
            [[{}, {"title": "a" * 100, "link": "https://x.example"}]],
            [[{}], [{}] * 6, "x"],
        ),
        ("ai_disclosures", [["AI_MODIFIED", "SYNTHETIC_PERFORMER"]], [[], "AI_MODIFIED"]),
    ],
)
def test_options_have_the_form_that_pinterest_accepts(option, good, bad):
    for value in good:
        assert wrong_options({option: value}, PinterestOptions) == []
    for value in bad:
        assert {name for name, _ in wrong_options({option: value}, PinterestOptions)} == {option}


# --- Payloads ------------------------------------------------------------------------------------


def file(data=b"x", mime_type="image/png"):
    return Downloaded(mime_type=mime_type, size_bytes=len(data), data=data, sha256="")


def test_payload_of_a_pin_has_all_that_was_given_and_no_empty_field():
    post = Post(
        text="Fresh",
        media=(image(alt_text="One"), image(), image(alt_text="Three")),
        options={"board_id": "9", "title": "T", "link": "https://x.example", "post_type": "feed"},
    )
    files = [file(), file(b"yy", "image/jpeg"), file()]
    source = payloads.source_from_bytes(post, files)
    assert payloads.pin_payload(post, board_id="77", source=source) == {
        "board_id": "77",
        "description": "Fresh",
        "alt_text": "One\nThree",
        "title": "T",
        "link": "https://x.example",
        "media_source": {
            "source_type": "multiple_image_base64",
            "items": [
                {"content_type": "image/png", "data": "eA=="},
                {"content_type": "image/jpeg", "data": "eXk="},
                {"content_type": "image/png", "data": "eA=="},
            ],
        },
    }
    bare = payloads.pin_payload(Post(media=(image(),)), board_id="77", source={})
    assert bare == {"board_id": "77", "media_source": {}}


def test_single_image_is_not_sent_as_a_carousel():
    assert payloads.source_from_bytes(POST, [file()])["source_type"] == "image_base64"
    source = payloads.source_from_addresses(Post(media=(image(),)))
    assert source == {"source_type": "image_url", "url": "https://files.example/a.jpg"}


@pytest.mark.parametrize(
    ("options", "image", "cover"),
    [
        ({}, None, {"cover_image_key_frame_time": 0}),
        ({"cover_image_key_frame_time": 3}, None, {"cover_image_key_frame_time": 3}),
        (
            {"cover_image_url": "https://x"},
            file(),
            {"cover_image_content_type": "image/png", "cover_image_data": "eA=="},
        ),
    ],
)
def test_video_always_has_a_cover(options, image, cover):
    source = payloads.source_from_video(Post(media=(video(),), options=options), "5", image)
    assert source == {"source_type": "video_id", "media_id": "5", **cover}


@pytest.mark.behaviour("Each slide of Pinterest's carousel has its own title, text and link")
def test_slides_of_a_carousel_have_their_own_texts():
    slides = [{"title": "Rye", "link": "https://x.example/rye"}, {}]
    post = Post(media=(image(), image()), options={"slides": slides})
    first, second = payloads.source_from_bytes(post, [file(), file()])["items"]
    assert (first["title"], first["link"]) == ("Rye", "https://x.example/rye")
    assert set(second) == {"content_type", "data"}


@pytest.mark.parametrize(
    ("media", "slides", "broken"),
    [
        ((image(), image()), 2, []),
        ((image(), image()), 3, ["slides_count"]),
        ((image(),), 2, ["slides_count"]),
        ((video(),), 2, ["slides_count"]),
    ],
)
def test_each_image_of_a_carousel_has_one_slide(media, slides, broken):
    assert broken_rules(Post(media=media, options={"slides": [{}] * slides})) == broken


@pytest.mark.parametrize(
    ("post", "codes"),
    [
        (Post(media=(video(duration_s=5.0),), options={"cover_image_key_frame_time": 5}), []),
        (
            Post(media=(video(duration_s=5.0),), options={"cover_image_key_frame_time": 6}),
            ["option_adjusted"],
        ),
        (Post(text="a" * 500, media=(image(),)), []),
        (Post(text="a" * 501, media=(image(),)), ["text_cut"]),
    ],
)
def test_what_pinterest_changes_is_a_warning(post, codes):
    assert [warning.code for warning in Pinterest.warnings(post, {})] == codes


def test_app_with_trial_access_warns_of_each_post(monkeypatch):
    monkeypatch.setenv("PINTEREST_ACCESS", "trial")
    [warning] = Pinterest.warnings(Post(media=(image(),)), {})
    assert warning.code == "only_creator_sees"


# --- Lookups -------------------------------------------------------------------------------------

POST = Post(text="Fresh  bread", media=(image(alt_text="A loaf"),), options={"title": "T"})
LISTED = {
    "id": "5",
    "created_at": "2026-11-22T12:00:00",
    "title": "T",
    "description": "Fresh bread",
    "link": None,
    "alt_text": "A loaf",
    "board_section_id": None,
    "media": {"media_type": "image"},
}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"link": ""}, True),
        ({"title": "U"}, False),
        ({"title": None}, False),
        ({"description": "Stale bread"}, False),
        ({"alt_text": None}, False),
        ({"link": "https://elsewhere.example"}, False),
        ({"board_section_id": "8"}, False),
        ({"media": {"media_type": "video"}}, False),
        ({"media": {"media_type": "multiple_images", "items": [{}, {}]}}, False),
        ({"media": None}, False),
    ],
)
def test_pin_is_recognized_by_all_that_was_sent(change, is_same):
    assert matching.is_same_post({**LISTED, **change}, POST) is is_same


def test_pinterest_may_fill_in_empty_fields_from_a_linked_page():
    post = Post(text="Fresh bread", media=(image(),), options={"link": "https://x.example/?a=1"})
    pin = {**LISTED, "link": "https://x.example/?a=1", "title": "Filled in", "alt_text": "Too"}
    assert matching.is_same_post(pin, post)
    assert not matching.is_same_post({**pin, "link": "https://x.example/"}, post)
    assert not matching.is_same_post({**pin, "description": "Other"}, post)


@pytest.mark.parametrize(("count", "is_same"), [(2, True), (3, False)])
def test_carousel_is_recognized_by_its_number_of_images(count, is_same):
    post = Post(media=(image(), image()))
    items = [{}] * count
    media = {"media_type": "multiple_images", "items": items}
    pin = {**LISTED, "title": None, "description": "", "alt_text": "", "media": media}
    assert matching.is_same_post(pin, post) is is_same


def pin_created(minutes_ago, pin_id, **change):
    time = NOW - dt.timedelta(minutes=minutes_ago)
    return {**LISTED, "id": str(pin_id), "created_at": f"{time:%Y-%m-%dT%H:%M:%S}", **change}


@pytest.fixture
def lookup(settings, requests_mock):
    """Runs a lookup on a board with these pages. Returns its result and the count of requests."""
    settings.SANDBOX_URL = "http://127.0.0.1:1"

    def run(*pages, other_post_ids=(), endless=False):
        responses = [
            {"json": {"items": items, "bookmark": str(number)}}
            for number, items in enumerate(pages, start=1)
        ]
        if not endless:
            responses[-1]["json"]["bookmark"] = None
        mock = requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards/77/pins", responses)
        since = NOW - dt.timedelta(minutes=5)
        found = Pinterest(BOARD).lookup(
            POST, Progress(), since=since, other_post_ids=other_post_ids
        )
        return found, mock.call_count

    return run


VIDEO = {"media_type": "video"}
OTHERS = [pin_created(minutes, 100 + minutes, media=VIDEO) for minutes in range(1, 20)]


def test_list_that_is_newest_first_is_read_until_only_older_pins_follow(lookup):
    assert lookup(OTHERS[:3], OTHERS[3:6], OTHERS[6:9]) == (None, 2)


def test_new_pin_with_other_text_leaves_the_outcome_unknown(lookup):
    similar = pin_created(1, 9, title="Other")
    with pytest.raises(NoResponseError):
        lookup([similar])
    assert lookup([similar], other_post_ids={"9"})[0] is None
    assert lookup([similar, pin_created(1, 5)])[0].remote_id == "5"


def test_list_in_another_order_is_read_to_its_end(lookup):
    oldest_first = OTHERS[::-1]
    pages = [oldest_first[:7], oldest_first[7:14], oldest_first[14:]]
    pages[-1].append(pin_created(0, 5))
    found, calls = lookup(*pages)
    assert isinstance(found, Found)
    assert (found.remote_id, calls) == ("5", 3)
    assert found.post_url == "http://127.0.0.1:1/pinterest/pin/5/"


def test_older_pins_and_pins_of_other_jobs_are_ignored(lookup):
    assert lookup([pin_created(6, 5)])[0] is None
    assert lookup([pin_created(1, 5)], other_post_ids={"5"})[0] is None
    assert lookup([pin_created(4, 5)])[0] is not None


@pytest.mark.parametrize("body", [{}, {"items": None}, {"data": []}, [], {"items": {}}, None])
def test_response_without_a_list_is_no_empty_list(settings, requests_mock, body):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards/77/pins", json=body)
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards", json=body)
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards/77/sections", json=body)
    client = Pinterest(BOARD)
    for read in (
        client.destinations,
        lambda: client.sections("77"),
        lambda: client.lookup(POST, Progress(), since=NOW, other_post_ids=()),
    ):
        with pytest.raises(NoResponseError):
            read()


@pytest.mark.behaviour(
    "Pinterest's times have no zone and are UTC; a Pin without a time is no proof either way"
)
def test_pin_without_a_time_leaves_the_outcome_unknown(lookup):
    with pytest.raises(NoResponseError):
        lookup([{**pin_created(0, 5), "created_at": None}])
    assert lookup([{**pin_created(0, 5), "created_at": None, "media": VIDEO}])[0] is None


def test_carousels_are_distinguished_by_their_slides():
    post = Post(media=(image(), image()), options={"slides": [{"title": "Rye"}, {}]})
    pin = {**LISTED, "title": None, "description": "", "alt_text": ""}

    def shown(title):
        items = [{"title": title, "link": None}, {"title": None}]
        return {**pin, "media": {"media_type": "multiple_images", "items": items}}

    assert matching.is_same_post(shown("Rye"), post)
    assert matching.is_same_post(shown(None), post)  # it is not returned
    assert not matching.is_same_post(shown("Spelt"), post)


def test_list_without_an_end_leaves_the_outcome_unknown(lookup):
    with pytest.raises(NoResponseError):
        lookup([pin_created(1, 9, title="Other")], endless=True)


# --- Boards and accounts -------------------------------------------------------------------------


def test_boards_for_advertisements_cannot_be_posted_to():
    board = {"id": "5", "name": "B", "privacy": "PROTECTED"}
    assert board_facts(board).can_publish
    assert board_facts(board).profile == {"privacy": "protected"}
    assert not board_facts({**board, "is_ads_only": True}).can_publish


def test_board_without_a_name_is_named_by_its_id():
    facts = board_facts({"id": "5", "name": None, "privacy": None})
    assert (facts.name, facts.profile) == ("5", {"privacy": "public"})


@pytest.mark.parametrize(
    ("response", "accepts"),
    [
        ({"json": {"id": "77", "name": "B"}}, True),
        ({"json": {"id": "77", "name": "B", "is_ads_only": True}}, False),
        ({"status_code": 404, "json": {"code": 40, "message": "Board not found."}}, False),
        ({"status_code": 403, "json": {"code": 29, "message": "You are not permitted"}}, False),
        ({"status_code": 403, "json": {"code": 29, "message": "Trial access"}}, None),
        ({"status_code": 401, "json": {"code": 3, "message": "Missing: ['boards:read']"}}, None),
        ({"status_code": 401, "json": {"code": 2, "message": "Failed"}}, None),
        ({"status_code": 503}, None),
    ],
)
def test_board_is_gone_only_by_its_own_refusal(settings, requests_mock, response, accepts):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards/77", **response)
    if accepts is None:
        with pytest.raises(PlatformApiError):
            Pinterest(BOARD).accepts_posts()
    else:
        assert Pinterest(BOARD).accepts_posts() is accepts


@pytest.mark.behaviour(
    "Pinterest may upload videos to another host than it documents: a setting adds it"
)
@pytest.mark.parametrize(
    ("setting", "address", "is_own"),
    [
        ("media.pinterest.com", "https://media.pinterest.com/", True),
        ("a.example, media.pinterest.com", "https://x.media.pinterest.com/", True),
        ("media.pinterest.com", "https://evilmedia.pinterest.com/", False),
        ("media.pinterest.com", "http://media.pinterest.com/", False),
        ("", "https://media.pinterest.com/", False),
    ],
)
def test_setting_adds_a_host_for_uploads(settings, monkeypatch, setting, address, is_own):
    settings.SANDBOX_URL = ""
    monkeypatch.setenv("PINTEREST_UPLOAD_HOST", setting)
    with contextlib.nullcontext() if is_own else pytest.raises(UploadAddressRefusedError):
        Pinterest(BOARD).upload_http(address)
    documented = "https://pinterest-media-upload.s3-accelerate.amazonaws.com/"
    assert Pinterest(BOARD).upload_http(documented)


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("https://pinterest-media-upload.s3-accelerate.amazonaws.com/", True),
        ("https://other.s3-accelerate.amazonaws.com/", False),
        ("http://pinterest-media-upload.s3-accelerate.amazonaws.com/", False),
        ("https://pinterest-media-upload.s3-accelerate.amazonaws.com.evil.example/", False),
    ],
)
def test_videos_are_sent_only_to_pinterests_own_storage(settings, address, is_own):
    settings.SANDBOX_URL = ""
    if is_own:
        assert Pinterest(BOARD).upload_http(address).token is None
    else:
        with pytest.raises(UploadAddressRefusedError):
            Pinterest(BOARD).upload_http(address)


def test_profile_without_an_id_has_its_user_name_as_id(settings, requests_mock):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    data = {"username": "bakery", "account_type": "PINNER", "business_name": None}
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/user_account", json=data)
    profile = Pinterest(BOARD).profile()
    assert (profile.id, profile.display_name, profile.kind) == ("bakery", "bakery", "person")


MALFORMED_IDS = [None, "", 5, ["5"], {}]


@pytest.mark.parametrize("board_id", MALFORMED_IDS)
def test_board_needs_a_usable_id(settings, requests_mock, board_id):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    board = {"id": board_id, "name": "Bread", "privacy": "PUBLIC"}
    requests_mock.post("http://127.0.0.1:1/pinterest/v5/boards", json=board)
    requests_mock.get("http://127.0.0.1:1/pinterest/v5/boards", json={"items": [board]})
    with pytest.raises(MalformedResponseError):
        Pinterest(BOARD).create_board(NewBoard(name="Bread"))
    with pytest.raises(MalformedResponseError):
        Pinterest(BOARD).destinations()


@pytest.mark.parametrize("section_id", MALFORMED_IDS)
def test_section_needs_a_usable_id(settings, requests_mock, section_id):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    section = {"id": section_id, "name": "Rye"}
    url = "http://127.0.0.1:1/pinterest/v5/boards/77/sections"
    requests_mock.post(url, json=section)
    requests_mock.get(url, json={"items": [section]})
    with pytest.raises(MalformedResponseError):
        Pinterest(BOARD).create_section("77", "Rye")
    with pytest.raises(MalformedResponseError):
        Pinterest(BOARD).sections("77")


@pytest.mark.parametrize("pin_id", MALFORMED_IDS)
def test_pin_that_a_lookup_finds_needs_a_usable_id(lookup, pin_id):
    with pytest.raises(MalformedResponseError):
        lookup([{**pin_created(1, 5), "id": pin_id}], other_post_ids={"9"})


@pytest.mark.parametrize("media_id", MALFORMED_IDS)
def test_registered_video_needs_a_usable_id(settings, requests_mock, media_id):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    upload = {"media_id": media_id, "upload_url": "http://127.0.0.1:1/x", "upload_parameters": {}}
    requests_mock.post("http://127.0.0.1:1/pinterest/v5/media", json=upload)
    post = Post(media=(video(size_bytes=10),))
    with pytest.raises(MalformedResponseError):
        Pinterest(BOARD).prepare(post, Progress())


# --- What an account may choose -------------------------------------------------------------------


def test_posting_options_are_the_boards_of_now(sandbox):
    account = sandbox.account("pinterest", boards=[{"name": "Rye"}, {"name": "Spelt"}])
    token = Secret(account["access_token"])
    rye, spelt = (board["id"] for board in account["boards"])

    offered = Pinterest(Account(id=account["account_id"], token=token)).posting_options()
    assert (offered.can_post, offered.reason) == (True, "")
    assert offered.display_name == account.get("name", offered.display_name)
    assert offered.avatar_url.startswith("http")
    chosen = {choice.value: choice.label for choice in offered.choices["board_id"]}
    assert chosen == {rye: "Rye", spelt: "Spelt"}

    board = Pinterest(Account(id=rye, token=token, owner_id=account["account_id"]))
    section = board.create_section(rye, "Loaves")
    [choice] = board.posting_options().choices["board_section_id"]
    assert (choice.value, choice.label) == (section.id, "Loaves")


def test_account_without_a_board_cannot_post(sandbox):
    account = sandbox.account("pinterest", boards=[])
    client = Pinterest(Account(id=account["account_id"], token=Secret(account["access_token"])))
    offered = client.posting_options()
    assert not offered.can_post
    assert "no board" in offered.reason


def test_board_that_the_list_leaves_out_still_accepts_posts(sandbox):
    boards = [{"name": "Rye"}, {"name": "Spelt", "is_listed": False}]
    account = sandbox.account("pinterest", boards=boards)
    token = Secret(account["access_token"])
    rye, spelt = (board["id"] for board in account["boards"])
    listed = Pinterest(Account(id=account["account_id"], token=token)).destinations()
    assert [board.id for board in listed] == [rye]
    assert Pinterest(Account(id=spelt, token=token)).accepts_posts()
    assert not Pinterest(Account(id="1", token=token)).accepts_posts()


FIELDS = st.sampled_from(["code", "message", "message_detail", "status"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(), inner),
    max_leaves=8,
)


@given(body=JSON, status=st.integers(400, 599), text=st.text(max_size=50))
def test_readers_take_any_json(body, status, text):
    response = PlatformResponse(status_code=status, headers={}, json=body, text=text)
    for read in (errors.read_error, errors.read_token_error):
        assert isinstance(read(response), PlatformApiError)
