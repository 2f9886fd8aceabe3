"""Types of arguments that commands for operators share."""

from __future__ import annotations

import datetime as dt
import re
from argparse import ArgumentTypeError

from django.utils.dateparse import parse_datetime

from socialpublishing.audit import REASON_LENGTH
from socialpublishing.clock import database_now

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> dt.timedelta:
    """Such as 90m, 6h or 2d."""
    if not (found := re.fullmatch(r"(\d{1,5})([mhd])", text, re.ASCII)):
        raise ArgumentTypeError(f"{text!r} is no duration, such as 90m, 6h or 2d")
    return dt.timedelta(**{UNITS[found[2]]: int(found[1])})


def point_in_time(text: str) -> dt.datetime:
    """A time with its offset, or an age such as 90m, 6h or 2d."""
    try:
        return database_now() - duration(text)
    except ArgumentTypeError:
        pass
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ArgumentTypeError(
            f"{text!r} is neither a time with an offset, such as 2026-11-28T09:00Z, nor an age, "
            "such as 90m, 6h or 2d"
        )
    return at


def reason(text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= REASON_LENGTH:
        raise ArgumentTypeError(f"a reason has 1 to {REASON_LENGTH} characters")
    return text
