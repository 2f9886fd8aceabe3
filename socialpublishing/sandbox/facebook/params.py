"""The parameters of a write, checked.

https://developers.facebook.com/docs/graph-api/reference/page/feed
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from socialpublishing.sandbox.facebook.errors import graph_error, invalid
from socialpublishing.sandbox.facebook.paging import time_of
from socialpublishing.sandbox.http import EarlyResponse, SandboxRequest

MAX_TEXT = 63_206


MAX_CARDS = 5


AS_JSON: dict[str, type] = {
    "targeting": dict,
    "feed_targeting": dict,
    "call_to_action": dict,
    "child_attachments": list,
}


def text_param(request: SandboxRequest, name: str) -> str:
    value = request.params.get(name) or ""
    if not isinstance(value, str):
        raise invalid(f"Param {name} must be a string")
    if len(value) > MAX_TEXT:
        raise invalid(f"Param {name} is longer than {MAX_TEXT} characters")
    return value


def sent_details(request: SandboxRequest, *names: str) -> dict[str, Any]:
    """The parameters `names` that were sent. Objects and arrays are parsed from JSON."""
    data = {}
    for name in names:
        value = request.params.get(name)
        if value is None:
            continue
        if kind := AS_JSON.get(name):
            value = _loads(value, name)
            if not isinstance(value, kind):
                raise invalid(f"Param {name} must be an {'object' if kind is dict else 'array'}")
        elif not isinstance(value, str):
            raise invalid(f"Param {name} must be a string")
        data[name] = value
    return data


def scheduled_time(request: SandboxRequest, days_ahead: int) -> float:
    """`scheduled_publish_time`, which must be ten minutes to `days_ahead` days ahead."""
    at = time_of(request, "scheduled_publish_time")
    now = request.state.now()
    if at is None or not now + 600 <= at <= now + days_ahead * 86400:
        raise invalid("The specified scheduled publish time is invalid.")
    return at


def check_cards(cards: Any) -> None:
    """Check `child_attachments`."""
    if cards is None:
        return
    if not isinstance(cards, list) or not 2 <= len(cards) <= MAX_CARDS:
        raise invalid(f"Param child_attachments must have 2 to {MAX_CARDS} elements")
    for card in cards:
        if not isinstance(card, dict) or not isinstance(card.get("link"), str):
            raise invalid("Param child_attachments needs a link in each element")
        check_link(card["link"])


def bool_param(request: SandboxRequest, name: str) -> bool:
    """True by default."""
    value = str(request.params.get(name, "true")).lower()
    if value not in ("true", "1", "false", "0"):
        raise invalid(f"Param {name} must be a boolean")
    return value in ("true", "1")


_INDEXED = re.compile(r"attached_media\[(?P<index>\d{1,3})\](?P<is_bare>\[media_fbid\])?")


def attached_media(params: dict[str, Any]) -> list[str]:
    """Photo ids from a JSON list, or from fields such as `attached_media[0]`."""
    items = _loads(params.get("attached_media", []))
    if not isinstance(items, list):
        raise invalid("Param attached_media must be an array")
    indexed = []
    for name, value in params.items():
        if match := _INDEXED.fullmatch(name):
            item = {"media_fbid": value} if match["is_bare"] else _loads(value)
            indexed.append((int(match["index"]), item))
    items = [*items, *(item for _, item in sorted(indexed, key=lambda pair: pair[0]))]
    ids = []
    for item in map(_loads, items):
        media_fbid = item.get("media_fbid") if isinstance(item, dict) else None
        if not isinstance(media_fbid, str | int):
            raise invalid("Param attached_media needs a media_fbid in each item")
        ids.append(str(media_fbid))
    return ids


def _loads(value: Any, name: str = "attached_media") -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise invalid(f"Param {name} is not valid JSON") from error


def check_link(link: str) -> None:
    if not link:
        return
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise EarlyResponse(graph_error(1500, "The url you supplied is invalid"))
    if re.search(r"(^|\.)(facebook\.com|fb\.com|fb\.me)$", host):
        raise EarlyResponse(
            graph_error(200, "(#200) Links to Facebook cannot be shared.", subcode=1609008)
        )
