"""X's metrics, read from the sandbox. Every request is checked against X's OpenAPI description."""

from __future__ import annotations

import datetime as dt

import pytest

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    InsufficientPermissionsError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.metrics import Metrics, MetricsNotAvailableError, TagQuery
from socialpublishing.platforms.twitter import Twitter, payloads
from socialpublishing.platforms.twitter.metrics import (
    MAX_QUERY,
    kind_of,
    metrics_of,
    ranked_tags,
    search_for,
)
from socialpublishing.tests.recording import json_of, record_requests
from socialpublishing.tests.x_description import XDescription

NOW = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
LONG_AGO = NOW - dt.timedelta(days=500)
NUMBERS = {"impressions": 900, "likes": 40, "comments": 5, "shares": 9, "saves": 3, "clicks": 8}


@pytest.fixture(autouse=True)
def recorded(sandbox):
    with record_requests(f"{sandbox.url}/twitter/2/") as recorder:
        yield recorder
    recorder.check_against(XDescription())


@pytest.fixture
def make_metrics_reader(sandbox):
    def make(**facts):
        made = sandbox.account("twitter", **facts)
        account = Account(id=made["account_id"], token=Secret(made["access_token"]))
        return Twitter.metrics_reader(Twitter(account))

    return make


@pytest.fixture
def metrics_reader(make_metrics_reader):
    return make_metrics_reader()


@pytest.fixture
def make_history(sandbox):
    """Adds posts to an account at the sandbox. Returns their ids."""

    def make(metrics_reader, *posts):
        data = [
            {"created_at": at.isoformat(), "text": text, "kind": kind, "metrics": metrics}
            for at, text, kind, metrics in posts
        ]
        body = {
            "platform": "twitter",
            "account_id": metrics_reader.client.account.id,
            "posts": data,
        }
        return sandbox.call("POST", "history", **body)["ids"]

    return make


def ago(**age):
    return NOW - dt.timedelta(**age)


def posts_read(recorded):
    """The number of posts for which X charges."""
    return sum(len(json_of(call.content).get("data", [])) for call in recorded.calls)


# --- History -------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["asked", "old", "new", "mixed"])
@pytest.mark.parametrize("use_new_names", [False, True])
def test_history_has_each_post_as_it_was_written(
    metrics_reader, make_history, sandbox, monkeypatch, use_new_names, names
):
    monkeypatch.setattr(payloads, "USE_NEW_NAMES", use_new_names)
    sandbox.call("POST", "settings", twitter_names=names)
    expected = [
        (ago(days=1), "Fresh & <hot>: https://example.com/a?b=1 #rye", "text", NUMBERS),
        (ago(days=2), "A harbour", "image", NUMBERS),
        (ago(days=3), "Three of them", "carousel", NUMBERS),
        (ago(days=4), "It moves", "gif", NUMBERS),
        (ago(days=5), "A video", "video", NUMBERS),
        (ago(days=400), "Long: " + "word " * 100 + "end", "text", {"likes": 1}),
        (ago(days=501), "Too old", "text", None),
    ]
    ids = make_history(metrics_reader, *expected)

    read = metrics_reader.history(since=LONG_AGO, limit=100)

    assert [post.id for post in read] == ids[:6]
    assert [(post.published_at, post.text, post.kind) for post in read] == [
        (at, text, kind) for at, text, kind, _ in expected[:6]
    ]
    assert read[0].metrics == Metrics(impressions=900, likes=40, comments=5, shares=9, saves=3)
    assert read[5].metrics.engagement == 1


def test_history_is_read_page_by_page_if_the_limit_allows(metrics_reader, make_history, recorded):
    make_history(
        metrics_reader, *((ago(hours=40 * n), f"Post {n}", "text", None) for n in range(1, 261))
    )

    everything = metrics_reader.history(since=LONG_AGO, limit=500)
    assert [post.text for post in everything] == [f"Post {n}" for n in range(1, 261)]
    assert posts_read(recorded) == 260
    recorded.calls.clear()
    assert len(metrics_reader.history(since=ago(hours=401), limit=100)) == 10
    assert len(recorded.calls) == 1


@pytest.mark.parametrize(("limit", "read"), [(120, 120), (103, 101), (9, 9), (5, 5)])
def test_limited_history_is_spread_over_the_hours_of_the_day(
    metrics_reader, make_history, recorded, limit, read
):
    """Three posts each morning, and one at another hour: without a choice that is a quarter."""
    noon = NOW.replace(hour=12) - dt.timedelta(days=1)
    times = [
        noon - dt.timedelta(days=day, hours=hour)
        for day in range(400)
        for hour in (2, 2.5, 3, -1 - day % 8)
    ]
    make_history(metrics_reader, *((at, "", "text", None) for at in sorted(times, reverse=True)))

    posts = metrics_reader.history(since=LONG_AGO, limit=limit)

    assert len({post.id for post in posts}) == len(posts) == read == posts_read(recorded)
    assert len(recorded.calls) <= 11
    times = [post.published_at for post in posts]
    assert times == sorted(times, reverse=True)
    if limit > 100:
        later = [at for at in times[limit // 2 :] if at.hour > 12]
        assert len(later) > 0.3 * len(times[limit // 2 :])


def test_limit_below_the_smallest_page_reads_nothing(metrics_reader, recorded):
    with pytest.raises(MetricsNotAvailableError, match="at least 5"):
        metrics_reader.history(since=LONG_AGO, limit=4)
    with pytest.raises(MetricsNotAvailableError, match="at least 10"):
        metrics_reader.tag_ideas(TagQuery(keywords=("rye",), max_reads=9))
    assert recorded.calls == []


def test_history_has_no_replies_and_no_posts_of_other_accounts(
    metrics_reader, make_metrics_reader, make_history
):
    make_history(make_metrics_reader(), (ago(days=1), "Theirs", "text", None))
    http = metrics_reader.client.http
    first = http.post("/2/tweets", json={"text": "One"})["data"]["id"]
    http.post("/2/tweets", json={"text": "Two", "reply": {"in_reply_to_tweet_id": first}})

    assert [post.text for post in metrics_reader.history(since=LONG_AGO, limit=5)] == ["One"]


@pytest.mark.parametrize(
    ("attachments", "kind"),
    [
        ({}, "text"),
        ({"media_keys": ["3_1"]}, "image"),
        ({"media_keys": ["3_1", "13_2"]}, "carousel"),
        ({"media_keys": ["16_1"]}, "gif"),
        ({"media_keys": ["13_1"]}, "video"),
        ({"media_keys": ["99_1"]}, ""),
        ({"poll_ids": ["1"]}, "poll"),
    ],
)
def test_kind_is_read_from_the_attachments(attachments, kind):
    assert kind_of({"attachments": attachments} if attachments else {}) == kind


# --- Metrics -------------------------------------------------------------------------------------


def test_metrics_have_clicks_only_for_posts_of_the_last_thirty_days(
    metrics_reader, make_history, recorded
):
    young, old = make_history(
        metrics_reader,
        (ago(days=29), "Young", "text", NUMBERS),
        (ago(days=31), "Old", "text", NUMBERS),
    )

    found = metrics_reader.metrics([young, old, "17"])

    public = {"impressions": 900, "likes": 40, "comments": 5, "shares": 9, "saves": 3}
    assert found == {young: Metrics(**public, clicks=8), old: Metrics(**public)}
    assert len(recorded.calls) == 1


def test_metrics_are_requested_for_a_hundred_posts_at_a_time(
    metrics_reader, make_history, recorded
):
    ids = make_history(
        metrics_reader, *((ago(hours=n), f"Post {n}", "text", NUMBERS) for n in range(1, 206))
    )
    assert set(metrics_reader.metrics(ids)) == set(ids)
    assert len(recorded.calls) == 3
    assert metrics_reader.metrics([]) == {}
    assert len(recorded.calls) == 3


def test_post_that_is_refused_for_its_clicks_is_read_without_them(
    metrics_reader, make_history, sandbox, recorded
):
    young, old = make_history(
        metrics_reader,
        (ago(days=1), "Young", "text", NUMBERS),
        (ago(days=31), "Old", "text", NUMBERS),
    )
    refused = {
        "title": "Field Authorization Error",
        "detail": "Sorry, you are not authorized to access 'non_public_metrics'.",
        "type": "https://api.twitter.com/2/problems/not-authorized-for-field",
        "section": "data",
        "field": "non_public_metrics",
        "resource_type": "tweet",
        "resource_id": old,
        "parameter": "non_public_metrics",
        "value": old,
    }
    data = {"id": young, "edit_history_tweet_ids": [young], "text": "Young"}
    body = {"data": [{**data, "public_metrics": counts(like_count=7)}], "errors": [refused]}
    sandbox.fault("status", {"code": 200, "body": body}, path="^/2/tweets$")

    found = metrics_reader.metrics([young, old])

    assert (found[young].likes, found[old].likes) == (7, 40)
    assert recorded.calls[1].request.url.endswith(f"ids={old}&tweet.fields=public_metrics")


def counts(**data):
    names = ("retweet", "reply", "like", "quote", "bookmark", "impression")
    return {f"{name}_count": 0 for name in names} | data


def test_missing_numbers_are_unknown():
    assert metrics_of({"id": "1"}) == Metrics()
    assert metrics_of({"public_metrics": {"repost_count": 2, "quote_count": 1}}).shares == 3


# --- Hashtags ------------------------------------------------------------------------------------


def test_hashtags_are_those_of_posts_about_the_keywords(
    metrics_reader, make_metrics_reader, make_history, recorded
):
    others = make_metrics_reader()
    make_history(
        others,
        (ago(days=1), "Rye bread with #Sourdough and #baking", "text", None),
        (ago(days=2), "More rye bread #sourdough #sourdough", "text", None),
        (ago(days=3), "At last: #ryebread #sourdough", "text", None),
        (ago(days=3), "Rye is no bread of its own #field", "text", None),
        (ago(days=3), "Rye bread without a tag", "text", None),
        (ago(days=8), "Rye bread of last week #old", "text", None),
    )

    ideas = metrics_reader.tag_ideas(TagQuery(keywords=("rye bread",), limit=2, max_reads=25))

    assert [(idea.tag.lower(), idea.score) for idea in ideas.ideas] == [
        ("sourdough", 1.0),
        ("baking", pytest.approx(1 / 3)),
    ]
    assert ideas.source == "x_recent_search"
    assert "of 3 posts of the last seven days" in ideas.meaning
    assert posts_read(recorded) == 3


@pytest.mark.parametrize(("max_reads", "read"), [(10, 10), (109, 100), (110, 110), (500, 130)])
def test_search_reads_no_more_posts_than_allowed(
    metrics_reader, make_history, recorded, max_reads, read
):
    make_history(
        metrics_reader, *((ago(hours=n), f"Rye {n} #rye", "text", None) for n in range(1, 131))
    )
    ideas = metrics_reader.tag_ideas(TagQuery(keywords=("rye",), max_reads=max_reads))
    assert posts_read(recorded) == read
    assert [idea.tag for idea in ideas.ideas] == ["rye"]


def test_search_without_results_returns_no_hashtags(metrics_reader):
    assert metrics_reader.tag_ideas(TagQuery(keywords=("rye",))).ideas == ()


@pytest.mark.parametrize(
    ("keywords", "query"),
    [
        (["rye"], '("rye") has:hashtags'),
        (["rye bread", "loaf"], '("rye bread" OR #ryebread OR "loaf") has:hashtags'),
        (["#Rye"], '("Rye") has:hashtags'),
        (['x" OR from:me', "-is:reply"], None),
        (["brot größe"], '("brot größe" OR #brotgröße) has:hashtags'),
        (["", "  ", "!?", '"', "2026"], ""),
    ],
)
def test_keywords_never_become_operators(metrics_reader, keywords, query):
    search = search_for(keywords)
    if query is not None:
        assert search == query
    assert search.count('"') % 2 == 0
    if search:
        metrics_reader.client.http.get("/2/tweets/search/recent", params={"query": search})


def test_query_has_as_many_keywords_as_fit():
    search = search_for(["a" * 300, "b" * 300, "c" * 100, "rye"])
    assert "a" * 300 in search
    assert "b" not in search.replace("has:hashtags", "")
    assert search.endswith('OR "rye") has:hashtags')
    assert len(search) <= MAX_QUERY


def test_hashtag_counts_once_a_post_regardless_of_its_case():
    def tweet(*tags):
        return {"entities": {"hashtags": [{"tag": tag} for tag in tags]}}

    ideas = ranked_tags([tweet("Rye", "rye"), tweet("RYE", "oat"), tweet("bran"), {}])
    assert [(idea.tag, idea.score) for idea in ideas] == [("Rye", 1), ("bran", 0.5), ("oat", 0.5)]


# --- Errors --------------------------------------------------------------------------------------

READS = {
    "history": lambda metrics_reader: metrics_reader.history(since=LONG_AGO, limit=5),
    "metrics": lambda metrics_reader: metrics_reader.metrics(["17"]),
    "tag_ideas": lambda metrics_reader: metrics_reader.tag_ideas(TagQuery(keywords=("rye",))),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, RateLimitError),
        (401, TokenExpiredError),
        (402, PlatformConfigurationError),
        (403, InsufficientPermissionsError),
    ],
)
def test_refusal_raises_the_error_for_its_status(metrics_reader, sandbox, read, status, error):
    sandbox.fault("status", status, method="GET")
    with pytest.raises(error) as caught:
        READS[read](metrics_reader)
    if status == 429:
        assert caught.value.until > NOW


@pytest.mark.parametrize("read", READS)
def test_reading_without_its_scope_raises_a_permission_error(make_metrics_reader, read):
    with pytest.raises(InsufficientPermissionsError):
        READS[read](make_metrics_reader(scopes=["tweet.write", "users.read"]))


def test_reader_declares_billed_reads_and_hashtags():
    assert Twitter.metrics_reader.reads_are_billed
    assert Twitter.metrics_reader.has_tag_ideas
