"""A child process of the worker's supervisor."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable

from django.db import connections


class ForkedChild:
    """Runs `target`. `die_with_parent` is called in the child first."""

    def __init__(
        self, target: Callable[[], object], *, die_with_parent: Callable[[], object]
    ) -> None:
        self._target = target
        self._die_with_parent = die_with_parent
        self._fork = multiprocessing.get_context("fork")
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        connections.close_all()  # or two processes would use the same connection
        self._process = self._fork.Process(target=self._run)
        self._process.start()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def join(self, seconds: float) -> None:
        if self._process is not None:
            self._process.join(seconds)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def _run(self) -> None:
        self._die_with_parent()
        self._target()
