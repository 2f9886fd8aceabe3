"""Where a browser may be sent after connecting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

MAX_LENGTH = 2048
# Escapes that can turn a path into another one: . / \ % and control characters.
TRICKS = re.compile(r"%(2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)


def allowed_return_to(target: str, prefixes: Sequence[str]) -> str:
    """`target` as an absolute address if it starts with one of `prefixes`, else an empty string.

    A prefix is an origin and the start of a path, such as `https://app.example/settings/`. A target
    that is only a path gets the origin of the first prefix.
    """
    if not target.isascii() or not target.isprintable() or " " in target or "\\" in target:
        return ""
    if target.startswith("/") and not target.startswith("//") and prefixes:
        first = urlsplit(prefixes[0])
        target = f"{first.scheme}://{first.netloc}{target}"
    if len(target) > MAX_LENGTH or not re.match(r"https?://[^/]", target, re.IGNORECASE):
        return ""
    return target if any(_starts_with(target, prefix) for prefix in prefixes) else ""


def _starts_with(target: str, prefix: str) -> bool:
    try:
        wanted, allowed = urlsplit(target), urlsplit(prefix)
        same_port = (wanted.port or _port(wanted.scheme)) == (allowed.port or _port(allowed.scheme))
    except ValueError:
        return False
    same_origin = wanted.scheme == allowed.scheme and wanted.hostname == allowed.hostname
    # A port has one spelling: others (":", ":0443") are read differently by other parsers.
    is_plain = "@" not in wanted.netloc and not re.search(r":(0|\Z)", wanted.netloc)
    if not same_origin or not same_port or not is_plain:
        return False
    segments = wanted.path.split("/")[1:]
    has_tricks = (
        bool(TRICKS.search(wanted.path)) or {".", ".."} & set(segments) or "" in segments[:-1]
    )
    return not has_tricks and wanted.path.startswith(allowed.path or "/")


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
