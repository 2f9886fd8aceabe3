"""Meta's callbacks: a person has removed our app, or wants their data deleted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from connections.models import PlatformCallback, SocialConnection
from socialpublishing.platforms import platform_named

META = ["facebook", "instagram"]
SECRETS = {"facebook": "secret of facebook", "instagram": "secret of instagram"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def apps(make_connection, settings, monkeypatch):
    """Real apps with different secrets: accounts are connected at the sandbox before."""

    def use() -> None:
        settings.SANDBOX_URL = ""
        for name, secret in SECRETS.items():
            monkeypatch.setenv(f"{name.upper()}_APP_ID", "1")
            monkeypatch.setenv(f"{name.upper()}_APP_SECRET", secret)

    return use


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(message, secret: str) -> str:
    payload = encoded(message if isinstance(message, bytes) else json.dumps(message).encode())
    digest = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{encoded(digest)}.{payload}"


def message_of(person: str, **more) -> dict:
    return {"algorithm": "HMAC-SHA256", "issued_at": int(time.time()), "user_id": person, **more}


def call(platform: str, signed_request: str, kind: str = "deauthorize", **more):
    body = urlencode({"signed_request": signed_request, **more})
    path = f"/api/v1/connections/callbacks/{platform}/{kind}"
    return Client().post(path, body, content_type=FORM)


def person_of(connection) -> str:
    return connection.profile.get("app_scoped_id") or connection.external_user_id


@pytest.mark.parametrize("platform", META)
@pytest.mark.behaviour(
    "Meta reports that a person removed our app, signed with the app secret: the connections end."
)
def test_signed_callback_ends_the_persons_connections(
    api, make_connection, sandbox, apps, platform
):
    connection, other = make_connection(platform), make_connection(platform)
    job = api.post(
        "publishing/schedule",
        {
            "connection_id": str(connection.pk),
            "text_content": "Hello",
            "schedule_time": "2027-11-01T10:00:00Z",
            "assets": [{**sandbox.picture(), "alt_text": None}],
        },
    ).json()
    calls = len(sandbox.calls())
    apps()

    response = call(platform, signed(message_of(person_of(connection)), SECRETS[platform]))

    assert response.status_code == 200, response.json()
    ended = SocialConnection.objects.get(pk=connection.pk)
    assert (ended.status, ended.access_token, ended.refresh_token) == ("revoked", None, None)
    assert not ended.destinations.filter(access_token__isnull=False).exists()
    assert api.get(f"publishing/jobs/{job['job_id']}").json()["status"] == "Cancelled"
    events = api.get(f"publishing/jobs/{job['job_id']}/events").json()
    assert f"platform {platform}" in str(events)
    assert SocialConnection.objects.get(pk=other.pk).status == "active"
    assert len(sandbox.calls()) == calls  # the platform is not asked to revoke what has ended


@pytest.mark.behaviour(
    "Instagram by Facebook Login belongs to the Facebook app: its callback ends those connections."
)
def test_facebooks_callback_ends_instagram_by_facebook_login(make_connection, apps):
    by_instagram = make_connection("instagram")
    person = person_of(by_instagram)
    SocialConnection.objects.create(
        user_id="alice",
        platform="instagram",
        login="facebook",
        external_user_id=person,
        access_token=by_instagram.access_token,
    )
    apps()

    assert call("facebook", signed(message_of(person), SECRETS["facebook"])).status_code == 200

    statuses = SocialConnection.objects.values_list("login", "status")
    assert set(statuses) == {("", "active"), ("facebook", "revoked")}
    assert platform_named("instagram", "facebook").app.authorized_app == "facebook"


def test_deletion_returns_where_its_state_is_shown(make_connection, apps, settings):
    connection = make_connection("facebook")
    apps()

    body = call(
        "facebook", signed(message_of(person_of(connection)), SECRETS["facebook"]), "data-deletion"
    ).json()

    assert set(body) == {"url", "confirmation_code"}
    assert body["url"].startswith(settings.SERVICE_BASE_URL)
    assert body["url"].endswith(body["confirmation_code"])
    assert body["confirmation_code"].isalnum()
    shown = Client().get(urlsplit(body["url"]).path)
    assert shown.status_code == 200
    assert set(shown.json()) == {"status", "received_at", "done_at"}
    assert shown.json()["status"] == "done"
    assert connection.external_user_id not in shown.content.decode()
    elsewhere = urlsplit(body["url"]).path.replace("facebook", "instagram")
    for path in (
        elsewhere,
        f"{elsewhere}0",
        "/api/v1/connections/callbacks/facebook/data-deletion/x",
    ):
        assert Client().get(path).json()["code"] == "not_found"


@pytest.mark.parametrize("kind", ["deauthorize", "data-deletion"])
def test_repeated_callback_changes_nothing(make_connection, apps, kind):
    connection = make_connection("facebook")
    apps()
    text = signed(message_of(person_of(connection)), SECRETS["facebook"])
    first = call("facebook", text, kind).json()
    # The owner connects again; somebody replays the old message, its signature written otherwise.
    connection.save()
    signature, payload = text.split(".")

    assert call("facebook", text, kind).json() == first
    assert call("facebook", f"{signature}=.{payload}", kind).json() == first

    assert SocialConnection.objects.get().status == "active"
    assert PlatformCallback.objects.count() == 1


def test_person_without_a_connection_gets_a_response_too(apps):
    apps()
    response = call("facebook", signed(message_of("1"), SECRETS["facebook"]), "data-deletion")
    assert response.status_code == 200
    assert response.json()["confirmation_code"]


NOW = int(time.time())
FORGED = {
    "empty": "",
    "one part": "abc",
    "no signature": "." + encoded(json.dumps(message_of("1")).encode()),
    "no payload": "abc.",
    "no base64": "!!!.???",
    "characters outside ASCII": "é.é",
    "secret of another app": signed(message_of("1"), SECRETS["instagram"]),
    "empty secret": signed(message_of("1"), ""),
    "other algorithm": signed(message_of("1", algorithm="none"), SECRETS["facebook"]),
    "algorithm null": signed(message_of("1", algorithm=None), SECRETS["facebook"]),
    "JSON null": signed(b"null", SECRETS["facebook"]),
    "JSON list": signed([message_of("1")], SECRETS["facebook"]),
    "no JSON": signed(b"{", SECRETS["facebook"]),
    "not UTF-8": signed(b"\xff\xfe\xfa", SECRETS["facebook"]),
    "deep JSON": signed(b"[" * 3000, SECRETS["facebook"]),
    "no person": signed({"algorithm": "HMAC-SHA256"}, SECRETS["facebook"]),
    "person null": signed(message_of(None), SECRETS["facebook"]),
    "person list": signed(message_of(["1"]), SECRETS["facebook"]),
    "person true": signed(message_of(True), SECRETS["facebook"]),
    "person empty": signed(message_of(""), SECRETS["facebook"]),
    "very old": signed(message_of("1", issued_at=NOW - 60 * 86400), SECRETS["facebook"]),
    "of the future": signed(message_of("1", issued_at=NOW + 3 * 86400), SECRETS["facebook"]),
    "time as text": signed(message_of("1", issued_at="now"), SECRETS["facebook"]),
    "time not finite": signed(message_of("1", issued_at=float("nan")), SECRETS["facebook"]),
    "third part": signed(message_of("1"), SECRETS["facebook"]) + ".x",
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("kind", ["deauthorize", "data-deletion"])
def test_forged_message_is_refused(make_connection, apps, text, kind):
    connection = make_connection("facebook")
    SocialConnection.objects.update(external_user_id="1")
    apps()

    response = call("facebook", text, kind)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert SocialConnection.objects.get(pk=connection.pk).status == "active"
    assert not PlatformCallback.objects.exists()


@pytest.mark.parametrize("issued_at", [NOW - 7 * 86400, NOW + 3600, NOW + 0.5, None])
def test_time_of_a_message_is_checked_leniently(db, apps, issued_at):
    apps()
    text = signed(message_of("1", issued_at=issued_at), SECRETS["facebook"])
    assert call("facebook", text).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("signed_request=" + "x" * 300_000, FORM, 413),
        ("signed_request=" + "x" * 20_000, FORM, 413),
        ("signed_request=a&signed_request=b", FORM, 400),
        ("&".join(f"f{number}=1" for number in range(100)), FORM, 400),
        ("other=1", FORM, 400),
        ("", FORM, 400),
        (b"signed_request=\xff", FORM, 400),
        ("signed_request=%ff%00", FORM, 400),
        ('{"signed_request": "a.b"}', "application/json", 415),
        ("null", "application/json", 415),
    ],
)
def test_other_bodies_are_refused(db, apps, body, content_type, status):
    apps()
    path = "/api/v1/connections/callbacks/facebook/deauthorize"
    assert Client().post(path, body, content_type=content_type).status_code == status


def test_form_is_accepted_at_callbacks_only(api):
    response = api.post("connections/confirm", "attempt_id=1", content_type=FORM)
    assert response.status_code == 415


def test_platforms_without_callbacks_and_without_a_secret_are_refused(db, settings):
    for name in ("twitter", "myspace"):
        assert call(name, "a.b").json()["code"] == "not_found"
    settings.SANDBOX_URL = ""
    # Without credentials the secret is empty: anybody could sign with it.
    response = call("facebook", signed(message_of("1"), ""))
    assert response.json()["code"] == "platform_not_configured"
    assert Client().get("/api/v1/connections/callbacks/facebook/deauthorize").status_code == 405
