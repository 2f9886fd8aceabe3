"""Facebook's own errors, in addition to those of the Graph API.

https://developers.facebook.com/docs/video-api/reference/error-codes and
https://developers.facebook.com/docs/video-api/guides/reels-publishing, as of 2026-11-27; the rest
was seen in practice. The same number may come as a code or as a subcode.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from socialpublishing.errors import (
    AccountBlockedError,
    ContentRejectedError,
    LimitScope,
    MediaNotReadyError,
    NoResponseError,
    PlatformApiError,
    PlatformConfigurationError,
    PlatformRefusedError,
    RateLimitError,
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
    text_of,
)

LABEL = "Facebook"

NUMBERS: Mapping[type[PlatformApiError], tuple[int, ...]] = {
    # The session of an upload timed out, has ended, or has another offset; and 6001, a problem
    # with the upload. The video is uploaded again.
    UploadLostError: (
        *(1363019, 1363020, 1363021, 1363030, 1363033, 1363037, 1363041, 1363045),
        6001,
    ),
    ContentRejectedError: (
        382,  # too small
        6000,  # not a video that Facebook can read
        *(1363022, 1363023, 1363024, 1363025, 1363026, 1363031, 1363032),  # size, format, length
        *(1363040, 1363127, 1363128, 1363129),  # shape, resolution, length, frame rate
        1609008,  # the format is not that of a reel; a link to Facebook itself
        *(1349125, 2061006, 2069019),  # a bad format, address or file
    ),
    # Facebook could not fetch a file.
    MediaNotReadyError: (389,),
    NoResponseError: (1363047, 1609010),
    # The Page has to confirm its identity.
    AccountBlockedError: (4854002,),
    # No such request, or its version is too old.
    PlatformConfigurationError: (2500, 2635),
}
ERRORS: Errors = {
    key: kind
    for kind, numbers in NUMBERS.items()
    for each in numbers
    for key in ((each, None), (None, each))
}
# What only the owner can do, and where to do it, by subcode.
OWNER_ACTS = {
    "459": "Facebook has stopped this login: log in at facebook.com and follow what it asks.",
    "464": "The Facebook account is not confirmed: confirm it at facebook.com.",
    "492": "The account has no role at this Page any more; give it one, then connect again.",
    "1404006": "Facebook wants a security check first: log in at facebook.com.",
    "1404078": "Facebook wants the Page authorized for publishing first: its owner is asked on "
    "the Page itself.",
    "1404112": "Facebook has limited the account for its security: log in at facebook.com.",
    "4854002": "Facebook wants the Page's identity confirmed first, in its own app.",
}
# An account that posts too fast is blocked.
TOO_FAST = "368/1390008"
# Facebook does not report how long the block lasts, and further requests prolong it.
BLOCK_PAUSE = dt.timedelta(hours=3)
NOT_FOUND = "100/33"
# Code 100 is for every wrong parameter; these words name a part of the post.
CONTENT_WORDS = re.compile(
    r"\blinks?\b|\burl\b|picture|attachment|targeting|locations overlap|too long|call.to.action"
    r"|insights metric",
    re.IGNORECASE,
)
# The transfer of a part is refused and names the offset to continue at.
OTHER_OFFSET = 1363037
# Until a new photo or video is usually visible.
NOT_FOUND_PAUSE = dt.timedelta(seconds=10)


def read_error(response: PlatformResponse) -> PlatformApiError:
    info = response.fields.get("debug_info")
    if isinstance(info, dict) and response.status_code != HTTPStatus.UNAUTHORIZED:
        return _upload_host_error(info)
    error = read_graph_error(response, label=LABEL, own=ERRORS)
    code, _, subcode = error.platform_code.partition("/")
    if sentence := OWNER_ACTS.get(subcode):
        error.args = (f"{sentence} {error}",)
    if isinstance(error, RateLimitError) and error.platform_code == TOO_FAST:
        error.until = error.until or dt.datetime.now(tz=dt.UTC) + BLOCK_PAUSE
    if isinstance(error, PlatformRefusedError) and code == "100":
        facts: dict[str, Any] = {
            "platform_code": error.platform_code,
            "request_id": error.request_id,
        }
        if CONTENT_WORDS.search(str(error)):
            return ContentRejectedError(str(error), **facts)
        # Parameters and objects are checked before anything is created.
        return PlatformRefusedError(str(error), nothing_was_created=True, **facts)
    return error


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """For the requests of connecting, which every account must be able to make."""
    return read_app_error(response, read_error(response))


def read_publishing_error(response: PlatformResponse) -> PlatformApiError:
    return read_graph_publishing_error(response, read_error(response), label=LABEL)


def read_not_visible_yet_error(response: PlatformResponse) -> PlatformApiError:
    """For requests about a new photo or video: "not found" may mean that it is not visible yet.

    One of them publishes a story.
    """
    error = read_publishing_error(response)
    if error.platform_code == NOT_FOUND and not isinstance(error, NoResponseError):
        return MediaNotReadyError(
            "Facebook does not show the uploaded file yet.",
            wait=NOT_FOUND_PAUSE,
            platform_code=error.platform_code,
            request_id=error.request_id,
        )
    return error


def read_transfer_error(response: PlatformResponse) -> PlatformApiError:
    """For a part of a video: the error has `error_data` if it names the offset to continue at."""
    error = read_error(response)
    fields = error_of(response)
    if OTHER_OFFSET in (number(fields.get("code")), number(fields.get("error_subcode"))):
        error.details = _json(fields.get("error_data"))
    return error


def _json(value: Any) -> Any:
    """An object, which may be sent as a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def read_reel_error(response: PlatformResponse) -> PlatformApiError:
    """For the publish request of a reel. Its daily limit is for reels alone."""
    error = read_publishing_error(response)
    if isinstance(error, RateLimitError) and error.platform_code == "613":
        error.limits = LimitScope.POST
    return error


def _upload_host_error(info: Mapping[str, object]) -> PlatformApiError:
    message = f"Facebook did not accept the video: {text_of(info, 'message')}"
    code = text_of(info, "type")[:64]
    if info.get("retriable") is True:
        # The next step reads how much has arrived before it sends the rest.
        return NoResponseError(message, platform_code=code)
    if code == "ProcessingFailedError":
        return ContentRejectedError(message, platform_code=code)
    return UploadLostError(message, platform_code=code)
