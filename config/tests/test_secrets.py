"""Secrets of real flows are searched for everywhere that somebody could read.

The platforms quote what they received in their errors. Every secret that was sent or received is
recorded at the network, and must be found nowhere: not as it is, and in no encoding of it.
"""

import base64
import binascii
import io
import json
import logging
import re
import sys
import zlib
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
import requests
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connection as database
from django.test import Client
from django_q.tasks import async_task

from config.logs import configure
from conftest import Api, consent, plain_post
from connections.connecting_views import cookie_name
from connections.models import SocialConnection
from publishing.models import JobEvent, PublishJob
from socialpublishing.platforms import PLATFORMS

SECRET_NAMES = re.compile(r"(access|refresh)_token$|^code$|verifier$|client_secret$|^state$")
SIGNED_FILE = re.compile(r"/media/([\w-]{20,}\.[\w-]+\.[\w-]{43})")
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
MIN_LENGTH = 16  # shorter values are ids and words
PART = 16
DEPTH = 3
# What is planted, and the place where it is to be found.
SEARCHED = {
    "log": "log",
    "cache": "cache",
    "queue": "database",
    "database": "database",
    "responses": "responses",
    "console": "console",
}


def forms(secret: str) -> set[bytes]:
    """`secret` as text of any kind may hold it."""
    raw = secret.encode()
    found = {raw, raw[::-1], quote(secret, safe="").encode(), raw.hex().encode()}
    once = json.dumps(secret)[1:-1]
    found |= {once.encode(), json.dumps(once)[1:-1].encode(), raw.hex().upper().encode()}
    found |= {secret.encode("utf-16-le")}
    # Any cut of it that is long enough has one of these whole.
    found |= {raw[at : at + PART] for at in range(0, len(raw) - PART + 1, PART)}
    for shift in range(3):
        # The characters of base64 that depend on the secret alone, wherever it begins.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            start, end = (shift * 4 + 2) // 3 + (shift > 0), 4
            found.add(encode(b"\0" * shift + raw)[start:-end])
    return found


def leaks(text: bytes, secrets: dict[str, str]) -> set[str]:
    """The kinds of `secrets` in `text`, also in what is base64 or compressed in it."""
    layers = [text]
    for _ in range(DEPTH):
        layers.append(b"\n".join(map(decoded, ENCODED.findall(layers[-1]))))
    whole = b"\n".join(layers)
    return {kind for secret, kind in secrets.items() if any(f in whole for f in forms(secret))}


def decoded(run: bytes) -> bytes:
    try:
        inner = base64.b64decode(run.translate(bytes.maketrans(b"-_", b"+/")) + b"==")
        return zlib.decompress(inner)
    except binascii.Error:
        return b""
    except zlib.error:
        return inner


class Recorder:
    """Every secret of the requests to platforms and of their responses, with its kind."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def add(self, kind: str, value: object) -> None:
        if isinstance(value, str) and len(value) >= MIN_LENGTH:
            self.secrets[value] = kind

    def read(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            self.add("access_token", credentials)
        if scheme == "Basic":
            self.add("client_secret", base64.b64decode(credentials).decode().partition(":")[2])
        body = request.body if isinstance(request.body, str | bytes) else ""
        body = body if isinstance(body, str) else body.decode(errors="replace")
        for signed in SIGNED_FILE.findall(unquote(body).replace("\\/", "/")):
            self.add("signed address", signed)
        sent = [*parse_qsl(urlsplit(request.url).query), *parse_qsl(body)]
        self.add_members(dict(sent))
        if "json" in response.headers.get("Content-Type", ""):
            self.add_members(response.json())

    def add_query(self, address: str) -> None:
        """All values of a callback, as they are written in it and as they are meant."""
        for pair in urlsplit(address).query.split("&"):
            name, _, value = pair.partition("=")
            self.add(name, value)
            self.add(name, unquote(value))

    def add_members(self, value: object) -> None:
        if isinstance(value, list):
            for each in value:
                self.add_members(each)
        if isinstance(value, dict):
            for name, member in value.items():
                self.add_members(member)
                if SECRET_NAMES.search(name):
                    self.add(name, member)


@pytest.fixture
def recorder(monkeypatch) -> Recorder:
    recorder = Recorder()
    send = requests.adapters.HTTPAdapter.send

    def recording(self, request, **kwargs):
        response = send(self, request, **kwargs)
        recorder.read(request, response)
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", recording)
    return recorder


@pytest.fixture
def log(monkeypatch):
    """All records of all levels, as the service writes them."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure({"level": "DEBUG"})
    yield written
    configure(settings.LOGGING)


def dump() -> bytes:
    """Every cell of every table."""
    with database.cursor() as cursor:
        rows = []
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            rows += [str(bytes(c) if isinstance(c, memoryview) else c) for r in cursor for c in r]
    return "\n".join(rows).encode()


def cached() -> bytes:
    """Every key and value of every cache."""
    return b"\n".join(
        key.encode() + b" " + value
        for cache in caches.all(initialized_only=True)
        for key, value in cache._cache.items()
    )


class Reader:
    """A client that keeps what it was sent, but for the cookies that are its own secret."""

    def __init__(self, client: Client) -> None:
        self.client, self.seen = client, b""
        client.raise_request_exception = False

    def __call__(self, method: str, path: str, body: object = None):
        response = self.client.generic(
            method, path, json.dumps(body) if body else "", content_type="application/json"
        )
        content = b"".join(response.streaming_content) if response.streaming else response.content
        own = {settings.SESSION_COOKIE_NAME, cookie_name()}
        cookies = [str(each) for name, each in response.cookies.items() if name not in own]
        self.seen += content + repr((dict(response.headers), cookies)).encode()
        return response


def quoting(secrets: list[str]) -> dict[str, object]:
    """An error of a platform that quotes what it received, in several encodings."""
    words = " ".join(
        f"{s} {quote(s, safe='')} {base64.b64encode(s.encode()).decode()} Bearer {s} token={s}"
        for s in secrets
    )
    error = {"message": words, "error_user_msg": words, "code": 1, "log_id": "1"}
    return {
        "error": error,
        "message": words,
        "detail": words,
        "title": words,
        "errors": [{"message": words}],
        "error_description": words,
    }


def fail(sandbox, secrets: list[str], code: int, times: int = 1) -> None:
    headers = {"X-Echo": secrets[0]}
    value = {"code": code, "headers": headers, "body": quoting(secrets)}
    sandbox.fault("status", value, times=times)


def own_tokens(connection: SocialConnection) -> list[str]:
    connection.refresh_from_db()
    found = [connection.access_token, connection.refresh_token]
    return [each.reveal() for each in found if each]


def connect(read: Reader, recorder: Recorder, sandbox, platform: str) -> SocialConnection:
    """By a browser: a callback that fails at the platform, a good one and its replay. And without
    a browser, with a code that confirms it.
    """
    start = f"/api/v1/connections/connect/{platform}"
    for is_refused in (True, False):
        started = read.client.get(start)
        callback = f"/api/v1/{consent(started.headers['Location'])}"
        recorder.add_query(callback)
        recorder.add("browser id", read.client.cookies[cookie_name()].value)
        if is_refused:
            fail(sandbox, dict(parse_qsl(urlsplit(callback).query))["code"].split(), 400)
        read("GET", callback)
        read("GET", callback)
        sandbox.call("DELETE", "faults")
    started = read.client.get(f"{start}?redirect=false").json()
    callback = f"/api/v1/{consent(started['authorization_url'])}"
    recorder.add_query(callback)
    code = read.client.get(callback).json()["completion_code"]
    recorder.add("completion code", code)
    confirm = {"attempt_id": started["attempt_id"], "completion_code": code}
    assert read("POST", "/api/v1/connections/confirm", confirm).status_code == 200
    read("POST", "/api/v1/connections/confirm", {**confirm, "completion_code": code[::-1]})
    return SocialConnection.objects.get(platform=platform, user_id="alice")


def use(read: Reader, sandbox, worker, connection: SocialConnection) -> None:
    """Refresh, publish and read, each with errors that quote the tokens."""
    path = f"/api/v1/connections/{connection.pk}"
    for code in (400, 500):
        fail(sandbox, own_tokens(connection), code)
        read("POST", f"{path}/refresh")
        sandbox.call("DELETE", "faults")
    read("POST", f"{path}/refresh")
    for code in (400, 401, 500):
        read("POST", "/api/v1/publishing/publish", plain_post(connection, f"A post {code}"))
        fail(sandbox, own_tokens(connection), code, times=2)
        worker.work_ahead(30)
        sandbox.call("DELETE", "faults")
    read("GET", f"{path}/posting-options")
    read("GET", f"/api/v1/insights/{connection.platform}/best-times?connection_id={connection.pk}")
    for job in PublishJob.objects.filter(connection=connection):
        for each in ("", "/status", "/events", "/metrics"):
            read("GET", f"/api/v1/publishing/jobs/{job.pk}{each}")


def read_console(read: Reader) -> None:
    for model in apps.get_models():
        start = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        if read("GET", start).status_code != 200:
            continue
        for row in model._default_manager.all()[:2]:
            read("GET", f"{start}{row.pk}/change/")
            read("GET", f"{start}{row.pk}/history/")
    read("GET", "/admin/")


def places(read: Reader, console: Reader, log: io.StringIO) -> dict[str, bytes]:
    """What somebody could read who should not, by where it stands. The queue is in the database."""
    return {
        "responses": read.seen,
        "console": console.seen,
        "log": log.getvalue().encode(),
        "database": dump(),
        "cache": cached(),
    }


def add_our_own(recorder: Recorder, api: Api, superuser: Client) -> None:
    recorder.add("caller's token", api.client.defaults["HTTP_AUTHORIZATION"].split()[1])
    recorder.add("session of staff", superuser.cookies[settings.SESSION_COOKIE_NAME].value)
    for name in ("SECRET_KEY", "AES_KEY", "JWT_KEY"):
        recorder.add(name, getattr(settings, name))
    recorder.add("AES_KEY", base64.b64decode(settings.AES_KEY).hex())
    recorder.add("database password", database.settings_dict["PASSWORD"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "platform",
    [
        pytest.param(name, marks=[] if name == "twitter" else pytest.mark.night)
        for name in sorted(PLATFORMS)
    ],
)
def test_no_secret_is_found_after_real_flows(
    api: Api, sandbox, worker, superuser, recorder, log, platform
):
    read, console = Reader(api.client), Reader(superuser)
    add_our_own(recorder, api, superuser)

    connection = connect(read, recorder, sandbox, platform)
    use(read, sandbox, worker, connection)
    for path in ("connections/", "publishing/jobs", "platforms", "nothing", f"{'x' * 300}"):
        read("GET", f"/api/v1/{path}")
    read("GET", "/api/schema")
    # A stored token that does not decrypt: an error page, and a traceback in the log.
    column = SocialConnection._meta.get_field("access_token").column
    with database.cursor() as cursor:
        table = SocialConnection._meta.db_table
        cursor.execute(f"UPDATE {table} SET {column} = 'v1.x.y.z'")
    broken = read("POST", f"/api/v1/connections/{connection.pk}/refresh")
    assert broken.status_code >= 500
    read_console(console)
    read("DELETE", f"/api/v1/connections/{connection.pk}")

    searched, secrets = places(read, console, log), recorder.secrets
    assert {
        "access_token",
        "code",
        "state",
        "browser id",
        "completion code",
        "caller's token",
        "session of staff",
        "AES_KEY",
    } <= set(secrets.values())
    assert min(map(len, searched.values())) > 100
    found = {name: leaks(text, secrets) for name, text in searched.items()}
    assert {name: kinds for name, kinds in found.items() if kinds} == {}


def test_secret_is_found_in_each_place(api, superuser, make_connection, worker, log):
    read, console = Reader(api.client), Reader(superuser)
    places_of = {name: f"{name}/9+Zq~x7=Lw3tR8vB2nM5cX1dF6gH0jK" for name in SEARCHED}
    connection = make_connection("twitter")
    logging.getLogger("any.library").debug("sent %s", quote(places_of["log"], safe=""))
    caches["default"].set("key", {"a": [places_of["cache"]]})
    async_task("no.such.task", {"a": places_of["queue"]})
    text = base64.b64encode(places_of["console"].encode()).decode()
    response = api.publish(connection, f"A post {places_of['responses']} {text}")
    read("GET", f"/api/v1/publishing/jobs/{response.json()['job_id']}")
    JobEvent.objects.update(note=places_of["database"][::-1])
    read_console(console)

    searched = places(read, console, log)

    for name, place in SEARCHED.items():
        assert leaks(searched[place], {places_of[name]: name}) == {name}


@pytest.mark.parametrize(
    "hide",
    [
        lambda s: s,
        lambda s: quote(s, safe=""),
        lambda s: json.dumps({"a": s}),
        lambda s: json.dumps(json.dumps({"a": s})),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex().upper(),
        lambda s: s[::-1],
        lambda s: s[5:],
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.b64encode(b"a" + s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(b"ab" + s.encode() + b"c").decode(),
        lambda s: base64.b64encode(base64.b64encode(s.encode() + b"!")).decode(),
        lambda s: base64.b64encode(zlib.compress(b"text " + s.encode())).decode(),
        lambda s: base64.b64encode(b"\x80\x04\x95}" + s.encode() + b"\x94.").decode(),
    ],
)
def test_search_finds_a_planted_secret(hide):
    secret = 'k/9+Zq"x7=Lw3~tR8vB2nM5cX1dF6gH0jK4pS'
    assert leaks(f"before {hide(secret)} after".encode(), {secret: "planted"}) == {"planted"}
    assert leaks(b"before and after", {secret: "planted"}) == set()
