"""Boards and their sections, created and read through the API."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from connections.models import SocialConnection


@pytest.fixture
def connection(make_connection):
    return make_connection("pinterest")


def sections_of(connection) -> str:
    board = connection.destinations.first()
    return f"connections/{connection.pk}/destinations/{board.pk}/sections"


def test_new_board_accepts_posts_at_once(api, connection, sandbox, worker):
    path = f"connections/{connection.pk}/destinations"
    body = {"name": "Bread", "description": "Rye and spelt", "privacy": "protected"}
    made = api.post(path, body)

    assert made.status_code == 201, made.json()
    board = made.json()
    assert (board["name"], board["kind"], board["can_publish"]) == ("Bread", "board", True)
    assert board["is_default"] is False  # the first board is
    assert board in api.get(path).json()

    options = {"board_id": board["external_id"]}
    api.publish(connection, "On it", assets=[sandbox.picture()], platform_specific_options=options)
    worker.work()
    [post] = sandbox.posts("pinterest")
    assert post["details"]["board_id"] == board["external_id"]


def test_first_board_of_an_account_is_its_default(api, make_connection):
    connection = make_connection("pinterest", boards=[])
    made = api.post(f"connections/{connection.pk}/destinations", {"name": "First"}).json()
    assert made["is_default"] is True


def test_sections_are_created_and_listed_to_the_last_page(api, connection, sandbox):
    path = sections_of(connection)
    assert api.get(path).json() == []
    made = [api.post(path, {"name": f"Section {n}"}) for n in range(3)]
    assert [response.status_code for response in made] == [201] * 3
    assert api.get(path).json() == [response.json() for response in made]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": 5},
        {"name": "a" * 256},
        {"name": "Bread", "privacy": "PUBLIC"},
        {"name": "Bread", "size": 1},
    ],
)
def test_invalid_board_is_refused_without_a_request_to_the_platform(api, connection, sandbox, body):
    response = api.post(f"connections/{connection.pk}/destinations", body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert sandbox.calls("/v5/boards", "POST") == []


@pytest.mark.parametrize("platform", ["facebook", "twitter"])
def test_platform_without_boards_is_refused(api, make_connection, platform):
    connection = make_connection(platform)
    response = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
    assert (response.status_code, response.json()["code"]) == (400, "boards_not_supported")


def test_pages_of_facebook_have_no_sections(api, make_connection):
    path = sections_of(make_connection("facebook"))
    for response in (api.get(path), api.post(path, {"name": "Rye"})):
        assert (response.status_code, response.json()["code"]) == (400, "boards_not_supported")


def test_other_users_see_no_connection_and_no_destination(
    api, make_api, make_connection, connection
):
    stranger = make_api("mallory")
    path = sections_of(connection)
    for response in (
        stranger.get(path),
        stranger.post(path, {"name": "x"}),
        stranger.post(f"connections/{connection.pk}/destinations", {"name": "x"}),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "connection_not_found")
    other = make_connection("pinterest")
    foreign = other.destinations.get().pk
    for place in (uuid.uuid4(), foreign):
        response = api.get(f"connections/{connection.pk}/destinations/{place}/sections")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_secret_board_needs_a_permission_that_we_do_not_request(api, connection):
    body = {"name": "Gifts", "privacy": "secret"}
    response = api.post(f"connections/{connection.pk}/destinations", body)
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")


@pytest.mark.parametrize(
    ("action", "value", "status", "code"),
    [
        ("status", 500, 502, "no_answer"),
        ("drop_after", None, 502, "no_answer"),
        ("status", 418, 502, "platform_refused"),
        ("status", {"code": 400, "body": {"code": 1, "message": "Too long."}}, 400, None),
        ("status", 429, 429, "rate_limited"),
    ],
)
def test_error_of_the_platform_is_the_response(
    api, connection, sandbox, action, value, status, code
):
    sandbox.fault(action, value, method="POST", path="^/v5/boards$")
    response = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
    data = response.json()
    assert (response.status_code, data["code"]) == (status, code or "content_rejected")
    if status == 400:
        assert "Too long." in data["detail"]
    # Support needs an id for failures that only the log explains.
    assert data.get("request_id") == (response.headers["X-Request-ID"] if status >= 500 else None)
    assert len(sandbox.calls("/v5/boards", "POST")) == 1


def test_rate_limit_has_a_time_to_retry(api, connection, sandbox):
    limit = {"code": 429, "headers": {"x-ratelimit-reset": "30"}}
    sandbox.fault("status", limit, method="POST", path="^/v5/boards$")
    response = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
    assert 25 <= response.json()["retry_after"] <= 30
    assert response.headers["Retry-After"] == str(response.json()["retry_after"])


def test_token_near_its_end_is_refreshed_first(api, connection, sandbox):
    soon = timezone.now() + dt.timedelta(minutes=1)
    SocialConnection.objects.update(expires_at=soon)
    before = connection.access_token

    made = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})

    assert made.status_code == 201
    connection.refresh_from_db()
    assert connection.access_token != before
    assert connection.refreshing_until is None
    assert len(sandbox.calls("/v5/oauth/token")) == 1


@pytest.mark.parametrize("is_refused", [True, False])
def test_failed_refresh_matters_only_if_the_platform_refuses_the_token(
    api, connection, sandbox, is_refused
):
    soon = timezone.now() + dt.timedelta(minutes=1)
    SocialConnection.objects.update(expires_at=soon)
    sandbox.fault("status", 401 if is_refused else 503, path="/oauth/token$")

    made = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})

    connection.refresh_from_db()
    if is_refused:
        assert (made.status_code, made.json()["code"]) == (403, "needs_reauth")
        assert connection.status == "needs_reauth"
        again = api.post(f"connections/{connection.pk}/destinations", {"name": "Bread"})
        assert again.json()["code"] == "needs_reauth"
    else:
        # The old token still works.
        assert made.status_code == 201
