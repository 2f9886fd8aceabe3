"""Our errors as HTTP: the one place that knows both.

Every failure of the API is `{"code", "detail"}`, on every path. ERROR_CODES is the closed list.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.urls import is_valid_path
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_exception_handler

from publishing.services import InvalidOptionsError
from socialpublishing.errors import (
    ContentValidationError,
    RateLimitError,
    SocialPublishingBaseError,
)

logger = logging.getLogger(__name__)

RETRY_S = 2

# Every code a caller can meet: its status, and when it comes.
ERROR_CODES: dict[str, tuple[int, str]] = {
    "invalid_json": (400, "The body is not the JSON object that is expected."),
    "invalid_request": (400, "Fields are missing, unknown or of another type; see `violations`."),
    "idempotency_key_invalid": (
        400,
        "The Idempotency-Key is not 1 to 255 visible ASCII characters.",
    ),
    "unsupported_platform": (400, "We do not publish to this platform."),
    "unknown_login": (400, "The platform has no such way to connect."),
    "platform_not_configured": (400, "This service has no credentials for the platform."),
    "invalid_state": (400, "The sign-in expired, was used, or began in another browser."),
    "oauth_denied": (400, "The account's owner said no."),
    "oauth_failed": (400, "The platform could not finish the sign-in."),
    "empty_post": (400, "Neither text nor assets."),
    "content_rejected": (400, "The platform would refuse the post; see `violations`."),
    "boards_not_supported": (400, "The platform has no boards that are made or divided here."),
    "destination_required": (400, "The account posts to destinations, and none was chosen."),
    "schedule_time_past": (400, "schedule_time lies in the past."),
    "schedule_time_no_offset": (400, "schedule_time has no offset from UTC."),
    "schedule_time_too_far": (400, "schedule_time lies more than a year ahead."),
    "asset_unreachable": (400, "An asset does not answer at its address."),
    "asset_too_large": (400, "An asset is larger than the platform takes."),
    "asset_type_mismatch": (400, "An asset is not what it was said to be."),
    "asset_address_refused": (400, "We do not fetch from an asset's address."),
    "asset_incomplete": (400, "An asset broke off in the middle."),
    "asset_changed": (400, "An asset has changed since it was looked at."),
    "asset_size_unknown": (400, "The server of a video or document does not tell its size."),
    "object_store_not_configured": (400, "An asset is a path, and no object store is set up."),
    "not_authenticated": (401, "No bearer token."),
    "invalid_token": (401, "The bearer token is not valid."),
    "needs_reauth": (403, "The account has to be connected again."),
    "permission_missing": (403, "The account was connected without the permission to publish."),
    "publishing_off": (403, "The operator has not switched publishing on for this platform."),
    "permission_denied": (403, "Not allowed."),
    "not_found": (404, "There is nothing here."),
    "connection_not_found": (404, "The caller has no such connection."),
    "insights_not_available": (404, "Too little is known, or the platform does not tell it."),
    "job_not_found": (404, "The caller has no such job."),
    "method_not_allowed": (405, "The path does not know this method."),
    "not_acceptable": (406, "We answer JSON."),
    "already_submitting": (409, "The post is being published or has ended."),
    "not_retriable": (409, "The job neither failed nor was rejected."),
    "not_unconfirmed": (409, "The job's outcome is known, or being found out."),
    "remote_id_required": (400, "Of a thread, the id of the post that was found has to be told."),
    "post_taken": (409, "Another job stands for this post already."),
    "job_changed": (409, "The job has moved on meanwhile; read it again."),
    "payload_too_large": (413, "The body is larger than 256 KB."),
    "unsupported_media_type": (415, "The body is not JSON, or is encoded."),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for another request."),
    "throttled": (429, "Too many requests; see Retry-After."),
    "rate_limited": (429, "The platform asks us to wait; see Retry-After, if there is one."),
    "internal_error": (500, "Something went wrong on our side."),
    "token_unreadable": (500, "A stored token does not open with the service's keys."),
    "platform_error": (502, "The platform answered with an error that we do not know."),
    "platform_unreachable": (502, "The platform cannot be reached; nothing was done there."),
    "no_answer": (502, "The platform gave no usable answer; what was asked may have been done."),
    "platform_configuration": (503, "The platform refuses this service; its operator has to act."),
    "media_busy": (503, "Too many files are being read right now; try again."),
    "database_unavailable": (503, "The database cannot be had right now; try again."),
    "auth_unavailable": (503, "The keys to check tokens with cannot be had right now."),
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook: every error that leaves a view becomes an answer here."""
    response = _response(error, context)
    if response.status_code >= 500:
        # What only we can explain is found in the log by it.
        response.data |= _request_id(context["request"])
    return response


def _response(error: Exception, context: dict[str, Any]) -> Response:
    if isinstance(error, SocialPublishingBaseError):
        return _domain_response(error)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_field_violations(error.detail)))
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("the database is away", exc_info=error)
        sentence = ERROR_CODES["database_unavailable"][1]
        body = {**_body("database_unavailable", sentence), "retry_after": RETRY_S}
        return Response(body, status=503, headers={"Retry-After": str(RETRY_S)})
    response = rest_exception_handler(error, context)
    if response is None:
        # Whatever nobody foresaw: told in full to the log, in one sentence to the caller.
        logger.error("unhandled error", exc_info=error)
        return Response(_body("internal_error", ERROR_CODES["internal_error"][1]), status=500)
    code, detail = _known(error)
    response.data = _body(code, detail)
    if "Retry-After" in response.headers:
        response.data["retry_after"] = int(response.headers["Retry-After"])
    return response


def _domain_response(error: SocialPublishingBaseError) -> Response:
    status, sentence = ERROR_CODES.get(error.code, ERROR_CODES["internal_error"])
    if status >= 500:
        logger.error("%s", error.code, exc_info=error)
        return Response(
            _body(error.code if error.code in ERROR_CODES else "internal_error", sentence),
            status=status,
        )
    body = _body(error.code, str(error))
    match error:
        case ContentValidationError():
            body["violations"] = [vars(violation) for violation in error.violations]
        case InvalidOptionsError():
            body["violations"] = [
                {
                    "field": f"platform_specific_options.{name}",
                    "code": "invalid_option",
                    "message": text,
                }
                for name, text in error.violations
            ]
        case RateLimitError(until=dt.datetime() as until):
            left = until - dt.datetime.now(tz=dt.UTC)
            body["retry_after"] = max(1, math.ceil(left.total_seconds()))
            return Response(body, status=status, headers={"Retry-After": str(body["retry_after"])})
    return Response(body, status=status)


def _invalid(violations: list[dict[str, str]]) -> Response:
    body = _body(
        "invalid_request",
        " ".join(f"{each['field']}: {each['message']}" for each in violations[:5]),
    )
    if any(each["code"] == "no_offset" for each in violations):
        body["code"] = "schedule_time_no_offset"
    body["violations"] = violations
    return Response(body, status=400)


def _field_violations(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """DRF nests errors as the request is nested; told flat, each with the path of its field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _field_violations(inner, ".".join(filter(None, [field, own])))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            is_nested = isinstance(inner, (dict, list))
            yield from _field_violations(inner, f"{field}[{number}]" if is_nested else field)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"field": field or "body", "code": code, "message": str(detail)}


def _known(error: Exception) -> tuple[str, str]:
    """The code and sentence of one of the framework's own errors."""
    if isinstance(error, (Http404, exceptions.NotFound)):
        return "not_found", "There is nothing here."
    if isinstance(error, PermissionDenied):
        return "permission_denied", ERROR_CODES["permission_denied"][1]
    if isinstance(error, exceptions.ParseError) and error.get_codes() == "parse_error":
        return "invalid_json", str(error.detail)
    if isinstance(error, exceptions.APIException):
        code = str(error.get_codes())
        return (code if code in ERROR_CODES else "invalid_request"), str(error.detail)
    return "internal_error", ERROR_CODES["internal_error"][1]


def _request_id(request: Any) -> dict[str, str]:
    request_id = getattr(request, "request_id", "")
    return {"request_id": request_id} if request_id else {}


def _body(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "detail": detail[:1000]}


# --- Outside DRF's reach -------------------------------------------------------------------------


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(
            _body("not_found", f"There is nothing at {request.path[:200]}."), status=404
        )
    return HttpResponseNotFound("There is nothing here.", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(_body("invalid_request", "The request cannot be read."), status=400)


def server_error(request: HttpRequest) -> JsonResponse:
    body = _body("internal_error", ERROR_CODES["internal_error"][1])
    return JsonResponse(body | _request_id(request), status=500)


class BothSlashesMiddleware:
    """Every path of the API answers with and without its trailing slash.

    Not by a redirect: that would turn a POST into a GET.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith("/api/") and not is_valid_path(path):
            other = path[:-1] if path.endswith("/") else f"{path}/"
            if is_valid_path(other):
                request.path_info = other
        return self.get_response(request)
