"""Failures on request: planned by POST /control/faults, or by magic words in a post's text."""

import re
import threading
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    # respond with this status, after a delay; do nothing, unless the value has `accepts`
    STATUS = "status"
    DROP_BEFORE = "drop_before"  # close the connection, do nothing
    DROP_AFTER = "drop_after"  # process the request, then close the connection without a response
    # close the connection without a response, then wait, then process the request
    ACCEPT_LATE = "accept_late"
    DELAY = "delay"  # wait, then process the request
    DELAY_AFTER = "delay_after"  # process the request, then wait before the response
    MALFORMED = "malformed"  # process the request, send half of the JSON
    REJECT = "reject"  # refuse the content with the platform's error


@dataclass(kw_only=True, eq=False)
class Fault:
    """`value` is a dict with code, headers, body, delay and accepts for `status`, and seconds for a
    delay or `accept_late`."""

    action: Action
    value: Any = None
    platform: str | None = None
    method: str | None = None
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    times: int = 1
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def matches(self, platform: str, method: str, path: str) -> bool:
        return (
            self.platform in (None, platform)
            and self.method in (None, method)
            and self.path.search(path) is not None
        )


class FaultPlan:
    """The faults that have not happened yet, in the order in which they were planned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._texts_seen: set[str] = set()  # that requested a fault `once`

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def planned(self) -> list[Fault]:
        return list(self._planned)

    def take(self, platform: str, method: str, path: str) -> Fault | None:
        """The first fault that matches this request. Counts it as used once."""
        with self._lock:
            for fault in self._planned:
                if fault.matches(platform, method, path):
                    fault.times -= 1
                    if fault.times == 0:
                        self._planned.remove(fault)
                    return fault
        return None

    def in_text(self, text: str) -> Fault | None:
        """The fault that a post's text asks for by `[sandbox:429]` or `[sandbox:429 once]`."""
        words = MAGIC.search(text)
        if words is None:
            return None
        if words["once"]:
            with self._lock:
                if text in self._texts_seen:
                    return None
                self._texts_seen.add(text)
        word = words["word"]
        if word.isdigit():
            return Fault(action=Action.STATUS, value={"code": int(word)})
        if word == "slow":
            return Fault(action=Action.DELAY, value=5)
        return Fault(action=Action(word))


MAGIC = re.compile(
    r"\[sandbox:(?P<word>[45]\d\d|drop_before|drop_after|malformed|slow|reject)(?P<once> once)?\]"
)
