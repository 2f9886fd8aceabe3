"""Reads X's errors.

https://docs.x.com/x-api/fundamentals/response-codes-and-errors, and for the numeric codes, which X
still returns at times, https://developer.x.com/en/support/x-api/error-troubleshooting, both read
2026-11-27. X has several formats: problems with a `type`, lists of `errors` with or without a code,
OAuth's, and pages of HTML from the servers in front of its API.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from socialpublishing.platforms.app import read_oauth_error
from socialpublishing.platforms.responses import as_text

# Users read X's words: "Your enrolled account [123]" is the operator's.
OPERATORS_ACCOUNT = re.compile(r"(?<=enrolled account) \[\d+\]")
# Prefixes of the headers of each limit: https://docs.x.com/x-api/fundamentals/rate-limits. Those of
# a day were seen with old plans.
LIMITS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
APP_LIMIT = "x-app-limit-24hour"
# X counts the posts of an account in half hours, too:
# https://help.x.com/en/rules-and-policies/x-limits, read 2026-11-27.
DAILY_LIMIT_PAUSE = dt.timedelta(minutes=30)
# For so long after a post of a thread, X may not show it to the request for the next one.
VISIBLE_AFTER = dt.timedelta(minutes=5)
SHORTEST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=3), dt.timedelta(minutes=1)
# X creates a post in one step: a refusal with one of these statuses precedes it.
CREATES_NOTHING = frozenset({400, 403, 404, 405, 413, 415, 431})
WITHOUT_TYPE = frozenset({"", "about:blank", "blank"})


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a response of X contains, whatever its format.

    `kind` is the last part of its type, `words` are those for people, `text` is all of its text.
    """

    kind: str = ""
    codes: frozenset[int] = frozenset()
    title: str = ""
    words: str
    text: str
    is_page: bool = False

    @property
    def platform_code(self) -> str:
        if self.kind not in WITHOUT_TYPE:
            return self.kind[:64]
        return str(min(self.codes)) if self.codes else self.title[:64]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Responses that mean `error`: by the last part of their `type`, a code, or their words."""

    error: type[PlatformApiError]
    sentence: str
    kinds: frozenset[str] = frozenset()
    codes: frozenset[int] = frozenset()
    words: str = r"(?!)"

    def is_of(self, refusal: Refusal) -> bool:
        has_words = re.search(self.words, refusal.text, re.IGNORECASE)
        return bool(refusal.kind in self.kinds or self.codes & refusal.codes or has_words)


# In order: the first that matches.
REASONS = (
    Reason(
        error=DuplicateContentError,
        sentence="X has the same post already.",
        codes=frozenset({187}),
        words=r"duplicate content|status is a duplicate",
    ),
    Reason(
        error=PlatformConfigurationError,
        sentence="X refuses this service",
        kinds=frozenset({"client-forbidden", "credits", "usage-capped", "oauth1-permissions"}),
        codes=frozenset({87, 251, 261, 416, 453}),
        words=r"spend ?cap|usage ?cap|credits ?depleted|client-not-enrolled|access level"
        r"|attached to a project|cannot perform write actions|suspended application"
        r"|app(lication)? (is|has been) (suspended|restricted)|endpoint has been retired",
    ),
    Reason(
        error=AccountBlockedError,
        sentence="X has locked or restricted the account, so its owner has to sign in at x.com",
        kinds=frozenset({"user-suspended"}),
        codes=frozenset({63, 64, 226, 231, 326}),
        # Not those about a user whom the post mentions, such as "User has been suspended: [123]".
        words=r"(your|this) account\b.{0,40} suspended|account (is|has been) suspended"
        r"|user has been suspended\.?$|authentication is suspended"
        r"|temporarily locked|unlock your account|might be automated|account is not permitted",
    ),
    Reason(
        error=RateLimitError,
        sentence="The account has reached X's daily limit of posts.",
        codes=frozenset({185, 191, 344}),
        words=r"daily .{0,30}limit",
    ),
    Reason(
        error=UploadLostError,
        sentence=UploadLostError.sentence,
        codes=frozenset({325}),
        words=r"media ids? (is|are) invalid|invalid media id|media id\w* .*not found"
        r"|media_ids parameter is invalid|badrequest: not found|validation of media ids failed",
    ),
    Reason(
        error=InsufficientPermissionsError,
        sentence="The connection lacks a scope (tweet.write for posts, media.write for files): the "
        "owner has to connect the account again and grant it.",
        words=r"^Forbidden( Forbidden)?$|insufficient scope|missing scope",
    ),
    Reason(
        error=ContentRejectedError,
        sentence="X refused the post",
        codes=frozenset({186, 323, 324, 386, 407, 433}),
        words=r"(text|tweet|post|status) (is )?(too long|over \d+ characters)|bit shorter"
        r"|(text|tweet|post|status) is (required|missing|empty|blank)"
        r"|(text|tweet|post|status) (can ?not|can't|may not|must not) be (empty|blank)"
        r"|(must|has to) (have|contain|include) (text|media)"
        r"|poll (options?|choices?|duration)|options? of (a|the) poll"
        r"|(contains|has|with) an invalid url|(url|link) (is|has been) (invalid|identified)|cashtag"
        r"|maximum of \d+ (items|media)"
        r"|video (duration|longer|is too long)|duration (exceeded|too long)"
        r"|longer than \d+ minutes|only (one|1) animated gif|attachment types"
        r"|media type unrecognized|file size exceeds"
        r"|\$\.?(text|poll|reply_settings|media\.tagged_user_ids)\b"
        r"|(video|gif).*stands alone|restricted who can reply",
    ),
)


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """https://docs.x.com/fundamentals/authentication/oauth-2-0"""
    error = read_oauth_error(response, request_id=_request_id(response))
    # For a refresh token that is unknown, used or revoked X returns `invalid_request`, where the
    # RFC demands `invalid_grant`.
    if type(error) is PlatformApiError and error.platform_code == "invalid_request":
        return TokenExpiredError(platform_code=error.platform_code, request_id=error.request_id)
    return error


def read_error(response: PlatformResponse) -> PlatformApiError:
    """The error by its status where that is enough, else by type, codes and words.

    What is unknown is a PlatformRefusedError: the content is refused only if X names it.
    """
    refusal, status = refusal_in(response), response.status_code
    facts: dict[str, Any] = {
        "platform_code": refusal.platform_code,
        "request_id": _request_id(response),
    }
    if status >= 500:
        return NoResponseError(f"X reported an error of its own ({status}).", **facts)
    reason = next((reason for reason in REASONS if reason.is_of(refusal)), None)
    is_about_app = reason is not None and reason.error is PlatformConfigurationError
    if status == 429 and not is_about_app:
        return _rate_limit(response, facts)
    if status == 401 and not is_about_app:
        return TokenExpiredError(**facts)
    if refusal.is_page:
        # From a server in front of the API, which may have passed the request on.
        words = f"X's servers refused the request ({status}): {refusal.words}"
        nothing_was_created = status in CREATES_NOTHING
        return PlatformRefusedError(words, nothing_was_created=nothing_was_created, **facts)
    if status in {402, 429}:
        words = _with_words("The service's credits or quota at X are used up", refusal.words)
        return PlatformConfigurationError(words, **facts)
    if reason is not None:
        return _for_reason(reason, refusal, facts)
    return PlatformRefusedError(
        f"X refused the request: {refusal.words or refusal.title or f'status {status}'}",
        nothing_was_created=status in CREATES_NOTHING,
        **facts,
    )


def _for_reason(reason: Reason, refusal: Refusal, facts: Mapping[str, Any]) -> PlatformApiError:
    if reason.error is RateLimitError:
        until = dt.datetime.now(tz=dt.UTC) + DAILY_LIMIT_PAUSE
        return RateLimitError(reason.sentence, until=until, **facts)
    has_own_words = reason.sentence.endswith(".")
    words = reason.sentence if has_own_words else _with_words(reason.sentence, refusal.words)
    return reason.error(words, **facts)


def read_reply_error(response: PlatformResponse, *, to: str) -> PlatformApiError:
    """The error for a later post of a thread, a reply to the post with the id `to`.

    It has no media: what X does not find is the post before it.
    """
    error = read_error(response)
    refusal = refusal_in(response)
    is_missing = bool(
        isinstance(error, UploadLostError)
        or refusal.codes & {144, 385, 421}
        or refusal.kind == "resource-not-found"
        or re.search(r"deleted or not visible|(tweet|post) not found", refusal.text, re.IGNORECASE)
    )
    if not is_missing:
        return error
    age = dt.datetime.now(tz=dt.UTC) - created_at(to)
    if age < VISIBLE_AFTER:
        wait = min(max(age, SHORTEST_WAIT), LONGEST_WAIT)
        return MediaNotReadyError(
            "X does not show the post before it in the thread yet.", wait=wait
        )
    return ContentRejectedError("X no longer has the post before it in the thread.")


def created_at(post_id: str) -> dt.datetime:
    """The time in an id of X (https://docs.x.com/fundamentals/x-ids); 2010 for another id."""
    milliseconds = (int(post_id) >> 22) if post_id.isascii() and post_id.isdecimal() else 0
    epoch = dt.datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=dt.UTC)
    try:
        return epoch + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        return epoch


def _rate_limit(response: PlatformResponse, facts: Mapping[str, Any]) -> RateLimitError:
    """With the latest end of all limits that are used up."""
    used_up = [
        limit for limit in LIMITS if response.headers.get(f"{limit}-remaining", "0").strip() == "0"
    ]
    ends = [retry_after(response, reset_header=f"{limit}-reset") for limit in used_up]
    is_of_app = response.headers.get(f"{APP_LIMIT}-remaining", "").strip() == "0"
    return RateLimitError(
        "X asks us to wait.",
        until=max(filter(None, ends), default=None),
        limits=LimitScope.APP if is_of_app else LimitScope.ACCOUNT,
        **facts,
    )


# --- The formats ---------------------------------------------------------------------------------


def refusal_in(response: PlatformResponse) -> Refusal:
    if response.json is None:
        return _in_page(response.text)
    body = response.fields
    inner = list(_entries(body.get("errors")))
    entries = [body, *inner]
    kinds = [as_text(entry.get("type")).rsplit("/", 1)[-1] for entry in entries]
    titles = [title for entry in entries if (title := as_text(entry.get("title")))]
    words = [word for entry in inner for word in _words(entry)]
    outer = list(_words(body))
    return Refusal(
        kind=next((kind for kind in kinds if kind not in WITHOUT_TYPE), ""),
        codes=frozenset(code for entry in entries for code in _codes(entry)),
        title=next(iter(titles), ""),
        # The outer words of an invalid request name no reason.
        words=OPERATORS_ACCOUNT.sub("", " ".join(dict.fromkeys(words or outer))),
        text=" ".join([*titles, *outer, *words, as_text(body.get("reason"))]).strip(),
    )


def _in_page(text: str) -> Refusal:
    title = re.search(r"<title[^>]*>([^<]+)", text, re.IGNORECASE)
    words = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    words = " ".join(words.split())[:200]
    return Refusal(words=words, text=words, is_page="<" in text[:200])


def _entries(errors: Any) -> Iterator[dict[str, Any]]:
    for error in errors if isinstance(errors, list) else [errors]:
        if isinstance(error, dict):
            yield error
        elif isinstance(error, str):
            yield {"message": error}


def _words(entry: Mapping[str, Any]) -> Iterator[str]:
    for name in ("message", "detail", "error_description"):
        if text := as_text(entry.get(name)):
            yield text


def _codes(entry: Mapping[str, Any]) -> Iterator[int]:
    code = as_text(entry.get("code"))
    if code.isascii() and code.isdecimal() and len(code) < 10:
        yield int(code)


def _with_words(sentence: str, words: str) -> str:
    return f"{sentence}: {words}" if words else f"{sentence}."


def _request_id(response: PlatformResponse) -> str:
    return response.headers.get("x-transaction-id", "")[:64]
