"""The account that a client acts for, and what connecting and refreshing return."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from socialpublishing.crypto import Secret
from socialpublishing.errors import MalformedResponseError
from socialpublishing.oauth import Tokens, read_token

# Ids of platforms are numbers, names or URNs, in visible ASCII. Columns have these lengths.
ID = re.compile(r"[\x21-\x7e]{1,128}")
KIND = re.compile(r"[a-z0-9_]{1,32}")
UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
MAX_FACTS = 16 * 1024


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
    """The account of a new token. Raises MalformedResponseError for what cannot be one.

    `scopes`: what was granted, where the token response does not name it.
    """

    id: str
    display_name: str
    kind: str = "person"
    # What later requests need, such as a user name.
    facts: Mapping[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check(self.id, self.display_name, self.kind, self.facts)


@dataclass(frozen=True, kw_only=True)
class DestinationFacts:
    """Another place where the account can post, with its own token if it has one.

    Raises MalformedResponseError for what cannot be one.
    """

    id: str
    name: str
    kind: str
    can_publish: bool
    token: Secret | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.id, self.name, self.kind, self.profile)
        if self.token is not None:
            read_token(self.token.reveal())


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What a refresh returned: new tokens, the current destinations, or both.

    `profile` is what the account is now, where the platform was asked.
    """

    tokens: Tokens | None = None
    destinations: Sequence[DestinationFacts] | None = None
    profile: Profile | None = None


def read_number(value: Any) -> Any:
    """An id that may come as a JSON number, as text; anything else as it is, to be refused."""
    return str(value) if type(value) is int else value


def read_text(value: Any) -> str:
    """A name or the like. Raises MalformedResponseError for what no database can store."""
    if not isinstance(value, str) or not _is_storable(value):
        raise MalformedResponseError("The platform returned an account without a usable name.")
    return value


def _check(identifier: Any, name: Any, kind: Any, facts: Any) -> None:
    """The one place where identities come in: an empty id would merge accounts."""
    if not isinstance(identifier, str) or not ID.fullmatch(identifier):
        raise MalformedResponseError("The platform returned an account without a usable id.")
    read_text(name)
    if not isinstance(kind, str) or not KIND.fullmatch(kind):
        raise MalformedResponseError("The platform returned an account of an unknown kind.")
    try:
        size = len(json.dumps(facts, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise MalformedResponseError from error
    if size > MAX_FACTS or not all(map(_is_storable, _texts(facts))):
        raise MalformedResponseError("The platform returned an account with unusable facts.")


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                yield name
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and no encoding has half of a surrogate pair."""
    return not UNSTORABLE.search(text)
