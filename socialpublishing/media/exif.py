"""The metadata of a picture: how it is turned, and whether more pictures follow.

Exif is a TIFF directory (https://www.cipa.jp/std/documents/download_e.html?CIPA_DC-008-2024-E), so
is the index of a multi-picture file (CIPA DC-007-2021). No value is followed further than one step.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_ENTRIES = 512
ORIENTATION = 0x0112
# Values of the orientation that exchange width and height.
QUARTER_TURNS = frozenset({5, 6, 7, 8})
PICTURES = 0xB002  # the list of pictures in a multi-picture file
PICTURE_BYTES = 16
SHORT, LONG = 3, 4


@dataclass(frozen=True, kw_only=True)
class Entry:
    tag: int
    kind: int
    count: int
    value: bytes  # the value itself, or the position of a longer one


def is_turned(tiff: bytes) -> bool:
    """Whether Exif data shows the picture with width and height exchanged."""
    try:
        order, entries = _directory(tiff.removeprefix(b"Exif\0\0"))
        for entry in entries:
            if entry.tag == ORIENTATION and entry.kind == SHORT:
                return struct.unpack_from(f"{order}H", entry.value)[0] in QUARTER_TURNS
    except struct.error:
        pass  # platforms ignore damaged metadata
    return False


@dataclass(frozen=True, kw_only=True)
class FurtherPicture:
    """One of a multi-picture file, after its first. `offset` counts from the index."""

    offset: int
    is_frame: bool  # a view of the same scene, such as that of the other eye


def further_pictures(index: bytes) -> list[FurtherPicture]:
    """The pictures of a multi-picture file by its index. Raises struct.error if it is damaged."""
    order, entries = _directory(index)
    for entry in entries:
        if entry.tag == PICTURES:
            (at,) = struct.unpack_from(f"{order}I", entry.value)
            listed = index[at : at + min(entry.count, MAX_ENTRIES * PICTURE_BYTES)]
            rows = struct.iter_unpack(f"{order}IIIHH", listed)
            return [
                FurtherPicture(offset=offset, is_frame=attribute >> 16 & 0xFF == 2)
                for attribute, _, offset, _, _ in rows
                if offset
            ]
    raise struct.error("no list of pictures")


def _directory(tiff: bytes) -> tuple[str, Iterator[Entry]]:
    """The byte order and the first directory. Raises struct.error."""
    order = "<" if tiff[:2] == b"II" else ">"
    _, _, at = struct.unpack_from(f"{order}2sHI", tiff)
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    end = at + 2 + 12 * min(count, MAX_ENTRIES)
    rows = struct.iter_unpack(f"{order}HHI4s", tiff[at + 2 : end])
    return order, (Entry(tag=tag, kind=kind, count=n, value=value) for tag, kind, n, value in rows)
