"""The dimensions, duration and frame rate of a video, by its header. Nothing is decoded.

Own code walks the boxes of an MP4 or QuickTime file, within the budget of remote_file.py, until it
finds the header (`moov`), wherever it is. FFmpeg then reads only `ftyp` and `moov`, or the part of
a WebM file before its first pictures.

FFmpeg runs in a separate process (demuxer.py): a few bytes of header can make it allocate
gigabytes, and its parsers have had vulnerabilities. That process cannot open a file or a socket,
and its memory and time are limited.
"""

from __future__ import annotations

import json
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socialpublishing.errors import AssetTypeMismatchError, MediaBusyError
from socialpublishing.media import boxes
from socialpublishing.media.remote_file import BLOCK_BYTES, Read

MAX_BOXES = 100  # before the header; a normal file has a handful
MAX_SIDE = 20_000  # pixels
MAX_FRAME_RATE = 1_000
MAX_DURATION_S = 7 * 24 * 3600
DEMUXER = Path(__file__).with_name("demuxer.py")
EXIT_UNREADABLE = 3  # the exit code if FFmpeg cannot read the header
EXIT_NO_PICTURE = 4  # if the file has sound only
DEMUXER_S = 5  # wall clock, for a busy machine; it uses 0.1 s of CPU and may use 2 s
# Signals that say nothing of the header: the service stops, or the system has no memory left.
ENDED_BY_OTHERS = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL})
MAX_DEMUXERS = 4  # at once in this process; each takes 40 MB

# The element of a WebM file that holds pictures and sound, except where an index names it.
CLUSTER = re.compile(rb"(?<!\x53\xab\x84)\x1f\x43\xb6\x75")
EMPTY_CLUSTER = b"\x1f\x43\xb6\x75\x80"

UNREADABLE = "The video's header cannot be found or read. Export it again as MP4 (H.264)."
SOUND_ONLY = "The file has sound and no picture. Make it a video with a picture."

_demuxers = threading.BoundedSemaphore(MAX_DEMUXERS)


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """None: not in the header. Codecs have FFmpeg's names ("h264", "aac")."""

    width: int  # pixels, as shown: after any rotation that the file specifies
    height: int
    duration_s: float | None
    frame_rate: float | None  # on average
    video_codec: str | None
    audio_codec: str | None


def measure(mime_type: str, read: Read, size_bytes: int | None, *, deadline: float) -> VideoFacts:
    """The facts of a video of `size_bytes`, by `deadline`, a time.monotonic().

    Raises MediaError if its header cannot be found or read.
    """
    if mime_type == "video/webm":
        header = CLUSTER.split(read(0, BLOCK_BYTES), maxsplit=1)[0]
        # FFmpeg accepts a header as complete only if another element follows.
        return _facts(_demuxed("matroska", header + EMPTY_CLUSTER, deadline), Track())
    ftyp, moov = _header_boxes(read, size_bytes)
    return _facts(_demuxed("mov", ftyp + moov, deadline), _video_track(moov))


def _header_boxes(read: Read, size_bytes: int | None) -> tuple[bytes, bytes]:
    """`ftyp`, which older files do not have, and `moov`, both complete."""
    at, ftyp = 0, b""
    for _ in range(MAX_BOXES):
        box = boxes.read_head(read(at, boxes.HEAD_BYTES), rest=(size_bytes or 0) - at)
        if box is None:
            break
        if box.kind in {b"ftyp", b"moov"}:
            data = read(at, box.length)
            if len(data) < box.length:
                break
            if box.kind == b"moov":
                return ftyp, data
            ftyp = data
        at += box.length
    raise AssetTypeMismatchError(UNREADABLE)


def _demuxed(demuxer: str, header: bytes, deadline: float) -> dict[str, Any]:
    """FFmpeg's facts about `header`, unchecked."""
    until = min(deadline, time.monotonic() + DEMUXER_S)
    if not _demuxers.acquire(timeout=max(until - time.monotonic(), 0)):
        raise MediaBusyError
    try:
        # -I: no imports from the working directory. No environment: it holds keys.
        done = subprocess.run(  # noqa: S603  our own program; the command has no outside input
            [sys.executable, "-I", str(DEMUXER), demuxer],
            input=header,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(until - time.monotonic(), 0.001),
            env={},
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        # The header is in memory, and CPU_S would have ended a slow one: the machine is busy.
        raise MediaBusyError from error
    finally:
        _demuxers.release()
    if -done.returncode in ENDED_BY_OTHERS:
        raise MediaBusyError
    if done.returncode == EXIT_UNREADABLE or done.returncode < 0:  # below 0: a signal ended it
        raise AssetTypeMismatchError(UNREADABLE)
    if done.returncode == EXIT_NO_PICTURE:
        raise AssetTypeMismatchError(SOUND_ONLY)
    done.check_returncode()  # any other exit code is a bug of ours
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def _facts(data: dict[str, Any], track: Track) -> VideoFacts:
    width = data["width"] or track.width
    height = data["height"] or track.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise AssetTypeMismatchError(UNREADABLE)
    if track.is_rotated:
        width, height = height, width
    return VideoFacts(
        width=width,
        height=height,
        duration_s=_within(data["duration_s"], MAX_DURATION_S),
        frame_rate=_within(data["frame_rate"], MAX_FRAME_RATE),
        video_codec=data["video_codec"],
        audio_codec=data["audio_codec"],
    )


def _within(value: float | None, most: float) -> float | None:
    """None for an impossible value: each player replaces it by another one."""
    return round(value, 3) if value is not None and 0 < value <= most else None


@dataclass(frozen=True, kw_only=True)
class Track:
    """The track header. FFmpeg reports these values only after decoding a frame."""

    width: int = 0  # pixels, 0 if unknown
    height: int = 0
    is_rotated: bool = False  # phones store a rotated picture and a rotation


def _video_track(moov: bytes) -> Track:
    """The first video track (14496-12: tkhd in section 8.3.2, stsd in 8.5.2 and 12.1.3)."""
    for track in boxes.children(moov, b"moov", b"trak"):
        handler = next(boxes.children(track, b"mdia", b"hdlr"), b"")
        if handler[8:12] != b"vide":
            continue
        header = next(boxes.children(track, b"tkhd"), b"")
        matrix = header[52 if header[:1] == b"\x01" else 40 :][:20]  # version 1 has longer times
        a, b, _, c, d = struct.unpack(">5i", matrix.ljust(20, b"\0"))
        sample = next(boxes.children(track, b"mdia", b"minf", b"stbl", b"stsd"), b"")
        width, height = struct.unpack(">HH", sample[40:44].ljust(4, b"\0"))
        return Track(width=width, height=height, is_rotated=a == d == 0 and bool(b and c))
    return Track()
