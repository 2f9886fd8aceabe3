"""X: matching of posts, errors, payload and limits."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.progress import Progress
from socialpublishing.platforms.twitter import Twitter, errors
from socialpublishing.platforms.twitter.matching import is_same_post, written_text
from socialpublishing.platforms.twitter.payloads import tweet_payload
from socialpublishing.posts import Media, MediaKind, Post

PICTURE = Media(url="https://x.example/a.jpg", kind=MediaKind.IMAGE, mime_type="image/jpeg")


def link(short: str, target: str) -> dict[str, str]:
    return {"url": short, "expanded_url": target}


@pytest.mark.parametrize(
    ("written", "tweet"),
    [
        ("a & b < c", {"text": "a &amp; b &lt; c"}),
        ("cafe\u0301", {"text": "caf\u00e9"}),
        (
            "See example.com now",
            {
                "text": "See https://t.co/abc now",
                "entities": {"urls": [link("https://t.co/abc", "http://example.com")]},
            },
        ),
        ("Long", {"text": "Lo\u2026", "note_tweet": {"text": "Long"}}),
        ("Long", {"text": "Lo\u2026", "note_post": {"text": "Long"}}),
    ],
)
def test_post_is_recognised_in_the_form_that_x_returns(written, tweet):
    assert is_same_post(tweet, Post(text=written))
    assert not is_same_post(tweet, Post(text=f"{written} more"))


@pytest.mark.parametrize(
    ("tweet", "written"),
    [
        ({"text": "a &amp; b"}, "a & b"),
        (
            {
                "text": "See https://t.co/abc now https://t.co/pic",
                "entities": {
                    "urls": [
                        {
                            **link("https://t.co/abc", "https://a.example/"),
                            "unwound_url": "https://b",
                        },
                        link("https://t.co/pic", "https://x.com/a/status/1/photo/1"),
                    ]
                },
            },
            "See https://a.example/ now",
        ),
        ({"text": "Lo\u2026", "note_post": {"text": "Long &gt; short"}}, "Long > short"),
    ],
)
def test_text_is_read_as_its_author_wrote_it(tweet, written):
    assert written_text(tweet) == written


def test_link_to_the_posts_own_image_is_not_part_of_the_text():
    tweet = {
        "text": "Look https://t.co/pic",
        "entities": {"urls": [link("https://t.co/pic", "https://x.com/a/status/1/photo/1")]},
    }
    assert is_same_post(tweet, Post(text="Look", media=(PICTURE,)))


def test_post_with_another_link_is_another_post():
    tweet = {
        "text": "See https://t.co/abc",
        "entities": {"urls": [link("https://t.co/abc", "https://other.example/")]},
    }
    assert not is_same_post(tweet, Post(text="See https://example.com/"))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (402, {"title": "CreditsDepleted", "account_id": 2**60}, PlatformConfigurationError),
        (403, {"title": "SpendCapReached"}, PlatformConfigurationError),
        (
            403,
            {"type": "https://api.x.com/2/problems/client-forbidden"},
            PlatformConfigurationError,
        ),
        (
            403,
            {"detail": "You are not allowed to create a Tweet with duplicate content."},
            DuplicateContentError,
        ),
        (403, {"title": "Forbidden", "detail": "Forbidden"}, InsufficientPermissionsError),
        (403, {"detail": "This post has an invalid URL."}, ContentRejectedError),
        (429, {"type": "https://x/2/problems/usage-capped"}, PlatformConfigurationError),
        (429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, RateLimitError),
        # The app is suspended; no new token helps.
        (
            401,
            {"errors": [{"code": 416, "message": "Invalid / suspended application"}]},
            PlatformConfigurationError,
        ),
        (401, {"errors": [{"code": 89, "message": "Invalid token."}]}, TokenExpiredError),
        (403, {"detail": "Your account has been suspended."}, AccountBlockedError),
        (403, {"detail": "User has been suspended."}, AccountBlockedError),
        # A user whom the post mentions.
        (403, {"detail": "User has been suspended: [123]."}, PlatformRefusedError),
        (403, {"detail": "The author of the quoted post is suspended."}, PlatformRefusedError),
        (400, {"detail": "Tweet text is required"}, ContentRejectedError),
        (400, {"detail": "The text cannot be empty."}, ContentRejectedError),
        (400, {"detail": "A post must contain text or media."}, ContentRejectedError),
        (400, {"errors": [{"message": "Poll options must be unique."}]}, ContentRejectedError),
        (400, {"detail": "The `media_id` is required."}, PlatformRefusedError),
    ],
)
def test_error_is_read_from_status_type_and_text(status, body, error):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    assert type(errors.read_error(response)) is error


@pytest.mark.parametrize(
    ("status", "nothing_was_created"),
    [
        *[(each, True) for each in (400, 403, 404, 405, 413)],
        *[(each, False) for each in (408, 409, 421, 425, 499)],
    ],
)
def test_page_proves_that_nothing_was_created_with_some_statuses_only(status, nothing_was_created):
    page = f"<html><head><title>{status}</title></head></html>"
    response = PlatformResponse(status_code=status, headers={}, json=None, text=page)
    error = errors.read_error(response)
    assert (type(error), error.nothing_was_created) == (PlatformRefusedError, nothing_was_created)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "errors",
                    "error",
                    "title",
                    "detail",
                    "type",
                    "code",
                    "message",
                    "reason",
                    "status",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([400, 401, 402, 403, 404, 409, 413, 422, 429, 500]))
def test_any_json_is_an_error_that_can_be_shown(body, status):
    response = PlatformResponse(status_code=status, headers={}, json=body, text="")
    for error in (errors.read_error(response), errors.read_token_error(response)):
        assert isinstance(error, PlatformApiError)
        assert isinstance(error.platform_code, str)
    assert "None" not in str(errors.read_reply_error(response, to="1")) or "None" in str(body)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": 385, "message": "deleted or not visible"}]},
        {"detail": "You attempted to reply to a Tweet that is deleted or not visible to you."},
        {"type": "https://api.x.com/2/problems/resource-not-found", "detail": "Could not find"},
        {"errors": [{"message": "Tweet not found"}]},
    ],
)
def test_post_before_is_waited_for_while_it_is_young(body):
    response = PlatformResponse(status_code=403, headers={}, json=body, text="")
    now = dt.datetime.now(tz=dt.UTC)

    def error_for(age):
        milliseconds = int(((now - age).timestamp() - 1288834974.657) * 1000)
        return errors.read_reply_error(response, to=str(milliseconds << 22))

    young, older = error_for(dt.timedelta()), error_for(dt.timedelta(seconds=40))
    assert (type(young), young.wait) == (MediaNotReadyError, errors.SHORTEST_WAIT)
    assert dt.timedelta(seconds=39) < older.wait < dt.timedelta(seconds=45)
    assert type(error_for(dt.timedelta(minutes=6))) is ContentRejectedError
    assert type(errors.read_reply_error(response, to="no number")) is ContentRejectedError


def test_used_refresh_token_is_an_expired_token():
    body = {"error": "invalid_request", "error_description": "Value passed for the token…"}
    response = PlatformResponse(status_code=400, headers={}, json=body, text="")
    assert type(errors.read_token_error(response)) is TokenExpiredError


def test_payload_contains_only_what_the_post_has():
    ready = Progress().ready(media_ids=["1"])
    assert tweet_payload(Post(text="Hi"), ready) == {"text": "Hi", "media": {"media_ids": ["1"]}}
    assert tweet_payload(Post(text="Hi"), Progress()) == {"text": "Hi"}
    assert tweet_payload(Post(), ready) == {"text": "", "media": {"media_ids": ["1"]}}


def test_posting_options_are_those_of_the_subscription(requests_mock, settings):
    settings.SANDBOX_URL = ""
    user = {"id": "1", "name": "A", "username": "a", "subscription_type": "Premium"}
    requests_mock.get("https://api.x.com/2/users/me", json={"data": user})
    account = Account(id="1", token=Secret("t"))

    subscriber = Twitter(account).posting_options()
    user["subscription_type"] = "None"
    other = Twitter(account).posting_options()

    assert (subscriber.max_duration_s, other.max_duration_s) == (125 * 60, 20 * 60)
    assert subscriber.can_post
    assert other.can_post


def test_subscribers_may_publish_longer_texts():
    assert Twitter.limits({"subscription_type": "Premium"}).post_types[0].max_text == 25_000
    assert Twitter.limits({"subscription_type": "None"}).post_types[0].max_text == 280


def test_each_post_of_a_thread_needs_a_text():
    [violation] = Twitter.violations(Post(text="One", options={"thread": ["Two", " \u200b"]}), {})
    assert violation.rule == "text_required"
    assert violation.message.startswith("Post 3 of the thread: ")
