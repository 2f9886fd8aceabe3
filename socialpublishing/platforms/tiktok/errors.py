"""TikTok's errors.

https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from socialpublishing.errors import (
    ContentRejectedError,
    InsufficientPermissionsError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.app import oauth_refusal

CAP_PAUSE = dt.timedelta(hours=1)  # after which it is asked again whether a daily cap is over
# https://developers.tiktok.com/docs/en/content-posting-api-reference-get-video-status: why a post
# failed, in words for its author. For all other reasons it is worth beginning anew.
REASONS = {
    "file_format_check_failed": "TikTok does not take the format of a file.",
    "duration_check_failed": "TikTok does not take a video of this length from this creator.",
    "frame_rate_check_failed": "TikTok takes 23 to 60 frames a second.",
    "picture_size_check_failed": "Each side of a video or photo has 360 to 4096 pixels.",
    "spam_risk_user_banned_from_posting": "TikTok has banned the creator from posting.",
    "spam_risk_text": "TikTok takes the text for spam.",
    "spam_risk": "TikTok takes the post for spam.",
    "publish_cancelled": "The post was cancelled at TikTok.",
    "app_version_check_failed": "The creator's TikTok app is too old to take drafts.",
}


def token_refusal(data: Any) -> PlatformApiError | None:
    """https://developers.tiktok.com/docs/en/oauth-error-handling: flat, and with any status."""
    code = data.get("error") if isinstance(data, dict) else None
    if not isinstance(code, str) or not code or "access_token" in data:
        return None
    request_id = str(data.get("log_id", ""))[:64]
    return oauth_refusal(data, platform_code=code[:64], request_id=request_id)


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    return token_refusal(response.json) or read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By the code, and never by the status where there is one.

    https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling
    """
    error = error_of(response)
    code, words = str(error.get("code", "")), str(error.get("message", ""))
    log_id = str(error.get("log_id") or error.get("logid") or "")
    facts: dict[str, Any] = {"platform_code": code[:64], "request_id": log_id[:64]}
    match code:
        case "access_token_invalid":
            return TokenExpiredError(**facts)
        case "scope_not_authorized" | "scope_permission_missed":
            return InsufficientPermissionsError(**facts)
        case "spam_risk_too_many_posts":
            message = "TikTok takes no more posts of this creator from apps today."
            return RateLimitError(message, until=_later(CAP_PAUSE), **facts)
        case "spam_risk_too_many_pending_share":
            message = "Five drafts wait in the creator's inbox; TikTok takes no more today."
            until = _later(CAP_PAUSE)
            return RateLimitError(message, until=until, of_account=False, **facts)
        case "reached_active_user_cap":
            message = "This service has reached TikTok's daily limit of creators who post."
            return RateLimitError(message, until=_later(CAP_PAUSE), **facts)
        case "rate_limit_exceeded":
            return RateLimitError("TikTok asks us to wait.", until=retry_after(response), **facts)
        case "unaudited_client_can_only_post_to_private_accounts":
            return PlatformConfigurationError(
                "TikTok has not audited this service: it may post to private accounts only, "
                "and for themselves.",
                **facts,
            )
        case "url_ownership_unverified":
            return PlatformConfigurationError(
                "TikTok pulls photos only from addresses that this service has shown to be "
                "its own; its operator has to verify their domain.",
                **facts,
            )
        case "spam_risk_user_banned_from_posting":
            return ContentRejectedError(REASONS[code], **facts)
        case "invalid_publish_id":
            return UploadLostError(**facts)
        case "internal_error":
            return NoResponseError("TikTok answered with an error of its own.", **facts)
        case "ok" | "":
            return _by_status(response)
    if response.status_code >= 500:
        return NoResponseError("TikTok answered with an error of its own.", **facts)
    if response.status_code < 400:
        # No list knows the code, and the answer is no refusal: the outcome is open.
        return PlatformApiError(f"TikTok answered: {words or code}", **facts)
    return ContentRejectedError(f"TikTok refused the post: {words or code}", **facts)


def _by_status(response: PlatformResponse) -> PlatformApiError:
    """The upload host has no codes."""
    match response.status_code:
        case 403:
            return UploadLostError()
        case 429:
            until = retry_after(response)
            return RateLimitError("TikTok asks us to wait.", until=until)
        case 401:
            return TokenExpiredError()
    # 404 and 416 say that it stands elsewhere than we think: the status tells where.
    return NoResponseError(f"TikTok's upload answered {response.status_code}.")


def _later(pause: dt.timedelta) -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC) + pause


def error_of(response: PlatformResponse) -> dict[str, Any]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}
