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
    """Limits concurrent reads in all and, per untrusted host, by MEDIA_READS_PER_HOST.

    `total_setting` names the setting of the former. With `waits` False there is no waiting for a
    place.
    """

    def __init__(self, total_setting: str, *, waits: bool = True) -> None:
        self._total_setting = total_setting
        self._waits = waits
        self._changed = threading.Condition()
        self._active: Counter[str] = Counter()

    @contextmanager
    def limit(self, address: FileAddress, deadline: float) -> Iterator[None]:
        """Wait until a read may start. Raises MediaBusyError at `deadline`, or if none waits."""
        host = address.host

        def may_start() -> bool:
            # A trusted host has no limit of its own: it does not delay us on purpose.
            below_host_limit = (
                address.is_trusted or self._active[host] < settings.MEDIA_READS_PER_HOST
            )
            total = getattr(settings, self._total_setting)
            return bool(below_host_limit and self._active.total() < total)

        with self._changed:
            wait_s = deadline - time.monotonic() if self._waits else 0
            if not self._changed.wait_for(may_start, wait_s):
                raise MediaBusyError
            self._active[host] += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= Counter({host: 1})  # also removes hosts at zero
                self._changed.notify_all()


# For our own needs. A read may wait.
reads = ReadLimiter("MEDIA_READS")
# For platforms that pull (public.py): each occupies a thread of the web process for as long as the
# platform takes. So their places are few and their own, and none waits for one.
pulls = ReadLimiter("MEDIA_PULLS", waits=False)
