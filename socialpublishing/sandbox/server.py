"""The sandbox's own web server: one process, many threads, nothing that outlives it.

It runs beside the service, by `manage.py sandbox`, or inside a test. It needs nothing of the
service's URLs, middleware or database.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import Any, Self, cast

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_resolver

from socialpublishing.sandbox.blobs import PIECE_BYTES
from socialpublishing.sandbox.faults import Action, Fault
from socialpublishing.sandbox.http import (
    MAX_BODY_BYTES,
    BadBody,
    EarlyResponse,
    SandboxRequest,
    json_response,
)
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.register import PLATFORMS, seed
from socialpublishing.sandbox.state import COMMON_SETTINGS, State, as_time

logger = logging.getLogger(__name__)


class SandboxServer:
    """`with SandboxServer() as sandbox:` serves on a free port until the block ends."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        settings = dict(COMMON_SETTINGS)
        for platform in PLATFORMS.values():
            settings |= platform.settings
        self.state = State(seed, settings)
        self._http = _Server((host, port), _Connection)
        self._http.set_app(Application(self.state))
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Also ends the connections that clients keep open, as a platform that went down would."""
        if self._thread:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.hang_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Dropped(ConnectionAbortedError):  # noqa: N818  (what happened to the line)
    """The line is to be closed without an answer. wsgiref ends quietly on errors of this kind."""


class Application(WSGIHandler):
    """Answers a request: by a fault if one is planned for it, else by the view of its path."""

    request_class = SandboxRequest

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """None: what the service's middleware does is no business of the platforms."""

    def get_response(self, request: HttpRequest) -> HttpResponse:
        asked = cast(SandboxRequest, request)
        response = self._counted(asked)
        # Without a length the line would have to be closed to mark the end of the answer.
        if "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
        # What the view left unread would be taken for the next request, or into memory at once.
        while asked.environ["wsgi.input"].read(PIECE_BYTES):
            pass
        return response

    def _counted(self, request: SandboxRequest) -> HttpResponse:
        """The answer; calls to a platform are written down with what became of them."""
        request.state = self.state
        name, _, path = request.path_info.removeprefix("/").partition("/")
        platform = PLATFORMS.get(name)
        if platform is None:
            return self._view(request)
        call: dict[str, Any] = {
            "platform": name,
            "method": request.method,
            "path": f"/{path}",
            "status": None,  # until it is answered; for ever, if the line is dropped
            "at": as_time(self.state.now()).isoformat(),
        }
        self.state.calls.append(call)
        try:
            response = self._response(request, platform, f"/{path}")
        except Dropped:
            request.environ["sandbox.hang_up"]()
            raise
        call["status"] = response.status_code
        return response

    def _response(self, request: SandboxRequest, platform: Platform, path: str) -> HttpResponse:
        fault = self.state.faults.take(platform.name, str(request.method), path)
        try:
            fault = fault or self.state.faults.spoken(platform.text_of(request))
        except (BadBody, SuspiciousOperation):
            fault = None  # what cannot be read has no text; the view will say so
        response = self._misbehave(request, platform, fault)
        platform.add_headers(request, response)
        return response

    def _misbehave(
        self, request: SandboxRequest, platform: Platform, fault: Fault | None
    ) -> HttpResponse:
        match fault:
            case None:
                return self._view(request, platform)
            case Fault(action=Action.STATUS, value=value):
                return _status(platform, **value)
            case Fault(action=Action.REJECT):
                return platform.rejection()
            case Fault(action=Action.DROP_BEFORE):
                raise Dropped
            case Fault(action=Action.DELAY, value=seconds):
                time.sleep(seconds)
        response = self._view(request, platform)
        match fault:
            case Fault(action=Action.DROP_AFTER):
                raise Dropped
            case Fault(action=Action.DELAY_AFTER, value=seconds):
                time.sleep(seconds)
            case Fault(action=Action.MALFORMED) if not response.streaming:
                response.content = response.content[: len(response.content) // 2] or b"{"
        return response

    def _view(self, request: SandboxRequest, platform: Platform | None = None) -> HttpResponse:
        try:
            match = get_resolver("socialpublishing.sandbox.urls").resolve(request.path_info)
            return cast(HttpResponse, match.func(request, *match.args, **match.kwargs))
        except EarlyResponse as answered:
            return answered.response
        except Http404:
            status, detail = 404, "There is nothing at this address."
        except (BadBody, SuspiciousOperation) as error:
            status, detail = 400, str(error)
        except Exception:  # a bug of ours: the caller gets an answer, and we the traceback
            logger.exception("%s %s failed", request.method, request.path)
            status, detail = 500, "The sandbox has a bug: see its log."
        if platform:
            return platform.refusal(status)
        return json_response({"code": "sandbox_error", "detail": detail}, status)


def _status(
    platform: Platform, code: int, headers: dict[str, str] | None = None, body: Any = None
) -> HttpResponse:
    """`body`: text as it is, anything else as JSON; None for the platform's own words."""
    if body is None:
        response = platform.refusal(code)
    elif isinstance(body, str):
        response = HttpResponse(body, status=code)
    else:
        response = json_response(body, code)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


class _Connection(WSGIRequestHandler):
    """One client's line, kept open between requests."""

    wbufsize = 64 * 1024  # headers and body leave in one packet, or Nagle's 40 ms come between them
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept in the state (GET /control/calls), not printed."""

    def get_environ(self) -> dict[str, Any]:
        # Past Django's own, which drops headers with underscores: Meta's upload host has some.
        environ = super(WSGIRequestHandler, self).get_environ()
        return {**environ, "sandbox.hang_up": self.hang_up}

    def hang_up(self) -> None:
        self.close_connection = True

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
        elif not (length.isascii() and length.isdecimal()):
            self.send_error(400)
        elif int(length) > MAX_BODY_BYTES:
            self.send_error(413)
        else:
            return True
        return False

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.wfile.flush()  # answers without a body, and errors, have not left yet

    def handle_expect_100(self) -> bool:
        response = super().handle_expect_100()
        self.wfile.flush()
        return response


class _Server(ThreadedWSGIServer):
    request_queue_size = 1024  # a burst of clients waits here, and is not refused

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
