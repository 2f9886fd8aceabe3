"""A worker gets SIGKILL exactly at each point of a publish attempt, on all platforms.

The points C01 to C18 are explained in laboratory.py and in docs/development.md. After each run the
sandbox's posts are compared with our rows: nothing is lost, nothing doubled.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.run.processes import die_with_parent
from config.tests.conftest import separate_database
from conftest import Sandbox
from publishing.tests.platform_requests import PUBLISH_REQUESTS, add_fault
from socialpublishing.platforms import PLATFORMS

DIVISOR = 30
# The points of one job. Each job of a run may have its own, in the same worker.
STEPS = tuple(f"C{number:02}" for number in (*range(4, 15), 18))
# Those for which the platform has to refuse every publish request for now.
LIMITED = ("C15", "C16")
# The points of a run: a worker gets to one of these lines only.
LINES: Mapping[str, Sequence[str]] = {
    "start": ("C03",),
    "steps": STEPS,
    "limits": LIMITED,
    "stop": ("C17",),
}
# Only where a publish request is in doubt is there a lookup in which to stop.
IN_DOUBT = {"C10", "C11", "C12", "C13", "C18"}
# Platforms whose posts never get to a point: the token of a Facebook Page needs no refresh.
WITHOUT: Mapping[str, Collection[str]] = {"C06": {"facebook"}, "C07": {"facebook"}}
# Where no post gets to C14. LinkedIn shows the posts of its members to nobody.
UNPUBLISHED: Mapping[str, Collection[str]] = {
    "rejected": PLATFORMS,
    "lost": {"linkedin"},
    "late": {"linkedin"},
}
# What the platform does with each publish request.
RESPONSES: Mapping[str, tuple[str, Any]] = {
    "accepted": ("delay", 0),
    "rejected": ("reject", None),
    "lost": ("drop_after", None),
    "late": ("accept_late", 30 / DIVISOR),
}
FOR_NOW = ("status", {"code": 429, "headers": {"Retry-After": "2"}})
REJECTED = {"ContentRejected", "Failed"}


@dataclass(kw_only=True)
class Plan:
    """A job, and the point at which each of its workers but the last is killed."""

    platform: str
    points: tuple[str, ...]
    text: str = ""
    reached: list[str] = field(default_factory=list)

    @property
    def sequence(self) -> tuple[str, ...]:
        found: list[str] = []
        for point in self.points:
            if point == "C18" and IN_DOUBT.isdisjoint(found[-1:]):
                found.append("C12")
            found.append(point)
        return tuple(found)

    @property
    def missed(self) -> list[str]:
        """The points to which the job did not get, though its platform has them."""
        has_them = [each for each in self.sequence if self.platform not in WITHOUT.get(each, ())]
        return [each for each in has_them if each not in self.reached]


class Laboratory:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.runs = itertools.count(1)

    def do(self, what: str, **command: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps({"do": what, **command}), file=self.process.stdin, flush=True)
        response: dict[str, Any] = json.loads(self.process.stdout.readline())
        return response

    def rows(self) -> dict[str, dict[str, Any]]:
        rows = [json.loads(line) for line in self.do("rows")["reported"]]
        return {row["id"]: row for row in rows}

    def make(self, sandbox: Sandbox, plans: Sequence[Plan]) -> dict[str, Plan]:
        """A job for each plan, on an account of its own."""
        run = next(self.runs)
        for number, plan in enumerate(plans):
            plan.text = f"Run {run} number {number} {' '.join(plan.points)}"
        posts = [
            {
                "platform": plan.platform,
                "text": plan.text,
                "account": sandbox.account(plan.platform),
                "needs_refresh": not {"C06", "C07"}.isdisjoint(plan.points),
            }
            for plan in plans
        ]
        made = self.do("make", posts=posts)
        assert made["status"] == 0
        return dict(zip(made["reported"], plans, strict=True))

    def play(self, sandbox: Sandbox, plans: Sequence[Plan], response: str) -> dict[str, Plan]:
        """Kill workers at the points of `plans`, then let one finish. Returns them by job."""
        sandbox.call("POST", "settings", tiktok_limit_seconds=60 / DIVISOR)
        jobs = self.make(sandbox, plans)
        for kill in range(max(len(plan.sequence) for plan in plans)):
            points = {
                job: plan.sequence[kill] for job, plan in jobs.items() if kill < len(plan.sequence)
            }
            is_limited = not set(points.values()).isdisjoint(LIMITED)
            respond(sandbox, FOR_NOW if is_limited else RESPONSES[response])
            ended = self.do("work", slot=f"lab/{kill}", points=points)
            assert ended["was_killed"], [
                self.rows()[job] for job in points.keys() - ended["reported"]
            ]
            for job in ended["reported"]:
                jobs[job].reached.append(points[job])
        respond(sandbox, RESPONSES[response])
        ended = self.do("work", slot="lab/last", points={})
        assert not ended["was_killed"]
        assert ended["status"] == 0
        return jobs


def respond(sandbox: Sandbox, response: tuple[str, Any]) -> None:
    """To each publish request from now on."""
    sandbox.call("DELETE", "faults")
    for platform in PLATFORMS:
        add_fault(sandbox, PUBLISH_REQUESTS, platform, *response, times=10_000)


@pytest.fixture(scope="module")
def laboratory(
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_server: Any,
    service_url: str,
    migrated_database: str,
) -> Iterator[Laboratory]:
    with separate_database(tmp_path_factory.mktemp("laboratory"), migrated_database) as url:
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "SANDBOX_URL": sandbox_server.url,
            "SERVICE_BASE_URL": service_url,
            "MEDIA_ALLOWED_ORIGINS": sandbox_server.url,
            "ENABLE_TIKTOK_PUBLISHING": "on",
            "LABORATORY_TIME_DIVISOR": str(DIVISOR),
            "API_RETRY_DELAY_SECONDS": "0.05",
            # A job that has stopped at C05 keeps its place.
            "MEDIA_READS": "256",
            "LOG_LEVEL": "ERROR",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "config.tests.laboratory"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(),
        )
        yield Laboratory(process)
        process.kill()
        process.wait()


def judge(
    laboratory: Laboratory, sandbox: Sandbox, jobs: Mapping[str, Plan], response: str
) -> None:
    """Compare the platform's posts with our rows."""
    time.sleep(0.2)
    posts = [post["text"] for post in sandbox.posts()]
    wrong = []
    for job, row in laboratory.rows().items():
        plan = jobs[job]
        times = sum(plan.text in text for text in posts)
        if response == "rejected":
            is_right = times == 0 and row["status"] in REJECTED
        else:
            is_right = times == 1 and row["status"] == "Published" and row["events"] == 1
        is_unknown = row["status"] == "Unconfirmed" and row["may_stay_unknown"] and times <= 1
        if not (is_right or is_unknown) or row["lease_owner"]:
            history = "\n    ".join(row["history"])
            wrong.append(
                f"{plan.platform} {plan.points}, reached {plan.reached}: {times} posts, "
                f"{row['status']} {row['code']}, {row['events']} events, {row['requests']} requests"
                f"\n    {history}"
            )
    assert not wrong, "\n" + "\n".join(wrong)
    assert len(jobs) == len(laboratory.rows())


def plans_of(points: Sequence[str]) -> list[Plan]:
    """Each of `points` on each platform."""
    return [
        Plan(platform=platform, points=(point,))
        for point in points
        for platform in sorted(PLATFORMS)
    ]


def test_slice_of_the_crash_points(laboratory, sandbox):
    """Three points on two platforms, in one worker; `./run night` has all."""
    plans = [
        Plan(platform=platform, points=(point,))
        for platform in ("twitter", "pinterest")
        for point in ("C04", "C10", "C13")
    ]

    jobs = laboratory.play(sandbox, plans, "accepted")

    judge(laboratory, sandbox, jobs, "accepted")
    assert not any(plan.missed for plan in plans)


@pytest.mark.night
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("line", LINES)
def test_worker_is_killed_at_each_point(laboratory, sandbox, line, response):
    """Each point on each platform that has it."""
    unpublished = UNPUBLISHED.get(response, ())
    plans = [
        plan
        for plan in plans_of(LINES[line])
        if plan.points != ("C14",) or plan.platform not in unpublished
    ]

    jobs = laboratory.play(sandbox, plans, response)

    judge(laboratory, sandbox, jobs, response)
    if line == "stop":  # with the first jobs in flight
        assert any(plan.reached for plan in plans)
    else:
        assert not [(plan.platform, plan.missed) for plan in plans if plan.missed]


@pytest.mark.night
@pytest.mark.parametrize("second", LINES)
@pytest.mark.parametrize("first", LINES)
def test_two_workers_are_killed_one_after_the_other(laboratory, sandbox, first, second):
    """All pairs of points, each on one platform that has the first; on each platform many."""
    platforms = itertools.cycle(sorted(PLATFORMS))
    pairs = itertools.product(LINES[first], LINES[second])
    plans = [Plan(platform=next(platforms), points=pair) for pair in pairs]

    jobs = laboratory.play(sandbox, plans, "accepted")

    judge(laboratory, sandbox, jobs, "accepted")


# --- Before a worker has the job -----------------------------------------------------------------


@pytest.mark.parametrize(("point", "expected"), [("C01", 0), ("C02", 1)])
def test_web_process_is_killed_while_it_accepts(laboratory, sandbox, point, expected):
    """Before the commit there is no job; after it, nothing else is needed."""
    jobs = laboratory.make(sandbox, [Plan(platform="twitter", points=())])
    [first] = jobs
    connection = laboratory.do("connection_of", job=first)["reported"][0]
    body = {"connection_id": connection, "text_content": f"Accepted at {point}"}
    command = {"body": body, "key": point}

    killed = laboratory.do("accept", point=point, **command)

    assert killed["was_killed"]
    assert len(laboratory.rows()) == 1 + expected
    again = laboratory.do("accept", point="", **command)
    assert "job_id" in json.loads(again["reported"][0])
    laboratory.do("work", slot="lab/1", points={})
    assert [post["text"] for post in sandbox.posts()].count(body["text_content"]) == 1
    assert len(laboratory.rows()) == 2
