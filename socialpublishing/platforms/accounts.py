"""The account that a client acts for, and what connecting and refreshing return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from socialpublishing.crypto import Secret
from socialpublishing.errors import MalformedResponseError
from socialpublishing.oauth import Tokens


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account that a client acts for. `profile` has what its requests need; no secrets."""

    id: str
    token: Secret
    profile: Mapping[str, Any] = field(default_factory=dict)
    # How it was connected, where a platform has more ways than one.
    login: str = ""
    # Of a destination: the account it belongs to.
    owner_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The account of a new token. Raises MalformedResponseError without a usable id and name."""

    id: str
    display_name: str
    kind: str = "person"
    # What later requests need, such as a user name.
    facts: Mapping[str, Any] = field(default_factory=dict)
    # What was granted, where the token response does not name it.
    scopes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check(self.id, self.display_name)


@dataclass(frozen=True, kw_only=True)
class DestinationFacts:
    """Another place where the account can post, with its own token if it has one.

    Raises MalformedResponseError without a usable id and name.
    """

    id: str
    name: str
    kind: str
    can_publish: bool
    token: Secret | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.id, self.name)


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What a refresh returned: new tokens, the current destinations, or both.

    `profile` is what the account is now, where the platform was asked.
    """

    tokens: Tokens | None = None
    destinations: Sequence[DestinationFacts] | None = None
    profile: Profile | None = None


def _check(identifier: Any, name: Any) -> None:
    if not isinstance(identifier, str) or not identifier or not isinstance(name, str):
        raise MalformedResponseError("The platform returned an account without an id or a name.")
