"""How many files this process reads at the same time, in all and from one host."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from socialpublishing.errors import MediaBusyError
from socialpublishing.media.addresses import FileAddress


class ReadLimiter:
    """Limits concurrent reads by MEDIA_READS and, per untrusted host, MEDIA_READS_PER_HOST."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._active: Counter[str] = Counter()

    @contextmanager
    def limit(self, address: FileAddress, deadline: float) -> Iterator[None]:
        """Wait until a read may start. Raises MediaBusyError at `deadline`."""
        host = address.host

        def may_start() -> bool:
            # A trusted host has no limit of its own: it does not delay us on purpose.
            below_host_limit = (
                address.is_trusted or self._active[host] < settings.MEDIA_READS_PER_HOST
            )
            return bool(below_host_limit and self._active.total() < settings.MEDIA_READS)

        with self._changed:
            if not self._changed.wait_for(may_start, deadline - time.monotonic()):
                raise MediaBusyError
            self._active[host] += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= Counter({host: 1})  # also removes hosts at zero
                self._changed.notify_all()


reads = ReadLimiter()
