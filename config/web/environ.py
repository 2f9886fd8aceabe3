"""A request of ASGI as the environ of WSGI, with what a trusted proxy reports."""

from __future__ import annotations

import functools
import io
import ipaddress
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings

from config.web.refusals import RefusedError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Without TRUSTED_PROXIES, a proxy of this machine may still report that the browser uses HTTPS.
LOOPBACK = ("127.0.0.1", "::1")


def environ_of(scope: MutableMapping[str, Any], body: bytes) -> dict[str, Any]:
    """The environ of a request whose body has arrived. Raises RefusedError for a bad target."""
    host, port = scope["server"] or ("", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path_of(scope)).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        _add_header(environ, name.decode("latin-1"), value.decode("latin-1"))
    has_body = "CONTENT_LENGTH" in environ or bool(body)
    if has_body:
        environ["CONTENT_LENGTH"] = str(len(body))  # a chunked body has none of its own
    environ["REMOTE_ADDR"] = peer = (scope["client"] or ("",))[0]
    _apply_proxy(environ, peer)
    return environ


def path_of(scope: MutableMapping[str, Any]) -> bytes:
    """The path as it was sent. Raises RefusedError for a target that is no path."""
    target: bytes = scope["raw_path"]
    if target.startswith((b"http://", b"https://")):
        target = urlsplit(target).path or b"/"
    if not target.startswith(b"/"):
        raise RefusedError("bad_request")
    return target


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    # A name with an underscore would read like another one with a hyphen. Bodies have arrived
    # whole, so their encoding for the transfer is of no concern any more.
    if "_" in name or name == "transfer-encoding":
        return
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = f"HTTP_{key}"
    separator = "; " if name == "cookie" else ","
    environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value


# --- Proxies -------------------------------------------------------------------------------------


def _apply_proxy(environ: dict[str, Any], peer: str) -> None:
    configured = _networks(tuple(settings.TRUSTED_PROXIES))
    if not _is_in(peer, configured or _networks(LOOPBACK)):
        return
    if environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
        environ["wsgi.url_scheme"] = "https"
    if configured:
        environ["REMOTE_ADDR"] = _client_address(
            environ.get("HTTP_X_FORWARDED_FOR", ""), peer, configured
        )


def _client_address(forwarded_for: str, peer: str, trusted: Iterable[Network]) -> str:
    """The last address that is not a proxy's own: those before it can be written by anybody."""
    address = peer
    for hop in reversed(forwarded_for.split(",")):
        try:
            address = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
        if not _is_in(address, trusted):
            break
    return address


@functools.cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _is_in(address: str, networks: Iterable[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
