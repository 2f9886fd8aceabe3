"""Reads X's errors.

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

# Prefixes of the headers of each limit: https://docs.x.com/x-api/fundamentals/rate-limits. Those of
# a day were seen with old plans.
LIMITS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """https://docs.x.com/fundamentals/authentication/oauth-2-0"""
    error = read_oauth_error(response, request_id=_request_id(response))
    # For a refresh token that is unknown, used or revoked X returns `invalid_request`, where the
    # RFC demands `invalid_grant`.
    if type(error) is PlatformApiError and error.platform_code == "invalid_request":
        return TokenExpiredError(platform_code=error.platform_code, request_id=error.request_id)
    return error


def read_error(response: PlatformResponse) -> PlatformApiError:
    """The error by status and type; by its text where X gives no type of its own."""
    body = response.fields
    kind = str(body.get("type", "")).rsplit("/", 1)[-1]
    title, detail = str(body.get("title", "")), _detail(body)
    facts: dict[str, Any] = {
        "platform_code": kind if kind not in {"", "about:blank", "blank"} else title,
        "request_id": _request_id(response),
    }
    match response.status_code:
        case 401:
            return TokenExpiredError(**facts)
        case 402:
            return PlatformConfigurationError("The service's credits at X are used up.", **facts)
        case 403:
            return _read_forbidden(kind, title, detail, facts)
        case 400 if _is_upload_lost(f"{title} {detail}".lower()):
            return UploadLostError(**facts)
        case 400 | 404:
            return ContentRejectedError(f"X refused the post: {detail}", **facts)
        case 429 if kind == "usage-capped":
            return PlatformConfigurationError("The service's quota at X is used up.", **facts)
        case 429:
            return RateLimitError("X asks us to wait.", until=_limit_end(response), **facts)
        case status if status >= 500:
            return NoResponseError(f"X reported an error of its own ({status}).", **facts)
    return PlatformApiError(f"X responded with {response.status_code}: {detail}", **facts)


def _read_forbidden(
    kind: str, title: str, detail: str, facts: Mapping[str, Any]
) -> PlatformApiError:
    """X uses status 403 for the app, the connection, the account and the post."""
    text = f"{title} {detail}".lower()
    if kind == "client-forbidden" or "spendcap" in text.replace(" ", ""):
        return PlatformConfigurationError(f"X refuses this service: {detail}", **facts)
    if "duplicate content" in text:
        return DuplicateContentError("X has the same post already.", **facts)
    if kind == "oauth1-permissions" or title == detail == "Forbidden":
        return InsufficientPermissionsError(**facts)
    if "suspended" in kind:
        return InsufficientPermissionsError(f"The account is suspended: {detail}", **facts)
    return ContentRejectedError(f"X refused the post: {detail}", **facts)


def _is_upload_lost(text: str) -> bool:
    """X keeps an upload for a day. These errors have no type of their own."""
    return "not found" in text or "media ids are invalid" in text


def read_reply_error(response: PlatformResponse) -> PlatformApiError:
    """The error for a later post of a thread.

    It has no media: what X does not find is the post before it.
    """
    error = read_error(response)
    if isinstance(error, UploadLostError):
        return ContentRejectedError("X no longer has the post before it in the thread.")
    return error


def _limit_end(response: PlatformResponse) -> dt.datetime | None:
    """The latest end of all limits that are used up."""
    ends = [
        retry_after(response, reset_header=f"{limit}-reset")
        for limit in LIMITS
        if response.headers.get(f"{limit}-remaining", "0").strip() == "0"
    ]
    return max(filter(None, ends), default=None)


def _detail(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        # The outer detail of an invalid request does not name the reason.
        return str(errors[0].get("message") or body.get("detail", ""))
    return str(body.get("detail", ""))


def _request_id(response: PlatformResponse) -> str:
    return response.headers.get("x-transaction-id", "")[:64]
