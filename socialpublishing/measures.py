"""The measures of a file that limits bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from socialpublishing.posts import Media


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a file that a limit bounds. `of` returns None if it is unknown."""

    name: str
    words: str
    of: Callable[[Media], float | None]
    fix: str


def _product(media: Media) -> float | None:
    return media.width * media.height if media.width and media.height else None


def _ratio(media: Media) -> float | None:
    return media.width / media.height if media.width and media.height else None


MEASURED = (
    Measure(name="width", words="a width of", of=lambda media: media.width, fix="Resize it."),
    Measure(name="height", words="a height of", of=lambda media: media.height, fix="Resize it."),
    Measure(name="pixels", words="a number of pixels of", of=_product, fix="Resize it."),
    Measure(name="ratio", words="an aspect ratio (width to height) of", of=_ratio, fix="Crop it."),
    Measure(
        name="duration_s",
        words="a duration in seconds of",
        of=lambda media: media.duration_s,
        fix="Cut it to length.",
    ),
    Measure(
        name="frame_rate",
        words="a frame rate (frames per second) of",
        of=lambda media: media.frame_rate,
        fix="Encode it with another frame rate.",
    ),
)
