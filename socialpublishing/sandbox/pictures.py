"""Reads an uploaded picture's type and size from its header."""

import struct
from dataclasses import dataclass

import filetype

MIME_TYPES = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"}
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """`width` and `height` are in pixels; both are 0 for TIFF, which is not parsed."""

    mime_type: str
    width: int
    height: int
    is_animated: bool


def read_picture(data: bytes) -> Picture | None:
    """None if the file is no picture, or its header is broken."""
    mime_type = filetype.guess_mime(data)
    if mime_type not in MIME_TYPES:
        return None
    try:
        width, height = _size(mime_type, data)
    except (struct.error, IndexError):
        return None
    return Picture(
        mime_type=mime_type,
        width=width,
        height=height,
        # Each frame of an animation starts with its own graphic control extension.
        is_animated=mime_type == "image/gif" and data.count(b"\x00\x21\xf9\x04") > 1,
    )


def _size(mime_type: str, data: bytes) -> tuple[int, int]:
    match mime_type:
        case "image/png":
            return _unpack(">II", data, 16)
        case "image/gif":
            return _unpack("<HH", data, 6)
        case "image/bmp":
            width, height = _unpack("<ii", data, 18)
            return width, abs(height)  # negative if rows are stored from the top
        case "image/jpeg":
            return _jpeg_size(data)
        case "image/webp":
            return _webp_size(data)
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the frame header (SOF0 … SOF15), which holds the size."""
    at = 2
    while True:
        marker, length = _unpack(">HH", data, at)
        is_frame = 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC)
        if is_frame:
            height, width = _unpack(">HH", data, at + 5)
            return width, height
        at += 2 + length


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 ":
            width, height = _unpack("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
    return (high_w << 16 | low_w) + 1, (high_h << 16 | low_h) + 1


def _unpack(shape: str, data: bytes, offset: int) -> tuple[int, int]:
    first, second = struct.unpack_from(shape, data, offset)
    return first, second
