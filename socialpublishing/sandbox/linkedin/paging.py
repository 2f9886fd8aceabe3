"""Lists in pages, with a link to the next page."""

from typing import Any
from urllib.parse import urlencode

from socialpublishing.sandbox.http import SandboxRequest
from socialpublishing.sandbox.linkedin.errors import invalid
from socialpublishing.sandbox.linkedin.login import NAME

MAX_PAGE = 100


def page(request: SandboxRequest, elements: list[Any]) -> dict[str, Any]:
    start, count = _number(request, "start", 0), min(_number(request, "count", 10), MAX_PAGE)
    links = []
    if start + count < len(elements):
        query = urlencode({**request.GET.dict(), "start": start + count, "count": count})
        href = f"{request.path_info.removeprefix(f'/{NAME}')}?{query}"
        links.append({"type": "application/json", "rel": "next", "href": href})
    return {
        "paging": {"start": start, "count": count, "links": links, "total": len(elements)},
        "elements": elements[start : start + count],
    }


def _number(request: SandboxRequest, name: str, default: int) -> int:
    value = request.GET.get(name, str(default))
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise invalid("ILLEGAL_ARGUMENT", f"{name} is not a number.")
    return int(value)
