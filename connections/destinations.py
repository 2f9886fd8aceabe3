"""Where a connection can post, and what its owner chooses: the default destination, a time zone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction

from connections.models import Destination, SocialConnection
from connections.targets import DestinationNotFoundError
from socialpublishing.platforms.accounts import DestinationFacts


def store_destinations(connection: SocialConnection, found: Iterable[DestinationFacts]) -> None:
    """Store all destinations that the platform lists for `connection`.

    A destination that is no longer listed keeps its row and loses the right to publish.
    """
    with transaction.atomic():
        _lock(connection)
        known = {each.external_id: each for each in connection.destinations.all()}
        for facts in found:
            _store(connection, facts, known.pop(facts.id, None))
        connection.destinations.filter(pk__in=[gone.pk for gone in known.values()]).update(
            can_publish=False, is_default=False, access_token=None
        )
        _choose_if_only_one(connection)


def add_destination(connection: SocialConnection, facts: DestinationFacts) -> Destination:
    """Store one destination and leave the others as they are."""
    with transaction.atomic():
        _lock(connection)
        known = connection.destinations.filter(external_id=facts.id).first()
        destination = _store(connection, facts, known)
        _choose_if_only_one(connection)
    destination.refresh_from_db()
    return destination


def choose_default(connection: SocialConnection, destination_id: uuid.UUID) -> Destination:
    """Posts that name no destination go to this one."""
    with transaction.atomic():
        _lock(connection)
        chosen = connection.destinations.filter(pk=destination_id, can_publish=True).first()
        if chosen is None:
            raise DestinationNotFoundError
        others = connection.destinations.filter(is_default=True).exclude(pk=chosen.pk)
        others.update(is_default=False)
        chosen.is_default = True
        chosen.save(update_fields=["is_default"])
    return chosen


def choose_none(connection: SocialConnection) -> None:
    """Posts that name no destination go to the account itself, or are refused if it takes none."""
    connection.destinations.filter(is_default=True).update(is_default=False)


def choose_timezone(connection: SocialConnection, name: str) -> None:
    connection.timezone = name
    connection.save(update_fields=["timezone", "updated_at"])


def _lock(connection: SocialConnection) -> None:
    """Until the transaction ends, nobody else changes the destinations of `connection`."""
    SocialConnection.objects.select_for_update().get(pk=connection.pk)


def _store(
    connection: SocialConnection, facts: DestinationFacts, known: Destination | None
) -> Destination:
    destination = known or Destination(connection=connection, external_id=facts.id)
    destination.name = facts.name[:255]
    destination.kind = facts.kind
    destination.can_publish = facts.can_publish
    destination.access_token = facts.token
    destination.profile = dict(facts.profile)
    destination.save()
    return destination


def _choose_if_only_one(connection: SocialConnection) -> None:
    if connection.platform_type.posts_as_account:
        return  # the account itself is another choice
    eligible = connection.destinations.filter(can_publish=True)
    if eligible.count() == 1:
        eligible.update(is_default=True)
