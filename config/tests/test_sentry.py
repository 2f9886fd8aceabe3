"""Error reports: what a Sentry server gets, and the start without the package."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.run.service import manage
from config.sentry import check_sentry

SECRET, USER = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2VjcmV0", "alice-the-user"
FAIL = f"""
import logging, structlog
structlog.contextvars.bind_contextvars(request_id="request-1", user_id={USER!r})
def fail(access_token):
    raise ValueError("token=" + access_token)
logging.getLogger("publishing").warning("not reported")
try:
    fail({SECRET!r})
except ValueError:
    logging.getLogger("publishing").exception("a step of %s failed", "Bearer {SECRET}", extra={{
        "job_id": "job-1", "user_id": {USER!r}}})
"""


@pytest.fixture
def server():
    """A Sentry server; `reports` are the events that it got."""
    reports: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            reports.append(gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.reports = reports
    threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
    yield http
    http.shutdown()
    http.server_close()


def test_error_lines_are_reported_without_secrets_and_users(server):
    dsn = f"http://key@127.0.0.1:{server.server_address[1]}/1"
    subprocess.run(
        manage("shell", "-c", FAIL), env={**os.environ, "SENTRY_DSN": dsn}, check=True,
        capture_output=True,
    )  # fmt: skip

    [report] = server.reports
    event = json.loads(report.split(b"\n")[2])
    assert event["extra"]["job_id"] == "job-1"
    assert event["extra"]["request_id"] == "request-1"
    [error] = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "token=***")
    assert not [frame for frame in error["stacktrace"]["frames"] if "vars" in frame]
    assert SECRET.encode() not in report.replace(FAIL.encode(), b"")
    assert USER.encode() not in report


def test_without_the_package_the_start_is_refused(settings, monkeypatch):
    settings.SENTRY_DSN = "http://key@sentry.example/1"
    assert check_sentry() == []
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    monkeypatch.setattr(sys, "path", [])

    [error] = check_sentry()
    assert error.id == "socialpublishing.E064"
