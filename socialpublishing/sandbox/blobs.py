"""Uploaded bytes: a small blob is in memory, a large one in a file, as videos exceed memory."""

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

# Small, because a video of a gibibyte may arrive in a thousand parts.
MAX_IN_MEMORY = 64 * 1024
PIECE_BYTES = 1024 * 1024


class Blob:
    """Bytes with one writer (`write`) and any number of readers, each with its own `open`.

    Its file is deleted with the object. `mime_type` and `name` come from the sender, "" if it sent
    none.
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
        """In hexadecimal digits, of the bytes written so far."""
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
        # Not kept open: an upload may have more parts than a process may have open files.
        with self._path.open("ab") as file:
            file.write(piece)

    def open(self) -> BinaryIO:
        if self._path is None:
            return io.BytesIO(self._data)
        return self._path.open("rb")

    def read(self) -> bytes:
        """All bytes, in memory."""
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
    blob = Blob()
    for part in parts:
        for piece in part.pieces():
            blob.write(piece)
    return blob


def directory() -> Path:
    """The folder of the files. It is deleted when the process ends."""
    return Path(_directory().name)


@functools.cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sandbox-")
