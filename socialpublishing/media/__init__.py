"""Media at addresses that we did not write: is it there, what is it, and its bytes.

Every address passes the gates of gate.py; fetch.py connects to nothing but the address that passed,
and bounds what it reads in size and time; pieces.py reads here and there in a file; formats.py,
documents.py and videos.py let the bytes decide what they are. What is given as a path instead of an
address lies in the object store (store.py).

Everything that goes wrong is a MediaError, with one of these codes and a sentence for the owner of
the post, which names the address without its query, since signatures are secrets:

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
from dataclasses import dataclass

from socialpublishing.errors import MediaError
from socialpublishing.media import documents, fetch, formats, store, videos
from socialpublishing.media.fetch import INTERNET, Network, Part, Span, Stream
from socialpublishing.media.pieces import PIECE_BYTES, Pieces, Read

__all__ = [
    "Downloaded",
    "MediaFacts",
    "Network",
    "Part",
    "Stream",
    "download",
    "open_stream",
    "probe",
    "public_address",
]

PROBE_S = 8  # a caller of the API waits for it
TRANSFER_S = 30
TRANSFER_S_PER_MB = 1
TRANSFER_MAX_S = 600


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """What the bytes say. None: not known, or not for this type."""

    mime_type: str
    size_bytes: int | None
    width: int | None = None  # pixels: of a picture as stored, of a video as it is shown
    height: int | None = None
    is_animated: bool = False  # GIF and WebP only
    duration_s: float | None = None  # videos only, and what follows
    frame_rate: float | None = None  # on average
    video_codec: str | None = None  # as FFmpeg names them: "h264"
    audio_codec: str | None = None  # None for a silent video, too

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
    """Look at a few parts of the file at `url`, 8 MB at most, within 8 s. Raises MediaError.

    `declared_type` is what the owner says it is: a MIME type, a family ("image", "image/*"), or
    nothing ("", "application/octet-stream"), when the bytes alone decide. A document has to be
    declared as one, by its type or as "document".

    A video whose header cannot be read is refused: players could not read it either.
    """
    with _about(url):
        deadline = time.monotonic() + PROBE_S
        address = store.address_of(url)
        file = Pieces(address, max_bytes=max_bytes, deadline=deadline, network=network)
        head = file.read(0, PIECE_BYTES)
        if documents.is_declared(declared_type):
            mime_type = documents.sniff(declared_type, file.read, file.size_bytes)
            return MediaFacts(mime_type=mime_type, size_bytes=file.size_bytes)
        mime_type = _sniff(head, declared_type)
        if mime_type.startswith("image/"):
            return _picture(mime_type, head, file.read, file.size_bytes)
        movie = videos.measure(mime_type, file.read, file.size_bytes, deadline=deadline)
        return MediaFacts(mime_type=mime_type, size_bytes=file.size_bytes, **vars(movie))


def download(
    url: str, *, max_bytes: int, declared_type: str = "", network: Network = INTERNET
) -> Downloaded:
    """The picture at `url`, held in memory. Raises MediaError."""
    with open_stream(url, max_bytes=max_bytes, network=network) as stream:
        data = b"".join(stream.chunks())
        facts = _picture(
            _sniff(data, declared_type),
            data,
            lambda start, length: data[start : start + length],
            len(data),
        )
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

    30 s and 1 s per MB of what may come are all the time there is, from the look-up to the last
    byte, 600 s at most. `max_bytes` and `expected_bytes` are for the whole file: one that is not of
    `expected_bytes` has changed since it was looked at (`asset_changed`).
    """
    seconds = TRANSFER_S + TRANSFER_S_PER_MB * (max_bytes - start) / 1_000_000
    with (
        _about(url),
        fetch.opened(
            store.address_of(url),
            max_bytes=max_bytes,
            seconds=min(seconds, TRANSFER_MAX_S),
            network=network,
            span=Span(start=start),
            expected_bytes=expected_bytes,
        ) as stream,
    ):
        yield stream


def public_address(url: str) -> str:
    """The address that a platform is given which pulls the file itself: signed, for a path.

    It is good for an hour, and a secret as long as it is: only for the request to the platform.
    Raises MediaError.
    """
    with _about(url):
        return store.address_of(url)


def _sniff(data: bytes, declared_type: str) -> str:
    mime_type = formats.sniff(data)
    formats.check_declared(declared_type, mime_type)
    return mime_type


def _picture(mime_type: str, head: bytes, read: Read, size_bytes: int | None) -> MediaFacts:
    header = formats.read_header(mime_type, read)
    formats.check_end(mime_type, head, size_bytes)
    return MediaFacts(mime_type=mime_type, size_bytes=size_bytes, **vars(header))


@contextmanager
def _about(url: str) -> Iterator[None]:
    """Name the address in whatever is raised, without its query: signatures are secrets."""
    try:
        yield
    except MediaError as error:
        raise type(error)(f"{error} ({_shown(url)})") from error


def _shown(url: str) -> str:
    address = url.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    shown = scheme + slashes + host.rpartition("@")[2] + slash + path
    return "".join(char if char.isprintable() else "\ufffd" for char in shown[:100])
