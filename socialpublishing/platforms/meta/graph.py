"""Meta's Graph API, as Facebook and Instagram share it.

Written from https://developers.facebook.com/docs/graph-api (v25.0: error handling, rate limiting,
secure requests), as of 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from socialpublishing.crypto import Secret
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

VERSION = "v25.0"

Errors = Mapping[tuple[int | None, int | None], type[PlatformApiError]]


def proof(token: Secret, app_secret: Secret) -> dict[str, str]:
    """Ties a token to our app, so that the token alone is worth nothing to whoever finds it.

    https://developers.facebook.com/docs/graph-api/guides/secure-requests
    """
    key, message = app_secret.reveal().encode(), token.reveal().encode()
    return {"appsecret_proof": hmac.new(key, message, hashlib.sha256).hexdigest()}


def read_error(response: PlatformResponse, *, label: str, own: Errors) -> PlatformApiError:
    """By code and subcode: https://developers.facebook.com/docs/graph-api/guides/error-handling.

    `own` are those that only this platform has, or means otherwise. A (code, subcode) goes before a
    subcode alone, and that before a code alone.
    """
    body = response.json if isinstance(response.json, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    words = str(error.get("error_user_msg") or error.get("message") or "")
    request_id = str(error.get("fbtrace_id") or response.headers.get("x-fb-trace-id", ""))
    facts: dict[str, Any] = {
        "platform_code": f"{code}/{subcode}" if subcode else str(code or ""),
        "request_id": request_id[:64],
    }
    known = {**ERRORS, **own}
    if code == 100 and "appsecret_proof" in words:
        return PlatformConfigurationError(f"{label} refuses this service: {words}", **facts)
    kind = known.get((code, subcode)) or known.get((None, subcode)) or known.get((code, None))
    if kind is None and 200 <= code <= 299:
        kind = InsufficientPermissionsError
    if kind is RateLimitError or response.status_code == 429:
        until = retry_after(response) or _regained(response)
        return RateLimitError(f"{label} asks us to wait.", until=until, **facts)
    if response.status_code == 401:
        kind = TokenExpiredError
    if kind is None and response.status_code >= 500:
        kind = NoResponseError
    if kind in {TokenExpiredError, InsufficientPermissionsError}:
        return kind(**facts)
    return (kind or PlatformApiError)(f"{label} answered: {words or response.status_code}", **facts)


# From the page above and from what is seen in practice. Code 2 often comes after the post was made
# all the same.
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


def _regained(response: PlatformResponse) -> dt.datetime | None:
    """When the limit of the Page is over, by the header that tells it in minutes."""
    try:
        usage = json.loads(response.headers["X-Business-Use-Case-Usage"])
        minutes = max(
            entry["estimated_time_to_regain_access"]
            for entries in usage.values()
            for entry in entries
        )
        return dt.datetime.now(tz=dt.UTC) + dt.timedelta(minutes=minutes) if minutes > 0 else None
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
