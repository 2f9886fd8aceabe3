"""TikTok's error responses, and the envelope that successful responses have too.

https://developers.tiktok.com/docs/en/tiktok-api-v2-error-handling
"""

import secrets
import time
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, json_response

BY_STATUS = {
    400: "invalid_params",
    401: "access_token_invalid",
    403: "scope_not_authorized",
    404: "invalid_params",
    429: "rate_limit_exceeded",
}


def envelope(data: dict[str, Any]) -> HttpResponse:
    return _wrapped(200, data, "ok", "")


def error(status: int, code: str, message: str) -> HttpResponse:
    return _wrapped(status, {}, code, message)


def _wrapped(status: int, data: dict[str, Any], code: str, message: str) -> HttpResponse:
    error = {"code": code, "message": message, "log_id": log_id()}
    return json_response({"data": data, "error": error}, status)


def log_id() -> str:
    return f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{secrets.token_hex(9).upper()}"


def invalid(message: str) -> EarlyResponse:
    return EarlyResponse(error(400, "invalid_params", message))


def refused(code: str, message: str, status: int = 403) -> EarlyResponse:
    return EarlyResponse(error(status, code, message))


def refusal(status: int) -> HttpResponse:
    code = BY_STATUS.get(status, "internal_error" if status >= 500 else "invalid_params")
    return error(status, code, "The request was refused.")


def rejection() -> HttpResponse:
    return error(403, "spam_risk", "The content was detected as a spam risk.")


def oauth_error(code: str, description: str, status: int = 400) -> HttpResponse:
    """Without the envelope, like every response of the token endpoint."""
    data = {"error": code, "error_description": description, "log_id": log_id()}
    return json_response(data, status)
