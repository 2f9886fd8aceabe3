"""The jobs that are due, as a worker remembers them between two reads of the table.

To rank all that is due at each claim would cost the more the longer the backlog is. A worker reads
the ids of due jobs once in a while instead, and takes those whose turn it is from memory. What it
remembers may be out of date: a claim checks each row again, and passes over those that are not due.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Collection
from uuid import UUID

from publishing.models import PublishJob

# Reading a long backlog takes this share of a worker's time. But after so many seconds it is read
# again, so that a job that has become due meanwhile gets its turn.
READING_SHARE = 1 / 20
READ_EVERY_S = 0.5

# The accounts of a user that have due jobs, and those of each.
Accounts = deque[tuple[str, deque[UUID]]]


class DueJobs:
    """Users take turns, and so do the accounts of a user. An account's oldest job comes first."""

    def __init__(self) -> None:
        self._users: deque[Accounts] = deque()
        self._read_again_at = 0.0

    def read(self, now: dt.datetime) -> bool:
        """Read the table again if it is time to; returns whether any job is due."""
        started = time.monotonic()
        if not self._users or started >= self._read_again_at:
            users: dict[str, dict[str, deque[UUID]]] = {}
            for pk, account, user in PublishJob.objects.due(now):
                users.setdefault(user, {}).setdefault(account, deque()).append(pk)
            self._users = deque(deque(accounts.items()) for accounts in users.values())
            read_at = time.monotonic()
            pause = min((read_at - started) / READING_SHARE, READ_EVERY_S)
            self._read_again_at = read_at + pause
        return bool(self._users)

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
