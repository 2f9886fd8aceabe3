"""Malformed responses of a platform, while the caller waits for them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import consent
from connections.models import AuthorizationSession, SocialConnection
from socialpublishing.errors import MalformedResponseError
from socialpublishing.oauth import read_token
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.accounts import Profile

NOT_AN_OBJECT = {"code": 200, "body": []}


def assert_no_usable_response(response) -> None:
    assert (response.status_code, response.json()["code"]) == (502, "no_answer")


@pytest.mark.any_database
def test_malformed_token_response_to_a_refresh(api, make_connection, sandbox, platform):
    connection = make_connection(platform)
    sandbox.fault("status", NOT_AN_OBJECT, path="(?i)token/?$", times=9)

    assert_no_usable_response(api.post(f"connections/{connection.pk}/refresh"))

    assert SocialConnection.objects.get().status == "active"


@pytest.mark.any_database
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


@pytest.mark.any_database
@pytest.mark.parametrize("body", [[], {}])
def test_malformed_response_to_a_new_board(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="^/v5/boards$")

    assert_no_usable_response(
        api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
    )

    assert connection.destinations.count() == 1


@pytest.mark.any_database
@pytest.mark.parametrize("body", [[], {"items": 5}, {"items": [{}]}])
def test_malformed_list_of_sections(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    board = connection.destinations.get()
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="/sections$")

    assert_no_usable_response(
        api.get(f"connections/{connection.pk}/destinations/{board.pk}/sections")
    )


@pytest.mark.any_database
@pytest.mark.parametrize("body", [[], {}])
def test_malformed_response_to_a_new_section(api, make_connection, sandbox, body):
    connection = make_connection("pinterest")
    board = connection.destinations.get()
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="/sections$")

    path = f"connections/{connection.pk}/destinations/{board.pk}/sections"
    assert_no_usable_response(api.post(path, {"name": "Rye"}))


@pytest.mark.any_database
@pytest.mark.parametrize("path", ["(?i)token/?$", ""])
def test_malformed_response_during_a_callback_fails_the_sign_in(api, sandbox, platform, path):
    callback = consent(api.get(f"connections/connect/{platform}").headers["Location"])
    method = None if path else "GET"
    sandbox.fault("status", NOT_AN_OBJECT, platform=platform, method=method, path=path, times=9)

    response = api.get(callback)

    assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
    assert not SocialConnection.objects.exists()
    assert AuthorizationSession.objects.get().used_at is not None


# --- Tokens and identities -----------------------------------------------------------------------

UNUSABLE = [
    None,
    "",
    "a\r\nX-Injected: 1",
    "tok\x00en",
    "tök€n",
    "x" * 5000,
    ["a"],
]
# The requests that a callback sends, the field with the id of the account, and a response to each.
IDENTITIES = {
    "facebook": ("/me$", {"id": "1", "name": "Ann"}, ("id",)),
    "instagram": ("/me$", {"user_id": "1", "username": "ann", "id": "2"}, ("user_id",)),
    "linkedin": ("/v2/me$", {"id": "1", "localizedFirstName": "Ann"}, ("id",)),
    "pinterest": ("/user_account$", {"id": "1", "username": "ann"}, ("id",)),
    "tiktok": (
        "/user/info",
        {"data": {"user": {"open_id": "1", "display_name": "Ann"}}, "error": {"code": "ok"}},
        ("data", "user", "open_id"),
    ),
    "twitter": (
        "/users/me$",
        {"data": {"id": "1", "name": "Ann", "username": "ann"}},
        ("data", "id"),
    ),
}


def with_value(body: dict, where: tuple[str, ...], value: object) -> dict:
    if len(where) == 1:
        return {**body, where[0]: value}
    return {**body, where[0]: with_value(body[where[0]], where[1:], value)}


def assert_not_connected(api, sandbox, platform, *, path: str, body: object) -> None:
    callback = consent(api.get(f"connections/connect/{platform}").headers["Location"])
    sandbox.fault("status", {"code": 200, "body": body}, platform=platform, path=path, times=9)

    response = api.get(callback)

    assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
    assert not SocialConnection.objects.exists()


def test_register_has_an_identity_of_each_platform():
    assert set(IDENTITIES) == set(PLATFORMS)


@pytest.mark.parametrize("value", UNUSABLE, ids=ascii)
@pytest.mark.parametrize("field", ["access_token", "refresh_token"])
def test_unusable_token_is_never_stored(api, sandbox, platform, field, value):
    if field == "refresh_token" and value in (None, ""):
        pytest.skip("the same as none")
    body = {"access_token": "good", "token_type": "bearer", "expires_in": 3600, field: value}
    if field == "refresh_token" and platform == "instagram":
        pytest.skip("its short-lived token comes first, and it has none of these")

    assert_not_connected(api, sandbox, platform, path="(?i)token/?$", body=body)


@pytest.mark.parametrize("value", [*UNUSABLE, "x" * 300], ids=ascii)
def test_unusable_identity_is_never_stored(api, sandbox, platform, value):
    path, body, where = IDENTITIES[platform]

    assert_not_connected(api, sandbox, platform, path=path, body=with_value(body, where, value))


def test_empty_ids_do_not_merge_accounts(api, sandbox):
    for _ in range(2):
        path, body, where = IDENTITIES["twitter"]
        assert_not_connected(api, sandbox, "twitter", path=path, body=with_value(body, where, ""))


@pytest.mark.parametrize("name", ["a\x00b", None, ["a"], 5])
def test_unusable_name_is_never_stored(api, sandbox, name):
    body = {"data": {"id": "1", "name": name, "username": "ann"}}

    assert_not_connected(api, sandbox, "twitter", path="/users/me$", body=body)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_any_value_is_a_token_that_a_header_can_carry_or_refused(value):
    try:
        token = read_token(value).reveal()
    except MalformedResponseError:
        return
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_is_an_identity_that_the_database_can_store_or_refused(value):
    for facts in ({"id": value}, {"display_name": value}, {"kind": value}, {"facts": {"x": value}}):
        try:
            profile = Profile(**{"id": "1", "display_name": "Ann", **facts})
        except MalformedResponseError:
            continue
        assert 0 < len(profile.id) <= 128
        assert "\\u0000" not in json.dumps([profile.display_name, profile.facts])
