"""Misbehaviour on request: a plan posted to /control/faults, or magic words in a post's text."""

import re
import threading
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    STATUS = "status"  # answer with this status; nothing is done
    DROP_BEFORE = "drop_before"  # close the line; nothing is done
    DROP_AFTER = "drop_after"  # do it, then close the line without an answer
    DELAY = "delay"  # wait, then go on as usual
    DELAY_AFTER = "delay_after"  # do it at once, answer late
    MALFORMED = "malformed"  # do it, answer with half of the JSON
    REJECT = "reject"  # refuse the content, in the platform's words


@dataclass(kw_only=True, eq=False)
class Fault:
    """`value`: of `status` a dict with code, headers and body; of a delay its seconds."""

    action: Action
    value: Any = None
    platform: str | None = None
    method: str | None = None
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    times: int = 1
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def meets(self, platform: str, method: str, path: str) -> bool:
        return (
            self.platform in (None, platform)
            and self.method in (None, method)
            and self.path.search(path) is not None
        )


class FaultPlan:
    """The faults that are still to come, in the order in which they were planned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._spoken: set[str] = set()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def planned(self) -> list[Fault]:
        return list(self._planned)

    def take(self, platform: str, method: str, path: str) -> Fault | None:
        """The first fault that meets this call, used up by one."""
        with self._lock:
            for fault in self._planned:
                if fault.meets(platform, method, path):
                    fault.times -= 1
                    if fault.times == 0:
                        self._planned.remove(fault)
                    return fault
        return None

    def spoken(self, text: str) -> Fault | None:
        """The fault that a post's own text asks for, by `[sandbox:429]` or `[sandbox:429 once]`."""
        words = MAGIC.search(text)
        if words is None:
            return None
        if words["once"]:
            with self._lock:
                if text in self._spoken:
                    return None
                self._spoken.add(text)
        word = words["word"]
        if word.isdigit():
            return Fault(action=Action.STATUS, value={"code": int(word)})
        if word == "slow":
            return Fault(action=Action.DELAY, value=5)
        return Fault(action=Action(word))


MAGIC = re.compile(
    r"\[sandbox:(?P<word>[45]\d\d|drop_before|drop_after|malformed|slow|reject)(?P<once> once)?\]"
)
