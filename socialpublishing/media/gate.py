"""Which addresses we fetch from: first by their text alone, then by what their name resolves to.

The lists are our own, because the standard library's `is_global` and `is_private` differ between
Python versions and let several of these pass. Source: IANA's special-purpose address registries,
https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry, read
2026-11-24, and the platform addresses that clouds answer their own machines on.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from django.conf import settings

from socialpublishing.errors import AssetAddressRefusedError

MAX_URL_LENGTH = 2048
MAX_ANSWERS = 16

# Printable ASCII throughout; no userinfo, no fragment, no backslash; a path is required. Addresses
# have other spellings, but parsers disagree about them, which is what attacks live on.
ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[!-~]*)",
    re.ASCII | re.IGNORECASE,
)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

# Last labels that mean something only to a resolver inside a house, a cluster or a cloud.
# fmt: off
SPECIAL_NAMES = frozenset({
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
        "100.64.0.0/10",  # carrier NAT; a cloud's metadata
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
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
# ISATAP, which carries an IPv4 address too, shows in the third quarter of the address.
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, byte for byte as it was given
    is_trusted: bool  # the operator vouches for the origin, whatever it resolves to

    @property
    def authority(self) -> str:
        is_default = self.port == DEFAULT_PORTS[self.scheme]
        return self.host if is_default else f"{self.host}:{self.port}"


def read_address(url: str) -> Target:
    """The text gate: takes `url` apart, or raises MediaError. Looks nothing up."""
    match = ADDRESS.fullmatch(url)
    if match is None or len(url) > MAX_URL_LENGTH or "\\" in url or "#" in url:
        _refuse("The address of the file is not a plain https:// address.")
    origin = scheme, host, port = _origin(match)
    is_trusted = origin in _trusted_origins()
    if not is_trusted:
        if scheme != "https" or port != 443:
            _refuse("The file has to be offered over https, on port 443.")
        if not _is_public_name(host):
            _refuse("The address of the file does not name a public server.")
    return Target(scheme=scheme, host=host, port=port, path=match["path"], is_trusted=is_trusted)


def check_addresses_of(responses: Sequence[str]) -> None:
    """The address gate: every address that a name resolves to must be a public one."""
    # One bad answer among good ones is how a name is made to point inside at the second look.
    if len(responses) > MAX_ANSWERS or not all(map(_is_public_address, responses)):
        _refuse("The server of the file has an address that we do not fetch from.")


def _origin(address: re.Match[str]) -> tuple[str, str, int]:
    scheme = address["scheme"].lower()
    return scheme, address["host"].lower(), int(address["port"] or DEFAULT_PORTS[scheme])


def _trusted_origins() -> set[tuple[str, str, int]]:
    addresses = (ADDRESS.fullmatch(f"{origin}/") for origin in settings.MEDIA_ALLOWED_ORIGINS)
    origins = {_origin(address) for address in addresses if address and address["path"] == "/"}
    # The object store, unlike an origin, may be a path below a server.
    store = ADDRESS.fullmatch(f"{settings.OBJECT_STORE_ENDPOINT}/")
    return origins | {_origin(store)} if store else origins


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(labels) >= 2
        and len(host) <= 253
        and all(map(LABEL.fullmatch, labels))
        # No top-level domain begins with a digit; the end of an IPv4 address does, however spelt.
        and labels[-1][0].isalpha()
        and labels[-1] not in SPECIAL_NAMES
    )


def _is_public_address(text: str) -> bool:
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


def _refuse(sentence: str) -> NoReturn:
    raise AssetAddressRefusedError(sentence)
