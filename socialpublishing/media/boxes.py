"""The boxes that MP4, QuickTime and HEIC files are made of (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEAD_BYTES = 16  # the longest form of a box header
MAX_BOXES = 1000  # on one level; a normal file has a few dozen


@dataclass(frozen=True, kw_only=True)
class BoxHead:
    kind: bytes
    head_bytes: int
    length: int  # in bytes, including the header


def read_head(data: bytes, *, rest: int) -> BoxHead | None:
    """The header of the box at the start of `data`, None if there is no box.

    `rest` is the number of bytes from here to the end of the file or of the enclosing box.
    """
    if len(data) < 8:
        return None
    length, kind = struct.unpack_from(">I4s", data)
    head_bytes = 8
    if length == 1:  # a 64-bit length follows
        if len(data) < HEAD_BYTES:
            return None
        (length,) = struct.unpack_from(">Q", data, 8)
        head_bytes = HEAD_BYTES
    elif length == 0:  # to the end
        length = rest
    if length < head_bytes:
        return None
    return BoxHead(kind=kind, head_bytes=head_bytes, length=length)


def children(data: bytes, *kinds: bytes) -> Iterator[bytes]:
    """The contents of all boxes in `data` at the path `kinds`, such as b"moov", b"trak"."""
    if not kinds:
        yield data
        return
    at = 0
    for _ in range(MAX_BOXES):
        box = read_head(data[at : at + HEAD_BYTES], rest=len(data) - at)
        if box is None:
            return
        if box.kind == kinds[0]:
            yield from children(data[at + box.head_bytes : at + box.length], *kinds[1:])
        at += box.length
