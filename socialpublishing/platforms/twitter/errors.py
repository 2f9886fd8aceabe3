"""X's errors.

https://docs.x.com/x-api/fundamentals/response-codes-and-errors
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
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
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.app import read_oauth_error

# https://docs.x.com/x-api/fundamentals/rate-limits; those of a day are seen with old plans.
WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """https://docs.x.com/fundamentals/authentication/oauth-2-0"""
    error = read_oauth_error(response, request_id=_request_id(response))
    # For a refresh token that is unknown, used or revoked X returns `invalid_request`, where the
    # RFC demands `invalid_grant`.
    if type(error) is PlatformApiError and error.platform_code == "invalid_request":
        return TokenExpiredError(platform_code=error.platform_code, request_id=error.request_id)
    return error


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By status, type, words: docs.x.com/x-api/fundamentals/response-codes-and-errors."""
    body = response.json if isinstance(response.json, dict) else {}
    kind = str(body.get("type", "")).rsplit("/", 1)[-1]
    title, detail = str(body.get("title", "")), _detail(body)
    facts: dict[str, Any] = {
        "platform_code": kind if kind not in {"", "about:blank", "blank"} else title,
        "request_id": _request_id(response),
    }
    words = f"{title} {detail}".lower()
    match response.status_code:
        case 401:
            return TokenExpiredError(**facts)
        case 402:
            return PlatformConfigurationError("The service's credits at X are spent.", **facts)
        case 403 if "spendcap" in words.replace(" ", "") or kind == "client-forbidden":
            return PlatformConfigurationError(f"X refuses this service: {detail}", **facts)
        case 403 if "duplicate content" in words:
            return DuplicateContentError("X has this very post already.", **facts)
        case 403 if kind == "oauth1-permissions" or title == detail == "Forbidden":
            return InsufficientPermissionsError(**facts)
        case 403 if "suspended" in kind:
            return InsufficientPermissionsError(f"The account is suspended: {detail}", **facts)
        case 400 if "not found" in words or "media ids are invalid" in words:
            # Uploads live for a day.
            return UploadLostError(**facts)
        case 400 | 403 | 404:
            return ContentRejectedError(f"X refused the post: {detail}", **facts)
        case 429 if kind == "usage-capped":
            return PlatformConfigurationError("The service's quota at X is used up.", **facts)
        case 429:
            return RateLimitError("X asks us to wait.", until=_allowed_at(response), **facts)
        case status if status >= 500:
            return NoResponseError(f"X answered with an error of its own ({status}).", **facts)
    return PlatformApiError(f"X answered {response.status_code}: {detail}", **facts)


def read_reply_error(response: PlatformResponse) -> PlatformApiError:
    """Of a later post of a thread: it has no media, so what is not found is the one before."""
    error = read_error(response)
    if isinstance(error, UploadLostError):
        return ContentRejectedError("X no longer has the post before it in the thread.")
    return error


def _allowed_at(response: PlatformResponse) -> dt.datetime | None:
    """The end of the last of all windows that are used up; some accounts have one of a day."""
    used_up = [
        retry_after(response, reset_header=f"{window}-reset")
        for window in WINDOWS
        if response.headers.get(f"{window}-remaining", "0").strip() == "0"
    ]
    return max(filter(None, used_up), default=None)


def _detail(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        # The outer words of an invalid request say only that it is one.
        return str(errors[0].get("message") or body.get("detail", ""))
    return str(body.get("detail", ""))


def _request_id(response: PlatformResponse) -> str:
    return response.headers.get("x-transaction-id", "")[:64]
