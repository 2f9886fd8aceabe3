"""Pinterest's errors."""

from __future__ import annotations

import datetime as dt
from typing import Any

from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after

# Whose posts Pinterest takes for spam has to rest; it does not tell for how long.
SPAM_PAUSE = dt.timedelta(hours=3)
# Before it is asked to fetch a file again.
FETCH_PAUSE = dt.timedelta(seconds=120)


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """A bad code, a bad refresh token and a bad client answer alike."""
    if response.status_code in {400, 401}:
        return TokenExpiredError(**_facts(response))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By status, code and words, as seen in production: no page lists them.

    A 401 is an expired token only if its code is not 3. Trial access, for one:
    https://github.com/gitroomhq/postiz-app/issues/1084.
    """
    facts, words = _facts(response), _words(response)
    lower = words.lower()
    match response.status_code, facts["platform_code"]:
        case 401, "3" if "restricted feature" in lower:
            return PlatformConfigurationError(f"Pinterest refuses this service: {words}", **facts)
        case 401, "3":
            return InsufficientPermissionsError(**facts)
        case 401, _:
            return TokenExpiredError(**facts)
        case 403, "29" if "trial access" in lower:
            return PlatformConfigurationError(
                "Pinterest has given this service Trial access, which may not publish. Its "
                "operator has to apply for Standard access.",
                **facts,
            )
        case 403, "29":
            return InsufficientPermissionsError(
                f"Pinterest does not let this connection do that: {words}", **facts
            )
        case 404, "40":
            return ContentRejectedError("The board is gone. Choose another.", **facts)
        case 404, _ if "media" in lower:
            return UploadLostError(**facts)
        case 429, _ if "spam" in lower:
            until = dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE
            message = f"Pinterest takes the account's posts for spam: {words}"
            return RateLimitError(message, until=until, **facts)
        case 429, _:
            return RateLimitError("Pinterest asks us to wait.", until=_reset(response), **facts)
        case 400, _ if "could not fetch" in lower or "unable to reach" in lower:
            # Its crawler fails at times with addresses that are well; nothing was made.
            message = f"Pinterest could not fetch a file: {words}"
            return MediaNotReadyError(message, wait=FETCH_PAUSE, uses_attempt=True, **facts)
        case 400 | 403 | 412, _ if "<Error>" in response.text:
            # S3's own words: the form has expired, or is not what it wanted.
            return UploadLostError(**facts)
        case ((400 | 403 | 404), _) if words:
            return ContentRejectedError(f"Pinterest refused the Pin: {words}", **facts)
        case status, _ if status == 408 or status >= 500:
            message = f"Pinterest answered with an error of its own ({status})."
            return NoResponseError(message, **facts)
    return PlatformApiError(f"Pinterest answered {response.status_code}: {words}", **facts)


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.json if isinstance(response.json, dict) else {}
    code = body.get("code")
    return {
        "platform_code": str(code) if isinstance(code, int) else "",
        "request_id": response.headers.get("x-pinterest-rid", "")[:64],
    }


def _words(response: PlatformResponse) -> str:
    return str(response.json.get("message") or "") if isinstance(response.json, dict) else ""


def _reset(response: PlatformResponse) -> dt.datetime | None:
    """When the limit is over. `x-ratelimit-reset` counts seconds; a large one is a time.

    https://developers.pinterest.com/docs/reference/rate-limits/
    """
    data = response.headers.get("x-ratelimit-reset", "").strip()
    if data.isascii() and data.isdecimal() and int(data[:11]) < 86400:
        until = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=int(data[:11]))
        return retry_after(response) or until
    return retry_after(response, reset_header="x-ratelimit-reset")
