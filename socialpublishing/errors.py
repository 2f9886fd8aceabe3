"""All errors of this service, sorted by what can be done about them.

Each class has its handling as data (`nothing_was_created`, `token_was_accepted`, `who_acts`,
`retry`): handlers read its attributes and keep no lists of classes. Each has a `code` of
`socialpublishing.codes`, and a sentence for people in `str(error)` that never holds a token.
`config/api.py` turns errors into HTTP responses, `publishing/engine/settle.py` into a job's next
move.

Long because it is the one list of all errors: who reads one class can compare it with the others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class WhoActs(StrEnum):
    """The person who must act before a retry can succeed."""

    NOBODY = ""
    USER = "user"  # changes or resolves the post
    OWNER = "owner"  # acts at the platform account, or connects it again
    OPERATOR = "operator"  # runs this service


class Retry(StrEnum):
    """How a failed step is retried."""

    NEVER = "never"
    # After a growing pause; each retry uses an attempt of MAX_API_RETRIES.
    WITH_ATTEMPT = "with_attempt"
    # After a pause, without using an attempt: the post itself did not fail. Its grace is the limit.
    WITHOUT_ATTEMPT = "without_attempt"
    # When the platform accepts our app again: it is paused meanwhile (platforms/pauses.py).
    AFTER_PAUSE = "after_pause"
    # When the platform's limit is over.
    AFTER_LIMIT = "after_limit"
    # With a refreshed token, then when the owner has connected the account again.
    WITH_NEW_TOKEN = "with_new_token"
    # From the start: everything is uploaded again.
    WITH_NEW_UPLOAD = "with_new_upload"


class LimitScope(StrEnum):
    """Whose requests a rate limit refuses."""

    POST = "post"  # posts of this kind only: other posts of the account go on
    ACCOUNT = "account"
    APP = "app"  # all accounts that our app acts for


class SocialPublishingBaseError(Exception):
    """The root of all errors that we raise on purpose."""

    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[str] = "Something went wrong on our side."
    # The error proves that the failed request created nothing. It proves nothing about an
    # earlier request whose outcome is still in doubt.
    nothing_was_created: ClassVar[bool] = False
    # The platform accepted the access token before it refused the rest.
    token_was_accepted: ClassVar[bool] = False
    who_acts: ClassVar[WhoActs] = WhoActs.NOBODY
    retry: Retry = Retry.NEVER
    # The pause before a retry, where the error knows it better than our retry curve.
    wait: dt.timedelta | None = None
    # The first pause of the retry curve, where that of the settings is too short.
    first_pause: dt.timedelta | None = None
    # When a limit ends, if that is known, and what it is for.
    until: dt.datetime | None = None
    limits: LimitScope = LimitScope.ACCOUNT

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.sentence)

    def violations_as_data(self) -> list[dict[str, Any]]:
        """What a response lists as `violations`; empty if the error is one problem."""
        return []


# --- A request of a caller cannot be carried out -----------------------------------------------


class InvalidSocialPlatformError(SocialPublishingBaseError, ValueError):
    code = "unsupported_platform"

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"We do not publish to {platform[:40]!r}. GET /api/v1/platforms lists where we do."
        )


class UnknownLoginError(SocialPublishingBaseError, ValueError):
    """The platform has no such way to connect."""

    code = "unknown_login"

    def __init__(self, label: str, known: Sequence[str]) -> None:
        choice = f"with `login` {' or '.join(known)}, or " if known else ""
        super().__init__(f"{label} is connected {choice}without `login`.")


class PlatformNotConfiguredError(SocialPublishingBaseError):
    code = "platform_not_configured"
    who_acts = WhoActs.OPERATOR

    def __init__(self, label: str) -> None:
        super().__init__(
            f"This service has no credentials for {label}. Its operator has to set them."
        )


class PublishingOffError(SocialPublishingBaseError):
    """The operator has switched publishing to a platform off. Its posts wait."""

    code = "publishing_off"
    sentence = "Publishing to this platform is switched off here."
    who_acts = WhoActs.OPERATOR


class TokenEncryptionError(SocialPublishingBaseError):
    """A stored token does not decrypt: wrong key, changed text, or text of another row."""

    code = "token_unreadable"
    sentence = "A stored token cannot be decrypted with the keys of this service."
    who_acts = WhoActs.OPERATOR


class OAuthConnectionError(SocialPublishingBaseError):
    """Connecting an account failed. `code` names the step."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class for three steps of one flow


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule of a platform that a post breaks."""

    rule: str
    limit: Any
    actual: Any
    message: str
    fix: str = ""  # how to correct it


class ContentValidationError(SocialPublishingBaseError, ValueError):
    """The post breaks our limits for the platform. Has every violation."""

    code = "content_rejected"
    who_acts = WhoActs.USER

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(" ".join(violation.message for violation in violations))

    def violations_as_data(self) -> list[dict[str, Any]]:
        return [vars(violation) for violation in self.violations]


# --- An asset cannot be used ---------------------------------------------------------------------


class MediaError(SocialPublishingBaseError, ValueError):
    """The root of errors about an asset.

    A file that fails during a publish request leaves the request without its whole body, so the
    platform created nothing.
    """

    nothing_was_created = True
    who_acts = WhoActs.USER


class AssetUnreachableError(MediaError):
    """The asset's server does not respond, or refuses."""

    code = "asset_unreachable"
    retry = Retry.WITHOUT_ATTEMPT


class MediaBusyError(MediaError):
    """All places for reading files are taken. Neither the file nor its server is at fault."""

    code = "media_busy"
    sentence = "Too many files are being read right now; try again."
    who_acts = WhoActs.NOBODY
    retry = Retry.WITHOUT_ATTEMPT


class AssetAddressRefusedError(MediaError):
    """We do not fetch from this address, such as one of a private network."""

    code = "asset_address_refused"


class AssetTooLargeError(MediaError):
    code = "asset_too_large"


class AssetTypeMismatchError(MediaError):
    """The file is not of the declared type, or no platform accepts its type."""

    code = "asset_type_mismatch"


class AssetIncompleteError(MediaError):
    """The file ends before its stated length, or continues after it."""

    code = "asset_incomplete"


class AssetChangedError(MediaError):
    code = "asset_changed"
    sentence = "The file has changed since the post was accepted."


class AssetSizeUnknownError(MediaError):
    code = "asset_size_unknown"
    sentence = "The server of the file does not report its size."


class ObjectStoreNotConfiguredError(MediaError):
    code = "object_store_not_configured"
    sentence = "The file is a path, and this service has no object store."
    who_acts = WhoActs.OPERATOR


# --- A platform responded with an error, or not at all -----------------------------------------


class PlatformApiError(SocialPublishingBaseError):
    """A platform refused a request, or its response is unusable.

    `platform_code` and `request_id` are the platform's own, for its support. This class itself is
    for an error that no more specific class covers: the step is retried, and after a publish
    request the outcome is unknown.
    """

    code = "platform_error"
    sentence = "The platform responded with an error."
    retry = Retry.WITH_ATTEMPT
    # No request for the account should be made until then, whatever the outcome of this one.
    limited_until: dt.datetime | None = None

    def __init__(
        self,
        message: str = "",
        *,
        platform: str = "",
        status_code: int | None = None,
        platform_code: str = "",
        request_id: str = "",
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.platform = platform
        self.status_code = status_code
        self.platform_code = platform_code
        self.request_id = request_id
        self.details = details


class PlatformUnreachableError(PlatformApiError):
    """The request was never sent: refused connection, unknown host name, connect timeout."""

    code = "platform_unreachable"
    sentence = "The platform cannot be reached right now."
    nothing_was_created = True
    retry = Retry.WITHOUT_ATTEMPT


class UploadAddressRefusedError(PlatformUnreachableError):
    """The platform named an upload address of a host that is not its own. Nothing was sent."""

    sentence = "The platform returned an upload address that is not its own."
    retry = Retry.WITH_NEW_UPLOAD


class NoResponseError(PlatformApiError):
    """The request was sent, its outcome is unknown: timeout, lost connection, 5xx, no JSON."""

    code = "no_answer"
    sentence = "The platform gave no usable response."
    retry = Retry.WITHOUT_ATTEMPT


class MalformedResponseError(NoResponseError):
    """A response with another shape than the platform documents. The outcome is unknown."""

    sentence = "The platform gave a response that we do not understand."
    retry = Retry.WITH_ATTEMPT


class RateLimitError(PlatformApiError):
    """Refused for now. `until`: the time to retry; None if the platform names none."""

    code = "rate_limited"
    sentence = "The platform asks us to wait."
    nothing_was_created = True
    token_was_accepted = True
    retry = Retry.AFTER_LIMIT

    def __init__(
        self,
        message: str = "",
        *,
        until: dt.datetime | None = None,
        limits: LimitScope = LimitScope.ACCOUNT,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.until = until
        self.limits = limits


class TokenExpiredError(PlatformApiError):
    """The access token is no longer accepted. Refresh it once; then the owner must reconnect."""

    code = "needs_reauth"
    sentence = "The platform no longer accepts this account's token; connect the account again."
    nothing_was_created = True
    who_acts = WhoActs.OWNER
    retry = Retry.WITH_NEW_TOKEN


class InsufficientPermissionsError(PlatformApiError):
    """The connection lacks a permission. Its owner must connect again and grant it."""

    code = "permission_missing"
    sentence = "The connection lacks a permission that this post needs."
    nothing_was_created = True
    who_acts = WhoActs.OWNER
    retry = Retry.NEVER


class AccountBlockedError(PlatformApiError):
    """The platform has locked or restricted the account. Its owner must act at the platform.

    The token may be valid; connecting again does not help. The job waits within its grace.
    """

    code = "account_blocked"
    sentence = "The platform has locked or restricted the account; its owner has to look there."
    nothing_was_created = True
    token_was_accepted = True
    who_acts = WhoActs.OWNER
    retry = Retry.WITHOUT_ATTEMPT
    first_pause = dt.timedelta(minutes=1)


class PlatformRefusedError(PlatformApiError):
    """A refusal whose reason we do not know. Its message has the platform's own words.

    It is retried after 1, 2, 4 … at most 15 minutes within the grace. After a publish request it
    is an unknown outcome, unless `nothing_was_created`: the reader knows that such a refusal comes
    before anything is created.
    """

    code = "platform_refused"
    sentence = "The platform refused the request for a reason that we do not know."
    who_acts = WhoActs.OPERATOR
    retry = Retry.WITHOUT_ATTEMPT
    first_pause = dt.timedelta(minutes=1)

    def __init__(
        self, message: str = "", *, nothing_was_created: bool = False, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.nothing_was_created = nothing_was_created  # type: ignore[misc]


class ContentRejectedError(PlatformApiError):
    """The platform refuses this content. The user must change the post."""

    code = "content_rejected"
    sentence = "The platform refused this content."
    nothing_was_created = True
    token_was_accepted = True
    who_acts = WhoActs.USER
    retry = Retry.NEVER


class DuplicateContentError(ContentRejectedError):
    """The platform has this content already. After a request in doubt: a hint to start a lookup.

    `remote_id`: the id of that post, if the platform names it.
    """

    code = "duplicate_content"
    sentence = "The platform refused the post because it has the same one already."

    def __init__(
        self, message: str = "", *, remote_id: str = "", post_url: str = "", **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.remote_id, self.post_url = remote_id, post_url


class MediaNotReadyError(PlatformApiError):
    """The platform still processes an upload. Retry after `wait`.

    `uses_attempt`: the file itself may be the cause, so the number of retries is limited.
    """

    code = "media_not_ready"
    sentence = "The platform still processes the media."
    nothing_was_created = True
    token_was_accepted = True
    retry = Retry.WITHOUT_ATTEMPT

    def __init__(
        self,
        message: str = "",
        *,
        wait: dt.timedelta = dt.timedelta(seconds=60),
        uses_attempt: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.wait = wait
        if uses_attempt:
            self.retry = Retry.WITH_ATTEMPT


class UploadLostError(PlatformApiError):
    """The platform no longer has the upload or the draft; it is uploaded again.

    `wait`: the pause that the platform asks for, if it does.
    """

    code = "upload_lost"
    sentence = "The platform no longer has what was uploaded; it is uploaded again."
    nothing_was_created = True
    token_was_accepted = True
    retry = Retry.WITH_NEW_UPLOAD

    def __init__(
        self, message: str = "", *, wait: dt.timedelta | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.wait = wait


class PlatformConfigurationError(PlatformApiError):
    """A problem of our app at the platform: credentials, credits or review. No user can help.

    It pauses the platform for our app: jobs wait within their grace, and one at a time is tried.
    `feature` is what it refuses: `ALL`, or one of `Platform.features` of the posts it concerns.
    """

    ALL: ClassVar[str] = "all"

    code = "platform_configuration"
    sentence = (
        "The platform refuses this service itself. Its operator has to look at the app's settings."
    )
    nothing_was_created = True
    who_acts = WhoActs.OPERATOR
    retry = Retry.AFTER_PAUSE

    def __init__(self, message: str = "", *, feature: str = ALL, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.feature = feature
