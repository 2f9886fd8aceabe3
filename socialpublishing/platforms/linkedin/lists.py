"""Lists in LinkedIn's responses."""

from __future__ import annotations

from typing import Any

from socialpublishing.errors import MalformedResponseError


def elements_of(response: Any) -> list[dict[str, Any]]:
    """The elements of a list. Raises MalformedResponseError: only a list can be empty."""
    elements = response.get("elements") if isinstance(response, dict) else None
    if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
        raise MalformedResponseError(platform="linkedin")
    return elements
