"""Worker groups, as of several machines, on one PostgreSQL; and what web processes use.

    python -m benchmarks.groups [--groups 1 2 4] [--threads 16] [--posts 500] [--seconds 5]

Each group is a `manage.py worker` with its own WORKER_GROUP. All are on this machine, so the groups
are kept small: with `--threads` requests in progress for each slot it is the platform's 250 ms that
limits a group, not the processors. Each group gets as many jobs. Connections are those that
PostgreSQL shows while half of the jobs are out. Then web processes accept posts over 64 connections
for some seconds. Memory is the proportional set size.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import itertools

from django.conf import settings
from django.db import connection

from benchmarks.accepting import User, accept_requests, send_all
from benchmarks.drain import Bench, Figures, new_accounts
from benchmarks.processes import memory_mib
from benchmarks.report import table
from benchmarks.service import responds, temporary_postgres, wait
from config.auth.dev_tokens import sign_dev_token
from config.run.environment import first_free
from config.run.service import web_command

CALLERS = 64
WEB = "web"


def connections() -> dict[str, int]:
    """Of PostgreSQL, by application: a worker group, or the web."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1"
        )
        return dict(cursor.fetchall())


def drain(count: int, options: argparse.Namespace) -> list[str]:
    names = [f"group{number}" for number in range(1, count + 1)]
    bench = Bench(options.posts * count)
    bench.environment["PUBLISH_THREADS"] = str(options.threads)
    found: dict[str, int] = {}
    with temporary_postgres() as url, bench.service(url, groups=names) as workers:
        accounts = new_accounts(bench.posts)
        figures = bench.drain_stored(workers, accounts, at_half=lambda: found.update(connections()))
    of_groups = "+".join(str(found[name]) for name in names)
    return [str(count), of_groups, *figures.cells()]


def web(options: argparse.Namespace) -> list[list[str]]:
    """Connections and memory of the web processes together, idle and after a load."""
    bench, port = Bench(1), first_free(18100)
    with (
        temporary_postgres() as url,
        bench.service(url),
        bench.running(*web_command("127.0.0.1", port), PGAPPNAME=WEB) as pid,
    ):
        wait(lambda: responds(f"http://127.0.0.1:{port}/healthz/worker"))
        token = sign_dev_token("user0", lifetime=dt.timedelta(hours=1))
        users = [User(token=token, connection=str(new_accounts(1)[0].pk))]
        idle = [f"{connections().get(WEB, 0)}", f"{memory_mib(pid):.0f}", ""]
        requests = accept_requests(users, itertools.count())
        rate = asyncio.run(send_all(port, requests, CALLERS, options.seconds))
        busy = [f"{connections().get(WEB, 0)}", f"{memory_mib(pid):.0f}", f"{rate:.0f}"]
    return [["idle", *idle], [f"after {CALLERS} callers", *busy]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--groups", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--threads", type=int, default=16, help="PUBLISH_THREADS of each slot")
    parser.add_argument("--posts", type=int, default=500, help="for each group")
    parser.add_argument("--seconds", type=float, default=5, help="of the load of the web")
    options = parser.parse_args()
    rows = [drain(count, options) for count in options.groups]
    print(table(["groups", "connections", *Figures.HEAD], rows), flush=True)
    print(f"\n{settings.WEB_CONCURRENCY} web processes:")
    print(table(["", "connections", "memory MiB", "posts accepted/s"], web(options)))


if __name__ == "__main__":
    main()
