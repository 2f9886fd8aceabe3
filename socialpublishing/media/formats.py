"""What a file is, by its bytes: type, dimensions, animation. Nothing here decodes a picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import filetype

from socialpublishing.errors import MediaError

# What at least one platform takes. SVG, HTML, PDF, archives and playlists never are: they can point
# to other files or carry a script.
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


def sniff(data: bytes) -> str:
    """The MIME type that the first bytes say, or MediaError if no platform takes it."""
    found = filetype.guess_mime(data)
    mime_type = ALIASES.get(found, found)
    if mime_type not in ACCEPTED:
        raise _mismatch("The file is none of the pictures and videos that platforms take.")
    return str(mime_type)


def check_declared(declared: str, mime_type: str) -> None:
    """Raise MediaError unless `mime_type` is what was declared, if anything was."""
    declared = declared.partition(";")[0].strip().lower()
    declared = ALIASES.get(declared, declared)
    family = mime_type.partition("/")[0]
    if declared not in ANY_TYPE and declared not in {mime_type, family, f"{family}/*"}:
        raise _mismatch(f"The file is declared as {declared[:40]}, but its bytes are {mime_type}.")


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    width: int  # pixels, as stored: before any rotation that the file asks for
    height: int
    is_animated: bool = False


def read_header(mime_type: str, data: bytes, *, is_whole: bool) -> ImageHeader | None:
    """What the header of a picture says, None for other types or if `data` ends too early.

    Raises MediaError if a whole file has no usable header, and for dimensions beyond all use.
    """
    read = READERS.get(mime_type)
    if read is None:
        return None
    try:
        header = read(data)
    except (IndexError, struct.error):
        header = None
    if header is None or not (header.width and header.height):
        if is_whole or header:
            raise _mismatch("The picture is damaged.")
        return None
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise MediaError(
            "asset_too_large",
            f"The picture is too large: {header.width} by {header.height} pixels.",
        )
    return header


def _read_png(data: bytes) -> ImageHeader | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader(width=width, height=height)


def _read_gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader(width=width, height=height, is_animated=_has_second_frame(data))


def _has_second_frame(data: bytes) -> bool:
    """Whether a second frame begins in `data`, or the first does not end there and is to loop."""
    at = 13 + _colour_table_bytes(data[10])
    frames = 0
    loops = False
    try:
        while data[at] != 0x3B:  # trailer
            if data[at] == 0x21:  # extension: label, then sub-blocks
                loops = loops or data[at + 3 : at + 14] == b"NETSCAPE2.0"
                at += 2
            elif data[at] == 0x2C:  # image: descriptor, colours, code size, then sub-blocks
                frames += 1
                if frames == 2:
                    return True
                at += 11 + _colour_table_bytes(data[at + 9])
            else:
                return False
            while data[at]:
                at += 1 + data[at]
            at += 1
    except IndexError:
        return loops
    return False


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_webp(data: bytes) -> ImageHeader | None:
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


def _read_jpeg(data: bytes) -> ImageHeader | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            return ImageHeader(width=width, height=height)
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            if length < 2:
                return None
            at += 2 + length
    return None


READERS = {
    "image/png": _read_png,
    "image/gif": _read_gif,
    "image/webp": _read_webp,
    "image/jpeg": _read_jpeg,
}


def _mismatch(sentence: str) -> MediaError:
    return MediaError("asset_type_mismatch", sentence)
