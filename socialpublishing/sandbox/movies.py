"""Reads an uploaded video's properties from its container and its streams."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MICROSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Movie:
    """`width` and `height` are in pixels, as displayed. `frame_rate` is 0 if it is unknown.

    Codecs have FFmpeg's names ("h264", "aac"). `audio_codec` is "" for a video without sound.
    """

    width: int
    height: int
    duration_s: float
    frame_rate: float
    video_codec: str
    audio_codec: str


def read_movie(source: str | Path | BinaryIO) -> Movie | None:
    """None if the file is no video, or cannot be read. Never raises."""
    # Imported only for a video: it takes 0.2 s and 60 MB.
    import av

    # Suppress everything: FFmpeg may raise any error for untrusted bytes.
    with contextlib.suppress(Exception), av.open(source) as container:
        return _described(container)
    return None


def _described(container: Any) -> Movie | None:
    # FFmpeg also reads still pictures as videos, and finds them in many documents.
    is_still = container.format.name.startswith("image2") or "_pipe" in container.format.name
    if is_still or not container.duration or not container.streams.video:
        return None
    picture = container.streams.video[0]
    sound = container.streams.audio
    frame = next(container.decode(picture))
    is_turned = frame.rotation % 180 != 0  # phones store upright videos rotated
    return Movie(
        width=picture.height if is_turned else picture.width,
        height=picture.width if is_turned else picture.height,
        duration_s=round(container.duration / MICROSECONDS, 3),
        frame_rate=round(float(picture.average_rate or 0), 3),
        video_codec=picture.codec_context.name,
        audio_codec=sound[0].codec_context.name if sound else "",
    )
