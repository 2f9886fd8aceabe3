"""Credentials that would end unused, and those that only their owner can prolong."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, When
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from connections.connection_events import tell
from connections.models import SocialConnection
from connections.tokens import renew, take_refresh
from socialpublishing.errors import (
    PlatformConfigurationError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
)
from socialpublishing.events.models import EventType
from socialpublishing.platforms import PLATFORMS

logger = logging.getLogger(__name__)

# Credentials that end sooner are renewed even if nobody uses them; so many in one sweep.
IDLE_MARGIN, IDLE_BATCH = dt.timedelta(days=7), 200
IDLE_RETRY = dt.timedelta(days=1)
RENEWED, SKIPPED = "renewed", "skipped"
# The log warns so long before the end, once each; so many in one sweep.
FIRST_WARNING, LAST_WARNING, WARNING_BATCH = dt.timedelta(days=7), dt.timedelta(days=1), 1000

# When the authorization ends, unless its owner prolongs it.
ENDS_AT = Case(
    When(refresh_token__isnull=False, then=F("refresh_expires_at")), default=F("expires_at")
)


def refresh_expiring(now: dt.datetime) -> int:
    """Renew credentials that would end unused, such as those of posts months ahead.

    Returns how many were renewed. Access tokens that a refresh token can replace at any time are
    left alone. One connection that fails does not stop the others; a platform that cannot be
    reached, or refuses our app, is tried once.
    """
    soon = now + IDLE_MARGIN
    renewing = [name for name, each in PLATFORMS.items() if each.renews_without_refresh_token]
    ending = Q(platform__in=renewing, expires_at__gt=now, expires_at__lt=soon)
    ending |= Q(refresh_expires_at__gt=now, refresh_expires_at__lt=soon)
    idle = SocialConnection.objects.filter(ending, status=SocialConnection.Status.ACTIVE).filter(
        # Some credentials cannot be prolonged: one try a day is enough.
        Q(last_refreshed_at__isnull=True) | Q(last_refreshed_at__lt=now - IDLE_RETRY)
    )
    chosen = idle.order_by("expires_at")[:IDLE_BATCH]
    outcomes = [outcome for _, outcome in renew_each(chosen, lambda: now)]
    return outcomes.count(RENEWED)


def renew_each(
    connections: Iterable[SocialConnection], clock: Callable[[], dt.datetime]
) -> Iterator[tuple[SocialConnection, str]]:
    """Renew the credentials of each. Yields RENEWED, SKIPPED, or the code of the error.

    Skipped are those that another caller renews, and those of a platform that could not be reached
    or refused our app.
    """
    unreachable: set[tuple[str, str]] = set()
    for connection in connections:
        host = (connection.platform, connection.login)
        now = clock()
        if host in unreachable or not take_refresh(connection, now):
            yield connection, SKIPPED
            continue
        try:
            renew(connection, now)
            yield connection, RENEWED
        except SocialPublishingBaseError as error:
            if isinstance(error, PlatformUnreachableError | PlatformConfigurationError):
                unreachable.add(host)
            yield connection, error.code


def ending_soon(now: dt.datetime) -> Q:
    """Active connections that nobody but their owner can prolong any more."""
    is_soon = GreaterThan(ENDS_AT, now) & LessThanOrEqual(ENDS_AT, now + FIRST_WARNING)
    return Q(status=SocialConnection.Status.ACTIVE) & is_soon


def expiring(now: dt.datetime) -> QuerySet[Any]:
    """Connections that end soon and of which a warning is due, each with `ends_at`.

    To be called after `refresh_expiring`: what could be renewed ends later by then.
    """
    never = Q(expiry_warned_at__isnull=True)
    before_first = Q(expiry_warned_at__lt=_before("ends_at", FIRST_WARNING))
    before_last = Q(expiry_warned_at__lt=_before("ends_at", LAST_WARNING))
    is_last = Q(ends_at__lte=now + LAST_WARNING)
    return (
        SocialConnection.objects.annotate(ends_at=ENDS_AT)
        .filter(ending_soon(now))
        .filter(never | before_first | (is_last & before_last))
        .order_by("ends_at")
    )


def _before(column: str, time: dt.timedelta) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(F(column) - time, output_field=DateTimeField())


def warn_of_expiry(now: dt.datetime) -> int:
    """Report each connection that `expiring` finds. Returns how many there were."""
    warned = 0
    for connection in expiring(now)[:WARNING_BATCH]:
        with transaction.atomic():
            same = SocialConnection.objects.filter(
                pk=connection.pk, expiry_warned_at=connection.expiry_warned_at
            )
            if not same.update(expiry_warned_at=now):
                continue  # another process was faster
            warned += 1
            tell(connection, EventType.CONNECTION_EXPIRING)
            logger.warning(
                "connection ends soon: its owner has to connect it again",
                extra={
                    "connection_id": str(connection.pk),
                    "platform": connection.platform,
                    "ends_at": connection.ends_at.isoformat(),
                },
            )
    return warned
