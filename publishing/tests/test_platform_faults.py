"""What a platform may do with a publish request, on each platform: F01 to F24.

After each, the post exists once, and nobody was asked too often. Where a person removed the post,
it is not published again. `./run test` has two platforms, `./run night` all.

In platforms/, because each platform has its own: F11 and F12 (a refused token, also in
test_tokens_while_publishing.py), F15 (a repeat that is refused as a duplicate: test_twitter.py,
test_linkedin.py), F16 (a duplicate that is gone: test_linkedin.py), F19 (processing that fails,
does not end, or whose result expires).
"""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import timezone

from conftest import statuses
from publishing.models import PublishJob, Status
from publishing.tests.platform_requests import (
    PUBLISH_REQUESTS,
    UPLOAD_REQUESTS,
    add_fault,
    asset_to_upload,
    count_requests,
)
from socialpublishing import http
from socialpublishing.platforms import PLATFORMS

pytestmark = [pytest.mark.usefixtures("instant_processing"), pytest.mark.any_database]

IN_EVERY_RUN = {"twitter", "linkedin"}
DOWN_S = 1800
SLOW_S = 10
NOBODY = "http://127.0.0.1:1"  # refuses connections


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name in IN_EVERY_RUN else pytest.mark.night)
        for name in sorted(PLATFORMS)
    ]
)
def platform(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def short_timeouts(monkeypatch):
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.4)


def status(code: int, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"code": code, **({} if body is None else {"body": body}), **more}


HTML = "<html><body>Bad gateway</body></html>"
UNLISTED = {"error": {"message": "Too many calls.", "code": 99999, "type": "Unlisted"}}
AMBIGUOUS = {
    "F03 reset before it was processed": ("drop_before", None),
    "F04 accepted, then reset": ("drop_after", None),
    "F05 accepted, body cut": ("malformed", None),
    "F06 accepted, response too late": ("delay_after", 1.0),
    "F07 not accepted, response too late": ("status", status(500, delay=1.0)),
    "F08 500, accepted": ("status", status(500, accepts=True)),
    "F08 502, accepted": ("status", status(502, HTML, accepts=True)),
    "F08 503, accepted": ("status", status(503, accepts=True)),
    "F08 504, accepted": ("status", status(504, HTML, accepts=True)),
    "F08 502, not accepted": ("status", status(502, HTML)),
    "F08 504, not accepted": ("status", status(504, HTML)),
    "F10 an unknown code with status 400, accepted": (
        "status",
        status(400, UNLISTED, accepts=True),
    ),
    "F10 an unknown code with status 403, accepted": (
        "status",
        status(403, UNLISTED, accepts=True),
    ),
    "F17 HTML with status 200": ("status", status(200, HTML)),
    "F17 {} with status 200, accepted": ("status", status(200, {}, accepts=True)),
    "F17 an id of another type, accepted": ("status", status(200, {"id": [1]}, accepts=True)),
}


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_post_exists_once_after_an_ambiguous_response(api, connection, sandbox, worker, fault):
    action, value = AMBIGUOUS[fault]
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, action, value)
    api.publish(connection, "Once")

    worker.work_ahead(1500)

    assert statuses() == {"Published": 1}, PublishJob.objects.get().error_message
    assert len(sandbox.posts(connection.platform)) == 1


@pytest.fixture
def silent_host(monkeypatch) -> Iterator[str]:
    """It does not respond to who wants to connect: its queue is full."""
    monkeypatch.setattr(http, "CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as queue:
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("fault", ["F01 refused", "F02 timeout"])
def test_host_that_cannot_be_reached_uses_no_attempt(
    api, connection, worker, sandbox, settings, silent_host, fault
):
    api.publish(connection, "Once")
    unreachable = silent_host if "F02" in fault else NOBODY
    reachable, settings.SANDBOX_URL = settings.SANDBOX_URL, unreachable

    worker.work_ahead(300)

    job = PublishJob.objects.get()
    assert (job.status, job.attempts, job.publish_started_at) == ("Pending", 0, None)
    settings.SANDBOX_URL = reachable
    worker.work_ahead(1500)
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(connection.platform)) == 1


@pytest.mark.parametrize(
    "then",
    [
        status(429, headers={"Retry-After": "60"}),
        status(429, headers={"Retry-After": "400"}),
        status(403, UNLISTED),
    ],
)
def test_post_exists_once_when_more_follows_an_unknown_refusal(
    api, connection, sandbox, worker, then
):
    """F10: the repeat is refused as a duplicate only after something else held it up."""
    for value in (status(400, UNLISTED, accepts=True), then):
        add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "status", value)
    api.publish(connection, "Once")

    worker.work_ahead(3600)

    assert statuses() == {"Published": 1}, PublishJob.objects.get().error_message
    assert len(sandbox.posts(connection.platform)) == 1


FINAL = {
    "F13 a missing permission": ("status", 403, "permission_missing"),
    "F14 refused content": ("reject", None, "content_rejected"),
}


@pytest.mark.parametrize("fault", FINAL)
def test_refusal_that_a_retry_cannot_change_is_final(api, connection, sandbox, worker, fault):
    action, value, code = FINAL[fault]
    # TikTok's upload host, which gets the publish request, refuses neither.
    requests = UPLOAD_REQUESTS if connection.platform == "tiktok" else PUBLISH_REQUESTS
    add_fault(sandbox, requests, connection.platform, action, value, times=9)
    asset = asset_to_upload(sandbox, connection.platform)
    api.publish(connection, "Refused", assets=[asset])

    worker.work_ahead(86400)

    job = PublishJob.objects.get()
    assert (job.error_code, job.next_attempt_at) == (code, None)
    assert count_requests(sandbox, requests, connection.platform) == 1
    assert sandbox.posts(connection.platform) == []


RETRY_AFTER = {
    "seconds": "60",
    "date": None,  # two minutes ahead
    "absent": "",
    "0": "0",
    "negative": "-5",
    "text": "soon",
    "a year": "31536000",
}


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_f09_nothing_is_sent_before_a_limit_ends(api, connection, sandbox, worker, value):
    at = timezone.now() + dt.timedelta(minutes=2)
    text = RETRY_AFTER[value]
    header = f"{at:%a, %d %b %Y %H:%M:%S} GMT" if text is None else text
    limit = status(429, headers={"Retry-After": header} if header else {})
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "status", limit)
    api.publish(connection, "Limited", late_grace_seconds=48 * 3600)
    worker.work()

    worker.work_ahead(20)

    job = PublishJob.objects.get()
    assert (job.status, job.waiting_for) == ("Pending", "rate_limit")
    assert count_requests(sandbox, PUBLISH_REQUESTS, connection.platform) == 1
    until = job.next_attempt_at - timezone.now()
    assert dt.timedelta(seconds=20) < until < dt.timedelta(hours=24, minutes=1)
    worker.work_ahead(25 * 3600)
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(connection.platform)) == 1


def test_f18_post_that_the_platform_removes_is_not_published_again(
    api, connection, sandbox, worker
):
    api.publish(connection, "Removed later")
    worker.work_ahead(600)
    [job] = PublishJob.objects.all()
    requests = count_requests(sandbox, PUBLISH_REQUESTS, connection.platform)

    sandbox.call("DELETE", "state")
    worker.work_ahead(86400)

    job.refresh_from_db()
    assert job.status == Status.PUBLISHED
    assert requests == 1
    assert count_requests(sandbox, PUBLISH_REQUESTS, connection.platform) == 0


def test_f20_f21_lookups_that_fail_for_long_repeat_no_request(api, connection, sandbox, worker):
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "drop_after")
    api.publish(connection, "Once", late_grace_seconds=24 * 3600)
    worker.work()
    sandbox.fault("status", 503, platform=connection.platform, method="GET", times=1000)
    if connection.platform in {"linkedin", "tiktok"}:  # whose lookups are no GET
        sandbox.fault("status", 503, platform=connection.platform, method="POST", times=1000)

    worker.work_ahead(DOWN_S)

    assert len(sandbox.posts(connection.platform)) == 1
    assert PublishJob.objects.get().status in {Status.UNCONFIRMED, Status.PROCESSING, "Published"}
    sandbox.call("DELETE", "faults")
    worker.work_ahead(86400 * 2)
    assert len(sandbox.posts(connection.platform)) == 1
    assert PublishJob.objects.get().status in {Status.PUBLISHED, Status.UNCONFIRMED}


def test_f22_post_that_is_listed_late_is_not_repeated(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", list_delay_seconds=80)
    add_fault(sandbox, PUBLISH_REQUESTS, connection.platform, "drop_after")
    api.publish(connection, "Shows late")

    worker.work_ahead(600, sandbox=sandbox)

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts(connection.platform)) == 1


@pytest.mark.night
def test_f23_posts_of_a_platform_that_was_down_go_out_in_their_order(
    api, make_connection, sandbox, worker, settings, platform
):
    connections = [make_connection(platform) for _ in range(3)]
    for number in range(9):
        api.publish(connections[number % 3], f"Number {number}")
    reachable, settings.SANDBOX_URL = settings.SANDBOX_URL, NOBODY
    worker.work_ahead(900)
    assert statuses() == {"Pending": 9}

    settings.SANDBOX_URL = reachable
    worker.work_ahead(2000)

    assert statuses() == {"Published": 9}
    assert len(sandbox.posts(platform)) == 9


def test_f24_posts_of_other_platforms_do_not_wait_for_a_slow_one(
    api, make_connection, sandbox, worker, platform
):
    slow = worker.threads
    add_fault(sandbox, PUBLISH_REQUESTS, platform, "delay", SLOW_S, times=slow)
    others = sorted(PLATFORMS.keys() - {platform})
    for name in (*[platform] * slow, *others):
        api.publish(make_connection(name), f"On {name}")

    while {post["platform"] for post in sandbox.posts()} != set(others):
        worker.turn(timezone.now())
        worker._collect(0.1)

    assert sandbox.posts(platform) == []
    worker.work_ahead(1500)
    assert len(sandbox.posts(platform)) == slow
