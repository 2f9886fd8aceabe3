"""Slow senders and slow media sources, while another user works.

    python -m benchmarks.slow_callers [--senders 500] [--sources 200] [--seconds 30] [--sqlite]

The senders post one byte each 2 s, without a token, half of them to the console's login. The
sources deliver one byte each second: they are the assets of validate and publish calls of one user,
who sends the next call as soon as the last one has been responded to. Throttles are off, so that
they do not help. Meanwhile another user's job list and /healthz are timed, and that user publishes
a post each second. The senders and the sources are processes of their own.

It fails if a p99 is 1 s or more, or if an accepted post is more than 5 s late. `--server` measures
another command in place of ours, with {port} for the port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import multiprocessing
import os
import resource
import shlex
import time
from collections import Counter
from collections.abc import Coroutine
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import requests

from benchmarks.service import Service, database
from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller
from config.run.processes import free_port, tree_of

BYTE_EVERY_S = 2
PROBE_EVERY_S = 0.1
PROBE_TIMEOUT_S = 10
LATE_AFTER_S = 5
BODY_BYTES = 200_000


# --- The attack: a process of its own ------------------------------------------------------------


def attack(ready: Event, port: int, media_port: int, senders: int, bodies: list[bytes]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> None:
        source = await asyncio.start_server(slow_source, "127.0.0.1", media_port, backlog=1000)
        async with source, asyncio.TaskGroup() as group:
            for number in range(senders):
                path = ("/admin/login/", "/api/v1/publishing/publish")[number % 2]
                group.create_task(for_ever(slow_sender(port, path)))
            for body in bodies:
                group.create_task(for_ever(whole_request(port, body)))
            ready.set()

    asyncio.run(run())


async def for_ever(act: Any) -> None:
    while True:
        with contextlib.suppress(OSError, EOFError):
            await act()
        await asyncio.sleep(0.1)


def slow_sender(port: int, path: str) -> Any:
    async def act() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Content-Length: {BODY_BYTES}\r\n\r\n".encode()
            )
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BYTE_EVERY_S):
                        if not await reader.read(1000):
                            return
        finally:
            writer.close()

    return act


def whole_request(port: int, request: bytes) -> Any:
    async def act() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            await reader.read()
        finally:
            writer.close()

    return act


async def slow_source(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\nContent-Type: image/jpeg\r\n\r\n"
        writer.write(head + b"\xff\xd8\xff")
        while True:
            writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(1)


def post_of(path: str, connection: str, token: str, asset: str, text: str) -> bytes:
    body = json.dumps(
        {
            "connection_id": connection,
            "text_content": text,
            "assets": [{"url": asset, "asset_type": "image", "mime_type": "image/jpeg"}],
        }
    ).encode()
    head = (
        f"POST /api/v1/publishing/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    return head.encode() + body


# --- What another user notices -------------------------------------------------------------------


async def time_requests(port: int, path: str, token: str, until: float) -> list[float]:
    """The seconds of each request; PROBE_TIMEOUT_S for one without a good response in time."""
    taken: list[float] = []
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    while time.monotonic() < until:
        started = time.monotonic()
        is_good = False
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request)
                is_good = (await reader.read()).startswith(b"HTTP/1.1 200")
                writer.close()
        taken.append(time.monotonic() - started if is_good else PROBE_TIMEOUT_S)
        await asyncio.sleep(PROBE_EVERY_S)
    return taken


def publish_each_second(service: Service, connection: str, token: str, until: float) -> Counter:
    """Counts accepted posts and refused or lost requests."""
    outcome: Counter[str] = Counter()
    session = requests.Session()
    while time.monotonic() < until:
        body = {"connection_id": connection, "text_content": f"Post {outcome.total()} of bob"}
        try:
            response = session.post(
                f"{service.url}/api/v1/publishing/publish",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=PROBE_TIMEOUT_S,
            )
            outcome["accepted" if response.status_code == 202 else "refused"] += 1
        except requests.RequestException:
            outcome["lost"] += 1
        time.sleep(1)
    return outcome


def lateness(service: Service, token: str) -> list[float]:
    """The seconds from accepting to the post, of each of the user's jobs."""
    late: list[float] = []
    cursor = "/api/v1/publishing/jobs?limit=100"
    response = requests.get(
        f"{service.url}{cursor}", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    for job in response.json():
        if job["status"] != "Published":
            late.append(float("inf"))
            continue
        accepted, done = (dt.datetime.fromisoformat(job[n]) for n in ("created_at", "published_at"))
        late.append((done - accepted).total_seconds())
    return late


# --- The run -------------------------------------------------------------------------------------


class Bench:
    def __init__(self, service: Service, options: argparse.Namespace) -> None:
        self.service = service
        self.options = options
        lifetime = dt.timedelta(hours=1)
        self.tokens = {user: sign_dev_token(user, lifetime=lifetime) for user in ("alice", "bob")}
        self.connections = {user: self._connect(user) for user in self.tokens}

    def _connect(self, user: str) -> str:
        made = {"platform": "twitter", "username": user}
        url = f"{self.service.sandbox_url}/control/accounts"
        requests.post(url, json=made, timeout=10).raise_for_status()
        caller = Caller(
            service=self.service.url, sandbox=self.service.sandbox_url, token=self.tokens[user]
        )
        return str(caller.connect("twitter")["id"])

    @contextlib.contextmanager
    def under_attack(self, media_port: int) -> Any:
        bodies = [
            post_of(
                ("validate", "publish")[number % 2],
                self.connections["alice"],
                self.tokens["alice"],
                f"http://127.0.0.1:{media_port}/{number}.jpg",
                f"Slow {number}",
            )
            for number in range(self.options.sources)
        ]
        spawn = multiprocessing.get_context("spawn")
        ready = spawn.Event()
        arguments = (ready, self.service.port, media_port, self.options.senders, bodies)
        process = spawn.Process(target=attack, args=arguments, daemon=True)
        process.start()
        ready.wait(60)
        time.sleep(5)  # until everything that they can take is taken
        yield
        process.kill()
        process.join()

    async def measure(self) -> tuple[list[list[float]], Counter]:
        until = time.monotonic() + self.options.seconds
        bob = self.tokens["bob"]
        timed: list[Coroutine[Any, Any, list[float]]] = [
            time_requests(self.service.port, path, bob, until)
            for path in ("/healthz", "/api/v1/publishing/jobs?limit=20")
        ]
        return await asyncio.gather(
            asyncio.gather(*timed),
            asyncio.to_thread(
                publish_each_second, self.service, self.connections["bob"], bob, until
            ),
        )  # type: ignore[return-value]


def p(share: float, seconds: list[float]) -> float:
    return sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)]


def memory_mb(pid: int) -> float:
    pages = 0
    for each in tree_of(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def processor_s(pid: int) -> float:
    """The processor time of the processes so far: unlike the others, no other load changes it."""
    ticks = 0
    for each in tree_of(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def report(timed: list[list[float]], outcome: Counter, late: list[float], memory: float) -> bool:
    is_good = True
    for name, seconds in zip(("/healthz", "job list"), timed, strict=True):
        print(
            f"{name}: {len(seconds)} requests, p50 {p(0.5, seconds):.3f} s, "
            f"p99 {p(0.99, seconds):.3f} s, slowest {max(seconds):.3f} s"
        )
        is_good &= p(0.99, seconds) < 1
    too_late = sum(each > LATE_AFTER_S for each in late)
    print(f"another user's posts: {dict(outcome)}, late: {too_late} of {len(late)}")
    print(f"memory of the web processes: {memory:.0f} MB")
    return is_good and not too_late and outcome.keys() == {"accepted"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--senders", type=int, default=500)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    parser.add_argument("--server", default="", help="another command, such as a WSGI server's")
    options = parser.parse_args()
    media_port = free_port()
    with database(is_sqlite=options.sqlite) as url:
        service = Service(url)
        sources = f"{service.sandbox_url},http://127.0.0.1:{media_port}"
        service.environment["MEDIA_ALLOWED_ORIGINS"] = sources
        if options.server:
            service.web = shlex.split(options.server.format(port=service.port))
        try:
            service.start_all()
            bench = Bench(service, options)
            service.start_worker()
            with bench.under_attack(media_port):
                web = service.processes[1].pid
                used_s = processor_s(web)
                timed, outcome = asyncio.run(bench.measure())
                used_s = (processor_s(web) - used_s) / options.seconds
                memory = memory_mb(web)
            time.sleep(LATE_AFTER_S + PROBE_TIMEOUT_S)
            late = lateness(service, bench.tokens["bob"])
        finally:
            service.stop()
    print(f"processor time of the web processes: {used_s:.2f} s a second")
    if not report(timed, outcome, late, memory):
        raise SystemExit("Other users noticed the slow ones.")


if __name__ == "__main__":
    main()
