"""Reads TikTok's errors.

https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling, read 2026-11-22.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    InsufficientPermissionsError,
    LimitScope,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.app import oauth_refusal, read_oauth_error
from socialpublishing.platforms.responses import as_text

# TikTok does not report when a daily limit ends: any minute, as it counts the last 24 hours. The
# pause is much shorter than the usual grace of a post.
DAILY_LIMIT_PAUSE = dt.timedelta(minutes=15)
TOO_MANY_POSTS = "TikTok takes no more posts of this creator from apps today."
BANNED = (
    "TikTok has banned the creator from posting; the creator has to look in TikTok's app, under "
    "Account status."
)
INTERNAL_ERROR = "TikTok responded with an internal error."
PLEASE_WAIT = "TikTok asks us to wait."
MISSING_SCOPE = (
    "TikTok reports that a permission is missing: posts need video.publish, drafts need "
    "video.upload. The creator has to connect the account again and allow it."
)

# An error and its message; if it is empty, that of the class. Codes are matched exactly: words
# such as "internal" are in many messages.
Meaning = tuple[type[PlatformApiError], str]
BY_CODE: Mapping[str, Meaning] = {
    "access_token_invalid": (TokenExpiredError, ""),
    "scope_not_authorized": (InsufficientPermissionsError, MISSING_SCOPE),
    "scope_permission_missed": (InsufficientPermissionsError, MISSING_SCOPE),
    "privacy_level_option_mismatch": (
        ContentRejectedError,
        "TikTok no longer offers this creator the privacy_level of the post: choose another one.",
    ),
    "invalid_file_upload": (ContentRejectedError, "TikTok does not accept the file."),
    "spam_risk": (ContentRejectedError, "TikTok treats the post as spam."),
    "spam_risk_text": (ContentRejectedError, "TikTok treats the text as spam."),
    "spam_risk_user_banned_from_posting": (AccountBlockedError, BANNED),
    "invalid_publish_id": (UploadLostError, ""),
    "internal_error": (NoResponseError, INTERNAL_ERROR),
}
UNAUDITED = (
    "TikTok has not audited this service: it may only send drafts, and post to private accounts, "
    "visible to the creator alone."
)
# Features of our app that TikTok refuses on their own: a kind of post, or posts with photos.
DIRECT_POSTS, PHOTOS = "feed", "photos"
TOO_MANY_POSTS_CODE = "spam_risk_too_many_posts"
# Responses of creator_info that say that the creator cannot post now. Some have status 200.
ENDS_POSTING = frozenset(
    {
        TOO_MANY_POSTS_CODE,
        "spam_risk_user_banned_from_posting",
        "reached_active_user_cap",
        "scope_not_authorized",
        "scope_permission_missed",
    }
)
# The upload address has expired, or there is no such upload.
ADDRESS_ENDED = frozenset({401, 403, 404})
REQUEST_TIMEOUT = 408
# Without an envelope a response is from a server in front of the API. With one of these statuses it
# has not passed the request on.
REFUSED_AT_ONCE = frozenset({403, 404, 405, 413, 414, 415, 431})
# A message, and whose requests the limit refuses.
DAILY_LIMITS: Mapping[str, tuple[str, LimitScope]] = {
    TOO_MANY_POSTS_CODE: (TOO_MANY_POSTS, LimitScope.ACCOUNT),
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
    return oauth_refusal(data, platform_code=code[:64], request_id=_log_id(data))


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    if token_refusal(response.json):
        return read_oauth_error(response, request_id=_log_id(response.fields))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """By the code; by the status only if there is none."""
    error, code = error_of(response), code_of(response)
    if not code:
        return _by_status(response)
    facts: dict[str, Any] = {"platform_code": code[:64], "request_id": _log_id(error)}
    if response.status_code >= 500:
        return NoResponseError(INTERNAL_ERROR, **facts)
    if code in BY_CODE:
        error_class, message = BY_CODE[code]
        return error_class(message, **facts)
    if code in DAILY_LIMITS:
        message, limits = DAILY_LIMITS[code]
        until = dt.datetime.now(tz=dt.UTC) + DAILY_LIMIT_PAUSE
        return RateLimitError(message, until=until, limits=limits, **facts)
    match code:
        case "unaudited_client_can_only_post_to_private_accounts":
            # Drafts go on.
            return PlatformConfigurationError(UNAUDITED, feature=DIRECT_POSTS, **facts)
        case "url_ownership_unverified":
            return PlatformConfigurationError(_unverified(), feature=PHOTOS, **facts)
        case "rate_limit_exceeded":
            return RateLimitError(PLEASE_WAIT, until=retry_after(response), **facts)
    return _by_status(response, words=as_text(error.get("message")) or code, **facts)


def _by_status(response: PlatformResponse, words: str = "", **facts: Any) -> PlatformApiError:
    """Without a code that we know. An envelope with an error has no publish_id."""
    status = response.status_code
    if status == 401:
        return TokenExpiredError(**facts)
    if status == 429:
        return RateLimitError(PLEASE_WAIT, until=retry_after(response), **facts)
    if status >= 500:
        return NoResponseError(INTERNAL_ERROR, **facts)
    # With a status of success, something may have been created all the same.
    is_refused_by_api = bool(words) and status >= 400 and status != REQUEST_TIMEOUT
    return PlatformRefusedError(
        f"TikTok refused the request: {words or f'status {status}'}",
        nothing_was_created=is_refused_by_api or status in REFUSED_AT_ONCE,
        **facts,
    )


def _unverified() -> str:
    return (
        "TikTok pulls photos only from addresses that this service has proved to own: its operator "
        f"has to verify the URL prefix {settings.SERVICE_BASE_URL}/media/ in TikTok's developer "
        "portal."
    )


def refuses_chunks(error: PlatformApiError) -> bool:
    """Does TikTok refuse how we split the video? Its code for that is a general one."""
    return error.platform_code.startswith("invalid_param") and "chunk" in str(error).lower()


def read_upload_error(response: PlatformResponse) -> PlatformApiError:
    """The upload host sends no codes.

    https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
    """
    status = response.status_code
    if status in ADDRESS_ENDED:
        return UploadLostError()
    if status == 429:
        return RateLimitError(PLEASE_WAIT, until=retry_after(response))
    if status == 416 or status >= 500:
        # 416: TikTok has other bytes than we assume; its status shows which.
        return NoResponseError(f"TikTok's upload host responded with {status}.")
    # An earlier request may have delivered the bytes.
    return PlatformRefusedError(f"TikTok's upload host refused a part of the video ({status}).")


def error_of(response: PlatformResponse) -> Mapping[str, Any]:
    """The error of the envelope; some responses have OAuth's flat form."""
    error = response.fields.get("error")
    if isinstance(error, str):
        description = response.fields.get("error_description")
        return {**response.fields, "code": error, "message": description}
    return error if isinstance(error, dict) else {}


def code_of(response: PlatformResponse) -> str:
    """The code of the error; empty if there is none."""
    code = as_text(error_of(response).get("code"))
    return "" if code == "ok" else code


def _log_id(error: Mapping[str, Any]) -> str:
    return as_text(error.get("log_id") or error.get("logid"))[:64]
