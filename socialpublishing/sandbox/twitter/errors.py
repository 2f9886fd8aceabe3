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


def not_authorized_to_list(user_id: str) -> dict[str, Any]:
    """The only entry of a response with the status 200 and without data or meta."""
    return {
        "value": user_id,
        "resource_id": user_id,
        "resource_type": "user",
        "parameter": "id",
        "section": "data",
        "title": "Authorization Error",
        "detail": f"Sorry, you are not authorized to see the user with id: [{user_id}].",
        "type": f"{PROBLEMS}not-authorized-for-resource",
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
    return problem(403, "The Tweet contains an invalid URL.")


def not_permitted() -> HttpResponse:
    """X names no reason, such as a text that is too long for the account."""
    return problem(403, "You are not permitted to perform this action.")


def blocked_by_edge() -> HttpResponse:
    """From a server in front of the API."""
    page = (
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
        "<body><h1>Sorry, you have been blocked</h1></body></html>"
    )
    return HttpResponse(page, status=403, content_type="text/html; charset=UTF-8")


def spend_cap_reached() -> HttpResponse:
    return problem(
        403,
        "Your enrolled account has reached its billing cycle spend cap.",
        title="SpendCapReached",
    )


def usage_capped() -> HttpResponse:
    """The headers of the rate limit show room all the same."""
    return problem(
        429,
        "Usage cap exceeded: Monthly product cap",
        kind="usage-capped",
        title="UsageCapExceeded",
        period="Monthly",
        scope="Product",
    )


def client_forbidden() -> HttpResponse:
    return problem(
        403,
        "When authenticating requests to the X API v2 endpoints, you must use keys and tokens from"
        " a developer App that is attached to a Project.",
        kind="client-forbidden",
        title="Client Forbidden",
        reason="client-not-enrolled",
        required_enrollment="Appropriate Level of API Access",
        registration_url="https://console.x.com",
    )
