"""Random access to a remote file by HTTP ranges, with a byte budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from socialpublishing.errors import (
    AssetSizeUnknownError,
    AssetTooLargeError,
    AssetTypeMismatchError,
    AssetUnreachableError,
)
from socialpublishing.media import fetch
from socialpublishing.media.network import TOO_SLOW, Network
from socialpublishing.media.stream import WHOLE_FILE, ByteRange, Stream

BLOCK_BYTES = 64 * 1024  # the least that one request fetches
READ_BUDGET_BYTES = 8 * 1024 * 1024  # for one file, also if a server sends more than requested
MAX_REQUESTS = 16
# The longest file that is read to its end to learn its size: more than any platform takes for a
# picture.
COUNTED_BYTES = 32 * 1024 * 1024
OUT_OF_REACH = "The parts of the file that we read do not show its type or the size of its picture."

# (start, length): those bytes, fewer at the end of the file. Raises MediaError.
Read = Callable[[int, int], bytes]


@dataclass(frozen=True, kw_only=True)
class Block:
    start: int
    data: bytes
    reaches_end: bool

    def contains(self, start: int, length: int) -> bool:
        end = self.start + len(self.data)
        return self.start <= start and (self.reaches_end or start + length <= end)


class RemoteFile:
    """The file at `url`. All reading ends at `deadline`, a time.monotonic()."""

    def __init__(self, url: str, *, max_bytes: int, deadline: float, network: Network) -> None:
        self.size_bytes: int | None = None  # known after the first response, if at all
        self.is_redirected = False
        self._url = url
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._network = network
        self._blocks: list[Block] = []
        self._bytes_left = READ_BUDGET_BYTES
        self._requests_left = MAX_REQUESTS
        self._has_ranges = True

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start` on, fewer at the end of the file.

        Raises MediaError, also if the bytes are beyond the budget.
        """
        for block in self._blocks:
            if block.contains(start, length):
                return block.data[start - block.start :][:length]
        if self.size_bytes is not None:
            length = min(length, self.size_bytes - start)
            if length <= 0:
                return b""
        if self._has_ranges and (fetched := self._fetch(start, max(length, BLOCK_BYTES))):
            return fetched.data[:length]
        # A server without ranges sends the file from its beginning: read as much as the budget
        # allows, once, but only if it includes the requested bytes.
        if start + length > self._bytes_left:
            raise AssetTypeMismatchError(OUT_OF_REACH)
        beginning = self._fetch(0, self._bytes_left)
        assert beginning is not None
        return beginning.data[start : start + length]

    def learn_size(self) -> int:
        """The size of the file, read to its end if its server does not report it.

        Raises MediaError, also for a file of unknown size that is longer than COUNTED_BYTES.
        """
        if self.size_bytes is None:
            with self._opened(WHOLE_FILE, min(self._max_bytes, COUNTED_BYTES)) as stream:
                try:
                    self.size_bytes = sum(map(len, stream.chunks()))
                except AssetTooLargeError as error:
                    if self._max_bytes <= COUNTED_BYTES:
                        raise
                    raise AssetSizeUnknownError(
                        "The server does not report the size of the file, which is longer than "
                        f"{COUNTED_BYTES // 1024**2} MB: let it send Content-Length."
                    ) from error
        return self.size_bytes

    def _fetch(self, start: int, length: int) -> Block | None:
        """None if the server ignores ranges and `start` is not the beginning of the file."""
        if self.size_bytes is not None:
            length = min(length, self.size_bytes - start)
        if not 0 < length <= self._bytes_left or not self._requests_left:
            raise AssetTypeMismatchError(OUT_OF_REACH)
        self._requests_left -= 1
        with self._opened(ByteRange(start=start, length=length), self._max_bytes) as stream:
            self._has_ranges = stream.is_ranged
            if start and not stream.is_ranged:
                return None
            data = b"".join(stream.chunks())
            self.size_bytes = stream.size_bytes
            self.is_redirected = stream.is_redirected
        self._bytes_left -= len(data)
        is_short = len(data) < length
        block = Block(
            start=start,
            data=data,
            reaches_end=is_short or start + len(data) == self.size_bytes,
        )
        self._blocks.append(block)
        return block

    def _opened(self, byte_range: ByteRange, max_bytes: int) -> AbstractContextManager[Stream]:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise AssetUnreachableError(TOO_SLOW)
        return fetch.opened(
            self._url,
            max_bytes=max_bytes,
            byte_range=byte_range,
            seconds=seconds,
            network=self._network,
            expected_bytes=self.size_bytes,
        )
