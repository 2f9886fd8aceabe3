"""A file that lies elsewhere, read here and there, and never much of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from socialpublishing.errors import AssetTypeMismatchError, AssetUnreachableError, MediaError
from socialpublishing.media import fetch
from socialpublishing.media.fetch import Network, Span

PIECE_BYTES = 64 * 1024  # the least that is fetched at once
MAX_BYTES = 8 * 1024 * 1024  # in all, also of a server that sends more than it was asked for
MAX_REQUESTS = 16

# (start, length): those bytes, fewer at the end of the file. Raises MediaError.
Read = Callable[[int, int], bytes]


@dataclass(frozen=True, kw_only=True)
class Piece:
    start: int
    data: bytes
    reaches_end: bool

    def holds(self, start: int, length: int) -> bool:
        end = self.start + len(self.data)
        return self.start <= start and (self.reaches_end or start + length <= end)


class Pieces:
    """The file at `url`. All its reading ends at `deadline`, a time.monotonic()."""

    def __init__(self, url: str, *, max_bytes: int, deadline: float, network: Network) -> None:
        self.size_bytes: int | None = None  # told by the first answer, if at all
        self._url = url
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._network = network
        self._pieces: list[Piece] = []
        self._bytes_left = MAX_BYTES
        self._requests_left = MAX_REQUESTS
        self._has_ranges = True

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start` on, fewer at the end of the file.

        Raises MediaError, also for bytes that are too far away to be looked at.
        """
        for piece in self._pieces:
            if piece.holds(start, length):
                return piece.data[start - piece.start :][:length]
        if self.size_bytes is not None:
            length = min(length, self.size_bytes - start)
            if length <= 0:
                return b""
        if self._has_ranges and (found := self._fetched(start, max(length, PIECE_BYTES))):
            return found.data[:length]
        # From a server without ranges, all that we may still take, once: or nothing, if what is
        # wanted would not be in it.
        if start + length > self._bytes_left:
            raise _too_far()
        whole = self._fetched(0, self._bytes_left)
        assert whole is not None
        return whole.data[start : start + length]

    def _fetched(self, start: int, length: int) -> Piece | None:
        """None if the server sends nothing but the whole file, and `start` is not its beginning."""
        if self.size_bytes is not None:
            length = min(length, self.size_bytes - start)
        if not 0 < length <= self._bytes_left or not self._requests_left:
            raise _too_far()
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise AssetUnreachableError("The server of the file is too slow.")
        self._requests_left -= 1
        transfer = fetch.opened(
            self._url,
            max_bytes=self._max_bytes,
            span=Span(start=start, length=length),
            seconds=seconds,
            network=self._network,
            expected_bytes=self.size_bytes,
        )
        with transfer as stream:
            self._has_ranges = stream.is_ranged
            if start and not stream.is_ranged:
                return None
            data = b"".join(stream.chunks())
            self.size_bytes = stream.size_bytes
        self._bytes_left -= len(data)
        is_short = len(data) < length
        piece = Piece(
            start=start,
            data=data,
            reaches_end=is_short or start + len(data) == self.size_bytes,
        )
        self._pieces.append(piece)
        return piece


def _too_far() -> MediaError:
    return AssetTypeMismatchError(
        "What the file is, or how large its picture, does not show in the parts that we look at.",
    )
