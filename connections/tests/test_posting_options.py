"""What an account may choose for a post now: GET /connections/{id}/posting-options."""

from __future__ import annotations

import uuid

import pytest
import requests
from django.core.cache import cache

from conftest import plain_post
from connections.models import SocialConnection
from socialpublishing.errors import Violation
from socialpublishing.platforms import PLATFORMS, client_for
from socialpublishing.platforms.boards import NewBoard
from socialpublishing.platforms.posting_options import PostingOptions
from socialpublishing.platforms.twitter import Twitter

FIELDS = {
    "can_post",
    "reason",
    "display_name",
    "avatar_url",
    "choices",
    "disabled",
    "max_duration_s",
    "remaining",
    "read_at",
}


def path(connection, destination=None):
    query = f"?destination_id={destination.pk}" if destination else ""
    return f"connections/{connection.pk}/posting-options{query}"


def test_options_of_each_platform_have_all_fields(api, make_connection, platform):
    connection = make_connection(platform)

    response = api.get(path(connection))

    assert response.status_code == 200, response.json()
    assert set(response.json()) == FIELDS
    assert response.json()["can_post"] is True
    assert response.json()["display_name"]


def test_destinations_are_choices_of_the_option_that_chooses_one(api, make_connection, platform):
    option = PLATFORMS[platform].destination_option
    connection = make_connection(platform)

    choices = api.get(path(connection)).json()["choices"]

    listed = api.get(f"connections/{connection.pk}/destinations").json()
    expected = [
        {"value": each["external_id"], "label": each["name"]}
        for each in listed
        if each["can_publish"]
    ]
    assert choices.get(option, []) == expected
    assert bool(option) == (option in choices)


@pytest.mark.behaviour("Boards are created at Pinterest: posting options list them in a minute.")
def test_board_that_was_created_at_pinterest_is_listed(api, make_connection):
    connection = make_connection("pinterest")
    assert "New board" not in str(api.get(path(connection)).json())
    client_for("pinterest", connection.account).create_board(NewBoard(name="New board"))

    assert "New board" not in str(api.get(path(connection)).json())  # it is kept for a moment
    cache.clear()  # as after 50 seconds

    assert "New board" in str(api.get(path(connection)).json()["choices"]["board_id"])


def test_repeated_requests_ask_the_platform_once_a_minute(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    first = api.get(path(connection)).json()
    calls = len(sandbox.calls())

    assert api.get(path(connection)).json() == first
    assert len(sandbox.calls()) == calls


def test_new_tokens_are_asked_again(api, make_connection):
    connection = make_connection("pinterest")
    first = api.get(path(connection)).json()

    api.post(f"connections/{connection.pk}/refresh")

    assert api.get(path(connection)).json()["read_at"] > first["read_at"]


def test_account_without_a_destination_cannot_post(api, make_connection):
    connection = make_connection("facebook")
    connection.destinations.update(can_publish=False, is_default=False)
    cache.clear()
    connection.destinations.all().delete()

    listed = api.get(path(connection)).json()  # the Page is listed again

    assert listed["can_post"] is True
    [page] = connection.destinations.all()
    assert listed["choices"] == {"page_id": [{"value": page.external_id, "label": page.name}]}


def test_unknown_destination_and_connection_are_not_found(api, make_connection):
    connection = make_connection("facebook")
    other = make_connection("facebook", user="bob")

    assert api.get(path(connection, other.destinations.first())).json()["code"] == "not_found"
    assert api.get(path(other)).json()["code"] == "connection_not_found"
    assert api.get(f"{path(connection)}?destination_id=5").json()["code"] == "invalid_request"
    assert api.get(f"{path(connection)}?page=5").json()["code"] == "invalid_request"


def test_unreachable_platform_is_an_error_of_the_platform(api, make_connection, settings):
    connection = make_connection("pinterest")
    settings.SANDBOX_URL = "http://127.0.0.1:9"

    response = api.get(path(connection))

    assert (response.status_code, response.json()["code"]) == (502, "platform_unreachable")


@pytest.mark.behaviour(
    "A token of a Facebook Page has no end of its own: it serves when the person's token has ended."
)
def test_destination_with_its_own_token_needs_no_other(api, make_connection):
    facebook, linkedin = make_connection("facebook"), make_connection("linkedin")
    assert api.get(path(facebook)).json()["can_post"] is True
    SocialConnection.objects.update(status=SocialConnection.Status.NEEDS_REAUTH)
    cache.clear()

    of_page = api.get(path(facebook))
    assert (of_page.status_code, of_page.json()["can_post"]) == (200, True)
    assert len(of_page.json()["choices"]["page_id"]) == 1
    assert api.get(path(linkedin)).json()["code"] == "needs_reauth"


# --- Validation ----------------------------------------------------------------------------------


class OffersLittle(Twitter):
    """Reads from the platform which options an account may not use now."""

    checks_offers = True

    def posting_options(self):
        offered = self.http.get("/2/offer")
        return PostingOptions(can_post=True, display_name="Ann", disabled=tuple(offered["off"]))

    @classmethod
    def offer_violations(cls, post, offered):
        for option in offered.disabled:
            if post.options.get(option):
                yield Violation(rule=option, limit=False, actual=True, message="It is off.")


@pytest.fixture
def validate(api, make_connection, monkeypatch, settings, requests_mock):
    requests_mock.real_http = True
    connection = make_connection("twitter")
    monkeypatch.setitem(PLATFORMS, "twitter", OffersLittle)
    offer = f"{settings.SANDBOX_URL}/twitter/2/offer"

    def validate(**response):
        requests_mock.get(offer, **response)
        body = plain_post(connection, "Hello", platform_specific_options={"made_with_ai": True})
        return api.post("publishing/validate", body).json()

    return validate


def test_validation_has_what_the_account_is_not_offered_now(validate):
    body = validate(json={"off": ["made_with_ai"]})

    assert body["is_valid"] is False
    assert "made_with_ai" in [each["rule"] for each in body["violations"]]
    # Kept for a moment: the platform is not asked for each keystroke.
    assert validate(json={"off": []})["violations"] == body["violations"]


@pytest.mark.parametrize(
    "response",
    [
        {"exc": requests.ConnectTimeout},
        {"exc": requests.ReadTimeout},
        {"status_code": 500},
        {"status_code": 401, "json": {}},
        {"status_code": 429, "json": {}},
        {"json": []},
        {"json": {"off": None}},
        {"text": "<html>"},
    ],
)
def test_validation_goes_on_without_the_platform(validate, response):
    found = validate(**response)["violations"]
    assert "It is off." not in str(found)


def test_destination_of_a_platform_that_has_none_is_not_found(api, make_connection):
    found = api.get(f"{path(make_connection('twitter'))}?destination_id={uuid.uuid4()}")
    assert (found.status_code, found.json()["code"]) == (404, "not_found")
