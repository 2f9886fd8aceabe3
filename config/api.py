"""Turns errors into HTTP responses: the one module that knows both.

Every error response of the API is `{"code", "detail"}` and optional members, on every path.
`socialpublishing.codes` is the closed list of codes.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import math
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.urls import is_valid_path
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as rest_exception_handler

from config.web.throttles import RefusedTokenThrottle
from socialpublishing.codes import CODES
from socialpublishing.errors import (
    MediaBusyError,
    RateLimitError,
    SocialPublishingBaseError,
)
from socialpublishing.serializers import shortened

logger = logging.getLogger(__name__)

RETRY_S = 2
SEE_DOCS = "/api/docs shows the paths."
CANNOT_READ = "The request cannot be read."
# Violations that one response lists.
MAX_VIOLATIONS = 100
# The path of a field of one target of a request with many.
TARGET = re.compile(r"targets[.\[](\d+)")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: the response to an error that leaves a view."""
    response = _response(error, context)
    if response.status_code >= 500:
        # The operator finds the failure in the log by its request id.
        response.data |= _request_id(context["request"])
    return response


def _response(error: Exception, context: dict[str, Any]) -> Response:
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        # Throttles of a view come after its authentication, which has just failed.
        throttle = RefusedTokenThrottle()
        if not throttle.allow_request(context["request"], context["view"]):
            error = exceptions.Throttled(throttle.wait())
    if isinstance(error, SocialPublishingBaseError):
        return _domain_response(error)
    if isinstance(error, exceptions.ValidationError):
        found = itertools.islice(_field_violations(error.detail), MAX_VIOLATIONS)
        return _validation_response(list(found))
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("database unavailable", exc_info=error)
        sentence = CODES["database_unavailable"].as_response
        body = {**_body("database_unavailable", sentence), "retry_after": RETRY_S}
        return Response(body, status=503, headers={"Retry-After": str(RETRY_S)})
    if isinstance(error, SuspiciousOperation):
        # Such as more parameters or fields of a form than Django reads.
        return Response(_body("invalid_request", CANNOT_READ), status=400)
    if isinstance(error, ObjectDoesNotExist):
        # Its user was erased, or another request deleted it, while this one worked on it.
        logger.warning("a row is gone", exc_info=error)
        return Response(_body("not_found", "It was deleted meanwhile."), status=404)
    response = rest_exception_handler(error, context)
    if response is None:
        # An unexpected error: the log has its traceback, the caller gets one sentence.
        logger.error("unhandled error", exc_info=error)
        return Response(_body("internal_error", CODES["internal_error"].as_response), status=500)
    code, detail = _framework_error(error, context["view"])
    response.data = _body(code, detail)
    if "Retry-After" in response.headers:
        response.data["retry_after"] = int(response.headers["Retry-After"])
    return response


def _domain_response(error: SocialPublishingBaseError) -> Response:
    code = error.code if error.code in CODES and CODES[error.code].status else "internal_error"
    status = CODES[code].status or 500
    if isinstance(error, MediaBusyError):
        body = _body(code, CODES[code].as_response)
        return Response(body, status=status, headers={"Retry-After": str(RETRY_S)})
    if status >= 500:
        # A platform that fails is no mistake of ours, whose traceback would help.
        is_ours = status != HTTPStatus.BAD_GATEWAY
        level = logging.ERROR if is_ours else logging.WARNING
        logger.log(level, "%s", error.code, exc_info=error if is_ours else None)
        return Response(_body(code, CODES[code].as_response), status=status)
    body = _body(error.code, str(error))
    if violations := error.violations_as_data():
        body["violations"] = violations
    if isinstance(error, RateLimitError) and error.until is not None:
        wait = error.until - dt.datetime.now(tz=dt.UTC)
        body["retry_after"] = max(1, math.ceil(wait.total_seconds()))
        return Response(body, status=status, headers={"Retry-After": str(body["retry_after"])})
    return Response(body, status=status)


def _validation_response(violations: list[dict[str, Any]]) -> Response:
    body = _body(
        "invalid_request",
        " ".join(f"{each['field']}: {each['message']}" for each in violations[:5]),
    )
    if any(each["code"] == "no_offset" for each in violations):
        body["code"] = "schedule_time_no_offset"
    body["violations"] = violations
    return Response(body, status=400)


def _field_violations(detail: Any, field: str = "") -> Iterator[dict[str, Any]]:
    """DRF's nested errors as a flat list, each with the path of its field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            part = "" if name == "non_field_errors" else str(name)
            yield from _field_violations(inner, ".".join(filter(None, [field, part])))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            is_nested = isinstance(inner, (dict, list))
            yield from _field_violations(inner, f"{field}[{number}]" if is_nested else field)
    else:
        code = getattr(detail, "code", "invalid")
        target = {"target": int(match[1])} if (match := TARGET.match(field)) else {}
        yield {"field": field or "body", "code": code, "message": str(detail), **target}


def _framework_error(error: Exception, view: APIView) -> tuple[str, str]:
    """The code and sentence of an error of Django or DRF."""
    if isinstance(error, (Http404, exceptions.NotFound)):
        return "not_found", f"There is nothing here. {SEE_DOCS}"
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(view.allowed_methods)
        return "method_not_allowed", f"This path supports {allowed}, and no other method."
    # Not one with a Content-Encoding, whose sentence is our own.
    if isinstance(error, exceptions.UnsupportedMediaType) and "in request" in str(error.detail):
        wanted = " or ".join(parser.media_type for parser in view.get_parsers())
        return "unsupported_media_type", f"Send the body with the header Content-Type: {wanted}."
    if isinstance(error, exceptions.NotAcceptable):
        return "not_acceptable", CODES["not_acceptable"].as_response
    if isinstance(error, PermissionDenied):
        return "permission_denied", CODES["permission_denied"].as_response
    if isinstance(error, exceptions.ParseError) and error.get_codes() == "parse_error":
        return "invalid_json", str(error.detail)
    if isinstance(error, exceptions.APIException):
        code = str(error.get_codes())
        return (code if code in CODES else "invalid_request"), str(error.detail)
    return "internal_error", CODES["internal_error"].as_response


def _request_id(request: Any) -> dict[str, str]:
    request_id = getattr(request, "request_id", "")
    return {"request_id": request_id} if request_id else {}


def _body(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "detail": detail[:1000]}


# --- Outside DRF ---------------------------------------------------------------------------------


def error_response(code: str, *, status: int, headers: dict[str, str]) -> JsonResponse:
    body = _body(code, CODES[code].as_response)
    return JsonResponse(body, status=status, headers=headers)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(("/api/", "/media/")):
        hint = f" {SEE_DOCS}" if request.path.startswith("/api/") else ""
        sentence = f"There is nothing at {shortened(request.path)}.{hint}"
        return JsonResponse(_body("not_found", sentence), status=404)
    return HttpResponseNotFound("There is nothing here.", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(_body("invalid_request", CANNOT_READ), status=400)


def server_error(request: HttpRequest) -> JsonResponse:
    body = _body("internal_error", CODES["internal_error"].as_response)
    return JsonResponse(body | _request_id(request), status=500)


class OptionalSlashMiddleware:
    """Makes every path of the API work with and without a trailing slash.

    Without a redirect, which would turn a POST into a GET.
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
