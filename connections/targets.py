"""Where a post goes: the account itself, or one of its destinations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.models import Destination, PostingAccount, SocialConnection
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.limits import Capabilities
from socialpublishing.options import InvalidOptionsError
from socialpublishing.platforms.accounts import Account

# Destinations that an error lists.
MAX_LISTED = 20


class DestinationNotFoundError(SocialPublishingBaseError):
    code = "not_found"
    sentence = "This connection has no such destination, or may not publish there."


class DestinationRequiredError(SocialPublishingBaseError):
    """The account itself takes no posts, and none of its destinations was chosen."""

    code = "destination_required"

    def __init__(self, option: str, destinations: Sequence[Destination]) -> None:
        super().__init__(
            f"The account posts to destinations: name one as {option}, or choose a default. "
            f"{_choice(destinations)}"
        )


def _choice(destinations: Sequence[Destination]) -> str:
    if not destinations:
        return "The account has no destination that it may publish to."
    shown = ", ".join(f"{each.external_id} ({each.name})" for each in destinations[:MAX_LISTED])
    more = len(destinations) - MAX_LISTED
    return f"Choose one of: {shown}{f' and {more} more' if more > 0 else ''}."


class AudienceRequiredError(SocialPublishingBaseError):
    """Each destination has its own audience, and none was chosen."""

    code = "destination_required"
    sentence = (
        "The account posts to destinations, each with its own audience: name one of "
        "GET /connections/{id}/destinations as destination_id, or choose a default."
    )


@dataclass(frozen=True, kw_only=True)
class PostingTarget:
    """A connection or one of its destinations, as the place that posts go to."""

    connection: SocialConnection
    destination: Destination | None = None

    @property
    def row(self) -> PostingAccount:
        """The stored row, which holds the rate limit."""
        return self.destination or self.connection

    @property
    def key(self) -> str:
        """platform:id, as stored in a job's `account`."""
        external_id = (
            self.destination.external_id if self.destination else self.connection.external_user_id
        )
        return f"{self.connection.platform}:{external_id}"

    @property
    def name(self) -> str:
        return str(self.destination or self.connection.external_display_name)

    @property
    def account(self) -> Account:
        """What a platform client needs, with the tokens as stored."""
        return (self.destination or self.connection).account

    @property
    def has_own_token(self) -> bool:
        return self.destination is not None and self.destination.access_token is not None

    @property
    def limits(self) -> Capabilities:
        return self.connection.platform_type.limits(self.connection.profile)


def target_from_options(connection: SocialConnection, options: Mapping[str, Any]) -> PostingTarget:
    """The target that a post's options name, else the default. Never a guess.

    Raises InvalidOptionsError for a destination that may not be published to, and
    DestinationRequiredError where one has to be chosen.
    """
    platform = connection.platform_type
    option = platform.destination_option
    if not option:
        return PostingTarget(connection=connection)
    eligible = list(connection.destinations.filter(can_publish=True))
    wanted = options.get(option)
    for destination in eligible:
        if destination.external_id == wanted or (wanted is None and destination.is_default):
            return PostingTarget(connection=connection, destination=destination)
    if wanted is not None:
        message = f"The account may not publish there. {_choice(eligible)}"
        raise InvalidOptionsError([(option, message)])
    if platform.posts_as_account:
        return PostingTarget(connection=connection)
    raise DestinationRequiredError(option, eligible)


def target_from_id(
    connection: SocialConnection, destination_id: uuid.UUID | None = None
) -> PostingTarget:
    """The target with our own id of a destination, else the default. Never a guess.

    Raises DestinationNotFoundError, and AudienceRequiredError where one has to be chosen.
    """
    eligible = connection.destinations.filter(can_publish=True)
    if destination_id is not None:
        chosen = eligible.filter(pk=destination_id).first()
        if chosen is None:
            raise DestinationNotFoundError
        return PostingTarget(connection=connection, destination=chosen)
    default = eligible.filter(is_default=True).first()
    platform = connection.platform_type
    if default is None and platform.destination_option and not platform.posts_as_account:
        raise AudienceRequiredError
    return PostingTarget(connection=connection, destination=default)
