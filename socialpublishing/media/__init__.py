"""Reading media files at URLs that others wrote: existence, type, measures and content.

addresses.py checks each URL and the IP addresses of its host. network.py connects only to checked
addresses and limits time and bytes. concurrency.py limits parallel reads, fetch.py follows
redirects, stream.py reads a response, remote_file.py reads ranges of a file. formats.py,
pictures.py, documents.py and videos.py read the type and the measures from the bytes. A path
instead of a URL names a file in the object store (store.py). public.py signs the addresses at which
platforms pull a file from us.

Every failure is a MediaError (socialpublishing/errors.py) with a sentence for the owner of the
post. The sentence names the URL without its query, because signatures are secrets.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from socialpublishing.errors import AssetChangedError, AssetTypeMismatchError, MediaError
from socialpublishing.media import addresses, documents, fetch, formats, pictures, store, videos
from socialpublishing.media.concurrency import ReadLimiter, reads
from socialpublishing.media.network import INTERNET, Network
from socialpublishing.media.remote_file import BLOCK_BYTES, Read, RemoteFile
from socialpublishing.media.stream import ByteRange, Part, Stream, too_large

__all__ = [
    "Downloaded",
    "MediaFacts",
    "Network",
    "Part",
    "Stream",
    "check_size",
    "check_unchanged",
    "download",
    "open_stream",
    "owned",
    "probe",
    "probe_picture",
    "public_address",
]

PROBE_S = 8  # a caller of the API waits meanwhile
TRANSFER_S = 30
TRANSFER_S_PER_MB = 1
TRANSFER_MAX_S = 600
HEAD_BYTES = 4096  # they show the type of a picture or video
UNBOUNDED = 10**12  # bytes: the limits were checked when the post was accepted


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """Facts read from the bytes. None: unknown, or does not apply to this type."""

    mime_type: str
    size_bytes: int | None
    width: int | None = None  # pixels, as shown
    height: int | None = None
    is_redirected: bool = False  # the server redirected us
    is_animated: bool = False  # GIF and WebP only
    is_mpo: bool = False  # several pictures in one JPEG file
    duration_s: float | None = None  # this and all below: videos only
    frame_rate: float | None = None  # on average
    video_codec: str | None = None  # FFmpeg's name, such as "h264"
    audio_codec: str | None = None  # None for a silent video too

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
    """Read a few parts of the file at `url`, 8 MB at most, within 8 s. Raises MediaError.

    `declared_type` is the caller's declaration: a MIME type, a family ("image", "image/*"), or
    none ("", "application/octet-stream"): then the bytes alone decide. A document must be declared
    as one, by its MIME type or as "document".

    A video with an unreadable header is refused: players could not read it either. A file whose
    server does not report its size is read to its end, 32 MB at most.
    """
    with _errors_name(url):
        deadline = time.monotonic() + PROBE_S
        address = store.address_of(url)
        file = RemoteFile(address, max_bytes=max_bytes, deadline=deadline, network=network)
        facts = _facts_of(file, declared_type, deadline)
        return replace(facts, size_bytes=file.learn_size(), is_redirected=file.is_redirected)


def probe_picture(
    url: str, *, mime_types: Collection[str], max_bytes: int, network: Network = INTERNET
) -> None:
    """As `probe`, for a picture of one of these types. Raises MediaError for any other file."""
    with _errors_name(url):
        deadline = time.monotonic() + PROBE_S
        address = store.address_of(url)
        file = RemoteFile(address, max_bytes=max_bytes, deadline=deadline, network=network)
        head = file.read(0, BLOCK_BYTES)
        mime_type = formats.picture_type(head, mime_types)
        _picture_facts(mime_type, head, file.read, file.size_bytes)
        file.learn_size()


def check_size(url: str, size_bytes: int | None, max_bytes: int) -> None:
    """Raise AssetTooLargeError for a file that was probed with a higher limit than `max_bytes`."""
    if size_bytes is not None and size_bytes > max_bytes:
        with _errors_name(url):
            raise too_large(max_bytes)


def _facts_of(file: RemoteFile, declared_type: str, deadline: float) -> MediaFacts:
    head = file.read(0, BLOCK_BYTES)
    if documents.is_declared(declared_type):
        mime_type = documents.sniff(declared_type, file.read, file.size_bytes)
        return MediaFacts(mime_type=mime_type, size_bytes=file.size_bytes)
    mime_type = _sniff(head, declared_type)
    if mime_type.startswith("image/"):
        return _picture_facts(mime_type, head, file.read, file.size_bytes)
    facts = videos.measure(mime_type, file.read, file.size_bytes, deadline=deadline)
    return MediaFacts(mime_type=mime_type, size_bytes=file.size_bytes, **vars(facts))


def download(
    url: str,
    *,
    max_bytes: int,
    declared_type: str = "",
    expected_bytes: int | None = None,
    network: Network = INTERNET,
) -> Downloaded:
    """The picture at `url`, in memory. Raises MediaError.

    With `expected_bytes`, its size at acceptance, a file of another size or of another type than
    `declared_type` has changed since (`asset_changed`).
    """
    with open_stream(
        url, max_bytes=max_bytes, expected_bytes=expected_bytes, network=network
    ) as stream:
        data = b"".join(stream.chunks())
        try:
            facts = _picture_facts(
                _sniff(data, declared_type),
                data,
                lambda start, length: data[start : start + length],
                len(data),
            )
        except AssetTypeMismatchError as error:
            if expected_bytes is None:
                raise
            raise AssetChangedError from error
    return Downloaded(**vars(facts), data=data, sha256=hashlib.sha256(data).hexdigest())


def check_unchanged(
    url: str, *, declared_type: str, expected_bytes: int | None, network: Network = INTERNET
) -> None:
    """Raise AssetChangedError for a file of another size or type than when it was accepted.

    For files that a platform pulls by itself. Another ETag or date alone is no change.
    """
    with _errors_name(url):
        deadline = time.monotonic() + PROBE_S
        file = RemoteFile(
            store.address_of(url), max_bytes=UNBOUNDED, deadline=deadline, network=network
        )
        head = file.read(0, BLOCK_BYTES)
        _check_type(head, declared_type)
        if expected_bytes is not None and file.learn_size() != expected_bytes:
            raise AssetChangedError


@contextmanager
def open_stream(
    url: str,
    *,
    max_bytes: int,
    start: int = 0,
    expected_bytes: int | None = None,
    expected_type: str = "",
    network: Network = INTERNET,
    limiter: ReadLimiter = reads,
) -> Iterator[Stream]:
    """The file at `url` from byte `start` on, as a stream. Opening and reading raise MediaError.

    The time limit, from name resolution to the last byte, is 30 s plus 1 s per MB of `max_bytes`
    after `start`, at most 600 s. `max_bytes` and `expected_bytes` count the whole file: a file of
    another size than `expected_bytes` has changed since it was probed (`asset_changed`), and so has
    one that no longer begins as a file of `expected_type`.
    """
    seconds = TRANSFER_S + TRANSFER_S_PER_MB * (max_bytes - start) / 1_000_000
    with (
        _errors_name(url),
        fetch.opened(
            store.address_of(url),
            max_bytes=max_bytes,
            seconds=min(seconds, TRANSFER_MAX_S),
            network=network,
            byte_range=ByteRange(start=start),
            expected_bytes=expected_bytes,
            limiter=limiter,
        ) as stream,
    ):
        if expected_type and not start:
            _check_type(stream.head(HEAD_BYTES), expected_type)
        yield stream


def _check_type(head: bytes, expected_type: str) -> None:
    if documents.is_declared(expected_type):
        is_same = documents.begins_as(expected_type, head)
    else:
        is_same = formats.recognised(head) == formats.normalized(expected_type)
    if not is_same:
        raise AssetChangedError


def public_address(url: str) -> str:
    """The URL for a platform that pulls the file itself, in ASCII. For a path it is signed.

    A signed URL is valid for one hour and a secret meanwhile: use it only in the request to the
    platform. Raises MediaError.
    """
    with _errors_name(url):
        return addresses.as_ascii(store.address_of(url))


def _sniff(data: bytes, declared_type: str) -> str:
    mime_type = formats.sniff(data)
    formats.check_declared(declared_type, mime_type)
    return mime_type


def _picture_facts(mime_type: str, head: bytes, read: Read, size_bytes: int | None) -> MediaFacts:
    header = pictures.read_header(mime_type, read)
    pictures.check_end(mime_type, head, size_bytes)
    return MediaFacts(mime_type=mime_type, size_bytes=size_bytes, **vars(header))


def owned(url: str, user_id: str) -> str:
    """`url` itself, or for a path that of a file of `user_id`. Raises MediaError."""
    with _errors_name(url):
        return store.owned(url, user_id)


@contextmanager
def _errors_name(url: str) -> Iterator[None]:
    """Add the URL to each MediaError, without its query: signatures are secrets."""
    try:
        yield
    except MediaError as error:
        raise type(error)(f"{error} ({_printable(url)})") from error


def _printable(url: str) -> str:
    address = url.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    shown = scheme + slashes + host.rpartition("@")[2] + slash + path
    return "".join(char if char.isprintable() else "\ufffd" for char in shown[:100])
