"""Keeps a django-q2 cluster running: starts it, starts its workers, and restarts it when it hangs.

It does the same for the process that delivers webhooks.

Plain `qcluster` does not survive the death of one of its processes: its children outlive their
parent, an idle one that dies can leave the task queue locked for ever, and a signal handler that
takes locks can wait for itself. Here the cluster is a process group of its own that dies with its
parent, the workers' heartbeats are checked, and signals are waited for instead of handled.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import logging
import multiprocessing
import os
import signal
import sys
import time
import uuid
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django_q.cluster import Sentinel
from django_q.tasks import async_task

from publishing.models import WorkerSlot
from publishing.worker.metrics_process import MetricsProcess
from publishing.worker.process import DRAIN_S, stopping
from publishing.worker.slots import group_queue, slot_names
from socialpublishing.clock import database_now
from socialpublishing.events.sending import ATTEMPT_S
from socialpublishing.events.webhook_process import DeliveryProcess

logger = logging.getLogger(__name__)

POLL_EVERY_S = 1.0
# A slot without a heartbeat for so long gets a new tick, and another if that one does not start.
SILENT_AFTER = dt.timedelta(seconds=3)
TICK_EVERY_S = 10.0
# A slot with a heartbeat gets the next tick, which takes it over, after so long.
NEXT_TICK_AFTER_S = 60.0
# No slot has a heartbeat in so many checks, one a second, despite new ticks: the cluster hangs.
# Checks are counted, because time also passes while the database or this machine is stopped.
HANGS_AFTER_CHECKS = 30
SIGNALS = {signal.SIGTERM, signal.SIGINT}
PR_SET_PDEATHSIG = 1


class Supervisor:
    def __init__(self) -> None:
        self.fork = multiprocessing.get_context("fork")
        self.tick_started_at: dict[str, float] = {}
        die_with_us = partial(_die_with, os.getpid())
        self.webhooks = DeliveryProcess(stop=lambda: stopping.value, die_with_parent=die_with_us)
        self.metrics = MetricsProcess(die_with_parent=die_with_us)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; then finish the work under way."""
        stopping.value = 0
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self.start()
            self.webhooks.start()
            self.metrics.check()
            while not _must_stop():
                self.check()
                self.webhooks.check()
                self.metrics.check()
            self.stop()
        finally:
            self.kill()
            self.webhooks.kill()
            self.metrics.kill()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def start(self) -> None:
        connections.close_all()  # or two processes would use the same connection
        self.stop_event = self.fork.Event()
        self.cluster = self.fork.Process(
            target=_run_cluster, args=(self.stop_event, self.fork.Event(), os.getpid())
        )
        self.cluster.start()
        self.silent_checks = 0
        self.tick_started_at.clear()
        logger.info("worker started")

    def check(self) -> None:
        """Restart the cluster if it has ended or hangs; start the workers that are missing."""
        if not self.cluster.is_alive():
            logger.error("the cluster has ended; restarting it")
            self._restart()
            return
        try:
            has_heartbeat = self.start_ticks()
        except DatabaseError:
            logger.warning("the database is away")
            connections.close_all()
            has_heartbeat = True  # nobody knows
        self.silent_checks = 0 if has_heartbeat else self.silent_checks + 1
        if self.silent_checks > HANGS_AFTER_CHECKS:
            logger.error("no worker sends heartbeats any more; restarting the cluster")
            self._restart()

    def start_ticks(self) -> bool:
        """Start the ticks that are missing. Returns whether any slot has a heartbeat."""
        now, names = database_now(), slot_names()
        alive = set(
            WorkerSlot.objects.filter(
                name__in=names, heartbeat_at__gt=now - SILENT_AFTER
            ).values_list("name", flat=True)
        )
        for name in names:
            age_s = time.monotonic() - self.tick_started_at.get(name, float("-inf"))
            if age_s > (NEXT_TICK_AFTER_S if name in alive else TICK_EVERY_S):
                async_task("publishing.tasks.publish_tick", name, cluster=group_queue())
                self.tick_started_at[name] = time.monotonic()
        return bool(alive)

    def _restart(self) -> None:
        self.kill()
        self.start()

    def stop(self) -> None:
        logger.info("worker stops; finishing what is under way")
        stopping.value = 1
        self.stop_event.set()
        self.cluster.join(DRAIN_S + 15)
        self.webhooks.join(ATTEMPT_S)

    def kill(self) -> None:
        """Kill what is left of the cluster's process group."""
        if self.cluster.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.cluster.pid, signal.SIGKILL)
            self.cluster.join()


def _must_stop() -> bool:
    """Wait a moment for a signal."""
    received = signal.sigtimedwait(SIGNALS, POLL_EVERY_S)
    # None: no signal came. If this process, or its machine, was stopped and goes on after the
    # timeout, Python returns an empty one.
    return received is not None and received.si_signo in SIGNALS


def _run_cluster(stop_event: Any, start_event: Any, parent: int) -> None:
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _die_with(parent)
    # The children of the cluster die with it, too.
    os.register_at_fork(before=_remember_parent, after_in_child=_die_with_remembered)
    Sentinel(stop_event, start_event, uuid.uuid4())


_parent = 0


def _remember_parent() -> None:
    global _parent
    _parent = os.getpid()


def _die_with_remembered() -> None:
    _die_with(_parent)


def _die_with(parent: int) -> None:
    """Have Linux kill this process when `parent` ends. Elsewhere its leases run out."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it ended before the call above
