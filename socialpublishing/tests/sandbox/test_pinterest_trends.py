import itertools

import pytest

from socialpublishing.tests.sandbox.pinners import Pinner


def trends(pinner, region="US", trend_type="monthly", **params):
    response = pinner.get(f"/trends/keywords/{region}/top/{trend_type}", params=params)
    assert response.status_code == 200, response.text
    return response.json()["trends"]


def keywords(found):
    return [trend["keyword"] for trend in found]


def test_trends_depend_on_region_and_type(pinner):
    found = trends(pinner)
    assert len(found) == 50
    assert trends(pinner) == found
    assert keywords(trends(pinner, "DE%2BAT%2BCH")) != keywords(found)
    assert keywords(trends(pinner, trend_type="growing")) != keywords(found)
    assert trends(pinner, limit=3) == found[:3]
    assert len(found[0]["time_series"]) == 52


def test_trends_are_filtered_by_keyword_and_interest(pinner):
    found = keywords(trends(pinner, include_keywords=["sourdough", "Lisbon"]))
    assert sorted(found) == ["lisbon travel", "sourdough bread recipe", "sourdough starter"]
    assert "lisbon travel" in keywords(trends(pinner, interests=["travel", "art"]))
    assert keywords(trends(pinner, interests="travel", include_keywords="sourdough")) == []


def test_series_are_normalized_against_the_group_only_on_request(pinner):
    def peaks(**params):
        return [max(trend["time_series"].values()) for trend in trends(pinner, **params)]

    assert set(peaks()) == {100}
    together = peaks(normalize_against_group="true")
    assert max(together) == 100
    assert min(together) < 50


def test_monthly_trends_are_ranked_by_the_last_four_weeks(pinner):
    found = trends(pinner, normalize_against_group="true")
    recent = [sum(list(trend["time_series"].values())[-4:]) for trend in found]
    # The four values are rounded, each by up to a half.
    assert all(first >= second - 4 for first, second in itertools.pairwise(recent))


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("XX/top/monthly", {}),
        ("DE/top/daily", {}),
        ("US/top/monthly", {"limit": 51}),
        ("US/top/monthly", {"limit": "x"}),
        ("US/top/monthly", {"interests": "sourdough"}),
        ("US/top/monthly", {"ages": "17"}),
        ("US/top/monthly", {"genders": "x"}),
        ("US/top/monthly", {"include_keywords": "x" * 101}),
        ("US/top/monthly", {"include_keywords": ["x"] * 51}),
        ("US/top/monthly", {"normalize_against_group": "yes"}),
    ],
)
def test_invalid_parameter_is_refused(pinner, path, params):
    response = pinner.get(f"/trends/keywords/{path}", params=params, is_invalid=True)
    assert (response.status_code, response.json()["code"]) == (400, 1)


def test_trends_require_the_scope_of_the_profile(server, control):
    account = control.account("pinterest", scopes=["pins:read"])
    response = Pinner(server, account).get("/trends/keywords/US/top/monthly")
    assert (response.status_code, response.json()["code"]) == (401, 3)
