"""Retry many jobs after an incident: which ones, in which order, each at most once.

The reason is the name of the repair: no job is retried twice for the same reason. So a command that
was interrupted is run again as it was, and two may run at once.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from publishing.engine.retry import late_at
from publishing.errors import NotRetriableError
from publishing.indexes import DUE
from publishing.models import JobEvent, PublishJob, Status
from publishing.operations import retrying
from publishing.transitions import Move, move
from socialpublishing import audit
from socialpublishing.clock import database_now

RETRIABLE = (Status.FAILED, Status.CONTENT_REJECTED, Status.UNCONFIRMED)
ACTOR = "command reprocess_jobs"
# Jobs of one transaction.
BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The jobs that are to be retried: `ids`, or all of these statuses; each filter narrows."""

    ids: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = RETRIABLE
    codes: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    user: str = ""
    # When the posts were due; None: without that bound.
    due_from: dt.datetime | None = None
    due_to: dt.datetime | None = None

    def jobs(self) -> QuerySet[PublishJob]:
        """Those that were due longest ago first."""
        found = PublishJob.objects.filter(status__in=self.statuses).alias(due=DUE)
        if self.ids:
            found = found.filter(pk__in=self.ids)
        if self.codes:
            found = found.filter(error_code__in=self.codes)
        if self.platforms:
            found = found.filter(platform__in=self.platforms)
        if self.user:
            found = found.filter(user_id=self.user)
        if self.due_from is not None:
            found = found.filter(due__gte=self.due_from)
        if self.due_to is not None:
            found = found.filter(due__lt=self.due_to)
        return found.order_by(F("due"), "pk")

    def retried(self, reason: str) -> QuerySet[PublishJob]:
        """Those that were retried for this reason already."""
        return self.jobs().filter(_is_retried(reason))

    def left(self, reason: str) -> QuerySet[PublishJob]:
        """The others."""
        return self.jobs().filter(~_is_retried(reason))


def _is_retried(reason: str) -> Exists:
    return Exists(JobEvent.objects.filter(job=OuterRef("pk"), actor=ACTOR, note=reason))


def is_past_grace(job: PublishJob, now: dt.datetime) -> bool:
    """Is the post stale, so that only a person may still want it?"""
    return now > late_at(job, settings.LATE_PUBLISH_GRACE_SECONDS)


def retry_each(selection: Selection, pks: Sequence[UUID], *, reason: str) -> Iterator[Counter[str]]:
    """Retry these jobs of the selection. Yields what became of each batch: "" or an error's code.

    A job that is not counted no longer belongs to the selection, or another process has it.
    """
    for start in range(0, len(pks), BATCH):
        yield _retry_batch(selection, pks[start : start + BATCH], reason)


def _retry_batch(selection: Selection, pks: Sequence[UUID], reason: str) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    moves: list[Move] = []
    with transaction.atomic():
        now = database_now()
        left = selection.left(reason).filter(pk__in=pks).select_related("connection", "destination")
        for job in left.select_for_update(of=("self",), skip_locked=True):
            try:
                moves.append(retrying(job, now, reason))
            except NotRetriableError as error:
                outcomes[error.code] += 1
        before = {each.job.pk: {"status": each.job.status} for each in moves}
        for each in move(moves, now=now, actor=ACTOR):
            audit.record(
                audit.Action.RETRIED,
                actor=audit.COMMAND_LINE,
                row=each.job,
                reason=reason,
                before=before[each.job.pk],
                after={"status": each.to},
            )
            outcomes[""] += 1
    return outcomes
