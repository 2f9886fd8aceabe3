"""Which due jobs a worker may claim."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import F, Q

from socialpublishing.prepared import AnyOf, Parameter, PreparedQuery

JobT = TypeVar("JobT", bound=models.Model)


def platform_of(account: str) -> str:
    """The platform of `PublishJob.account`."""
    return account.partition(":")[0]


# How many due rows a worker reads at most (worker/due.py).
CLAIM_WINDOW = 20_000


class ClaimingQuerySet(models.QuerySet[JobT]):
    """The questions of a worker that claims, about publish jobs."""

    def due(self, now: dt.datetime) -> list[tuple[Any, str, str]]:
        """Id, account and user of the jobs that are due, those that have been due longest first.

        If they are more than the window, those of accounts without a claimed job come too, and
        those of other platforms: no account and no platform with so many due jobs hides all others.
        """
        found: list[Any] = DUE.values(now=now)
        if len(found) < CLAIM_WINDOW:
            return found
        [(platform, _)] = Counter(platform_of(account) for _, account, _ in found).most_common(1)
        found += self._due(now).filter(self._account_is_free())[:CLAIM_WINDOW]
        found += self._due(now).exclude(platform=platform)[:CLAIM_WINDOW]
        return list({pk: (pk, *others) for pk, *others in found}.values())

    def due_since(self, since: dt.datetime, now: dt.datetime) -> list[Any]:
        """The same of those that have become due since then."""
        return DUE_SINCE.values(since=since, now=now)

    def _due(self, now: Any) -> Any:
        due = self.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk")
        return due.values_list("pk", "account", "user_id")

    def claimable(self, ids: Collection[Any], now: dt.datetime) -> list[JobT]:
        """Those of `ids` that may be claimed now: they are locked until the transaction ends.

        Others may have been claimed, changed or cancelled since they were read as due.
        """
        rows = {row.pk: row for row in CLAIMABLE.rows(ids=ids, now=now)}
        for row in rows.values():
            # The same row, so it is read and built once.
            if row.destination and row.destination.connection_id == row.connection_id:
                row.destination.connection = row.connection
        return [rows[pk] for pk in ids if pk in rows]

    def _claimable(self, ids: Any, now: Any) -> ClaimingQuerySet[JobT]:
        free = self.filter(self._account_is_free(), pk__in=ids, next_attempt_at__lte=now)
        wide = free.select_related("connection", "destination").defer("first_response")
        return wide.order_by().select_for_update(skip_locked=True, of=("self",))

    def _account_is_free(self) -> Q:
        same_account = self.model._default_manager.filter(account=models.OuterRef("account"))
        claimed = same_account.exclude(Q(lease_owner="") | Q(pk=models.OuterRef("pk")))
        return Q(~models.Exists(claimed))

    def lease(self, jobs: Iterable[Any], *, owner: str, until: dt.datetime) -> None:
        """Store the lease of `jobs` whose decision could not be stored: others try later."""
        for job in jobs:
            self.filter(pk=job.pk, fencing_token=job.fencing_token).update(
                lease_owner=owner,
                next_attempt_at=until,
                fencing_token=F("fencing_token") + 1,
                claims=F("claims") + 1,
            )

    def lock(self, jobs: Iterable[Any]) -> None:
        """Lock the rows of `jobs` until the transaction ends, in an order that all keep."""
        rows = self.filter(pk__in=[job.pk for job in jobs]).order_by("pk")
        list(rows.select_for_update().values_list("pk"))

    def seconds_until_due(self, now: dt.datetime, *, after: dt.datetime) -> float | None:
        """Until the next job is due that becomes due after `after`; None if there is none."""
        for [due] in NEXT_DUE.values(now=after):
            return max(0.0, float((due - now).total_seconds()))
        return None

    def _next_due(self, now: Any) -> Any:
        later = self.filter(next_attempt_at__gt=now).order_by("next_attempt_at")
        return later.values_list("next_attempt_at")[:1]


def _jobs() -> Any:
    return apps.get_model("publishing", "PublishJob")._default_manager.all()


_NOW: Any = Parameter("now", models.DateTimeField())
_SINCE: Any = Parameter("since", models.DateTimeField())
DUE = PreparedQuery(lambda: _jobs()._due(_NOW)[:CLAIM_WINDOW])
DUE_SINCE = PreparedQuery(
    lambda: _jobs()._due(_NOW).filter(next_attempt_at__gt=_SINCE)[:CLAIM_WINDOW]
)
CLAIMABLE = PreparedQuery(lambda: _jobs()._claimable(AnyOf("ids", models.UUIDField()), _NOW))
NEXT_DUE = PreparedQuery(lambda: _jobs()._next_due(_NOW))
