"""Lists that a platform returns page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from socialpublishing.errors import NoResponseError

RequestT = TypeVar("RequestT")


def read_pages(
    first: RequestT,
    *,
    read: Callable[[RequestT], Any],
    following: Callable[[RequestT, Any], RequestT | None],
    max_pages: int,
    must_end: bool = True,
) -> Iterator[Any]:
    """The responses of a list, page by page.

    `read` sends the request for a page. `following(request, response)` returns the request for the
    next page, None after the last one.

    If the list goes on after `max_pages`, this raises NoResponseError: what is sought may be on a
    page that was not read. Without `must_end` it stops there.
    """
    request: RequestT | None = first
    for _ in range(max_pages):
        assert request is not None
        response = read(request)
        yield response
        request = following(request, response)
        if request is None:
            return
    if must_end:
        raise NoResponseError("The platform's list is longer than we read.")
