"""Reads LinkedIn's errors.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from socialpublishing.errors import (
    ContentRejectedError,
    DuplicateContentError,
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

POST_URN = re.compile(r"urn:li:(?:share|ugcPost):\d+")

# An error and its message; without one, the error has the message of its class.
Meaning = tuple[type[PlatformApiError], str]
BY_CODE: Mapping[str, Meaning] = {
    "MEDIA_ASSET_WAITING_UPLOAD": (MediaNotReadyError, ""),
    "MEDIA_ASSET_PROCESSING_FAILED": (ContentRejectedError, "LinkedIn could not process a file."),
    "EXPIRED_UPLOAD_URL": (UploadLostError, ""),
    "UPDATING_ASSET_FAILED": (UploadLostError, ""),
}
BY_STATUS: Mapping[int, Meaning] = {
    401: (TokenExpiredError, ""),
    403: (InsufficientPermissionsError, "LinkedIn does not let this connection do that: {detail}"),
    413: (ContentRejectedError, "LinkedIn does not accept a file: {detail}"),
    415: (ContentRejectedError, "LinkedIn does not accept a file: {detail}"),
    426: (
        PlatformConfigurationError,
        "LinkedIn no longer supports the API version that this service uses; the service has to "
        "be updated.",
    ),
}


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """By the status: for a code that is unknown or expired, `error` is not `invalid_grant`."""
    if response.status_code == 400:
        return TokenExpiredError(**_facts(response))
    if response.status_code == 401:
        return PlatformConfigurationError(**_facts(response))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """The error by status and code; by the message only where no code names the reason."""
    facts, detail = _facts(response), _detail(response)
    match response.status_code, facts["platform_code"]:
        case (401 | 403) as status, _:
            return _error(BY_STATUS[status], detail, facts)
        case 400, _ if "permissions must be used" in detail:
            return InsufficientPermissionsError(
                "The connection may not post for organizations; connect the account again.",
                **facts,
            )
        case _, "DUPLICATE_POST":
            urn = POST_URN.search(detail)
            return DuplicateContentError(remote_id=urn[0] if urn else "", **facts)
        case _, code if code in BY_CODE:
            return _error(BY_CODE[code], detail, facts)
        case status, _ if status in BY_STATUS:
            return _error(BY_STATUS[status], detail, facts)
        case 429, _:
            # A quota ends at midnight UTC, a limit against abuse sooner; the response does not
            # name which. https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits
            return RateLimitError("LinkedIn asks us to wait.", until=retry_after(response), **facts)
        case ((400 | 404 | 422), _) if detail:
            return ContentRejectedError(f"LinkedIn refused the post: {detail}", **facts)
        case status, _ if status == 408 or status >= 500:
            return NoResponseError(f"LinkedIn reported an error of its own ({status}).", **facts)
    return PlatformApiError(f"LinkedIn responded with {response.status_code}: {detail}", **facts)


def _error(meaning: Meaning, detail: str, facts: Mapping[str, Any]) -> PlatformApiError:
    error, message = meaning
    return error(message.format(detail=detail), **facts)


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.fields
    # Of the two forms of an error, one has its code in `errorDetails`.
    inputs = (body.get("errorDetails") or {}).get("inputErrors") or [{}]
    code = body.get("code") or inputs[0].get("code") or body.get("error") or ""
    return {
        "platform_code": str(code)[:64],
        "request_id": response.headers.get("x-li-uuid", "")[:64],
    }


def _detail(response: PlatformResponse) -> str:
    return str(response.fields.get("message") or "")
