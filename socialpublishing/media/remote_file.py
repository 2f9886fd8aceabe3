"""Random access to a remote file by HTTP ranges, with a byte budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from socialpublishing.errors import AssetTypeMismatchError, AssetUnreachableError
from socialpublishing.media import fetch
from socialpublishing.media.network import Network
from socialpublishing.media.stream import ByteRange

BLOCK_BYTES = 64 * 1024  # the least that one request fetches
READ_BUDGET_BYTES = 8 * 1024 * 1024  # for one file, also if a server sends more than requested
MAX_REQUESTS = 16
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

    def _fetch(self, start: int, length: int) -> Block | None:
        """None if the server ignores ranges and `start` is not the beginning of the file."""
        if self.size_bytes is not None:
            length = min(length, self.size_bytes - start)
        if not 0 < length <= self._bytes_left or not self._requests_left:
            raise AssetTypeMismatchError(OUT_OF_REACH)
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise AssetUnreachableError("The server of the file is too slow.")
        self._requests_left -= 1
        transfer = fetch.opened(
            self._url,
            max_bytes=self._max_bytes,
            byte_range=ByteRange(start=start, length=length),
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
        block = Block(
            start=start,
            data=data,
            reaches_end=is_short or start + len(data) == self.size_bytes,
        )
        self._blocks.append(block)
        return block
