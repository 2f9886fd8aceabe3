"""Which connection and destination an insight is about."""

from __future__ import annotations

import uuid

import pytest

pytestmark = pytest.mark.usefixtures("empty_cache", "many_billed_reads")


@pytest.mark.parametrize("name", ["myspace", "%00", "Twitter", "x" * 300])
def test_unknown_platform_is_refused(api, sandbox, name):
    responses = [
        api.post(f"insights/{name}/hashtags", {"keywords": ["bread"]}),
        api.get(f"insights/{name}/best-times", data={"connection_id": str(uuid.uuid4())}),
    ]
    assert {(each.status_code, each.json()["code"]) for each in responses} == {
        (400, "unsupported_platform")
    }


def test_connections_of_other_users_and_platforms_are_not_found(api, make_account):
    of_another_user = make_account("twitter", user="bob").connection
    of_another_platform = make_account("facebook").connection
    for connection in (of_another_user.pk, of_another_platform.pk, uuid.uuid4()):
        query = {"connection_id": str(connection)}
        responses = [
            api.get("insights/twitter/best-times", data=query),
            api.post("insights/twitter/hashtags", {"keywords": ["bread"], **query}),
        ]
        assert {(each.status_code, each.json()["code"]) for each in responses} == {
            (404, "connection_not_found")
        }


def test_account_with_several_destinations_needs_a_destination_id(api, make_account):
    account = make_account("facebook", pages=2)
    query = {"connection_id": str(account.connection.pk)}
    response = api.get("insights/facebook/best-times", data=query)
    assert (response.status_code, response.json()["code"]) == (400, "destination_required")

    response = account.best_times(api, destination_id=str(uuid.uuid4()))
    assert response.status_code == 404


def test_account_that_needs_reauth_is_reported_as_such(api, make_account):
    account = make_account("twitter")
    account.connection.status = "needs_reauth"
    account.connection.save()
    assert account.best_times(api).json()["code"] == "needs_reauth"
