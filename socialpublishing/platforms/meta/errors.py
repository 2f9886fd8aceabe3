"""The errors of Meta's Graph API.

Written from https://developers.facebook.com/docs/graph-api (v25.0: error handling, rate limiting),
as of 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import PlatformResponse, retry_after

# A wrong number must not block an account for ever.
MAX_LIMIT_MINUTES = 31 * 24 * 60

Errors = Mapping[tuple[int | None, int | None], type[PlatformApiError]]


def read_graph_error(response: PlatformResponse, *, label: str, own: Errors) -> PlatformApiError:
    """By code and subcode: https://developers.facebook.com/docs/graph-api/guides/error-handling.

    `own` are the errors that only this platform has, or that mean something else there.
    """
    error = _error_of(response)
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    message = str(error.get("error_user_msg") or error.get("message") or "")
    request_id = str(error.get("fbtrace_id") or response.headers.get("x-fb-trace-id", ""))
    facts: dict[str, Any] = {
        "platform_code": f"{code}/{subcode}" if subcode else str(code or ""),
        "request_id": request_id[:64],
    }
    if code == 100 and "appsecret_proof" in message:
        return PlatformConfigurationError(f"{label} refuses this service: {message}", **facts)
    kind = _kind_of(code, subcode, status=response.status_code, known={**ERRORS, **own})
    if kind is RateLimitError:
        until = retry_after(response) or _limited_until(response)
        return RateLimitError(f"{label} asks us to wait.", until=until, **facts)
    if kind in {TokenExpiredError, InsufficientPermissionsError}:
        return kind(**facts)
    return kind(f"{label} responded: {message or response.status_code}", **facts)


def _kind_of(code: int, subcode: int, *, status: int, known: Errors) -> type[PlatformApiError]:
    """A (code, subcode) is more specific than a subcode alone, and that than a code alone."""
    kind = known.get((code, subcode)) or known.get((None, subcode)) or known.get((code, None))
    if kind is None and 200 <= code <= 299:
        kind = InsufficientPermissionsError
    if kind is RateLimitError or status == 429:
        return RateLimitError
    if status == 401:
        return TokenExpiredError
    if kind is None and status >= 500:
        return NoResponseError
    return kind or PlatformApiError


def _error_of(response: PlatformResponse) -> dict[str, Any]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}


# From the page above and from practice. Code 2 often comes although the post was created.
ERRORS: Errors = {
    (1, None): NoResponseError,
    (2, None): NoResponseError,
    (3, None): PlatformConfigurationError,
    (4, None): RateLimitError,
    (10, None): InsufficientPermissionsError,
    (17, None): RateLimitError,
    (32, None): RateLimitError,
    (80001, None): RateLimitError,
    (613, None): RateLimitError,
    (341, None): RateLimitError,
    (100, 33): TokenExpiredError,
    (100, None): ContentRejectedError,
    (101, None): PlatformConfigurationError,
    (102, None): TokenExpiredError,
    (190, None): TokenExpiredError,
    (368, 1390008): RateLimitError,
    (368, 1404082): DuplicateContentError,
    (368, None): ContentRejectedError,
    (506, None): DuplicateContentError,
    (None, 1366051): DuplicateContentError,
    (None, 1366046): ContentRejectedError,
    (None, 1404078): InsufficientPermissionsError,
    (1500, None): ContentRejectedError,
    (1609005, None): ContentRejectedError,
}


def _limited_until(response: PlatformResponse) -> dt.datetime | None:
    """The end of the Page's limit, from a header that gives it in minutes.

    A header of another shape is ignored: the rate limit itself is certain.
    """
    try:
        usage = json.loads(response.headers.get("X-Business-Use-Case-Usage", ""))
    except ValueError:
        return None
    minutes = max(_minutes_in(usage), default=0)
    return dt.datetime.now(tz=dt.UTC) + dt.timedelta(minutes=minutes) if minutes > 0 else None


def _minutes_in(usage: Any) -> Iterator[int]:
    for entries in usage.values() if isinstance(usage, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            minutes = entry.get("estimated_time_to_regain_access") if isinstance(entry, dict) else 0
            yield min(_number(minutes), MAX_LIMIT_MINUTES)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
