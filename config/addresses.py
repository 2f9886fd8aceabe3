"""Whether a setting is the address of a service that may be used."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def problem_of(url: str, *, may_be_plain: bool = False) -> str:
    """Why `url` cannot be used as an address; empty if it can. The text does not quote it.

    Plain http is allowed on the loopback, and elsewhere only with `may_be_plain`.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises ValueError if it is no port
    except ValueError:
        return "is not a valid URL"
    has_space = any(character.isspace() for character in url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or has_space:
        return "must be a full URL with https and a host name"
    if "@" in parts.netloc:
        return "must not have a user name or password in it"
    if parts.fragment:
        return "must not have a fragment (#…)"
    if parts.scheme == "http" and not may_be_plain and parts.hostname not in LOOPBACK:
        return "is plain http, which is allowed for loopback addresses only: others could change it"
    return ""


def is_origin(url: str) -> bool:
    """Is it exactly scheme://host or scheme://host:port?"""
    return not problem_of(url, may_be_plain=True) and url.count("/") == 2 and "?" not in url
