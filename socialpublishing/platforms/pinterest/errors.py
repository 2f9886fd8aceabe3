"""Reads Pinterest's errors.

By status, code and words, as they occur in production: no page lists the codes. The OpenAPI
description has some examples (https://github.com/pinterest/api-description, read 2026-11-27);
others are from public reports, such as https://github.com/gitroomhq/postiz-app/pull/1962.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
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

# Pinterest does not report how long it blocks an account as spam. Each Pin that is refused
# meanwhile may prolong it.
BLOCK_PAUSE = dt.timedelta(minutes=15)
# Before a publish request is repeated whose file Pinterest could not fetch.
FETCH_PAUSE = dt.timedelta(seconds=120)
# A refusal of the request as such, before its content is read. Others may follow after the Pin was
# created: 400 with code 2787 does. A page with 403 is by a server in front of the API.
REFUSED_AT_ONCE = frozenset({401, 404, 405, 413, 415})
# The statuses of refusals of our app, and of a Pin or its account.
REFUSES_APP = frozenset({401, 403})
REFUSES_PIN = frozenset({400, 401, 403, 422})
SPAM = "Pinterest treats the account's posts as spam: {words}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Responses with one of these statuses (empty: any), and with a code or a phrase of these.

    `phrases` are in lower case. `message` may contain the words of Pinterest: {words}.
    """

    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    error: type[PlatformApiError]
    message: str = "Pinterest refused the Pin: {words}"

    def matches(self, status: int, code: str, words: str) -> bool:
        return (not self.statuses or status in self.statuses) and (
            code in self.codes or any(phrase in words for phrase in self.phrases)
        )


# The first rule that matches decides.
RULES = (
    # https://github.com/gitroomhq/postiz-app/issues/1084
    Rule(
        statuses=REFUSES_APP,
        phrases=("trial access",),
        error=PlatformConfigurationError,
        message="Pinterest has given this service Trial access, which may not publish. Its "
        "operator has to apply for Standard access.",
    ),
    Rule(
        statuses=REFUSES_APP,
        phrases=("restricted feature", "your application", "your app "),
        error=PlatformConfigurationError,
        message="Pinterest refuses this service: {words}",
    ),
    # A failure of Pinterest itself, with status 400 too. The Pin may exist.
    Rule(
        codes=frozenset({"2787"}),
        phrases=("something went wrong on our end",),
        error=NoResponseError,
        message="Pinterest had a failure of its own: {words}",
    ),
    # The link or the files. Before the rule for spam, which a link can lead to.
    Rule(
        statuses=REFUSES_PIN,
        phrases=(
            *("may lead to spam", "blocked this link", "link is blocked", "invalid url"),
            *("doesn't allow you to save pins", "community guidelines", "inappropriate"),
            *("width/height ratio", "too small", "too large", "too long", "too short"),
            *("cover_image", "cover image", "read this image", "invalid image", "image format"),
            # A schema that a field of the request does not match.
            *("does not match", "must match", "maxitems", "minitems", "maxlength", "is not one of"),
            "characters long",
        ),
        error=ContentRejectedError,
    ),
    Rule(
        statuses=frozenset({401, 403}),
        codes=frozenset({"9"}),
        error=AccountBlockedError,
        message=SPAM,
    ),
    Rule(statuses=REFUSES_PIN | {429}, phrases=("spam",), error=AccountBlockedError, message=SPAM),
    Rule(
        statuses=REFUSES_PIN,
        codes=frozenset({"2625", "2626"}),
        phrases=(
            *("account has been suspended", "account is suspended", "account has been disapproved"),
            *("reviewing your account", "account has been deactivated", "safe mode"),
        ),
        error=AccountBlockedError,
        message="Pinterest has restricted the account, and its owner has to look there: {words}",
    ),
    # A 401 is an expired token only with other codes. A new token of the same grant does not help.
    Rule(
        statuses=frozenset({401, 403}),
        codes=frozenset({"3", "7", "29"}),
        phrases=("not authorized", "not permitted", "sufficient permission", "have access"),
        error=InsufficientPermissionsError,
        message="Pinterest does not let this connection do that: {words} The owner of the account "
        "has to connect it again, or to get access to the board.",
    ),
    Rule(
        statuses=frozenset({404}),
        codes=frozenset({"40", "2031"}),
        phrases=("board",),
        error=ContentRejectedError,
        message="The board or its section no longer exists. Choose another.",
    ),
    Rule(
        statuses=frozenset({404}),
        phrases=("media",),
        error=UploadLostError,
        message=UploadLostError.sentence,
    ),
)


# A refused app at the token endpoint has the same code as a refused token.
APP_WORDS = ("application id", "client_id", "client id", "client_secret", "consumer")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    words = response.text.lower()
    if response.status_code in {400, 401}:
        if any(each in words for each in APP_WORDS):
            message = f"Pinterest refuses this service: {_words(response)}"
            return PlatformConfigurationError(message, **_facts(response))
        return TokenExpiredError(**_facts(response))
    return read_error(response)


def read_error(response: PlatformResponse) -> PlatformApiError:
    facts, words, status = _facts(response), _words(response), response.status_code
    if status == 408 or status >= 500:
        return NoResponseError(f"Pinterest failed to respond (status {status}).", **facts)
    for rule in RULES:
        if rule.matches(status, facts["platform_code"], words.lower()):
            error = rule.error(rule.message.format(words=words), **facts)
            if isinstance(error, AccountBlockedError):
                error.first_pause = BLOCK_PAUSE
            return error
    return _by_status(response, words, facts)


def _by_status(response: PlatformResponse, words: str, facts: dict[str, Any]) -> PlatformApiError:
    status = response.status_code
    match status:
        case 401:
            return TokenExpiredError(**facts)
        case 429:
            return _rate_limit(response, facts)
        case 400 if "could not fetch" in words.lower() or "unable to reach" in words.lower():
            # Pinterest's crawler sometimes fails with working addresses. It created no Pin.
            message = f"Pinterest could not fetch a file: {words}"
            return MediaNotReadyError(message, wait=FETCH_PAUSE, uses_attempt=True, **facts)
        case 400 | 403 | 412 if "<Error>" in response.text:
            # S3 refuses the upload form, for example because it has expired.
            return UploadLostError(**facts)
    return PlatformRefusedError(
        f"Pinterest refused the request (status {status}): {words}",
        nothing_was_created=status in REFUSED_AT_ONCE or (status == 403 and not response.fields),
        **facts,
    )


def _rate_limit(response: PlatformResponse, facts: dict[str, Any]) -> RateLimitError:
    # The header names what its windows count, such as 1000;w=60;name="org_read_app_id_user_id".
    windows = response.headers.get("x-ratelimit-limit", "")
    is_of_app = "app_id" in windows and "user_id" not in windows
    return RateLimitError(
        "Pinterest asks us to wait.",
        until=_limit_end(response),
        limits=LimitScope.APP if is_of_app else LimitScope.ACCOUNT,
        **facts,
    )


def _limit_end(response: PlatformResponse) -> dt.datetime | None:
    """`x-ratelimit-reset` counts seconds; a large number is a time in seconds since 1970.

    https://developers.pinterest.com/docs/reference/rate-limits/
    """
    value = response.headers.get("x-ratelimit-reset", "").strip()
    if value.isascii() and value.isdecimal() and int(value[:11]) < 86400:
        until = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=int(value[:11]))
        return retry_after(response) or until
    return retry_after(response, reset_header="x-ratelimit-reset")


def _words(response: PlatformResponse) -> str:
    """Pinterest's words for people, or the title of a page that is no JSON."""
    parts = [response.fields.get(name) for name in ("message", "message_detail")]
    if words := " ".join(each.strip() for each in parts if isinstance(each, str) and each.strip()):
        return words
    title = re.search(r"<title[^>]*>([^<]*)", response.text, re.IGNORECASE)
    return title[1].strip() if title and title[1].strip() else "no reason is given."


def _facts(response: PlatformResponse) -> dict[str, Any]:
    code = response.fields.get("code")
    is_code = isinstance(code, (int, str)) and not isinstance(code, bool)
    return {
        "platform_code": str(code)[:64] if is_code else "",
        "request_id": response.headers.get("x-pinterest-rid", "")[:64],
    }
