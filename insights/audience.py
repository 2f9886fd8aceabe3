"""The account or destination that an insight is about, its connection and its metrics reader."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings

from connections.models import ConnectionNotFoundError, SocialConnection
from connections.targets import PostingTarget, target_from_id
from connections.tokens import with_client
from socialpublishing.platforms import platform_with_credentials
from socialpublishing.platforms.metrics import MetricsNotAvailableError, MetricsReader

ResultT = TypeVar("ResultT")


def connection_of(user_id: str, platform: str, connection_id: uuid.UUID) -> SocialConnection:
    """Raises InvalidSocialPlatformError, PlatformNotConfiguredError, ConnectionNotFoundError."""
    platform_with_credentials(platform)
    connection = (
        SocialConnection.objects.of(user_id).filter(pk=connection_id, platform=platform).first()
    )
    if connection is None:
        raise ConnectionNotFoundError
    return connection


def only_connection_of(user_id: str, platform: str) -> SocialConnection | None:
    """The user's connection at the platform; None if there is none, or more than one.

    Raises InvalidSocialPlatformError, PlatformNotConfiguredError.
    """
    platform_with_credentials(platform)
    own = list(SocialConnection.objects.of(user_id).filter(platform=platform)[:2])
    return own[0] if len(own) == 1 else None


def audience_of(
    connection: SocialConnection, destination_id: uuid.UUID | None = None
) -> PostingTarget:
    """The account or destination that the caller names. If it is not clear, an error is raised.

    Raises DestinationNotFoundError and AudienceRequiredError.
    """
    reader = connection.platform_type.metrics_reader
    if destination_id is None and reader is not None and not reader.by_destination:
        return PostingTarget(connection=connection)
    return target_from_id(connection, destination_id)


def audience_ids(connection: SocialConnection) -> list[uuid.UUID | None]:
    """The destination id of each audience of the connection; None for the account itself."""
    platform = connection.platform_type
    ids: list[uuid.UUID | None] = [None] if platform.posts_as_account else []
    if platform.metrics_reader is not None and platform.metrics_reader.by_destination:
        eligible = connection.destinations.filter(can_publish=True)
        ids += eligible.values_list("pk", flat=True)
    return ids or [None]


def metrics_reader_type(target: PostingTarget) -> type[MetricsReader[Any]] | None:
    return target.connection.platform_type.metrics_reader


def with_metrics_reader(
    target: PostingTarget, read: Callable[[MetricsReader[Any]], ResultT]
) -> ResultT:
    """What `read` returns; it is called again if the platform refuses the token (`with_client`).

    Raises MetricsNotAvailableError if the platform has none, and what `with_client` raises.
    """
    reader = metrics_reader_type(target)
    if reader is None:
        raise MetricsNotAvailableError
    if reader.reads_are_billed and not settings.INSIGHTS_MAX_BILLED_READS:
        raise MetricsNotAvailableError(
            "The platform charges for reading posts, and this service is set to read none."
        )
    return with_client(target.connection, lambda client: read(reader(client)), target.destination)


def cache_parts(target: PostingTarget) -> list[str]:
    """The parts of a cache key that keep each user's and each connection's data separate."""
    return [target.connection.user_id, str(target.connection.pk), target.key]
