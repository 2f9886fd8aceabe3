"""Reads the header of a video with FFmpeg. A separate program, started by videos.py.

Its argument is the name of a demuxer, its standard input the header. It writes the result as JSON.
It imports nothing of ours. Its exit code is 3 if FFmpeg cannot read the header, 4 if the file
has sound only.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

import av

# PyAV would import these at the first stream of their kind. By then no file can be opened.
import av.audio.codeccontext
import av.audio.stream
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream

MEMORY_BYTES = 128 * 1024 * 1024  # without code; the index of a four-hour film takes half of it
CPU_S = 2
EXIT_NO_PICTURE = 4


class Header:
    """Readable only, not seekable: from a file's size FFmpeg would guess the duration."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(size)


def confine() -> None:
    """From here on no file and no socket can be opened, and CPU and memory are limited."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # At the first limit SIGXCPU, so that it differs from a SIGKILL by others.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def facts(demuxer: str, header: bytes) -> dict[str, Any]:
    # A fixed demuxer, so that a playlist is not read as one. No protocol may be used.
    options = {"protocol_whitelist": "none"}
    with av.open(Header(header), mode="r", format=demuxer, options=options) as container:
        cover = av.stream.Disposition.attached_pic
        pictures = [each for each in container.streams.video if cover not in each.disposition]
        if not pictures:
            sys.exit(EXIT_NO_PICTURE)
        picture = pictures[0]
        sound = next(iter(container.streams.audio), None)
        rate = picture.average_rate or picture.guessed_rate
        return {
            "width": picture.codec_context.width,
            "height": picture.codec_context.height,
            "duration_s": container.duration / av.time_base if container.duration else None,
            "frame_rate": float(rate) if rate else None,
            "video_codec": picture.codec_context.codec.canonical_name,
            "audio_codec": sound.codec_context.codec.canonical_name if sound else None,
        }


if __name__ == "__main__":
    header = sys.stdin.buffer.read()
    confine()
    try:
        found = facts(sys.argv[1], header)
    except Exception:  # noqa: BLE001  hostile bytes can raise anything
        sys.exit(3)
    sys.stdout.write(json.dumps(found))
