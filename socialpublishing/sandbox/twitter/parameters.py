"""Query parameters: fields, ids, times and pages of lists."""

import base64
import binascii
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.utils.dateparse import parse_datetime

from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest
from socialpublishing.sandbox.state import Post
from socialpublishing.sandbox.twitter.errors import invalid_query
from socialpublishing.sandbox.twitter.names import OLD_NAMES

EARLIEST = dt.datetime(2010, 11, 6, tzinfo=dt.UTC)


def requested_values(
    request: SandboxRequest, parameters: Iterable[str], known: frozenset[str]
) -> set[str]:
    """The values of comma-separated parameters, in old names.

    Raises EarlyResponse for a value that is not `known`.
    """
    values = set()
    for name in parameters:
        for value in filter(None, request.GET.get(name, "").split(",")):
            old = value if value in known else OLD_NAMES.get(value, value)
            if old not in known:
                raise EarlyResponse(
                    invalid_query(name, value, f"one of [{','.join(sorted(known))}]")
                )
            values.add(old)
    return values


def id_and_time_filter(
    request: SandboxRequest, earliest: dt.datetime = EARLIEST
) -> Callable[[Post], bool]:
    """Whether a post is within the ids and times of the request. Raises EarlyResponse."""
    start, end = _time(request, "start_time", earliest), _time(request, "end_time", earliest)
    since_id, until_id = _id(request, "since_id"), _id(request, "until_id")

    def is_within(post: Post) -> bool:
        return (
            (start is None or post.created_at >= start)
            and (end is None or post.created_at < end)
            and (since_id is None or int(post.id) > since_id)
            and (until_id is None or int(post.id) < until_id)
        )

    return is_within


def is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 19


def _id(request: SandboxRequest, name: str) -> int | None:
    value = request.GET.get(name)
    if value is None:
        return None
    if not is_id(value):
        raise EarlyResponse(invalid_query(name, value, "an id"))
    return int(value)


def _time(request: SandboxRequest, name: str, earliest: dt.datetime) -> float | None:
    value = request.GET.get(name)
    if value is None:
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment < earliest:
        rule = f"a valid RFC 3339 date-time after {earliest:%Y-%m-%dT%H:%MZ}"
        raise EarlyResponse(invalid_query(name, value, rule))
    return moment.timestamp()


# --- Pages ---------------------------------------------------------------------------------------


def page_size(request: SandboxRequest, least: int, default: int, most: int) -> int:
    size = request.GET.get("max_results", str(default))
    if not (size.isascii() and size.isdecimal() and least <= int(size) <= most):
        raise EarlyResponse(invalid_query("max_results", size, f"between {least} and {most}"))
    return int(size)


def page_meta(posts: Sequence[Post], next_token: str | None) -> dict[str, Any]:
    meta: dict[str, Any] = {"result_count": len(posts)}
    if posts:
        ids = sorted((post.id for post in posts), key=int)
        meta |= {"newest_id": ids[-1], "oldest_id": ids[0]}
    return {**meta, "next_token": next_token} if next_token else meta


def page_token(position: str) -> str:
    return base64.b32hexencode(position.encode()).decode().rstrip("=").lower()


def position_of(token: str, parameter: str) -> int:
    """The position that `page_token` encoded. Raises EarlyResponse."""
    try:
        return int(base64.b32hexdecode(token.upper() + "=" * (-len(token) % 8)))
    except (ValueError, binascii.Error) as error:
        raise EarlyResponse(invalid_query(parameter, token, "a valid token")) from error
