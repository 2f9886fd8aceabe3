"""Web and worker refuse to start on what cannot work, with one sentence for each problem."""

from __future__ import annotations

import base64
import datetime as dt
import os
import secrets
import subprocess
import time

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.run.processes import free_port, stop
from config.run.service import manage, web_command
from config.start import demand_readiness
from connections.models import SocialConnection
from publishing.models import WorkerSlot
from publishing.worker.slots import slot_names
from socialpublishing import readiness
from socialpublishing.events import heartbeat
from socialpublishing.keys import EncryptionKey, key_problems


def another_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def unmigrated(db):
    """The database lacks the newest migration of connections, by its own record."""
    newest = MigrationRecorder(connection).migration_qs.filter(app="connections").last()
    newest.delete()
    readiness._demand_migrations.cache_clear()
    yield newest.name
    readiness._demand_migrations.cache_clear()


@pytest.fixture(params=["web", "worker"])
def process(request, tmp_path):
    """Starts the web or the worker in a changed environment; returns its exit code and output."""

    def run(**variables: str) -> tuple[int, str]:
        command = {"web": web_command("127.0.0.1", free_port()), "worker": manage("worker")}
        database = {"DATABASE_URL": f"sqlite:///{tmp_path}/service.sqlite3"}
        done = subprocess.run(
            command[request.param],
            env={**os.environ, **database, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"JWT_KEY": "abc"}, "JWT_KEY has 3 bytes"),
        ({"PUBLISH_THREADS": "many"}, "PUBLISH_THREADS must be a whole number."),
        ({}, "The database lacks"),  # it is empty
    ],
)
def test_process_refuses_to_start_in_words(process, variables, sentence):
    code, output = process(**variables)

    assert code != 0
    assert sentence in output
    # gunicorn itself may print one when two of its workers end at the same moment.
    assert "config/" not in output.partition("Traceback")[2]


def test_database_that_is_away_does_not_stop_the_start():
    port = free_port()
    web = subprocess.Popen(
        web_command("127.0.0.1", port),
        env={**os.environ, "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{free_port()}/none"},
        process_group=0,
    )
    try:
        response = first_response(f"http://127.0.0.1:{port}/readyz")
    finally:
        stop(web)
    assert response.status_code == 503
    assert response.json()["problems"] == ["The database cannot be reached."]


def first_response(url: str) -> requests.Response:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            return requests.get(url, timeout=30)
        except requests.ConnectionError:
            assert time.monotonic() < give_up_at, f"no response from {url}"
            time.sleep(0.1)


def test_wrong_key_is_noticed(make_connection, client, settings):
    make_connection("twitter")
    assert key_problems() == []
    right, settings.AES_KEY = settings.AES_KEY, another_key()

    with pytest.raises(SystemExit):
        demand_readiness()
    with pytest.raises(CommandError, match="Stored tokens are encrypted with the key"):
        call_command("worker")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["keys"] is False
    [sentence] = response.json()["problems"]
    assert "Stored tokens are encrypted with the key" in sentence

    settings.AES_KEYS_RETIRED = [right]
    assert client.get("/readyz").status_code == 200


def test_wrong_key_is_noticed_on_tokens_of_a_release_that_noted_no_keys(
    make_connection, client, settings
):
    make_connection("twitter")
    assert not EncryptionKey.objects.exists()
    settings.AES_KEY = another_key()

    assert client.get("/readyz").status_code == 503
    assert not EncryptionKey.objects.exists()


def test_wrong_key_is_noticed_before_there_are_tokens(db, client, settings):
    assert client.get("/readyz").status_code == 200
    settings.AES_KEY = another_key()
    assert client.get("/readyz").status_code == 503

    call_command("rotate_keys")

    assert client.get("/readyz").status_code == 200


def test_key_of_the_same_id_is_compared_by_its_check_value(db):
    assert key_problems() == []
    EncryptionKey.objects.update(check_value="v2.00000000.AAAA.AAAA")
    [sentence] = key_problems()
    assert "is not the one that this database knows" in sentence


def test_retired_key_is_forgotten_when_no_token_needs_it(make_connection, settings):
    make_connection("twitter")
    assert key_problems() == []
    settings.AES_KEYS_RETIRED, settings.AES_KEY = [settings.AES_KEY], another_key()
    assert key_problems() == []
    assert EncryptionKey.objects.count() == 2

    call_command("rotate_keys")
    settings.AES_KEYS_RETIRED = []

    assert key_problems() == []
    assert EncryptionKey.objects.count() == 1


def test_unusable_key_is_reported_by_readiness(db, client, settings):
    settings.AES_KEY = "abc"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "AES_KEY" in str(response.json()["problems"])


def test_database_without_a_migration_is_refused_in_words(unmigrated, client, capsys):
    sentence = f"The database lacks 1 migration(s), the first one connections.{unmigrated}"

    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"] is False
    assert sentence in str(response.json()["problems"])
    with pytest.raises(CommandError, match="The database lacks"):
        call_command("worker")
    with pytest.raises(SystemExit):
        demand_readiness()
    assert sentence in capsys.readouterr().err


def test_service_that_is_ready_reports_no_problem(make_connection, client):
    make_connection("twitter")
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {"database": True, "keys": True, "caller_keys": True},
    }
    demand_readiness()
    assert SocialConnection.objects.exists()


def test_probe_of_the_worker_names_what_has_no_heartbeat(client, db):
    def checks(status):
        response = client.get("/healthz/worker")
        assert response.status_code == status
        return response.json()["checks"]

    now = timezone.now()
    slot = WorkerSlot.objects.create(name=slot_names()[0], heartbeat_at=now)
    assert checks(503) == {"lanes": True, "webhooks": False, "on_time": True}
    heartbeat.renew(now)
    assert all(checks(200).values())
    heartbeat.renew(now - dt.timedelta(seconds=40))
    assert not checks(503)["webhooks"]
    heartbeat.renew(now)
    slot.heartbeat_at -= dt.timedelta(seconds=40)
    slot.save()
    assert checks(503) == {"lanes": False, "webhooks": True, "on_time": True}
