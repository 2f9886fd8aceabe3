"""Lists in pages, and their `since` and `until`.

https://developers.facebook.com/docs/graph-api/results
"""

import base64
import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.dateparse import parse_date, parse_datetime

from socialpublishing.sandbox.facebook.errors import graph_error, invalid
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest, json_response
from socialpublishing.sandbox.state import Account, Post

DEFAULT_LIMIT, MAX_LIMIT = 25, 100


def paged(
    request: SandboxRequest, items: Iterable[tuple[str, Any]], node: Callable[[Any], dict[str, Any]]
) -> HttpResponse:
    """One page of `items` (id, object), and the URL of the next page if there is one."""
    items = list(items)
    limit = str(request.params.get("limit", DEFAULT_LIMIT))
    if not limit.isdecimal() or int(limit) < 1:
        raise invalid("Param limit must be a positive number")
    size = min(int(limit), MAX_LIMIT)
    if size > request.state.setting("facebook_list_limit"):
        raise EarlyResponse(
            graph_error(
                1, "Please reduce the amount of data you're asking for, then retry your request"
            )
        )
    cursors = [_cursor(item_id) for item_id, _ in items]
    start = 0
    if after := request.params.get("after"):
        if after not in cursors:
            raise invalid("Invalid cursors values for the after cursor", subcode=None)
        start = cursors.index(after) + 1
    shown = items[start : start + size]
    response: dict[str, Any] = {"data": [node(item) for _, item in shown]}
    if shown:
        last = start + len(shown) - 1
        response["paging"] = {"cursors": {"before": cursors[start], "after": cursors[last]}}
        if last + 1 < len(items):
            query = {**request.params, "limit": size, "after": cursors[last]}
            response["paging"]["next"] = f"{request.base_url}{request.path_info}?{urlencode(query)}"
    return json_response(response)


def _cursor(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode().rstrip("=")


def listed_posts(request: SandboxRequest, account: Account) -> list[Post]:
    """The account's posts within the request's `since` and `until`, newest first."""
    since, until = time_of(request, "since"), time_of(request, "until")
    return [
        post
        for post in request.state.posts_of(account)
        if request.state.is_listed(post)
        and (since is None or post.created_at >= since)
        and (until is None or post.created_at <= until)
    ]


def time_of(request: SandboxRequest, name: str) -> float | None:
    """The parameter `name` in epoch seconds: given as such, or as an ISO date or time."""
    value = str(request.params.get(name, ""))
    if not value:
        return None
    if value.isascii() and value.isdecimal() and len(value) < 12:
        return float(value)
    try:
        moment = parse_datetime(value)
        if moment is None and (day := parse_date(value)):
            moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    except ValueError:
        moment = None
    if moment is None:
        raise invalid(f"Param {name} is no time")
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp()
