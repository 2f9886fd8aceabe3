"""Reads an uploaded video's properties from its container and its streams."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MICROSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """`width` and `height` are in pixels, as displayed. `frame_rate` is 0 if it is unknown.

    Codecs have FFmpeg's names ("h264", "aac"). `audio_codec` is "" for a video without sound.
    """

    width: int
    height: int
    duration_s: float
    frame_rate: float
    video_codec: str
    audio_codec: str


def read_video(source: str | Path | BinaryIO) -> VideoFacts | None:
    """None if the file is no video, or cannot be read. Never raises."""
    # Imported only for a video: it takes 0.2 s and 60 MB.
    import av

    # Suppress everything: FFmpeg may raise any error for untrusted bytes.
    with contextlib.suppress(Exception), av.open(source) as container:
        return _facts(container)
    return None


def _facts(container: Any) -> VideoFacts | None:
    # FFmpeg also reads still pictures as videos, and finds them in many documents. Its demuxers of
    # single pictures are image2 and those such as png_pipe.
    is_still = container.format.name.startswith("image2") or "_pipe" in container.format.name
    if is_still or not container.duration or not container.streams.video:
        return None
    video_stream = container.streams.video[0]
    audio_streams = container.streams.audio
    frame = next(container.decode(video_stream))
    is_rotated = frame.rotation % 180 != 0  # phones store upright videos rotated
    return VideoFacts(
        width=video_stream.height if is_rotated else video_stream.width,
        height=video_stream.width if is_rotated else video_stream.height,
        duration_s=round(container.duration / MICROSECONDS, 3),
        frame_rate=round(float(video_stream.average_rate or 0), 3),
        video_codec=video_stream.codec_context.name,
        audio_codec=audio_streams[0].codec_context.name if audio_streams else "",
    )
