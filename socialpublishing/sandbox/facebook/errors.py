"""Errors of the Graph API: one format, with code and subcode.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import secrets
from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import EarlyResponse, json_response

DOCS = "https://developers.facebook.com/docs/graph-api"


def graph_error(
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    status: int | None = None,
    kind: str = "OAuthException",
    user_title: str = "",
    user_message: str = "",
    **more: Any,
) -> HttpResponse:
    """The default status is 403 for permissions, 500 for Facebook's own failures, else 400."""
    error: dict[str, Any] = {"message": message, "type": kind, "code": code, **more}
    if subcode is not None:
        error["error_subcode"] = subcode
    if user_title:
        error |= {"error_user_title": user_title, "error_user_msg": user_message}
    error["fbtrace_id"] = secrets.token_urlsafe(17)
    if status is None:
        status = 500 if code in (1, 2) else 403 if code == 10 or 200 <= code < 300 else 400
    return json_response({"error": error}, status)


def invalid(message: str, **more: Any) -> EarlyResponse:
    return EarlyResponse(graph_error(100, f"(#100) {message}", **more))


def missing_object(method: str, object_id: str) -> HttpResponse:
    return graph_error(
        100,
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot"
        " be loaded due to missing permissions, or does not support this operation. Please read"
        f" the Graph API documentation at {DOCS}",
        subcode=33,
        kind="GraphMethodException",
    )


def upload_error(kind: str, message: str, *, is_retriable: bool = False) -> HttpResponse:
    """An error of the upload host, rupload.facebook.com."""
    info = {"retriable": is_retriable, "type": kind, "message": message}
    return json_response({"debug_info": info}, 400)


def refusal(status: int) -> HttpResponse:
    match status:
        case 401:
            return graph_error(
                190,
                "Error validating access token: Session has expired.",
                subcode=463,
                status=status,
            )
        case 403:
            return graph_error(200, "(#200) Permissions error", status=status)
        case 404:
            return graph_error(2500, "Unknown path components", status=status)
        case 429:
            return graph_error(
                80001,
                "(#80001) There have been too many calls to this Page account. Wait a bit and try"
                " again.",
                status=status,
            )
        case _ if status >= 500:
            return graph_error(
                2,
                "Service temporarily unavailable",
                status=status,
                is_transient=True,
            )
    return graph_error(100, "(#100) Invalid parameter", status=status)


def rejection() -> HttpResponse:
    return graph_error(
        368,
        "The action attempted has been deemed abusive or is otherwise disallowed",
        subcode=1346003,
        user_title="Your content couldn't be shared",
        user_message="This goes against our Community Standards.",
    )
