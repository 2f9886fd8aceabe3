"""A process that runs workers and kills them at a chosen point, for test_crash_points.py.

    python -m config.tests.laboratory

It reads commands as lines of JSON and responds to each with a line. A command is run in a child,
forked so that Django is imported once. The child is a real publishing process; the points at
which it stops are wrapped around our functions here, never in the service. It gets SIGKILL when
each job that it works on has reached its point or has ended, however long that takes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import django

django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402  needs Django
from django.db import connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from config.auth.dev_tokens import sign_dev_token  # noqa: E402
from config.run.processes import die_with_parent  # noqa: E402
from conftest import Sandbox, connect_account, plain_post  # noqa: E402
from connections.models import SocialConnection  # noqa: E402
from publishing import transitions  # noqa: E402
from publishing.engine import execute as execution  # noqa: E402
from publishing.engine.in_doubt import cannot_be_looked_up  # noqa: E402
from publishing.engine.settle import STEPS_OF_PUBLISHING  # noqa: E402
from publishing.engine.values import Step, StepKind  # noqa: E402
from publishing.models import PublishJob, Status  # noqa: E402
from publishing.tests.platform_requests import asset_to_upload  # noqa: E402
from publishing.worker import process, turn  # noqa: E402
from publishing.worker.laboratory import divide_times  # noqa: E402
from publishing.worker.process import Worker  # noqa: E402
from socialpublishing import http  # noqa: E402
from socialpublishing.errors import RateLimitError  # noqa: E402
from socialpublishing.events.models import Event, EventType  # noqa: E402
from socialpublishing.media.stream import Stream  # noqa: E402

THREADS = 256
# So many steps run at once, beside those that have stopped at a point. With more, a busy machine
# would send none of them within the divided lease.
AT_ONCE = 4
# A guard against a job that neither gets to its point nor ends. No verdict depends on it.
GIVE_UP_S = 900.0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Stops:
    """Which jobs have reached their point. `points`: the point of each job."""

    def __init__(self, points: Mapping[str, str], report: int) -> None:
        self.points, self.report = points, report
        self.reached: set[str] = set()
        # Jobs that will not get to their point any more.
        self.ended: set[str] = set()
        self.is_stopping = False  # at C17
        self.on_thread = threading.local()

    def at(self, point: str, job: PublishJob) -> None:
        """Block the thread for ever, if this is the point of its job."""
        if self.points.get(str(job.pk)) == point:
            self.note(str(job.pk))
            threading.Event().wait()

    def note(self, job_id: str) -> None:
        if job_id not in self.reached:
            self.reached.add(job_id)
            os.write(self.report, f"{job_id}\n".encode())

    def kill_when_reached(self) -> None:
        gives_up_at = time.monotonic() + GIVE_UP_S
        while not self.reached | self.ended >= self.points.keys():
            if time.monotonic() > gives_up_at:
                missing = self.points.keys() - self.reached - self.ended
                print({job: self.points[job] for job in missing}, file=sys.stderr)  # noqa: T201
                os._exit(1)
            time.sleep(0.02)
        die()


def stop_steps(stops: Stops) -> None:
    """The points before and after the HTTP of a step."""
    call = execution._call

    def stopped_call(client: Any, step: Step) -> Any:
        for point, is_there in BEFORE.items():
            if is_there(step):
                stops.at(point, step.job)
        stops.on_thread.step = step
        try:
            return call(client, step)
        except RateLimitError:
            stops.at("C15", step.job)
            raise
        finally:
            stops.on_thread.step = None
            if point := AFTER.get(step.kind):
                stops.at(point, step.job)

    execution._call = stopped_call


def stop_requests(stops: Stops) -> None:
    """The points in the HTTP of a step."""
    send = requests.adapters.HTTPAdapter.send

    def stopped_send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        step: Step | None = getattr(stops.on_thread, "step", None)
        is_refresh = step is not None and step.kind == StepKind.REFRESH
        if step is None or (request.method == "GET" and not is_refresh):
            return send(self, request, *args, **kwargs)
        is_publish = step.kind == StepKind.PUBLISH
        if is_publish and request.body and stops.points.get(str(step.job.pk)) == "C11":
            request.body = half_of(request.body, lambda: stops.at("C11", step.job))
        try:
            return send(self, request, *args, **kwargs)
        finally:
            if is_publish:
                stops.at("C12", step.job)
            if is_refresh:
                stops.at("C06", step.job)

    requests.adapters.HTTPAdapter.send = stopped_send  # type: ignore[method-assign]


def stop_reads(stops: Stops) -> None:
    """The point after the first bytes of a file."""
    read = Stream._read

    def stopped_read(self: Stream, size: int) -> bytes:
        data = read(self, size)
        if step := getattr(stops.on_thread, "step", None):
            stops.at("C05", step.job)
        return data

    Stream._read = stopped_read  # type: ignore[method-assign]


BEFORE: Mapping[str, Callable[[Step], bool]] = {
    "C04": lambda step: True,
    # Where no wait follows an upload, its id is stored with the publish intent.
    "C09": lambda step: bool(step.progress.handle) and step.kind in STEPS_OF_PUBLISHING,
    "C10": lambda step: step.kind == StepKind.PUBLISH,
}
# The points after a step, whatever came back, and before its outcome is stored.
AFTER = {
    StepKind.REFRESH: "C07",
    StepKind.PREPARE: "C08",
    StepKind.PUBLISH: "C13",
    StepKind.LOOKUP: "C18",
}


def half_of(body: Any, stop: Callable[[], None]) -> Iterator[bytes]:
    """The first half of a request's body; then `stop`."""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        body = body.read() if hasattr(body, "read") else b"".join(body)
    yield body[: len(body) // 2 + 1]
    time.sleep(0.1)
    stop()
    yield body[len(body) // 2 + 1 :]


def work(command: Mapping[str, Any], report: int) -> None:
    """Until each job is at its point, or, without points, until all jobs have ended."""
    points: Mapping[str, str] = command["points"]
    stops = Stops(points, report)
    for stop_in in (stop_steps, stop_requests, stop_reads):
        stop_in(stops)
    worker = Worker(command["slot"], threads=THREADS)
    worker.threads = AT_ONCE
    if "C03" in points.values():
        for job_id in points:
            stops.note(job_id)
        die()
    if "C17" in points.values():
        worker.run(seconds=GIVE_UP_S, stop=partial(begins_to_stop, worker, stops))
        threading.Event().wait()
    if points:
        threading.Thread(target=stops.kill_when_reached, daemon=True).start()
    worker.run(seconds=GIVE_UP_S, stop=partial(has_ended, worker, stops))


def begins_to_stop(worker: Worker, stops: Stops) -> bool:
    """From the first jobs in flight on. A second later (divided) the process is killed."""
    has_jobs = worker.in_flight or not PublishJob.objects.alive().exists()
    if has_jobs and not stops.is_stopping:
        stops.is_stopping = True
        for job_id in map(str, worker.in_flight):
            if stops.points.get(job_id) == "C17":
                stops.note(job_id)
        threading.Timer(1.0 / settings.LABORATORY_TIME_DIVISOR, die).start()
    return stops.is_stopping


def has_ended(worker: Worker, stops: Stops) -> bool:
    """Asked in each turn of the worker's loop. Notes what is stored of the jobs, too."""
    worker.threads = AT_ONCE + len(stops.reached)
    if not stops.points:
        return not PublishJob.objects.alive().exists()
    jobs = PublishJob.objects.filter(pk__in=stops.points)
    for pk, status, code, due in jobs.values_list("pk", "status", "error_code", "next_attempt_at"):
        point = stops.points[str(pk)]
        if STORED.get(point) in {status, code}:
            stops.note(str(pk))
        elif due is None:
            stops.ended.add(str(pk))
    return False


# The points after what is stored: a status, or an error code.
STORED = {"C14": Status.PUBLISHED, "C16": RateLimitError.code}


class Caller:
    def __init__(self) -> None:
        self.headers = {
            "Authorization": f"Bearer {sign_dev_token('alice', lifetime=dt.timedelta(hours=1))}",
            "Host": "127.0.0.1",
        }

    def post(self, body: Any, key: str) -> Any:
        path = "/api/v1/publishing/publish"
        headers = {**self.headers, "Idempotency-Key": key}
        return Client().post(path, body, content_type="application/json", headers=headers)


def accept(command: Mapping[str, Any], report: int) -> None:
    """A web process, killed before its commit (C01) or after it (C02)."""
    if command["point"] == "C01":
        insert = transitions.insert_together

        def insert_and_die(tables: Any) -> None:
            with transaction.atomic():
                insert(tables)
                die()

        transitions.insert_together = insert_and_die
    response = Caller().post(command["body"], command["key"])
    if command["point"] == "C02":
        die()
    os.write(report, response.content + b"\n")


def connection_of(command: Mapping[str, Any], report: int) -> None:
    job = PublishJob.objects.get(pk=command["job"])
    os.write(report, f"{job.connection_id}\n".encode())


def make(command: Mapping[str, Any], report: int) -> None:
    """A connection and a job for each of `posts`; reports the ids of the jobs."""
    PublishJob.objects.all().delete()
    soon = timezone.now() + dt.timedelta(minutes=5)
    sandbox = Sandbox(settings.SANDBOX_URL)
    for post in command["posts"]:
        account, platform = post["account"], post["platform"]
        connection = connect_account(account, platform, "alice")
        if post["needs_refresh"]:
            SocialConnection.objects.filter(pk=connection.pk).update(expires_at=soon)
        body = plain_post(connection, post["text"], assets=[asset_to_upload(sandbox, platform)])
        job_id = ""
        while not job_id:  # its times are short, and a machine may be busy
            job_id = Caller().post(body, str(uuid.uuid4())).json().get("job_id", "")
        os.write(report, f"{job_id}\n".encode())


def rows(command: Mapping[str, Any], report: int) -> None:
    """Each job with its number of events `job.published`."""
    for job in PublishJob.objects.all():
        events = Event.objects.filter(type=EventType.JOB_PUBLISHED, data__job_id=str(job.pk))
        row = {
            "id": str(job.pk),
            "status": job.status,
            "code": job.error_code,
            "lease_owner": job.lease_owner,
            "requests": job.publish_requests,
            # No list of the platform shows the post, so its outcome may stay unknown.
            "may_stay_unknown": cannot_be_looked_up(job) or not job.lookup_rules.is_complete,
            "events": events.count(),
            "history": [f"{each.to_status} {each.code} {each.note}" for each in job.events.all()],
        }
        os.write(report, (json.dumps(row) + "\n").encode())


COMMANDS = {
    "work": work,
    "accept": accept,
    "make": make,
    "rows": rows,
    "connection_of": connection_of,
}


def run(command: Mapping[str, Any]) -> dict[str, Any]:
    """Run `command` in a child; how it ended, and what it has reported."""
    connections.close_all()
    reading, writing = os.pipe()
    started = time.monotonic()
    die_too = die_with_parent(signal.SIGKILL)
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            if die_too:
                die_too()
            COMMANDS[command["do"]](command, writing)
        except BaseException:  # noqa: BLE001  a child must not go on as its parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as reported:
        lines = reported.read().splitlines()
    _, status = os.waitpid(pid, 0)
    return {
        "was_killed": os.WIFSIGNALED(status),
        "status": status,
        "reported": lines,
        "seconds": round(time.monotonic() - started, 2),
    }


def main() -> None:
    timeouts = (http.CONNECT_TIMEOUT_S, http.READ_TIMEOUT_S, http.REQUEST_DEADLINE_S)
    divide_times(settings.LABORATORY_TIME_DIVISOR)
    # Nothing hangs here, but a busy machine may be slow to send a request and to respond to it.
    http.CONNECT_TIMEOUT_S, http.READ_TIMEOUT_S, http.REQUEST_DEADLINE_S = timeouts
    turn.LEASE = process.LEASE = 2 * turn.LEASE
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)  # noqa: T201  its output


if __name__ == "__main__":
    main()
