"""Hashtag suggestions, by the API, for accounts whose hashtags have known effects."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("empty_cache", "many_billed_reads")


@pytest.mark.any_database
def test_tag_that_lifts_engagement_is_the_first_of_the_own_tags(api, make_account, readable):
    account = make_account(readable)
    account.plant_tags("sourdough", ["oven", "morning"])

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


@pytest.mark.any_database
def test_second_response_needs_no_request_to_the_platform(api, make_account, readable):
    account = make_account(readable)
    account.plant_tags("sourdough", ["oven"])
    first = account.hashtags(api).json()
    before = account.requests()

    assert account.hashtags(api).json() == first
    assert account.requests() == before > 0


def test_last_response_is_returned_as_stale_when_the_platform_fails(
    api, make_account, readable, sandbox, settings
):
    account = make_account(readable)
    account.plant_tags("sourdough", ["oven"])
    good = account.hashtags(api).json()
    settings.INSIGHTS_CACHE_TTL_SECONDS = 0
    sandbox.fault("status", 500, platform=readable, times=50)

    data = account.hashtags(api).json()

    assert data["stale"] is True
    assert data["suggestions"] == good["suggestions"]


@pytest.mark.any_database
def test_failing_platform_leaves_the_keywords_as_suggestions(api, make_account, readable, sandbox):
    account = make_account(readable)
    sandbox.fault("status", 500, platform=readable, times=50)

    response = account.hashtags(api, keywords=["fresh bread", "Oven"])

    assert response.status_code == 200
    data = response.json()
    assert [each["tag"] for each in data["suggestions"]] == ["freshbread", "Oven"]
    codes = {source["name"]: source["code"] for source in data["sources"]}
    assert codes["own_posts"] in {"platform_error", "no_answer"}
    assert codes["keywords"] is None


@pytest.mark.any_database
def test_without_a_connection_keywords_become_tags(api, sandbox, platform):
    body = {"keywords": ["slow living", "slow-living", "12", "größe", "हिन्दी"], "industry": "craft"}
    data = api.post(f"insights/{platform}/hashtags", body).json()

    tags = [each["tag"] for each in data["suggestions"]]
    assert tags == ["slowliving", "größe", "हिन्दी", "craft"]


def test_only_connection_of_the_user_is_used_by_default(api, make_account):
    account = make_account("twitter")
    account.plant_tags("sourdough", ["oven"])
    data = api.post("insights/twitter/hashtags", {"keywords": ["bread"]}).json()
    assert "sourdough" in [each["tag"] for each in data["suggestions"]]

    make_account("twitter")  # with two connections there is no default
    data = api.post("insights/twitter/hashtags", {"keywords": ["bread"]}).json()
    assert [each["source"] for each in data["suggestions"]] == ["keywords"]


@pytest.mark.any_database
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_response_has_at_most_limit_suggestions(api, make_account, limit):
    account = make_account("twitter")
    account.plant_tags("sourdough", ["oven", "morning", "rye"])
    keywords = [f"word {chr(97 + number)}" for number in range(26)]
    data = account.hashtags(api, keywords=keywords, limit=limit).json()
    assert len(data["suggestions"]) == min(limit, len(data["suggestions"]))
    assert 1 <= len(data["suggestions"]) <= limit


def test_words_of_one_user_never_reach_another_user(make_api, make_account, readable):
    secret = "projectnightingale"
    account = make_account(readable, user="alice")
    account.plant_tags(secret, ["bread"])
    alice, bob = make_api("alice"), make_api("bob")
    own = account.hashtags(alice).json()
    assert secret in [each["tag"] for each in own["suggestions"]]
    account.best_times(alice)

    other = make_account(readable, user="bob")
    other.plant_tags("rye", ["bread"])
    for response in (
        other.hashtags(bob, keywords=["bread", "fresh"], limit=50),
        other.best_times(bob),
        bob.post(f"insights/{readable}/hashtags", {"keywords": ["bread"]}),
    ):
        assert response.status_code == 200, response.json()
        assert secret not in response.content.decode().lower()


def test_connection_of_another_user_is_not_found_after_a_cached_response(
    make_api, make_account, sandbox
):
    account = make_account("twitter", user="alice")
    account.plant_tags("sourdough", ["oven"])
    assert account.hashtags(make_api("alice")).status_code == 200

    assert account.hashtags(make_api("bob")).json()["code"] == "connection_not_found"


# --- Refused requests ----------------------------------------------------------------------------


@pytest.mark.any_database
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
def test_hashtags_refuse_an_invalid_body(api, sandbox, platform, body):
    response = api.post(f"insights/{platform}/hashtags", body)
    assert response.status_code == 400
    assert response.json()["code"] in {"invalid_request", "invalid_json"}


@pytest.mark.any_database
def test_keywords_that_cannot_be_hashtags_are_refused(api, sandbox, platform):
    response = api.post(f"insights/{platform}/hashtags", {"keywords": ["12", "!?"]})
    assert response.status_code == 404
    assert response.json()["code"] == "insights_not_available"
