"""Numbers of Pins and of searches; requests are checked against Pinterest's own description."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote
from zoneinfo import available_timezones

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
from socialpublishing.platforms.pinterest import Pinterest, metrics
from socialpublishing.platforms.pinterest.metrics import metrics_of, past_post, ranked_tags
from socialpublishing.platforms.pinterest.regions import REGIONS, region_of
from socialpublishing.tests.openapi import described
from socialpublishing.tests.recording import record_requests

NOW = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
LONG_AGO = NOW - dt.timedelta(days=500)
NUMBERS = {"impressions": 900, "likes": 40, "comments": 5, "saves": 30, "clicks": 8}


@pytest.fixture(autouse=True)
def recorded(sandbox):
    with record_requests(f"{sandbox.url}/pinterest/v5/") as recorder:
        yield recorder
    recorder.check_against(described("pinterest", "/v5"))


@pytest.fixture
def make_reader(sandbox):
    """Makes a reader for the account itself, not for one of its boards."""

    def make(**facts):
        made = sandbox.account("pinterest", **facts)
        account = Account(id=made["account_id"], token=Secret(made["access_token"]))
        return Pinterest.metrics_reader(Pinterest(account))

    return make


@pytest.fixture
def reader(make_reader):
    return make_reader()


@pytest.fixture
def add_pins(sandbox):
    """Adds Pins to the account's first board. Returns their ids."""

    def add(reader, *pins):
        data = [
            {"created_at": time.isoformat(), "text": text, "kind": kind, "metrics": metrics}
            for time, text, kind, metrics in pins
        ]
        account_id = reader.client.account.id
        body = {"platform": "pinterest", "account_id": account_id, "posts": data}
        return sandbox.call("POST", "history", **body)["ids"]

    return add


def ago(**age):
    return NOW - dt.timedelta(**age)


def many_pins(count, **metrics):
    return [(ago(hours=n), f"Pin {n}", "image", metrics or None) for n in range(1, count + 1)]


# --- History -------------------------------------------------------------------------------------


def test_history_holds_pins_as_they_were_published(reader, add_pins):
    pins = [
        (ago(days=1), "Fresh & <hot> #rye", "image", NUMBERS),
        (ago(days=2), "Three of them", "carousel", NUMBERS),
        (ago(days=3), "A film", "video", NUMBERS),
        (ago(days=400), "Old but wanted", "image", NUMBERS),
        (ago(days=501), "Too old", "image", NUMBERS),
    ]
    ids = add_pins(reader, *pins)

    read = reader.history(since=LONG_AGO, limit=100)

    assert [post.id for post in read] == ids[:4]
    assert [(post.published_at, post.text, post.kind) for post in read] == [
        (time, text, kind) for time, text, kind, _ in pins[:4]
    ]
    expected = Metrics(impressions=900, likes=40, comments=5, saves=30, clicks=8)
    assert {post.metrics for post in read} == {expected}


def test_history_reads_only_the_pages_that_it_needs(reader, add_pins, recorded):
    add_pins(reader, *many_pins(600))

    full = reader.history(since=LONG_AGO, limit=1000)
    assert [post.text for post in full] == [f"Pin {n}" for n in range(1, 601)]
    assert len(recorded.calls) == 3

    recorded.calls.clear()
    assert len(reader.history(since=LONG_AGO, limit=200)) == 200
    assert len(reader.history(since=ago(hours=10, minutes=1), limit=1000)) == 10
    assert len(recorded.calls) == 2


def test_list_that_is_not_newest_first_is_read_to_its_end(reader, requests_mock, sandbox):
    def page(*hours, bookmark=None):
        items = [{"id": str(n), "created_at": f"{ago(hours=n):%Y-%m-%dT%H:%M:%S}"} for n in hours]
        return {"json": {"items": items, "bookmark": bookmark}}

    pages = [page(8, 7, bookmark="a"), page(6, 5, bookmark="b"), page(2, 1)]
    requests_mock.get(f"{sandbox.url}/pinterest/v5/pins", pages)

    read = reader.history(since=ago(hours=6, minutes=30), limit=2)

    assert [post.id for post in read] == ["1", "2"]


def test_history_leaves_out_pins_that_others_cannot_see(make_reader, add_pins):
    reader = make_reader(boards=[{"name": "Drafts", "privacy": "PROTECTED"}])
    [pin] = add_pins(reader, (ago(days=1), "For few", "image", NUMBERS))
    assert reader.history(since=LONG_AGO, limit=10) == []
    # The account itself can read their numbers.
    assert reader.metrics([pin])[pin].saves == 30


@pytest.mark.parametrize(
    ("pin", "kind"),
    [
        ({"media": {"media_type": "image"}}, "image"),
        ({"media": {"media_type": "multiple_images"}}, "carousel"),
        ({"media": {"media_type": "video"}}, "video"),
        ({"media": {"media_type": "multiple_mixed"}}, ""),
        ({"media": None, "description": None, "pin_metrics": None}, ""),
        ({}, ""),
    ],
)
def test_kind_follows_from_the_media(pin, kind):
    assert past_post({"id": "1", "created_at": "2026-11-22T12:00:00", **pin}).kind == kind


# --- Metrics -------------------------------------------------------------------------------------


def test_metrics_read_only_as_many_pages_as_hold_the_ids(reader, add_pins, recorded):
    ids = add_pins(reader, *many_pins(300, **NUMBERS))

    found = reader.metrics([ids[0], ids[120], "17"])
    assert set(found) == {ids[0], ids[120]}
    assert found[ids[0]].clicks == 8

    recorded.calls.clear()
    assert set(reader.metrics(ids[:100])) == set(ids[:100])
    assert len(recorded.calls) == 1
    assert reader.metrics([]) == {}
    assert len(recorded.calls) == 1


def test_search_for_a_deleted_pin_ends_after_a_few_pages(reader, add_pins, recorded, monkeypatch):
    monkeypatch.setattr(metrics, "MAX_PAGES", 2)
    add_pins(reader, *many_pins(600))
    assert reader.metrics(["17"]) == {}
    assert len(recorded.calls) == 2


@pytest.mark.parametrize(
    ("data", "metrics"),
    [
        (None, Metrics()),
        ({}, Metrics()),
        ({"90d": {"impression": 2}, "lifetime_metrics": None}, Metrics(impressions=2)),
        (
            # The example of the OpenAPI description.
            {
                "90d": {"pin_click": 7, "impression": 2, "clickthrough": 3},
                "lifetime_metrics": {
                    "pin_click": 9,
                    "impression": 20,
                    "clickthrough": 3,
                    "reaction": 10,
                    "comment": 2,
                },
            },
            Metrics(impressions=20, likes=10, comments=2, clicks=12),
        ),
        ({"lifetime_metrics": {"outbound_click": 4, "save": 1}}, Metrics(clicks=4, saves=1)),
    ],
)
def test_lifetime_numbers_are_preferred_to_those_of_90_days(data, metrics):
    assert metrics_of({"pin_metrics": data}) == metrics


# --- Hashtags ------------------------------------------------------------------------------------


def test_tags_are_search_keywords_that_contain_the_query(reader, recorded):
    ideas = reader.tag_ideas(TagQuery(keywords=("#Sourdough", "rye"), industry="Cards", limit=3))

    assert {idea.tag for idea in ideas.ideas} <= {
        "sourdoughbreadrecipe",
        "sourdoughstarter",
        "ryebreadrecipe",
        "handmadecards",
    }
    scores = [idea.score for idea in ideas.ideas]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert (ideas.source, "United States" in ideas.meaning) == ("pinterest_trends", True)
    [call] = recorded.calls
    assert "include_keywords=sourdough&include_keywords=rye&include_keywords=cards" in (
        call.request.url
    )


@pytest.mark.parametrize(
    ("timezone", "code"),
    [
        ("", "US"),
        ("America/New_York", "US"),
        ("Asia/Tokyo", "US"),
        ("Europe/Berlin", "DE"),
        ("Europe/Vienna", "DE+AT+CH"),
        ("America/Argentina/Salta", "AR"),
        ("Australia/Perth", "AU+NZ"),
    ],
)
def test_trends_are_those_of_the_time_zones_region(reader, recorded, timezone, code):
    ideas = reader.tag_ideas(TagQuery(keywords=("rye",), timezone=timezone))

    assert f"/keywords/{quote(code, safe='')}/top/" in recorded.calls[0].request.url
    assert region_of(timezone).name in ideas.meaning


def test_zones_of_regions_exist_and_belong_to_one_region():
    zones = [zone for region in REGIONS for zone in region.zones]
    assert len(set(zones)) == len(zones)
    for zone in zones:
        assert any(known == zone or known.startswith(zone) for known in available_timezones())


def test_keyword_without_trends_gives_no_tags(reader):
    assert reader.tag_ideas(TagQuery(keywords=("quantum chromodynamics",))).ideas == ()


def test_keywords_are_cut_to_pinterests_limits(reader, recorded):
    keywords = ("rye" * 50, *(f"word {n}" for n in range(60)))
    reader.tag_ideas(TagQuery(keywords=keywords))
    assert recorded.calls[0].request.url.count("include_keywords=") == 50


def test_query_without_keywords_sends_no_request(reader, recorded):
    with pytest.raises(MetricsNotAvailableError):
        reader.tag_ideas(TagQuery(keywords=("", " # ")))
    assert recorded.calls == []


def test_score_counts_the_last_four_weeks():
    def trend(keyword, *weeks):
        days = [f"2026-10-{day:02}" for day in range(1, len(weeks) + 1)]
        return {"keyword": keyword, "time_series": dict(zip(days, weeks, strict=True))}

    trends = [
        trend("old hat", 100, 1, 1, 1, 1),
        trend("new hat", 0, 2, 2, 2, 2),
        trend("newhat", 8),
        {"keyword": "no series"},
        trend("!?", 100),
    ]
    assert [(idea.tag, idea.score) for idea in ranked_tags(trends)] == [
        ("newhat", 1.0),
        ("oldhat", 0.25),
        ("noseries", 0.0),
    ]


# --- Refusals ------------------------------------------------------------------------------------

READS = {
    "history": lambda reader: reader.history(since=LONG_AGO, limit=5),
    "metrics": lambda reader: reader.metrics(["17"]),
    "tag_ideas": lambda reader: reader.tag_ideas(TagQuery(keywords=("rye",))),
}
RESTRICTED = {"code": 3, "message": "No access to this restricted feature: trends"}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"code": 429, "headers": {"x-ratelimit-reset": "30"}}, RateLimitError),
        (401, TokenExpiredError),
        ({"code": 401, "body": RESTRICTED}, PlatformConfigurationError),
    ],
)
def test_refusals_of_reads_become_errors_of_ours(reader, sandbox, read, value, error):
    sandbox.fault("status", value, method="GET")
    with pytest.raises(error) as caught:
        READS[read](reader)
    if error is RateLimitError:
        assert caught.value.until > NOW


@pytest.mark.parametrize("read", READS)
def test_account_without_the_scopes_for_reading_has_to_connect_again(make_reader, read):
    reader = make_reader(scopes=["boards:write", "pins:write"])
    with pytest.raises(InsufficientPermissionsError):
        READS[read](reader)


def test_metrics_are_free_and_belong_to_the_whole_account():
    assert not Pinterest.metrics_reader.by_destination
    assert not Pinterest.metrics_reader.reads_are_billed
    assert Pinterest.metrics_reader.has_tag_ideas
