"""Facebook's quirks: codes and subcodes, Pages, and what a write answers."""

from __future__ import annotations

import json

import pytest

from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoAnswerError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import Answer
from socialpublishing.platforms.base import Progress
from socialpublishing.platforms.facebook import Facebook, feed_form, page_facts
from socialpublishing.posts import Post


@pytest.mark.parametrize(
    ("status", "code", "subcode", "error"),
    [
        (400, 190, 463, TokenExpiredError),
        (400, 102, None, TokenExpiredError),
        (403, 200, None, InsufficientPermissionsError),
        (403, 10, None, InsufficientPermissionsError),
        (500, 2, None, NoAnswerError),
        (500, 1, 99, NoAnswerError),
        (400, 80001, None, RateLimitError),
        (400, 368, 1390008, RateLimitError),
        (400, 368, 1404082, DuplicateContentError),
        (400, 506, None, DuplicateContentError),
        (400, 100, 1366051, DuplicateContentError),
        (400, 368, 1404006, ContentRejectedError),
        (400, 1500, None, ContentRejectedError),
    ],
)
def test_errors_are_sorted_by_code_and_subcode(status, code, subcode, error):
    body = {"error": {"code": code, "error_subcode": subcode, "message": "words"}}
    told = Answer(status_code=status, headers={}, json=body, text="")
    assert type(Facebook().read_error(told)) is error


def test_limit_of_a_page_ends_when_its_header_says():
    usage = {"1": [{"type": "pages", "estimated_time_to_regain_access": 7}]}
    headers = {"X-Business-Use-Case-Usage": json.dumps(usage)}
    body = {"error": {"code": 80001, "message": "too many calls"}}
    error = Facebook().read_error(Answer(status_code=400, headers=headers, json=body, text=""))
    assert isinstance(error, RateLimitError)
    assert error.until is not None


@pytest.mark.parametrize(
    ("change", "can_publish"),
    [
        ({}, True),
        ({"tasks": ["ANALYZE"]}, False),
        ({"access_token": None}, False),
    ],
)
def test_page_takes_posts_only_with_the_right_to_create_content(change, can_publish):
    page = {"id": "1", "name": "P", "tasks": ["CREATE_CONTENT"], "access_token": "t", **change}
    assert page_facts(page).can_publish is can_publish


def test_staged_photos_are_attached_in_order():
    form = feed_form(Post(text="Two"), Progress().ready(photo_ids=["7", "3"]))
    assert json.loads(form["attached_media"]) == [{"media_fbid": "7"}, {"media_fbid": "3"}]


def test_link_is_part_of_the_post():
    form = feed_form(Post(text="", options={"link": "https://example.com"}), Progress())
    assert form["link"] == "https://example.com"
    assert "message" not in form
