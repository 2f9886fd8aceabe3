"""Connections in the ops console, over HTTP."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Destination, SocialConnection
from socialpublishing.crypto import Secret, key_ring

LIST = "/admin/connections/socialconnection/"
CANARY = "canary-of-a-token"


@pytest.fixture
def viewer(make_staff):
    return make_staff("view_socialconnection")


@pytest.fixture
def ops(make_staff):
    return make_staff("view_socialconnection", "change_socialconnection")


@pytest.fixture
def make_row(db):
    """A connection that exists only in our database."""

    def make(**facts):
        number = SocialConnection.objects.count()
        row = SocialConnection.objects.create(
            **{
                "user_id": "alice",
                "platform": "facebook",
                "external_user_id": str(number),
                "external_display_name": "Harbour Bakery",
                "access_token": Secret(CANARY),
                "refresh_token": Secret(CANARY),
                "scopes": ["pages_manage_posts"],
                **facts,
            }
        )
        destination = Destination(connection=row, external_id="210044", name="Altona", kind="page")
        destination.access_token = Secret(CANARY)
        destination.save()
        return row

    return make


def page_of(row):
    return f"{LIST}{row.pk}/change/"


def listed(response):
    return set(response.context["cl"].result_list)


# --- Reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "ops", "superuser"])
def test_staff_see_connections_and_destinations_but_no_token(request, make_row, who):
    client = request.getfixturevalue(who)
    row = make_row()

    for address in (LIST, page_of(row), f"{LIST}{row.pk}/history/"):
        response = client.get(address)
        html = response.content.decode()
        assert response.status_code == 200
        assert "Harbour Bakery" in html
        assert CANARY not in html
        assert f"v1.{key_ring().primary_id}" not in html
        assert "access_token" not in html
    assert "Altona" in client.get(page_of(row)).content.decode()


def test_pages_do_not_load_tokens(viewer, make_row):
    row = make_row()

    with CaptureQueriesContext(database) as queries:
        viewer.get(LIST)
        viewer.get(page_of(row))

    assert not [query for query in queries if "access_token" in query["sql"]]


def test_others_have_no_access(make_row, make_staff):
    row = make_row()

    assert Client().get(page_of(row)).status_code == 302
    assert make_staff().get(page_of(row)).status_code == 403


def test_text_from_outside_is_escaped(viewer, make_row):
    evil = "<script>alert(1)</script>"
    row = make_row(
        external_display_name=evil, user_id=evil, external_user_id=evil, scopes=[evil], kind=evil,
        status_reason=evil,
    )  # fmt: skip
    row.destinations.update(name=evil, external_id=evil, kind=evil)

    for address in (LIST, page_of(row)):
        assert evil not in viewer.get(address).content.decode()


@pytest.mark.parametrize(
    "column", ["access_token__startswith", "destinations__access_token__startswith"]
)
def test_token_cannot_be_guessed_letter_by_letter(superuser, make_row, column):
    make_row()

    assert superuser.get(LIST, {column: "v1"}).status_code == 400


def test_search_and_filters_find_a_connection(viewer, make_row):
    sought = make_row(user_id="usr_48213", external_user_id="77120", platform="twitter")
    make_row(external_display_name="Bikes", status="needs_reauth")

    for query in (
        {"q": "usr_48"}, {"q": "harbour"}, {"q": "77120"}, {"platform": "twitter"},
        {"status__exact": "active"},
    ):  # fmt: skip
        assert listed(viewer.get(LIST, query)) == {sought}, query


@pytest.mark.parametrize(
    "query", [{"q": "\x00"}, {"q": "'"}, {"status__exact": "nope"}, {"platform": "nope"}]
)
def test_malformed_queries_do_no_harm(viewer, query):
    assert viewer.get(LIST, query, follow=True).status_code == 200


def test_number_of_queries_does_not_grow_with_rows(viewer, make_row):
    def count(address):
        with CaptureQueriesContext(database) as queries:
            assert viewer.get(address).status_code == 200
        return len(queries)

    row = make_row()
    ContentType.objects.get_for_model(row)  # looked up once in a process
    before = count(LIST), count(page_of(row))
    for number in range(20):
        make_row()
        Destination.objects.create(connection=row, external_id=number, name="Page", kind="page")

    assert (count(LIST), count(page_of(row))) == before
    assert max(before) <= 10


# --- Disconnecting -------------------------------------------------------------------------------


def test_disconnect_works_as_in_the_api_and_stores_the_reason(ops, api, make_connection):
    row = make_connection("twitter")
    job = api.publish(row).json()["job_id"]

    page = ops.post(LIST, {"action": "revoke", "_selected_action": [row.pk]})
    response = ops.post(
        LIST,
        {"action": "revoke", "_selected_action": [row.pk], "reason": "Ticket 4711"},
        follow=True,
    )

    assert "Ticket 4711" not in page.content.decode()
    assert [str(message) for message in response.context["messages"]] == [
        "1 social connection disconnected."
    ]
    row.refresh_from_db()
    assert (row.status, row.status_reason) == ("revoked", "Ticket 4711")
    assert row.access_token is None
    assert api.get(f"publishing/jobs/{job}/events").json()[-1]["actor"].startswith("ops staff")
    assert "Ticket 4711" in ops.get(f"{LIST}{row.pk}/history/").content.decode()


def test_second_disconnect_is_refused_with_a_message(ops, make_row):
    row = make_row(status="revoked", access_token=None, refresh_token=None)

    response = ops.post(f"{LIST}{row.pk}/revoke/", {"reason": "Again"}, follow=True)

    assert [str(message) for message in response.context["messages"]] == [
        "1 social connection not disconnected. You have no such connection."
    ]
    assert "/revoke/" not in response.content.decode()


def test_viewers_cannot_disconnect(viewer, make_row):
    row = make_row()

    data = {"action": "revoke", "_selected_action": [row.pk], "reason": "Because"}
    viewer.post(LIST, data)
    response = viewer.post(f"{LIST}{row.pk}/revoke/", {"reason": "Because"})

    assert response.status_code == 403
    row.refresh_from_db()
    assert row.status == "active"


def test_nobody_can_add_change_or_delete(superuser, make_row):
    row = make_row()

    assert superuser.get(f"{LIST}add/").status_code == 403
    assert superuser.post(page_of(row), {"user_id": "mallory"}).status_code == 403
    assert superuser.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.user_id == "alice"
