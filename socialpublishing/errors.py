"""What can go wrong, sorted by what helps.

Every error has a `code` for machines, a sentence for people in `str(error)`, and never a token in
either. `config/api.py` turns them into HTTP answers, `publishing/engine.py` into a job's next move.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class SocialPublishingBaseError(Exception):
    """The root of all errors that we raise on purpose."""

    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.sentence)


# --- What a caller asked for cannot be done ------------------------------------------------------


class InvalidSocialPlatformError(SocialPublishingBaseError, ValueError):
    code = "unsupported_platform"

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"We do not publish to {platform[:40]!r}. GET /api/v1/platforms lists where we do."
        )


class UnknownLoginError(SocialPublishingBaseError, ValueError):
    """A way to connect that the platform does not have."""

    code = "unknown_login"

    def __init__(self, label: str, known: Sequence[str]) -> None:
        others = f" or {', '.join(known)}" if known else ""
        super().__init__(f"{label} is connected without `login`{others}.")


class PlatformNotConfiguredError(SocialPublishingBaseError):
    code = "platform_not_configured"

    def __init__(self, label: str) -> None:
        super().__init__(
            f"This service has no credentials for {label}. Its operator has to set them."
        )


class PublishingOffError(SocialPublishingBaseError):
    """The operator has not switched publishing on for a platform. Posts wait, nobody is blamed."""

    code = "publishing_off"
    sentence = "Publishing to this platform is switched off here."


class TokenEncryptionError(SocialPublishingBaseError):
    """A stored token does not open: wrong key, changed text, or text of another row."""

    code = "token_unreadable"
    sentence = "A stored token cannot be opened with the keys of this service."


class OAuthConnectionError(SocialPublishingBaseError):
    """Connecting an account came to nothing. `code` says at which point."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class, three points: see the subject's docstring


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule of a platform that a post breaks."""

    rule: str
    limit: Any
    actual: Any
    message: str
    fix: str = ""  # what to do about it


class ContentValidationError(SocialPublishingBaseError, ValueError):
    """Our own policy says that the platform would refuse the post. Carries every violation."""

    code = "content_rejected"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(" ".join(violation.message for violation in violations))


class MediaError(SocialPublishingBaseError, ValueError):
    """An asset cannot be used; `code` is one of those that socialpublishing/media lists."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]


# --- What a platform answered, or did not --------------------------------------------------------


class PlatformApiError(SocialPublishingBaseError):
    """A platform said no, or nothing we understand.

    `platform_code` and `request_id` are the platform's own, for its support. This class itself
    means an answer that no list of ours knows: before a publishing call it is worth a retry, after
    one nobody knows whether the post exists.
    """

    code = "platform_error"
    sentence = "The platform answered with an error."
    # The account is best left alone until then, whatever became of this call.
    rest_until: dt.datetime | None = None

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
    """The request never left us: refused, no such name, no connection in time. Wait and repeat."""

    code = "platform_unreachable"
    sentence = "The platform cannot be reached right now."


class NoResponseError(PlatformApiError):
    """The request left and no verdict came: time-out, dropped line, 5xx, unreadable answer."""

    code = "no_answer"
    sentence = "The platform gave no usable answer."


class RateLimitError(PlatformApiError):
    """Refused for now, and nothing was made. `until`: when to come back; None if it did not say."""

    code = "rate_limited"
    sentence = "The platform asks us to wait."

    def __init__(
        self,
        message: str = "",
        *,
        until: dt.datetime | None = None,
        of_account: bool = True,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.until = until
        # Does it hold for all posts of the account, and not only for this kind?
        self.of_account = of_account


class TokenExpiredError(PlatformApiError):
    """The access token is no longer taken. Refresh once; then the owner has to connect again."""

    code = "needs_reauth"
    sentence = "The platform no longer accepts this account's token; connect the account again."


class InsufficientPermissionsError(PlatformApiError):
    """The connection lacks a right. Its owner has to connect again and grant it."""

    code = "permission_missing"
    sentence = "The connection lacks a permission that this post needs."


class ContentRejectedError(PlatformApiError):
    """The platform refuses this content. The post has to change."""

    code = "content_rejected"
    sentence = "The platform refused this content."


class DuplicateContentError(ContentRejectedError):
    """The platform has this content already. After a try of our own that is a hint to look.

    `remote_id`: the post that it names, if it does.
    """

    code = "duplicate_content"
    sentence = "The platform refused the post because it has the same one already."

    def __init__(
        self, message: str = "", *, remote_id: str = "", post_url: str = "", **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.remote_id, self.post_url = remote_id, post_url


class MediaNotReadyError(PlatformApiError):
    """The platform still works on what was uploaded; nothing was made. Try again after `wait`.

    `uses_attempt`: the file itself may be at fault, so that trying has to end.
    """

    code = "media_not_ready"
    sentence = "The platform still works on the media."

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
        self.uses_attempt = uses_attempt


class UploadLostError(PlatformApiError):
    """What was uploaded or drafted is gone at the platform; nothing was made. Begin anew."""

    code = "upload_lost"
    sentence = "The platform no longer has what was uploaded; it is uploaded anew."


class PlatformConfigurationError(PlatformApiError):
    """Our app's credentials, credits or review. The operator acts; no user is to blame."""

    code = "platform_configuration"
    sentence = (
        "The platform refuses this service itself. Its operator has to look at the app's settings."
    )
