"""Lists of the Graph API: https://developers.facebook.com/docs/graph-api/results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from socialpublishing.errors import MalformedResponseError, NoResponseError

# The sizes of a page. A list that is too large for Meta gets code 1 and these words.
LIMITS = (100, 50, 25, 10)
TOO_MUCH = "reduce the amount of data"
# Parameters of a link to the next page that say where it starts.
POSITIONS = ("after", "until", "offset", "__paging_token", "pagination_token")


def read_list(
    params: dict[str, str],
    *,
    read: Callable[[dict[str, str]], Any],
    max_items: int,
    must_end: bool = True,
) -> Iterator[list[dict[str, Any]]]:
    """The items of a list, page by page. `read` sends the request for a page.

    If the list goes on after `max_items`, this raises NoResponseError: what is sought may be on a
    page that was not read. Without `must_end` it stops there.
    """
    request: dict[str, str] | None = {**params, "limit": str(LIMITS[0])}
    count = 0
    while request is not None:
        if count >= max_items:
            if must_end:
                raise NoResponseError("The platform's list is longer than we read.")
            return
        request, response = _read_less(read, request)
        items = items_of(response)
        yield items
        # An empty page counts too: the list must end some time.
        count += len(items) or LIMITS[-1]
        request = following_params(request, response)


def _read_less(
    read: Callable[[dict[str, str]], Any], request: dict[str, str]
) -> tuple[dict[str, str], Any]:
    """The response, and the request that got it: with smaller pages, if Meta asks for that."""
    for limit in LIMITS:
        if limit > int(request["limit"]):
            continue
        request = {**request, "limit": str(limit)}
        try:
            return request, read(request)
        except NoResponseError as error:
            if TOO_MUCH not in str(error) or limit == LIMITS[-1]:
                raise
    raise AssertionError("the smallest limit returns or raises")


def items_of(response: Any) -> list[dict[str, Any]]:
    """The items of a page. A list is empty only if the response has an empty one."""
    items = response.get("data") if isinstance(response, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise MalformedResponseError("The platform returned something else than a list.")
    if "error" in response:
        raise MalformedResponseError("The platform returned a list and an error.")
    return items


def following_params(params: dict[str, str], response: Any) -> dict[str, str] | None:
    """The parameters of the request for the next page; None after the last one."""
    paging = response.get("paging") or {}
    link = paging.get("next")
    if not link:
        return None
    if after := (paging.get("cursors") or {}).get("after"):
        return {**params, "after": after}
    query = dict(parse_qsl(urlsplit(link).query))
    return {**params, **{name: query[name] for name in POSITIONS if name in query}}
