"""How sure an insight is. What each level takes is defined where it is given."""

from enum import StrEnum


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
