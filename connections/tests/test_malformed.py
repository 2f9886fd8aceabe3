"""Malformed responses of a platform, while the caller waits for them."""

from __future__ import annotations

import pytest

from conftest import consent
from connections.models import AuthorizationSession, SocialConnection

NOT_AN_OBJECT = {"code": 200, "body": []}


def assert_no_usable_response(response) -> None:
    assert (response.status_code, response.json()["code"]) == (502, "no_answer")


def test_malformed_token_response_to_a_refresh(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    sandbox.fault("status", NOT_AN_OBJECT, path="(?i)token/?$", times=9)

    assert_no_usable_response(api.post(f"connections/{connection.pk}/refresh"))

    assert SocialConnection.objects.get().status == "active"


@pytest.mark.parametrize(
    ("platform", "path", "body"),
    [
        ("facebook", "/me/accounts$", []),
        ("facebook", "/me/accounts$", {"data": [{}]}),
        ("linkedin", "/organizationAcls$", []),
        ("linkedin", "/organizationAcls$", {"elements": [5]}),
        ("pinterest", "^/v5/boards$", []),
        ("pinterest", "^/v5/boards$", {"items": [{}]}),
    ],
)
def test_malformed_list_of_destinations(api, make_connection, sandbox, platform, path, body):
    connection = make_connection(platform)
    before = connection.destinations.count()
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path=path, times=9)

    assert_no_usable_response(api.post(f"connections/{connection.pk}/refresh"))

    assert connection.destinations.filter(can_publish=True).count() == before


@pytest.mark.parametrize("body", [[], {}])
def test_malformed_response_to_a_new_board(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="^/v5/boards$")

    assert_no_usable_response(
        api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
    )

    assert connection.destinations.count() == 1


@pytest.mark.parametrize("body", [[], {"items": 5}, {"items": [{}]}])
def test_malformed_list_of_sections(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    board = connection.destinations.get()
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="/sections$")

    assert_no_usable_response(
        api.get(f"connections/{connection.pk}/destinations/{board.pk}/sections")
    )


@pytest.mark.parametrize("body", [[], {}])
def test_malformed_response_to_a_new_section(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    board = connection.destinations.get()
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="/sections$")

    path = f"connections/{connection.pk}/destinations/{board.pk}/sections"
    assert_no_usable_response(api.post(path, {"name": "Rye"}))


@pytest.mark.parametrize("path", ["(?i)token/?$", ""])
def test_malformed_response_during_a_callback_fails_the_sign_in(api, sandbox, platform, path):
    callback = consent(api.get(f"connections/connect/{platform}").headers["Location"])
    method = None if path else "GET"
    sandbox.fault("status", NOT_AN_OBJECT, platform=platform, method=method, path=path, times=9)

    response = api.get(callback)

    assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
    assert not SocialConnection.objects.exists()
    assert AuthorizationSession.objects.get().used_at is not None
