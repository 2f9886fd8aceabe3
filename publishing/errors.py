"""The errors that publishing returns to its callers, in addition to `socialpublishing.errors`."""

from __future__ import annotations

from collections.abc import Sequence

from socialpublishing.errors import SocialPublishingBaseError, WhoActs

# --- Accepting a post ----------------------------------------------------------------------------


class EmptyPostError(SocialPublishingBaseError):
    code = "empty_post"
    sentence = "A post needs a text or at least one asset."
    who_acts = WhoActs.USER


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

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"The account was connected without the permission to publish ({', '.join(missing)}). "
            "Please connect it again and grant it."
        )


class InvalidIdempotencyKeyError(SocialPublishingBaseError):
    code = "idempotency_key_invalid"
    sentence = "An Idempotency-Key must be 1 to 255 visible ASCII characters, and be sent once."


class IdempotencyKeyReusedError(SocialPublishingBaseError):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used for another request."


# --- Operating on a job --------------------------------------------------------------------------


class JobNotFoundError(SocialPublishingBaseError):
    code = "job_not_found"
    sentence = "You have no such job."


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
