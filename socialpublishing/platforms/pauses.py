"""The breaker: a platform that refuses our app is paused for all processes.

What it refuses heals without the users: credits, usage caps, a review, a missing switch. While a
pause stands, jobs wait within their grace. One job at a time, the probe, tries the platform; its
success ends the pause.

Staff can pause a platform, too. Such a pause has no probes: staff end it.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Q

from socialpublishing.errors import (
    LimitScope,
    PlatformApiError,
    PlatformConfigurationError,
    RateLimitError,
)
from socialpublishing.events.models import EventType
from socialpublishing.events.outbox import News, record

logger = logging.getLogger(__name__)

ALL = PlatformConfigurationError.ALL
# The pause before the first probe; each failed probe doubles it.
FIRST_PROBE_S, MAX_PROBE_PAUSE_S = 30.0, 300.0
# The end of a limit comes from a platform's header: it may be wrong.
MAX_LIMIT = dt.timedelta(hours=24)
# A probe that takes longer, or whose worker died, is taken over by another job.
PROBE_LEASE = dt.timedelta(minutes=2)
# The code of a pause by staff.
BY_STAFF = "platform_paused"


class PlatformPause(models.Model):
    """A platform paused for our app: for one login of it, and all its posts or one kind."""

    platform = models.CharField(max_length=32)
    login = models.CharField(max_length=32, blank=True)
    feature = models.CharField(max_length=32, help_text=f"{ALL}, or a feature of our app")
    # What the platform responded.
    code = models.CharField(max_length=64)
    platform_code = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=400)
    # The step that met it: "prepare" or "publish". Only the same step's success ends the pause.
    step = models.CharField(max_length=16)
    since = models.DateTimeField()
    # When the next probe may start, or when the lease of the current one ends. Null: never.
    probe_at = models.DateTimeField(null=True)
    pause_s = models.FloatField()
    probe_job = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ["platform", "login", "feature"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "login", "feature"], name="pause_once")
        ]

    def __str__(self) -> str:
        return f"{self.platform} is paused ({self.feature})"

    def concerns(self, platform: str, login: str, features: Collection[str]) -> bool:
        return (self.platform, self.login) == (platform, login) and self.feature in {ALL, *features}

    def may_be_probed_by(self, job_id: uuid.UUID, now: dt.datetime) -> bool:
        return self.probe_job == job_id or self.may_be_over(now)

    def may_be_over(self, now: dt.datetime) -> bool:
        return self.probe_at is not None and self.probe_at <= now

    def take_probe(self, job_id: uuid.UUID, now: dt.datetime) -> bool:
        """Make `job_id` the probe, right before its request. False: another job is the probe."""
        free = Q(probe_job=job_id) | Q(probe_at__lte=now)
        same = PlatformPause.objects.filter(free, pk=self.pk)
        if not same.update(probe_job=job_id, probe_at=now + PROBE_LEASE):
            return False
        self.probe_job, self.probe_at = job_id, now + PROBE_LEASE
        return True


@dataclass(frozen=True, kw_only=True)
class AppRefusal:
    """A response that refuses our app. `until`: when a limit ends, if that is known."""

    feature: str
    code: str
    platform_code: str
    reason: str
    until: dt.datetime | None = None


def refusal_of_app(error: Exception | None) -> AppRefusal | None:
    """What `error` refuses our app, for all of its accounts; None if it concerns one of them."""
    if isinstance(error, PlatformConfigurationError):
        return _refusal(error, error.feature)
    if isinstance(error, RateLimitError) and error.limits == LimitScope.APP:
        return _refusal(error, ALL)
    return None


def _refusal(error: PlatformApiError, feature: str) -> AppRefusal:
    return AppRefusal(
        feature=feature,
        code=error.code,
        platform_code=error.platform_code[:64],
        reason=str(error)[:400],
        until=error.until,
    )


def pause(
    platform: str,
    login: str,
    refusal: AppRefusal,
    *,
    step: str,
    job_id: uuid.UUID,
    now: dt.datetime,
) -> None:
    """Pause the platform, or go on with its pause after a probe that failed."""
    facts = {
        "code": refusal.code,
        "platform_code": refusal.platform_code,
        "reason": refusal.reason,
        "step": step,
    }
    with transaction.atomic():
        found, is_new = PlatformPause.objects.get_or_create(
            platform=platform,
            login=login,
            feature=refusal.feature,
            defaults={
                "since": now,
                "probe_at": _next_probe(refusal, now, FIRST_PROBE_S),
                "pause_s": FIRST_PROBE_S,
                **facts,
            },
        )
        if is_new:
            _tell(EventType.PLATFORM_PAUSED, found, refusal.until, now)
    if is_new:
        logger.error("a platform is paused: it refuses this service", extra=_facts(found))
    elif found.may_be_probed_by(job_id, now):
        pause_s = min(MAX_PROBE_PAUSE_S, found.pause_s * 2)
        next_probe = _next_probe(refusal, now, pause_s)
        PlatformPause.objects.filter(pk=found.pk).update(
            probe_at=next_probe, pause_s=pause_s, probe_job=None, **facts
        )
    elif step == "publish" != found.step:
        # What is refused is more than the preparation.
        PlatformPause.objects.filter(pk=found.pk).update(**facts)


def _next_probe(refusal: AppRefusal, now: dt.datetime, pause_s: float) -> dt.datetime:
    soonest = now + dt.timedelta(seconds=pause_s)
    return soonest if refusal.until is None else min(max(refusal.until, soonest), now + MAX_LIMIT)


def release(job_ids: Collection[uuid.UUID], now: dt.datetime) -> None:
    """These jobs probe no longer, and have found out nothing: another one may probe at once."""
    PlatformPause.objects.filter(probe_job__in=job_ids).update(probe_job=None, probe_at=now)


def pause_by_staff(platform: str, login: str, reason: str, now: dt.datetime) -> PlatformPause:
    """Pause the platform until staff resume it, whatever it responds. `login`: as it is stored."""
    facts = {
        "code": BY_STAFF,
        "platform_code": "",
        "reason": reason[:400],
        # It holds the preparation of posts, too.
        "step": "publish",
        "probe_at": None,
        "probe_job": None,
    }
    with transaction.atomic():
        found, is_new = PlatformPause.objects.update_or_create(
            platform=platform,
            login=login,
            feature=ALL,
            defaults=facts,
            create_defaults={**facts, "since": now, "pause_s": FIRST_PROBE_S},
        )
        if is_new:
            _tell(EventType.PLATFORM_PAUSED, found, None, now)
    logger.warning("a platform is paused by staff", extra=_facts(found))
    return found


def resume(ended: Collection[PlatformPause], now: dt.datetime) -> None:
    """The platform accepts our app again, or staff try it."""
    for each in ended:
        with transaction.atomic():
            deleted, _ = PlatformPause.objects.filter(pk=each.pk).delete()
            if deleted:
                _tell(EventType.PLATFORM_RESUMED, each, now, now)
        if deleted:
            logger.warning("a platform is resumed", extra=_facts(each))


def _tell(
    type_: EventType, paused: PlatformPause, until: dt.datetime | None, now: dt.datetime
) -> None:
    """Tell all users with an account there. `until`: when it ends or ended, if that is known."""
    data = {
        "platform": paused.platform,
        "feature": paused.feature,
        "reason": paused.reason,
        "since": paused.since.isoformat().replace("+00:00", "Z"),
        "until": until and until.isoformat().replace("+00:00", "Z"),
    }
    is_end = type_ == EventType.PLATFORM_RESUMED
    news = News(type=type_, platform=paused.platform, sequence=2 if is_end else 1, data=data)
    record([news], at=now)


def concerning(
    pauses: Iterable[PlatformPause], platform: str, login: str, features: Collection[str]
) -> list[PlatformPause]:
    """The pauses that hold a post which needs these features of our app."""
    return [each for each in pauses if each.concerns(platform, login, features)]


def _facts(paused: PlatformPause) -> dict[str, str]:
    return {
        "platform": paused.platform,
        "login": paused.login,
        "feature": paused.feature,
        "code": paused.code,
        "platform_code": paused.platform_code,
        "reason": paused.reason,
    }
