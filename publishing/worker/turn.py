"""One turn of a worker's loop: the times that all decisions of the turn share."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from socialpublishing.platforms.pauses import PlatformPause
from socialpublishing.prepared import PreparedQuery

LEASE = dt.timedelta(seconds=30)
# A publish request may leave only while this much of its lease is left.
SEND_MARGIN_S = 5.0
PAUSES = PreparedQuery(lambda: PlatformPause.objects.all())


@dataclass(frozen=True, kw_only=True)
class Turn:
    """`now` is the database's time, `started` the process's own clock."""

    now: dt.datetime
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def pauses(self) -> Sequence[PlatformPause]:
        """The platforms that are paused, read once in a turn. `take_probe` is what counts."""
        return PAUSES.rows()

    @property
    def lease_until(self) -> dt.datetime:
        return self.now + LEASE

    @property
    def send_before(self) -> float:
        return self.started + LEASE.total_seconds() - SEND_MARGIN_S
