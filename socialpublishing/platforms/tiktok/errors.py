"""Reads TikTok's errors.

https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    LimitScope,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.app import oauth_refusal

# TikTok does not report when a daily limit ends.
DAILY_LIMIT_PAUSE = dt.timedelta(hours=1)
TOO_MANY_POSTS = "TikTok takes no more posts of this creator from apps today."
INTERNAL_ERROR = "TikTok responded with an internal error."
PLEASE_WAIT = "TikTok asks us to wait."

# Why the content of a post failed. After any other reason, publishing can start again.
# https://developers.tiktok.com/docs/en/content-posting-api-reference-get-video-status
CONTENT_REASONS = {
    "file_format_check_failed": "TikTok does not accept the format of a file.",
    "duration_check_failed": "TikTok does not accept a video of this length from this creator.",
    "frame_rate_check_failed": "TikTok accepts 23 to 60 frames a second.",
    "picture_size_check_failed": "Each side of a video or photo has to have 360 to 4096 pixels.",
    "spam_risk_user_banned_from_posting": "TikTok has banned the creator from posting.",
    "spam_risk_text": "TikTok treats the text as spam.",
    "spam_risk": "TikTok treats the post as spam.",
    "publish_cancelled": "The post was cancelled at TikTok.",
    "app_version_check_failed": "The creator's TikTok app is too old to accept drafts.",
}

# An error and its message; if it is empty, that of the class.
Meaning = tuple[type[PlatformApiError], str]
BY_CODE: Mapping[str, Meaning] = {
    "access_token_invalid": (TokenExpiredError, ""),
    "scope_not_authorized": (InsufficientPermissionsError, ""),
    "scope_permission_missed": (InsufficientPermissionsError, ""),
    "unaudited_client_can_only_post_to_private_accounts": (
        PlatformConfigurationError,
        "TikTok has not audited this service: it may only post to private accounts, visible to "
        "the creator alone.",
    ),
    "url_ownership_unverified": (
        PlatformConfigurationError,
        "TikTok pulls photos only from addresses that this service has proved to own; its "
        "operator has to verify their domain.",
    ),
    "spam_risk_user_banned_from_posting": (
        ContentRejectedError,
        CONTENT_REASONS["spam_risk_user_banned_from_posting"],
    ),
    "invalid_publish_id": (UploadLostError, ""),
    "internal_error": (NoResponseError, INTERNAL_ERROR),
}
# A message, and whose requests the limit refuses.
DAILY_LIMITS: Mapping[str, tuple[str, LimitScope]] = {
    "spam_risk_too_many_posts": (TOO_MANY_POSTS, LimitScope.ACCOUNT),
    "spam_risk_too_many_pending_share": (
        "Five drafts wait in the creator's inbox; TikTok takes no more today.",
        LimitScope.POST,
    ),
    "reached_active_user_cap": (
        "This service has reached TikTok's daily limit of creators who post.",
        LimitScope.APP,
    ),
}


def token_refusal(data: Any) -> PlatformApiError | None:
    """An error of the token endpoint, which has no envelope and may come with any status.

    https://developers.tiktok.com/docs/en/oauth-error-handling
    """
    code = data.get("error") if isinstance(data, dict) else None
    if not isinstance(code, str) or not code or "access_token" in data:
        return None
    request_id = str(data.get("log_id", ""))[:64]
    return oauth_refusal(data, platform_code=code[:64], request_id=request_id)


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    return token_refusal(response.json) or read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By the code; by the status only if there is none."""
    error = error_of(response)
    code, detail = str(error.get("code", "")), str(error.get("message", ""))
    if code in {"", "ok"}:
        return _read_upload_error(response)
    log_id = str(error.get("log_id") or error.get("logid") or "")
    facts: dict[str, Any] = {"platform_code": code[:64], "request_id": log_id[:64]}
    if code in BY_CODE:
        error_class, message = BY_CODE[code]
        return error_class(message, **facts)
    if code in DAILY_LIMITS:
        message, limits = DAILY_LIMITS[code]
        until = dt.datetime.now(tz=dt.UTC) + DAILY_LIMIT_PAUSE
        return RateLimitError(message, until=until, limits=limits, **facts)
    if code == "rate_limit_exceeded":
        return RateLimitError(PLEASE_WAIT, until=retry_after(response), **facts)
    if response.status_code >= 500:
        return NoResponseError(INTERNAL_ERROR, **facts)
    if response.status_code < 400:
        # The code is unknown and the status is one of success: the outcome is unknown.
        return PlatformApiError(f"TikTok responded: {detail or code}", **facts)
    return ContentRejectedError(f"TikTok refused the post: {detail or code}", **facts)


def _read_upload_error(response: PlatformResponse) -> PlatformApiError:
    """The upload host sends no codes."""
    match response.status_code:
        case 401:
            return TokenExpiredError()
        case 403:
            return UploadLostError()
        case 429:
            return RateLimitError(PLEASE_WAIT, until=retry_after(response))
    # 404 and 416 mean that TikTok has other bytes than we assume; its status shows which.
    return NoResponseError(f"TikTok's upload host responded with {response.status_code}.")


def error_of(response: PlatformResponse) -> Mapping[str, Any]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}
