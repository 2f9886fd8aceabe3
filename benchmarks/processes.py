"""What processes use: CPU time and memory, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.db import connection

from config.run.processes import tree_of

TICKS_S = os.sysconf("SC_CLK_TCK")
KIB = 1024


def cpu_s(pid: int) -> float:
    """Of a process and all below it, those that have ended included."""
    return sum(_cpu_s(each) for each in tree_of(pid))


def _cpu_s(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # After the name, which may contain spaces: utime, stime, and both of ended children.
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / TICKS_S


def memory_mib(pid: int) -> float:
    """The proportional set size of a process and all below it: shared pages count once."""
    return sum(_pss_kib(each) for each in tree_of(pid)) / KIB


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    [line] = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1])


def postmaster() -> int:
    """The process of the PostgreSQL that Django is connected to, on this machine."""
    return int(Path(f"/proc/{_backend()}/stat").read_text().rpartition(")")[2].split()[1])


def own_cpu_s() -> float:
    """Of this process and of its connection to PostgreSQL, to the microsecond."""
    used_ns = Path(f"/proc/{_backend()}/schedstat").read_text().split()[0]
    return time.process_time() + int(used_ns) / 1e9


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)
