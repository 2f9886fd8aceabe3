import datetime as dt
import statistics
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest

from socialpublishing.sandbox.audience import METRICS, audience_of, metrics_of

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def plant(control):
    def make(account, posts, platform="twitter"):
        body = {"platform": platform, "account_id": account.id, "posts": posts}
        response = control.post("/history", json=body)
        assert response.status_code == 201, response.text
        return response.json()["ids"]

    return make


@pytest.fixture
def now(server):
    return dt.datetime.fromtimestamp(server.state.now(), dt.UTC).replace(microsecond=0)


def test_control_api_returns_the_audience_of_an_account(x, control):
    data = control.get("/audience", params={"platform": "twitter", "account_id": x.id}).json()
    audience = audience_of(x.id)
    assert data == {
        "timezone": audience.zone,
        "peaks": [{"weekday": weekday, "hour": hour} for weekday, hour in audience.peaks],
        "impressions": audience.impressions,
        "engagement": audience.engagement,
        "hashtags": audience.lifts,
    }
    assert audience == audience_of(x.id) != audience_of("another")
    assert ZoneInfo(audience.zone)
    assert sorted(audience.lifts.values()) == [1.3, 1.6, 2.0]
    assert len({weekday for weekday, _ in audience.peaks}) == 2


def test_peak_is_the_best_hour_of_the_week(x):
    audience = audience_of(x.id)
    monday = dt.datetime(2026, 11, 2, 0, 30, tzinfo=ZoneInfo(audience.zone))
    hours = [monday + n * HOUR for n in range(7 * 24)]
    best = sorted(hours, key=audience.reach_factor)[-2:]
    assert {(hour.weekday(), hour.hour) for hour in best} == set(audience.peaks)
    assert max(audience.engagement_factor(hour, "") for hour in hours) == pytest.approx(2, abs=0.01)


def test_largest_lift_applies_whatever_the_case():
    audience = audience_of("someone")
    tags = sorted(audience.lifts, key=audience.lifts.get)
    at = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    plain = audience.engagement_factor(at, "Hello")
    text = f"Hello #{tags[0]} #{tags[2].upper()} #{tags[1]}"
    assert audience.engagement_factor(at, text) == pytest.approx(plain * audience.lifts[tags[2]])


def test_metrics_of_a_post_start_at_zero_and_only_grow(x, server):
    post = server.state.posts["twitter", x.tweet()["id"]]
    ages = [0, 3600, 12 * 3600, 86400, 30 * 86400]
    grown = [metrics_of(post, post.created_at + age) for age in ages]
    assert set(grown[0]) == set(METRICS)
    assert set(grown[0].values()) == {0}
    for name in METRICS:
        counts = [metrics[name] for metrics in grown]
        assert counts == sorted(counts)
    assert grown[2]["impressions"] == pytest.approx(grown[4]["impressions"] * 0.632, rel=0.01)
    assert grown[4] == metrics_of(post, post.created_at + 30 * 86400)
    assert grown[4]["impressions"] > grown[4]["likes"] > 0


def test_metrics_of_planted_posts_show_peaks_and_hashtags(x, plant, server, now):
    audience = audience_of(x.id)
    [tag] = [tag for tag, lift in audience.lifts.items() if lift == 2.0]
    posts = [
        {
            "created_at": (now - HOUR * n - dt.timedelta(days=2)).isoformat(),
            "text": f"Number {n}" + (f" #{tag}" if n % 5 == 0 else ""),
        }
        for n in range(2000)
    ]
    impressions, engagement = defaultdict(list), defaultdict(list)
    for post_id in plant(x, posts):
        post = server.state.posts["twitter", post_id]
        metrics = metrics_of(post, server.state.now())
        at = dt.datetime.fromtimestamp(post.created_at, ZoneInfo(audience.zone))
        impressions[(at.weekday(), at.hour) in audience.peaks].append(metrics["impressions"])
        interactions = sum(
            metrics[name] for name in ("likes", "comments", "shares", "saves", "clicks")
        )
        engagement["#" in post.text].append(interactions / metrics["impressions"])

    assert statistics.median(impressions[True]) > 1.5 * statistics.median(impressions[False])
    lift = statistics.median(engagement[True]) / statistics.median(engagement[False])
    assert lift == pytest.approx(2.0, rel=0.15)


def test_platform_lists_planted_posts_by_time(x, plant, control, now):
    fresh = x.tweet("Fresh")["id"]
    ids = plant(
        x,
        [
            {"created_at": (now - 9 * HOUR).isoformat(), "text": "Older"},
            {"created_at": (now - 90 * HOUR).isoformat(), "text": "Oldest"},
            {"created_at": (now - 3 * HOUR).isoformat(), "text": "Old"},
        ],
    )
    older, oldest, old = ids
    listed = x.get(f"/2/users/{x.id}/tweets", params={"tweet.fields": "created_at"}).json()["data"]
    assert [post["id"] for post in listed] == [fresh, old, older, oldest]
    assert sorted(map(int, ids)) == [int(oldest), int(older), int(old)]
    assert listed[1]["created_at"].startswith((now - 3 * HOUR).strftime("%Y-%m-%dT%H:%M:%S"))
    assert [post["id"] for post in control.posts()] == [fresh]
    with_old = control.get("/posts", params={"history": "true"}).json()
    assert [post["id"] for post in with_old] == [oldest, older, old, fresh]


def test_page_lists_planted_posts(page, plant, now):
    at = (now - 5 * HOUR).isoformat()
    [post_id] = plant(page, [{"created_at": at, "text": "Bread", "kind": "image"}], "facebook")
    fields = "id,message,created_time,full_picture"
    [post] = page.get(f"/{page.id}/published_posts", params={"fields": fields}).json()["data"]
    assert (post["id"], post["message"]) == (post_id, "Bread")
    assert dt.datetime.strptime(post["created_time"], "%Y-%m-%dT%H:%M:%S%z") == now - 5 * HOUR
    assert page.session.get(post["full_picture"], timeout=10).ok


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("text", []),
        ("image", ["image"]),
        ("gif", ["gif"]),
        ("video", ["video"]),
        ("carousel", ["image"] * 3),
        ("document", ["document"]),
    ],
)
def test_planted_post_has_the_media_of_its_kind(x, plant, control, now, kind, kinds):
    plant(x, [{"created_at": (now - HOUR).isoformat(), "kind": kind}])
    [post] = control.get("/posts", params={"history": "true"}).json()
    assert [medium["kind"] for medium in post["media"]] == kinds


def test_given_metrics_never_change(x, plant, server, now):
    [post_id] = plant(
        x, [{"created_at": (now - HOUR).isoformat(), "metrics": {"likes": 7, "views": 90}}]
    )
    metrics = metrics_of(server.state.posts["twitter", post_id], server.state.now() + 10**6)
    assert metrics == dict.fromkeys(METRICS, 0) | {"likes": 7, "views": 90}


def test_two_thousand_posts_can_be_planted_at_once(x, plant, now):
    posts = [
        {"created_at": (now - n * HOUR).isoformat(), "text": "#coffee", "kind": "video"}
        for n in range(2000)
    ]
    assert len(set(plant(x, posts))) == 2000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"created_at": None}, "invalid_created_at"),
        ({"created_at": "yesterday"}, "invalid_created_at"),
        ({"created_at": "2026-02-30T10:00:00Z"}, "invalid_created_at"),
        ({"created_at": "2026-11-01T10:00:00"}, "invalid_created_at"),
        ({"created_at": "2999-01-01T10:00:00Z"}, "invalid_created_at"),
        ({"created_at": "1999-01-01T10:00:00Z"}, "invalid_created_at"),
        ({"text": 7}, "invalid_text"),
        ({"kind": "opera"}, "invalid_kind"),
        ({"kind": []}, "invalid_kind"),
        ({"metrics": []}, "invalid_metrics"),
        ({"metrics": {"applause": 1}}, "invalid_metrics"),
        ({"metrics": {"likes": -1}}, "invalid_metrics"),
        ({"metrics": {"likes": True}}, "invalid_metrics"),
        ({"likes": 1}, "unknown_field"),
    ],
)
def test_invalid_old_post_is_refused_and_nothing_is_planted(x, control, now, change, code):
    good = {"created_at": (now - HOUR).isoformat(), "text": "Hello"}
    body = {"platform": "twitter", "account_id": x.id, "posts": [good, {**good, **change}]}
    response = control.post("/history", json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert control.get("/posts", params={"history": "true"}).json() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "unsupported_platform"),
        ({"platform": "twitter"}, "unknown_account"),
        ({"platform": "twitter", "account_id": "2244994945"}, "invalid_posts"),
        ({"platform": "twitter", "account_id": "2244994945", "posts": []}, "invalid_posts"),
        ({"platform": "twitter", "account_id": "2244994945", "posts": [1]}, "invalid_posts"),
        ({"platform": "twitter", "more": 1}, "unknown_field"),
    ],
)
def test_invalid_history_is_refused(control, body, code):
    response = control.post("/history", json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_audience_needs_an_existing_account(control):
    for query in ({}, {"platform": "twitter", "account_id": "1"}):
        assert control.get("/audience", params=query).status_code == 400
