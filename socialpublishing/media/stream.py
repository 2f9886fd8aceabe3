"""The body of a file's response, read as it arrives and checked against its stated length."""

from __future__ import annotations

import http.client
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from socialpublishing.errors import (
    AssetChangedError,
    AssetIncompleteError,
    AssetTooLargeError,
    AssetUnreachableError,
)
from socialpublishing.media.network import TOO_SLOW, Connection

CHUNK_BYTES = 64 * 1024
# A server that keeps the connection open may still send what exceeds its stated length. A trusted
# one does not try to: only bytes that have arrived count.
EXTRA_BYTES_WAIT_S = 0.2
TRUSTED_EXTRA_BYTES_WAIT_S = 0.001
ENDED_EARLY = "The file ended before its stated length."
WRONG_RANGE = "The server of the file sent another part than the request named."


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """The requested part of a file: `length` bytes from byte `start` on, or all from there."""

    start: int = 0
    length: int | None = None

    @property
    def header(self) -> str | None:
        if not self.start and self.length is None:
            return None
        last = "" if self.length is None else str(self.start + self.length - 1)
        return f"bytes={self.start}-{last}"

    def matches(self, first: int, last: int, size_bytes: int | None) -> bool:
        """Whether `first` to `last`, both included, is this range of a file of `size_bytes`."""
        end = math.inf if self.length is None else self.start + self.length
        if size_bytes is None:
            return first == self.start <= last < end
        return first == self.start <= last == min(end, size_bytes) - 1


WHOLE_FILE = ByteRange()


class Stream:
    """The body of a response. `size_bytes` is the size of the whole file, None if unknown.

    With `is_ranged` the body is the requested range. Without it the body is the whole file; the
    bytes before the range are read and dropped.
    """

    def __init__(
        self,
        connection: Connection,
        response: http.client.HTTPResponse,
        *,
        max_bytes: int,
        byte_range: ByteRange,
        expected_bytes: int | None,
        on_end: Callable[[], None],
        is_redirected: bool = False,
        is_trusted: bool = False,
    ) -> None:
        self.is_redirected = is_redirected
        self._on_end = on_end  # called when no more bytes are expected
        self._extra_wait_s = TRUSTED_EXTRA_BYTES_WAIT_S if is_trusted else EXTRA_BYTES_WAIT_S
        self._connection = connection
        self._response = response
        self._max_bytes = max_bytes
        self._range = byte_range
        self._expected_bytes = expected_bytes
        length, self.size_bytes = _stated_lengths(response, byte_range)
        if expected_bytes is not None and self.size_bytes not in {None, expected_bytes}:
            raise AssetChangedError
        if self.size_bytes is not None and self.size_bytes > max_bytes:
            raise too_large(max_bytes)
        self.is_ranged = response.status == 206
        self._to_skip = 0 if self.is_ranged else byte_range.start
        # The position in the file at which the body ends, as its server states.
        self._end = None if length is None else length + (byte_range.start if self.is_ranged else 0)
        self._part: Part | None = None
        self._head = b""  # read ahead by `head`

    def head(self, length: int) -> bytes:
        """The first `length` bytes, fewer at the end. They are read again afterwards."""
        while len(self._head) < length and (chunk := self._read_on(length - len(self._head))):
            self._head += chunk
        return self._head

    def chunks(self) -> Iterator[bytes]:
        """The requested bytes, in chunks. Raises MediaError, also after some chunks."""
        self._skip()
        at, length = self._range.start, self._range.length
        wanted_end = self._max_bytes + 1 if length is None else at + length
        while at < wanted_end:
            chunk = self._read(min(CHUNK_BYTES, wanted_end - at))
            if not chunk:
                break
            at += len(chunk)
            if at > self._max_bytes:
                raise too_large(self._max_bytes)
            yield chunk
        if length is None or at < wanted_end:
            self._check_end(at)

    def part(self, length: int) -> Part:
        """The next `length` bytes, as a body that is read while it is sent.

        The rest of a part that was not read to its end is skipped.
        """
        if self._part is not None:
            self._to_skip += self._part.left
        self._skip()
        self._part = Part(self._read, length)
        return self._part

    def _check_end(self, at: int) -> None:
        """Compare the end of the body, at byte `at` of the file, with its stated length."""
        self._on_end()
        if self._end is not None:
            if at < self._end:
                raise AssetIncompleteError(ENDED_EARLY)
            if self._connection.has_more(self._extra_wait_s):
                raise AssetIncompleteError("The file continued after its stated length.")
        elif self._expected_bytes not in {None, at}:
            raise AssetChangedError
        self.size_bytes = at if self.size_bytes is None else self.size_bytes

    def _skip(self) -> None:
        while self._to_skip:
            chunk = self._read(min(CHUNK_BYTES, self._to_skip))
            if not chunk:
                raise AssetIncompleteError(ENDED_EARLY)
            self._to_skip -= len(chunk)

    def _read(self, size: int) -> bytes:
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._read_on(size)

    def _read_on(self, size: int) -> bytes:
        with _body_errors():
            return self._response.read(size)


class Part:
    """A part of a file with a known length, read once.

    `requests` sends it as a body with Content-Length, without holding it in memory.
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
            raise AssetIncompleteError(ENDED_EARLY)
        self.left -= len(chunk)
        return chunk


def _stated_lengths(
    response: http.client.HTTPResponse, byte_range: ByteRange
) -> tuple[int | None, int | None]:
    """The lengths of the body and of the whole file, None where the server states none."""
    lengths = response.headers.get_all("Content-Length", [])
    if len(lengths) > 1 or any(not re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise AssetIncompleteError("The server of the file states its length in more than one way.")
    if response.status == 206:
        return _stated_range(response.headers.get("Content-Range", ""), byte_range)
    if response.length is None:
        return None, None
    return response.length, response.length


def _stated_range(content_range: str, byte_range: ByteRange) -> tuple[int, int | None]:
    stated = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", content_range)
    if stated is None:
        raise AssetIncompleteError(WRONG_RANGE)
    first, last = int(stated[1]), int(stated[2])
    size_bytes = None if stated[3] == "*" else int(stated[3])
    if not byte_range.matches(first, last, size_bytes):
        raise AssetIncompleteError(WRONG_RANGE)
    return last - first + 1, size_bytes


@contextmanager
def _body_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise AssetUnreachableError(TOO_SLOW) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AssetIncompleteError("The connection broke before the end of the file.") from error


def too_large(max_bytes: int) -> AssetTooLargeError:
    return AssetTooLargeError(f"The file is larger than {max_bytes / 1_000_000:g} MB.")
