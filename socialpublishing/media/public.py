"""The addresses at which platforms pull files.

A platform that pulls gets the address of the source itself, if it can fetch from there. Otherwise
it gets an address of ours, `/media/{signed}` on SERVICE_BASE_URL: `config/media.py` streams the
file there, without a redirect. The address is signed and valid for one hour. It holds the URL of
the source, readable for whoever has it, with the type and size that the probe found. Each pull
passes the address checks and the limits of all our reads again.
"""

from __future__ import annotations

import errno
import logging
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.core import signing

from socialpublishing.errors import AssetChangedError, AssetTypeMismatchError, MediaError
from socialpublishing.media import formats, open_stream, public_address
from socialpublishing.media.addresses import is_public_url, parse_address
from socialpublishing.media.concurrency import pulls
from socialpublishing.media.network import INTERNET, Network, resolves_privately
from socialpublishing.posts import Media

logger = logging.getLogger(__name__)

VALID_FOR_S = 3600
# Servers need not state the size of a picture; that of a video is always known.
MAX_UNKNOWN_BYTES = 64 * 1024 * 1024

# The separator is no character of the parts, and none that a URL has to encode.
_signer = signing.TimestampSigner(salt="socialpublishing.media.public", sep=".")
_SIGNED = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def pull_address(media: Media, *, network: Network = INTERNET) -> str:
    """The URL of `media` for a platform that pulls files. Raises MediaError.

    It is a secret while it is valid, as in `public_address`.
    """
    address = public_address(media.url)
    if media.is_redirected or not _is_reachable(address, network):
        return signed_address(media)
    return address


def signed_address(media: Media) -> str:
    """The URL of `media` at this service, for a picture or a video."""
    signed = _signer.sign_object([media.url, media.mime_type, media.size_bytes])
    return f"{settings.SERVICE_BASE_URL}/media/{signed}"


def can_be_pulled_from() -> bool:
    """Whether platforms can fetch from SERVICE_BASE_URL. The sandbox can."""
    return bool(settings.SANDBOX_URL) or is_public_url(f"{settings.SERVICE_BASE_URL}/")


def _is_reachable(url: str, network: Network) -> bool:
    """Whether servers outside our network can fetch from `url`. Only trusted origins may differ."""
    if settings.SANDBOX_URL and url.startswith(f"{settings.SANDBOX_URL}/"):
        return True  # all platforms are the sandbox, and it reaches itself
    address = parse_address(url)
    if not address.is_trusted:
        return True
    return is_public_url(url) and not resolves_privately(address, network)


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """What a signed address names."""

    url: str
    mime_type: str
    size_bytes: int | None

    @classmethod
    def from_signed(cls, signed: str) -> Self | None:
        """None for a text that is forged or has expired."""
        if not _SIGNED.fullmatch(signed):
            return None  # base64 has several spellings of one text; this admits the usual ones
        try:
            url, mime_type, size_bytes = _signer.unsign_object(signed, max_age=VALID_FOR_S)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        if mime_type not in formats.ACCEPTED:
            return None
        return cls(url=url, mime_type=mime_type, size_bytes=size_bytes)


class Pull:
    """The bytes of `file` from `start` on, `length` of them at most. `close` frees its place.

    Raises MediaError if the file cannot be read, or no longer has the type and the size that were
    probed, and MediaBusyError if all places are taken. Later failures raise ConnectionResetError:
    the response has begun, so it can only be cut off.
    """

    def __init__(
        self,
        file: PublicFile,
        *,
        start: int = 0,
        length: int | None = None,
        network: Network = INTERNET,
    ) -> None:
        self._stack = ExitStack()
        self._length = length
        size = file.size_bytes
        try:
            stream = self._stack.enter_context(
                open_stream(
                    file.url,
                    max_bytes=MAX_UNKNOWN_BYTES if size is None else size,
                    start=start,
                    expected_bytes=size,
                    limiter=pulls,
                    network=network,
                )
            )
            self._chunks = stream.chunks()
            self._first = next(self._chunks, b"")
            # A later part does not show the type.
            if start == 0:
                _check_type(self._first, file.mime_type)
        except BaseException:
            self._stack.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        left = math.inf if self._length is None else self._length
        chunk = self._first
        while chunk and left:
            part = chunk if len(chunk) <= left else chunk[: int(left)]
            yield part
            left -= len(part)
            chunk = self._next() if left else b""

    def close(self) -> None:
        self._stack.close()

    def _next(self) -> bytes:
        try:
            return next(self._chunks, b"")
        except MediaError as error:
            logger.warning("pull of a file cut off: %s: %s", error.code, error)
            raise ConnectionResetError(errno.ECONNRESET, "the file ended early") from error


def _check_type(head: bytes, mime_type: str) -> None:
    try:
        found = formats.sniff(head)
    except AssetTypeMismatchError as error:
        raise AssetChangedError from error
    if found != mime_type:
        raise AssetChangedError
