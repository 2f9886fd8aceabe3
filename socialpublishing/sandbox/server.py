"""The sandbox's web server: one process, many threads, the state in memory.

`manage.py sandbox` runs it, or a test. It uses none of the service's URLs, middleware or database.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from pathlib import Path
from typing import Any, NoReturn, Self, cast

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
from socialpublishing.sandbox.keeping import StateFile
from socialpublishing.sandbox.platform import Platform
from socialpublishing.sandbox.register import PLATFORMS, seed
from socialpublishing.sandbox.state import COMMON_SETTINGS, State, as_time

logger = logging.getLogger(__name__)


class SandboxServer:
    """`with SandboxServer() as sandbox:` serves on a free port until the block ends.

    With `keep_in` the state is kept in that file; `notice` reports what was found there.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, keep_in: Path | None = None
    ) -> None:
        settings = dict(COMMON_SETTINGS)
        for platform in PLATFORMS.values():
            settings |= platform.settings
        self.state = State(seed, settings)
        self.notice = ""
        self._file = self._state_file(keep_in) if keep_in else None
        self._http = _Server((host, port), _Connection)
        self._http.set_app(Application(self.state))
        self._thread: threading.Thread | None = None

    def _state_file(self, path: Path) -> StateFile | None:
        try:
            file = StateFile(path, self.state)
        except OSError as error:
            self.notice = f"The sandbox keeps no state: {path}: {error}."
            return None
        self.notice = file.notice
        return file

    @property
    def url(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        if self._file:
            self._file.start()
        self._http.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Also closes the connections that clients keep open, as a crashed platform would."""
        if self._thread:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.close_connections()
        if self._file:
            self._file.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class DropConnection(ConnectionAbortedError):  # noqa: N818  (an instruction, no error)
    """Close the connection without a response. wsgiref logs no error for this base class."""


class Application(WSGIHandler):
    """Makes the response: by the fault planned for the request, else by the view of its path."""

    request_class = SandboxRequest

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """Load none: the service's middleware does not apply to the platforms."""

    def get_response(self, request: HttpRequest) -> HttpResponse:
        sandbox_request = cast(SandboxRequest, request)
        response = self._recorded_response(sandbox_request)
        # Without a length, only closing the connection would show the end of the response.
        if "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
        # Bytes that the view did not read would be parsed as the next request.
        while sandbox_request.environ["wsgi.input"].read(PIECE_BYTES):
            pass
        return response

    def _recorded_response(self, request: SandboxRequest) -> HttpResponse:
        """The response. Requests to a platform are recorded for GET /control/calls."""
        request.state = self.state
        name, _, path = request.path_info.removeprefix("/").partition("/")
        platform = PLATFORMS.get(name)
        if platform is None:
            try:
                return self._view(request)
            finally:
                self.state.changes += request.method not in ("GET", "HEAD")
        call: dict[str, Any] = {
            "platform": name,
            "method": request.method,
            "path": f"/{path}",
            "status": None,  # stays so if the connection is dropped
            "at": as_time(self.state.now()).isoformat(),
        }
        self.state.calls.append(call)
        try:
            response = self._response(request, platform, f"/{path}")
        except DropConnection:
            request.environ["sandbox.close"]()
            raise
        finally:
            self.state.changes += 1
        call["status"] = response.status_code
        return response

    def _response(self, request: SandboxRequest, platform: Platform, path: str) -> HttpResponse:
        fault = self.state.faults.take(platform.name, str(request.method), path)
        try:
            fault = fault or self.state.faults.in_text(platform.text_of(request))
        except (BadBody, SuspiciousOperation):
            fault = None  # the view will report the broken body
        response = self._response_with_fault(request, platform, fault)
        platform.add_headers(request, response)
        return response

    def _response_with_fault(
        self, request: SandboxRequest, platform: Platform, fault: Fault | None
    ) -> HttpResponse:
        match fault:
            case None:
                return self._view(request, platform)
            case Fault(action=Action.STATUS, value=value):
                return self._status_of_fault(request, platform, value)
            case Fault(action=Action.REJECT):
                return platform.rejection()
            case Fault(action=Action.DROP_BEFORE):
                raise DropConnection
            case Fault(action=Action.ACCEPT_LATE, value=seconds):
                self._accept_late(request, platform, seconds)
            case Fault(action=Action.DELAY, value=seconds):
                time.sleep(seconds)
        response = self._view(request, platform)
        match fault:
            case Fault(action=Action.DROP_AFTER):
                raise DropConnection
            case Fault(action=Action.DELAY_AFTER, value=seconds):
                time.sleep(seconds)
            case Fault(action=Action.MALFORMED) if not response.streaming:
                response.content = response.content[: len(response.content) // 2] or b"{"
        return response

    def _status_of_fault(
        self, request: SandboxRequest, platform: Platform, value: dict[str, Any]
    ) -> HttpResponse:
        if value.get("accepts"):
            self._view(request, platform)
        time.sleep(value.get("delay", 0))
        return _status(platform, value["code"], value.get("headers"), value.get("body"))

    def _accept_late(self, request: SandboxRequest, platform: Platform, seconds: float) -> NoReturn:
        _ = request.received_body  # before its connection is closed
        request.environ["sandbox.drop"]()
        time.sleep(seconds)
        self._view(request, platform)
        raise DropConnection

    def _view(self, request: SandboxRequest, platform: Platform | None = None) -> HttpResponse:
        # Before the view locks the state: who sends slowly keeps nobody else waiting.
        _ = request.received_body
        try:
            match = get_resolver("socialpublishing.sandbox.urls").resolve(request.path_info)
            return cast(HttpResponse, match.func(request, *match.args, **match.kwargs))
        except EarlyResponse as early:
            return early.response
        except Http404:
            status, detail = 404, "There is nothing at this address."
        except (BadBody, SuspiciousOperation) as error:
            status, detail = 400, str(error)
        except Exception:  # a bug of ours: respond all the same, and log the traceback
            logger.exception("%s %s failed", request.method, request.path)
            status, detail = 500, "The sandbox has a bug: see its log."
        if platform:
            return platform.refusal(status)
        return json_response({"code": "sandbox_error", "detail": detail}, status)


def _status(
    platform: Platform, code: int, headers: dict[str, str] | None = None, body: Any = None
) -> HttpResponse:
    """`body`: a string is sent as it is, None is the platform's own error, the rest is JSON."""
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
    """One client's connection, kept open between requests."""

    # Send headers and body in one packet: in two, Nagle's algorithm adds 40 ms.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the state records requests (GET /control/calls)."""

    def get_environ(self) -> dict[str, Any]:
        # Skip Django's version: it drops headers with underscores, which Meta's upload host uses.
        environ = super(WSGIRequestHandler, self).get_environ()
        return {
            **environ,
            "sandbox.close": self.close_after_request,
            "sandbox.drop": self.drop_now,
        }

    def drop_now(self) -> None:
        with contextlib.suppress(OSError):
            cast(socket.socket, self.connection).shutdown(socket.SHUT_RDWR)

    def close_after_request(self) -> None:
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
        self.wfile.flush()  # responses without a body, and errors, are still in the buffer

    def handle_expect_100(self) -> bool:
        response = super().handle_expect_100()
        self.wfile.flush()
        return response


class _Server(ThreadedWSGIServer):
    request_queue_size = 1024  # so that a burst of clients is not refused

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sockets: set[socket.socket] = set()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
