"""Where a connection can post, and what its owner chooses: the default destination, a time zone."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable

from django.db import transaction

from connections.models import Destination, SocialConnection
from connections.targets import DestinationNotFoundError
from socialpublishing.clock import database_now
from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.platforms import client_for
from socialpublishing.platforms.accounts import DestinationFacts

logger = logging.getLogger(__name__)

# The most destinations that one request asks, and for how long: a person waits for it.
MAX_ASKED, MAX_ASKING_S = 10, 10


def store_destinations(connection: SocialConnection, found: Iterable[DestinationFacts]) -> None:
    """Store the destinations that the platform lists for `connection`.

    One that is not listed stays as it is: platforms leave out some that still accept posts. Only
    the place itself can refuse (`check_unlisted`).
    """
    with transaction.atomic():
        _lock(connection)
        known = {each.external_id: each for each in connection.destinations.all()}
        for facts in found:
            _store(connection, facts, known.get(facts.id))
        _choose_if_only_one(connection)


def check_unlisted(connection: SocialConnection, found: Iterable[DestinationFacts]) -> None:
    """Ask each destination that `found` lacks whether it still accepts posts, with its own token.

    One that refuses loses its token and the right to publish; its row stays. This sends requests:
    it is for web requests only, and never within a transaction.
    """
    listed = [facts.id for facts in found]
    unlisted = connection.destinations.filter(can_publish=True).exclude(external_id__in=listed)
    deadline = time.monotonic() + MAX_ASKING_S
    for destination in unlisted.order_by("updated_at")[:MAX_ASKED]:
        if time.monotonic() > deadline:
            return
        try:
            is_gone = not client_for(connection.platform, destination.account).accepts_posts()
        except SocialPublishingBaseError as error:
            # Nothing is known: it stays as it is.
            _log_unanswered(destination, error)
            continue
        if is_gone:
            _take_rights(destination)


def _take_rights(destination: Destination) -> None:
    connection = destination.connection
    with transaction.atomic():
        _lock(connection)
        # A parallel request may have stored another token.
        connection.destinations.filter(pk=destination.pk, updated_at=destination.updated_at).update(
            can_publish=False, is_default=False, access_token=None, updated_at=database_now()
        )
        _choose_if_only_one(connection)


def _log_unanswered(destination: Destination, error: SocialPublishingBaseError) -> None:
    logger.warning(
        "it is unknown whether a destination still accepts posts: %s",
        error,
        extra={
            "platform": destination.connection.platform,
            "connection_id": str(destination.connection_id),
            "destination_id": str(destination.pk),
            "code": error.code,
        },
    )


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
    destination.token_version += 1
    destination.profile = dict(facts.profile)
    destination.save()
    return destination


def _choose_if_only_one(connection: SocialConnection) -> None:
    if connection.platform_type.posts_as_account:
        return  # the account itself is another choice
    eligible = connection.destinations.filter(can_publish=True)
    if eligible.count() == 1:
        eligible.update(is_default=True)
