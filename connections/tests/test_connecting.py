"""Connecting through the consent page: start, callback and confirmation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection as database

from conftest import consent
from connections.models import SocialConnection
from connections.return_to import allowed_return_to

PREFIXES = [
    "https://app.customer.example/settings/",
    "https://app.customer.example/publish/",
]


def corpus() -> list[tuple[str, str, str]]:
    lines = (Path(__file__).parent / "corpora/return_to.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[1], row[2].encode().decode("unicode_escape")) for row in rows]


def concurrent_test(test: Any) -> Any:
    """For tests with several browsers at the same time."""
    skip_on_sqlite = pytest.mark.skipif(
        database.vendor == "sqlite", reason="threads lock each other out of a database in memory"
    )
    return skip_on_sqlite(pytest.mark.django_db(transaction=True)(test))


@pytest.mark.parametrize(("number", "verdict", "target"), corpus())
def test_return_to_accepts_only_configured_prefixes(number, verdict, target):
    assert bool(allowed_return_to(target, PREFIXES)) == (verdict == "ALLOW")


@pytest.mark.parametrize("port", [":", ":0443", ":00443", ":0", ":8443", ":443x", ":+443", ":80"])
def test_return_to_has_no_odd_port(port):
    assert not allowed_return_to(f"https://app.customer.example{port}/settings/", PREFIXES)


def test_browser_connects_an_account(api, sandbox, platform):
    started = api.get(f"connections/connect/{platform}")
    assert started.status_code == 307

    finished = api.get(consent(started.headers["Location"]))

    assert finished.status_code == 200
    assert finished.json()["platform"] == platform
    assert finished.headers["Cache-Control"] == "no-store"
    [listed] = api.get("connections/").json()
    assert listed["id"] == finished.json()["id"]


def test_connecting_the_same_account_again_keeps_its_id(api, sandbox, platform):
    ids = set()
    for _ in range(2):
        started = api.get(f"connections/connect/{platform}")
        ids.add(api.get(consent(started.headers["Location"])).json()["id"])
    assert len(ids) == 1

    api.delete(f"connections/{ids.copy().pop()}")
    assert api.get("connections/").json() == []
    assert SocialConnection.objects.get().access_token is None
    assert api.delete(f"connections/{ids.copy().pop()}").status_code == 404

    started = api.get(f"connections/connect/{platform}")
    assert api.get(consent(started.headers["Location"])).json()["id"] in ids


@concurrent_test
def test_browsers_that_connect_the_same_account_concurrently_get_one_connection(
    make_api, sandbox, platform
):
    barrier = Barrier(4)

    def connect(_: int) -> tuple[int, str]:
        try:
            browser = make_api()
            started = browser.get(f"connections/connect/{platform}")
            callback = consent(started.headers["Location"])
            barrier.wait(timeout=10)
            finished = browser.get(callback)
            return finished.status_code, finished.json().get("id")
        finally:
            database.close()

    with ThreadPoolExecutor(4) as browsers:
        responses = set(browsers.map(connect, range(4)))

    assert responses == {(200, str(SocialConnection.objects.get().pk))}


def test_connect_without_a_browser_is_active_only_after_its_user_confirms(
    api, make_api, sandbox, platform
):
    started = api.get(f"connections/connect/{platform}?redirect=false").json()
    stranger = make_api("mallory")
    pending = stranger.get(consent(started["authorization_url"])).json()
    assert api.get("connections/").json() == []

    confirm = {"attempt_id": started["attempt_id"], "completion_code": pending["completion_code"]}
    wrong = api.post("connections/confirm", {**confirm, "completion_code": "guess"})
    assert wrong.status_code == 404
    confirmed = api.post("connections/confirm", confirm)
    assert confirmed.status_code == 200
    assert api.post("connections/confirm", confirm).json() == confirmed.json()


def test_denied_consent_is_reported_with_our_error_code(api, sandbox, platform):
    started = api.get(f"connections/connect/{platform}")

    response = api.get(consent(started.headers["Location"], "deny"))

    assert (response.status_code, response.json()["code"]) == (400, "oauth_denied")


def test_return_to_receives_the_outcome(api, sandbox, settings):
    settings.OAUTH_RETURN_TO = PREFIXES
    started = api.get("connections/connect/twitter?return_to=/settings/social%3Ftab=1")

    response = api.get(consent(started.headers["Location"]))

    assert response.status_code == 303
    target = "https://app.customer.example/settings/social?tab=1&status=connected&connection_id="
    assert response.headers["Location"].startswith(target)


def test_unknown_and_unconfigured_platforms_are_refused(api, settings):
    assert api.get("connections/connect/myspace").json()["code"] == "unsupported_platform"
    assert api.get("connections/connect/twitter").json()["code"] == "platform_not_configured"
