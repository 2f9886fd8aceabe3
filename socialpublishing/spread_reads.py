"""Which posts of a timeline to read, if only some of them can be paid for.

The newest posts are mostly at an account's usual hours, and say little about the others. A timeline
cannot be filtered by the hour, but it can be read from any time backwards. So half of the posts are
the newest, and the others are read in short pages, each of which ends at the hour of the day with
the fewest posts so far. `python -m benchmarks.best_times` shows what that brings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

PAGES = 10  # so many requests more than for the newest posts
FEW = 2  # if at most so many times the rest of the budget is left, the newest are read


class Published(Protocol):
    @property
    def published_at(self) -> dt.datetime: ...


PostT = TypeVar("PostT", bound=Published)


def read_spread(
    read: Callable[[int, dt.datetime | None], list[PostT]],
    *,
    since: dt.datetime,
    limit: int,
    smallest: int,
) -> list[PostT]:
    """At most `limit` posts since then, newest first, spread over the hours of the day.

    `read` returns at most so many posts, at least `smallest`, from before a time (None: now).
    """
    half = max(limit // 2, min(limit, 2 * smallest - 1))
    found = read(half, None)
    if len(found) <= half - smallest:
        return found  # there are no more
    size = max((limit - len(found)) // PAGES, smallest)
    tries = [0] * 24  # by hour of the day (UTC): the posts within an hour of it, and the pages
    count(tries, found)
    while found and limit - len(found) >= smallest:
        oldest = found[-1].published_at
        rest = limit - len(found)
        if expected_before(found, since) <= FEW * rest:
            return found + read(rest, oldest)
        hour = tries.index(min(tries))
        tries[hour] += 1
        end = last_end_of(hour, before=oldest)
        page = read(min(size, rest), end) if end > since else []
        if not page:
            break
        count(tries, page)
        found += page
    return found


def count(tries: list[int], posts: Iterable[Published]) -> None:
    for post in posts:
        for near in (-1, 0, 1):
            tries[(post.published_at.astimezone(dt.UTC).hour + near) % 24] += 1


def expected_before(found: list[PostT], since: dt.datetime) -> float:
    """How many older posts there are, if the account always posted as often as in those found."""
    newest, oldest = found[0].published_at, found[-1].published_at
    return (oldest - since) / max(newest - oldest, dt.timedelta(seconds=1)) * len(found)


def last_end_of(hour: int, *, before: dt.datetime) -> dt.datetime:
    """The last time before then at which an hour of the day (UTC) ended."""
    end = before.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return end - dt.timedelta(hours=(end.hour - hour - 1) % 24)
