"""Pinterest's error responses: `{code, message}`, at the token endpoint too.

By the OpenAPI description; codes and messages as seen in production, such as in
https://github.com/gitroomhq/postiz-app/issues/1084. S3, which accepts videos, returns XML.
"""

from collections.abc import Iterable

from django.http import HttpResponse
from django.utils.html import escape

from socialpublishing.sandbox.http import EarlyResponse, json_response

TRIAL = (
    "Apps with Trial access may not create Pins in production https://api.pinterest.com"
    " - use API Sandbox https://api-sandbox.pinterest.com instead."
)
NO_FETCH = "Sorry we could not fetch the image."
# https://github.com/gitroomhq/postiz-app/pull/1962
SPAM = "Sorry! You've hit a block (Pins) we have in place to combat spam. Please try again later!"
OWN_FAILURE = "Something went wrong on our end. Sorry about that."

# Status → code and message, where we know them; for others the code is the status.
BY_STATUS = {
    401: (2, "Authentication failed."),
    403: (29, "You are not permitted to access that resource."),
    429: (8, "You have exceeded your rate limit. Try again later."),
}


def error(status: int, code: int, message: str) -> HttpResponse:
    return json_response({"code": code, "message": message}, status)


def invalid(message: str) -> EarlyResponse:
    return EarlyResponse(error(400, 1, message))


def board_not_found() -> EarlyResponse:
    return EarlyResponse(error(404, 40, "Board not found."))


def not_found(what: str) -> EarlyResponse:
    return EarlyResponse(error(404, 404, f"{what} not found."))


def missing_scopes(scopes: Iterable[str]) -> HttpResponse:
    """Pinterest returns a 401, although a new token of the same grant does not help."""
    return error(
        401,
        3,
        "Your token does not have sufficient permissions for this operation."
        f" Missing: {list(scopes)}",
    )


def refusal(status: int) -> HttpResponse:
    code, message = BY_STATUS.get(status, (status, "Something went wrong with this request."))
    return error(status, code, message)


def rejection() -> HttpResponse:
    return error(400, 1, "Sorry! This site doesn't allow you to save Pins.")


def storage_error(status: int, code: str, message: str) -> HttpResponse:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return HttpResponse(body, status=status, content_type="application/xml")
