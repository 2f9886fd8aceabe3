"""Completes the OpenAPI document: what operations share is described once, under components.

It runs after drf-spectacular has written the document (POSTPROCESSING_HOOKS). Whoever adds an
operation describes it in its view (`extend_schema`); errors, headers and examples follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.client import responses as reasons
from pathlib import Path
from typing import Any

from config.schema_descriptions import description_of
from config.schema_examples import Examples
from socialpublishing.codes import CODES

INTRODUCTION = Path(__file__).with_name("schema_introduction.md")
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
ERROR_TITLES = {
    400: "The request is not valid, or the platform would refuse the post.",
    401: "There is no bearer token, or it is not valid.",
    403: "The caller or the account may not do this.",
    404: "There is no such thing, or it is another user's.",
    405: "The path does not support this method.",
    406: "The response would have another format than the caller accepts.",
    408: "The request did not arrive in time.",
    409: "The state of the object does not allow this.",
    410: "What is asked for is no longer kept.",
    413: "The body is too large.",
    415: "The body has another format than JSON.",
    422: "The Idempotency-Key was used for another request.",
    429: "There are too many requests.",
    500: "Something went wrong on our side.",
    502: "The platform gave no usable response.",
    503: "Something is not available right now; try again.",
}


def _header(kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind, **more}}


HEADERS: Mapping[str, Any] = {
    "X-Request-ID": _header(
        "string",
        "The id of the request in our logs: the request's own `X-Request-ID` if it had a valid "
        "one, else a new one.",
    ),
    "RateLimit-Limit": _header(
        "integer", "The requests that the caller's limit allows in its window.", minimum=0
    ),
    "RateLimit-Remaining": _header("integer", "How many of them are left.", minimum=0),
    "RateLimit-Reset": _header("integer", "Seconds until the window ends.", minimum=0),
    "Retry-After": _header("integer", "Seconds until the request may be sent again.", minimum=0),
    "Idempotency-Replayed": _header(
        "string",
        "`true`: the Idempotency-Key was used before, and this is the first response again.",
    ),
    "Link": _header(
        "string",
        'The next and the previous page (RFC 8288), such as `<https://…>; rel="next"`. Without '
        "it this page is the only one.",
    ),
}
LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The hook: `result` with shared components and examples."""
    result["info"]["description"] = INTRODUCTION.read_text("utf-8")
    # Every path is routed with and without a slash at its end.
    # The methods of a path come in another order in each process.
    paths = result["paths"].items()
    result["paths"] = {path.rstrip("/"): dict(sorted(each.items())) for path, each in paths}
    components = result["components"]
    components["headers"] = {}
    components["parameters"] = {}
    examples = Examples(components)
    for _path, _method, operation in operations(result):
        if described := description_of(operation["operationId"]):
            operation["description"] = described
        _share_header_parameters(operation, components["parameters"])
        for status, response in operation["responses"].items():
            if "$ref" not in response:
                response["description"] = response["description"] or reasons[int(status)]
                _add_headers(response, _headers_of(operation, status), components["headers"])
        examples.add_to(operation)
    components["responses"] = {
        f"Error{status}": _error_response(status, components["headers"])
        for status in _error_statuses(result)
    }
    components["examples"] = examples.shared
    result["components"] = {name: components[name] for name in sorted(components)}
    return result


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The path, the method and the description of each operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _share_header_parameters(operation: dict[str, Any], shared: dict[str, Any]) -> None:
    """Replace each parameter that is a request header by a reference."""
    for index, parameter in enumerate(operation.get("parameters", ())):
        if parameter["in"] == "header":
            name = parameter["name"]
            shared[name] = parameter
            operation["parameters"][index] = {"$ref": f"#/components/parameters/{name}"}


def _headers_of(operation: Mapping[str, Any], status: str) -> tuple[str, ...]:
    """The names of the headers that a good response may have."""
    names = {each.get("name") or each["$ref"].rpartition("/")[2] for each in _parameters(operation)}
    more = []
    if "Idempotency-Key" in names and status >= "200":
        more.append("Idempotency-Replayed")
    if "cursor" in names:
        more.append("Link")
    return ("X-Request-ID", *LIMITS, *more)


def _parameters(operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = operation.get("parameters", [])
    return parameters


def _add_headers(response: dict[str, Any], names: tuple[str, ...], shared: dict[str, Any]) -> None:
    headers = response.setdefault("headers", {})
    for name in names:
        shared[name] = HEADERS[name]
        headers[name] = {"$ref": f"#/components/headers/{name}"}


def _error_statuses(document: Mapping[str, Any]) -> list[int]:
    names = {
        response["$ref"].rpartition("/Error")[2]
        for _path, _method, operation in operations(document)
        for response in operation["responses"].values()
        if "$ref" in response
    }
    return sorted(map(int, names))


def _error_response(status: int, shared: dict[str, Any]) -> dict[str, Any]:
    """The one description of all responses of this status, with their codes."""
    codes = {code: public for code, public in CODES.items() if public.status == status}
    response: dict[str, Any] = {
        "description": f"{ERROR_TITLES[status]} Codes: {', '.join(f'`{code}`' for code in codes)}",
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/ErrorDetail"},
                "examples": {
                    code: {
                        "summary": code,
                        "value": {"code": code, "detail": public.as_response},
                    }
                    for code, public in codes.items()
                },
            }
        },
    }
    retry = ("Retry-After",) if status in {429, 503} else ()
    limits = LIMITS if status == 429 else ()
    _add_headers(response, ("X-Request-ID", *limits, *retry), shared)
    return response
