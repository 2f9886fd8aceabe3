"""Responses that the real platforms gave: what each means, and what the engine does.

One module for each platform holds a tuple `RESPONSES`; publishing/tests/test_real_responses.py
reads all of them. The facts are in our own words, with the page on which each was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from socialpublishing.errors import PlatformApiError, WhoActs


@dataclass(frozen=True, kw_only=True)
class RealResponse:
    """An error response of a platform.

    `during` is the step: "prepare" or "publish". `reads` is a part of the sentence for people.
    `then` is what becomes of the job, a key of OUTCOMES in test_real_responses.py.
    """

    name: str
    source: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    during: str = "publish"
    means: type[PlatformApiError]
    reads: str
    who_acts: WhoActs
    then: str
