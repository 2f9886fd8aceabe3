"""The code of docs/recipes.md, run as a new user runs it."""

import datetime as dt
import itertools
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import requests
from django.utils import timezone

from clients.python import social_publishing
from config.auth.dev_tokens import sign_dev_token
from config.run import ROOT
from conftest import consent, statuses
from socialpublishing.events.delivering import RETRIES_S, Deliverer
from socialpublishing.media.network import INTERNET
from socialpublishing.tests.receiver import Receiver

PAGE = ROOT / "docs" / "recipes.md"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)


@pytest.fixture
def receiver(settings):
    receiver = Receiver()
    settings.WEBHOOK_ALLOWED_ORIGINS = [receiver.origin]
    yield receiver
    receiver.close()


@pytest.fixture
def token(monkeypatch):
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))
    monkeypatch.setenv("TOKEN", token)
    monkeypatch.setitem(sys.modules, "social_publishing", social_publishing)
    return token


@pytest.fixture
def blocks(live_server, sandbox, receiver):
    """Language and code of each block, with the addresses of this test."""
    text = PAGE.read_text("utf-8")
    for written, real in {
        "http://127.0.0.1:8000": live_server.url,
        "http://127.0.0.1:8001": sandbox.url,
        "http://127.0.0.1:9000": receiver.origin,
        'prefer="wait=20"': "prefer=None",  # the worker runs between the blocks
        "curl ": "curl -f ",
    }.items():
        assert written in text, written
        text = text.replace(written, real)
    return BLOCK.findall(text)


def run_in_shell(lines, **variables):
    done = subprocess.run(
        ["sh", "-euc", lines],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fail_a_delivery(receiver):
    """All attempts of the deliveries that wait."""
    deliverer, now = Deliverer(network=replace(INTERNET, headers_s=2)), timezone.now()
    receiver.respond = 500
    for elapsed_s in itertools.accumulate((0, *RETRIES_S)):
        deliverer.finish(now + dt.timedelta(seconds=1.5 * elapsed_s))
    receiver.respond = 204
    receiver.requests.clear()
    return deliverer


@pytest.mark.skipif(not shutil.which("curl"), reason="The page uses curl.")
def test_recipes_run(
    transactional_db, live_server, sandbox, worker, receiver, token, blocks, make_connection
):
    make_connection("linkedin")
    output = []
    shown = {}

    def read(prompt):
        """What the page after the consent shows."""
        if not shown:
            callback = consent(names["started"]["authorization_url"])
            shown.update(requests.get(f"{live_server.url}/api/v1/{callback}", timeout=10).json())
        return shown[prompt.removesuffix(": ")]

    names = {"input": read, "print": lambda *values: output.append(" ".join(map(str, values)))}
    for language, code in blocks:
        if "redeliver_webhooks" in code:
            names["client"].cancel_publish_job(names["planned"]["job_id"])
            deliverer = fail_a_delivery(receiver)
        if language == "sh":
            output.append(run_in_shell(code, TOKEN=token, ID=names["connection"]["id"]))
        else:
            exec(compile(code, PAGE.name, "exec"), names)
        worker.work_ahead(60)
        if "redeliver_webhooks" in code:
            deliverer.finish(timezone.now())

    assert statuses() == {"Published": 5, "Scheduled": 2, "Cancelled": 1}
    job = names["client"].get_publish_job(names["commented"]["job_id"])
    assert (job["deleted_at"] is not None, job["warnings"]) == (True, [])
    assert receiver.types() == ["job.cancelled"]
    [(_, headers, body)] = receiver.requests
    assert names["receive"](body.encode(), headers) == 204
    assert names["receive"](body.replace("cancelled", "published").encode(), headers) == 400
    printed = "\n".join(output)
    assert printed.lower().count("x-possible-duplicate") == 1
    for expected in ("twitter True {'amount': 0.015", "linkedin True None", "content_rejected"):
        assert expected in printed
