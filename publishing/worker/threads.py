"""The threads of a worker, which do its HTTP. Nobody waits for one: results go into a queue."""

from __future__ import annotations

import queue
import threading
import weakref

from publishing.engine.execute import execute
from publishing.engine.values import Result, Step

# A step, or None for a thread to end.
Steps = queue.SimpleQueue[Step | None]
Results = queue.SimpleQueue[Result]


class Threads:
    """Lighter than an executor, which makes a Future with its locks for each step."""

    def __init__(self, results: Results, name: str) -> None:
        self._results, self._name = results, name
        self._steps: Steps = queue.SimpleQueue()
        self._started: list[None] = []
        self.end = weakref.finalize(self, _end, self._steps, self._started)

    def hand_out(self, step: Step, *, under_way: int) -> None:
        """Take `step` in a thread; one more is started if `under_way` steps need it."""
        self._steps.put(step)
        if len(self._started) < under_way:
            self._started.append(None)
            arguments = (self._steps, self._results)
            threading.Thread(target=_work, args=arguments, name=self._name, daemon=True).start()


def _work(steps: Steps, results: Results) -> None:
    while (step := steps.get()) is not None:
        results.put(execute(step))


def _end(steps: Steps, started: list[None]) -> None:
    """Each thread ends after its current step."""
    for _ in started:
        steps.put(None)
