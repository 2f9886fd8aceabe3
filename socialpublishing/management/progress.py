"""What commands for operators share: progress of long work, and how they are stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

EVERY_S = 2.0
# The exit code of a command that was asked to stop, as shells have it for Ctrl-C.
INTERRUPTED = 130


class Progress:
    """Prints how far the work is, on stderr, at most every two seconds."""

    def __init__(self, stream: Any, total: int | None, noun: str) -> None:
        self.stream: TextIO = stream
        self.of = "" if total is None else f" of {total}"
        self.noun = noun
        self.done = 0
        self._printed_at = time.monotonic()

    def advance(self, by: int = 1) -> None:
        self.done += by
        if time.monotonic() - self._printed_at >= EVERY_S:
            self.stream.write(f"{self.done}{self.of} {self.noun}")
            self._printed_at = time.monotonic()


class Stop:
    """Whether the command was asked to stop: by Ctrl-C or SIGTERM."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        return self.requested


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Meanwhile SIGINT and SIGTERM only set the flag: what is under way is finished."""
    stop = Stop()

    def request(*args: Any) -> None:
        stop.requested = True

    before = {each: signal.signal(each, request) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
