"""Instagram's own errors, in addition to those of the Graph API.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes
"""

from __future__ import annotations

import datetime as dt
import re

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
from socialpublishing.http import PlatformResponse
from socialpublishing.platforms.meta.errors import Errors, read_graph_error

LABEL = "Instagram"
SPAM = "4/2207051"
# Instagram does not report when it accepts posts of such an account again.
SPAM_PAUSE = dt.timedelta(hours=24)
# If Instagram could not fetch or process a file, we try again with a new container.
ERRORS: Errors = {
    (-2, None): UploadLostError,
    (-1, None): NoResponseError,
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
    (9004, None): UploadLostError,
    (9007, None): MediaNotReadyError,
    # Instagram treats the post as spam, but in some cases it was published.
    (4, 2207051): NoResponseError,
    (9, None): RateLimitError,
    (18, None): RateLimitError,
    (80002, None): RateLimitError,
    (25, None): InsufficientPermissionsError,
    (24, None): ContentRejectedError,
    (100, 33): NoResponseError,  # also for a post that was published a moment ago
    (352, None): ContentRejectedError,
    (None, 2207004): ContentRejectedError,
    (None, 2207005): ContentRejectedError,
    (None, 2207009): ContentRejectedError,
    (None, 2207010): ContentRejectedError,
    (None, 2207026): ContentRejectedError,
    (None, 2207040): ContentRejectedError,
    (None, 2207057): ContentRejectedError,
    (None, 2207081): ContentRejectedError,
    (36000, None): ContentRejectedError,
    (36001, None): ContentRejectedError,
    (36003, None): ContentRejectedError,
    (36004, None): ContentRejectedError,
}
BY_SUBCODE = {subcode: error for (_, subcode), error in ERRORS.items() if subcode}
SUBCODE = re.compile(r"error code (\d{7})")


def read_token_error(response: PlatformResponse) -> PlatformApiError:
    """Errors of api.instagram.com are flat, with `error_message`."""
    body = response.fields
    if "error_message" not in body:
        return read_error(response)
    message = str(body["error_message"])
    if "platform app" in message or "developer role" in message:
        return PlatformConfigurationError(f"Instagram refuses this service: {message}")
    return TokenExpiredError(platform_code=str(body.get("code", "")))


def read_error(response: PlatformResponse) -> PlatformApiError:
    return read_graph_error(response, label=LABEL, own=ERRORS)


def read_publishing_error(response: PlatformResponse) -> PlatformApiError:
    """For the publish request.

    An unspecific refusal may mean that the container is published already: a lookup must decide.
    """
    error = read_error(response)
    if error.platform_code == SPAM:
        error.limited_until = dt.datetime.now(tz=dt.UTC) + SPAM_PAUSE
        error.args = ("Instagram treats the account's posts as spam.",)
    if type(error) is ContentRejectedError and error.platform_code == "100":
        return DuplicateContentError(str(error), platform_code=error.platform_code)
    return error


def container_failure(status: str) -> PlatformApiError:
    """Why a container failed, by the code in its status."""
    found = SUBCODE.search(status)
    subcode = int(found[1]) if found else None
    kind = BY_SUBCODE.get(subcode or 0, UploadLostError)
    message = f"Instagram could not process the media: {status or 'it gave no reason'}"
    return kind(message, platform_code=str(subcode or ""))
