"""The process that delivers webhooks: the worker command starts it beside its cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

from socialpublishing.events.delivering import Deliverer
from socialpublishing.forked import ForkedChild

logger = logging.getLogger(__name__)

# Its loop has not turned for so long, although a turn takes milliseconds: it hangs.
HANGS_AFTER_S = 60.0


class DeliveryProcess:
    """Started, watched and stopped by the supervisor. `die_with_parent` is called in the child."""

    def __init__(
        self, *, stop: Callable[[], object], die_with_parent: Callable[[], object]
    ) -> None:
        self._stop = stop
        self._turned_at = RawValue("d", 0.0)
        self._child = ForkedChild(self._deliver, die_with_parent=die_with_parent)
        self.join, self.kill = self._child.join, self._child.kill

    def start(self) -> None:
        self._turned_at.value = time.monotonic()
        self._child.start()

    def check(self) -> None:
        """Start it again if it has ended or hangs."""
        is_silent = time.monotonic() - self._turned_at.value > HANGS_AFTER_S
        if self._child.is_alive() and not is_silent:
            return
        logger.error("the process that delivers webhooks has ended or hangs; restarting it")
        self.kill()
        self.start()

    def _deliver(self) -> None:
        Deliverer().run(stop=self._stop, alive=self._turn)

    def _turn(self) -> None:
        self._turned_at.value = time.monotonic()
