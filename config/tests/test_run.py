import base64
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from config.run import COMMANDS, ROOT, environment, install, service
from config.run.postgres import temporary_postgres
from config.run.processes import ChildEndedError, Children, free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("ENV_FILE", "BIND", "PORT", "SANDBOX_PORT", "SANDBOX_URL", "SERVICE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def is_alive(pid):
    """Is the process running? A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid):
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still running"
        time.sleep(0.02)


# --- ./run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["help"], 0), (["lunch"], 2)])
def test_run_lists_its_commands_from_any_folder(tmp_path, arguments, code):
    done = subprocess.run(
        [ROOT / "run", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == code
    assert all(f"  {command} " in done.stdout + done.stderr for command in COMMANDS)


def test_run_refuses_a_python_that_is_too_old(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = subprocess.run(
        [ROOT / "run", "up"],
        env={**os.environ, "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "Python 3.11" in done.stderr


def test_env_file_is_private_and_has_all_required_settings(tmp_path):
    path = tmp_path / ".env"

    install.write_env_file(path)

    lines = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(lines["AES_KEY"])) == 32
    assert lines.keys() == {"SECRET_KEY", "AES_KEY", "JWT_KEY", "JWT_ALGORITHMS"}


def test_existing_env_file_is_not_changed(tmp_path):
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\n")

    install.write_env_file(path)

    assert path.read_text() == "SECRET_KEY=mine\n"


class NoIndex(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(403)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize(
    ("is_there", "reason"), [(True, "403 Client Error: Forbidden"), (False, "Connection refused")]
)
def test_failed_installation_reports_pips_reason(monkeypatch, tmp_path, is_there, reason):
    pytest.importorskip("pip")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"no-such-package-here==1.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(install, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), NoIndex) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1] if is_there else free_port()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        with pytest.raises(install.SetupError) as failed:
            install.install_with_pip(str(lock))
        server.shutdown()

    message = str(failed.value)
    assert reason in message
    assert "ERROR: No matching distribution found for no-such-package-here==1.0" in message
    assert "Traceback" not in message
    assert "PIP_INDEX_URL" in message


@pytest.mark.parametrize(
    ("modules", "output"),
    [([], "no venv module"), (["venv", "ensurepip"], "The broken module reports this")],
)
def test_missing_or_broken_venv_module_is_named(tmp_path, modules, output):
    project = tmp_path / "project"
    shutil.copytree(ROOT / "config/run", project / "config/run")
    (project / "config/__init__.py").touch()
    (project / "requirements.lock").touch()
    # A Python whose standard library has only these modules of its own.
    broken = tmp_path / "broken"
    broken.mkdir()
    for module in modules:
        (broken / f"{module}.py").write_text("raise SystemExit('The broken module reports this')")
    hidden = "" if modules else "sys.modules['venv'] = None; u.find_spec = lambda name: None; "
    script = f"import sys, importlib.util as u; {hidden}from config.run import install; "
    done = subprocess.run(
        [sys.executable, "-c", f"{script}install.main(['up'])"],
        cwd=project,
        env={"PATH": "/nowhere", "PYTHONPATH": str(broken)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert output in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


# --- Addresses and ports -------------------------------------------------------------------------


def test_addresses_are_derived_from_the_ports(monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("SANDBOX_PORT", "8124")

    variables = environment.place_of_service().environment

    assert variables["SERVICE_BASE_URL"] == "http://127.0.0.1:8123"
    assert variables["SANDBOX_URL"] == "http://127.0.0.1:8124"


def test_public_address_of_the_operator_is_kept(monkeypatch):
    monkeypatch.setenv("SERVICE_BASE_URL", "https://social.example.com")

    variables = environment.place_of_service().environment

    assert variables["SERVICE_BASE_URL"] == "https://social.example.com"


def test_real_credential_turns_the_sandbox_off(monkeypatch):
    monkeypatch.setenv("FACEBOOK_APP_ID", "123")

    place = environment.place_of_service()

    assert place.sandbox_url == ""
    assert place.sandbox_port is None


def test_credentials_are_read_in_a_process_of_their_own():
    """`./run` is a process of its own, which Django's test runner has not set up."""
    script = (
        "from config.run.environment import has_real_credentials as has; "
        "print(has({}), has({'FACEBOOK_APP_ID': '123'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **install.fresh_secrets()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["False", "True"], done.stderr


def test_sandbox_url_wins_over_a_real_credential(monkeypatch):
    monkeypatch.setenv("FACEBOOK_APP_ID", "123")
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9999")

    place = environment.place_of_service()

    assert place.sandbox_url == "http://127.0.0.1:9999"
    assert place.sandbox_port is None


def test_error_names_the_taken_port_and_its_variable(monkeypatch, taken_port):
    monkeypatch.setenv("PORT", str(taken_port))

    with pytest.raises(environment.PortError, match=f"Port {taken_port} .* PORT="):
        environment.place_of_service().demand_free_ports()


@pytest.mark.parametrize(
    ("database_url", "file"),
    [
        ("", "var/service-sandbox.sqlite3"),
        ("sqlite:////srv/a%20b/app.sqlite3", "/srv/a b/app-sandbox.sqlite3"),
        ("sqlite:///:memory:", f"{ROOT}/var/service-sandbox.sqlite3"),
        ("postgresql://u:p@127.0.0.1/app.db", f"{ROOT}/var/service-sandbox.sqlite3"),
    ],
)
def test_sandbox_has_its_file_beside_the_database(monkeypatch, database_url, file):
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert str(environment.place_of_service().sandbox_file) == file


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_invalid_port_is_refused(monkeypatch, value):
    monkeypatch.setenv("PORT", value)

    with pytest.raises(environment.PortError, match="not a port"):
        environment.place_of_service()


def test_demo_uses_another_port_if_its_port_is_taken(monkeypatch, taken_port, tmp_path):
    monkeypatch.setenv("PORT", str(taken_port))

    place = environment.place_of_demo(tmp_path)

    assert place.port not in (taken_port, place.sandbox_port)


def test_demo_does_not_use_a_developers_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/")
    monkeypatch.setenv("JWT_JWKS_URL", "https://production/")

    variables = environment.place_of_demo(tmp_path / "with space+plus").environment

    assert variables["DATABASE_URL"].startswith("sqlite:")
    assert "JWT_JWKS_URL" not in variables
    assert variables["ENV_FILE"] == os.devnull
    assert variables["SANDBOX_URL"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("credential", "has_token"), [("", True), ("123", False)])
def test_up_prints_how_to_get_a_user(monkeypatch, credential, has_token):
    monkeypatch.setenv("FACEBOOK_APP_ID", credential)

    printed = service.users(environment.place_of_service())

    assert "./run manage make_ops_user mara" in printed
    assert ("./run manage dev_token alice" in printed) == has_token  # in sandbox mode only


# --- Processes -----------------------------------------------------------------------------------


def test_leaving_the_block_ends_the_children():
    with Children() as children:
        children.start("sleeper", SLEEP, env=os.environ)
        pid = children.processes["sleeper"].pid
        assert is_alive(pid)

    assert not is_alive(pid)


def test_error_names_the_child_that_ended_and_its_last_lines(tmp_path):
    with Children() as children:
        children.start(
            "web", [sys.executable, "-c", "exit('no luck')"], env=os.environ, log=tmp_path / "log"
        )
        children.processes["web"].wait()

        with pytest.raises(ChildEndedError, match=r"web has ended with exit code 1(.|\n)*no luck"):
            children.raise_if_ended()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_end_with_a_parent_that_is_killed():
    script = (
        "import os, time\n"
        "from config.run.processes import Children\n"
        "children = Children()\n"
        f"children.start('sleeper', {SLEEP!r}, env=os.environ)\n"
        "print(children.processes['sleeper'].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert is_alive(child)

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    wait_until_gone(child)


# --- PostgreSQL ----------------------------------------------------------------------------------


def test_temporary_postgres_is_a_supported_version():
    with temporary_postgres() as url, psycopg.connect(url) as connection:
        [version] = connection.execute("SHOW server_version_num").fetchone()

    assert int(version) >= 17_00_00


def test_temporary_postgres_is_deleted_even_if_interrupted():
    folders = []

    def work():
        with temporary_postgres() as url, psycopg.connect(url) as connection:
            folders.append(Path(connection.execute("SHOW data_directory").fetchone()[0]).parent)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()

    assert [folder.exists() for folder in folders] == [False]


def test_temporary_postgres_demands_its_password():
    with temporary_postgres() as url:
        port = urlsplit(url).port
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", connect_timeout=5)


def test_free_port_is_free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
