"""The best times of an account, by the API, for accounts whose week is known."""

from __future__ import annotations

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import caches
from django.utils import timezone

from insights.estimates import MIN_ACCOUNTS, MIN_POSTS
from insights.models import WeekEstimate

pytestmark = pytest.mark.usefixtures("empty_cache", "many_billed_reads")


def hours_apart(slot, peak):
    week = 7 * 24
    gap = slot["day_of_week"] * 24 + slot["hour_of_day"] - peak["weekday"] * 24 - peak["hour"]
    return min(gap % week, -gap % week)


@pytest.mark.any_database
def test_best_times_are_the_hours_of_most_engagement(api, make_account, readable):
    account = make_account(readable)
    account.plant_weeks()
    audience = account.audience

    response = account.best_times(api, timezone=audience["timezone"])

    assert response.status_code == 200, response.json()
    data = response.json()
    assert data["platform"] == readable
    assert data["timezone"] == audience["timezone"]
    assert [source["name"] for source in data["sources"]] == ["account_history"]
    assert data["posts_used"] > 250
    assert data["confidence"] in {"high", "medium", "low"}
    assert (data["stale"], data["missing_posts"] >= 0) == (False, True)
    first = data["suggested_times"]
    assert len(first) == 3
    assert first[0]["score"] == 1.0
    assert min(hours_apart(first[0], peak) for peak in audience["peaks"]) <= 3


@pytest.mark.any_database
def test_second_response_needs_no_request_to_the_platform(api, make_account, readable):
    account = make_account(readable)
    account.plant_months(60)
    first = account.best_times(api).json()
    before = account.requests()

    assert account.best_times(api).json() == first
    assert account.best_times(api, timezone="Asia/Tokyo").status_code == 200
    assert account.requests() == before > 0


def test_last_response_is_returned_as_stale_when_the_platform_fails(
    api, make_account, readable, sandbox, settings
):
    account = make_account(readable)
    account.plant_months(60)
    good = account.best_times(api).json()
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    sandbox.fault("status", 500, platform=readable, times=50)

    response = account.best_times(api)

    assert response.status_code == 200, response.json()
    data = response.json()
    assert data["stale"] is True
    assert data["sources"][0]["stale"] is True
    assert data["generated_at"] == good["generated_at"]
    assert data["suggested_times"] == good["suggested_times"]


@pytest.mark.any_database
def test_platform_failure_without_a_cached_response_is_reported(
    api, make_account, readable, sandbox
):
    account = make_account(readable)
    account.plant_months(60)
    sandbox.fault("status", 500, platform=readable, times=50)

    assert account.best_times(api).status_code == 502


@pytest.mark.any_database
def test_hours_are_judged_by_engagement_or_by_reach(api, make_account, readable):
    account = make_account(readable)
    account.plant_months(120)

    by_engagement = account.best_times(api).json()
    by_reach = account.best_times(api, basis="reach").json()

    assert (by_engagement["basis"], by_reach["basis"]) == ("engagement", "reach")
    assert account.best_times(api, basis="engagement").json() == by_engagement
    assert by_reach.keys() == by_engagement.keys()
    assert by_reach["suggested_times"] != by_engagement["suggested_times"]
    # The console and the platform's mean are about engagement.
    assert WeekEstimate.objects.get().lift == by_engagement["lift"]


def test_basis_of_reach_is_refused_where_reach_is_not_known(api, make_account, settings):
    account = make_account("twitter")
    account.publish_with_metrics(MIN_POSTS + 2, likes=10)
    settings.INSIGHTS_MAX_BILLED_READS = 0

    response = account.best_times(api, basis="reach")

    assert account.best_times(api).status_code == 200
    assert (response.status_code, response.json()["code"]) == (404, "insights_not_available")
    assert "reach" in response.json()["detail"]


@pytest.mark.any_database
@pytest.mark.parametrize("posts", [0, MIN_POSTS - 1])
def test_too_few_posts_are_refused_with_the_number_of_missing_posts(
    api, make_account, readable, posts
):
    account = make_account(readable)
    if posts:
        account.plant_months(posts)

    response = account.best_times(api)

    assert response.status_code == 404
    body = response.json()
    assert body["code"] == "insights_not_available"
    assert f"{MIN_POSTS - posts} more" in body["detail"]


def test_hours_are_in_the_requested_time_zone(api, make_account):
    account = make_account("instagram")
    account.plant_weeks()
    audience = account.audience
    home = ZoneInfo(audience["timezone"])
    api.client.patch(
        f"/api/v1/connections/{account.connection.pk}",
        {"timezone": "Asia/Tokyo"},
        content_type="application/json",
    )

    own = account.best_times(api).json()
    requested = account.best_times(api, timezone=audience["timezone"]).json()

    assert (own["timezone"], requested["timezone"]) == ("Asia/Tokyo", audience["timezone"])
    now = timezone.now()
    ahead = ZoneInfo("Asia/Tokyo").utcoffset(now) - home.utcoffset(now)
    hours_ahead = ahead // dt.timedelta(hours=1)
    for data, shift in ((requested, 0), (own, hours_ahead)):
        [first, *_] = data["suggested_times"]
        hour = first["hour_of_day"] - shift
        # The day may differ, because peaks of two days may be close in height.
        assert min(abs((hour - peak["hour"] + 12) % 24 - 12) for peak in audience["peaks"]) <= 4


def rounded(response):
    """The hours and their scores, which depend a little on the age of the posts."""
    found = response.json()["suggested_times"]
    return [(each["day_of_week"], each["hour_of_day"], round(each["score"], 3)) for each in found]


def agreeing_with(suggested):
    """Effects of a week that make a prior plausible beside these suggestions."""
    [(day, hour, _), *_] = suggested
    best = 24 * day + hour
    return [0.5 if abs((slot - best + 84) % 168 - 84) <= 4 else 0.0 for slot in range(168)]


def test_platform_mean_is_the_prior_of_an_account_with_few_posts(api, make_account):
    account = make_account("twitter")
    account.plant_months(MIN_POSTS + 2)
    account.connection.timezone = "Europe/Berlin"
    account.connection.save()
    before = account.best_times(api)
    effects = agreeing_with(rounded(before))
    for number in range(MIN_ACCOUNTS):
        other = make_account("twitter", user=f"user {number}").connection
        other.timezone = "Europe/Berlin"
        other.save()
        WeekEstimate.objects.create(
            connection=other,
            account=f"twitter:{number}",
            platform="twitter",
            timezone="Europe/Berlin",
            made_at=timezone.now(),
            confidence="low",
            lift=1,
            posts_used=100,
            missing_posts=0,
            effects=effects,
        )
    caches["insights"].clear()

    after = account.best_times(api)

    # How far the prior counts is a matter of the posts: see test_week_estimator.
    assert rounded(after) != rounded(before)


def test_hours_of_the_users_other_accounts_are_the_prior_too(api, make_account):
    account = make_account("twitter", user="alice")
    account.plant_months(MIN_POSTS + 2)
    account.connection.timezone = "Europe/Berlin"
    account.connection.save()

    def hours_beside_an_account_of(user):
        WeekEstimate.objects.all().delete()
        WeekEstimate.objects.create(
            connection=make_account("linkedin", user=user).connection,
            account=f"linkedin:{user}",
            platform="linkedin",
            timezone="Europe/Berlin",
            made_at=timezone.now(),
            confidence="high",
            lift=2,
            posts_used=100,
            missing_posts=0,
            effects=agreeing_with(alone),
        )
        caches["insights"].clear()
        return rounded(account.best_times(api))

    alone = rounded(account.best_times(api))
    assert hours_beside_an_account_of("bob") == alone
    # How far the prior counts is a matter of the posts: see test_week_estimator.
    assert hours_beside_an_account_of("alice") != alone


def test_disconnecting_deletes_the_week_estimates(api, make_account):
    account = make_account("twitter")
    account.plant_months(60)
    account.best_times(api)
    api.delete(f"connections/{account.connection.pk}")
    assert not WeekEstimate.objects.exists()


# --- Refused requests ----------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"connection_id": ""},
        {"connection_id": "mine"},
        {"connection_id": str(uuid.uuid4()), "timezone": "Mars/Olympus"},
        {"connection_id": str(uuid.uuid4()), "timezone": ""},
        {"connection_id": str(uuid.uuid4()), "timezone": "../../etc/passwd"},
        {"connection_id": str(uuid.uuid4()), "destination_id": "there"},
        {"connection_id": str(uuid.uuid4()), "colour": "red"},
        {"connection_id": str(uuid.uuid4()), "basis": "clicks"},
        {"connection_id": str(uuid.uuid4()), "basis": ""},
    ],
)
def test_best_times_refuse_an_invalid_query(api, sandbox, platform, query):
    response = api.get(f"insights/{platform}/best-times", data=query)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_limit_of_zero_billed_reads_sends_no_request(api, make_account, settings):
    settings.INSIGHTS_MAX_BILLED_READS = 0
    account = make_account("twitter")
    account.plant_months(60)
    before = account.requests()

    response = account.best_times(api)

    assert response.status_code == 404
    assert "charges" in response.json()["detail"]
    assert account.requests() == before
