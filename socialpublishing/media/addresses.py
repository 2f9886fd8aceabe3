"""Which URLs we fetch from. Protects our network against URLs that others write (SSRF).

`as_ascii` encodes a URL as people write it, `parse_address` checks the text of the result,
`check_ip_addresses` what its host resolves to.

The lists are our own, because the standard library's `is_global` and `is_private` differ between
Python versions and accept several of these addresses. Sources: IANA's special-purpose address
registries, https://www.iana.org/assignments/iana-ipv4-special-registry and
…/iana-ipv6-special-registry, read 2026-11-24, and the addresses of clouds' internal services.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import idna
import regex  # type: ignore[import-untyped]
from django.conf import settings

from socialpublishing.errors import AssetAddressRefusedError

MAX_URL_LENGTH = 2048
MAX_IP_ADDRESSES = 16

# Printable ASCII only; no userinfo, no fragment, no backslash; a path is required. Other spellings
# are valid too, but parsers disagree about them, and attacks use that.
URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[!-~]*)",
    re.ASCII | re.IGNORECASE,
)
# A port that parsers read differently: none after the colon, leading zeros, other characters.
ODD_PORT = re.compile(r"https?://[a-z0-9._-]+:(?![1-9][0-9]{0,4}(/|\Z))", re.ASCII | re.IGNORECASE)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Names of object stores contain the names of their buckets, which may have underscores.
SUBDOMAIN_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# What `as_ascii` splits a URL into. The host ends where every parser agrees that it does.
WRITTEN_URL = re.compile(r"(?P<start>https?://)(?P<host>[^/?#@\\:\[\]%]+)(?P<rest>.*)", re.I | re.S)
# Scripts with letters that look alike. A name that mixes them shows a host that it is not.
LOOKALIKE_SCRIPTS = ("Latin", "Greek", "Cyrillic")
ASCII_WITHOUT_SPACE = "".join(map(chr, range(0x21, 0x7F)))
NOT_PLAIN = "The address of the file is not a plain https:// address."

# Top-level names that only a resolver inside a company, a cluster or a cloud knows.
# fmt: off
INTERNAL_NAMES = frozenset({
    "alt", "arpa", "cluster", "consul", "corp", "docker", "domain", "home", "internal", "intranet",
    "invalid", "kube", "lan", "local", "localdomain", "localhost", "mail", "onion", "private",
    "svc", "test", "workgroup",
})
# fmt: on

REFUSED_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared address space; a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's platform address, globally routable by the registries
        "169.254.0.0/16",  # link-local; clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relay
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
REFUSED_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: contains an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
# ISATAP contains an IPv4 address too. The third 32 bits of the address identify it.
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class FileAddress:
    """A URL that passed the check of its text, in its parts."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, unchanged
    is_trusted: bool  # the operator trusts the origin, whatever it resolves to

    @property
    def authority(self) -> str:
        is_default = self.port == DEFAULT_PORTS[self.scheme]
        return self.host if is_default else f"{self.host}:{self.port}"


def as_ascii(url: str) -> str:
    """`url` with its host in punycode, and spaces and other characters percent-encoded in UTF-8.

    Only what has one meaning is encoded. Anything else stays as it is and `parse_address` refuses
    it: control characters, backslashes, spaces around the URL. Raises AssetAddressRefusedError for
    a name that IDNA would have to change first, such as digits of another script, and for one that
    mixes scripts.
    """
    match = WRITTEN_URL.fullmatch(url)
    is_clear = url.isprintable() and url == url.strip() and "\\" not in url
    if match is None or len(url) > MAX_URL_LENGTH or not is_clear:
        return url
    rest = quote(match["rest"], safe=ASCII_WITHOUT_SPACE)
    return match["start"] + _ascii_host(match["host"]) + rest


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    labels = unicodedata.normalize("NFC", host.lower()).split(".")
    try:
        return ".".join(map(_ascii_label, labels))
    except idna.IDNAError as error:
        raise AssetAddressRefusedError(NOT_PLAIN) from error


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    scripts = [s for s in LOOKALIKE_SCRIPTS if regex.search(rf"\p{{Script={s}}}", label)]
    if len(scripts) > 1:
        raise AssetAddressRefusedError(
            f"The name of the file's server mixes {' and '.join(scripts)} letters."
        )
    return str(idna.alabel(label).decode())


def parse_address(url: str, *, trusted: Collection[str] | None = None) -> FileAddress:
    """Check the text of `url`. Raises AssetAddressRefusedError. Resolves nothing.

    `trusted` are the origins that may be any; without it, those of files.
    """
    url = as_ascii(url)
    match = URL.fullmatch(url)
    if match is None and ODD_PORT.match(url):
        raise AssetAddressRefusedError("The port in the address of the file is not a plain number.")
    if match is None or len(url) > MAX_URL_LENGTH or "\\" in url or "#" in url:
        raise AssetAddressRefusedError(NOT_PLAIN)
    origin = scheme, host, port = _origin(match)
    is_trusted = origin in (_file_origins() if trusted is None else _parsed_origins(trusted))
    if not is_trusted:
        if scheme != "https" or port != 443:
            sentence = "The file must be offered over https, on port 443."
            raise AssetAddressRefusedError(sentence + _way_out(match))
        if not _is_public_name(host):
            sentence = "The address of the file does not name a public server."
            raise AssetAddressRefusedError(sentence + _way_out(match))
    return FileAddress(
        scheme=scheme, host=host, port=port, path=match["path"], is_trusted=is_trusted
    )


def _way_out(url: re.Match[str]) -> str:
    """In sandbox mode: how a developer uses a file server of the own machine."""
    if not settings.SANDBOX_URL:
        return ""
    origin = url[0].removesuffix(url["path"])
    return (
        f" In sandbox mode a file server of your own can be trusted: start the service with "
        f"MEDIA_ALLOWED_ORIGINS={origin}"
    )


def is_public_url(url: str) -> bool:
    """Whether, by its text, servers outside our network can fetch from `url`."""
    match = URL.fullmatch(url)
    if match is None:
        return False
    scheme, host, port = _origin(match)
    return scheme == "https" and port == 443 and _is_public_name(host)


def check_ip_addresses(ip_addresses: Sequence[str]) -> None:
    """Raise AssetAddressRefusedError unless all IP addresses of a host are public."""
    # All of them: one private address among public ones is the pattern of DNS rebinding.
    if len(ip_addresses) > MAX_IP_ADDRESSES or not all(map(_is_public_ip, ip_addresses)):
        raise AssetAddressRefusedError(
            "The server of the file has an address that we do not fetch from."
        )


def _origin(url: re.Match[str]) -> tuple[str, str, int]:
    scheme = url["scheme"].lower()
    return scheme, url["host"].lower(), int(url["port"] or DEFAULT_PORTS[scheme])


def _parsed_origins(listed: Collection[str]) -> set[tuple[str, str, int]]:
    allowed = (URL.fullmatch(f"{origin}/") for origin in listed)
    return {_origin(match) for match in allowed if match and match["path"] == "/"}


def _file_origins() -> set[tuple[str, str, int]]:
    origins = _parsed_origins(settings.MEDIA_ALLOWED_ORIGINS)
    # The endpoint of the object store may have a path, unlike an origin.
    store = URL.fullmatch(f"{settings.OBJECT_STORE_ENDPOINT}/")
    return origins | {_origin(store)} if store else origins


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(labels) >= 2
        and len(host) <= 253
        and all(map(SUBDOMAIN_LABEL.fullmatch, labels[:-2]))
        and all(map(LABEL.fullmatch, labels[-2:]))
        # No top-level domain starts with a digit; the last part of an IPv4 address always does.
        and labels[-1][0].isalpha()
        and labels[-1] not in INTERNAL_NAMES
    )


def _is_public_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    return (
        address in GLOBAL_V6
        and not any(address in network for network in REFUSED_V6)
        and (int(address) >> 32) & 0xFFFF_FFFF not in ISATAP
    )
