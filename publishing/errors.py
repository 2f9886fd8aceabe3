"""The errors that publishing returns to its callers, in addition to `socialpublishing.errors`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from socialpublishing.errors import SocialPublishingBaseError, WhoActs

# --- Accepting a post ----------------------------------------------------------------------------


class EmptyPostError(SocialPublishingBaseError):
    code = "empty_post"
    who_acts = WhoActs.USER

    def __init__(self, content_options: Collection[str] = ()) -> None:
        """`content_options`: the options that would be content too."""
        wanted = ["a text", "at least one asset", *sorted(content_options)]
        super().__init__(f"A post needs {', '.join(wanted[:-1])} or {wanted[-1]}.")


class ScheduleTimePastError(SocialPublishingBaseError):
    code = "schedule_time_past"
    sentence = "schedule_time lies in the past."
    who_acts = WhoActs.USER


class ScheduleTimeTooFarError(SocialPublishingBaseError):
    code = "schedule_time_too_far"
    sentence = "schedule_time lies more than a year ahead."
    who_acts = WhoActs.USER


class NeedsReauthError(SocialPublishingBaseError):
    code = "needs_reauth"
    sentence = "The account has to be connected again before it can publish."
    who_acts = WhoActs.OWNER


class PermissionMissingError(SocialPublishingBaseError):
    code = "permission_missing"
    who_acts = WhoActs.OWNER

    def __init__(self, missing: Sequence[str], *, kind: str) -> None:
        """`missing` are the scopes that a post of this `kind` needs and the account lacks."""
        super().__init__(
            f"The account was connected without the permission to publish a {kind} post "
            f"({', '.join(missing)}). Please connect it again and grant it."
        )


class InvalidIdempotencyKeyError(SocialPublishingBaseError):
    code = "idempotency_key_invalid"
    sentence = "An Idempotency-Key must be 1 to 255 visible ASCII characters, and be sent once."


class IdempotencyKeyReusedError(SocialPublishingBaseError):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used for another request."


class DuplicateTargetError(SocialPublishingBaseError):
    """Only among the violations of a request with many targets."""

    code = "duplicate_target"
    who_acts = WhoActs.USER

    def __init__(self, earlier: int) -> None:
        super().__init__(
            f"This is the same post as target {earlier}: same account, content and time."
        )


class BatchRejectedError(SocialPublishingBaseError):
    """At least one target cannot be accepted. Has every violation, with its `target`."""

    code = "batch_rejected"
    who_acts = WhoActs.USER

    def __init__(self, violations: Sequence[dict[str, Any]]) -> None:
        self.violations = violations
        # The sentences of a few; all are in `violations`.
        shown = [f"Target {each['target']}: {each['message']}" for each in violations[:5]]
        super().__init__(f"Nothing was accepted. {' '.join(shown)}")

    def violations_as_data(self) -> list[dict[str, Any]]:
        return [*self.violations]


# --- Operating on a job --------------------------------------------------------------------------


class JobNotFoundError(SocialPublishingBaseError):
    code = "job_not_found"
    sentence = "You have no such job."


class BatchNotFoundError(SocialPublishingBaseError):
    code = "batch_not_found"
    sentence = "You have no such batch."


class AlreadySubmittingError(SocialPublishingBaseError):
    code = "already_submitting"
    sentence = "The post is being published or has ended; it can no longer be cancelled or changed."


class NotRetriableError(SocialPublishingBaseError):
    code = "not_retriable"
    sentence = "Only a job that failed, was rejected or is unconfirmed can be retried."


class NotUnconfirmedError(SocialPublishingBaseError):
    code = "not_unconfirmed"
    sentence = "Only a job whose outcome is unknown can be resolved."


class PostTakenError(SocialPublishingBaseError):
    code = "post_taken"
    sentence = "This post already belongs to another job."


class RemoteIdRequiredError(SocialPublishingBaseError):
    code = "remote_id_required"
    sentence = (
        "The post is one of a thread, and the next one replies to it: give its id at the platform "
        "as remote_id."
    )
    who_acts = WhoActs.USER


# --- Taking a post down --------------------------------------------------------------------------


class NotPublishedError(SocialPublishingBaseError):
    code = "not_published"
    sentence = "Only a published post can be taken down."


class NotSupportedError(SocialPublishingBaseError):
    """The message gives the reason."""

    code = "not_supported"


class AccountDisconnectedError(SocialPublishingBaseError):
    code = "connection_removed"
    sentence = (
        "The account of the post is no longer connected, so the post can only be deleted at the "
        "platform."
    )


class TakeDownPermissionError(SocialPublishingBaseError):
    code = "permission_missing"
    who_acts = WhoActs.OWNER

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"The account was connected without the permission to delete posts "
            f"({', '.join(missing)}). Please connect it again and grant it."
        )
