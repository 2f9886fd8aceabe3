"""How many posts the service accepts, beside a bare DRF view on the same server (PostgreSQL).

    python -m benchmarks.accepting [--seconds 3] [--rounds 5] [--users 50] [--connections 16]

`POST /publishing/schedule` of a text on X, with all default settings: tokens, limits of requests
(counted, and set too high to be reached), checks, the job, its history and its event. The bare view
(`benchmarks/bare.py`) inserts one row and does nothing else. Both are in the same web processes,
behind the same middleware, and take turns. It prints for each the requests a second, and the CPU
milliseconds of web and of PostgreSQL for a request, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from benchmarks.processes import cpu_s, postmaster
from benchmarks.report import Goal, table, verdict
from benchmarks.service import Service, connect_to, database
from config.auth.dev_tokens import sign_dev_token
from config.run.journey import Caller

DAY = dt.timedelta(days=1)
# Of the bare view.
TABLE = """
CREATE TABLE bare_post (
    id uuid PRIMARY KEY,
    text text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
)
"""


@dataclass(frozen=True, kw_only=True)
class User:
    token: str
    connection: str


class Round(NamedTuple):
    requests_a_second: float
    web_ms: float
    postgres_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.web_ms + self.postgres_ms


def connected_users(service: Service, number: int) -> list[User]:
    users = []
    for n in range(number):
        token = sign_dev_token(f"user{n}", lifetime=DAY)
        caller = Caller(service=service.url, sandbox=service.sandbox_url, token=token)
        users.append(User(token=token, connection=caller.connect("twitter")["id"]))
    return users


def accept_requests(users: list[User], numbers: Iterator[int]) -> Iterator[bytes]:
    due = (dt.datetime.now(tz=dt.UTC) + DAY).isoformat()
    for user, number in zip(itertools.cycle(users), numbers, strict=False):
        body = {
            "connection_id": user.connection,
            "text_content": f"Good morning from the harbour, number {number}.",
            "schedule_time": due,
        }
        yield post("/api/v1/publishing/schedule", body, user.token)


def bare_requests(users: list[User], numbers: Iterator[int]) -> Iterator[bytes]:
    for each in accept_requests(users, numbers):
        yield each.replace(b"/api/v1/publishing/schedule", b"/bare", 1)


def post(path: str, body: dict[str, str], token: str) -> bytes:
    text = json.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return f"{head}{text}".encode()


async def send(port: int, requests: Iterator[bytes], until: float) -> int:
    """Send one after the other on one connection; return how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.monotonic() < until:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 202"):
            raise SystemExit(head.decode())
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        count += 1
    writer.close()
    return count


async def send_all(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> float:
    """The requests a second, over several connections."""
    started = time.monotonic()
    until = started + seconds
    counts = await asyncio.gather(*(send(port, requests, until) for _ in range(connections)))
    return sum(counts) / (time.monotonic() - started)


class Bench:
    def __init__(self, service: Service, options: argparse.Namespace) -> None:
        self.port = service.port
        self.web = service.processes[1].pid
        self.options = options

    def measure(self, requests: Iterator[bytes]) -> Round:
        server = postmaster()
        web, postgres, started = cpu_s(self.web), cpu_s(server), time.monotonic()
        rate = asyncio.run(
            send_all(self.port, requests, self.options.connections, self.options.seconds)
        )
        count = rate * (time.monotonic() - started)
        return Round(
            rate, 1000 * (cpu_s(self.web) - web) / count, 1000 * (cpu_s(server) - postgres) / count
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with database(is_sqlite=False) as url, connect_to(url):
        service = Service(
            url,
            DJANGO_SETTINGS_MODULE="benchmarks.bare_settings",
            THROTTLE_USER="100000000/m",
            LOG_LEVEL="INFO",
        )
        try:
            service.start_all()
            with connection.cursor() as cursor:
                cursor.execute(TABLE)
            users, numbers = connected_users(service, options.users), itertools.count()
            bench = Bench(service, options)
            contestants = {
                "bare DRF view": bare_requests(users, numbers),
                "POST /publishing/schedule": accept_requests(users, numbers),
            }
            rounds: dict[str, list[Round]] = {name: [] for name in contestants}
            # The first round warms up.
            for _ in range(options.rounds + 1):
                for name, requests in contestants.items():
                    rounds[name].append(bench.measure(requests))
            report({name: each[1:] for name, each in rounds.items()})
        finally:
            service.stop()


def report(rounds: dict[str, list[Round]]) -> None:
    def median(name: str, of: str) -> float:
        return statistics.median(getattr(each, of) for each in rounds[name])

    head = ["", "requests/s", "web CPU ms", "PostgreSQL CPU ms"]
    print(
        table(
            head,
            (
                [
                    name,
                    f"{median(name, 'requests_a_second'):.0f}",
                    f"{median(name, 'web_ms'):.2f}",
                    f"{median(name, 'postgres_ms'):.2f}",
                ]
                for name in rounds
            ),
        )
    )
    bare, accept = rounds
    rate = median(accept, "requests_a_second") / median(bare, "requests_a_second")
    cpu = median(accept, "cpu_ms") / median(bare, "cpu_ms")
    print(f"{settings.WEB_CONCURRENCY} web processes; ratio of the CPU for a request: {cpu:.2f}")
    print(verdict(Goal(what="accepted ÷ bare requests/s", figure=rate, at_least=0.6)))


if __name__ == "__main__":
    main()
