"""The two questions through the API, against accounts whose rhythm and tags are known."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import caches
from django.utils import timezone

from insights.models import WeekEstimate
from insights.services import MIN_ACCOUNTS, MIN_POSTS
from socialpublishing.platforms import PLATFORMS

READABLE = sorted(
    name for name, platform in PLATFORMS.items() if platform.metrics_reader is not None
)


@pytest.fixture(autouse=True)
def forgetful(settings):
    caches["insights"].clear()
    settings.INSIGHTS_MAX_BILLED_READS = 500


@pytest.fixture(params=READABLE)
def readable(request):
    """Each platform that tells how an account's posts did."""
    return request.param


class Account:
    """A connection with a past at the sandbox, and the people who follow it."""

    def __init__(self, connection, sandbox):
        self.connection, self.sandbox = connection, sandbox
        self.platform = connection.platform
        metrics_reader = connection.platform_type.metrics_reader
        self.place = None
        if metrics_reader is not None and metrics_reader.by_destination:
            self.place = connection.destinations.filter(can_publish=True).first()
        self.id = self.place.external_id if self.place else connection.external_user_id

    @property
    def audience(self):
        return self.sandbox.call(
            "GET", f"audience?platform={self.platform}&account_id={self.id.rpartition(':')[2]}"
        )

    def plant(self, posts):
        self.sandbox.call(
            "POST",
            "history",
            platform=self.platform,
            account_id=self.id.rpartition(":")[2],
            posts=posts,
        )

    def plant_months(self, count=300, *, text="", seed=1):
        """As people post: at any hour of the day, for half a year."""
        luck = random.Random(seed)
        now = timezone.now()
        kind = "video" if self.platform == "tiktok" else "image"
        times = sorted(now - dt.timedelta(days=luck.uniform(3, 180)) for _ in range(count))
        self.plant([{"created_at": at.isoformat(), "text": text, "kind": kind} for at in times])

    def plant_weeks(self, weeks=5):
        """A post at each hour of some weeks, so that each hour has had its chance."""
        newest = timezone.now() - dt.timedelta(days=3)
        kind = "video" if self.platform == "tiktok" else "image"
        times = [newest - dt.timedelta(hours=hours) for hours in range(weeks * 7 * 24)]
        self.plant([{"created_at": at.isoformat(), "kind": kind} for at in times])

    def best_times(self, api, **query):
        query = {"connection_id": str(self.connection.pk), **query}
        if self.place:
            query.setdefault("destination_id", str(self.place.pk))
        return api.get(f"insights/{self.platform}/best-times", data=query)

    def hashtags(self, api, **body):
        body = {"keywords": ["bread"], "connection_id": str(self.connection.pk), **body}
        if self.place:
            body.setdefault("destination_id", str(self.place.pk))
        return api.post(f"insights/{self.platform}/hashtags", body)

    def reads(self):
        """What the sandbox's platform was asked for."""
        return len(self.sandbox.call("GET", f"calls?platform={self.platform}"))


@pytest.fixture
def make_account(make_connection, sandbox):
    return lambda platform, **facts: Account(make_connection(platform, **facts), sandbox)


# --- Hours ---------------------------------------------------------------------------------------


def hours_apart(slot, peak):
    week = 7 * 24
    gap = slot["day_of_week"] * 24 + slot["hour_of_day"] - peak["weekday"] * 24 - peak["hour"]
    return min(gap % week, -gap % week)


def test_best_times_are_the_hours_at_which_people_react(api, make_account, readable):
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


def test_second_answer_asks_the_platform_nothing(api, make_account, readable):
    account = make_account(readable)
    account.plant_months(60)
    first = account.best_times(api).json()
    asked = account.reads()

    assert account.best_times(api).json() == first
    assert account.best_times(api, timezone="Asia/Tokyo").status_code == 200
    assert account.reads() == asked > 0


def test_last_good_answer_when_the_platform_fails(api, make_account, readable, sandbox, settings):
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


def test_failure_without_an_answer_is_told(api, make_account, readable, sandbox):
    account = make_account(readable)
    account.plant_months(60)
    sandbox.fault("status", 500, platform=readable, times=50)

    assert account.best_times(api).status_code == 502


@pytest.mark.parametrize("posts", [0, MIN_POSTS - 1])
def test_too_few_posts_say_how_many_are_missing(api, make_account, readable, posts):
    account = make_account(readable)
    if posts:
        account.plant_months(posts)

    response = account.best_times(api)

    assert response.status_code == 404
    body = response.json()
    assert body["code"] == "insights_not_available"
    assert f"{MIN_POSTS - posts} more" in body["detail"]


def test_hours_are_of_the_zone_that_is_asked_for(api, make_account):
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
    asked = account.best_times(api, timezone=audience["timezone"]).json()

    assert (own["timezone"], asked["timezone"]) == ("Asia/Tokyo", audience["timezone"])
    now = timezone.now()
    ahead = ZoneInfo("Asia/Tokyo").utcoffset(now) - home.utcoffset(now)
    hours_ahead = ahead // dt.timedelta(hours=1)
    for data, shift in ((asked, 0), (own, hours_ahead)):
        [first, *_] = data["suggested_times"]
        hour = first["hour_of_day"] - shift
        # The day may differ, where two days have their hours.
        assert min(abs((hour - peak["hour"] + 12) % 24 - 12) for peak in audience["peaks"]) <= 4


def test_what_is_usual_at_the_platform_fills_in(api, make_account):
    account = make_account("twitter")
    account.plant_months(MIN_POSTS + 2)
    account.connection.timezone = "Europe/Berlin"
    account.connection.save()
    before = account.best_times(api).json()["suggested_times"][0]
    # Half a week from what its own posts say, whatever chance has planted there.
    usual = (24 * before["day_of_week"] + before["hour_of_day"] + 84) % 168
    effects = [3.0 if slot == usual else 0.0 for slot in range(168)]
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

    after = account.best_times(api).json()

    first = after["suggested_times"][0]
    assert (first["day_of_week"], first["hour_of_day"]) == divmod(usual, 24)


# --- Hashtags ------------------------------------------------------------------------------------


def plant_tags(account, lifted, others, *, posts=240):
    """Posts with one tag each; those with `lifted` bring four times as much.

    The newest is older than what platforms let everybody search.
    """
    luck = random.Random(7)
    now = timezone.now()
    tags = [lifted, *others]
    planted = []
    for number in range(posts):
        tag = tags[number % len(tags)]
        likes = round(100 * luck.lognormvariate(0, 0.5) * (4 if tag == lifted else 1))
        metrics = {"impressions": 5000, "reach": 4000, "views": 5000, "likes": likes}
        at = now - dt.timedelta(days=180) + number * dt.timedelta(hours=17)
        kind = "video" if account.platform == "tiktok" else "image"
        text = f"Fresh bread #{tag}"
        planted.append(
            {"created_at": at.isoformat(), "text": text, "kind": kind, "metrics": metrics}
        )
    account.plant(planted)


def test_tag_that_lifts_engagement_comes_first_of_the_own(api, make_account, readable):
    account = make_account(readable)
    plant_tags(account, "sourdough", ["oven", "morning"])

    response = account.hashtags(api, keywords=["bread"])

    assert response.status_code == 200, response.json()
    data = response.json()
    own = [each for each in data["suggestions"] if each["source"] == "own_posts"]
    assert own[0]["tag"] == "sourdough"
    assert own[0]["posts"] == 80
    assert 0.5 < own[0]["score"] <= 1
    assert own[0]["confidence"] == "high"
    assert "own_posts" in [source["name"] for source in data["sources"]]
    assert next(each for each in data["suggestions"] if each["source"] == "keywords") == {
        "tag": "bread",
        "score": None,
        "source": "keywords",
        "posts": None,
        "confidence": None,
    }


def test_second_hashtags_ask_the_platform_nothing(api, make_account, readable):
    account = make_account(readable)
    plant_tags(account, "sourdough", ["oven"])
    first = account.hashtags(api).json()
    asked = account.reads()

    assert account.hashtags(api).json() == first
    assert account.reads() == asked > 0


def test_stale_hashtags_when_the_platform_fails(api, make_account, readable, sandbox, settings):
    account = make_account(readable)
    plant_tags(account, "sourdough", ["oven"])
    good = account.hashtags(api).json()
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    sandbox.fault("status", 500, platform=readable, times=50)

    data = account.hashtags(api).json()

    assert data["stale"] is True
    assert data["suggestions"] == good["suggestions"]


def test_failing_platform_leaves_the_keywords(api, make_account, readable, sandbox):
    account = make_account(readable)
    sandbox.fault("status", 500, platform=readable, times=50)

    response = account.hashtags(api, keywords=["fresh bread", "Oven"])

    assert response.status_code == 200
    data = response.json()
    assert [each["tag"] for each in data["suggestions"]] == ["freshbread", "Oven"]
    codes = {source["name"]: source["code"] for source in data["sources"]}
    assert codes["own_posts"] in {"platform_error", "no_answer"}
    assert codes["keywords"] is None


@pytest.mark.parametrize("has_platform", [True, False])
def test_without_a_connection_keywords_become_tags(api, sandbox, platform, has_platform):
    body = {"keywords": ["slow living", "slow-living", "12", "größe", "हिन्दी"], "industry": "craft"}
    data = api.post(f"insights/{platform}/hashtags", body).json()

    tags = [each["tag"] for each in data["suggestions"]]
    assert tags == ["slowliving", "größe", "हिन्दी", "craft"]


def test_only_connection_is_asked_without_being_named(api, make_account):
    account = make_account("twitter")
    plant_tags(account, "sourdough", ["oven"])
    data = api.post("insights/twitter/hashtags", {"keywords": ["bread"]}).json()
    assert "sourdough" in [each["tag"] for each in data["suggestions"]]

    make_account("twitter")  # which of the two is meant?
    data = api.post("insights/twitter/hashtags", {"keywords": ["bread"]}).json()
    assert [each["source"] for each in data["suggestions"]] == ["keywords"]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_limit_holds(api, make_account, limit):
    account = make_account("twitter")
    plant_tags(account, "sourdough", ["oven", "morning", "rye"])
    keywords = [f"word {chr(97 + number)}" for number in range(26)]
    data = account.hashtags(api, keywords=keywords, limit=limit).json()
    assert len(data["suggestions"]) == min(limit, len(data["suggestions"]))
    assert 1 <= len(data["suggestions"]) <= limit


def test_words_of_one_user_never_reach_another(make_api, make_account, readable):
    secret = "projectnightingale"
    hers = make_account(readable, user="alice")
    plant_tags(hers, secret, ["bread"])
    alice, bob = make_api("alice"), make_api("bob")
    mine = hers.hashtags(alice).json()
    assert secret in [each["tag"] for each in mine["suggestions"]]
    hers.best_times(alice)

    his = make_account(readable, user="bob")
    plant_tags(his, "rye", ["bread"])
    for response in (
        his.hashtags(bob, keywords=["bread", "fresh"], limit=50),
        his.best_times(bob),
        bob.post(f"insights/{readable}/hashtags", {"keywords": ["bread"]}),
    ):
        assert response.status_code == 200, response.json()
        assert secret not in response.content.decode().lower()


def test_the_same_account_of_two_users_is_remembered_apart(make_api, make_account, sandbox):
    hers = make_account("twitter", user="alice")
    plant_tags(hers, "sourdough", ["oven"])
    assert hers.hashtags(make_api("alice")).status_code == 200

    assert hers.hashtags(make_api("bob")).json()["code"] == "connection_not_found"


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keywords": []},
        {"keywords": None},
        {"keywords": "bread"},
        {"keywords": [""]},
        {"keywords": ["bread"] * 1000},
        {"keywords": ["x" * 101]},
        {"keywords": ["a\x00b"]},
        {"keywords": [1]},
        {"keywords": ["bread"], "limit": 0},
        {"keywords": ["bread"], "limit": 51},
        {"keywords": ["bread"], "limit": 10_000},
        {"keywords": ["bread"], "limit": "ten"},
        {"keywords": ["bread"], "limit": True},
        {"keywords": ["bread"], "industry": ["food"]},
        {"keywords": ["bread"], "connection_id": "mine"},
        {"keywords": ["bread"], "colour": "red"},
        [],
    ],
)
def test_hashtags_refuse_what_makes_no_sense(api, sandbox, platform, body):
    response = api.post(f"insights/{platform}/hashtags", body)
    assert response.status_code == 400
    assert response.json()["code"] in {"invalid_request", "invalid_json"}


def test_keywords_that_make_no_hashtag(api, sandbox, platform):
    response = api.post(f"insights/{platform}/hashtags", {"keywords": ["12", "!?"]})
    assert response.status_code == 404
    assert response.json()["code"] == "insights_not_available"


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
    ],
)
def test_best_times_refuse_what_makes_no_sense(api, sandbox, platform, query):
    response = api.get(f"insights/{platform}/best-times", data=query)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["myspace", "%00", "Twitter", "x" * 300])
def test_unknown_platform(api, sandbox, name):
    responses = [
        api.post(f"insights/{name}/hashtags", {"keywords": ["bread"]}),
        api.get(f"insights/{name}/best-times", data={"connection_id": str(uuid.uuid4())}),
    ]
    assert {(each.status_code, each.json()["code"]) for each in responses} == {
        (400, "unsupported_platform")
    }


def test_connections_of_others_and_of_other_platforms_are_not_found(api, make_account):
    theirs = make_account("twitter", user="bob").connection
    elsewhere = make_account("facebook").connection
    for connection in (theirs.pk, elsewhere.pk, uuid.uuid4()):
        query = {"connection_id": str(connection)}
        asked = [
            api.get("insights/twitter/best-times", data=query),
            api.post("insights/twitter/hashtags", {"keywords": ["bread"], **query}),
        ]
        assert {(each.status_code, each.json()["code"]) for each in asked} == {
            (404, "connection_not_found")
        }


def test_account_with_several_places_has_to_name_one(api, make_account):
    account = make_account("facebook", pages=2)
    query = {"connection_id": str(account.connection.pk)}
    response = api.get("insights/facebook/best-times", data=query)
    assert (response.status_code, response.json()["code"]) == (400, "destination_required")

    response = account.best_times(api, destination_id=str(uuid.uuid4()))
    assert response.status_code == 404


def test_account_that_needs_its_owner(api, make_account):
    account = make_account("twitter")
    account.connection.status = "needs_reauth"
    account.connection.save()
    assert account.best_times(api).json()["code"] == "needs_reauth"


def test_zero_billed_reads_read_nothing(api, make_account, settings):
    settings.INSIGHTS_MAX_BILLED_READS = 0
    account = make_account("twitter")
    account.plant_months(60)
    asked = account.reads()

    response = account.best_times(api)

    assert response.status_code == 404
    assert "charges" in response.json()["detail"]
    assert account.reads() == asked


# --- The console ---------------------------------------------------------------------------------


def test_console_shows_the_week_and_its_evidence(api, make_account, make_staff):
    account = make_account("twitter")
    account.plant_months(60, text="a caption that stays private")
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    viewer = make_staff("view_connectioninsights")
    assert "Nothing is estimated yet" in viewer.get(page).content.decode()

    data = account.best_times(api).json()

    shown = viewer.get(page).content.decode()
    assert shown.count('<td class="text-center') == 7 * 24
    assert shown.count("outline: 2px") == 3
    assert f"Confidence {data['confidence']}" in shown
    assert "and 10 older ones" in shown
    assert "private" not in shown


def test_console_estimates_anew(make_account, make_staff):
    account = make_account("twitter")
    account.plant_months(60)
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    ops = make_staff("view_connectioninsights", "change_connectioninsights")
    [operation] = [
        each["path"]
        for each in ops.get(page).context["actions_detail"]
        if "anew" in str(each["title"])
    ]

    ops.post(operation, {"reason": "a user asked"}, follow=True)

    assert WeekEstimate.objects.get(connection=account.connection).posts_used == 60


def test_console_is_closed_to_others(make_account, make_staff):
    account = make_account("twitter")
    page = f"/admin/insights/connectioninsights/{account.connection.pk}/change/"
    assert make_staff("view_publishjob").get(page).status_code == 403


def test_disconnecting_forgets_the_rhythm(api, make_account):
    account = make_account("twitter")
    account.plant_months(60)
    account.best_times(api)
    api.delete(f"connections/{account.connection.pk}")
    assert not WeekEstimate.objects.exists()
