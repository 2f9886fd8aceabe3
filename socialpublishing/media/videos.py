"""How large, how long and how fast a video is, by its header: never by decoding it.

The boxes of an MP4 or QuickTime file are walked by hand, within the bounds of pieces.py, until the
one that holds the header (`moov`) is found, wherever it stands. Only `ftyp` and `moov`, or what
stands in a WebM file before its first pictures, is then shown to FFmpeg.

FFmpeg does that in a process of its own (demuxer.py): a few bytes of header can make it allocate
gigabytes, and its parsers have been broken before. That process cannot open a file or a socket, and
is given so much memory and time, and no more.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socialpublishing.errors import AssetUnreachableError, MediaError
from socialpublishing.media import boxes
from socialpublishing.media.formats import mismatch
from socialpublishing.media.pieces import PIECE_BYTES, Read

MAX_BOXES = 100  # in front of the header; an honest file has a handful
MAX_SIDE = 20_000  # pixels
MAX_FRAME_RATE = 1_000
MAX_DURATION_S = 7 * 24 * 3600
DEMUXER = Path(__file__).with_name("demuxer.py")
UNREADABLE = 3  # how it ends for a header that FFmpeg does not understand
DEMUXER_S = 5  # on a busy machine; it uses 0.1 s of a processor, and is allowed 2 s
MAX_DEMUXERS = 4  # at once in this process; each takes 40 MB

# The element of a WebM file that holds pictures and sound; not where an index only names it.
CLUSTER = re.compile(rb"(?<!\x53\xab\x84)\x1f\x43\xb6\x75")
EMPTY_CLUSTER = b"\x1f\x43\xb6\x75\x80"

_demuxers = threading.BoundedSemaphore(MAX_DEMUXERS)


@dataclass(frozen=True, kw_only=True)
class Movie:
    """None: the header does not tell. Codecs are named as FFmpeg does ("h264", "aac")."""

    width: int  # pixels, as it is shown: after any rotation that the file asks for
    height: int
    duration_s: float | None
    frame_rate: float | None  # on average
    video_codec: str | None
    audio_codec: str | None


def measure(mime_type: str, read: Read, size_bytes: int | None, *, deadline: float) -> Movie:
    """The facts of a video of `size_bytes`, by `deadline`, a time.monotonic().

    Raises MediaError if its header cannot be found or read.
    """
    if mime_type == "video/webm":
        header = CLUSTER.split(read(0, PIECE_BYTES), maxsplit=1)[0]
        # FFmpeg takes a header for whole only when it sees what follows.
        return _movie(_demuxed("matroska", header + EMPTY_CLUSTER, deadline), Track())
    ftyp, moov = _header_boxes(read, size_bytes)
    return _movie(_demuxed("mov", ftyp + moov, deadline), _picture_track(moov))


def _header_boxes(read: Read, size_bytes: int | None) -> tuple[bytes, bytes]:
    """`ftyp`, which older files do not have, and `moov`, each whole."""
    at, ftyp = 0, b""
    for _ in range(MAX_BOXES):
        box = boxes.read_head(read(at, boxes.HEAD_BYTES), rest=(size_bytes or 0) - at)
        if box is None:
            break
        if box.kind in {b"ftyp", b"moov"}:
            whole = read(at, box.length)
            if len(whole) < box.length:
                break
            if box.kind == b"moov":
                return ftyp, whole
            ftyp = whole
        at += box.length
    raise _unreadable()


def _demuxed(demuxer: str, header: bytes, deadline: float) -> dict[str, Any]:
    """What FFmpeg reads in `header`, unchecked."""
    until = min(deadline, time.monotonic() + DEMUXER_S)
    if not _demuxers.acquire(timeout=max(until - time.monotonic(), 0)):
        raise AssetUnreachableError("Too many videos are being looked at right now.")
    try:
        # -I: the working directory has no say in what is imported. No environment: it holds keys.
        done = subprocess.run(  # noqa: S603  our own program, no part of the command from outside
            [sys.executable, "-I", str(DEMUXER), demuxer],
            input=header,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(until - time.monotonic(), 0.001),
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable() from error
    finally:
        _demuxers.release()
    if done.returncode == UNREADABLE or done.returncode < 0:  # killed, by its limits or by itself
        raise _unreadable()
    done.check_returncode()  # anything else is a fault of ours
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def _movie(data: dict[str, Any], track: Track) -> Movie:
    width = data["width"] or track.width
    height = data["height"] or track.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _unreadable()
    if track.is_turned:
        width, height = height, width
    return Movie(
        width=width,
        height=height,
        duration_s=_within(data["duration_s"], MAX_DURATION_S),
        frame_rate=_within(data["frame_rate"], MAX_FRAME_RATE),
        video_codec=data["video_codec"],
        audio_codec=data["audio_codec"],
    )


def _within(value: float | None, most: float) -> float | None:
    """Nothing for what no film has: players make something up then, and we do not know what."""
    return round(value, 3) if value is not None and 0 < value <= most else None


@dataclass(frozen=True, kw_only=True)
class Track:
    """What the container says of the pictures. FFmpeg tells it only to those who decode some."""

    width: int = 0  # pixels, 0 if not told
    height: int = 0
    is_turned: bool = False  # phones lay the picture on its side and say so


def _picture_track(moov: bytes) -> Track:
    """The first track of pictures (14496-12: tkhd in section 8.3.2, stsd in 8.5.2 and 12.1.3)."""
    for track in boxes.children(moov, b"moov", b"trak"):
        handler = next(boxes.children(track, b"mdia", b"hdlr"), b"")
        if handler[8:12] != b"vide":
            continue
        header = next(boxes.children(track, b"tkhd"), b"")
        matrix = header[52 if header[:1] == b"\x01" else 40 :][:20]  # version 1: longer times
        a, b, _, c, d = struct.unpack(">5i", matrix.ljust(20, b"\0"))
        sample = next(boxes.children(track, b"mdia", b"minf", b"stbl", b"stsd"), b"")
        width, height = struct.unpack(">HH", sample[40:44].ljust(4, b"\0"))
        return Track(width=width, height=height, is_turned=a == d == 0 and bool(b and c))
    return Track()


def _unreadable() -> MediaError:
    return mismatch("The video's header cannot be found or read.")
