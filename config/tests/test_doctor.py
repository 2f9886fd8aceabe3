"""`manage.py doctor` finds what is wrong with an installation, with what helps."""

from __future__ import annotations

import datetime as dt
import io
import os
import subprocess

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Schedule

from config.doctor import platforms
from config.doctor.findings import Level
from config.doctor.installation import clock_finding
from config.run.processes import free_port
from config.run.service import manage
from config.tests.test_start import another_key, unmigrated  # noqa: F401  a fixture
from publishing.models import PublishJob, WorkerSlot
from publishing.worker.slots import slot_names
from socialpublishing.events import heartbeat
from socialpublishing.keys import EncryptionKey, key_problems
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.pauses import PlatformPause


def doctor(*arguments: str) -> tuple[bool, str]:
    """Whether all is well, and what was printed."""
    output = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError:
        return False, output.getvalue()
    return True, output.getvalue()


def lines(output: str, level: str) -> list[str]:
    start = f"  {level:<5} "
    return [line.removeprefix(start) for line in output.splitlines() if line.startswith(start)]


@pytest.fixture
def healthy(sandbox, db):
    """An installation with a worker, and the sandbox instead of the platforms."""
    call_command("migrate", verbosity=0)
    Schedule.objects.update(next_run=timezone.now() + dt.timedelta(minutes=1))
    for name in slot_names():
        WorkerSlot.objects.create(name=name, heartbeat_at=timezone.now())
    heartbeat.renew(timezone.now())


@pytest.fixture
def unreachable_platforms(settings, monkeypatch, healthy):
    """The real platforms, at addresses of this machine where nothing listens."""
    settings.SANDBOX_URL = ""
    address = f"http://127.0.0.1:{free_port()}"
    for platform in PLATFORMS.values():
        for each in (platform, *platform.logins.values()):
            for host in each.app.hosts.values():
                monkeypatch.setenv(host.variable, address)


def test_healthy_installation_passes(healthy):
    is_well, output = doctor()

    assert is_well, output
    assert lines(output, "fail") == []
    for section in ("Settings", "Keys", "Database", "Migrations", "Clock", "Queue", "Worker slots"):
        assert section in output
    assert "TikTok, redirect URI: http" in output
    assert "/api/v1/connections/connect/tiktok/callback\n" in output
    assert "data deletion callback" in output


def test_doctor_changes_nothing(healthy):
    doctor()
    assert not EncryptionKey.objects.exists()


def test_wrong_key_is_found(healthy, make_connection, settings):
    make_connection("twitter")
    assert key_problems() == []
    settings.AES_KEY = another_key()
    is_well, output = doctor()
    assert not is_well
    assert "Stored tokens are encrypted with the key" in lines(output, "fail")[0]


def test_retired_key_in_use_is_a_warning(healthy, make_connection, settings):
    make_connection("twitter")
    settings.AES_KEYS_RETIRED, settings.AES_KEY = [settings.AES_KEY], another_key()
    is_well, output = doctor()
    assert is_well, output
    assert "2 stored tokens are encrypted with a retired key." in lines(output, "warn")


def test_missing_migration_is_found_before_anything_that_needs_it(healthy, unmigrated):  # noqa: F811
    is_well, output = doctor()
    assert not is_well
    assert "The database lacks 1 migration(s)" in lines(output, "fail")[0]
    assert "Worker slots" not in output


def test_dangerous_settings_are_found(healthy, settings):
    settings.JWT_KEY = "abc"
    settings.PUBLISH_THREADS = 0
    is_well, output = doctor()
    assert not is_well
    assert "JWT_KEY has 3 bytes; HS256 needs at least 32." in lines(output, "fail")
    assert "PUBLISH_THREADS is 0; it must be from 1 to 1024." in lines(output, "fail")


def test_unusable_key_of_callers_is_found(healthy, settings):
    settings.JWT_KEY = ""
    _, output = doctor()
    assert "There is no key that verifies the tokens of callers." in lines(output, "fail")


def test_missing_worker_is_found(healthy):
    WorkerSlot.objects.update(heartbeat_at=timezone.now() - dt.timedelta(minutes=1))
    is_well, output = doctor()
    assert not is_well
    names = ", ".join(slot_names())
    assert f"2 of 2 worker slots have no recent heartbeat: {names}." in lines(output, "fail")


def test_no_worker_at_all_is_found(healthy):
    WorkerSlot.objects.all().delete()
    _, output = doctor()
    assert "There is no worker slot: no worker runs." in lines(output, "fail")


def test_one_missing_slot_is_a_warning(healthy):
    name = slot_names()[0]
    WorkerSlot.objects.filter(name=name).update(
        heartbeat_at=timezone.now() - dt.timedelta(minutes=1)
    )
    is_well, output = doctor()
    assert is_well, output
    assert f"1 of 2 worker slots have no recent heartbeat: {name}." in lines(output, "warn")


def test_silent_delivery_of_webhooks_is_found(healthy, settings):
    heartbeat.renew(timezone.now() - dt.timedelta(minutes=1))
    _, output = doctor()
    sentence = "1 of 1 processes that deliver webhooks have no recent heartbeat: "
    assert f"{sentence}{settings.WORKER_GROUP}." in lines(output, "fail")

    silent, settings.WORKER_GROUP = settings.WORKER_GROUP, "another"
    heartbeat.renew(timezone.now())
    is_well, output = doctor()
    assert is_well, output
    assert f"{sentence.replace('of 1', 'of 2')}{silent}." in lines(output, "warn")

    settings.WORKER_GROUP = silent
    heartbeat.leave()
    is_well, output = doctor()
    assert is_well, output
    assert "All 1 processes that deliver webhooks have a recent heartbeat." in lines(output, "ok")


def test_late_post_is_found(healthy, api, make_connection):
    connection = make_connection("twitter")
    assert api.publish(connection).status_code == 202
    PublishJob.objects.update(next_attempt_at=timezone.now() - dt.timedelta(minutes=2))
    _, output = doctor()
    assert "1 posts are due for more than a minute." in lines(output, "fail")


def test_schedule_that_nobody_runs_is_found(healthy):
    Schedule.objects.filter(name="housekeeping").update(
        next_run=timezone.now() - dt.timedelta(hours=1)
    )
    _, output = doctor()
    assert "Scheduled tasks do not run: housekeeping." in lines(output, "fail")


def test_paused_platform_is_a_warning(healthy):
    now = timezone.now()
    PlatformPause.objects.create(
        platform="twitter", feature="all", reason="No credits.", since=now, probe_at=now, pause_s=30
    )
    is_well, output = doctor()
    assert is_well, output
    assert any(
        "twitter (all) is paused" in line and "No credits." in line
        for line in lines(output, "warn")
    )


@pytest.mark.parametrize(
    ("difference", "level"), [(0.1, Level.OK), (3.0, Level.WARN), (20.0, Level.FAIL)]
)
def test_clock_that_is_off_is_found(difference, level):
    assert clock_finding(difference).level == level


def test_unreachable_platform_is_a_failure_only_with_credentials(
    unreachable_platforms, monkeypatch
):
    is_well, output = doctor()
    assert is_well, output
    assert "X is not offered." in lines(output, "warn")
    assert "TCP failed" in str(lines(output, "warn"))

    monkeypatch.setenv("TWITTER_CLIENT_ID", "id")
    monkeypatch.setenv("TWITTER_CLIENT_SECRET", "canary-secret")
    is_well, output = doctor()
    assert not is_well
    assert "X: the credentials are set." in lines(output, "ok")
    assert "TCP failed" in str(lines(output, "fail"))
    assert "canary-secret" not in output


@pytest.mark.parametrize(
    ("url", "step"),
    [
        ("https://name.invalid", "DNS"),
        ("https://127.0.0.1:{closed}", "TCP"),
        ("https://127.0.0.1:{sandbox}", "TLS"),
    ],
)
def test_failed_step_is_named(sandbox, url, step):
    port = sandbox.url.rpartition(":")[2]
    reached = platforms.reach(url.format(closed=free_port(), sandbox=port))
    assert reached.step == step
    assert reached.error


def test_only_online_asks_the_token_endpoints(healthy, sandbox):
    doctor()
    assert sandbox.calls(method="POST") == []

    is_well, output = doctor("--online")

    assert is_well, output
    assert "X refused the invalid code only" in output
    assert {call["platform"] for call in sandbox.calls(method="POST")} == set(PLATFORMS)


def test_refused_credentials_are_found_online(healthy, sandbox):
    refusal = {"code": 401, "body": {"error": "invalid_client"}}
    sandbox.fault("status", refusal, platform="twitter", path="token")
    is_well, output = doctor("--online")
    assert not is_well
    assert "X refuses our app" in lines(output, "fail")[0]


def test_doctor_reports_as_a_process_what_refuses_the_start(tmp_path):
    done = subprocess.run(
        manage("doctor"),
        env={
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path}/service.sqlite3",
            "SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
            "JWT_KEY": "abc",
            "AES_KEY": "abc",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    failures = "\n".join(lines(done.stdout, "fail"))
    assert "JWT_KEY has 3 bytes" in failures
    assert "AES_KEY and AES_KEYS_RETIRED must be 32 random bytes each" in failures
    assert "The database lacks" in failures
    assert "Traceback" not in done.stdout + done.stderr
