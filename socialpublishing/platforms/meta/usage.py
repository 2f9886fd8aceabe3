"""How much of its rate limits the app has used, as the headers of each response report it.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting, read 2026-11-27. They come
with good responses as well; requests during a block prolong it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

# A wrong number must not block an account for ever.
MAX_MINUTES = 31 * 24 * 60


def limited_until(headers: Mapping[str, str]) -> dt.datetime | None:
    """The end of the block that X-Business-Use-Case-Usage reports; None if there is none.

    A header of another shape is ignored.
    """
    usage = _json(headers.get("X-Business-Use-Case-Usage"))
    minutes = max(_minutes_in(usage), default=0)
    return dt.datetime.now(tz=dt.UTC) + dt.timedelta(minutes=minutes) if minutes > 0 else None


def _minutes_in(usage: Any) -> Iterator[float]:
    for entries in usage.values() if isinstance(usage, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            minutes = entry.get("estimated_time_to_regain_access") if isinstance(entry, dict) else 0
            if isinstance(minutes, (int, float)):
                yield min(minutes, MAX_MINUTES)


def _json(value: str | None) -> Any:
    try:
        return json.loads(value or "")
    except (ValueError, RecursionError):
        return None
