"""How large, how long and how fast a video is, by its header: never by decoding it.

The boxes of an MP4 or QuickTime file are walked by hand, within bounds, until the one that holds
the header (`moov`) is found, wherever it stands. Only `ftyp` and `moov` are then shown to PyAV, as
a file in memory: it opens nothing else, and a hostile `mdat` never reaches it.
ISO/IEC 14496-12 describes the boxes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

from socialpublishing.errors import MediaError

MAX_HEADER_BYTES = 8 * 1024 * 1024
MAX_BOXES = 16  # top-level ones before the header; an honest file has a handful
BOX_HEAD_BYTES = 16

Read = Callable[[int, int], bytes]  # (start, length) of the file


@dataclass(frozen=True, kw_only=True)
class Movie:
    width: int  # pixels, as it is shown: after any rotation that the file asks for
    height: int
    duration_s: float | None
    frame_rate: float | None


def measure(mime_type: str, head: bytes, size_bytes: int | None, read: Read) -> Movie:
    """The facts of a video that begins with `head`. `read` fetches more of it.

    Raises MediaError if the header cannot be found or read.
    """
    is_boxed = mime_type in {"video/mp4", "video/quicktime"}
    header = _boxed_header(head, size_bytes, read) if is_boxed else head
    return _opened(header)


def _boxed_header(head: bytes, size_bytes: int | None, read: Read) -> bytes:
    """`ftyp` and `moov`, one behind the other."""
    at, first = 0, b""
    for _ in range(MAX_BOXES):
        if size_bytes is not None and at >= size_bytes:
            break
        box = head[at : at + BOX_HEAD_BYTES] if at + BOX_HEAD_BYTES <= len(head) else b""
        box = box or read(at, BOX_HEAD_BYTES)
        kind, length = _box(box, (size_bytes or 0) - at)
        if kind == b"moov" or (kind == b"ftyp" and not first):
            if length > MAX_HEADER_BYTES:
                break
            whole = head[at : at + length] if at + length <= len(head) else read(at, length)
            if kind == b"moov":
                return first + whole
            first = whole
        at += length
    raise _unreadable()


def _box(head: bytes, rest: int) -> tuple[bytes, int]:
    """The type of a box and its length in bytes, its head included."""
    if len(head) < 8:
        raise _unreadable()
    length, kind = struct.unpack_from(">I4s", head)
    shortest = 8
    if length == 1:  # a 64-bit length follows
        if len(head) < BOX_HEAD_BYTES:
            raise _unreadable()
        (length,) = struct.unpack_from(">Q", head, 8)
        shortest = BOX_HEAD_BYTES
    elif length == 0:  # to the end of the file
        length = rest
    if not shortest <= length < 1 << 50:
        raise _unreadable()
    return kind, length


def _opened(header: bytes) -> Movie:
    import av  # 60 MB and 0.2 s, for those alone who publish videos

    try:
        with av.open(io.BytesIO(header), mode="r", options={"protocol_whitelist": ""}) as container:
            stream = container.streams.video[0]
            width, height = stream.codec_context.width, stream.codec_context.height
            rate = stream.average_rate or stream.guessed_rate
            duration = None
            if stream.duration is not None and stream.time_base is not None:
                duration = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                duration = container.duration / av.time_base
            return _movie(width, height, duration, float(rate) if rate else None, header)
    except (av.FFmpegError, IndexError, ValueError, OverflowError) as error:
        raise _unreadable() from error


def _movie(
    width: int, height: int, duration: float | None, rate: float | None, header: bytes
) -> Movie:
    if not (0 < width <= 20_000 and 0 < height <= 20_000):
        raise _unreadable()
    if _is_turned(header):
        width, height = height, width
    known = duration is not None and 0 < duration < 1e6
    return Movie(
        width=width, height=height, duration_s=duration if known else None, frame_rate=rate
    )


def _is_turned(header: bytes) -> bool:
    """Whether the picture's track asks to be shown turned by a quarter (`tkhd`'s matrix)."""
    at = header.find(b"tkhd")
    while at >= 0:
        start = at + 4 + (52 if header[at + 4 : at + 5] == b"\x01" else 40)
        matrix = header[start : start + 20]
        shown = header[start + 36 : start + 44]
        if len(matrix) == 20 and len(shown) == 8 and shown != bytes(8):  # a track of pictures
            a, b, _, c, d = struct.unpack(">5i", matrix)
            return a == 0 and d == 0 and bool(b) and bool(c)
        at = header.find(b"tkhd", at + 4)
    return False


def _unreadable() -> MediaError:
    return MediaError("asset_type_mismatch", "The video's header cannot be found or read.")
