"""What `benchmarks.peers` compares the service with: each publishes jobs of two requests.

    python -m benchmarks.contestants NAME JOBS

Their addresses come from the environment: PLATFORM_URL, PEER_DATABASE, PEER_BROKER. The packages
are in requirements-benchmarks.txt.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import local
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

PLATFORM_URL = os.environ.get("PLATFORM_URL", "")
POST_URL = f"{PLATFORM_URL}/twitter/2/tweets"
POOL_THREADS = 512
HEADERS = {"Authorization": f"Bearer {'x' * 40}", "Content-Type": "application/json"}
BODY = json.dumps({"text": "Good morning from the harbour."}).encode()
Send = Callable[[requests.PreparedRequest], requests.Response]
own = local()


def two_calls() -> None:
    """With a session of the thread, as an application would."""
    if not hasattr(own, "session"):
        own.session = requests.Session()
    for _ in range(2):
        own.session.post(POST_URL, data=BODY, headers=HEADERS, timeout=30).raise_for_status()


# --- Without a database --------------------------------------------------------------------------


def raw_asyncio(jobs: int) -> None:
    """What the machine can do at most: sockets, and HTTP written by hand."""
    address = urlsplit(POST_URL)
    head = f"POST {address.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(BODY)}\r\n\r\n"
    message = head.encode() + BODY

    async def job() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for _ in range(2):
            writer.write(message)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"}}")
        writer.close()

    async def run() -> None:
        await asyncio.gather(*(job() for _ in range(jobs)))

    asyncio.run(run())


def pool_of_threads(jobs: int) -> None:
    """The library that the service uses, at its best: prepared requests, one adapter."""
    post = requests.Request("POST", POST_URL, data=BODY, headers=HEADERS).prepare()

    def job(send: Send) -> None:
        for _ in range(2):
            send(post.copy())

    _in_threads(job, jobs)


def pool_of_threads_with_photos(jobs: int) -> None:
    """The same, with a photo that is read from its source, uploaded and posted."""
    photo = requests.Request("GET", f"{PLATFORM_URL}/photo.jpg").prepare()
    post = requests.Request("POST", POST_URL, data=BODY, headers=HEADERS).prepare()

    def job(send: Send) -> None:
        upload = requests.Request(
            "POST",
            f"{PLATFORM_URL}/twitter/2/media/upload",
            data={"media_category": "tweet_image"},
            files={"media": ("media", send(photo.copy()).content, "image/jpeg")},
            headers={"Authorization": HEADERS["Authorization"]},
        )
        send(upload.prepare())
        send(post.copy())

    _in_threads(job, jobs)


def _in_threads(job: Callable[[Send], None], jobs: int) -> None:
    sys.setswitchinterval(0.1)
    adapter = HTTPAdapter(pool_maxsize=POOL_THREADS)

    def send(request: requests.PreparedRequest) -> requests.Response:
        response = adapter.send(request, timeout=(5, 30))
        response.raise_for_status()
        return response

    with ThreadPoolExecutor(POOL_THREADS) as pool:
        list(pool.map(lambda _: job(send), range(jobs)))


# --- Queues --------------------------------------------------------------------------------------


@cache
def procrastinate_app() -> Any:
    import aiohttp
    import procrastinate

    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=os.environ["PEER_DATABASE"])
    )
    sessions: list[Any] = []

    async def publish() -> None:
        if not sessions:
            sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        for _ in range(2):
            async with sessions[0].post(POST_URL, data=BODY, headers=HEADERS) as response:
                await response.read()

    app.task(name="publish")(publish)
    return app


def fill_procrastinate(jobs: int) -> None:
    app = procrastinate_app()

    async def fill() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await app.tasks["publish"].batch_defer_async(*({} for _ in range(jobs)))

    asyncio.run(fill())


def procrastinate_async_500(jobs: int) -> None:
    app = procrastinate_app()

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(concurrency=500, install_signal_handlers=False)

    asyncio.run(run())


@cache
def celery_app() -> Any:
    import celery

    app = celery.Celery(broker=os.environ["PEER_BROKER"])
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    app.task(name="publish")(two_calls)
    return app


def fill_celery(jobs: int) -> None:
    task = celery_app().tasks["publish"]
    for _ in range(jobs):
        task.delay()


def celery_threads_64(jobs: int) -> None:
    celery_app().worker_main(
        ["worker", "--pool=threads", "--concurrency=64", "--loglevel=ERROR", "--without-gossip"]
    )


def fill_django_q(jobs: int) -> None:
    """In a process with the settings of that cluster: they sign its tasks."""
    import django

    django.setup()
    from django_q.tasks import async_task

    for _ in range(jobs):
        async_task("benchmarks.contestants.two_calls")


def main(name: str, jobs: str) -> None:
    contestant: Callable[[int], None] = globals()[name]
    contestant(int(jobs))


if __name__ == "__main__":
    main(*sys.argv[1:])
