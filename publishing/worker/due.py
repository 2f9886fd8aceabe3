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
from collections.abc import Collection, Generator, Iterable, Sequence
from typing import Any
from uuid import UUID

from publishing.claiming import platform_of
from publishing.models import PublishJob

# What has become due since is read this often.
READ_EVERY_S = 0.5
# All of it is read again less often: that takes this share of a worker's time, and is due at the
# latest after so many seconds.
READING_SHARE = 1 / 20
READ_ALL_EVERY_S = 5.0
# A job may become visible so long after the time at which it is due.
COMMIT_TIME = dt.timedelta(seconds=1)

# The accounts of a user on one platform that have due jobs, and those of each.
Accounts = deque[tuple[str, deque[UUID]]]


class DueJobs:
    """Platforms take turns, on each its users, and so do the accounts of a user there.

    An account's oldest job comes first. At most `of_a_platform` jobs of one are at work at once.
    """

    def __init__(self, of_a_platform: int) -> None:
        self._of_a_platform = of_a_platform
        self._platforms: deque[tuple[str, deque[Accounts]]] = deque()
        self._by_user: dict[tuple[str, str], Accounts] = {}
        self._by_account: dict[str, deque[UUID]] = {}
        self.read_until = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._read_again_at = self._read_all_again_at = 0.0

    def read(self, now: dt.datetime) -> bool:
        """Read the table again if it is time to; returns whether any job is due."""
        started = time.monotonic()
        if not self._has_any or started >= self._read_all_again_at:
            turns = {platform: turn for turn, (platform, _) in enumerate(self._platforms)}
            self._platforms, self._by_user, self._by_account = deque(), {}, {}
            self._add(PublishJob.objects.due(now))
            # Whose turn it was stays.
            self._platforms = deque(
                sorted(self._platforms, key=lambda each: turns.get(each[0], -1))
            )
            pause_s = (time.monotonic() - started) / READING_SHARE
            self._read_all_again_at = time.monotonic() + min(pause_s, READ_ALL_EVERY_S)
        elif started >= self._read_again_at:
            self._add(PublishJob.objects.due_since(self.read_until - COMMIT_TIME, now))
        else:
            return True
        self._read_again_at = time.monotonic() + READ_EVERY_S
        self.read_until = now
        return self._has_any

    def read_within(self, seconds: float) -> None:
        """Some job is due then."""
        self._read_again_at = min(self._read_again_at, time.monotonic() + seconds)

    @property
    def _has_any(self) -> bool:
        return any(users for _, users in self._platforms)

    def _add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Those of accounts of which older jobs are remembered wait until all is read again."""
        users: dict[tuple[str, str], dict[str, deque[UUID]]] = {}
        for pk, account, user in rows:
            if not self._by_account.get(account):
                of_user = users.setdefault((platform_of(account), user), {})
                of_user.setdefault(account, deque()).append(pk)
        on_platform = dict(self._platforms)
        for (platform, user), accounts in users.items():
            self._by_account.update(accounts)
            known = self._by_user.setdefault((platform, user), deque())
            if not known:
                if platform not in on_platform:
                    on_platform[platform] = deque()
                    self._platforms.append((platform, on_platform[platform]))
                on_platform[platform].append(known)
            known.extend(accounts.items())

    def take(self, limit: int, busy: Collection[str]) -> list[UUID]:
        """Up to `limit` jobs, each of another account, and none of the accounts in `busy`.

        They are forgotten: the next read finds those that are still due.
        """
        taken: list[UUID] = []
        used = set(busy)
        turns = {platform: _in_turn(users, used) for platform, users in self._platforms}
        without_turn = []
        while self._platforms and len(taken) < limit:
            platform, users = self._platforms.popleft()
            if self._has_room(platform, used) and (job := next(turns[platform], None)):
                taken.append(job)
                self._platforms.append((platform, users))
            else:
                without_turn.append((platform, users))
        self._platforms.extendleft(reversed(without_turn))
        for jobs in turns.values():
            jobs.close()
        return taken

    def has_room(self, busy: Collection[str]) -> bool:
        """Whether a platform that has due jobs has room for one beside those that are `busy`."""
        return any(users and self._has_room(platform, busy) for platform, users in self._platforms)

    def _has_room(self, platform: str, used: Collection[str]) -> bool:
        if len(used) < self._of_a_platform:
            return True
        return sum(platform_of(each) == platform for each in used) < self._of_a_platform


def _in_turn(users: deque[Accounts], used: set[str]) -> Generator[UUID, None, None]:
    """The next jobs, each of an account that is not in `used`, which gets that account."""
    without_turn = []
    try:
        while users:
            accounts = users.popleft()
            if job := _next_job(accounts, used):
                if accounts:
                    users.append(accounts)
                yield job
            else:
                without_turn.append(accounts)
    finally:
        users.extendleft(reversed(without_turn))


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
