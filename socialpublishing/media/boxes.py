"""The boxes that MP4, QuickTime and HEIC files are made of (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEAD_BYTES = 16  # of the longest kind of head
MAX_BOXES = 1000  # beside each other; an honest file has a few dozen


@dataclass(frozen=True, kw_only=True)
class BoxHead:
    kind: bytes
    head_bytes: int
    length: int  # in bytes, the head included


def read_head(data: bytes, *, rest: int) -> BoxHead | None:
    """The head of a box that `data` begins with, None if it is none.

    `rest` is how many bytes the file, or the box around it, has from here on.
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
    elif length == 0:  # up to the end
        length = rest
    if length < head_bytes:
        return None
    return BoxHead(kind=kind, head_bytes=head_bytes, length=length)


def children(data: bytes, *kinds: bytes) -> Iterator[bytes]:
    """What stands in the boxes of the first of `kinds` in `data`, or below them, kind by kind."""
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
