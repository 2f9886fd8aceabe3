"""Fixtures that several apps share. The sandbox replaces the platforms, over real HTTP."""

from __future__ import annotations

import datetime as dt
import gc
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connection
from django.db.models import Min
from django.test import Client, TransactionTestCase, override_settings
from django.utils import timezone
from hypothesis import settings as hypothesis_settings

from config.auth.dev_tokens import sign_dev_token
from connections.connecting import store_credentials
from connections.credentials import identify
from connections.models import SocialConnection
from publishing.models import FollowUp, PublishJob
from publishing.worker.process import Worker
from socialpublishing.crypto import Secret
from socialpublishing.oauth import Tokens
from socialpublishing.platforms import PLATFORMS, platform_named
from socialpublishing.posts import MediaKind
from socialpublishing.sandbox.server import SandboxServer

# Generated input: the same few examples in each `./run test`, many others in `./run night fuzz`.
hypothesis_settings.register_profile("test", max_examples=20, derandomize=True, deadline=None)
hypothesis_settings.register_profile("night", max_examples=1000, deadline=None)
hypothesis_settings.load_profile("test")

# How tests use the database: `./run test` runs those of "both" on SQLite and on PostgreSQL. Those
# that start processes or take long run on SQLite at night only.
DATABASE_USES = ("both", "any", "none")
# What a platform's client sends and reads is the same on any database.
PLATFORM_TESTS = Path(__file__).parent / "publishing" / "tests" / "platforms"
# Fixtures of tests whose result may depend on the database.
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "live_server",
    "database_url",
    "empty_database_url",
    "laboratory",
    "own_postgres",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=DATABASE_USES,
        help="only the tests whose result depends on the database, those that use any one, or none",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files that cannot have a wanted test: importing all of them takes long."""
    wanted = config.getoption("--database")
    if wanted is None or collection_path.suffix != ".py":
        return None
    is_of_platform = PLATFORM_TESTS in collection_path.parents
    may_have = {
        "both": lambda text: not is_of_platform,
        "any": lambda text: is_of_platform or "any_database" in text,
        "none": lambda text: "\npytestmark = pytest.mark.django_db" not in text,
    }
    return None if may_have[wanted](collection_path.read_text()) else True


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not waits_for_processes(item))
    wanted = config.getoption("--database")
    if wanted is None:
        return
    left_out = [item for item in items if database_use(item) != wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if database_use(item) == wanted]
    if wanted == "both" and connection.vendor == "sqlite":
        for item in items:
            if has_processes(item) or item.get_closest_marker("sqlite_at_night"):
                item.add_marker("night")


def waits_for_processes(item: pytest.Item) -> bool:
    """Such a test runs early: at the end nobody else would use the processor meanwhile.

    The order of tests that use this process's database stays: pytest-django's.
    """
    if has_processes(item):
        return True
    return database_use(item) == "none" and hasattr(getattr(item, "module", None), "subprocess")


def has_processes(item: pytest.Item) -> bool:
    """The test starts processes of the service, on a database of their own."""
    return "database_url" in getattr(item, "fixturenames", ())


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the garbage collector need not look at it again."""
    gc.freeze()


def database_use(item: pytest.Item) -> str:
    """One of DATABASE_USES."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("django_db") is None and fixtures.isdisjoint(DATABASE_FIXTURES):
        return "none"
    is_any = item.get_closest_marker("any_database") or PLATFORM_TESTS in item.path.parents
    return "any" if is_any else "both"


class Sandbox:
    """The control API of the sandbox."""

    # One for all: to make a session costs as much as a call.
    session = requests.Session()
    session.trust_env = False

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, /, **body: Any) -> Any:
        response = self.session.request(
            method, f"{self.url}/control/{path}", json=body or None, timeout=10
        )
        assert response.ok, response.text
        return response.json() if response.content else None

    def account(self, platform: str = "twitter", **facts: Any) -> dict[str, Any]:
        facts = {"username": f"u{uuid.uuid4().hex[:12]}", **facts}
        made: dict[str, Any] = self.call("POST", "accounts", platform=platform, **facts)
        return made

    def fault(self, action: str, value: Any = None, *, path: str = "", **facts: Any) -> None:
        data = {"action": action, "path": path, **facts}
        self.call("POST", "faults", **data, **({} if value is None else {"value": value}))

    def posts(self, platform: str = "") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.call(
            "GET", f"posts?platform={platform}" if platform else "posts"
        )
        return listed

    def calls(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        return [
            call
            for call in self.call("GET", "calls")
            if path in call["path"] and method in call["method"]
        ]

    def picture(self, name: str = "harbour.jpg") -> dict[str, str]:
        return {
            "url": f"{self.url}/samples/{name}",
            "asset_type": "image",
            "mime_type": "image/jpeg",
            "alt_text": "A harbour in the morning",
        }

    def clip(self, name: str = "clip.mp4") -> dict[str, str]:
        return {
            "url": f"{self.url}/samples/{name}",
            "asset_type": "video",
            "mime_type": "video/mp4",
        }


class Api:
    """A client of our API, with the token of a user."""

    def __init__(self, user: str) -> None:
        token = sign_dev_token(user, lifetime=dt.timedelta(hours=1))
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        kwargs.setdefault("content_type", "application/json")
        return self.client.post(f"/api/v1/{path}", body, **kwargs)

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(f"/api/v1/{path}", body, content_type="application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(f"/api/v1/{path}", body, content_type="application/json")

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")

    def publish(self, connection: SocialConnection, text: str = "Hello", **more: Any) -> Any:
        return self.post("publishing/publish", plain_post(connection, text, **more))


def plain_post(connection: SocialConnection, text: str, **more: Any) -> dict[str, Any]:
    """The simplest valid post with this text; `more` replaces its fields."""
    platform = connection.platform_type
    kind = platform.capabilities.post_types[0]
    examples = platform.options.examples
    if kind.required_options and "platform_specific_options" not in more:
        more["platform_specific_options"] = {
            option: examples[option] for option in kind.required_options
        }
    if kind.min_media and "assets" not in more:
        sandbox = Sandbox(settings.SANDBOX_URL)
        is_picture = next(iter(kind.media)) == MediaKind.IMAGE
        more["assets"] = [sandbox.picture() if is_picture else sandbox.clip()] * kind.min_media
        if not kind.max_alt_text:
            more["assets"] = [{**asset, "alt_text": None} for asset in more["assets"]]
    return {"connection_id": str(connection.pk), "text_content": text, **more}


# What workers claim from.
QUEUES = (PublishJob.objects, FollowUp.objects)


class SteppedWorker(Worker):
    """A worker that runs step by step, at times that the test chooses."""

    def work(self, *, after: float = 0, until: Callable[[], bool] | None = None) -> None:
        """Run until no job is due `after` seconds from now, or until `until` is true."""
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            now = timezone.now() + dt.timedelta(seconds=after)
            self.finish(now)
            if (
                until()
                if until
                else not any(rows.filter(next_attempt_at__lte=now).exists() for rows in QUEUES)
            ):
                return
        raise AssertionError("jobs are still due after 60 s")

    def work_ahead(self, seconds: float = 600, *, sandbox: Sandbox | None = None) -> None:
        """Advance the time from one due job to the next, by at most `seconds`.

        The clock of `sandbox` is advanced too.
        """
        start = last = timezone.now()
        while due := [
            at for rows in QUEUES if (at := rows.aggregate(at=Min("next_attempt_at"))["at"])
        ]:
            at = max(min(due), timezone.now(), last)
            if at > start + dt.timedelta(seconds=seconds):
                return
            if sandbox is not None:
                sandbox.call("POST", "clock", advance_seconds=(at - last).total_seconds())
            last = at
            self.finish(at)


def consent(authorization_url: str, response: str = "allow") -> str:
    """Submit a platform's consent page; return the path and query of the callback."""
    callback = requests.post(
        authorization_url, data={response: "1"}, allow_redirects=False, timeout=5
    ).headers["Location"]
    parts = urlsplit(callback)
    return f"{parts.path.removeprefix('/api/v1/')}?{parts.query}"


@pytest.fixture(scope="session", autouse=True)
def _no_list_of_static_files() -> Iterator[None]:
    """WhiteNoise searches static files on request; it lists none for each new test client."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session", autouse=True)
def _audit_is_flushed() -> Iterator[None]:
    """Tests that commit delete all rows afterwards, which the audit's triggers refuse."""
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    migration = import_module("socialpublishing.migrations.0003_audit_record")

    def flush_unprotected(self: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            for statement in migration.UNPROTECT[connection.vendor]:
                cursor.execute(statement)
        flush(self)
        with connection.cursor() as cursor:
            for statement in migration.PROTECT[connection.vendor]:
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_unprotected)
        yield


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def service_url() -> Iterator[str]:
    """The service over HTTP, for what needs no database: platforms pull files from /media/…"""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(WSGIHandler())
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class QuietHandler(WSGIRequestHandler):
    def handle(self) -> None:
        """One request per connection: a response that is cut off has to end."""
        self.handle_one_request()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, service_url: str, settings: Any) -> Sandbox:
    settings.SANDBOX_URL = sandbox_server.url
    settings.SERVICE_BASE_URL = service_url
    settings.MEDIA_ALLOWED_ORIGINS = [sandbox_server.url]
    settings.ENABLE_TIKTOK_PUBLISHING = "on"
    sandbox = Sandbox(sandbox_server.url)
    sandbox.call("DELETE", "state")
    return sandbox


@pytest.fixture
def make_api(db: None) -> Callable[..., Api]:
    return lambda user="alice": Api(user)


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()


def connect_account(account: dict[str, Any], platform: str, user: str) -> SocialConnection:
    """As after a consent, with the tokens of an account of the sandbox."""
    tokens = Tokens(
        access_token=Secret(account["access_token"]),
        refresh_token=Secret(account["refresh_token"]) if account["refresh_token"] else None,
        lifetime=dt.timedelta(seconds=account["expires_in"]),
        scopes=tuple(account["scopes"]),
    )
    credentials = identify(platform_named(platform), tokens, timezone.now())
    return store_credentials(user_id=user, platform=platform, credentials=credentials)


@pytest.fixture
def make_connection(db: None, sandbox: Sandbox) -> Callable[..., SocialConnection]:
    def make(platform: str = "twitter", user: str = "alice", **facts: Any) -> SocialConnection:
        return connect_account(sandbox.account(platform, **facts), platform, user)

    return make


@pytest.fixture
def worker(db: None) -> SteppedWorker:
    return SteppedWorker("test-worker", threads=8)


@pytest.fixture(params=sorted(PLATFORMS))
def platform(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def make_staff(db: None) -> Callable[..., Client]:
    """A client of the ops console whose user has these permissions."""

    def make(*permissions: str, **facts: Any) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True, **facts)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def superuser(make_staff: Callable[..., Client]) -> Client:
    return make_staff(is_superuser=True)


def statuses() -> dict[str, int]:
    """The number of jobs of each status."""
    counts: dict[str, int] = {}
    for status in PublishJob.objects.values_list("status", flat=True):
        counts[status] = counts.get(status, 0) + 1
    return counts
