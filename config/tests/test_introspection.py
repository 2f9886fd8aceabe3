"""Opaque tokens of callers, with an authentication service on a socket of this machine."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import structlog
import time_machine
from django.core.checks import run_checks
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config.auth.authentication import BearerAuthentication, BearerScheme
from config.auth.dev_tokens import sign_dev_token
from config.auth.tokens import can_verify

TOKEN = "opaque~Token.with-all_kinds+of/characters=="
MISSHAPEN = [
    b"",
    b"<html>",
    b"[]",
    b"null",
    b"{}",
    b'{"active": 1}',
    b'{"active": "true"}',
    b'{"active": null, "user_id": "alice"}',
    b'{"active": true, "active": false}',
    b'{"active": true, "user_id": "alice", "x": "' + b"x" * 70_000 + b'"}',
    b"[" * 50_000,
    b"\xff",
]


class WhoAmI(APIView):
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})


def ask(token: str = TOKEN) -> Any:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}")
    return WhoAmI.as_view()(request).render()


class AuthenticationService(ThreadingHTTPServer):
    """Its response is what the test sets; it keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body: bytes | dict[str, Any] = {"active": True, "user_id": "alice"}
        self.status, self.delay_s, self.location = 200, 0.0, ""
        self.asked: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/introspect"


class Handler(BaseHTTPRequestHandler):
    server: AuthenticationService

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append({"form": parse_qs(form), "headers": dict(self.headers)})
        time.sleep(self.server.delay_s)
        body = self.server.body
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Not in the output of the tests."""


@pytest.fixture
def service(settings) -> Iterator[AuthenticationService]:
    with AuthenticationService() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.AUTH_INTROSPECTION_URL = server.url
        settings.AUTH_INTROSPECTION_CLIENT_ID = "us & them"
        settings.AUTH_INTROSPECTION_CLIENT_SECRET = "s:c"
        settings.JWT_KEY = settings.JWT_JWKS_URL = ""
        yield server
        server.shutdown()
        thread.join()


def assert_unavailable(response: Any) -> None:
    assert (response.status_code, response.data["code"]) == (503, "auth_unavailable")
    assert response["Retry-After"]


# --- Who the caller is ---------------------------------------------------------------------------


def test_active_token_is_its_user(service):
    response = ask()

    assert (response.status_code, response.data) == (200, {"user": "alice"})
    [asked] = service.asked
    assert asked["form"] == {"token": [TOKEN], "token_type_hint": ["access_token"]}
    pair = base64.b64decode(asked["headers"]["Authorization"].removeprefix("Basic "))
    assert pair == b"us+%26+them:s%3Ac"
    assert can_verify()


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"active": False}, 401),
        ({"active": False, "user_id": "alice"}, 401),
        ({"active": True}, 401),
        ({"active": True, "sub": "bob"}, "bob"),
        ({"active": True, "user_id": 42}, "42"),
        ({"active": True, "user_id": True}, 401),
        ({"active": True, "user_id": ""}, 401),
        ({"active": True, "user_id": "a b"}, 401),
        ({"active": True, "user_id": "a\n"}, 401),
        ({"active": True, "user_id": None, "sub": "bob"}, 401),
        ({"active": True, "user_id": "alice", "exp": 1}, 401),
        ({"active": True, "user_id": "alice", "exp": "9999999999"}, 401),
        ({"active": True, "user_id": "alice", "exp": True}, 401),
        ({"active": True, "user_id": "alice", "exp": 9999999999}, "alice"),
        ({"active": True, "user_id": "alice", "nbf": 9999999999}, 401),
        ({"active": True, "user_id": "alice", "token_type": "Bearer"}, "alice"),
        ({"active": True, "user_id": "alice", "token_type": "DPoP"}, 401),
        ({"active": True, "user_id": "alice", "token_type": ["Bearer"]}, 401),
        ({"active": True, "user_id": "alice", "aud": [5]}, 401),
    ],
)
def test_claims_get_the_checks_of_a_jwt(service, claims, expected):
    service.body = claims

    response = ask()

    assert (response.data["user"] if response.status_code == 200 else 401) == expected


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"iss": "https://issuer.example", "aud": "us"}, 200),
        ({"iss": "https://issuer.example", "aud": ["others", "us"]}, 200),
        ({"iss": "https://issuer.example", "aud": "others"}, 401),
        ({"iss": "https://issuer.example"}, 401),
        ({"iss": "https://other.example", "aud": "us"}, 401),
        ({"aud": "us"}, 401),
    ],
)
def test_issuer_and_audience_are_demanded_where_they_are_set(service, settings, claims, status):
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = "https://issuer.example", "us"
    service.body = {"active": True, "user_id": "alice", **claims}

    assert ask().status_code == status


@pytest.mark.parametrize("token", ["a b", "tök", "a,b", "a;b", "=", "a=b", '"', "x" * 9000])
def test_what_cannot_be_a_token_is_never_sent(service, token):
    assert ask(token).status_code == 401
    assert service.asked == []


# --- Beside keys ---------------------------------------------------------------------------------


def test_jwt_is_verified_here_and_everything_else_asked_for(service, settings):
    settings.JWT_KEY, settings.JWT_ALGORITHMS = "k" * 48, ["HS256"]
    made = sign_dev_token("carol", lifetime=dt.timedelta(hours=1))

    assert ask(made).data == {"user": "carol"}
    assert ask(made[:-2]).status_code == 401
    assert service.asked == []
    assert ask("with.two.dots").data == {"user": "alice"}
    assert ask().data == {"user": "alice"}
    assert len(service.asked) == 2


def test_without_keys_every_token_is_asked_for(service):
    assert ask("eyJhbGciOiJub25lIn0.e30.x").data == {"user": "alice"}
    assert len(service.asked) == 1


# --- How long a verdict is kept ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "kept_s"),
    [
        ({"active": True, "user_id": "alice"}, 60),
        ({"active": True, "user_id": "alice", "exp": 10}, 10),
        ({"active": True, "user_id": "alice", "exp": 1000}, 60),
        ({"active": False}, 5),
    ],
)
def test_verdict_is_kept_for_a_moment(service, claims, kept_s):
    if "exp" in claims:
        claims = {**claims, "exp": int(time.time()) + claims["exp"]}
    service.body = claims
    with time_machine.travel(int(time.time()), tick=False) as clock:
        first = ask().status_code
        clock.shift(kept_s - 1)
        assert ask().status_code == first
        assert len(service.asked) == 1
        clock.shift(2)
        service.body = {"active": first != 200, "user_id": "alice"}
        assert ask().status_code != first
        assert len(service.asked) == 2
        ask("another")
        assert len(service.asked) == 3


# --- No usable response --------------------------------------------------------------------------


@pytest.mark.parametrize("body", MISSHAPEN, ids=lambda body: ascii(body[:30]))
def test_misshapen_response_lets_nobody_in(service, body):
    service.body = body

    assert_unavailable(ask())

    service.body = {"active": True, "user_id": "alice"}
    assert ask().status_code == 200


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 403, 404, 429, 500, 503])
def test_other_status_lets_nobody_in(service, status):
    service.status, service.location = status, service.url if status == 302 else ""

    assert_unavailable(ask())

    assert len(service.asked) == 1


def test_service_that_cannot_be_reached_lets_nobody_in(service, settings):
    settings.AUTH_INTROSPECTION_URL = "http://127.0.0.1:9/introspect"

    assert_unavailable(ask())


def test_slow_service_ends_at_the_timeout(service):
    service.delay_s = 6

    assert_unavailable(ask())


@pytest.mark.parametrize("url", ["http://auth.example/", "ftp://x/", "//", "https://["])
def test_address_that_is_not_https_is_never_asked(service, settings, url):
    settings.AUTH_INTROSPECTION_URL = url

    assert_unavailable(ask())

    assert "socialpublishing.E032" in {each.id for each in run_checks()}


def test_no_log_has_the_token(service):
    with structlog.testing.capture_logs() as logged:
        ask()
        service.body = {"active": False}
        ask("another-secret-token")
        service.body = b"another-secret-token"
        ask("third-secret-token")

    assert {each.get("reason") for each in logged} >= {"inactive"}
    assert "secret-token" not in str(logged)
    assert TOKEN not in str(logged)


# --- Settings ------------------------------------------------------------------------------------


def test_half_of_the_credentials_is_refused(service, settings):
    settings.AUTH_INTROSPECTION_CLIENT_SECRET = ""

    assert "socialpublishing.E033" in {each.id for each in run_checks()}


def test_openapi_does_not_promise_a_jwt(service):
    definition = BearerScheme(BearerAuthentication).get_security_definition(None)

    assert "bearerFormat" not in definition
