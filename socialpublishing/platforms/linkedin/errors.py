"""LinkedIn's errors.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
"""

from __future__ import annotations

import re
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


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    body = response.json if isinstance(response.json, dict) else {}
    match response.status_code, body.get("error"):
        case 401, _:
            return PlatformConfigurationError(**_facts(response))
        case 400, _:
            return TokenExpiredError(**_facts(response))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By status and code; words are read for a duplicate's URN, and where nothing else tells.

    https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
    """
    facts, words = _facts(response), _words(response)
    match response.status_code, facts["platform_code"]:
        case 401, _:
            return TokenExpiredError(**facts)
        case 403, _:
            return InsufficientPermissionsError(
                f"LinkedIn does not let this connection do that: {words}", **facts
            )
        case 400, _ if "permissions must be used" in words:
            return InsufficientPermissionsError(
                "The connection may not post for organizations; connect the account again.",
                **facts,
            )
        case _, "DUPLICATE_POST":
            twin = POST_URN.search(words)
            return DuplicateContentError(remote_id=twin[0] if twin else "", **facts)
        case _, "MEDIA_ASSET_WAITING_UPLOAD":
            return MediaNotReadyError(**facts)
        case _, "MEDIA_ASSET_PROCESSING_FAILED":
            return ContentRejectedError("LinkedIn could not process a file.", **facts)
        case _, "EXPIRED_UPLOAD_URL" | "UPDATING_ASSET_FAILED":
            return UploadLostError(**facts)
        case 413 | 415, _:
            return ContentRejectedError(f"LinkedIn does not take a file: {words}", **facts)
        case 426, _:
            return PlatformConfigurationError(
                "LinkedIn has ended the version of its API that this service uses; it has to be "
                "brought up to date.",
                **facts,
            )
        case 429, _:
            # Quotas end at midnight UTC, LinkedIn's shield sooner; which it was is not told.
            # https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits
            return RateLimitError("LinkedIn asks us to wait.", until=retry_after(response), **facts)
        case ((400 | 404 | 422), _) if words:
            return ContentRejectedError(f"LinkedIn refused the post: {words}", **facts)
        case status, _ if status == 408 or status >= 500:
            message = f"LinkedIn answered with an error of its own ({status})."
            return NoResponseError(message, **facts)
    return PlatformApiError(f"LinkedIn answered {response.status_code}: {words}", **facts)


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.json if isinstance(response.json, dict) else {}
    # Of the second envelope the code stands inside.
    inputs = (body.get("errorDetails") or {}).get("inputErrors") or [{}]
    code = body.get("code") or inputs[0].get("code") or body.get("error") or ""
    return {
        "platform_code": str(code)[:64],
        "request_id": response.headers.get("x-li-uuid", "")[:64],
    }


def _words(response: PlatformResponse) -> str:
    return str(response.json.get("message") or "") if isinstance(response.json, dict) else ""
