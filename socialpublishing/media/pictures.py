"""The dimensions of a picture as shown, and whether it is animated. Nothing is decoded.

The headers are read here and not by a library: these few lines bound what a hostile header can
cost, and they read no more of the file than they need.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from socialpublishing.errors import (
    AssetIncompleteError,
    AssetTooLargeError,
    AssetTypeMismatchError,
)
from socialpublishing.media import boxes, exif
from socialpublishing.media.remote_file import BLOCK_BYTES, Read

T = TypeVar("T")

# A larger picture exists only to exhaust the program that decodes it.
MAX_PIXELS = 50_000_000
MAX_SIDE = 20_000
MAX_FRAMES = 1_000
MAX_GIF_BLOCKS = 500_000
MAX_ANIMATION_PIXELS = 300_000_000  # of all frames together: X's limit, the highest of all

# How much is read to find the dimensions. Nearly every picture has them in the first block; cameras
# write previews, colour profiles and depth maps before them, but not more than this.
HEAD_LENGTHS = (BLOCK_BYTES, 6 * 1024 * 1024)
MAX_TIFF_ENTRIES = 512
# Chunks of a PNG or WebP file that are passed on the way to its Exif data.
MAX_CHUNKS = 64
MAX_EXIF_BYTES = 64 * 1024
# Further pictures of a JPEG file whose size is compared with that of the first.
MAX_FURTHER_PICTURES = 2

DAMAGED = "The picture is damaged."


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    width: int  # pixels, as shown: after any rotation that the file specifies
    height: int
    is_animated: bool = False
    is_mpo: bool = False  # several pictures in one JPEG file

    def turned(self, is_turned: bool) -> ImageHeader:
        return replace(self, width=self.height, height=self.width) if is_turned else self


def read_header(mime_type: str, read: Read) -> ImageHeader:
    """Read the header of a picture.

    Raises MediaError for an unusable header, and for dimensions above our limits.
    """
    reader = READERS.get(mime_type)
    if reader is None:
        raise AssetTypeMismatchError("The file is no picture.")
    try:
        header = reader(read)
    except (IndexError, struct.error):
        header = None
    if header is None or not (header.width and header.height):
        raise AssetTypeMismatchError(DAMAGED)
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise _too_large(f"{header.width} by {header.height} pixels")
    return header


def check_end(mime_type: str, data: bytes, size_bytes: int | None) -> None:
    """Raise MediaError for a truncated picture, as far as `data`, its beginning, shows it."""
    is_complete = len(data) == size_bytes
    match mime_type:
        case "image/webp":
            stated = 8 + int.from_bytes(data[4:8], "little")
            is_truncated = size_bytes is not None and stated > size_bytes
        case "image/jpeg":
            # The end marker cannot occur in compressed pixels. A preview before them has its own.
            is_truncated = is_complete and data.rfind(b"\xff\xd9") < _find_jpeg_frame(data)
        case "image/png":
            is_truncated = is_complete and b"IEND" not in data
        case _:
            is_truncated = False
    if is_truncated:
        raise AssetIncompleteError("The picture is cut off.")


def _read_png(read: Read) -> ImageHeader | None:
    data = read(0, 24)
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader(width=width, height=height).turned(_is_turned_png(read))


def _is_turned_png(read: Read) -> bool:
    """Exif data after the pixels are not looked for: no program writes them there."""
    at = 8
    try:
        for _ in range(MAX_CHUNKS):
            length, name = struct.unpack(">I4s", read(at, 8))
            if name == b"eXIf":
                return exif.is_turned(read(at + 8, min(length, MAX_EXIF_BYTES)))
            if name == b"IDAT":
                break
            at += 12 + length
    except (struct.error, AssetTypeMismatchError):
        pass  # the file ends, or that part of it is out of our reach
    return False


def _read_gif(read: Read) -> ImageHeader:
    data = read(0, BLOCK_BYTES)
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader(width=width, height=height, is_animated=_is_animated_gif(data))


def _is_animated_gif(data: bytes) -> bool:
    """Whether `data`, the beginning of a GIF, shows an animation.

    It does if a second frame starts, or if the data ends in the first frame of a loop. Raises
    MediaError for frames above our limits, as far as `data` contains them.
    """
    screen = struct.unpack_from("<HH", data, 6)
    at = 13 + _colour_table_bytes(data[10])
    frames = blocks = 0
    loops = False
    try:
        while data[at] != 0x3B:  # trailer
            if data[at] == 0x21:  # extension: label, sub-blocks
                loops = loops or data[at + 3 : at + 14] == b"NETSCAPE2.0"
                at += 2
            elif data[at] == 0x2C:  # image: descriptor, colours, code size, sub-blocks
                frames += 1
                _check_frame(data, at, frames, screen)
                at += 11 + _colour_table_bytes(data[at + 9])
            else:
                break
            while data[at]:
                at += 1 + data[at]
                blocks += 1
                if blocks > MAX_GIF_BLOCKS:
                    raise AssetTypeMismatchError(DAMAGED)
            at += 1
    except IndexError:
        return loops or frames > 1
    return frames > 1


def _check_frame(data: bytes, at: int, frames: int, screen: tuple[int, int]) -> None:
    left, top, width, height = struct.unpack_from("<4H", data.ljust(at + 9, b"\0"), at + 1)
    if frames > MAX_FRAMES or frames * screen[0] * screen[1] > MAX_ANIMATION_PIXELS:
        raise _too_large(f"more than {frames - 1} frames of {screen[0]} by {screen[1]} pixels")
    if left + width > screen[0] or top + height > screen[1]:
        raise AssetTypeMismatchError(DAMAGED)


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_webp(read: Read) -> ImageHeader | None:
    data = read(0, 30)
    match data[12:16]:
        case b"VP8X":
            width = int.from_bytes(data[24:27], "little") + 1
            height = int.from_bytes(data[27:30], "little") + 1
            header = ImageHeader(width=width, height=height, is_animated=bool(data[20] & 0x02))
            has_exif = bool(data[20] & 0x08) and not header.is_animated
            return header.turned(has_exif and _is_turned_webp(read))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return ImageHeader(width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return ImageHeader(width=width & 0x3FFF, height=height & 0x3FFF)
    return None


def _is_turned_webp(read: Read) -> bool:
    """Exif data follow the pixels (https://developers.google.com/speed/webp/docs/riff_container)."""
    at = 12
    try:
        for _ in range(MAX_CHUNKS):
            name, length = struct.unpack("<4sI", read(at, 8))
            if name == b"EXIF":
                return exif.is_turned(read(at + 8, min(length, MAX_EXIF_BYTES)))
            at += 8 + length + length % 2
    except (struct.error, AssetTypeMismatchError):
        pass  # the file ends, or that part of it is out of our reach
    return False


def _read_bmp(read: Read) -> ImageHeader | None:
    data = read(0, 26)
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:  # OS/2
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    # A negative height means that the rows are stored from top to bottom.
    return ImageHeader(width=width, height=abs(height)) if width > 0 else None


def _read_tiff(read: Read) -> ImageHeader | None:
    """The first picture of the file. Its directory often follows the pixels."""
    order = "<" if read(0, 2) == b"II" else ">"
    (at,) = struct.unpack(f"{order}I", read(4, 4))
    (count,) = struct.unpack(f"{order}H", read(at, 2))
    if count > MAX_TIFF_ENTRIES:
        return None
    entries = read(at + 2, 12 * count)
    found = {}
    for tag, kind, values, value in struct.iter_unpack(f"{order}HHI4s", entries):
        # width, height, orientation; SHORT or LONG
        if tag in {256, 257, exif.ORIENTATION} and values == 1 and kind in {3, 4}:
            (found[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", value)
    header = ImageHeader(width=found.get(256, 0), height=found.get(257, 0))
    return header.turned(found.get(exif.ORIENTATION) in exif.QUARTER_TURNS)


def _read_heic(read: Read) -> ImageHeader | None:
    """The largest of its pictures: the others are its tiles or previews."""

    def sizes(data: bytes) -> list[tuple[int, int]]:
        found = [
            struct.unpack_from(">II", size, 4)
            for meta in boxes.children(data, b"meta")
            for size in boxes.children(meta[4:], b"iprp", b"ipco", b"ispe")
        ]
        if not found:
            raise IndexError
        return found

    width, height = max(_in_head(read, sizes), key=math.prod)
    return ImageHeader(width=width, height=height)


def _read_jpeg(read: Read) -> ImageHeader:
    def parts(data: bytes) -> tuple[int, list[tuple[int, int]]]:
        *segments, (_, frame) = _jpeg_segments(data)
        struct.unpack_from(">HH", data, frame + 5)
        return frame, segments

    frame, segments = _in_head(read, parts)
    height, width = struct.unpack(">HH", read(frame + 5, 4))
    is_turned = is_mpo = False
    for marker, at in segments:
        length = int.from_bytes(read(at + 2, 2), "big") - 2
        start = read(at + 4, 6)
        if marker == 0xE1 and start == b"Exif\0\0":
            is_turned = exif.is_turned(read(at + 4, length))
        elif marker == 0xE2 and start.startswith(b"MPF\0"):
            index = read(at + 8, length - 4)
            is_mpo = _is_mpo(read, index_at=at + 8, index=index, size=(width, height))
    return ImageHeader(width=width, height=height, is_mpo=is_mpo).turned(is_turned)


def _is_mpo(read: Read, *, index_at: int, index: bytes, size: tuple[int, int]) -> bool:
    """Does a JPEG of `size` contain further pictures that are no mere addition to it?

    Phones add previews and gain maps, which are smaller than the picture: everybody takes those
    files as plain JPEG.
    """
    try:
        further = exif.further_pictures(index)[:MAX_FURTHER_PICTURES]
        return any(
            picture.is_frame or _jpeg_size(read, index_at + picture.offset) == size
            for picture in further
        )
    except (struct.error, IndexError):
        return True  # an index that nobody can read
    except AssetTypeMismatchError:
        return False  # the further pictures are out of our reach


def _jpeg_size(read: Read, at: int) -> tuple[int, int]:
    data = read(at, BLOCK_BYTES)
    height, width = struct.unpack_from(">HH", data, _find_jpeg_frame(data) + 5)
    return width, height


def _find_jpeg_frame(data: bytes) -> int:
    """The position of the marker before the dimensions. Raises IndexError if it is missing."""
    *_, (_, frame) = _jpeg_segments(data)
    return frame


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment up to the frame, which is the last.

    Raises IndexError if `data` ends before it.
    """
    at = 2
    while True:
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise AssetTypeMismatchError(DAMAGED)
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        yield marker, at
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # start of frame
            return
        length = data[at + 2] << 8 | data[at + 3]
        if length < 2:
            raise AssetTypeMismatchError(DAMAGED)
        at += 2 + length


def _in_head(read: Read, find: Callable[[bytes], T]) -> T:
    """The result of `find` for the beginning of a file, or for a longer one if it was too short."""
    for length in HEAD_LENGTHS:
        data = read(0, length)
        try:
            return find(data)
        except (IndexError, struct.error):
            if len(data) < length:
                raise
    raise IndexError


READERS: dict[str, Callable[[Read], ImageHeader | None]] = {
    "image/png": _read_png,
    "image/gif": _read_gif,
    "image/webp": _read_webp,
    "image/jpeg": _read_jpeg,
    "image/bmp": _read_bmp,
    "image/tiff": _read_tiff,
    "image/heic": _read_heic,
}


def _too_large(measure: str) -> AssetTooLargeError:
    return AssetTooLargeError(f"The picture is too large: {measure}.")
