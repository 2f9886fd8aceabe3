"""The errors of Meta's Graph API.

Written from https://developers.facebook.com/docs/graph-api (v27.0: error handling, rate limiting),
as of 2026-11-27, and from responses that other clients have published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    DuplicateContentError,
    InsufficientPermissionsError,
    LimitScope,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import PlatformResponse, retry_after
from socialpublishing.platforms.meta.usage import regained_at

Errors = Mapping[tuple[int | None, int | None], type[PlatformApiError]]

# From the page above and from practice. Code 2 often comes although the post was created.
ERRORS: Errors = {
    (-1, None): NoResponseError,
    (1, None): NoResponseError,
    (2, None): NoResponseError,
    (3, None): PlatformConfigurationError,
    (5, None): PlatformConfigurationError,  # the app allows other IP addresses only
    (10, None): InsufficientPermissionsError,
    **{
        (code, None): RateLimitError
        for code in (4, 17, 32, 341, 368, 613, *range(80000, 80010), 80014)
    },
    (101, None): PlatformConfigurationError,
    # The redirect address is not among those that the app has registered.
    (191, None): PlatformConfigurationError,
    (100, 36008): PlatformConfigurationError,
    (102, None): TokenExpiredError,
    (190, None): TokenExpiredError,
    # The person must log in at facebook.com first, or confirm the account there.
    (190, 459): AccountBlockedError,
    (190, 464): AccountBlockedError,
    # 368 blocks the account for a time, except where the subcode is about the content or names
    # what the owner must do.
    (368, 1346003): ContentRejectedError,
    (368, 1404102): ContentRejectedError,
    (368, 1404082): DuplicateContentError,
    (368, 1404006): AccountBlockedError,
    (368, 1404112): AccountBlockedError,
    (506, None): DuplicateContentError,
    (None, 1366051): DuplicateContentError,
    (None, 1366046): ContentRejectedError,
    (None, 1404078): AccountBlockedError,
    (1500, None): ContentRejectedError,
    (1609005, None): ContentRejectedError,
}
# Meta's own faults. After a publish request with one of them, the post may exist.
FAULTS = frozenset({-1, 1, 2})
# Limits of the whole app, not of one account.
APP_LIMITS = frozenset({4, 341})
# Some refusals have a general code, and only their words tell them apart.
BY_WORDS: Mapping[str, type[PlatformApiError]] = {
    "appsecret_proof": PlatformConfigurationError,
    "application has been deleted": PlatformConfigurationError,
    "api access blocked": PlatformConfigurationError,
    "api access deactivated": PlatformConfigurationError,
    "error validating client secret": PlatformConfigurationError,
    "error validating application": PlatformConfigurationError,
    "must be granted before impersonating a user's page": InsufficientPermissionsError,
    "in order to impersonate it": InsufficientPermissionsError,
    "no permission to publish the video": InsufficientPermissionsError,
}
# An app without Advanced Access, or an account that is no tester of it, gets this for its first
# requests, whatever their method.
NO_ACCESS_WORDS = "unsupported request - method type"
NO_ACCESS = (
    "Our app may not be used by this account. The app needs Advanced Access to its permissions, or "
    "the account a role in the app."
)
ROLE_WORDS = (
    "impersonating a user's page",
    "in order to impersonate it",
    "sufficient administrative permission",
)
ROLE = (
    "The account may not post to this Page. One of the Page's admins has to give it full control "
    "or the task to create content; then connect it again with all the permissions that are asked "
    "for."
)


def read_graph_error(response: PlatformResponse, *, label: str, own: Errors) -> PlatformApiError:
    """By code and subcode: https://developers.facebook.com/docs/graph-api/guides/error-handling.

    `own` are the errors that only this platform has, or that mean something else there.
    """
    error = error_of(response)
    code, subcode = number(error.get("code")), number(error.get("error_subcode"))
    words, shown = text_of(error, "message"), shown_words(response)
    trace = text_of(error, "fbtrace_id") or str(response.headers.get("x-fb-trace-id") or "")
    facts: dict[str, Any] = {
        "platform_code": f"{code}/{subcode}" if subcode else str(code or ""),
        "request_id": trace[:64],
    }
    kind = _kind_by_words(words) or _kind_of(code, subcode, {**ERRORS, **own})
    is_limit = response.status_code == 429 and kind is not NoResponseError
    if kind is RateLimitError or is_limit:
        return RateLimitError(
            f"{label} asks us to wait. {text_of(error, 'error_user_msg')}".strip(),
            until=retry_after(response) or regained_at(response.headers),
            limits=LimitScope.APP if code in APP_LIMITS else LimitScope.ACCOUNT,
            **facts,
        )
    if kind is None:
        kind = _kind_by_status(code, response.status_code, is_transient=error.get("is_transient"))
    if kind is InsufficientPermissionsError and any(role in words.lower() for role in ROLE_WORDS):
        return kind(f"{ROLE} {label} responded: {shown}", **facts)
    if kind in {TokenExpiredError, InsufficientPermissionsError}:
        return kind(f"{kind.sentence} {label} responded: {shown}" if shown else "", **facts)
    return kind(f"{label} responded: {shown or response.status_code}", **facts)


def read_graph_publishing_error(
    response: PlatformResponse, error: PlatformApiError, *, label: str
) -> PlatformApiError:
    """`error`, of a publish request: after a fault of Meta's own, its outcome is unknown.

    Such a response may also have a subcode or words that elsewhere mean that nothing was created.
    """
    if isinstance(error, NoResponseError) or not _is_fault(response, error):
        return error
    return NoResponseError(
        f"{label} responded: {shown_words(response) or response.status_code}",
        platform_code=error.platform_code,
        request_id=error.request_id,
    )


def _is_fault(response: PlatformResponse, error: PlatformApiError) -> bool:
    fields = error_of(response)
    if response.status_code >= 500 or number(fields.get("code")) in FAULTS:
        return True
    # Meta calls its limits transient too.
    return fields.get("is_transient") is True and not isinstance(error, RateLimitError)


def read_app_error(response: PlatformResponse, error: PlatformApiError) -> PlatformApiError:
    """`error`, of a request that any account must be able to make with our app."""
    words = text_of(error_of(response), "message")
    if NO_ACCESS_WORDS not in words.lower():
        return error
    return PlatformConfigurationError(
        f"{NO_ACCESS} The response was: {words}",
        platform_code=error.platform_code,
        request_id=error.request_id,
    )


def _kind_by_words(words: str) -> type[PlatformApiError] | None:
    lower = words.lower()
    return next((kind for part, kind in BY_WORDS.items() if part in lower), None)


def _kind_of(code: int, subcode: int, known: Errors) -> type[PlatformApiError] | None:
    """A (code, subcode) is more specific than a subcode alone, and that than a code alone."""
    return known.get((code, subcode)) or known.get((None, subcode)) or known.get((code, None))


def _kind_by_status(code: int, status: int, *, is_transient: Any) -> type[PlatformApiError]:
    """For a code that we do not know."""
    if status == 401:
        return TokenExpiredError
    if 200 <= code <= 299:
        return InsufficientPermissionsError
    if is_transient is True or status >= 500:
        return NoResponseError
    return PlatformRefusedError


# --- The parts of a response, which may have any shape -------------------------------------------


def error_of(response: PlatformResponse) -> Mapping[str, Any]:
    error = response.fields.get("error")
    return error if isinstance(error, dict) else {}


def shown_words(response: PlatformResponse) -> str:
    """Its words for people."""
    error = error_of(response)
    return text_of(error, "error_user_msg") or text_of(error, "message")


def text_of(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> int:
    """A whole number, which Meta also sends as a string of digits; 0 if there is none."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal():
        return int(value[:12])
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
