"""Reads how a web page describes itself: title, description and picture (Open Graph).

https://ogp.me, checked 2026-11-27. The page passes the address gate of files. Its beginning is
searched with bounded patterns, because it may be hostile.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from socialpublishing.media import fetch
from socialpublishing.media.network import INTERNET, Network
from socialpublishing.media.stream import ByteRange

PAGE_S = 8
# Of the page, so much is read; a page may be larger.
HEAD_BYTES = 256 * 1024
MAX_PAGE_BYTES = 32 * 1024 * 1024
MAX_FACT_LENGTH = 1000

CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?([\w-]{1,40})", re.IGNORECASE)
TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,1000})", re.IGNORECASE)
META = re.compile(
    r"""<meta\s ( (?: [^>"']{1,300} | "[^"]{0,2500}" | '[^']{0,2500}' ){1,40} )""",
    re.IGNORECASE | re.VERBOSE,
)
ATTRIBUTE = re.compile(
    r"""([\w:-]{1,30})\s{0,9}=\s{0,9}(?:"([^"]{0,2500})"|'([^']{0,2500})'|([^\s"'>]{1,1000}))"""
)


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """Each is empty if the page has none. `image` is an absolute address, not checked."""

    title: str = ""
    description: str = ""
    image: str = ""


def read_page(url: str, *, network: Network = INTERNET) -> PageFacts:
    """How the page at `url` describes itself. Raises MediaError if it cannot be read."""
    address = _plain_address(url)
    with fetch.opened(
        address,
        max_bytes=MAX_PAGE_BYTES,
        seconds=PAGE_S,
        network=network,
        byte_range=ByteRange(length=HEAD_BYTES),
    ) as stream:
        data = b"".join(stream.chunks())
    return parse_page(_decoded(data), address)


def parse_page(page: str, address: str) -> PageFacts:
    """The facts in the HTML of the page at `address`."""
    metas = _metas(page)
    title = TITLE.search(page)
    image = metas.get("og:image:secure_url") or metas.get("og:image") or ""
    return PageFacts(
        title=metas.get("og:title") or _clean(title[1] if title else ""),
        description=metas.get("og:description") or metas.get("description", ""),
        image=_joined(address, image) if image else "",
    )


def _plain_address(url: str) -> str:
    """`url` with a path and without its fragment, which is not sent."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # the address gate refuses it
    return parts._replace(path=parts.path or "/", fragment="").geturl()


def _metas(page: str) -> dict[str, str]:
    """The `content` of each meta element by its name; of several, the first that is not empty."""
    found: dict[str, str] = {}
    for meta in META.finditer(page):
        attributes = {
            name.lower(): double or single or bare
            for name, double, single, bare in ATTRIBUTE.findall(meta[1])
        }
        name = (attributes.get("property") or attributes.get("name") or "").lower()
        if name and not found.get(name):
            found[name] = _clean(attributes.get("content", ""))
    return found


def _clean(text: str) -> str:
    return " ".join(html.unescape(text).split())[:MAX_FACT_LENGTH]


def _joined(address: str, image: str) -> str:
    try:
        return urljoin(address, image)
    except ValueError:
        return ""


def _decoded(data: bytes) -> str:
    declared = CHARSET.search(data[:4096])
    try:
        return data.decode(declared[1].decode() if declared else "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
