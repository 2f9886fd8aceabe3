"""Reads Pinterest's errors.

By status, code and message, as they occur in production: no page lists the codes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
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

# Pinterest does not report how long an account has to pause after a spam refusal.
SPAM_PAUSE = dt.timedelta(hours=3)
# Before a publish request is repeated whose file Pinterest could not fetch.
FETCH_PAUSE = dt.timedelta(seconds=120)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Responses with this status, this code (empty: any) and this phrase in the message."""

    status: int
    code: str = ""
    phrase: str = ""  # in lower case
    error: type[PlatformApiError]
    message: str = ""  # empty: that of the class


# The first rule that matches decides. A RateLimitError from here would have no `until`: only
# `_rate_limit` sets it.
RULES = (
    Rule(
        status=401,
        code="3",
        phrase="restricted feature",
        error=PlatformConfigurationError,
        message="Pinterest refuses this service: {detail}",
    ),
    # A missing permission: a 401 is an expired token only with another code.
    Rule(status=401, code="3", error=InsufficientPermissionsError),
    Rule(status=401, error=TokenExpiredError),
    # https://github.com/gitroomhq/postiz-app/issues/1084
    Rule(
        status=403,
        code="29",
        phrase="trial access",
        error=PlatformConfigurationError,
        message="Pinterest has given this service Trial access, which may not publish. Its "
        "operator has to apply for Standard access.",
    ),
    Rule(
        status=403,
        code="29",
        error=InsufficientPermissionsError,
        message="Pinterest does not let this connection do that: {detail}",
    ),
    Rule(
        status=404,
        code="40",
        error=ContentRejectedError,
        message="The board no longer exists. Choose another.",
    ),
    Rule(status=404, phrase="media", error=UploadLostError),
)


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """By the status: no code distinguishes a refused code or refresh token from a refused app."""
    if response.status_code in {400, 401}:
        return TokenExpiredError(**_facts(response))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    facts, detail = _facts(response), str(response.fields.get("message") or "")
    lower = detail.lower()
    for rule in RULES:
        is_code = rule.code in {"", facts["platform_code"]}
        if rule.status == response.status_code and is_code and rule.phrase in lower:
            return rule.error(rule.message.format(detail=detail), **facts)
    match response.status_code:
        case 429:
            return _rate_limit(response, detail, facts)
        case 400 if "could not fetch" in lower or "unable to reach" in lower:
            # Pinterest's crawler sometimes fails with working addresses. It created no Pin.
            message = f"Pinterest could not fetch a file: {detail}"
            return MediaNotReadyError(message, wait=FETCH_PAUSE, uses_attempt=True, **facts)
        case 400 | 403 | 412 if "<Error>" in response.text:
            # S3 refuses the upload form, for example because it has expired.
            return UploadLostError(**facts)
        case 400 | 403 | 404 if detail:
            return ContentRejectedError(f"Pinterest refused the Pin: {detail}", **facts)
        case status if status == 408 or status >= 500:
            return NoResponseError(f"Pinterest failed to respond (status {status}).", **facts)
    message = f"Pinterest responded with {response.status_code}: {detail}"
    return PlatformApiError(message, **facts)


def _rate_limit(
    response: PlatformResponse, detail: str, facts: Mapping[str, Any]
) -> RateLimitError:
    if "spam" in detail.lower():
        message = f"Pinterest treats the account's posts as spam: {detail}"
        return RateLimitError(message, until=dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE, **facts)
    return RateLimitError("Pinterest asks us to wait.", until=_limit_end(response), **facts)


def _limit_end(response: PlatformResponse) -> dt.datetime | None:
    """`x-ratelimit-reset` counts seconds; a large number is a time in seconds since 1970.

    https://developers.pinterest.com/docs/reference/rate-limits/
    """
    value = response.headers.get("x-ratelimit-reset", "").strip()
    if value.isascii() and value.isdecimal() and int(value[:11]) < 86400:
        until = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=int(value[:11]))
        return retry_after(response) or until
    return retry_after(response, reset_header="x-ratelimit-reset")


def _facts(response: PlatformResponse) -> dict[str, Any]:
    code = response.fields.get("code")
    return {
        "platform_code": str(code) if isinstance(code, int) else "",
        "request_id": response.headers.get("x-pinterest-rid", "")[:64],
    }
