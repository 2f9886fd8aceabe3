"""The threads of the web process, and which of them a request takes.

Requests that wait for other servers (files of posts, platforms) have threads of their own, so that
they do not use up those of all others. Whoever waits for a thread holds none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from django.urls import Resolver404, resolve

from config.web.refusals import RefusedError

QUICK_THREADS = 32
MEDIA_THREADS = 32  # MEDIA_READS of them read, others wait for the end of a job (Prefer)
PLATFORM_THREADS = 16
STREAM_THREADS = 16
WAIT_S = 10
PATIENT_WAIT_S = 60  # where threads are soon free, unless the database is slow


class Pool:
    """Some threads. One caller gets at most `share` of them at a time."""

    def __init__(
        self, name: str, threads: int, *, code: str, share: float = 1, wait_s: float = WAIT_S
    ) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._per_caller = max(1, int(threads * share))
        self._code = code
        self._wait_s = wait_s
        self._changed = asyncio.Condition()
        self._active: Counter[str] = Counter()

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """Wait until a thread is free. Raises RefusedError if none is in time."""
        async with self._changed:
            try:
                async with asyncio.timeout(self._wait_s):
                    await self._changed.wait_for(lambda: self._is_free_for(caller))
            except TimeoutError as error:
                raise RefusedError(self._code) from error
            self._active[caller] += 1
        try:
            yield
        finally:
            async with self._changed:
                self._active -= Counter({caller: 1})
                self._changed.notify_all()

    def _is_free_for(self, caller: str) -> bool:
        return self._active.total() < self._threads and self._active[caller] < self._per_caller

    async def run(self, act: Callable[..., Any], *args: Any) -> Any:
        """Call `act` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, act, *args)


class Pools:
    def __init__(self) -> None:
        self.quick = Pool("quick", QUICK_THREADS, code="busy", wait_s=PATIENT_WAIT_S)
        self.media = Pool("media", MEDIA_THREADS, code="media_busy", share=0.375)
        self.platform = Pool("platform", PLATFORM_THREADS, code="busy", share=0.5)
        self.stream = Pool("stream", STREAM_THREADS, code="busy", wait_s=PATIENT_WAIT_S)

    def of(self, method: str, path: str) -> Pool:
        """Where a request runs, by what its view declares: `reads_media`, `asks_platform`."""
        if path.startswith("/media/"):
            return self.stream
        for each in (path, path.removesuffix("/") if path.endswith("/") else f"{path}/"):
            try:
                view: Any = resolve(each).func
            except Resolver404:
                continue
            action = getattr(view, "actions", {}).get(method.lower(), "")
            if action in getattr(view.cls if action else view, "reads_media", ()):
                return self.media
            if action in getattr(view.cls if action else view, "asks_platform", ()):
                return self.platform
            break
        return self.quick
