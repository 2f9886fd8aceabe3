"""LinkedIn's error responses.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling, and bodies as
seen in production: https://github.com/linkedin-developers/linkedin-api-python-client/issues/47
"""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, json_response

THROTTLED = "Resource level throttle limit for calls to this resource is reached."
# Status → code, sub-code and message, where we know them.
BY_STATUS: dict[int, tuple[str, int | None, str]] = {
    400: ("ILLEGAL_ARGUMENT", None, "The request is not valid."),
    401: ("EXPIRED_ACCESS_TOKEN", 65602, "The token used in the request has expired"),
    403: ("ACCESS_DENIED", 100, "Not enough permissions to access this resource"),
    404: ("NOT_FOUND", None, "Could not find entity"),
    405: ("METHOD_NOT_ALLOWED", None, "The method is not allowed for this resource"),
    429: ("TOO_MANY_REQUESTS", 101, THROTTLED),
    500: ("INTERNAL_SERVER_ERROR", None, "Internal Server Error"),
}


def error(status: int, code: str, message: str, sub_code: int | None = None) -> HttpResponse:
    body: dict[str, Any] = {"status": status, "code": code, "message": message}
    if sub_code is not None:
        body["serviceErrorCode"] = sub_code
    return json_response(body, status)


def invalid(code: str, message: str) -> EarlyResponse:
    return EarlyResponse(error(400, code, message))


def denied(message: str) -> EarlyResponse:
    return EarlyResponse(error(403, "ACCESS_DENIED", message, 100))


def refusal(status: int) -> HttpResponse:
    code, sub_code, message = BY_STATUS.get(status, BY_STATUS[500 if status >= 500 else 400])
    return error(status, code, message, sub_code)


def input_error(code: str, description: str) -> HttpResponse:
    """The other error format: the code is inside `errorDetails`."""
    return json_response(
        {
            "errorDetailType": "com.linkedin.common.error.BadRequest",
            "message": description,
            "errorDetails": {"inputErrors": [{"description": description, "code": code}]},
            "status": 422,
        },
        422,
    )


def rejection() -> HttpResponse:
    # A guess: LinkedIn does not document this response.
    return input_error("CONTENT_NOT_ALLOWED", "The content does not meet our policies.")


def oauth_error(status: int, code: str, description: str) -> HttpResponse:
    return json_response({"error": code, "error_description": description}, status)
