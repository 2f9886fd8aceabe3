"""Starts and stops child processes, which always end with this one."""

import contextlib
import ctypes
import functools
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from config.run import ROOT

STOP_TIMEOUT_S = 35  # the web process gives its requests 30


class ChildEndedError(Exception):
    """A process that should run until we stop it has ended."""


def die_with_parent(signal_number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """A function for `preexec_fn`: the kernel ends the child with us, even after a `kill -9`.

    Linux only: elsewhere the children of a killed process go on.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # before the fork
    return functools.partial(_die_with, os.getpid(), signal_number, libc)


def die_with_supervisor() -> None:
    """In a process of `multiprocessing`: end with the one that started it. Linux only."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid and sys.platform == "linux":
        _die_with(supervisor.pid, signal.SIGTERM, ctypes.CDLL(None))


def _die_with(parent: int, signal_number: int, libc: ctypes.CDLL) -> None:
    libc.prctl(1, signal_number)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def tree_of(pid: int) -> Iterator[int]:
    """The process and all that it has started. Linux only."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from tree_of(int(child))


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> int:
    """Run `command`, which writes where we write, and return its exit code."""
    return subprocess.run(
        command, cwd=ROOT, env=env, preexec_fn=die_with_parent(), check=False
    ).returncode


class Children:
    """Processes that run together: `raise_if_ended` checks them; leaving the block ends all."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.logs: dict[str, Path] = {}

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path | None = None
    ) -> None:
        """Start `command`; it writes into `log`, or where we write."""
        with contextlib.ExitStack() as stack:
            output = None
            if log:
                output = stack.enter_context(log.open("wb"))
                self.logs[name] = log
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output and subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches us alone, and we end the
                # children in order. A child's own children are ended with its group.
                process_group=0,
                preexec_fn=die_with_parent(),
            )

    def raise_if_ended(self) -> None:
        """Raise ChildEndedError if one has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise ChildEndedError(
                    f"{name} has ended with exit code {process.returncode}.{self.last_lines(name)}"
                )

    def last_lines(self, name: str) -> str:
        if name not in self.logs:
            return ""
        return "\n" + "\n".join(self.logs[name].read_text(errors="replace").splitlines()[-20:])

    def wait_until_one_ends(self) -> None:
        """Raise ChildEndedError as soon as one ends."""
        while True:
            self.raise_if_ended()
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # In reverse order: the worker finishes its requests before the sandbox stops.
        for process in reversed(self.processes.values()):
            stop(process)


def stop(process: subprocess.Popen[bytes], *, first: int = signal.SIGTERM) -> None:
    """Ask `process` to end; after a timeout or another Ctrl-C, kill its process group."""
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        if process.poll() is None:
            process.send_signal(first)
            process.wait(STOP_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do: a port whose last connections are in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
