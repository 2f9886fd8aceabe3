"""What an account may choose for a post now, read from its platform and kept for a moment."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache

from connections.destinations import store_destinations
from connections.models import Destination, SocialConnection
from connections.targets import DestinationNotFoundError, PostingTarget
from connections.tokens import with_client
from socialpublishing.clock import database_now
from socialpublishing.errors import PlatformApiError, TokenExpiredError
from socialpublishing.platforms.posting_options import Choice, PostingOptions

# Callers may rely on a minute.
MAX_AGE = dt.timedelta(seconds=50)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A value of a platform, and when it was read."""

    value: Any
    at: dt.datetime


def posting_options(
    connection: SocialConnection, destination_id: uuid.UUID | None = None
) -> tuple[PostingOptions, dt.datetime]:
    """What may be chosen at a destination, else at the default one, else at the account itself.

    Returns the options and when they were read. Raises DestinationNotFoundError, TokenExpiredError
    if only the owner can help, and what the platform raises.
    """
    platform = connection.platform_type
    if not platform.destination_option:
        if destination_id is not None:
            raise DestinationNotFoundError
        offered = _offered(PostingTarget(connection=connection))
        return offered.value, offered.at
    listed_at = _read_destinations(connection, destination_id)
    eligible = list(connection.destinations.filter(can_publish=True))
    choices = [Choice(value=each.external_id, label=each.name) for each in eligible]
    target = _target(connection, eligible, destination_id)
    if target is None:
        offered = Read(value=_without_a_target(connection, eligible), at=listed_at)
    else:
        offered = _offered(target)
    options = replace(
        offered.value, choices={**offered.value.choices, platform.destination_option: choices}
    )
    return options, min(offered.at, listed_at)


def offered_to(target: PostingTarget) -> PostingOptions | None:
    """What may be chosen at `target`; None if the platform does not report it now."""
    try:
        offered: PostingOptions = _offered(target).value
    except PlatformApiError:
        return None
    return offered


def _target(
    connection: SocialConnection, eligible: list[Destination], destination_id: uuid.UUID | None
) -> PostingTarget | None:
    """None: the account itself takes no posts, and none of its destinations is chosen."""
    for destination in eligible:
        if destination.pk == destination_id or (destination_id is None and destination.is_default):
            return PostingTarget(connection=connection, destination=destination)
    if destination_id is not None:
        raise DestinationNotFoundError
    if connection.platform_type.posts_as_account:
        return PostingTarget(connection=connection)
    return None


def _without_a_target(connection: SocialConnection, eligible: list[Destination]) -> PostingOptions:
    reason = "" if eligible else "The account has no destination that it may publish to."
    return PostingOptions(
        can_post=bool(eligible), reason=reason, display_name=connection.external_display_name
    )


def _offered(target: PostingTarget) -> Read:
    connection, destination = target.connection, target.destination
    where = destination.pk if destination else ""
    read = _at_most_a_minute_old(
        connection,
        f"options:{where}",
        lambda: with_client(connection, lambda client: client.posting_options(), destination),
    )
    name = read.value.display_name or target.name
    return replace(read, value=replace(read.value, display_name=name))


def _read_destinations(
    connection: SocialConnection, destination_id: uuid.UUID | None
) -> dt.datetime:
    """Store the destinations that the platform lists now. Returns when they were read.

    Without a token that can list them, one that has its own token can still be posted to.
    """
    try:
        return _at_most_a_minute_old(
            connection,
            "destinations",
            lambda: store_destinations(
                connection, with_client(connection, lambda client: client.destinations())
            ),
        ).at
    except TokenExpiredError:
        eligible = list(connection.destinations.filter(can_publish=True))
        target = _target(connection, eligible, destination_id)
        if target is None or not target.has_own_token:
            raise
        return database_now()


def _at_most_a_minute_old(connection: SocialConnection, what: str, read: Callable[[], Any]) -> Read:
    """Other tokens may be offered other values, so each version of them has its own."""
    key = f"posting:{connection.pk}:{connection.token_version}:{what}"
    kept: Read | None = cache.get(key)
    if kept is None:
        # The time before the request: what it returns is not older.
        at = database_now()
        kept = Read(value=read(), at=at)
        cache.set(key, kept, MAX_AGE.total_seconds())
    return kept
