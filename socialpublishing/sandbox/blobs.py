"""Bytes that came in: few are kept in memory, many in a file. A video may be larger than memory."""

from __future__ import annotations

import functools
import hashlib
import io
import tempfile
import uuid
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

# Few, because a video of a gibibyte may come in a thousand parts.
MAX_IN_MEMORY = 64 * 1024
PIECE_BYTES = 1024 * 1024


class Blob:
    """It grows by `write`, by one writer; `open` gives each reader a place of its own.

    Its file goes with the last one who holds the blob. `mime_type` and `name` are what its sender
    called it, "" if nothing.
    """

    def __init__(self, *, mime_type: str = "", name: str = "") -> None:
        self.mime_type = mime_type
        self.name = name
        self.size = 0
        self._hash = hashlib.sha256()
        self._data = b""
        self._path: Path | None = None

    @classmethod
    def of(cls, data: bytes | Blob) -> Blob:
        if isinstance(data, Blob):
            return data
        blob = cls()
        blob.write(data)
        return blob

    @property
    def sha256(self) -> str:
        """In hexadecimal digits, of what was written until now."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.size += len(piece)
        if self._path is None and self.size <= MAX_IN_MEMORY:
            self._data += piece
            return
        if self._path is None:
            self._path = directory() / uuid.uuid4().hex
            weakref.finalize(self, self._path.unlink, missing_ok=True)
            piece, self._data = self._data + piece, b""
        # Not kept open: an upload has more parts than a process may have files.
        with self._path.open("ab") as file:
            file.write(piece)

    def open(self) -> BinaryIO:
        if self._path is None:
            return io.BytesIO(self._data)
        return self._path.open("rb")

    def read(self) -> bytes:
        """All of it, in memory."""
        with self.open() as file:
            return file.read()

    def head(self, size: int) -> bytes:
        with self.open() as file:
            return file.read(size)

    def pieces(self) -> Iterator[bytes]:
        with self.open() as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


def joined(parts: Iterable[Blob]) -> Blob:
    """One blob of all `parts`, in their order."""
    whole = Blob()
    for part in parts:
        for piece in part.pieces():
            whole.write(piece)
    return whole


def directory() -> Path:
    """Where the files are. It goes with the process."""
    return Path(_directory().name)


@functools.cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sandbox-")
