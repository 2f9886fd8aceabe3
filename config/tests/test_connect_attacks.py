"""The attacks of corpora/oauth_callback_attacks.md on a connect, each with a test of its number.

Where the corpus speaks of a start link: here a connect starts with the user's own request, whose
cookie binds it to the browser; or, with `redirect=false`, it ends with a confirmation.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from config.auth.dev_tokens import sign_dev_token
from conftest import Api, Sandbox, consent
from connections.models import AuthorizationSession, Revocation, SocialConnection
from connections.tests.test_connecting import PREFIXES, concurrent_test, corpus
from socialpublishing.erasure import erase_user
from socialpublishing.errors import MalformedResponseError
from socialpublishing.oauth import OAuth, read_tokens
from socialpublishing.platforms import PLATFORMS

CORPUS = (Path(__file__).parent / "corpora/oauth_callback_attacks.md").read_text()
LISTED = dict(re.findall(r"^\| (O\d\d) \| (.*?) \|", CORPUS, re.M))
# What cannot happen here, or has its test elsewhere.
ELSEWHERE = {
    "O15": "There is no start link: a connect starts with the user's bearer token.",
    "O16": "As O15.",
    "O33": "connections/tests/test_logins.py::test_scope_that_was_not_granted_is_shown",
    "O35": "No platform of the register sends `iss`; a mix-up is stopped by O06.",
    "O36": "As O35.",
    "O47": "config/tests/test_secrets.py::test_no_secret_is_found_after_real_flows",
}
TOKEN_PATH = "(?i)token/?$"


class Flow:
    """Connects of one platform by several browsers."""

    def __init__(self, make_api: Callable[..., Api], sandbox: Sandbox, platform: str) -> None:
        self.make_api, self.sandbox, self.platform = make_api, sandbox, platform
        self.api = make_api()
        self.app = PLATFORMS[platform].app

    def start(self, api: Api | None = None, **query: str) -> str:
        """The address of the consent page."""
        path = f"connections/connect/{self.platform}?{urlencode(query)}"
        response = (api or self.api).get(path)
        assert response.status_code in {200, 307}
        if response.status_code == 200:
            return str(response.json()["authorization_url"])
        return str(response.headers["Location"])

    def callback(self, api: Api | None = None, **query: str) -> str:
        """What the platform calls after a consent."""
        return consent(self.start(api, **query))

    def changed(self, callback: str, **values: Any) -> str:
        """`callback` with other values; None removes one, a list repeats it."""
        path, _, query = callback.partition("?")
        given = {**dict(parse_qsl(query)), **values}
        given = {name: value for name, value in given.items() if value is not None}
        return f"{path}?{urlencode(given, doseq=True)}"

    def refused(self, callback: str, code: str = "invalid_state", api: Api | None = None) -> Any:
        """The response to `callback`, which asks the platform nothing and connects nothing."""
        asked, connected = len(self.sandbox.calls()), list(SocialConnection.objects.values())
        response = (api or self.api).get(callback)
        assert (response.status_code, response.json()["code"]) == (400, code)
        assert len(self.sandbox.calls()) == asked
        assert list(SocialConnection.objects.values()) == connected
        return response

    def connected(self, callback: str, api: Api | None = None) -> SocialConnection:
        response = (api or self.api).get(callback)
        assert response.status_code == 200, response.content
        return SocialConnection.objects.get(pk=response.json()["id"])

    def pending(self, api: Api | None = None) -> dict[str, str]:
        """What confirms a connect without a browser."""
        body = (api or self.api).get(self.callback(redirect="false")).json()
        return {name: body[name] for name in ("attempt_id", "completion_code")}

    def confirm(self, body: dict[str, str], api: Api | None = None) -> Any:
        return (api or self.api).post("connections/confirm", body)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name == "twitter" else pytest.mark.night)
        for name in sorted(PLATFORMS)
    ]
)
def flow(request, make_api, sandbox) -> Flow:
    return Flow(make_api, sandbox, request.param)


def is_used() -> bool:
    return AuthorizationSession.objects.filter(used_at__isnull=False).exists()


def test_every_attack_has_a_test():
    names = " ".join(name for name in globals() if name.startswith("test_o"))
    named = {number.upper() for number in re.findall(r"o\d\d(?=_)", names)}
    assert named | set(ELSEWHERE) == set(LISTED)
    assert not named & set(ELSEWHERE)
    for place in ELSEWHERE.values():
        path, _, name = place.partition("::")
        assert not name or f"def {name}(" in (Path(__file__).parents[2] / path).read_text()


# --- State ---------------------------------------------------------------------------------------


def test_o01_callback_without_state(flow):
    flow.refused(flow.changed(flow.callback(), state=None))
    assert not is_used()


def test_o02_o03_random_and_used_state_get_the_same_response(flow):
    callback = flow.callback()
    flow.connected(callback)

    used = flow.refused(callback)
    random = flow.refused(flow.changed(callback, state="x" * 43))

    assert used.json().keys() == random.json().keys()
    assert used.json()["detail"] == random.json()["detail"]
    assert SocialConnection.objects.get().status == "active"


@concurrent_test
def test_o04_equal_callbacks_at_once_request_one_token(flow):
    callback = flow.callback()
    cookies, token = flow.api.client.cookies.output(header="", sep=";"), flow.api.client.defaults

    def call(_: int) -> int:
        try:
            browser = Client(**token)
            browser.cookies.load(cookies)
            return browser.get(f"/api/v1/{callback}").status_code
        finally:
            database.close()

    with ThreadPoolExecutor(20) as browsers:
        statuses = sorted(browsers.map(call, range(20)))

    assert statuses == [200] + [400] * 19
    assert SocialConnection.objects.count() == 1


def test_o05_state_older_than_ten_minutes(flow):
    callback = flow.callback()
    session = AuthorizationSession.objects.get()
    assert session.expires_at - session.created_at == dt.timedelta(minutes=10)
    AuthorizationSession.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    flow.refused(callback)


def test_o06_state_on_the_callback_of_another_platform(flow):
    other = next(name for name in sorted(PLATFORMS) if name != flow.platform)
    callback = flow.callback()

    flow.refused(callback.replace(f"/{flow.platform}/", f"/{other}/"))

    assert is_used()
    flow.refused(callback)


def test_o07_state_with_another_case(flow):
    callback = flow.callback()
    state = parse_qs(callback.partition("?")[2])["state"][0]
    at = next(number for number, char in enumerate(state) if char.isalpha())

    flow.refused(flow.changed(callback, state=state[:at] + state[at].swapcase() + state[at + 1 :]))


def test_o08_two_states(flow):
    callback = flow.callback()
    state = parse_qs(callback.partition("?")[2])["state"][0]

    for states in ([state, "x" * 43], ["x" * 43, state], [state, state]):
        flow.refused(flow.changed(callback, state=states))


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x" * 100_000},
        {"state": "a\x00" + "x" * 41},
        {"state": "é" * 43},
        {"state": None, "state[]": "x" * 43},
        {"state": ""},
        {"state": "short"},
    ],
    ids=["long", "NUL", "non-ASCII", "list", "empty", "short"],
)
def test_o09_malformed_state_is_not_looked_up(flow, change, django_assert_max_num_queries):
    callback = flow.changed(flow.callback(), **change)
    with django_assert_max_num_queries(1) as queries:  # for the time of the database
        response = flow.api.get(callback)
    assert AuthorizationSession._meta.db_table not in str(queries.captured_queries)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_state")


def test_o10_at_most_ten_attempts_of_a_user_are_open(flow):
    flow.start(flow.make_api("bob"))

    for _ in range(15):
        flow.start()

    pending = AuthorizationSession.objects.filter(expires_at__gt=timezone.now())
    assert pending.filter(user_id="alice").count() == 10
    assert pending.filter(user_id="bob").count() == 1


def test_o11_stored_value_is_no_state(flow):
    stored = AuthorizationSession.objects
    callback = flow.callback()
    for value in (stored.get().state_hash, stored.get().state_hash[:43]):
        flow.refused(flow.changed(callback, state=value))


# --- Browser and user ----------------------------------------------------------------------------


def test_o12_o13_callback_in_another_browser_changes_nothing(flow):
    """The victim's too, whom somebody has sent to the consent page of his own connect."""
    callback = flow.callback()

    flow.refused(callback, api=flow.make_api("victim"))

    assert not is_used()
    flow.connected(callback)


def test_o14_consent_of_a_lured_victim_connects_nobody(flow):
    mallory, victim = flow.make_api("mallory"), flow.make_api("victim")
    started = flow.start(mallory, redirect="false")
    body = victim.get(consent(started)).json()
    code = {name: body[name] for name in ("attempt_id", "completion_code")}

    assert flow.confirm({**code, "completion_code": "guess"}, mallory).status_code == 404
    assert flow.confirm(code, victim).status_code == 404

    assert flow.confirm(code, mallory).status_code == 404
    assert AuthorizationSession.objects.get().credentials is None
    assert not Revocation.objects.exists(), "the platform has revoked the tokens"
    assert not SocialConnection.objects.exists()


def test_o17_cookie_of_another_browser_of_the_same_user(flow):
    first, second = flow.make_api(), flow.make_api()
    callbacks = flow.callback(first), flow.callback(second)

    flow.refused(callbacks[1], api=first)
    flow.refused(callbacks[0], api=second)

    assert not is_used()


def test_o18_confirm_by_another_user_with_the_code(flow):
    code = flow.pending()

    assert flow.confirm(code, flow.make_api("bob")).status_code == 404

    assert flow.confirm(code).status_code == 404
    assert AuthorizationSession.objects.get().credentials is None
    assert not SocialConnection.objects.exists()


def test_o19_guessed_codes_end_the_attempt(flow):
    code = flow.pending()
    guesses = [flow.confirm({**code, "completion_code": f"guess {n}"}) for n in range(12)]

    assert {response.status_code for response in guesses} == {404}
    assert flow.confirm(code).status_code == 404
    assert AuthorizationSession.objects.get().credentials is None


def test_o20_repeated_confirm_gets_the_same_response(flow):
    code = flow.pending()
    first, second = flow.confirm(code), flow.confirm(code)

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert SocialConnection.objects.count() == 1


def test_o21_bearer_token_of_another_user_in_a_callback(flow):
    callback = flow.callback()
    bob = flow.make_api("bob")
    flow.start(bob)

    flow.refused(callback, api=bob)


def test_o22_token_that_expired_before_the_confirm(flow):
    code = flow.pending()
    expired = sign_dev_token("alice", lifetime=dt.timedelta(hours=-1))
    client = Client(headers={"Authorization": f"Bearer {expired}"})

    response = client.post("/api/v1/connections/confirm", code, content_type="application/json")

    assert response.status_code == 401
    assert flow.confirm(code, flow.make_api()).status_code == 200


# --- Code and token exchange ---------------------------------------------------------------------


def test_o23_code_of_a_victim_in_an_own_connect(flow):
    """PKCE refuses it; where the platform has none, the response names the victim's account."""
    victims = flow.callback(flow.make_api("victim"))
    code = parse_qs(victims.partition("?")[2])["code"][0]

    response = flow.api.get(flow.changed(flow.callback(), code=code))

    if flow.app.oauth.pkce:
        assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
        assert not SocialConnection.objects.exists()
    else:
        assert response.json()["external_user_id"]


@pytest.mark.parametrize(
    "code",
    [None, "", ["a", "b"], "x" * 50_000, "a\r\nb"],
    ids=["missing", "empty", "twice", "long", "CRLF"],
)
def test_o24_unusable_code_requests_no_token(flow, code):
    flow.refused(flow.changed(flow.callback(), code=code), "oauth_failed")
    assert is_used()


def test_o25_code_and_error(flow):
    flow.refused(flow.changed(flow.callback(), error="access_denied"), "oauth_failed")


def test_o26_denied_consent_uses_up_the_attempt(flow, settings):
    settings.OAUTH_RETURN_TO = PREFIXES
    callback = flow.changed(
        flow.callback(return_to="/settings/social"), code=None, error="access_denied"
    )

    response = flow.api.get(callback)

    assert response.status_code == 303
    location = "https://app.customer.example/settings/social?status=error&code=oauth_denied"
    assert response.headers["Location"] == location
    assert is_used()


def test_o27_markup_in_an_error_is_not_echoed(flow, caplog):
    text = "<script>alert(1)</script>\r\nSet-Cookie: a=b " + "x" * 10_000
    callback = flow.changed(flow.callback(), code=None, error="<script>", error_description=text)

    response = flow.refused(callback, "oauth_denied")

    assert "alert" not in f"{response.content!r} {response.headers}"
    assert "<" not in response.content.decode()
    assert "Set-Cookie" not in response.headers
    assert len(caplog.text) < 2000


def test_o28_error_without_state(flow):
    callback = flow.changed(flow.callback(), code=None, state=None, error="access_denied")

    response = flow.refused(callback)

    assert "Location" not in response.headers


@pytest.mark.parametrize(
    "fault",
    [
        ("status", {"code": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}}),
        ("status", {"code": 200, "body": {"access_token": "x" * 5_000_000}}),
        ("status", {"code": 302, "headers": {"Location": "https://evil.example/"}}),
        ("malformed", None),
    ],
    ids=["HTML", "5 MB", "redirect", "cut"],
)
def test_o29_unusable_token_response_is_refused(flow, fault):
    callback = flow.callback()
    flow.sandbox.fault(*fault, path=TOKEN_PATH, times=9)

    response = flow.api.get(callback)

    assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
    assert not SocialConnection.objects.exists()
    assert AuthorizationSession.objects.get().credentials is None


def test_o30_reconnect_without_a_refresh_token(make_api, sandbox):
    """Kept where a refresh token stays the same, never replaced by an empty one."""
    flow = Flow(make_api, sandbox, "linkedin")
    before = flow.connected(flow.callback())
    assert before.refresh_token
    body = {"access_token": before.access_token.reveal(), "expires_in": 3600}
    sandbox.fault("status", {"code": 200, "body": body}, path=TOKEN_PATH)

    after = flow.connected(flow.callback())

    assert after.pk == before.pk
    assert after.refresh_token == before.refresh_token


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (None, 3600),
        (0, None),
        (-1, None),
        ("3600", 3600),
        ("٣", None),
        (True, None),
        (1e12, 366 * 86400),
        (float("nan"), None),
    ],
)
def test_o31_lifetime_of_a_token(expires_in, seconds):
    oauth = OAuth(authorize_path="", token_path="", scopes=())
    response = {"access_token": "t", "expires_in": expires_in}
    if seconds is None:
        with pytest.raises(MalformedResponseError):
            read_tokens(response, oauth)
    else:
        assert read_tokens(response, oauth).lifetime == dt.timedelta(seconds=seconds)


def test_o32_token_that_is_no_bearer_token(flow):
    with pytest.raises(MalformedResponseError):
        read_tokens({"access_token": "t", "token_type": "mac"}, flow.app.oauth)


def test_o34_identity_that_cannot_be_read_stores_nothing(flow):
    callback = flow.callback()
    flow.sandbox.fault("status", 503, method="GET", platform=flow.platform, times=9)

    response = flow.api.get(callback)

    assert (response.status_code, response.json()["code"]) == (400, "oauth_failed")
    assert AuthorizationSession.objects.get().credentials is None
    assert not SocialConnection.objects.exists()


# --- Addresses -----------------------------------------------------------------------------------


def test_o37_forged_headers_change_no_redirect_uri(flow, settings):
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Port": "1",
        "Forwarded": "host=evil.example",
    }
    started = flow.api.get(f"connections/connect/{flow.platform}", headers=forged)
    address = started.headers["Location"]
    wanted = f"{settings.SERVICE_BASE_URL}/api/v1/connections/connect/{flow.platform}/callback"
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [wanted]

    # The platform compares the two legs.
    assert flow.api.get(consent(address), headers=forged).status_code == 200
    evil = flow.api.get(f"connections/connect/{flow.platform}", headers={"Host": "evil.example"})
    assert evil.status_code == 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/callback", "/CALLBACK"),
        ("/callback", "//callback"),
        ("/callback", "/%2e/callback"),
        ("/callback", "/callback/extra"),
        ("connect/", "Connect/"),
    ],
)
def test_o38_other_spellings_of_the_path(flow, old, new):
    path, _, query = flow.callback().partition("?")

    assert flow.api.get(f"{path.replace(old, new)}?{query}").status_code == 404

    assert not is_used()


def test_o39_other_methods_do_not_use_up_the_attempt(flow):
    callback = flow.callback()

    for method in ("POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        assert flow.api.client.generic(method, f"/api/v1/{callback}").status_code == 405

    assert not is_used()
    flow.connected(callback)


def test_o40_targets_in_the_query_of_a_callback_are_ignored(flow):
    evil = dict.fromkeys(("return_to", "next", "redirect_uri"), "https://evil.example/")

    flow.connected(flow.changed(flow.callback(), **evil))


@pytest.mark.parametrize(("number", "verdict", "target"), corpus(), ids=lambda each: each[:5])
def test_o41_return_to_of_a_connect(make_api, sandbox, settings, number, verdict, target):
    settings.OAUTH_RETURN_TO = PREFIXES
    query = urlencode({"return_to": target}, errors="surrogatepass")

    response = make_api().get(f"connections/connect/twitter?{query}")

    assert response.status_code == (307 if verdict == "ALLOW" else 400)
    assert AuthorizationSession.objects.count() == (verdict == "ALLOW")


def test_o42_return_to_that_is_no_longer_allowed(flow, settings):
    settings.OAUTH_RETURN_TO = PREFIXES
    callback = flow.callback(return_to="/settings/social")
    settings.OAUTH_RETURN_TO = ["https://other.example/"]

    response = flow.api.get(callback)

    assert response.status_code == 200
    assert "Location" not in response.headers


# --- Reconnect, owners, leftovers ----------------------------------------------------------------


def test_o43_connect_of_another_account_leaves_the_first_unchanged(flow):
    first = flow.connected(flow.callback())
    flow.sandbox.account(flow.platform, username="other")
    stored = SocialConnection.objects.filter(pk=first.pk).values().get()

    consent_page = flow.start()
    other = flow.api.get(consent(consent_page))

    if other.json()["id"] != str(first.pk):
        assert SocialConnection.objects.filter(pk=first.pk).values().get() == stored


def test_o44_authorization_of_two_users_outlives_one_of_them(flow):
    bob = flow.make_api("bob")
    first, second = flow.connected(flow.callback()), flow.connected(flow.callback(bob), bob)
    assert first.pk != second.pk
    assert first.external_user_id == second.external_user_id
    calls = len(flow.sandbox.calls())

    assert flow.api.delete(f"connections/{first.pk}").status_code == 200

    assert len(flow.sandbox.calls()) == calls
    assert bob.post(f"connections/{second.pk}/refresh").status_code == 200


def test_o45_crash_after_the_token_response(flow):
    callback = flow.callback()
    # All that is stored by then.
    AuthorizationSession.objects.update(used_at=timezone.now())

    flow.refused(callback)

    flow.connected(flow.callback())


def test_o46_user_who_was_erased_before_the_callback(flow):
    callback = flow.callback()
    erase_user("alice", actor="command erase_user", wait_s=0)

    flow.refused(callback)


def test_o48_headers_of_a_callback(flow):
    callback = flow.callback()
    for status in (200, 400):
        response = flow.api.get(callback)
        assert response.status_code == status
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'"
        assert not response.cookies
