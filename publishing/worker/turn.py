"""One turn of a worker's loop: the times that all decisions of the turn share."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field

LEASE = dt.timedelta(seconds=30)
# A publish request may leave only while this much of its lease is left.
SEND_MARGIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Turn:
    """`now` is the database's time, `started` the process's own clock."""

    now: dt.datetime
    started: float = field(default_factory=time.monotonic)

    @property
    def lease_until(self) -> dt.datetime:
        return self.now + LEASE

    @property
    def send_before(self) -> float:
        return self.started + LEASE.total_seconds() - SEND_MARGIN_S
