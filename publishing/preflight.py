"""Checks scheduled posts some hours before they are due, while somebody can still act.

It publishes nothing and changes no status: a post at risk is tried at its time all the same. What
it reads, it reads once for all posts of an account, and each file once. A run is short; the next
one goes on. Posts that are due soonest come first.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet

from connections.models import SocialConnection
from connections.targets import PostingTarget
from connections.tokens import read_profile_again, with_client
from publishing.job_log import facts_of
from publishing.models import PublishJob, Status
from publishing.risks import (
    Assessment,
    File,
    Readings,
    UnknownError,
    assess,
    files_of,
    may_not_publish,
)
from publishing.transitions import Move, move
from socialpublishing import database, media
from socialpublishing.errors import MediaBusyError, MediaError, SocialPublishingBaseError
from socialpublishing.events.models import EventType
from socialpublishing.platforms.base import Platform
from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.platforms.posting_options import PostingOptions

logger = logging.getLogger(__name__)

ACTOR = "pre-flight"
# Posts are checked again in their last hour, and those at risk every half an hour.
LAST, AGAIN = dt.timedelta(hours=1), dt.timedelta(minutes=30)
# Those that are due sooner are left to the worker.
TOO_SOON = dt.timedelta(minutes=1)
# Jobs that one run lists, and those of one account that are checked together.
LISTED, GROUP = 5000, 50
READERS = 8


def check_ahead(now: dt.datetime, *, stop_at: float = float("inf")) -> int:
    """One run, until `stop_at` (monotonic). Returns how many jobs it has checked."""
    readings = _Readings(stop_at=stop_at)
    checked = 0
    for pks in _groups(now):
        if time.monotonic() > stop_at:
            break
        checked += _check(pks, now, readings)
    return checked


def _due(now: dt.datetime) -> QuerySet[PublishJob]:
    """The jobs to check now."""
    window = dt.timedelta(hours=settings.PREFLIGHT_HOURS)
    never = Q(checked_at__isnull=True)
    at_risk = Q(at_risk__isnull=False, checked_at__lt=now - AGAIN)
    in_last_hour = Q(next_attempt_at__lte=now + LAST, checked_at__lt=F("next_attempt_at") - LAST)
    return PublishJob.objects.filter(
        never | at_risk | in_last_hour,
        status=Status.SCHEDULED,
        lease_owner="",
        next_attempt_at__gt=now + TOO_SOON,
        next_attempt_at__lte=now + window,
    )


def _groups(now: dt.datetime) -> Iterator[list[Any]]:
    """Ids of jobs of the same account, those first that have the post due soonest."""
    by_account: dict[str, list[Any]] = {}
    listed = _due(now).order_by("next_attempt_at", "pk").values_list("account", "pk")
    for account, pk in listed[:LISTED]:
        by_account.setdefault(account, []).append(pk)
    for pks in by_account.values():
        yield from (pks[start : start + GROUP] for start in range(0, len(pks), GROUP))


def _check(pks: Sequence[Any], now: dt.datetime, readings: _Readings) -> int:
    jobs = list(
        _due(now).filter(pk__in=pks).select_related("connection", "destination__connection")
    )
    # Before they are checked: what stops this run, or takes its time, does not stop the next one.
    PublishJob.objects.filter(pk__in=[job.pk for job in jobs]).update(checked_at=now)
    readings.read_files(jobs)
    moves = [change for job in jobs if (change := _change(job, now, readings))]
    move(moves, now=now, actor=ACTOR)
    return len(jobs)


def _change(job: PublishJob, now: dt.datetime, readings: Readings) -> Move | None:
    """What is to be stored and reported; None if nothing has changed."""
    if job.target is None:
        return None
    try:
        found = assess(job, job.target, readings)
    except Exception:
        logger.exception("a scheduled post cannot be checked", extra=facts_of(job))
        return None
    at_risk = _as_stored(found, job.at_risk or [])
    if _codes(at_risk) == _codes(job.at_risk or []):
        return None
    reasons = " ".join(each["message"] for each in at_risk)
    return Move(
        job=job,
        to=Status.SCHEDULED,
        changes={"at_risk": at_risk or None, "checked_at": now},
        note=f"At risk: {reasons}" if at_risk else "No longer at risk.",
        code=at_risk[0]["code"] if at_risk else "",
        event=EventType.JOB_AT_RISK if at_risk else EventType.JOB_CHANGED,
    )


def _as_stored(found: Assessment, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at_risk = [asdict(risk) | {"who_acts": risk.who_acts or None} for risk in found.risks]
    if found.is_complete:
        return at_risk
    # What could not be read does not take a reason back.
    known = _codes(at_risk)
    return [*at_risk, *(each for each in before if each["code"] not in known)]


def _codes(at_risk: list[dict[str, Any]]) -> list[str]:
    return sorted(each["code"] for each in at_risk)


@dataclass(kw_only=True)
class _Readings:
    """What one run has read from outside."""

    stop_at: float
    pauses: Sequence[PlatformPause] = field(default_factory=lambda: [*PlatformPause.objects.all()])
    _offered: dict[Any, PostingOptions | SocialPublishingBaseError] = field(default_factory=dict)
    _files: dict[File, MediaError | None] = field(default_factory=dict)

    def offered(self, target: PostingTarget) -> PostingOptions:
        key = (target.connection.pk, target.key)
        if key not in self._offered:
            try:
                self._offered[key] = _read_offered(target)
            except SocialPublishingBaseError as error:
                self._offered[key] = error
        offered = self._offered[key]
        if isinstance(offered, SocialPublishingBaseError):
            raise offered
        return offered

    def profile_again(self, connection: SocialConnection) -> None:
        read_profile_again(connection)

    def count_before(self, job: PublishJob) -> int:
        same_account = PublishJob.objects.filter(account=job.account, published_at__isnull=True)
        before = Q(next_attempt_at__lt=job.next_attempt_at)
        before |= Q(next_attempt_at=job.next_attempt_at, pk__lt=job.pk)
        return same_account.filter(before).count()

    def file_error(self, file: File) -> MediaError | None:
        if file not in self._files:
            raise UnknownError
        return self._files[file]

    def read_files(self, jobs: Sequence[PublishJob]) -> None:
        """Read the files of `jobs` that were not read before, some at a time."""
        wanted: dict[File, None] = {}
        for job in jobs:
            try:
                wanted |= dict.fromkeys(files_of(job))
            except SocialPublishingBaseError:
                continue  # its platform is no longer in PLATFORMS
        new = [file for file in wanted if file not in self._files]
        if not new:
            return
        database.release()
        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(self._read_file, new))

    def _read_file(self, file: File) -> None:
        if time.monotonic() > self.stop_at:
            return
        try:
            _check_file(file)
        except MediaBusyError:
            return
        except MediaError as error:
            self._files[file] = error
        else:
            self._files[file] = None


def _read_offered(target: PostingTarget) -> PostingOptions:
    """Also asks a destination whether it still accepts posts: few platforms report it elsewhere."""

    def read(client: Platform) -> PostingOptions:
        if target.destination is not None and not client.accepts_posts():
            raise may_not_publish(target.name)
        return client.posting_options()

    return with_client(target.connection, read, target.destination)


def _check_file(file: File) -> None:
    """Raises MediaError for a file that cannot be read, or is not what it was."""
    if file.max_bytes is not None:
        media.probe_picture(file.url, mime_types=file.mime_types, max_bytes=file.max_bytes)
        return
    [mime_type] = file.mime_types
    media.check_unchanged(file.url, declared_type=mime_type, expected_bytes=file.size_bytes)
