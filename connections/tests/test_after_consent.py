"""The page that a person sees after the consent: the same outcome as the JSON, in words."""

from __future__ import annotations

import datetime as dt
import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
import requests
from django.db.models import F
from django.test import Client

from conftest import consent
from connections.after_consent import PICTURE, STYLE_HASH
from connections.models import AuthorizationSession, SocialConnection
from socialpublishing.platforms import PLATFORMS

# What Chromium and Firefox send when they open a page.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


class Visible(HTMLParser):
    """The text of a page, and its title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.text = " ".join(f"{self.text} {data}".split())


def page(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri")
    visible = Visible(response.content.decode())
    assert "script" not in visible.tags
    assert visible.tags.count("h1") == 1
    return visible.text


def opened(api: Any, callback: str) -> Any:
    return api.get(callback, headers={"Accept": BROWSER})


def test_person_reads_which_account_is_connected(api, sandbox, platform):
    started = api.get(f"connections/connect/{platform}")

    text = page(opened(api, consent(started.headers["Location"])))

    connection = SocialConnection.objects.get()
    assert "Account connected" in text
    assert f"{connection.external_display_name} on {PLATFORMS[platform].label}" in text
    assert str(connection.pk) in text


def test_person_reads_the_completion_code_and_the_request_that_sends_it(api, sandbox, platform):
    started = api.get(f"connections/connect/{platform}?redirect=false").json()

    response = opened(api, consent(started["authorization_url"]))

    text = page(response)
    [code] = re.findall(r"Completion code (\S{43})", text)
    assert started["attempt_id"] in text
    assert f'"completion_code": "{code}"' in text
    assert "/api/v1/connections/confirm" in text
    confirm = {"attempt_id": started["attempt_id"], "completion_code": code}
    assert api.post("connections/confirm", confirm).status_code == 200


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_other_callers_get_json(api, sandbox, accept):
    started = api.get("connections/connect/twitter?redirect=false").json()
    headers = {"Accept": accept} if accept else {}

    response = api.get(consent(started["authorization_url"]), headers=headers)

    assert response.json().keys() == {"status", "attempt_id", "completion_code", "message"}
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"
    assert "Accept" in response.headers["Vary"]
    denied = api.get(f"connections/connect/twitter/callback?state={'x' * 43}", headers=headers)
    assert denied.json()["code"] == "invalid_state"
    assert denied.headers["Cache-Control"] == "no-store"


def test_picture_is_the_only_thing_that_the_page_may_load(api, sandbox):
    started = api.get("connections/connect/twitter")

    response = opened(api, consent(started.headers["Location"]))

    policy = response.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'none'; img-src {sandbox.url}")
    assert f'src="{sandbox.url}/avatars/' in response.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://a.example; script-src *",
        "https://a.example;script-src/x",
        "https://user@a.example/x.png",
        "//a.example/x.png",
        "https://a.example",
    ],
)
def test_address_that_is_no_plain_picture_is_not_loaded(address):
    assert PICTURE.fullmatch(address) is None


def test_names_are_shown_as_text(api, sandbox):
    name = "<script>alert('x')</script> & \"Co\""
    sandbox.account("twitter", name=name)
    started = api.get("connections/connect/twitter")

    response = opened(api, consent(started.headers["Location"]))

    assert name in page(response)
    assert html.escape(name, quote=False).split("'")[0] in response.content.decode()


def test_person_who_did_not_allow_it_reads_so(api, sandbox, platform):
    started = api.get(f"connections/connect/{platform}")

    text = page(opened(api, consent(started.headers["Location"], "deny")), 400)

    assert f"{PLATFORMS[platform].label} was not allowed to connect." in text
    assert "Nothing was stored." in text
    assert "start again" in text


def test_person_who_reloads_the_page_reads_that_nothing_is_to_do(api, sandbox):
    callback = consent(api.get("connections/connect/twitter").headers["Location"])
    opened(api, callback)

    text = page(opened(api, callback), 400)

    assert "was used already" in text
    assert "there is nothing to do" in text


def test_person_who_is_too_late_reads_so(api, sandbox):
    callback = consent(api.get("connections/connect/twitter").headers["Location"])
    AuthorizationSession.objects.update(expires_at=F("created_at") - dt.timedelta(seconds=1))

    assert "has expired" in page(opened(api, callback), 400)


def test_person_in_another_browser_reads_so(api, make_api, sandbox):
    callback = consent(api.get("connections/connect/twitter").headers["Location"])

    text = page(opened(make_api("another"), callback), 400)

    assert "began in another browser" in text


def test_failure_of_the_platform_is_a_page_too(api, sandbox):
    callback = consent(api.get("connections/connect/twitter").headers["Location"])
    sandbox.fault("status", 503, method="POST", path="/oauth2/token", times=9)

    assert "X could not finish the sign-in" in page(opened(api, callback), 400)


def test_permissions_that_were_not_granted_are_named(api, sandbox):
    started = api.get("connections/connect/facebook").headers["Location"]
    granted = ("pages_show_list", "pages_manage_posts", "pages_read_engagement")
    form = {"allow": "1", **{f"scope:{scope}": "on" for scope in granted}}
    back = requests.post(started, data=form, allow_redirects=False, timeout=5)

    response = opened(api, back.headers["Location"].partition("/api/v1/")[2])

    [missing] = SocialConnection.objects.get().missing_scopes[:1]
    assert re.search(f"were not granted, .*{missing}", page(response))


def test_limited_address_reads_it_too(api, settings):
    settings.THROTTLE_ADDRESS = "1/h"
    path = f"/api/v1/connections/connect/twitter/callback?state={'x' * 43}"
    client = Client(REMOTE_ADDR="203.0.113.77", headers={"Accept": BROWSER})

    responses = [client.get(path) for _ in range(2)]

    assert "Not connected" in page(responses[1], 429)
