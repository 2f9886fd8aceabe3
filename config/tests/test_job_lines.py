"""What web and worker log of posts of every outcome: these lines, and no others."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from config.run.journey import PlannedPost
from config.run.service import manage
from config.tests.test_kill import Service, caller_of, receiver, responds, wait  # noqa: F401

pytestmark = pytest.mark.any_database

PATIENCE_S = 120
COMMENT = (("first_comment", "And more"),)
REFUSED_POST = {"title": "Forbidden", "detail": "This post has an invalid URL.", "status": 403}
NO_PERMISSION = {
    "error": {"code": 200, "type": "OAuthException", "message": "(#200) No permission"}
}
PAUSED = "a platform is paused: it refuses this service"
# Of a line: level, event, the post that it is about, code, who acts.
WEB_LINES = [("info", "job cancelled", "cancelled", "cancelled", None)]
WORKER_LINES = [
    ("info", "worker started", None, None, None),
    ("warning", "a webhook is paused", None, "gone", None),
    ("info", "job published", "published", None, None),
    ("info", "first comment done", "published", None, None),
    ("warning", "job needs somebody", "locked", "account_blocked", "owner"),
    ("warning", "refresh failed", None, "needs_reauth", None),
    ("warning", "job needs somebody", "ended", "needs_reauth", "owner"),
    ("warning", "connection needs its owner", None, "needs_reauth", None),
    ("warning", "job has an unknown outcome", "lost", "no_answer", None),
    ("info", "job published", "lost", None, None),
    ("error", PAUSED, None, "platform_configuration", None),
    ("warning", "job needs somebody", "paused", "platform_configuration", "operator"),
    ("warning", "job failed", "forbidden", "permission_missing", "owner"),
    ("warning", "job rejected for its content", "rejected", "content_rejected", "user"),
    ("info", "worker stops; finishing what is under way", None, None, None),
]  # fmt: skip


class Logged:
    """Web and worker, whose logs are read."""

    def __init__(self, service, folder):
        self.service, self.folder = service, folder
        self.names = {}  # of posts, by the ids of their jobs

    def start(self, name, command):
        with (self.folder / name).open("wb") as file:
            self.service.start(*command, log=file)

    def lines(self, name):
        """Of each process, without Python's warning that no static files were collected."""
        read = [json.loads(line) for line in (self.folder / name).read_text().splitlines()]
        return [line for line in read if line["logger"] != "py.warnings"]

    def shown(self, name):
        return [
            (line["level"], line["event"], self.names.get(line.get("job_id")), line.get("code"),
             line.get("who_acts"))
            for line in self.lines(name)
            if line["event"] != "request"
        ]  # fmt: skip


@pytest.fixture
def logged(database_url, sandbox, receiver, tmp_path):  # noqa: F811
    service = Service(database_url, sandbox)
    service.environment |= {
        "WEBHOOK_ALLOWED_ORIGINS": receiver.origin,
        "LOG_LEVEL": "INFO",
        "LABORATORY_TIME_DIVISOR": "10",  # the lookups of an unknown outcome would take 90 s
    }
    logged = Logged(service, tmp_path)
    logged.start("web", service.web)
    wait(lambda: responds(f"{service.url}/healthz"), PATIENCE_S)
    yield logged
    service.stop()


def test_each_outcome_and_each_state_that_needs_somebody_is_one_line(logged, sandbox, receiver):  # noqa: F811
    caller = caller_of("alice", logged.service, sandbox)
    receiver.respond = 410
    caller.call("POST", "/webhooks", json={"url": receiver.url}, expect=201)

    def connect(platform="twitter", **facts):
        account = sandbox.account(platform, **facts)["account_id"]
        return caller.connect(platform)["id"], account

    def publish(name, platform="twitter", *, connection="", **facts):
        post = PlannedPost(platform=platform, text=f"Post {name}", **facts)
        job = caller.publish(post, connection or connect(platform)[0])
        logged.names[job] = name
        return job

    sandbox.call("POST", "settings", pinterest_access="trial")
    sandbox.fault("drop_after", platform="linkedin", method="POST", path="/rest/posts")
    forbidden = {"code": 403, "body": NO_PERMISSION}
    sandbox.fault("status", forbidden, platform="facebook", method="POST", path="/feed$", times=9)
    first, _ = connect()
    publish("published", connection=first, options=COMMENT)
    publish("locked", connection=connect(restriction="locked")[0])
    ended, account = connect()
    publish("ended", connection=ended)
    sandbox.call("POST", "tokens/expire", account_id=account)
    publish("lost", "linkedin")
    publish("paused", "pinterest", file="harbour.jpg")
    publish("forbidden", "facebook")
    job = publish("cancelled", in_seconds=3600)
    caller.call("POST", f"/publishing/jobs/{job}/cancel")
    refused = {"code": 400, "body": {"error": "invalid_grant"}}
    sandbox.fault("status", refused, platform="twitter", path="oauth2/token", times=9)
    logged.start("worker", manage("worker"))
    wait(lambda: len(logged.shown("worker")) >= len(WORKER_LINES) - 2, PATIENCE_S)
    rejected = {"code": 403, "body": REFUSED_POST}
    sandbox.fault("status", rejected, method="POST", path="^/2/tweets$")
    publish("rejected", connection=first)
    wait(lambda: len(logged.shown("worker")) >= len(WORKER_LINES) - 1, PATIENCE_S)
    logged.service.stop()

    assert Counter(logged.shown("worker")) == Counter(WORKER_LINES)
    assert logged.shown("web") == WEB_LINES
    requests = [line for line in logged.lines("web") if line["event"] == "request"]
    assert {line["method"] for line in requests} == {"POST"}
    accepted = [line["request_id"] for line in requests if "/publishing/" in line["path"]]
    accepted_by = {}
    for line in logged.lines("worker") + logged.lines("web"):
        if "job_id" in line:
            assert {"connection_id", "platform", "user_id", "status"} <= line.keys()
            assert {"attempt", "duration_ms"} <= line.keys() or line["status"] == "Cancelled"
            accepted_by.setdefault(line["job_id"], set()).add(line["request_id"])
    assert sorted(map(list, accepted_by.values())) == sorted(
        [request] for request in accepted if request != requests[-2]["request_id"]
    )
