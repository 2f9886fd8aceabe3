"""The closed list of public error codes: one table for HTTP responses, jobs, OpenAPI and docs.

A code that a caller's program has to tell apart is one row here. `config/api.py` takes its HTTP
status from it, `config/schema.py` the descriptions in OpenAPI, `publishing/serializers.py` those of
a job's `error_code`, and `manage.py error_codes` writes docs/error-codes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublicCode:
    """`status` and `as_response`: when an HTTP response carries it; `on_job`: when a job does."""

    status: int | None = None
    as_response: str = ""
    on_job: str = ""


def _http(status: int, meaning: str, *, on_job: str = "") -> PublicCode:
    return PublicCode(status=status, as_response=meaning, on_job=on_job)


def _job(meaning: str) -> PublicCode:
    return PublicCode(on_job=meaning)


CODES: Mapping[str, PublicCode] = {
    "invalid_json": _http(400, "The body is not the JSON object that is expected."),
    "invalid_request": _http(
        400, "Fields are missing, unknown or of another type; see `violations`."
    ),
    "idempotency_key_invalid": _http(
        400, "The Idempotency-Key is not 1 to 255 visible ASCII characters."
    ),
    "unsupported_platform": _http(400, "We do not publish to this platform."),
    "unknown_login": _http(400, "The platform has no such way to connect."),
    "platform_not_configured": _http(400, "This service has no credentials for the platform."),
    "invalid_state": _http(400, "The sign-in expired, was used, or began in another browser."),
    "oauth_denied": _http(400, "The account's owner said no."),
    "oauth_failed": _http(400, "The platform could not finish the sign-in."),
    "empty_post": _http(400, "Neither text nor assets."),
    "content_rejected": _http(
        400,
        "The platform would refuse the post; see `violations`.",
        on_job="the platform refuses the content",
    ),
    "boards_not_supported": _http(400, "The platform has no boards that are made or divided here."),
    "destination_required": _http(400, "The account posts to destinations, and none was chosen."),
    "schedule_time_past": _http(400, "schedule_time lies in the past."),
    "schedule_time_no_offset": _http(400, "schedule_time has no offset from UTC."),
    "schedule_time_too_far": _http(400, "schedule_time lies more than a year ahead."),
    "asset_unreachable": _http(400, "An asset does not answer at its address."),
    "asset_too_large": _http(400, "An asset is larger than the platform takes."),
    "asset_type_mismatch": _http(400, "An asset is not what it was said to be."),
    "asset_address_refused": _http(400, "We do not fetch from an asset's address."),
    "asset_incomplete": _http(400, "An asset broke off in the middle."),
    "asset_changed": _http(400, "An asset has changed since it was looked at."),
    "asset_size_unknown": _http(400, "The server of a video or document does not tell its size."),
    "object_store_not_configured": _http(400, "An asset is a path, and no object store is set up."),
    "not_authenticated": _http(401, "No bearer token."),
    "invalid_token": _http(401, "The bearer token is not valid."),
    "needs_reauth": _http(
        403,
        "The account has to be connected again.",
        on_job="waits for the owner to connect the account again",
    ),
    "permission_missing": _http(
        403,
        "The account was connected without the permission to publish.",
        on_job="the account may not publish there",
    ),
    "publishing_off": _http(
        403,
        "The operator has not switched publishing on for this platform.",
        on_job="waits until publishing is switched on for its platform",
    ),
    "permission_denied": _http(403, "Not allowed."),
    "not_found": _http(404, "There is nothing here."),
    "connection_not_found": _http(404, "The caller has no such connection."),
    "insights_not_available": _http(404, "Too little is known, or the platform does not tell it."),
    "job_not_found": _http(404, "The caller has no such job."),
    "method_not_allowed": _http(405, "The path does not know this method."),
    "not_acceptable": _http(406, "We answer JSON."),
    "already_submitting": _http(409, "The post is being published or has ended."),
    "not_retriable": _http(409, "The job neither failed nor was rejected."),
    "not_unconfirmed": _http(409, "The job's outcome is known, or being found out."),
    "remote_id_required": _http(
        400, "Of a thread, the id of the post that was found has to be told."
    ),
    "post_taken": _http(409, "Another job stands for this post already."),
    "job_changed": _http(409, "The job has moved on meanwhile; read it again."),
    "payload_too_large": _http(413, "The body is larger than 256 KB."),
    "unsupported_media_type": _http(415, "The body is not JSON, or is encoded."),
    "idempotency_key_reused": _http(422, "The Idempotency-Key was used for another request."),
    "throttled": _http(429, "Too many requests; see Retry-After."),
    "rate_limited": _http(
        429,
        "The platform asks us to wait; see Retry-After, if there is one.",
        on_job="waits until the platform lets the account publish again",
    ),
    "internal_error": _http(
        500, "Something went wrong on our side.", on_job="something went wrong on our side"
    ),
    "token_unreadable": _http(500, "A stored token does not open with the service's keys."),
    "platform_error": _http(502, "The platform answered with an error that we do not know."),
    "platform_unreachable": _http(502, "The platform cannot be reached; nothing was done there."),
    "no_answer": _http(
        502,
        "The platform gave no usable answer; what was asked may have been done.",
        on_job="the platform gave no usable answer, in all tries",
    ),
    "platform_configuration": _http(
        503, "The platform refuses this service; its operator has to act."
    ),
    "media_busy": _http(503, "Too many files are being read right now; try again."),
    "database_unavailable": _http(503, "The database cannot be had right now; try again."),
    "auth_unavailable": _http(503, "The keys to check tokens with cannot be had right now."),
    "cancelled": _job("cancelled by its user or by staff"),
    "connection_removed": _job("its account was disconnected"),
    "duplicate_content": _job("the platform has this post already"),
    "media_not_ready": _job("the platform is still at work on a file"),
    "not_published": _job("somebody looked, and the post is not there"),
    "outcome_unknown": _job("whether the post exists is being looked up, or a person has to say"),
    "poison": _job("work on it stopped the service repeatedly"),
    "token_refused": _job("the platform no longer takes the token; it is refreshed"),
    "too_late": _job("it could not be sent within its grace"),
    "upload_lost": _job("the platform lost what was uploaded; it is uploaded anew"),
}
