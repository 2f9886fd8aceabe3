"""X's error responses: problem JSON, and OAuth's own format at the token endpoint."""

from typing import Any

from django.http import HttpResponse

from socialpublishing.sandbox.http import json_response

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
PROBLEMS = "https://api.x.com/2/problems/"


def problem(status: int, detail: str, *, kind: str = "", **more: Any) -> HttpResponse:
    """`kind` is the last part of the problem's `type`; without it the type is about:blank."""
    body = {
        "title": TITLES.get(status, "Error"),
        "detail": detail,
        "type": f"{PROBLEMS}{kind}" if kind else "about:blank",
        "status": status,
        **more,
    }
    return json_response(body, status, "application/problem+json")


def invalid_request(message: str, parameters: dict[str, Any] | None = None) -> HttpResponse:
    return problem(
        400,
        "One or more parameters to your request was invalid.",
        kind="invalid-request",
        title="Invalid Request",
        errors=[
            {
                "message": message,
                "parameters": {name: [str(value)] for name, value in (parameters or {}).items()},
            }
        ],
    )


def invalid_query(name: str, value: str, rule: str) -> HttpResponse:
    return invalid_request(
        f"The `{name}` query parameter value [{value}] is not {rule}", {name: value}
    )


def not_found(parameter: str, value: str, resource: str = "tweet") -> dict[str, Any]:
    """An entry of `errors` in a response with the status 200."""
    return {
        "value": value,
        "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{PROBLEMS}resource-not-found",
    }


def not_authorized_for_field(post_id: str, field: str) -> dict[str, Any]:
    """An entry of `errors` in a response with the status 200."""
    return {
        "value": post_id,
        "resource_id": post_id,
        "resource_type": "tweet",
        "section": "data",
        "field": field,
        "parameter": field,
        "title": "Field Authorization Error",
        "detail": f"Sorry, you are not authorized to access '{field}' on the Tweet with id:"
        f" [{post_id}].",
        "type": f"{PROBLEMS}not-authorized-for-field",
    }


def token_error(
    description: str, *, error: str = "invalid_request", status: int = 400
) -> HttpResponse:
    return json_response({"error": error, "error_description": description}, status)


def refusal(status: int) -> HttpResponse:
    if status == 400:
        return invalid_request("The request cannot be understood.")
    if status == 402:
        # As seen in production: the id is too large for JavaScript, the body has no `status`.
        account_id = 2039912345678901234
        body = {
            "account_id": account_id,
            "title": "CreditsDepleted",
            "detail": f"Your enrolled account [{account_id}] does not have any credits"
            " to fulfill this request.",
            "type": f"{PROBLEMS}credits",
        }
        return json_response(body, status, "application/problem+json")
    return problem(status, TITLES.get(status, "Error"))


def rejection() -> HttpResponse:
    return problem(403, "You are not permitted to perform this action.")
