"""Instagram's own errors, in addition to those of the Graph API.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes,
checked 2026-11-27. Codes that this page lacks are from public reports.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
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
    Retry,
    TokenExpiredError,
    UploadLostError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.meta.errors import (
    Errors,
    error_of,
    number,
    read_app_error,
    read_graph_error,
    read_graph_publishing_error,
    shown_words,
    text_of,
)

LABEL = "Instagram"
SPAM = "4/2207051"
# Instagram does not report when it accepts posts of such an account again.
SPAM_PAUSE = dt.timedelta(hours=24)
# Between two containers for an account whose owner has to act at Instagram.
BLOCKED_PAUSE = dt.timedelta(minutes=15)
# If Instagram could not fetch or process a file, we try again with a new container.
ERRORS: Errors = {
    (-2, None): UploadLostError,
    (-1, 2207001): NoResponseError,
    (None, 2207003): UploadLostError,
    (None, 2207006): UploadLostError,
    (None, 2207008): UploadLostError,
    (None, 2207020): UploadLostError,
    (None, 2207032): UploadLostError,
    (None, 2207053): UploadLostError,
    (None, 2207076): UploadLostError,
    (None, 2207077): UploadLostError,
    (None, 2207082): UploadLostError,
    (None, 2207085): UploadLostError,
    (9004, None): UploadLostError,
    (9007, None): MediaNotReadyError,
    # Instagram treats the post as spam, but in some cases it was published.
    (4, 2207051): NoResponseError,
    (9, None): RateLimitError,
    (18, None): RateLimitError,
    (80002, None): RateLimitError,
    (25, None): AccountBlockedError,
    (24, None): PlatformRefusedError,
    # Content only where a subcode or the words say so.
    (100, None): PlatformRefusedError,
    # Also for a container that can be published, and for a post that is a moment old.
    (100, 33): PlatformRefusedError,
    (110, 2207018): ContentRejectedError,
    (352, None): ContentRejectedError,
    (None, 2207004): ContentRejectedError,
    (None, 2207005): ContentRejectedError,
    (None, 2207009): ContentRejectedError,
    (None, 2207010): ContentRejectedError,
    (None, 2207018): ContentRejectedError,
    (None, 2207023): ContentRejectedError,
    (None, 2207026): ContentRejectedError,
    (None, 2207028): ContentRejectedError,
    (None, 2207035): ContentRejectedError,
    (None, 2207036): ContentRejectedError,
    (None, 2207037): ContentRejectedError,
    (None, 2207040): ContentRejectedError,
    (None, 2207057): ContentRejectedError,
    (None, 2207081): ContentRejectedError,
    (36000, None): ContentRejectedError,
    (36001, None): ContentRejectedError,
    (36003, None): ContentRejectedError,
    (36004, None): ContentRejectedError,
}
BY_SUBCODE = {subcode: error for (_, subcode), error in ERRORS.items() if subcode}
RESTRICTED = (
    "Instagram has restricted this account. Its owner has to log in to Instagram and follow its "
    "instructions."
)
# Sentences that say who does what, before Instagram's own words. By `platform_code`, or by the
# subcode alone.
WORDS: Mapping[str, str] = {
    "25": RESTRICTED,
    "2207050": RESTRICTED,
    "190/459": "Instagram asks the owner to log in at instagram.com and to follow its "
    "instructions.",
    "190/464": "Instagram asks the owner to confirm the account at instagram.com.",
    "2207018": "Instagram does not know a user name in `collaborators` or `user_tags`, or the "
    "account is private or admits no invitations.",
    "2207051": "Instagram treats the account's posts as spam.",
    "2207057": "`thumb_offset` is outside the video.",
    "2207081": "This account cannot publish trial reels; leave out `trial_params`.",
}
NOT_PROFESSIONAL = (
    "The account is no longer a professional account. Its owner has to switch it to one in "
    "Instagram's settings."
)
NOT_PROFESSIONAL_WORDS = re.compile(r"user is not an instagram (business|professional)", re.I)
# These words name a part of the post.
CONTENT_WORDS = re.compile(
    r"caption|hashtag|collaborator|user.?tag|alt.?text|location_id|\blocation\b|aspect ratio"
    r"|attachments|trial.?(reel|params)|thumb_offset|\bcover|audio_name|share_to_feed"
    r"|(video|image) (format|duration|size)",
    re.I,
)
# Code 10 also comes for containers of our own, when Instagram hides them: a missing permission is
# named.
PERMISSION_WORDS = re.compile(
    r"\b(instagram|pages|business|ads)_[a-z_]+|requires? .*\bpermission|\bscopes?\b"
    r"|(not|n't) (been )?grant",
    re.I,
)
ALREADY_PUBLISHED = re.compile(r"already (been )?published|published already", re.I)
SUBCODE = re.compile(r"(?<!\d)(2207\d{3})(?!\d)")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """Errors of api.instagram.com are flat, with `error_message`."""
    message = text_of(response.fields, "error_message")
    if not message:
        return read_login_error(response)
    if re.search(r"platform app|developer role|client.?(id|secret)|redirect_uri", message, re.I):
        return PlatformConfigurationError(f"Instagram refuses this service: {message}")
    code = str(number(response.fields.get("code")) or "")
    return TokenExpiredError(f"Instagram responded: {message}", platform_code=code)


def read_login_error(response: PlatformResponse) -> PlatformApiError:
    """For requests that every account must be able to make with our app."""
    return read_app_error(response, read_error(response))


def read_error(response: PlatformResponse) -> PlatformApiError:
    error = read_graph_error(response, label=LABEL, own=ERRORS)
    message = str(error)
    if NOT_PROFESSIONAL_WORDS.search(message):
        error = _as(AccountBlockedError, error, f"{NOT_PROFESSIONAL} {message}")
    elif type(error) is PlatformRefusedError and _is_about_content(error):
        error = _as(ContentRejectedError, error, message)
    elif isinstance(error, RateLimitError) and "trial" in _words_of(response):
        # Trial reels have a limit of their own.
        error.limits = LimitScope.POST
    return _in_our_words(error)


def read_preparing_error(response: PlatformResponse) -> PlatformApiError:
    """For requests before the publish request: whatever refuses them, nothing was published."""
    error = _unless_hidden(response, read_error(response))
    if isinstance(error, PlatformRefusedError):
        return PlatformRefusedError(
            str(error),
            nothing_was_created=True,
            platform_code=error.platform_code,
            request_id=error.request_id,
        )
    return error


def read_publishing_error(response: PlatformResponse) -> PlatformApiError:
    """For the publish request.

    An unspecific refusal may mean that the container is published already: a lookup must decide.
    """
    error = read_graph_publishing_error(
        response, _unless_hidden(response, read_error(response)), label=LABEL
    )
    if error.platform_code == SPAM:
        error.limited_until = dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE
    if isinstance(error, NoResponseError) or error.platform_code.partition("/")[0] != "100":
        return error
    if ALREADY_PUBLISHED.search(str(error)):
        return _as(DuplicateContentError, error, str(error))
    if type(error) is ContentRejectedError and _is_about_content(error):
        return _as(PlatformRefusedError, error, str(error))
    return error


def _unless_hidden(response: PlatformResponse, error: PlatformApiError) -> PlatformApiError:
    """`error`, or an unknown refusal: of code 10, where no missing permission is named."""
    is_general = isinstance(error, InsufficientPermissionsError) and error.platform_code == "10"
    if not is_general or PERMISSION_WORDS.search(str(error).removeprefix(error.sentence)):
        return error
    return _as(PlatformRefusedError, error, f"{LABEL} responded: {shown_words(response)}")


def _is_about_content(error: PlatformApiError) -> bool:
    """By its words: its code is for every kind of wrong parameter."""
    code, _, subcode = error.platform_code.partition("/")
    is_known = subcode == "33" or int(subcode or 0) in BY_SUBCODE
    return code == "100" and not is_known and bool(CONTENT_WORDS.search(str(error)))


def is_unreadable_container(error: PlatformApiError) -> bool:
    """Instagram does not show a container of ours, which it may publish all the same.

    It has lasted for days: https://github.com/gitroomhq/postiz-app/issues/1562,
    https://github.com/geoff-maddock/events-tracker/issues/1900 (May 2026).
    """
    return error.platform_code in {"100/33", "10"}


def container_failure(status: str) -> PlatformApiError:
    """Why a container failed, by the code in its status. It never recovers: a new one may work."""
    found = SUBCODE.search(status)
    subcode = found[1] if found else ""
    kind = BY_SUBCODE.get(int(subcode or 0), UploadLostError)
    if subcode == "2207050":
        kind = AccountBlockedError
    elif kind is not ContentRejectedError:
        kind = UploadLostError
    message = f"Instagram could not process the media: {status or 'it gave no reason'}"
    error = _in_our_words(kind(message, platform_code=subcode))
    if isinstance(error, AccountBlockedError):
        error.retry, error.wait = Retry.WITH_NEW_UPLOAD, BLOCKED_PAUSE
    return error


def _in_our_words(error: PlatformApiError) -> PlatformApiError:
    code = error.platform_code
    for name in (code, code.partition("/")[2], code.partition("/")[0]):
        if words := WORDS.get(name):
            error.args = (f"{words} {error}",)
            break
    return error


def _as(kind: type[PlatformApiError], error: PlatformApiError, message: str) -> PlatformApiError:
    facts: dict[str, Any] = {
        "platform_code": error.platform_code,
        "request_id": error.request_id,
    }
    return kind(message, **facts)


def _words_of(response: PlatformResponse) -> str:
    return text_of(error_of(response), "message").lower()
