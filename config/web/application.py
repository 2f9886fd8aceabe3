"""The ASGI application: waits for whole requests, runs Django in threads, sends the responses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from uvicorn.config import STARTUP_FAILURE

from config.parsers import MAX_BYTES
from config.run.processes import die_with_supervisor
from config.web.environ import environ_of
from config.web.pools import Pool, Pools
from config.web.refusals import MAX_HEAD_BYTES, Refusal, RefusedError, refusal
from socialpublishing import database

logger = logging.getLogger("config.web")

CHUNK_BYTES = 64 * 1024
LINGER_S = 2  # after a refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class DisconnectedError(Exception):
    """The client has gone, or its request did not arrive in time."""


@dataclass(kw_only=True)
class Response:
    """What the WSGI application has responded. The body of a stream is still to be read."""

    status: int = 500
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    stream: Any = None


class Application:
    def __init__(self, wsgi: Callable[..., Any]) -> None:
        self._wsgi = wsgi
        self._pools = Pools()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            _check_head(scope)
            environ = environ_of(scope, await _whole_body(scope, receive))
            await self._respond(environ, receive, send)
        except RefusedError as error:
            await _send_refusal(refusal(error.code), receive, send)
        except DisconnectedError:
            return

    async def _respond(self, environ: dict[str, Any], receive: Receive, send: Send) -> None:
        pool = self._pools.of(environ["REQUEST_METHOD"], _text(environ["PATH_INFO"]))
        # Only to count by, never trusted: the view verifies the token.
        caller = environ.get("HTTP_AUTHORIZATION") or environ["REMOTE_ADDR"]
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            async with pool.place(caller):
                if gone.done():
                    return
                response: Response = await pool.run(self._run, environ)
            await send(_start(response.status, response.headers))
            if response.stream is None:
                await send({"type": "http.response.body", "body": response.body})
                return
            await self._send_stream(response.stream, gone, send)
        finally:
            gone.cancel()

    async def _send_stream(self, stream: Any, gone: asyncio.Future[None], send: Send) -> None:
        """A thread is taken for as long as the next chunk is read, not while it is sent."""
        pool: Pool = self._pools.stream
        try:
            chunks = iter(stream)
            while not gone.done():
                try:
                    async with pool.place(""):
                        chunk = await pool.run(_next_chunk, chunks)
                except (RefusedError, OSError):
                    return  # the connection is closed before the announced end
                if not chunk:
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await pool.run(_close, stream)

    def _run(self, environ: dict[str, Any]) -> Response:
        """Run Django in this thread."""
        response = Response()

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            response.status, response.headers = int(status[:3]), headers
            return _no_write

        result = self._wsgi(environ, start_response)
        if getattr(result, "streaming", True):
            database.release()  # the chunks may be read in other threads
            response.stream = result
            return response
        try:
            response.body = b"".join(result)
        finally:
            result.close()
        has_length = any(name.lower() == "content-length" for name, _ in response.headers)
        if not has_length and response.status not in (204, 304):
            response.headers.append(("Content-Length", str(len(response.body))))
        return response


def _check_head(scope: Message) -> None:
    # uvicorn has applied the limit only to a head that arrived in pieces.
    size = len(scope["raw_path"]) + len(scope["query_string"])
    if size + sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEAD_BYTES:
        raise RefusedError("headers_too_large")
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        raise RefusedError("bad_request")  # a proxy could have read another length


async def _whole_body(scope: Message, receive: Receive) -> bytes:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if len(declared) > 9 or int(declared) > MAX_BYTES:
        raise RefusedError("payload_too_large")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise RefusedError("payload_too_large")
        if not message.get("more_body"):
            return bytes(body)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_refusal(refused: Refusal, receive: Receive, send: Send) -> None:
    """Send the response; a client that is still sending has a moment to read it."""
    await send(_start(refused.status, refused.headers))
    await send({"type": "http.response.body", "body": refused.body, "more_body": True})
    if refused.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body"):
                    pass
    await send({"type": "http.response.body"})


def _start(status: int, headers: list[tuple[str, str]]) -> Message:
    pairs = [
        (name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers
    ]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def _next_chunk(chunks: Iterator[bytes]) -> bytes:
    """Some bytes of a stream; none at its end."""
    data = bytearray()
    try:
        for chunk in chunks:
            data += chunk
            if len(data) >= CHUNK_BYTES:
                break
        return bytes(data)
    finally:
        database.release()


def _close(stream: Any) -> None:
    try:
        stream.close()
    finally:
        database.release()


def _no_write(data: bytes) -> None:
    raise NotImplementedError("Django does not use WSGI's write().")


def _text(path: str) -> str:
    return path.encode("latin-1").decode("utf-8", "replace")


def create() -> Application:
    """The application of one web process. A failure ends the whole service, not in a loop."""
    die_with_supervisor()
    try:
        # In a thread: here the event loop runs, and Django then refuses to use the database.
        with ThreadPoolExecutor(1) as loader:
            return Application(loader.submit(_load_django).result())
    except Exception as error:
        logger.exception("the web process cannot start")
        raise SystemExit(STARTUP_FAILURE) from error


def _load_django() -> WSGIHandler:
    from config.wsgi import application

    database.release()
    return application
