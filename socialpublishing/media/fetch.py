"""Reading from a server that may be hostile: where we connect, how long we wait, how much we take.

http.client only parses. The socket under it is ours: connected to the address that passed the gate,
and read through a `_Wire` that holds a deadline and a count of bytes over everything that arrives,
head and body, however slowly it drips. No proxies, no cookies, no credentials, one request for each
connection.
"""

from __future__ import annotations

import functools
import http.client
import io
import ipaddress
import math
import queue
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

from django.conf import settings

from socialpublishing import database
from socialpublishing.errors import (
    AssetChangedError,
    AssetIncompleteError,
    AssetTooLargeError,
    AssetTypeMismatchError,
    AssetUnreachableError,
    MediaBusyError,
    MediaError,
)
from socialpublishing.media.gate import Target, check_addresses_of, read_address

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_HEADER_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
LOOK_BEHIND_S = 0.2
USER_AGENT = "social-publishing-service"


def _resolve(host: str, port: int) -> list[str]:
    return [
        str(response[4][0]) for response in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout_s)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class Network:
    """The outside, as far as we touch it, and our patience with it. Tests bring their own."""

    resolve: Callable[[str, int], list[str]] = _resolve  # (host, port) to addresses, or OSError
    connect: Callable[[str, int, float], socket.socket] = _connect  # (address, port, timeout_s)
    tls: Callable[[], ssl.SSLContext] = _tls
    resolve_s: float = 3
    connect_s: float = 5
    headers_s: float = 10
    max_transfer_s: float = 600


INTERNET = Network()


@dataclass(frozen=True, kw_only=True)
class Span:
    """The part of a file that is asked for: from byte `start` on, `length` bytes or all."""

    start: int = 0
    length: int | None = None

    @property
    def header(self) -> str | None:
        if not self.start and self.length is None:
            return None
        last = "" if self.length is None else str(self.start + self.length - 1)
        return f"bytes={self.start}-{last}"

    def is_covered_by(self, first: int, last: int, size_bytes: int | None) -> bool:
        """Whether `first` to `last`, both included, is this part of a file of `size_bytes`."""
        end = math.inf if self.length is None else self.start + self.length
        if size_bytes is None:
            return first == self.start <= last < end
        return first == self.start <= last == min(end, size_bytes) - 1


WHOLE = Span()


class Stream:
    """The body of an answer. `size_bytes` is the whole file's, None if the server does not say.

    `is_ranged` says that the server sends the span that was asked for; if not, the whole file
    comes, and what stands before the span is read and dropped as soon as the span is wanted.
    """

    def __init__(
        self,
        wire: _Wire,
        response: http.client.HTTPResponse,
        *,
        max_bytes: int,
        span: Span,
        expected_bytes: int | None,
    ) -> None:
        self._wire = wire
        self._response = response
        self._max_bytes = max_bytes
        self._span = span
        self._expected_bytes = expected_bytes
        length, self.size_bytes = _stated_lengths(response, span)
        if expected_bytes is not None and self.size_bytes not in {None, expected_bytes}:
            raise _changed()
        if self.size_bytes is not None and self.size_bytes > max_bytes:
            raise _too_large(max_bytes)
        self.is_ranged = response.status == 206
        self._to_skip = 0 if self.is_ranged else span.start
        # Where in the file the body ends, as its server says.
        self._end = None if length is None else length + (span.start if self.is_ranged else 0)
        self._part: Part | None = None

    def chunks(self) -> Iterator[bytes]:
        """What was asked for, in pieces. Raises MediaError, also in the middle."""
        self._skip()
        at, length = self._span.start, self._span.length
        wanted_end = self._max_bytes + 1 if length is None else at + length
        while at < wanted_end:
            chunk = self._read(min(CHUNK_BYTES, wanted_end - at))
            if not chunk:
                break
            at += len(chunk)
            if at > self._max_bytes:
                raise _too_large(self._max_bytes)
            yield chunk
        if length is not None and at == wanted_end:
            return
        if self._end is not None:
            if at < self._end:
                raise _ended_early()
            if self._wire.has_more():
                raise _incomplete("The file went on behind its stated length.")
        elif self._expected_bytes not in {None, at}:
            raise _changed()
        self.size_bytes = at if self.size_bytes is None else self.size_bytes

    def part(self, length: int) -> Part:
        """The next `length` bytes, read while they are sent on.

        Parts follow each other, also behind one that was not read to its end.
        """
        if self._part is not None:
            self._to_skip += self._part.left
        self._skip()
        self._part = Part(self._read, length)
        return self._part

    def _skip(self) -> None:
        while self._to_skip:
            chunk = self._read(min(CHUNK_BYTES, self._to_skip))
            if not chunk:
                raise _ended_early()
            self._to_skip -= len(chunk)

    def _read(self, size: int) -> bytes:
        with _body_errors():
            return self._response.read(size)


class Part:
    """A piece of a file on its way through: it has a length, and is read once.

    What requests needs of a body to send it with its length, without ever holding it.
    """

    def __init__(self, read: Callable[[int], bytes], length: int) -> None:
        self._read = read
        self._length = length
        self.left = length  # bytes not read yet

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most 64 KiB; b"" at the end. Raises MediaError for a short file."""
        wanted = min(CHUNK_BYTES, self.left, size if size >= 0 else CHUNK_BYTES)
        if not wanted:
            return b""
        chunk = self._read(wanted)
        if not chunk:
            raise _ended_early()
        self.left -= len(chunk)
        return chunk


@contextmanager
def opened(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    network: Network,
    span: Span = WHOLE,
    expected_bytes: int | None = None,
) -> Iterator[Stream]:
    """The file at `url`, or at the end of at most 3 redirects, each gated from the start.

    `seconds` is the time for all of it. Only `span` is asked for, and no more of it is handed on
    from a server that sends all. Raises MediaError, also for a file that is not of
    `expected_bytes` any more.
    """
    deadline = time.monotonic() + min(seconds, network.max_transfer_s)
    database.release()
    for _ in range(1 + MAX_REDIRECTS):
        target = read_address(url)
        with _slots.hold(target, deadline), _dialled(target, deadline, network) as wire:
            response = wire.ask(target, span)
            if response.status not in REDIRECTS:
                _check_head(response, span, expected_bytes)
                wire.allow(max_bytes + max_bytes // 8, until=deadline)
                yield Stream(
                    wire,
                    response,
                    max_bytes=max_bytes,
                    span=span,
                    expected_bytes=expected_bytes,
                )
                return
            url = _next_address(url, response)
    raise _unreachable(f"The server of the file redirects more than {MAX_REDIRECTS} times.")


# --- Connecting ----------------------------------------------------------------------------------


class _Slots:
    """How many transfers this process has under way, in all and with one host."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def hold(self, target: Target, deadline: float) -> Iterator[None]:
        host = target.host

        def is_free() -> bool:
            # The operator's own store serves everybody, and never holds a place out of spite.
            has_place = target.is_trusted or self._busy[host] < settings.MEDIA_READS_PER_HOST
            return bool(has_place and self._busy.total() < settings.MEDIA_READS)

        with self._changed:
            if not self._changed.wait_for(is_free, deadline - time.monotonic()):
                # Nobody's fault: neither the file's nor its server's.
                raise MediaBusyError
            self._busy[host] += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= Counter({host: 1})  # also forgets hosts that came to zero
                self._changed.notify_all()


_slots = _Slots()


@contextmanager
def _dialled(target: Target, deadline: float, network: Network) -> Iterator[_Wire]:
    """A connection to an address of `target` that passed the gate; TLS speaks for its name."""
    addresses = _look_up(target, deadline, network)
    if not target.is_trusted:
        check_addresses_of(addresses)
    sock = _connected(addresses, target.port, deadline, network)
    try:
        if target.scheme == "https":
            try:
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
                sock = network.tls().wrap_socket(sock, server_hostname=target.host.strip("[]"))
            except OSError as error:  # SSLError is one
                raise _unreachable("No secure connection to the file's server.") from error
        yield _Wire(sock, headers_until=min(deadline, time.monotonic() + network.headers_s))
    finally:
        sock.close()


def _look_up(target: Target, deadline: float, network: Network) -> list[str]:
    """All addresses of the host, from one look-up: a second one might answer differently."""
    responses: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            responses.put(network.resolve(target.host.strip("[]"), target.port))
        except (OSError, UnicodeError):
            responses.put([])

    # In a thread, because the system's resolver takes no time-out.
    threading.Thread(target=ask, daemon=True).start()
    try:
        found = responses.get(timeout=max(min(network.resolve_s, deadline - time.monotonic()), 0))
    except queue.Empty:
        found = []
    if not found:
        raise _unreachable("The name of the file's server cannot be resolved.")
    return found


def _connected(addresses: list[str], port: int, deadline: float, network: Network) -> socket.socket:
    until = min(deadline, time.monotonic() + network.connect_s)
    for address in addresses:
        try:
            sock = network.connect(address, port, max(until - time.monotonic(), 0.001))
            peer = sock.getpeername()[0]
        except OSError:
            continue
        if ipaddress.ip_address(peer) == ipaddress.ip_address(address):
            return sock
        sock.close()
    raise _unreachable("The server of the file does not accept connections.")


class _Wire:
    """A connected socket that is read until a deadline, up to a number of bytes."""

    def __init__(self, sock: socket.socket, *, headers_until: float) -> None:
        self._sock = sock
        self._raw = _BoundedReader(sock)
        self._reader = _LastingReader(self._raw, CHUNK_BYTES)
        self.allow(MAX_HEADER_BYTES, until=headers_until)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client reads from."""
        return self._reader

    def allow(self, more_bytes: int, *, until: float) -> None:
        self._raw.bytes_left += more_bytes
        self._raw.deadline = until

    def ask(self, target: Target, span: Span) -> http.client.HTTPResponse:
        """Send the request and read the head of the answer."""
        lines = [
            f"GET {target.path} HTTP/1.1",
            f"Host: {target.authority}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
            *([f"Range: {span.header}"] if span.header else []),
        ]
        response = http.client.HTTPResponse(self, method="GET")  # type: ignore[arg-type]
        try:
            self._sock.settimeout(max(self._raw.deadline - time.monotonic(), 0.001))
            self._sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
            response.begin()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unreachable("The server of the file gave no usable answer.") from error
        return response

    def has_more(self) -> bool:
        """Whether the server goes on talking. One that keeps the line open in silence does not."""
        self.allow(1, until=time.monotonic() + LOOK_BEHIND_S)
        try:
            return bool(self._reader.peek(1))
        except OSError:
            return False


class _BoundedReader(io.RawIOBase):
    """The bytes of a socket. A time-out of the socket alone would start anew with each byte."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0
        self.bytes_left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        seconds_left = self.deadline - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        if self.bytes_left <= 0:
            raise http.client.HTTPException("more bytes than an honest server sends")
        self._sock.settimeout(seconds_left)
        count = self._sock.recv_into(buffer)
        self.bytes_left -= count
        return count


class _LastingReader(io.BufferedReader):
    def close(self) -> None:
        """Stay open: HTTPResponse closes its file behind the body, where we still want to look."""


# --- Answers -------------------------------------------------------------------------------------


def _check_head(response: http.client.HTTPResponse, span: Span, expected_bytes: int | None) -> None:
    if response.status == 416 and span.header:  # there is nothing where the span begins
        if not span.start:
            raise AssetTypeMismatchError("The file is empty.")
        if expected_bytes is not None and span.start < expected_bytes:
            raise _changed()
    if response.status != 200 and not (response.status == 206 and span.header):
        raise _unreachable(f"The server of the file answered with status {response.status}.")
    # Packed bytes may unpack to a thousand times their size.
    packings = response.headers.get_all("Content-Encoding", [])
    packings += response.headers.get_all("Transfer-Encoding", [])
    if any(packing.strip().lower() not in {"", "identity", "chunked"} for packing in packings):
        raise AssetTypeMismatchError("The server sends the file only compressed.")


def _stated_lengths(
    response: http.client.HTTPResponse, span: Span
) -> tuple[int | None, int | None]:
    """The bytes of this body and of the whole file, None where the server does not say."""
    lengths = response.headers.get_all("Content-Length", [])
    if len(lengths) > 1 or any(not re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise _incomplete("The server of the file states its length in more than one way.")
    if response.status == 206:
        stated = re.fullmatch(
            r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)",
            response.headers.get("Content-Range", ""),
        )
        if stated is None:
            raise _other_part()
        first, last = int(stated[1]), int(stated[2])
        size_bytes = None if stated[3] == "*" else int(stated[3])
        if not span.is_covered_by(first, last, size_bytes):
            raise _other_part()
        return last - first + 1, size_bytes
    if response.length is None:
        return None, None
    return response.length, response.length


def _next_address(url: str, response: http.client.HTTPResponse) -> str:
    """Where a redirect leads. Not gated yet."""
    locations = response.headers.get_all("Location", [])
    # urljoin drops tabs and the like; whoever sends them gets no second chance.
    if len(locations) != 1 or not re.fullmatch(r"[!-~]{1,2048}", locations[0]):
        raise _unreachable("The server of the file redirects to nowhere.")
    try:
        return urljoin(url, locations[0])
    except ValueError as error:
        raise _unreachable("The server of the file redirects to nowhere.") from error


@contextmanager
def _body_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise _unreachable("The server of the file is too slow.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _incomplete("The connection broke before the end of the file.") from error


def _unreachable(sentence: str) -> MediaError:
    return AssetUnreachableError(sentence)


def _incomplete(sentence: str) -> MediaError:
    return AssetIncompleteError(sentence)


def _other_part() -> MediaError:
    return _incomplete("The server of the file sent another part than was asked for.")


def _ended_early() -> MediaError:
    return _incomplete("The file ended before its stated length.")


def _changed() -> MediaError:
    return AssetChangedError()


def _too_large(max_bytes: int) -> MediaError:
    megabytes = max_bytes / 1_000_000
    return AssetTooLargeError(f"The file is larger than {megabytes:g} MB.")
