"""Reads LinkedIn's errors.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling, and bodies as
people reported them, checked 2026-11-27. A body may be any JSON.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    LimitScope,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.responses import as_text

POST_URN = re.compile(r"urn:li:(?:share|ugcPost):\d+")
# Between retries of a post whose file LinkedIn does not know yet: a minute in all.
ASSET_WAIT = dt.timedelta(seconds=20)

NO_SCOPE = (
    "LinkedIn reports that a permission is missing: {detail} The app's operator gets it with a "
    "product of the app; then the owner connects the account again."
)
NO_ROLE = (
    "The member has no role at the organization that LinkedIn requires for this: {detail} An "
    "administrator of the Page has to give it."
)

# An error and its message; without one, the error has the message of its class.
Meaning = tuple[type[PlatformApiError], str]
BY_CODE: Mapping[str, Meaning] = {
    "MEDIA_ASSET_WAITING_UPLOAD": (MediaNotReadyError, ""),
    "MEDIA_ASSET_PROCESSING_FAILED": (ContentRejectedError, "LinkedIn could not process a file."),
    "EXPIRED_UPLOAD_URL": (UploadLostError, ""),
    "UPDATING_ASSET_FAILED": (UploadLostError, ""),
    "FIELD_LENGTH_TOO_LONG": (ContentRejectedError, "LinkedIn refused the post: {detail}"),
    "VERSION_MISSING": (PlatformConfigurationError, "LinkedIn found no API version: {detail}"),
}
BY_STATUS: Mapping[int, Meaning] = {
    401: (TokenExpiredError, ""),
    413: (ContentRejectedError, "LinkedIn does not accept a file: {detail}"),
    415: (ContentRejectedError, "LinkedIn does not accept a file: {detail}"),
    426: (
        PlatformConfigurationError,
        "LinkedIn no longer supports the API version that this service uses; the service has to "
        "be updated.",
    ),
}
# By the code and the words of a refusal, the first that fits. All other refusals are of unknown
# reason.
BY_WORDS: Mapping[int, tuple[tuple[re.Pattern[str], Meaning], ...]] = {
    400: (
        (re.compile(r"permissions must be used", re.IGNORECASE), (
            InsufficientPermissionsError,
            "The connection lacks w_organization_social, so it may not post for organizations; "
            "connect the account again.",
        )),
    ),
    403: (
        (re.compile(r"(?:member|account|user)\b.*(?:restricted|suspended)", re.IGNORECASE), (
            AccountBlockedError, "LinkedIn has restricted the account: {detail}"
        )),
        (re.compile(r"ADMIN_ONLY|/(?:author|owner)\b|\brole\b|administrator", re.IGNORECASE), (
            InsufficientPermissionsError, NO_ROLE
        )),
        (re.compile(r"ACCESS_DENIED|permission|forbidden", re.IGNORECASE), (
            InsufficientPermissionsError, NO_SCOPE
        )),
    ),
}  # fmt: skip
CONTENT = re.compile(
    r"exceed(?:ed|s) the maximum|too long"
    r"|(?:our|linkedin'?s|community|content|professional) (?:polic(?:y|ies)|guidelines|standards)\b"
    r"|(?:violat|compl[iy]|against)\w*.{0,40} (?:polic(?:y|ies)|guidelines)\b"
    # A field with a wrong value, unless LinkedIn does not know the field.
    r"|(?:ERROR :: |validation failed.* \[)/(?:commentary|content)\b(?!.*unrecognized field)",
    re.IGNORECASE,
)
DUPLICATE = re.compile(
    r"\bduplicate of urn:li:|content is a duplicate|duplicate post", re.IGNORECASE
)
# LinkedIn refuses with one of these before it creates anything.
CREATES_NOTHING = frozenset({400, 403, 404, 405, 406, 413, 414, 415, 422, 431})
UNKNOWN_ASSET = re.compile(
    r"urn:li:(?:image|video|document)\S* .*(?:not exist|not found|not be found)"
    r"|(?:could not find|not found|unable to find).*urn:li:(?:image|video|document)",
    re.IGNORECASE,
)
UNKNOWN_RESOURCE = re.compile(r"\bResource \w+ does not exist", re.IGNORECASE)
# The Java class that some messages begin with.
CLASS_NAME = re.compile(r"\A(?:[\w$]+\.)+[\w$]+:\s*")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """By the status: for a code that is unknown or expired, `error` is not `invalid_grant`."""
    facts = _facts(response)
    names_our_app = "client" in facts["platform_code"]
    if response.status_code == 401 or (response.status_code == 400 and names_our_app):
        return PlatformConfigurationError(**facts)
    if response.status_code == 400:
        return TokenExpiredError(**facts)
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    """The error by status and code; by the message only where no code names the reason."""
    facts, detail, status = _facts(response), _detail(response), response.status_code
    match status, facts["platform_code"]:
        case _ if status == HTTPStatus.REQUEST_TIMEOUT or 500 <= status < 600:
            return NoResponseError(f"LinkedIn reported an error of its own ({status}).", **facts)
        case _, code if code == "DUPLICATE_POST" or DUPLICATE.search(detail):
            urn = POST_URN.search(detail)
            return DuplicateContentError(remote_id=urn[0] if urn else "", **facts)
        case _, code if code in BY_CODE:
            return _error(BY_CODE[code], detail, facts)
        case 429, _:
            return _rate_limit(response, detail, facts)
        case ((400 | 404 | 422), _) if UNKNOWN_ASSET.search(detail):
            return MediaNotReadyError(wait=ASSET_WAIT, uses_attempt=True, **facts)
        case ((400 | 403 | 422), _) if CONTENT.search(detail):
            return ContentRejectedError(f"LinkedIn refused the post: {detail}", **facts)
    for words, meaning in BY_WORDS.get(status, ()):
        if words.search(f"{facts['platform_code']} {detail}"):
            return _error(meaning, detail, facts)
    if status in BY_STATUS:
        return _error(BY_STATUS[status], detail, facts)
    return PlatformRefusedError(
        f"LinkedIn refused the request ({status}): {detail or 'it gives no reason.'}",
        # A response without JSON is not LinkedIn's own.
        nothing_was_created=bool(response.fields) and status in CREATES_NOTHING,
        **facts,
    )


def is_missing(error: PlatformApiError) -> bool:
    """Is it certain that what the request names does not exist?"""
    is_404 = error.status_code == HTTPStatus.NOT_FOUND
    # This is about the path, and comes where the app lacks a product.
    return is_404 and not UNKNOWN_RESOURCE.search(str(error))


def _rate_limit(
    response: PlatformResponse, detail: str, facts: Mapping[str, Any]
) -> RateLimitError:
    """A quota ends at midnight UTC, a limit against abuse sooner; the message may name which.

    https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits
    """
    until = retry_after(response)
    if until is None and " DAY limit" in detail:
        tomorrow = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1)
        until = dt.datetime.combine(tomorrow, dt.time(), tzinfo=dt.UTC)
    limits = LimitScope.APP if "APPLICATION DAY" in detail else LimitScope.ACCOUNT
    return RateLimitError("LinkedIn asks us to wait.", until=until, limits=limits, **facts)


def _error(meaning: Meaning, detail: str, facts: Mapping[str, Any]) -> PlatformApiError:
    error, message = meaning
    return error(message.format(detail=detail), **facts)


def _facts(response: PlatformResponse) -> dict[str, Any]:
    body = response.fields
    # Of the two forms of an error, one has its code in `errorDetails`.
    codes = [body.get("code"), *(each.get("code") for each in _input_errors(body))]
    code = next(filter(None, [*codes, body.get("error")]), "")
    return {
        "platform_code": str(code)[:64],
        "request_id": response.headers.get("x-li-uuid", "")[:64],
    }


def _input_errors(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    details = body.get("errorDetails")
    errors = details.get("inputErrors") if isinstance(details, dict) else details
    return [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []


def _detail(response: PlatformResponse) -> str:
    """LinkedIn's own words, from both forms of an error."""
    body = response.fields
    message = CLASS_NAME.sub("", as_text(body.get("message") or body.get("error_description")))
    reasons = [as_text(each.get("description")) for each in _input_errors(body)]
    new = [reason for reason in dict.fromkeys(reasons) if reason and reason not in message]
    return " ".join(filter(None, [message, *new]))[:1000]
