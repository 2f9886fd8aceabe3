"""The process that serves what the worker's processes measure, at WORKER_METRICS_BIND."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6

from django.conf import settings

from socialpublishing.forked import ForkedChild
from socialpublishing.prometheus import may_read, own_series

logger = logging.getLogger(__name__)

TIMEOUT_S = 10
# Before it is started again, such as when the port is taken.
RETRY_S = 30


def address_of(bind: str) -> tuple[str, int] | None:
    """The host and port of HOST:PORT; None if it is neither."""
    host, _, port = bind.rpartition(":")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    return (host.strip("[]"), int(port)) if host and is_port else None


class MetricsProcess:
    """Started, watched and stopped by the supervisor. `die_with_parent` is called in the child."""

    def __init__(self, *, die_with_parent: Callable[[], object]) -> None:
        self._address = address_of(settings.WORKER_METRICS_BIND)
        self._child = ForkedChild(self._serve, die_with_parent=die_with_parent)
        self._started_at = float("-inf")
        self.kill = self._child.kill

    def check(self) -> None:
        """Start it, unless it runs, is not wanted, or has ended a moment ago."""
        if self._address is None or self._child.is_alive():
            return
        if time.monotonic() - self._started_at < RETRY_S:
            return
        self._started_at = time.monotonic()
        self._child.start()

    def _serve(self) -> None:
        assert self._address is not None
        try:
            Server(self._address, Handler).serve_forever()
        except OSError:
            logger.exception("WORKER_METRICS_BIND cannot be used")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        super().__init__(address, handler)


class Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._respond(HTTPStatus.NOT_FOUND, b"There is /metrics, and nothing else.\n")
        elif not may_read(self.headers.get("Authorization", ""), settings.METRICS_TOKEN):
            self._respond(HTTPStatus.UNAUTHORIZED, b"METRICS_TOKEN is needed.\n")
        else:
            self._respond(HTTPStatus.OK, own_series())

    def _respond(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a probe every few seconds."""
