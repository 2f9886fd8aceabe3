"""The commands of the README, run as a new user runs them."""

from __future__ import annotations

import datetime as dt
import html
import re
import shutil
import subprocess
import sys

import pytest
import requests

from config.auth.dev_tokens import sign_dev_token
from config.run import ROOT
from conftest import statuses
from publishing.models import PublishJob

SHELL_BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def run_in_shell(transactional_db, live_server, sandbox, settings):
    """Runs lines of the README with the addresses of this test; a failed request fails the test."""
    if not shutil.which("curl"):
        pytest.skip("The README uses curl.")
    settings.SERVICE_BASE_URL = live_server.url
    token = sign_dev_token("alice", lifetime=dt.timedelta(hours=1))

    def run(lines: str) -> str:
        for written, real in {
            "$(./run manage dev_token alice)": token,
            "http://127.0.0.1:8000": live_server.url,
            "http://127.0.0.1:8001": sandbox.url,
            ".venv/bin/python": sys.executable,
            "curl ": "curl -f ",
        }.items():
            lines = lines.replace(written, real)
        done = subprocess.run(
            ["sh", "-euc", lines],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TOKEN": token},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_first_requests_connect_publish_and_schedule(run_in_shell, sandbox, worker):
    readme = (ROOT / "README.md").read_text()
    start, then = SHELL_BLOCKS.findall(readme.partition("## Call it")[2])

    [consent_page] = re.findall(r'"authorization_url":"([^"]+)"', run_in_shell(start))
    page = requests.post(
        consent_page, data={"allow": "1"}, headers={"Accept": "text/html"}, timeout=10
    )
    [*_, command] = re.findall(r"<code[^>]*>([^<]+)</code>", page.text)
    assert '"status":"active"' in run_in_shell(html.unescape(command))
    prelude = start.replace("api 'connections/connect", "true '")
    responses = run_in_shell(prelude + then)

    worker.work_ahead()
    assert statuses() == {"Published": 3}
    assert [post["text"] for post in sandbox.posts()] == ["Hello", "Fresh bread", "In a minute"]
    assert [len(post["media"]) for post in sandbox.posts()] == [0, 1, 0]
    assert PublishJob.objects.filter(scheduled_at__isnull=False).count() == 1
    assert '"tag":"bread"' in responses
