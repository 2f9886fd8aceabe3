"""The closed list of public error codes: one table for HTTP responses, jobs, OpenAPI and docs.

Each code that a caller's program can distinguish is one row. `config/api.py` reads the HTTP status
here, `config/schema.py` the descriptions in OpenAPI, `publishing/serializers.py` those of a job's
`error_code`, and `manage.py error_codes` writes docs/error-codes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublicCode:
    """One code: its HTTP status and meaning as a response, and its meaning on a job.

    `status` is None for a code that only jobs have, `on_job` is empty for one that no job has.
    """

    status: int | None = None
    as_response: str = ""
    on_job: str = ""


def _http(status: int, meaning: str, *, on_job: str = "") -> PublicCode:
    return PublicCode(status=status, as_response=meaning, on_job=on_job)


def _job(meaning: str) -> PublicCode:
    return PublicCode(on_job=meaning)


CODES: Mapping[str, PublicCode] = {
    "invalid_json": _http(400, "The body is not a valid JSON object."),
    "invalid_request": _http(
        400, "Fields are missing, unknown or of the wrong type; see `violations`."
    ),
    "idempotency_key_invalid": _http(
        400, "The Idempotency-Key is not 1 to 255 visible ASCII characters."
    ),
    "unsupported_platform": _http(400, "We do not publish to this platform."),
    "unknown_login": _http(400, "The platform has no login of this name."),
    "platform_not_configured": _http(400, "This service has no credentials for the platform."),
    "invalid_state": _http(
        400, "The sign-in expired, was used already, or was started in another browser."
    ),
    "oauth_denied": _http(400, "The owner of the account refused access."),
    "oauth_failed": _http(400, "The platform could not complete the sign-in."),
    "empty_post": _http(
        400, "The post has neither text nor assets, nor an option that is content."
    ),
    "content_rejected": _http(
        400,
        "The platform would refuse the post; see `violations`.",
        on_job="The platform refuses the content.",
    ),
    "batch_rejected": _http(
        400, "A target of the batch cannot be accepted, so none was; see `violations`."
    ),
    "duplicate_target": _http(
        400, "Among `violations`: two targets have the same account, content and time."
    ),
    "boards_not_supported": _http(
        400, "This service creates no boards or sections on the platform."
    ),
    "destination_required": _http(
        400, "The account posts to destinations, and the request names none."
    ),
    "schedule_time_past": _http(400, "schedule_time is in the past."),
    "schedule_time_no_offset": _http(400, "schedule_time has no UTC offset."),
    "schedule_time_too_far": _http(400, "schedule_time is more than a year ahead."),
    "asset_unreachable": _http(400, "The server of an asset does not respond, or refuses."),
    "asset_too_large": _http(400, "An asset is larger than the platform accepts."),
    "asset_type_mismatch": _http(
        400, "An asset is not of the declared type, or no platform accepts its type."
    ),
    "asset_address_refused": _http(400, "We do not fetch from the address of an asset."),
    "webhook_address_refused": _http(400, "We do not send events to the address of the webhook."),
    "asset_incomplete": _http(400, "An asset ends before its stated length."),
    "asset_changed": _http(400, "An asset has changed since it was checked."),
    "asset_size_unknown": _http(
        400, "The server of an asset does not report its size, and it is large."
    ),
    "object_store_not_configured": _http(
        400, "An asset is a path, and no object store is configured."
    ),
    "not_authenticated": _http(401, "The request has no bearer token."),
    "invalid_token": _http(401, "The bearer token is not valid."),
    "needs_reauth": _http(
        403,
        "The account must be connected again.",
        on_job="The job waits until the owner connects the account again.",
    ),
    "permission_missing": _http(
        403,
        "The account was connected without the permission for this.",
        on_job="The account may not publish there.",
    ),
    "publishing_off": _http(
        403,
        "The operator has not switched publishing on for this platform.",
        on_job="The job waits until publishing is switched on for its platform.",
    ),
    "permission_denied": _http(403, "The request is not allowed."),
    "not_found": _http(404, "There is nothing at this path."),
    "connection_not_found": _http(404, "The caller has no such connection."),
    "insights_not_available": _http(
        404, "There is too little data, or the platform does not report it."
    ),
    "job_not_found": _http(404, "The caller has no such job."),
    "batch_not_found": _http(404, "The caller has no such batch."),
    "webhook_not_found": _http(404, "The caller has no such webhook."),
    "delivery_not_found": _http(404, "The webhook has no such delivery."),
    "method_not_allowed": _http(405, "The path does not support this method."),
    "not_acceptable": _http(406, "We respond with JSON only."),
    "already_submitting": _http(409, "The post is being published, or its job has ended."),
    "not_retriable": _http(409, "The job has neither failed nor been rejected."),
    "not_unconfirmed": _http(409, "The outcome of the job is known, or is being looked up."),
    "not_published": _http(
        409,
        "Only a published post can be taken down.",
        on_job="A person looked, and the post does not exist.",
    ),
    "not_supported": _http(
        409, "The platform does not let us do this; the detail gives the reason."
    ),
    "connection_removed": _http(
        409,
        "The account of the post is no longer connected.",
        on_job="The account of the job was disconnected.",
    ),
    "remote_id_required": _http(400, "For a thread, the request must name the id of the post."),
    "post_taken": _http(409, "Another job already has this post."),
    "webhook_limit_reached": _http(409, "The caller has as many webhooks as are allowed."),
    "webhook_paused": _http(409, "The webhook is paused."),
    "webhook_paused_by_staff": _http(409, "The operator paused the webhook, and must activate it."),
    "webhook_secret_lost": _http(409, "The webhook's secret is lost; rotate it."),
    "job_changed": _http(409, "The job has changed meanwhile; read it again."),
    "cursor_expired": _http(
        410, "Events behind the cursor are not kept any more; start again without one."
    ),
    "bad_request": _http(400, "The request is not valid HTTP."),
    "request_timeout": _http(408, "The request did not arrive completely within 10 seconds."),
    "headers_too_large": _http(431, "The head of the request is larger than 32 KB."),
    "range_not_satisfiable": _http(416, "The file has no bytes in the requested range."),
    "payload_too_large": _http(413, "The body is larger than 256 KB."),
    "unsupported_media_type": _http(415, "The body is not JSON, or has a Content-Encoding."),
    "idempotency_key_reused": _http(422, "The Idempotency-Key was used for another request."),
    "throttled": _http(429, "There are too many requests; see Retry-After."),
    "rate_limited": _http(
        429,
        "The platform limits our requests; see Retry-After, if present.",
        on_job="The job waits until the platform allows the account to publish again.",
    ),
    "internal_error": _http(
        500, "Something went wrong on our side.", on_job="Something went wrong on our side."
    ),
    "token_unreadable": _http(
        500, "A stored token cannot be decrypted with the keys of this service."
    ),
    "platform_error": _http(502, "The platform responded with an unknown error."),
    "platform_refused": _http(
        502,
        "The platform refused the request for a reason that we do not know.",
        on_job="The platform refuses the post for a reason that we do not know; see its words.",
    ),
    "account_blocked": _http(
        403,
        "The platform has locked or restricted the account.",
        on_job="The job waits: the owner must act at the platform, which has locked or restricted "
        "the account.",
    ),
    "platform_unreachable": _http(502, "The platform cannot be reached; it received no request."),
    "no_answer": _http(
        502,
        "The platform gave no usable response; the request may have been carried out.",
        on_job="The platform gave no usable response in any attempt.",
    ),
    "platform_configuration": _http(
        503,
        "The platform refuses this service; the operator must act.",
        on_job="The job waits: the platform refuses this service, and its operator must act.",
    ),
    "refresh_pending": _http(503, "The account's token is being refreshed; try again in a moment."),
    "media_busy": _http(503, "Too many files are being read right now; try again."),
    "busy": _http(503, "Too many slow requests are being handled right now; try again."),
    "database_unavailable": _http(503, "The database is not available right now; try again."),
    "auth_unavailable": _http(503, "The keys that verify tokens are not available right now."),
    "cancelled": _job("The user or staff cancelled the job."),
    "duplicate_content": _job("The platform has this post already."),
    "media_not_ready": _job("The platform still processes a file."),
    "outcome_unknown": _job(
        "It is unknown whether the post exists: it is being looked up, or a person must decide."
    ),
    "platform_paused": _job("The job waits: the operator of this service has paused the platform."),
    "poison": _job("Processing the job crashed the service repeatedly."),
    "token_refused": _job("The platform no longer accepts the token; it is being refreshed."),
    "too_late": _job("The post could not be published within its grace."),
    "upload_lost": _job("The platform no longer has what was uploaded; it is uploaded again."),
}

# The codes of the warnings of a post.
WARNINGS: Mapping[str, str] = {
    "alt_text_left_out": "The platform carries no alt text there; it is left out.",
    "alt_text_refused": "The platform did not store an alt text; the post went out without it.",
    "collaborators_refused": "The platform did not accept an invitation of another account.",
    "cover_refused": "The platform did not accept the cover; the post went out without it.",
    "first_comment_failed": "The first comment was not made.",
    "first_comment_unconfirmed": "It is unknown whether the first comment was made.",
    "measure_outside": "A file is outside what the platform documents, but may be accepted.",
    "may_become_draft": "The platform may keep the post as a draft.",
    "only_creator_sees": "Only the account that posts sees the post.",
    "option_adjusted": "The platform accepts an option, but uses another value.",
    "page_unreadable": "The page of a link could not be read, so its preview may lack parts.",
    "take_down_failed": "The post was not taken down; DELETE tries again.",
    "text_cut": "The platform may show only the beginning of the text.",
    "text_left_out": "The platform carries no text there; it is left out.",
    "thumbnail_left_out": "The platform did not take the thumbnail of a video.",
    "token_ends_before": "The account's authorization ends before the post is due.",
}
