import io
import json
import logging
import sys
import uuid
from pathlib import Path

import pytest
import structlog
from django.conf import settings
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client
from django.urls import path
from structlog.contextvars import get_contextvars

from config.logs import configure, redacted

NAUGHTY = [
    json.loads(line)
    for line in (Path(__file__).parent / "corpora/naughty_strings.jsonl").read_text().splitlines()
]
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VyX2lkIjoiNDIifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


def good(request):
    structlog.contextvars.bind_contextvars(user_id="42")  # as config.auth does
    logging.getLogger("connections.views").warning("inside %s", "a view")
    return HttpResponse("ok")


def bad(request):
    raise ValueError("no\nluck")


def away(request):
    return HttpResponse(status=503)


urlpatterns = [
    path("good", good),
    path("bad", bad),
    path("away", away),
    path("healthz", good),
]


@pytest.fixture
def log(monkeypatch):
    """Returns the records since the last call. Fails for a line that is not a JSON object."""
    structlog.contextvars.clear_contextvars()  # of the last request of an earlier test
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)  # pytest's own changes between set-up and test
        configure({"level": "INFO"})

    def records():
        lines = written.getvalue().split("\n")
        written.seek(0)
        written.truncate()
        assert lines.pop() == ""
        assert not [char for line in lines for char in line if not " " <= char <= "~"]
        return [json.loads(line) for line in lines]

    yield records
    configure(settings.LOGGING)


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


pytestmark = pytest.mark.urls(__name__)


def test_logging_and_structlog_write_the_same_line(log):
    logging.getLogger("publishing.engine").error("slot %d stopped", 2, extra={"slot": 2})
    structlog.get_logger("publishing.engine").error("slot %d stopped", 2, slot=2)

    first, second = log()
    assert first.pop("timestamp") <= second.pop("timestamp")
    assert first == second
    assert first == {
        "level": "error",
        "logger": "publishing.engine",
        "event": "slot 2 stopped",
        "slot": 2,
    }


def test_time_is_utc_with_milliseconds(log):
    logging.getLogger("x").warning("now")

    [record] = log()
    assert record["timestamp"][-5] == "."
    assert record["timestamp"].endswith("Z")


@pytest.mark.parametrize("case", NAUGHTY, ids=lambda case: case["id"])
def test_naughty_text_stays_on_one_line(log, case):
    text = case["s"]
    logging.getLogger("x").warning("received %s", text, extra={"received": text})
    structlog.get_logger("x").warning("received", received=text)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("x").exception("raised")

    first, second, third = log()
    assert first["event"] == f"received {text}"
    assert first["received"] == second["received"] == text
    assert text in third["exception"]


def test_lone_surrogate_is_logged_as_an_escape(log):
    logging.getLogger("x").warning("half \ud800")

    assert log()[0]["event"] == "half \ud800"


def test_objects_are_logged_by_their_repr(log):
    number = uuid.uuid4()
    logging.getLogger("x").warning("made", extra={"pk": number, "lost": ValueError(f"token={JWT}")})

    [record] = log()
    assert record["pk"] == repr(number)
    assert record["lost"] == "ValueError('token=***')"


def test_lines_of_the_http_client_and_of_queries_are_dropped(log):
    for name in ("urllib3.connectionpool", "requests", "django.server", "django.db.backends"):
        logging.getLogger(name).info("GET /oauth?code=abc")

    assert log() == []


def test_values_that_a_template_was_given_are_never_logged(log):
    logging.getLogger().setLevel("DEBUG")  # `configure` sets it back
    Template("{{ missing.name }}").render(Context({"given": "canary"}))

    assert log() == []


def test_queue_and_server_lines_use_our_format(log):
    logging.getLogger("django-q").info("Processed 'mango-finch'")
    logging.getLogger("django-q").error("task failed")
    logging.getLogger("uvicorn.error").error("worker died")

    assert [record["logger"] for record in log()] == ["django-q", "uvicorn.error"]


def test_request_writes_one_access_line_without_its_query(log, client):
    client.post("/good?code=abc&state=def")

    inside, access = log()
    assert inside["event"] == "inside a view"
    assert inside["request_id"] == access["request_id"]
    assert isinstance(access.pop("duration_ms"), float)
    assert access | {"timestamp": 0, "request_id": 0} == {
        "timestamp": 0,
        "level": "info",
        "logger": "config.logs",
        "event": "request",
        "method": "POST",
        "path": "/good",
        "status": 200,
        "user_id": "42",
        "request_id": 0,
    }


def test_line_break_in_a_path_is_escaped(log, client):
    client.get("/nowhere%0AFORGED?code=abc")

    [access] = log()
    assert (access["path"], access["status"]) == ("/nowhere\nFORGED", 404)


def test_response_of_5xx_is_one_line_too(log, client):
    client.get("/away")

    assert [record["status"] for record in log()] == [503]


def test_unhandled_exception_is_logged_once_with_its_traceback(log, client):
    response = client.get("/bad?q=canary")

    failure, access = log()
    assert failure["exception"].endswith("ValueError: no\nluck")
    assert "canary" not in json.dumps([failure, access])
    assert (failure["level"], access["status"]) == ("error", 500)
    assert failure["request_id"] == access["request_id"] == response["X-Request-ID"]


def test_probes_write_no_access_line(log, client):
    client.get("/healthz")

    assert [record["event"] for record in log()] == ["inside a view"]


@pytest.mark.parametrize("given", ["abcd1234", "trace-1.2_3", "A" * 128])
def test_well_formed_request_id_is_kept(log, client, given):
    response = client.get("/good", headers={"X-Request-ID": given})

    assert response["X-Request-ID"] == given
    assert {record["request_id"] for record in log()} == {given}


@pytest.mark.parametrize(
    "given",
    ["", "short", "A" * 129, "has space", "abcdefgh\n", "abc\r\nSet-Cookie: a=b", "größer-als"],
)
@pytest.mark.parametrize("path", ["/good", "/bad", "/nowhere"])
def test_other_request_ids_are_replaced(log, client, given, path):
    response = client.get(path, headers={"X-Request-ID": given})

    assert uuid.UUID(response["X-Request-ID"])
    assert {record["request_id"] for record in log()} == {response["X-Request-ID"]}


def test_nothing_stays_bound_after_a_request(client):
    structlog.contextvars.bind_contextvars(left="over")
    client.get("/bad")

    assert get_contextvars() == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-1~+/=", "Authorization: Bearer ***"),
        ("authorization: bearer  x", "authorization: bearer  ***"),
        (f"token was {JWT}.", "token was ***"),
        ("url: /cb?code=4/0Ab_c&state=x%20y&scope=a", "url: /cb?code=***&state=***&scope=a"),
        (
            "?next=%2Fcb%3Fcode%3Da%252F%26state%3Dx%26a%3D1",
            "?next=%2Fcb%3Fcode%3D***%26state%3D***%26a%3D1",
        ),
        ("?input_token=a&access_token=b&x=1", "?input_token=***&access_token=***&x=1"),
        ("client_secret=s3cr3t code_verifier=v", "client_secret=*** code_verifier=***"),
        ("https://cdn/x?X-Amz-Signature=0a1b", "https://cdn/x?X-Amz-Signature=***"),
        ("line\ncode=abc", "line\ncode=***"),
        (
            '{"access_token": "abc", "expires_in": 3600}',
            '{"access_token": "***", "expires_in": 3600}',
        ),
        ("{'refresh_token': 'abc'}", "{'refresh_token': '***'}"),
        ("status_code=200 zip_code=1 estate=x", "status_code=200 zip_code=1 estate=x"),
        ("barcode, encode state machine; code: 190", "barcode, encode state machine; code: 190"),
    ],
)
def test_secrets_are_redacted(text, shown):
    assert redacted(text) == shown
    assert redacted({"a": [text]}) == {"a": [shown]}


def test_redaction_reaches_every_value_of_a_line(log):
    try:
        raise OSError(f"Max retries exceeded with url: /token?access_token={JWT}")
    except OSError:
        logging.getLogger("x").exception("sent %s", f"Bearer {JWT}", extra={"seen": [{"t": JWT}]})

    [record] = log()
    assert record["event"] == "sent Bearer ***"
    assert record["seen"] == [{"t": "***"}]
    assert "eyJ" not in json.dumps(record)


@pytest.mark.parametrize(
    "unit", ["eyJ", "eyJ.", "Bearer ", "token", "code=", "token'", " ", "a", '":']
)
def test_redaction_takes_linear_time(unit):
    redacted(unit * (400_000 // len(unit)))  # in quadratic time this would be minutes
