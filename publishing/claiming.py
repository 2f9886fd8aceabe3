"""Which due jobs a worker claims, and in which order: users take turns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

JobT = TypeVar("JobT", bound=models.Model)

# How many due rows a claim ranks. While one job of an account is claimed, its others are left out,
# so an account with thousands of due jobs fills the window at most once.
CLAIM_WINDOW = 10_000


class ClaimingQuerySet(models.QuerySet[JobT]):
    """The questions of a worker that claims, about publish jobs."""

    def claimable(self, now: dt.datetime, limit: int) -> list[JobT]:
        """The due jobs, one for each account that has no claimed job.

        Users take turns: the first job of each user comes before the second of any. Within a
        round, the jobs that have been due longest come first.
        """
        same_account = self.model._default_manager.filter(account=models.OuterRef("account"))
        claimed = same_account.exclude(Q(lease_owner="") | Q(pk=models.OuterRef("pk")))
        due = (
            self.filter(~models.Exists(claimed), next_attempt_at__lte=now)
            .order_by("next_attempt_at", "pk")
            .values("pk")[:CLAIM_WINDOW]
        )
        by_time = ["next_attempt_at", "pk"]
        ranked = self.filter(pk__in=due).annotate(
            rank_in_account=Window(RowNumber(), partition_by=F("account"), order_by=by_time),
            rank_of_user=Window(RowNumber(), partition_by=F("user_id"), order_by=by_time),
        )
        first = ranked.filter(rank_in_account=1).order_by("rank_of_user", *by_time)
        # Ranked by their ids alone: the rows are wide.
        ids = list(first.values_list("pk", flat=True)[:limit])
        rows = self.select_related("connection", "destination__connection").in_bulk(ids)
        return [rows[pk] for pk in ids if pk in rows]

    def lease(self, jobs: Iterable[Any], *, owner: str, until: dt.datetime) -> None:
        """Store the lease of `jobs` whose decision could not be stored: others try later."""
        for job in jobs:
            self.filter(pk=job.pk, fencing_token=job.fencing_token).update(
                lease_owner=owner,
                next_attempt_at=until,
                fencing_token=F("fencing_token") + 1,
                claims=F("claims") + 1,
            )

    def seconds_until_due(self, now: dt.datetime) -> float | None:
        """Until the next job is due after `now`; None if there is none."""
        due = self.filter(next_attempt_at__gt=now).aggregate(at=models.Min("next_attempt_at"))["at"]
        return None if due is None else (due - now).total_seconds()
