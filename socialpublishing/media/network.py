"""Connections to servers that may be hostile, with limits of time and bytes.

http.client only parses. The socket is ours: it connects to an IP address that was checked, and
`Connection` limits the time and the bytes of everything that arrives, head and body. There are no
proxies, no cookies and no credentials. Each connection is for one request.
"""

from __future__ import annotations

import functools
import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from socialpublishing.errors import AssetAddressRefusedError, AssetUnreachableError
from socialpublishing.media.addresses import FileAddress, check_ip_addresses

MAX_HEADER_BYTES = 64 * 1024
BUFFER_BYTES = 64 * 1024
TOO_SLOW = "The server of the file did not respond in time."
NO_RESPONSE = "The server of the file gave no usable response."
USER_AGENT = "social-publishing-service"


def _resolve(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _connect(ip_address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((ip_address, port), timeout_s)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class Network:
    """How we reach the internet, and our timeouts. Tests pass their own."""

    resolve: Callable[[str, int], list[str]] = _resolve  # (host, port) to addresses, or OSError
    connect: Callable[[str, int, float], socket.socket] = _connect  # (address, port, timeout_s)
    tls: Callable[[], ssl.SSLContext] = _tls
    resolve_s: float = 3
    connect_s: float = 5
    headers_s: float = 10
    max_transfer_s: float = 600


INTERNET = Network()


class Connection:
    """A connected socket. Reading ends at a deadline and at a number of bytes."""

    def __init__(self, sock: socket.socket, *, headers_until: float) -> None:
        self._sock = sock
        self._raw = _BoundedReader(sock)
        self._reader = _UnclosedReader(self._raw, BUFFER_BYTES)
        self.allow(MAX_HEADER_BYTES, until=headers_until)

    def makefile(self, mode: str) -> io.BufferedReader:
        """The file that http.client reads from."""
        return self._reader

    def allow(self, more_bytes: int, *, until: float) -> None:
        self._raw.bytes_left += more_bytes
        self._raw.deadline = until

    def get(self, address: FileAddress, range_header: str | None) -> http.client.HTTPResponse:
        """Send the request and read the head of the response."""
        return self._request("GET", address, {"Range": range_header} if range_header else {})

    def post(
        self, address: FileAddress, body: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """The same with a body."""
        return self._request("POST", address, {**headers, "Content-Length": str(len(body))}, body)

    def _request(
        self, method: str, address: FileAddress, headers: Mapping[str, str], body: bytes = b""
    ) -> http.client.HTTPResponse:
        lines = [
            f"{method} {address.path} HTTP/1.1",
            f"Host: {address.authority}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]
        try:
            self._sock.settimeout(max(self._raw.deadline - time.monotonic(), 0.001))
            self._sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
            response.begin()
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = TOO_SLOW if isinstance(error, TimeoutError) else NO_RESPONSE
            raise AssetUnreachableError(problem) from error
        return response

    def has_more(self, wait_s: float) -> bool:
        """Whether the server sends more bytes. False if it only keeps the connection open."""
        self.allow(1, until=time.monotonic() + wait_s)
        try:
            return bool(self._reader.peek(1))
        except OSError:
            return False


class _BoundedReader(io.RawIOBase):
    """The bytes of a socket, with one deadline: a socket's own timeout restarts with each byte."""

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
            raise http.client.HTTPException("more bytes than allowed")
        self._sock.settimeout(seconds_left)
        count = self._sock.recv_into(buffer)
        self.bytes_left -= count
        return count


class _UnclosedReader(io.BufferedReader):
    def close(self) -> None:
        """Stay open: HTTPResponse closes its file after the body, and `has_more` still reads."""


@contextmanager
def connected(address: FileAddress, deadline: float, network: Network) -> Iterator[Connection]:
    """A connection to a checked IP address of the host. TLS verifies the host's name.

    Raises MediaError. The connection is closed at the end.
    """
    ip_addresses = checked_ip_addresses(address, deadline, network)
    sock = _connected_socket(ip_addresses, address.port, deadline, network)
    try:
        if address.scheme == "https":
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            sock = _secured(sock, address.host.strip("[]"), network.tls())
        yield Connection(sock, headers_until=min(deadline, time.monotonic() + network.headers_s))
    finally:
        sock.close()


def _secured(sock: socket.socket, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    # OpenSSL 3.0 matches no name with an underscore against a wildcard; object stores have such.
    has_underscore = "_" in host
    if has_underscore:
        context = _without_host_check(context)
    try:
        secured = context.wrap_socket(sock, server_hostname=host)
    except TimeoutError as error:
        raise AssetUnreachableError(TOO_SLOW) from error
    except OSError as error:  # SSLError is one
        raise AssetUnreachableError("No secure connection to the file's server.") from error
    if has_underscore and not _is_certified(host, secured.getpeercert() or {}):
        secured.close()
        raise AssetUnreachableError("The certificate of the file's server is for another name.")
    return secured


@functools.lru_cache(maxsize=4)
def _without_host_check(context: ssl.SSLContext) -> ssl.SSLContext:
    """A context that trusts what `context` trusts, and whose user checks the name."""
    own = ssl.create_default_context()
    if authorities := context.get_ca_certs(binary_form=True):
        own.load_verify_locations(cadata=b"".join(authorities))
    own.check_hostname = False
    return own


def _is_certified(host: str, certificate: Mapping[str, Any]) -> bool:
    """RFC 6125: a name of the certificate, whose first label may be a wildcard."""
    entries = certificate.get("subjectAltName", ())
    names = {value.lower() for kind, value in entries if kind == "DNS"}
    return host in names or f"*.{host.partition('.')[2]}" in names


def checked_ip_addresses(address: FileAddress, deadline: float, network: Network) -> list[str]:
    """What the host resolves to. Raises MediaError if it is nothing, or not public."""
    ip_addresses = _resolved(address, deadline, network)
    if not address.is_trusted:
        check_ip_addresses(ip_addresses)
    return ip_addresses


def _resolved(address: FileAddress, deadline: float, network: Network) -> list[str]:
    """All IP addresses of the host. One DNS query only: a second one might differ."""
    results: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            results.put(network.resolve(address.host.strip("[]"), address.port))
        except (OSError, UnicodeError):
            results.put([])

    # In a thread, because the system's resolver has no timeout.
    threading.Thread(target=resolve, daemon=True).start()
    try:
        found = results.get(timeout=max(min(network.resolve_s, deadline - time.monotonic()), 0))
    except queue.Empty:
        raise AssetUnreachableError(
            "The name of the file's server was not resolved in time."
        ) from None
    if not found:
        raise AssetUnreachableError("The name of the file's server cannot be resolved.")
    return found


def resolves_privately(address: FileAddress, network: Network) -> bool:
    """Whether the host has an IP address that is not public. False if it has none at all."""
    try:
        check_ip_addresses(_resolved(address, time.monotonic() + network.resolve_s, network))
    except AssetUnreachableError:
        return False
    except AssetAddressRefusedError:
        return True
    return False


def _connected_socket(
    ip_addresses: list[str], port: int, deadline: float, network: Network
) -> socket.socket:
    until = min(deadline, time.monotonic() + network.connect_s)
    problem = "The server of the file does not accept connections."
    for ip_address in ip_addresses:
        try:
            sock = network.connect(ip_address, port, max(until - time.monotonic(), 0.001))
            peer = sock.getpeername()[0]
        except TimeoutError:
            problem = TOO_SLOW
            continue
        except OSError:
            continue
        if ipaddress.ip_address(peer) == ipaddress.ip_address(ip_address):
            return sock
        sock.close()
    raise AssetUnreachableError(problem)
