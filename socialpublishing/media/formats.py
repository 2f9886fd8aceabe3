"""What a file is, by its bytes: type, dimensions, animation. Nothing here decodes a picture.

No library reads the headers either: what a hostile header can do to a reader is bounded by the few
lines below, and they ask for no more of the file than they need.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import filetype

from socialpublishing.errors import (
    AssetIncompleteError,
    AssetTooLargeError,
    AssetTypeMismatchError,
    MediaError,
)
from socialpublishing.media import boxes
from socialpublishing.media.pieces import PIECE_BYTES, Read

T = TypeVar("T")

# What at least one platform takes. SVG, HTML, archives and playlists never are: they can point to
# other files or carry a script. Documents are a matter of their own (documents.py).
ACCEPTED = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/bmp",
        "image/tiff",
        "image/heic",
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)
ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/heif": "image/heic",
    "video/mov": "video/quicktime",
    "video/x-m4v": "video/mp4",
}
ANY_TYPE = frozenset({"", "*/*", "application/octet-stream", "binary/octet-stream"})

# Above these a picture is made to exhaust whoever decodes it.
MAX_PIXELS = 50_000_000
MAX_SIDE = 20_000
MAX_FRAMES = 1_000
MAX_GIF_BLOCKS = 500_000
MAX_MOVING_PIXELS = 300_000_000  # of all frames together; what X documents, and nobody takes more

# How much is read for the dimensions. Nearly every picture has them in the first piece; cameras put
# previews, colours and depths in front of them, but not more than this.
HEAD_LENGTHS = (PIECE_BYTES, 6 * 1024 * 1024)
MAX_TIFF_ENTRIES = 512

# Major brands of ISO media files (https://mp4ra.org/registered-types/brands). Nearly all of them
# are films; these are not, or no platform takes them.
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
BRANDS = {
    b"qt  ": "video/quicktime",
    **dict.fromkeys(HEIC_BRANDS, "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    **dict.fromkeys((b"jp2 ", b"jpx ", b"jpm "), "image/jp2"),
    b"crx ": "image/x-canon-cr3",
}
# Older QuickTime files begin without a brand.
UNBRANDED = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def sniff(data: bytes) -> str:
    """The MIME type that the first bytes say, or MediaError if no platform takes it."""
    found = _sniff_boxed(data) or filetype.guess_mime(data)
    mime_type = ALIASES.get(found, found)
    if mime_type not in ACCEPTED:
        raise mismatch("The file is none of the pictures and videos that platforms take.")
    return str(mime_type)


def _sniff_boxed(data: bytes) -> str | None:
    kind, brand = data[4:8], data[8:12]
    if kind in UNBRANDED and boxes.read_head(data, rest=len(data)):
        return "video/quicktime"
    if kind != b"ftyp" or len(brand) < 4:
        return None
    if brand in {b"mif1", b"msf1"}:  # any kind of picture; which, the compatible brands tell
        length = int.from_bytes(data[:4], "big")
        compatible = {data[at : at + 4] for at in range(16, min(length, 256), 4)}
        return "image/heic" if compatible & HEIC_BRANDS else "image/avif"
    return BRANDS.get(brand, "video/mp4")


def check_declared(declared: str, mime_type: str, family: str = "") -> None:
    """Raise MediaError unless `mime_type` is what was declared, if anything was.

    `family` is "document" for what has no family in its MIME type.
    """
    declared = normal(declared)
    family = family or mime_type.partition("/")[0]
    if declared not in ANY_TYPE and declared not in {mime_type, family, f"{family}/*"}:
        raise mismatch(f"The file is declared as {declared[:40]}, but its bytes are {mime_type}.")


def normal(declared: str) -> str:
    """A declared type without its parameters, under its usual name."""
    declared = declared.partition(";")[0].strip().lower()
    return ALIASES.get(declared, declared)


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    width: int  # pixels, as stored: before any rotation that the file asks for
    height: int
    is_animated: bool = False


def read_header(mime_type: str, read: Read) -> ImageHeader:
    """What the header of a picture says.

    Raises MediaError if there is none that can be used, and for dimensions beyond all use.
    """
    reader = READERS.get(mime_type)
    if reader is None:
        raise mismatch("The file is no picture.")
    try:
        header = reader(read)
    except (IndexError, struct.error):
        header = None
    if header is None or not (header.width and header.height):
        raise _damaged()
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise _too_large(f"{header.width} by {header.height} pixels")
    return header


def check_end(mime_type: str, data: bytes, size_bytes: int | None) -> None:
    """Raise MediaError for a picture that breaks off, as far as `data`, its beginning, shows it."""
    is_whole = len(data) == size_bytes
    match mime_type:
        case "image/webp":
            stated = 8 + int.from_bytes(data[4:8], "little")
            is_cut = size_bytes is not None and stated > size_bytes
        case "image/jpeg":
            # In coded pixels the marker cannot occur; a preview, in front of them, has its own.
            is_cut = is_whole and data.rfind(b"\xff\xd9") < _find_jpeg_frame(data)
        case "image/png":
            is_cut = is_whole and b"IEND" not in data
        case _:
            is_cut = False
    if is_cut:
        raise AssetIncompleteError("The picture breaks off in the middle.")


def _read_png(read: Read) -> ImageHeader | None:
    data = read(0, 24)
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader(width=width, height=height)


def _read_gif(read: Read) -> ImageHeader:
    data = read(0, PIECE_BYTES)
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader(width=width, height=height, is_animated=_is_animated_gif(data))


def _is_animated_gif(data: bytes) -> bool:
    """Whether a second frame begins in `data`, or the first does not end there and is to loop.

    Raises MediaError for frames beyond all use, as far as they stand in `data`.
    """
    screen = struct.unpack_from("<HH", data, 6)
    at = 13 + _colour_table_bytes(data[10])
    frames = blocks = 0
    loops = False
    try:
        while data[at] != 0x3B:  # trailer
            if data[at] == 0x21:  # extension: label, then sub-blocks
                loops = loops or data[at + 3 : at + 14] == b"NETSCAPE2.0"
                at += 2
            elif data[at] == 0x2C:  # image: descriptor, colours, code size, then sub-blocks
                frames += 1
                _check_frame(data, at, frames, screen)
                at += 11 + _colour_table_bytes(data[at + 9])
            else:
                break
            while data[at]:
                at += 1 + data[at]
                blocks += 1
                if blocks > MAX_GIF_BLOCKS:
                    raise _damaged()
            at += 1
    except IndexError:
        return loops or frames > 1
    return frames > 1


def _check_frame(data: bytes, at: int, frames: int, screen: tuple[int, int]) -> None:
    left, top, width, height = struct.unpack_from("<4H", data.ljust(at + 9, b"\0"), at + 1)
    if frames > MAX_FRAMES or frames * screen[0] * screen[1] > MAX_MOVING_PIXELS:
        raise _too_large(f"more than {frames - 1} frames of {screen[0]} by {screen[1]} pixels")
    if left + width > screen[0] or top + height > screen[1]:
        raise _damaged()


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_webp(read: Read) -> ImageHeader | None:
    data = read(0, 30)
    match data[12:16]:
        case b"VP8X":
            width = int.from_bytes(data[24:27], "little") + 1
            height = int.from_bytes(data[27:30], "little") + 1
            return ImageHeader(width=width, height=height, is_animated=bool(data[20] & 0x02))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return ImageHeader(width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return ImageHeader(width=width & 0x3FFF, height=height & 0x3FFF)
    return None


def _read_bmp(read: Read) -> ImageHeader | None:
    data = read(0, 26)
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:  # OS/2
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    # A negative height says that the rows come from top to bottom.
    return ImageHeader(width=width, height=abs(height)) if width > 0 else None


def _read_tiff(read: Read) -> ImageHeader | None:
    """The first picture of the file. Its directory often stands behind the pixels."""
    order = "<" if read(0, 2) == b"II" else ">"
    (at,) = struct.unpack(f"{order}I", read(4, 4))
    (count,) = struct.unpack(f"{order}H", read(at, 2))
    if count > MAX_TIFF_ENTRIES:
        return None
    entries = read(at + 2, 12 * count)
    sides = {}
    for tag, kind, values, value in struct.iter_unpack(f"{order}HHI4s", entries):
        if tag in {256, 257} and values == 1 and kind in {3, 4}:  # width, height; SHORT or LONG
            (sides[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", value)
    return ImageHeader(width=sides.get(256, 0), height=sides.get(257, 0))


def _read_heic(read: Read) -> ImageHeader | None:
    """The largest of its pictures: the others are tiles of it, or previews."""

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
    def dimensions(data: bytes) -> tuple[int, int]:
        return struct.unpack_from(">HH", data, _find_jpeg_frame(data) + 5)

    height, width = _in_head(read, dimensions)
    return ImageHeader(width=width, height=height)


def _find_jpeg_frame(data: bytes) -> int:
    """Where the marker stands that the dimensions follow. Raises IndexError if it is not there."""
    at = 2
    while True:
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise _damaged()
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # start of frame
            return at
        else:
            length = data[at + 2] << 8 | data[at + 3]
            if length < 2:
                raise _damaged()
            at += 2 + length


def _in_head(read: Read, find: Callable[[bytes], T]) -> T:
    """What `find` sees in the beginning of a file: a longer one, if the first says too little."""
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


def mismatch(sentence: str) -> MediaError:
    return AssetTypeMismatchError(sentence)


def _damaged() -> MediaError:
    return mismatch("The picture is damaged.")


def _too_large(measure: str) -> MediaError:
    return AssetTooLargeError(f"The picture is too large: {measure}.")
