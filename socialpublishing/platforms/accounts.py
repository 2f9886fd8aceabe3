"""Whose account a client acts for, and what connecting and refreshing return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from socialpublishing.crypto import Secret
from socialpublishing.oauth import Tokens


@dataclass(frozen=True, kw_only=True)
class Account:
    """On whose behalf a client calls. `profile` holds what its calls need to know; no secrets."""

    id: str
    token: Secret
    profile: Mapping[str, Any] = field(default_factory=dict)
    # How it was connected, where a platform has more ways than one.
    login: str = ""
    # Of a destination: the account it belongs to.
    owner_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Whom a fresh token belongs to."""

    id: str
    display_name: str
    kind: str = "person"
    # What later calls need to know, such as a user name.
    facts: Mapping[str, Any] = field(default_factory=dict)
    # What was granted, where the token's answer does not tell.
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DestinationFacts:
    """A place that an account can post to beyond itself, with its own token if it has one."""

    id: str
    name: str
    kind: str
    can_publish: bool
    token: Secret | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What a refresh brought: new tokens, destinations read anew, or both."""

    tokens: Tokens | None = None
    destinations: Sequence[DestinationFacts] | None = None
