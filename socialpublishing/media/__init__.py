"""Media at addresses that we did not write: is it there, what is it, and its bytes.

Every address passes the gates of gate.py; fetch.py connects to nothing but the address that passed,
and bounds what it reads in size and time; formats.py lets the bytes decide what they are.

Everything that goes wrong is a MediaError, with one of these codes and a sentence for the owner of
the post:

asset_unreachable            no such name, refused, no answer in time, no valid certificate, not 200
asset_too_large              more bytes or more pixels than we take
asset_type_mismatch          not what was declared, or nothing that any platform takes
asset_address_refused        an address that we do not fetch from
asset_incomplete             the file ended early, or went on behind its stated length
asset_changed                it has another size than when the post was accepted
object_store_not_configured  a path instead of an address, and no object store to look it up in
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from socialpublishing.errors import MediaError
from socialpublishing.media import fetch, formats, videos
from socialpublishing.media.fetch import INTERNET, Network, Span, Stream

__all__ = ["Downloaded", "MediaFacts", "Network", "download", "open_stream", "probe"]

HEAD_BYTES = 64 * 1024  # enough for the type, and for the dimensions of nearly every image
PROBE_S = 8  # a caller of the API waits for it
DOWNLOAD_S = 30
DOWNLOAD_S_PER_MB = 1
DOWNLOAD_MAX_S = 600


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """What the bytes say. None: not known, from the part that was read or for this type."""

    mime_type: str
    size_bytes: int | None
    width: int | None = None
    height: int | None = None
    is_animated: bool = False  # GIF and WebP only
    duration_s: float | None = None  # videos only, and what follows
    frame_rate: float | None = None

    @property
    def is_animated_gif(self) -> bool:
        return self.is_animated and self.mime_type == "image/gif"


@dataclass(frozen=True, kw_only=True)
class Downloaded(MediaFacts):
    data: bytes
    sha256: str


def probe(
    url: str, *, declared_type: str, max_bytes: int, network: Network = INTERNET
) -> MediaFacts:
    """Look at the first bytes of the file at `url`, within 8 s. Raises MediaError.

    `declared_type` is what the owner says it is: a MIME type, a family ("image", "image/*"), or
    nothing ("", "application/octet-stream"), when the bytes alone decide.
    """
    with _about(url):
        deadline = time.monotonic() + PROBE_S
        head, size_bytes = _read_span(url, Span(length=HEAD_BYTES), max_bytes, deadline, network)
        facts = _facts(head, size_bytes=size_bytes, declared_type=declared_type)
        if not facts.mime_type.startswith("video/"):
            return facts

        def read(start: int, length: int) -> bytes:
            span = Span(start=start, length=length)
            return _read_span(url, span, max_bytes, deadline, network)[0]

        movie = videos.measure(facts.mime_type, head, size_bytes, read)
        return replace(
            facts,
            width=movie.width,
            height=movie.height,
            duration_s=movie.duration_s,
            frame_rate=movie.frame_rate,
        )


def _read_span(
    url: str, span: Span, max_bytes: int, deadline: float, network: Network
) -> tuple[bytes, int | None]:
    """The bytes of `span`, and the size of the whole file if the server tells it."""
    seconds = deadline - time.monotonic()
    transfer = fetch.opened(url, max_bytes=max_bytes, span=span, seconds=seconds, network=network)
    with transfer as stream:
        return b"".join(stream.chunks()), stream.size_bytes


def download(
    url: str, *, max_bytes: int, declared_type: str = "", network: Network = INTERNET
) -> Downloaded:
    """The file at `url`, held in memory: for images. Raises MediaError."""
    with open_stream(url, max_bytes=max_bytes, network=network) as stream:
        data = b"".join(stream.chunks())
        facts = _facts(data, size_bytes=len(data), declared_type=declared_type)
    return Downloaded(**vars(facts), data=data, sha256=hashlib.sha256(data).hexdigest())


@contextmanager
def open_stream(
    url: str,
    *,
    max_bytes: int,
    start: int = 0,
    expected_bytes: int | None = None,
    network: Network = INTERNET,
) -> Iterator[Stream]:
    """The file at `url` from byte `start` on, piece by piece. Opening and reading raise MediaError.

    30 s and 1 s per MB of `max_bytes` are all the time there is, from the look-up to the last byte.
    A file that is not of `expected_bytes` has changed since it was looked at.
    """
    seconds = min(DOWNLOAD_S + DOWNLOAD_S_PER_MB * max_bytes / 1_000_000, DOWNLOAD_MAX_S)
    span = Span(start=start)
    with (
        _about(url),
        fetch.opened(
            url, max_bytes=max_bytes, seconds=seconds, network=network, span=span
        ) as stream,
    ):
        if expected_bytes is not None and stream.size_bytes not in {None, expected_bytes}:
            raise MediaError("asset_changed", "The file has changed since the post was accepted.")
        yield stream


def _facts(data: bytes, *, size_bytes: int | None, declared_type: str) -> MediaFacts:
    mime_type = formats.sniff(data)
    formats.check_declared(declared_type, mime_type)
    image = formats.read_header(mime_type, data, is_whole=len(data) == size_bytes)
    return MediaFacts(
        mime_type=mime_type,
        size_bytes=size_bytes,
        width=image.width if image else None,
        height=image.height if image else None,
        is_animated=image is not None and image.is_animated,
    )


@contextmanager
def _about(url: str) -> Iterator[None]:
    """Name the address in whatever is raised, without its query: signatures are secrets."""
    try:
        yield
    except MediaError as error:
        raise MediaError(error.code, f"{error} ({_shown(url)})") from error


def _shown(url: str) -> str:
    address = url.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    shown = scheme + slashes + host.rpartition("@")[2] + slash + path
    return "".join(char if char.isprintable() else "\ufffd" for char in shown[:100])
