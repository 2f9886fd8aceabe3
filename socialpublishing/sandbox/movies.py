"""What an uploaded video is, told by its container and its streams."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MICROSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Movie:
    """`width` and `height` are in pixels, as a viewer sees them; a `frame_rate` of 0: not told.

    Codecs are named as FFmpeg does ("h264", "aac"); `audio_codec` is "" for a silent film.
    """

    width: int
    height: int
    duration_s: float
    frame_rate: float
    video_codec: str
    audio_codec: str


def read_movie(source: str | Path | BinaryIO) -> Movie | None:
    """None for anything that is no video, or is broken beyond reading. Never raises."""
    # Imported only when a video comes: it takes 0.2 s and 60 MB.
    import av

    # Everything, because nobody knows what strangers' bytes do to FFmpeg.
    with contextlib.suppress(Exception), av.open(source) as container:
        return _described(container)
    return None


def _described(container: Any) -> Movie | None:
    # FFmpeg takes still pictures for films, too, and finds one in many a document.
    is_still = container.format.name.startswith("image2") or "_pipe" in container.format.name
    if is_still or not container.duration or not container.streams.video:
        return None
    picture = container.streams.video[0]
    sound = container.streams.audio
    frame = next(container.decode(picture))
    is_turned = frame.rotation % 180 != 0  # phones lay the picture on its side and say so
    return Movie(
        width=picture.height if is_turned else picture.width,
        height=picture.width if is_turned else picture.height,
        duration_s=round(container.duration / MICROSECONDS, 3),
        frame_rate=round(float(picture.average_rate or 0), 3),
        video_codec=picture.codec_context.name,
        audio_codec=sound[0].codec_context.name if sound else "",
    )
