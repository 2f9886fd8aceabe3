"""The charts of the start page: plain SVG, whose colours are in console.css."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# In units of the drawing, which is scaled to the width of its place.
BAR, GAP, HEIGHT, LATE_HEIGHT = 8, 2, 48, 16
NOTHING = dt.timedelta()


@dataclass(kw_only=True)
class Hour:
    at: dt.datetime
    published: int = 0
    failed: int = 0
    worst: dt.timedelta = NOTHING

    def add(self, row: Mapping[str, Any], *, is_published: bool) -> None:
        if is_published:
            self.published += row["count"]
            self.worst = max(self.worst, row["worst"] or NOTHING)
        else:
            self.failed += row["count"]


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    kind: str
    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """An hour is two bars: above, its posts; below, how late the latest of them was."""

    title: str
    link: str
    summary: str
    width: int
    rectangles: Sequence[Rectangle]
    height: int = HEIGHT + GAP + LATE_HEIGHT
    base: int = HEIGHT


def chart(title: str, hours: Sequence[Hour], *, link: str) -> Chart:
    most = max([1, *(hour.published + hour.failed for hour in hours)])
    latest = max([dt.timedelta(minutes=1), *(hour.worst for hour in hours)])
    rectangles = []
    for number, hour in enumerate(hours):
        x = number * (BAR + GAP)
        text = f"{hour.at:%H}:00 UTC: {hour.published} published, {hour.failed} failed"
        failed = round(hour.failed / most * HEIGHT, 1)
        published = round(hour.published / most * HEIGHT, 1)
        late = round(hour.worst / latest * LATE_HEIGHT, 1)
        parts = (
            ("published", HEIGHT - published, published, text),
            ("failed", HEIGHT - published - failed, failed, text),
            ("late", HEIGHT + GAP, late, f"{hour.at:%H}:00 UTC: up to {duration(hour.worst)} late"),
        )
        rectangles += [
            Rectangle(kind=kind, x=x, y=round(y, 1), height=height, title=words)
            for kind, y, height, words in parts
            if height
        ]
    published = sum(hour.published for hour in hours)
    failed = sum(hour.failed for hour in hours)
    worst = duration(max(hour.worst for hour in hours))
    return Chart(
        title=title,
        link=link,
        summary=f"{published} published, {failed} failed, at most {worst} late",
        width=len(hours) * (BAR + GAP) - GAP,
        rectangles=rectangles,
    )


def duration(time: dt.timedelta) -> str:
    """`time` for people, in its largest unit."""
    seconds = round(time.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
