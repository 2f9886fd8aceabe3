"""Reading request bodies and query parameters; pages of lists; times."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.pinterest.errors import invalid
from socialpublishing.sandbox.schema import first_error
from socialpublishing.sandbox.state import as_time

Item = TypeVar("Item")


def format_time(epoch_seconds: float) -> str:
    """In UTC, without a time zone, as Pinterest writes it."""
    return f"{as_time(epoch_seconds):%Y-%m-%dT%H:%M:%S}"


def page(request: SandboxRequest, items: Sequence[Item]) -> tuple[Sequence[Item], str | None]:
    """The requested page of `items`, and the bookmark of the next page; None after the last."""
    value = request.GET.get("page_size", "25")
    if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= 250):
        raise invalid(f"page_size: '{value}' is not between 1 and 250")
    size, start = int(value), 0
    if bookmark := request.GET.get("bookmark"):
        try:
            start = int(base64.urlsafe_b64decode(bookmark))
        except (ValueError, binascii.Error) as error:
            raise invalid("bookmark: is not one of ours") from error
    end = start + size
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following


def boolean_parameter(request: SandboxRequest, name: str) -> bool:
    # Pinterest's own SDK for Python writes True.
    value = request.GET.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name}: '{value}' is not of type 'boolean'")
    return value == "true"


def without_nulls(body: Any) -> dict[str, Any]:
    """The fields of `body` that are not null: Pinterest ignores null in every optional field."""
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return {name: value for name, value in body.items() if value is not None}


def validate(schema: dict[str, Any], value: Any, at: str = "$") -> None:
    if error := first_error(schema, value, at):
        raise invalid(error)
