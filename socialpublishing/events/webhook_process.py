"""The process that delivers webhooks: the worker command starts it beside its cluster."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

from django.db import connections

from socialpublishing.events.delivering import Deliverer

logger = logging.getLogger(__name__)

# Its loop has not turned for so long, although a turn takes milliseconds: it hangs.
HANGS_AFTER_S = 60.0


class DeliveryProcess:
    """Started, watched and stopped by the supervisor. `die_with_parent` is called in the child."""

    def __init__(
        self, *, stop: Callable[[], object], die_with_parent: Callable[[], object]
    ) -> None:
        self._stop = stop
        self._die_with_parent = die_with_parent
        self._fork = multiprocessing.get_context("fork")
        self._turned_at = RawValue("d", 0.0)
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        connections.close_all()  # or two processes would use the same connection
        self._turned_at.value = time.monotonic()
        self._process = self._fork.Process(target=self._run)
        self._process.start()

    def check(self) -> None:
        """Start it again if it has ended or hangs."""
        is_silent = time.monotonic() - self._turned_at.value > HANGS_AFTER_S
        if self._process is not None and self._process.is_alive() and not is_silent:
            return
        logger.error("the process that delivers webhooks has ended or hangs; restarting it")
        self.kill()
        self.start()

    def join(self, seconds: float) -> None:
        if self._process is not None:
            self._process.join(seconds)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def _run(self) -> None:
        self._die_with_parent()
        Deliverer().run(stop=self._stop, alive=self._turn)

    def _turn(self) -> None:
        self._turned_at.value = time.monotonic()
