"""One line of the doctor: how it is, in one sentence, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    level: Level
    sentence: str
    help: str = ""

    @property
    def fails(self) -> bool:
        return self.level == Level.FAIL


def ok(sentence: str) -> Finding:
    return Finding(Level.OK, sentence)


def warn(sentence: str, help: str = "") -> Finding:
    return Finding(Level.WARN, sentence, help)


def fail(sentence: str, help: str = "") -> Finding:
    return Finding(Level.FAIL, sentence, help)
