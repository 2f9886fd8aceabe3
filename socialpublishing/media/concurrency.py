"""How many files this process reads at the same time, in all and from one host."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from socialpublishing.errors import MediaBusyError
from socialpublishing.media.addresses import FileAddress


class ReadLimiter:
    """Limits connections to one untrusted host, and transfers in all.

    Waiting for a response is no transfer, so a slow host takes no place from others.
    `total_setting` names the setting of the transfers. With `waits` False none waits for a place.
    """

    def __init__(self, total_setting: str, *, waits: bool = True) -> None:
        self._total_setting = total_setting
        self._waits = waits
        self._changed = threading.Condition()
        self._connections: Counter[str] = Counter()
        self._transfers: Counter[str] = Counter()

    @contextmanager
    def connection(self, address: FileAddress, deadline: float) -> Iterator[None]:
        """Wait until a connection may be opened. Raises MediaBusyError, as `transfer` does."""
        host = address.host

        # A trusted host has no limit of its own: it does not delay us on purpose.
        def may_start() -> bool:
            return address.is_trusted or self._connections[host] < settings.MEDIA_READS_PER_HOST

        with self._place(self._connections, host, may_start, deadline):
            yield

    @contextmanager
    def transfer(self, address: FileAddress, deadline: float) -> Iterator[ExitStack]:
        """Wait until a body may be read. Raises MediaBusyError at `deadline`, or if none waits.

        The place is free when the returned stack is closed, at the latest at the end.
        """

        def may_start() -> bool:
            return bool(self._transfers.total() < getattr(settings, self._total_setting))

        with self._place(self._transfers, address.host, may_start, deadline) as place:
            yield place

    @contextmanager
    def _place(
        self, places: Counter[str], host: str, may_start: Callable[[], bool], deadline: float
    ) -> Iterator[ExitStack]:
        with self._changed:
            wait_s = deadline - time.monotonic() if self._waits else 0
            if not self._changed.wait_for(may_start, wait_s):
                raise MediaBusyError
            places[host] += 1
        with ExitStack() as place:
            place.callback(self._free, places, host)
            yield place

    def _free(self, places: Counter[str], host: str) -> None:
        with self._changed:
            places -= Counter({host: 1})  # also removes hosts at zero
            self._changed.notify_all()


# For our own needs. A read may wait.
reads = ReadLimiter("MEDIA_READS")
# For platforms that pull (public.py): each occupies a connection to the source for as long as the
# platform takes. So their places are few and their own, and none waits for one.
pulls = ReadLimiter("MEDIA_PULLS", waits=False)
