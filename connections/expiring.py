"""Credentials that would end while nobody uses them."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from connections.models import SocialConnection
from connections.tokens import log_failure, renew, take_refresh
from socialpublishing.errors import (
    PlatformConfigurationError,
    PlatformUnreachableError,
    SocialPublishingBaseError,
)
from socialpublishing.platforms import PLATFORMS

# Credentials that end sooner are renewed even if nobody uses them; so many in one sweep.
IDLE_MARGIN, IDLE_BATCH = dt.timedelta(days=7), 200
IDLE_RETRY = dt.timedelta(days=1)


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
    renewed = 0
    unreachable: set[tuple[str, str]] = set()
    for connection in idle.order_by("expires_at")[:IDLE_BATCH]:
        host = (connection.platform, connection.login)
        if host in unreachable or not take_refresh(connection, now):
            continue
        try:
            renew(connection, now)
            renewed += 1
        except SocialPublishingBaseError as error:
            log_failure(connection, error)
            if isinstance(error, PlatformUnreachableError | PlatformConfigurationError):
                unreachable.add(host)
    return renewed
