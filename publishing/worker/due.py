"""The jobs that are due, as a worker remembers them between two reads of the table.

To rank all that is due at each claim would cost the more the longer the backlog is. A worker reads
the ids of due jobs once in a while instead, those of newly due ones more often, and takes those
whose turn it is from memory. What it remembers may be out of date: a claim checks each row again,
and passes over those that are not due.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from publishing.models import PublishJob

# What has become due since is read this often.
READ_EVERY_S = 0.5
# All of it is read again less often: that takes this share of a worker's time, and is due at the
# latest after so many seconds.
READING_SHARE = 1 / 20
READ_ALL_EVERY_S = 5.0
# A job may become visible so long after the time at which it is due.
COMMIT_TIME = dt.timedelta(seconds=1)

# The accounts of a user that have due jobs, and those of each.
Accounts = deque[tuple[str, deque[UUID]]]


class DueJobs:
    """Users take turns, and so do the accounts of a user. An account's oldest job comes first."""

    def __init__(self) -> None:
        self._users: deque[Accounts] = deque()
        self._by_user: dict[str, Accounts] = {}
        self._by_account: dict[str, deque[UUID]] = {}
        self._read_until = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._read_again_at = self._read_all_again_at = 0.0

    def read(self, now: dt.datetime) -> bool:
        """Read the table again if it is time to; returns whether any job is due."""
        started = time.monotonic()
        if not self._users or started >= self._read_all_again_at:
            self._users, self._by_user, self._by_account = deque(), {}, {}
            self._add(PublishJob.objects.due(now))
            pause_s = (time.monotonic() - started) / READING_SHARE
            self._read_all_again_at = time.monotonic() + min(pause_s, READ_ALL_EVERY_S)
        elif started >= self._read_again_at:
            self._add(PublishJob.objects.due_since(self._read_until - COMMIT_TIME, now))
        else:
            return True
        self._read_again_at = time.monotonic() + READ_EVERY_S
        self._read_until = now
        return bool(self._users)

    def _add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Those of accounts of which older jobs are remembered wait until all is read again."""
        users: dict[str, dict[str, deque[UUID]]] = {}
        for pk, account, user in rows:
            if not self._by_account.get(account):
                users.setdefault(user, {}).setdefault(account, deque()).append(pk)
        for user, accounts in users.items():
            self._by_account.update(accounts)
            known = self._by_user.setdefault(user, deque())
            if not known:
                self._users.append(known)
            known.extend(accounts.items())

    def take(self, limit: int, busy: Collection[str]) -> list[UUID]:
        """Up to `limit` jobs, each of another account, and none of the accounts in `busy`.

        They are forgotten: the next read finds those that are still due.
        """
        taken: list[UUID] = []
        used, without_turn = set(busy), []
        while self._users and len(taken) < limit:
            accounts = self._users.popleft()
            if job := _next_job(accounts, used):
                taken.append(job)
                if accounts:
                    self._users.append(accounts)
            else:
                without_turn.append(accounts)
        self._users.extendleft(reversed(without_turn))
        return taken


def _next_job(accounts: Accounts, used: set[str]) -> UUID | None:
    """The oldest job of the next account that is not in `used`, which gets that account."""
    for _ in range(len(accounts)):
        account, jobs = accounts.popleft()
        job = None if account in used else jobs.popleft()
        if jobs:
            accounts.append((account, jobs))
        if job:
            used.add(account)
            return job
    return None
