"""uvicorn's HTTP/1.1 protocol, with limits of time and number that it does not have itself."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections import OrderedDict
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.web.refusals import as_bytes, refusal

ARRIVAL_S = 10  # for a whole request, from its first byte; its body has at most 256 KB
IDLE_S = 10  # for the first byte of a new connection
STALL_S = 20  # how long a client may read nothing, or too little, of a response
LINGER_S = 2  # after a refusal, so that a client that is still sending can read it
# Of one process. Above it, the connection that has waited longest for its request is closed.
MAX_CONNECTIONS = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Protocol(H11Protocol):
    """One connection.

    It holds no thread. The request has to arrive within ARRIVAL_S, also if each byte comes in time:
    otherwise many slow senders would use up the connections.
    """

    arriving: ClassVar[OrderedDict[Protocol, None]] = OrderedDict()  # the oldest first

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arrival: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._has_sent = False
        self._is_refused = False

    # --- A request arrives -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_within(IDLE_S)
        if len(self.connections) > MAX_CONNECTIONS and self.arriving:
            oldest, _ = self.arriving.popitem(last=False)
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if not self._has_sent:
            self._has_sent = True
            self._has_arrived()
        super().data_received(data)
        if self._is_refused:
            return
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect_within(ARRIVAL_S)
        else:
            self._has_arrived()

    def _expect_within(self, seconds: float) -> None:
        if self._arrival is None:
            self._arrival = self.loop.call_later(seconds, self._is_late)
            self.arriving[self] = None

    def _has_arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None
        self.arriving.pop(self, None)

    def _is_late(self) -> None:
        self._has_arrived()
        is_responding = self.cycle is not None and self.cycle.response_started
        if self.conn.their_state is h11.SEND_BODY and is_responding:
            self.transport.abort()
        elif not self._has_sent:
            self.transport.close()
        else:
            self._refuse("request_timeout")

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn while it handles the error of a request that is not HTTP."""
        error = sys.exc_info()[1]
        hint = getattr(error, "error_status_hint", 400)
        self._refuse("headers_too_large" if hint == 431 else "bad_request")

    def _refuse(self, code: str) -> None:
        self._has_arrived()
        self._is_refused = True
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # A response to an earlier request is on its way, or its request breaks off here.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(as_bytes(refusal(code)))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)

    # --- A response leaves -----------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(STALL_S, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(STALL_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_arrived()
        if self._stall is not None:
            self._stall.cancel()
        super().connection_lost(exc)
