"""Shows the header of a video to FFmpeg: a program of its own, run by videos.py.

Takes the name of a demuxer as its argument and the header on standard input; writes what it found
as JSON. It imports nothing of ours. It ends with 3 for a header that FFmpeg does not understand.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

import av

# PyAV imports these when it meets a stream of their kind: too late, for then no file can be opened.
import av.audio.codeccontext
import av.audio.stream
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream

MEMORY_BYTES = 128 * 1024 * 1024  # beside code; the index of a film of four hours takes the half
CPU_S = 2


class Header:
    """Can only be read on: from the size of a file FFmpeg would guess how long it lasts."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(size)


def confine() -> None:
    """Nothing can be opened from here on: no second file, no socket; and little can be used up."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def facts(demuxer: str, header: bytes) -> dict[str, Any]:
    # The demuxer is named, so that no playlist is taken for one; no protocol may be used.
    options = {"protocol_whitelist": "none"}
    with av.open(Header(header), mode="r", format=demuxer, options=options) as container:
        cover = av.stream.Disposition.attached_pic
        picture = next(each for each in container.streams.video if cover not in each.disposition)
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
    received = sys.stdin.buffer.read()
    confine()
    try:
        found = facts(sys.argv[1], received)
    except Exception:  # noqa: BLE001  nobody can list what strangers' bytes bring about
        sys.exit(3)
    sys.stdout.write(json.dumps(found))
