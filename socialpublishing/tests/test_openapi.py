"""The checks against OpenAPI descriptions: what they accept and what they refuse."""

from __future__ import annotations

import contextlib

import pytest
from jsonschema import ValidationError

from socialpublishing.tests.openapi import described
from socialpublishing.tests.x_description import XDescription

X = "http://127.0.0.1:1/twitter/2"
TRENDS = "http://127.0.0.1:1/pinterest/v5/trends/keywords"
COUNTS = {f"{name}_count": 0 for name in ("reply", "like", "quote", "bookmark", "impression")}
WRONG = (AssertionError, ValidationError, ValueError)


def accepted_if(is_right):
    return contextlib.nullcontext() if is_right else pytest.raises(WRONG)


@pytest.mark.parametrize(
    ("query", "is_right"),
    [
        ("tweet.fields=created_at,note_tweet&max_results=5", True),
        ("post.fields=created_at,note_post&max_results=5", True),
        ("tweet.fields=created_at,note_post", False),
        ("post.fields=created_at,note_tweet", False),
        ("tweet.fields=", False),
        ("max_results=4", False),
        ("max_results=x", False),
        ("colour=red", False),
        ("exclude=replies,retweets", True),
        ("exclude=replies,likes", False),
        ("exclude=replies&exclude=retweets", True),
    ],
)
def test_query_is_checked_against_the_version_of_its_names(query, is_right):
    with accepted_if(is_right):
        XDescription().check_request("GET", f"{X}/users/1/tweets?{query}", None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "tweets", {"text": "Hi", "colour": "red"}),
        ("POST", "tweets", {"poll": {"options": ["One"], "duration_minutes": 5}}),
        ("POST", "tweets", None),
        ("POST", "media/upload", {"media": "…", "media_category": "amplify_video"}),
        ("GET", "tweets", None),  # without the required ids
        ("GET", "users/x/tweets", None),
        ("GET", "somewhere/else", None),
    ],
)
def test_undescribed_request_fails(method, path, body):
    with pytest.raises(WRONG):
        XDescription().check_request(method, f"{X}/{path}", body)


def post(**more):
    return {"data": [{"id": "1", **more}]}


@pytest.mark.parametrize(
    ("response", "is_right"),
    [
        (post(edit_history_tweet_ids=["1"], public_metrics={**COUNTS, "retweet_count": 0}), True),
        (post(edit_history_tweet_ids=["1"], public_metrics={**COUNTS, "repost_count": 0}), False),
        (post(edit_history_post_ids=["1"], public_metrics={**COUNTS, "repost_count": 0}), True),
        (post(edit_history_post_ids=["1"], public_metrics=COUNTS), False),
        (post(created_at=5), False),
        ({"errors": [{"title": "Not Found Error"}]}, False),
    ],
)
def test_response_is_checked_against_the_version_of_its_names(response, is_right):
    url = f"{X}/tweets?ids=1&tweet.fields=public_metrics"
    with accepted_if(is_right):
        XDescription().check_response("GET", url, 200, response)


@pytest.mark.parametrize(
    ("refusal", "is_right"),
    [
        ({"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "No."}, True),
        ({"type": "about:blank", "title": "Forbidden", "status": "403"}, False),
        ({"type": "https://api.x.com/2/problems/credits", "title": "CreditsDepleted"}, True),
        ({"type": "https://api.x.com/2/problems/credits"}, False),
        ({"type": "https://api.x.com/2/problems/invalid-request", "title": "Invalid"}, False),
        ({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, True),
    ],
)
def test_described_errors_are_checked(refusal, is_right):
    with accepted_if(is_right):
        XDescription().check_response("POST", f"{X}/tweets", 403, refusal)


@pytest.mark.parametrize(
    ("path", "is_right"),
    [
        ("DE%2BAT%2BCH/top/monthly?include_keywords=rye&include_keywords=bread", True),
        ("DE%2BAT%2BCH/top/monthly?normalize_against_group=true&limit=50", True),
        ("DE/top/daily", False),
        ("XX/top/monthly", False),
        ("DE/top/monthly?normalize_against_group=1", False),
        ("DE/top/monthly?limit=51", False),
        ("DE/top/monthly?limit=5&limit=6", False),
        (f"DE/top/monthly?include_keywords={'x' * 101}", False),
    ],
)
def test_paths_lists_and_booleans_follow_the_description(path, is_right):
    description = described("pinterest", "/v5")
    with accepted_if(is_right):
        description.check_request("GET", f"{TRENDS}/{path}", None)
