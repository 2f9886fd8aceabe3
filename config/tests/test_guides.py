"""The commands of README, quickstart and recipes, and a caller in TypeScript, as users run them.

One service serves all of them: the first commands of the quickstart start it, in a copy of the
project without settings and database. Only the packages are installed already.
"""

from __future__ import annotations

import contextlib
import hashlib
import html
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
import requests

from clients.python import social_publishing
from config.run import ROOT
from config.run.journey import Caller, Form
from config.run.processes import free_port
from config.tests.conftest import FOLDER
from config.tests.test_kill import responds, wait
from conftest import Sandbox, consent
from socialpublishing.tests.receiver import Receiver

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="The pages use curl.")

BLOCK = re.compile(r"```(?:python|sh)\n(.*?)```", re.DOTALL)
NOT_COPIED = (".*_cache", ".env", ".git", ".venv", "__pycache__", "node_modules", "var")
PATIENCE_S, START_S = 60, 240


class Shell:
    """A shell into which a user types. A command that fails ends it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["sh", "-eu"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def type(self, lines: str) -> None:
        self._process.stdin.write(f"{lines}\n")
        self._process.stdin.flush()

    def run(self, lines: str) -> str:
        """What has been printed when `lines` end, also by commands in the background."""
        end, output = uuid.uuid4().hex, []
        alarm = threading.Timer(PATIENCE_S, self.stop)
        alarm.start()
        self.type(f"{lines}\necho\necho {end}")
        for line in self._process.stdout:
            if line.strip() == end:
                alarm.cancel()
                return "".join(output)
            output.append(line)
        raise AssertionError(f"{lines}\n{''.join(output)}")

    def run_until(self, expected: str, output: str) -> str:
        """`output` and what the commands in the background print until `expected` is there."""
        give_up_at = time.monotonic() + PATIENCE_S
        while expected not in output:
            assert time.monotonic() < give_up_at, output
            output += self.run("sleep 0.1")
        return output

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def close(self) -> None:
        self.stop()
        self._process.communicate()


class Service:
    """What the quickstart starts. Its pages have the addresses of this test."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        ports = {name: str(free_port()) for name in ("PORT", "SANDBOX_PORT")}
        self.url = f"http://127.0.0.1:{ports['PORT']}"
        self.sandbox = Sandbox(f"http://127.0.0.1:{ports['SANDBOX_PORT']}")
        self.receiver = receiver
        self.receiver_port = free_port()
        self.folder = folder / "social-publishing"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHON": sys.executable, **ports,
        }  # fmt: skip
        self.shells = [Shell(folder, self.environment)]

    def start(self) -> None:
        clone, *commands = self.blocks("docs/quickstart.md")[0].splitlines()
        assert clone.startswith("git clone")
        origins = "WEBHOOK_ALLOWED_ORIGINS="
        for line in commands:
            self.shells[0].type(line.replace(origins, f"{origins}{self.receiver.origin},"))
        wait(lambda: responds(f"{self.url}/healthz/worker"), START_S)

    def close(self) -> None:
        for shell in reversed(self.shells):
            shell.close()

    def blocks(self, page: str, *, user: str = "alice", receiver_port: int = 0) -> list[str]:
        text = (ROOT / page).read_text("utf-8")
        for written, real in {
            "127.0.0.1:8000": self.url.removeprefix("http://"),
            "127.0.0.1:8001": self.sandbox.url.removeprefix("http://"),
            "9000": str(receiver_port or self.receiver_port),
            "dev_token alice": f"dev_token {user}",
            "minutes=1)": "seconds=3)",
            "curl ": "curl -f ",
        }.items():
            text = text.replace(written, real)
        return BLOCK.findall(text)

    def shell(self) -> Shell:
        self.shells.append(Shell(self.folder, self.environment))
        return self.shells[-1]

    def connect(self, shell: Shell, response: str) -> None:
        """What a person does in the browser, and then in the shell."""
        self.sandbox.account()
        [consent_page] = re.findall(r'"authorization_url":"([^"]+)"', response)
        page = requests.post(
            consent_page, data={"allow": "1"}, headers={"Accept": "text/html"}, timeout=10
        )
        [*_, command] = re.findall(r"<code[^>]*>([^<]+)</code>", page.text)
        finish = html.unescape(command).replace("curl ", "curl -f ")
        assert '"status":"active"' in shell.run(finish)

    def expect(self, *texts: str) -> None:
        """Wait until each is published; none may be there twice."""

        def published() -> dict[str, int]:
            counts = Counter(post["text"] for post in self.sandbox.posts())
            return {text: counts[text] for text in texts}

        wait(lambda: all(published().values()), PATIENCE_S)
        assert published() == dict.fromkeys(texts, 1)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    receiver = Receiver()
    service = Service(tmp_path_factory.mktemp("home"), receiver)
    shutil.copytree(ROOT, service.folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    provide_packages(service.folder)
    try:
        service.start()
        yield service
    finally:
        service.close()
        receiver.close()


def provide_packages(folder):
    """Those of the tests, as if `run` had just installed them."""
    environment = folder / ".venv"
    environment.mkdir()
    for each in Path(sys.prefix).iterdir():
        if each.suffix != ".sha256":
            (environment / each.name).symlink_to(each)
    lock = (folder / "requirements.lock").read_bytes()
    (environment / "requirements.lock.sha256").write_text(hashlib.sha256(lock).hexdigest())


def test_readme_connects_publishes_and_schedules(service):
    _, start, then = service.blocks("README.md", user="ann")
    shell = service.shell()

    service.connect(shell, shell.run(start))
    responses = shell.run(then)

    assert '"tag":"bread"' in responses
    service.expect("Hello", "Fresh bread", "In a minute")


def test_quickstart_runs(service):
    shell, output = service.shell(), ""
    for block in service.blocks("docs/quickstart.md")[1:]:
        if "kill $!" in block:
            output = shell.run_until("Received job.published", output)
        output += shell.run(block)
        if "connections/connect" in block:
            service.connect(shell, output)

    for expected in ('"status":"Published"', "job.published", "\nPublished http", "has 300"):
        assert expected in output
    service.expect("Warm rye bread", "Rolls at noon", "Spelt loaves")
    assert [len(post["media"]) for post in service.sandbox.posts() if "rye" in post["text"]] == [1]
    [password] = re.findall(r"shown only now\): (\S+)", output)
    assert can_sign_in(f"{service.url}/admin/", "mara", password)


def can_sign_in(console, name, password):
    browser = requests.Session()
    page = browser.get(f"{console}login/", timeout=10)
    filled = {**Form.of(page).fields, "username": name, "password": password, "next": "/admin/"}
    response = browser.post(page.url, data=filled, headers={"Referer": page.url}, timeout=10)
    return response.url == console and response.ok


def test_recipes_run(service, monkeypatch):
    shell, receiver = service.shell(), service.receiver
    token = shell.run("./run manage dev_token rita").split()[-1]
    monkeypatch.setenv("TOKEN", token)
    monkeypatch.setitem(sys.modules, "social_publishing", social_publishing)
    for platform in ("linkedin", "twitter"):
        service.sandbox.account(platform)
    Caller(service=service.url, sandbox=service.sandbox.url, token=token).connect("linkedin")
    output, shown = [], {}

    def read(prompt):
        """What the page after the consent shows."""
        if not shown:
            callback = consent(names["started"]["authorization_url"])
            shown.update(requests.get(f"{service.url}/api/v1/{callback}", timeout=10).json())
        return shown[prompt.removesuffix(": ")]

    names = {"input": read, "print": lambda *values: output.append(" ".join(map(str, values)))}
    port = int(receiver.origin.rpartition(":")[2])
    for block in service.blocks("docs/recipes.md", receiver_port=port):
        if "redeliver_webhooks" in block:
            fail_a_delivery(receiver, names)
        if "curl " in block:
            output.append(shell.run(f"TOKEN={token} ID={names['connection']['id']}\n{block}"))
        else:
            exec(compile(block, "recipes.md", "exec"), names)

    client, commented = names["client"], names["commented"]["job_id"]
    wait(lambda: client.get_publish_job(commented)["deleted_at"], PATIENCE_S)
    assert client.get_publish_job(commented)["warnings"] == []
    jobs = Counter(job["status"] for job in client.iterate_publish_jobs())
    assert jobs == {"Published": 5, "Scheduled": 2, "Cancelled": 1}
    wait(lambda: "job.cancelled" in receiver.types(), PATIENCE_S)
    for _, headers, body in receiver.requests:
        assert names["receive"](body.encode(), headers) == 204
        assert names["receive"](body.replace("job.", "jobs.").encode(), headers) == 400
    printed = "\n".join(output)
    assert printed.lower().count("x-possible-duplicate") == 1
    for expected in ("twitter True {'amount': 0.015", "linkedin True None", "content_rejected"):
        assert expected in printed


def fail_a_delivery(receiver, names):
    """The receiver reports that it is gone, which pauses the webhook; then it is there again."""
    client, webhook = names["client"], names["webhook"]["id"]
    receiver.respond = 410
    client.cancel_publish_job(names["planned"]["job_id"])
    wait(lambda: client.get_webhook(webhook)["status"] == "paused", PATIENCE_S)
    receiver.respond = 204
    receiver.requests.clear()
    client.change_webhook(webhook, {"status": "active"})


def test_caller_in_typescript_walks_through_the_api(service, linters, schema_file, tmp_path):
    def run(*command, **variables):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=120,
            env={**os.environ, **variables},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(linters / "openapi-typescript", schema_file, "-o", tmp_path / "schema.ts")
    shutil.copy(FOLDER / "walk.ts", tmp_path)
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = ("--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext")
    run(linters / "tsc", *options, "walk.ts")

    service.sandbox.account()
    token = service.shell().run("./run manage dev_token theo").split()[-1]
    receiver = service.receiver
    printed = run("node", "walk.js", SERVICE=service.url, TOKEN=token, RECEIVER=receiver.url)

    assert printed.splitlines()[:-1] == [
        "webhook active true",
        "batch Published",
        "batch Published",
        "calendar Typed cake Scheduled",
        "take-down Published",
    ]
    assert printed.splitlines()[-1].startswith("refused content_rejected ")
    service.expect("Typed bread", "Typed rolls")
    assert "Typed tart" not in {post["text"] for post in service.sandbox.posts()}
