"""Storing and choosing destinations, and the time zone that an owner sets."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import consent
from connections.destinations import MAX_ASKED, check_unlisted, store_destinations
from connections.expiring import refresh_expiring
from connections.models import Destination, SocialConnection
from socialpublishing.crypto import Secret
from socialpublishing.errors import NoResponseError
from socialpublishing.platforms import PLATFORMS, client_for
from socialpublishing.platforms.accounts import DestinationFacts
from socialpublishing.platforms.boards import NewBoard
from socialpublishing.platforms.facebook import Facebook


def facts(number: int, *, can_publish: bool = True) -> DestinationFacts:
    return DestinationFacts(
        id=f"page-{number}",
        name=f"Page {number}",
        kind="page",
        can_publish=can_publish,
        token=Secret(f"token-{number}"),
    )


# --- Storing -------------------------------------------------------------------------------------


def connect(api, platform, *, confirm=False):
    """Connect the account that the consent page offers first."""
    started = api.get(f"connections/connect/{platform}?redirect={str(not confirm).lower()}")
    url = started.json()["authorization_url"] if confirm else started.headers["Location"]
    finished = api.get(consent(url)).json()
    if confirm:
        codes = {name: finished[name] for name in ("attempt_id", "completion_code")}
        finished = api.post("connections/confirm", codes).json()
    return SocialConnection.objects.get(pk=finished["id"])


class FullList(Facebook):
    """Every place that the list leaves out refuses."""

    def accepts_posts(self) -> bool:
        return False


class OutOfOrder(Facebook):
    def accepts_posts(self) -> bool:
        raise NoResponseError(platform="facebook")


def list_no_pages(sandbox, times=1):
    sandbox.fault("status", {"code": 200, "body": {"data": []}}, path="/me/accounts", times=times)


@pytest.mark.behaviour(
    "Facebook's list of Pages is empty for some that accept posts: such a Page keeps its token."
)
@pytest.mark.parametrize("client", [Facebook, OutOfOrder])
def test_empty_list_takes_nothing_away(api, make_connection, sandbox, monkeypatch, client):
    connection = make_connection("facebook")
    before = connection.destinations.get()
    monkeypatch.setitem(PLATFORMS, "facebook", client)
    list_no_pages(sandbox, times=5)

    assert api.post(f"connections/{connection.pk}/refresh").status_code == 200

    after = connection.destinations.get()
    assert (after.can_publish, after.is_default) == (True, True)
    assert after.access_token == before.access_token
    assert api.publish(connection).status_code == 202


@pytest.mark.behaviour(
    "Facebook's list of Pages is empty for some that accept posts: only the Page's own refusal "
    "takes its right away."
)
@pytest.mark.parametrize("way", ["refresh", "connect", "confirm"])
def test_unlisted_destination_that_refuses_stays_without_its_rights(
    api, make_connection, sandbox, monkeypatch, way
):
    connection = connect(api, "facebook")
    store_destinations(connection, [facts(1)])
    monkeypatch.setitem(PLATFORMS, "facebook", FullList)

    if way == "refresh":
        assert api.post(f"connections/{connection.pk}/refresh").status_code == 200
    else:
        assert connect(api, "facebook", confirm=way == "confirm") == connection

    gone = connection.destinations.get(external_id="page-1")
    assert (gone.can_publish, gone.is_default, gone.access_token) == (False, False, None)


def test_automatic_refresh_asks_no_destination(make_connection, sandbox, monkeypatch):
    connection = make_connection("facebook")
    store_destinations(connection, [facts(1)])
    monkeypatch.setitem(PLATFORMS, "facebook", FullList)
    SocialConnection.objects.update(
        expires_at=timezone.now() + dt.timedelta(hours=1), last_refreshed_at=None
    )

    assert refresh_expiring(timezone.now()) == 1

    assert connection.destinations.filter(can_publish=True).count() == 2


def test_number_of_unlisted_destinations_that_one_request_asks_is_limited(
    make_connection, sandbox, monkeypatch
):
    connection = make_connection("facebook")
    store_destinations(connection, [facts(number) for number in range(30)])
    monkeypatch.setitem(PLATFORMS, "facebook", FullList)

    check_unlisted(connection, [])

    assert connection.destinations.filter(can_publish=False).count() == MAX_ASKED


def test_destination_keeps_its_id_when_it_is_listed_again(make_connection):
    connection = make_connection("facebook")
    store_destinations(connection, [facts(1)])
    before = connection.destinations.get(external_id="page-1").pk

    store_destinations(connection, [])
    store_destinations(connection, [facts(1)])

    assert connection.destinations.get(external_id="page-1").pk == before


@pytest.mark.parametrize(
    ("platform", "rights", "has_default"),
    [
        ("facebook", [True], True),
        ("facebook", [True, False], True),
        ("facebook", [True, True], False),
        ("facebook", [False], False),
        ("linkedin", [True], False),  # the account itself is another choice
    ],
)
def test_only_destination_becomes_the_default(make_connection, platform, rights, has_default):
    connection = make_connection(platform)
    Destination.objects.all().delete()

    store_destinations(
        connection, [facts(number, can_publish=right) for number, right in enumerate(rights)]
    )

    assert connection.destinations.filter(is_default=True).exists() == has_default


def test_refresh_adds_new_destinations(api, make_connection, sandbox):
    connection = make_connection("pinterest")
    client_for("pinterest", connection.account).create_board(NewBoard(name="Created at Pinterest"))
    before = api.get(f"connections/{connection.pk}/destinations").json()
    assert "Created at Pinterest" not in str(before)

    api.post(f"connections/{connection.pk}/refresh")

    assert "Created at Pinterest" in str(
        api.get(f"connections/{connection.pk}/destinations").json()
    )


# --- Choosing ------------------------------------------------------------------------------------


def test_default_can_be_chosen_and_removed(api, make_connection):
    connection = make_connection("facebook")
    store_destinations(connection, [facts(1), facts(2)])
    path = f"connections/{connection.pk}/destinations/default"
    for external_id in ("page-1", "page-2"):
        chosen = connection.destinations.get(external_id=external_id)
        response = api.put(path, {"destination_id": str(chosen.pk)})
        assert (response.status_code, response.json()["is_default"]) == (200, True)
        assert connection.destinations.get(is_default=True) == chosen

    assert api.delete(path).status_code == 204
    assert not connection.destinations.filter(is_default=True).exists()


def test_destination_without_rights_cannot_be_the_default(api, make_connection):
    connection = make_connection("facebook")
    Destination.objects.all().delete()
    store_destinations(connection, [facts(1, can_publish=False), facts(2)])
    shut = connection.destinations.get(external_id="page-1")

    response = api.put(
        f"connections/{connection.pk}/destinations/default", {"destination_id": str(shut.pk)}
    )

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert connection.destinations.get(is_default=True).external_id == "page-2"


def test_lists_take_the_same_number_of_queries_for_any_number_of_rows(api, make_connection):
    def count(path: str) -> int:
        with CaptureQueriesContext(database) as queries:
            assert api.get(path).status_code == 200
        return len(queries)

    connection = make_connection("facebook")
    paths = "connections/", f"connections/{connection.pk}/destinations"
    before = [count(path) for path in paths]
    for _ in range(3):
        make_connection("twitter")
    store_destinations(connection, [facts(number) for number in range(20)])

    assert [count(path) for path in paths] == before


# --- The time zone -------------------------------------------------------------------------------


def patch(api, connection, body):
    return api.client.patch(
        f"/api/v1/connections/{connection.pk}", body, content_type="application/json"
    )


def test_time_zone_is_stored(api, make_connection, platform):
    connection = make_connection(platform)

    response = patch(api, connection, {"timezone": "Europe/Berlin"})

    assert response.status_code == 200, response.json()
    assert response.json()["timezone"] == "Europe/Berlin"
    assert api.get(f"connections/{connection.pk}").json()["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "body",
    [{}, {"timezone": ""}, {"timezone": "Mars"}, {"timezone": None}, {"status": "active"}],
)
def test_change_of_other_fields_is_refused(api, make_connection, body):
    connection = make_connection()
    response = patch(api, connection, body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_connection_of_another_user_is_not_found(api, make_connection):
    of_bob = make_connection(user="bob")
    assert patch(api, of_bob, {"timezone": "UTC"}).status_code == 404
    assert api.post(f"connections/{of_bob.pk}/refresh").status_code == 404
