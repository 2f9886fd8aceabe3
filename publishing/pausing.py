"""Staff pause and resume platforms; what waited for a pause is due when it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db import transaction

from publishing.models import PublishJob
from socialpublishing import audit
from socialpublishing.clock import database_now
from socialpublishing.platforms import login_wanted, pauses, platform_named
from socialpublishing.platforms.pauses import BY_STAFF, PlatformPause


def pause_platform(
    platform: str, *, login: str = "", reason: str, actor: audit.Actor
) -> list[PlatformPause]:
    """Publish nothing there until staff resume it; posts wait within their grace.

    All logins of the platform, or the one named as callers name it. What has been submitted is
    still looked up. Raises InvalidSocialPlatformError, UnknownLoginError.
    """
    logins = [login_wanted(platform, login)] if login else ["", *platform_named(platform).logins]
    now = database_now()
    with transaction.atomic():
        made = [pauses.pause_by_staff(platform, each, reason, now) for each in logins]
        for each in made:
            audit.record(audit.Action.PAUSED, actor=actor, row=each, reason=reason)
    return made


def resume_platforms(paused: Collection[PlatformPause], *, reason: str, actor: audit.Actor) -> None:
    """End these pauses at once, also those that a refusal began: it may begin another one."""
    with transaction.atomic():
        same = PlatformPause.objects.select_for_update().filter(pk__in=[each.pk for each in paused])
        found = list(same)
        for each in found:
            before = {"code": each.code}
            audit.record(audit.Action.RESUMED, actor=actor, row=each, reason=reason, before=before)
        end_pauses(found, database_now())


def end_pauses(ended: Collection[PlatformPause], now: dt.datetime) -> None:
    """End them, and make the jobs due that wait for it."""
    for each in ended:
        waiting = PublishJob.objects.alive().filter(
            platform=each.platform,
            error_code=each.code,
            lease_owner="",
            publish_started_at__isnull=True,
            next_attempt_at__gt=now,
        )
        if each.code != BY_STAFF:
            waiting = waiting.filter(error_message=each.reason)
        # A job that a claim has locked at this moment comes due by itself.
        due = (
            waiting.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True)
        )
        PublishJob.objects.filter(pk__in=list(due)).update(next_attempt_at=now)
    pauses.resume(ended, now)
