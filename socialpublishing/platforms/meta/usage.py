"""How much of its rate limits the app has used, as the headers of each response report it.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting, read 2026-11-27. They come
with good responses as well; requests during a block prolong it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

# The limits count 24 hours at most.
MAX_MINUTES = 24 * 60
# The products that we use. The header also reports others, such as ads.
TYPES = frozenset({"pages", "instagram"})
# X-App-Usage names no time. It counts the last hour, so it falls a little every minute.
APP_PAUSE_MINUTES = 1


def regained_at(headers: Mapping[str, str]) -> dt.datetime | None:
    """The end of the block that X-Business-Use-Case-Usage reports; None if there is none.

    Headers of another shape are ignored, here and below.
    """
    return _from_now(max(_minutes_in(_json(headers.get("X-Business-Use-Case-Usage"))), default=0))


def limited_until(headers: Mapping[str, str]) -> dt.datetime | None:
    """Until when no request should follow a good response with these headers."""
    is_used_up = _is_used_up(_json(headers.get("X-App-Usage")))
    return regained_at(headers) or _from_now(APP_PAUSE_MINUTES if is_used_up else 0)


def _from_now(minutes: float) -> dt.datetime | None:
    return dt.datetime.now(tz=dt.UTC) + dt.timedelta(minutes=minutes) if minutes else None


def _is_used_up(usage: Any) -> bool:
    values = usage.values() if isinstance(usage, dict) else ()
    return any(isinstance(value, (int, float)) and value >= 100 for value in values)


def _minutes_in(usage: Any) -> Iterator[float]:
    for entries in usage.values() if isinstance(usage, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict) or str(entry.get("type")).lower() not in TYPES:
                continue
            minutes = entry.get("estimated_time_to_regain_access")
            if isinstance(minutes, (int, float)) and minutes > 0:
                yield min(minutes, MAX_MINUTES)


def _json(value: str | None) -> Any:
    try:
        return json.loads(value or "")
    except (ValueError, RecursionError):
        return None
