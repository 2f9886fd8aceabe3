"""The files of deploy/, and the image's health check."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from config.run import ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# Read by compose and nginx themselves.
OTHER_VARIABLES = {"POSTGRES_USER", "POSTGRES_DB", "SERVER_NAME", "UPSTREAM", "TLS_FOLDER"}


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_fit_the_schemas_of_kubernetes(path):
    if path.name == "kustomization.yaml":
        [content] = documents(path)
        files = {each.name for each in MANIFESTS} - {path.name}
        assert set(content["resources"]) == files
        return
    for each in documents(path):
        kubernetes_validate.validate(each, "1.33", strict=True)


def containers() -> Iterator[tuple[str, Any]]:
    for path in MANIFESTS:
        for each in documents(path):
            if each["kind"] in {"Deployment", "Job"}:
                for container in each["spec"]["template"]["spec"]["containers"]:
                    yield container["name"], container


def test_containers_of_the_cluster_are_locked_down_and_run_commands_that_exist():
    found = dict(containers())
    assert found.keys() == {"migrate", "web", "worker"}
    for container in found.values():
        assert container["args"][0] in get_commands()
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert found["web"]["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_deployed_variables_are_settings():
    known = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    compose = documents(DEPLOY / "compose.yaml")[0]
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    used |= compose["x-service"]["environment"].keys()
    [config] = documents(DEPLOY / "kubernetes/config.yaml")
    used |= config["data"].keys()
    assert used - known - OTHER_VARIABLES == set()


def test_compose_builds_the_image_and_runs_commands_that_exist():
    [compose] = documents(DEPLOY / "compose.yaml")
    service = compose["x-service"]
    assert (DEPLOY / service["build"] / "Dockerfile").is_file()
    for name in ("migrate", "web", "worker"):
        assert compose["services"][name]["command"][0] in get_commands()
    assert {name for name, each in compose["services"].items() if "profiles" in each} == {
        "proxy",
        "redis",
    }


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_units_are_valid(tmp_path):
    for unit in UNITS:
        text = unit.read_text().replace("/opt/social-publishing/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/opt/social-publishing", str(ROOT)))
    units = [tmp_path / unit.name for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_nginx_accepts_its_configuration(tmp_path):
    template = (DEPLOY / "nginx/social-publishing.conf.template").read_text()
    site = template.replace("${SERVER_NAME}", "social.example.com")
    site = site.replace("${UPSTREAM}", "127.0.0.1:8000").replace("/etc/nginx/tls", str(tmp_path))
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
            "/CN=social.example.com", "-keyout", tmp_path / "privkey.pem", "-out",
            tmp_path / "fullchain.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "site.conf").write_text(site)
    folders = " ".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} "
        f"http {{ access_log off; {folders} include {tmp_path}/site.conf; }}"
    )
    done = subprocess.run(
        ["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def health_check(port: int) -> int:
    [command] = re.findall(r"HEALTHCHECK .*\n\s*CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    words = json.loads(command)
    words[0] = sys.executable
    done = subprocess.run(words, env={"PORT": str(port)}, capture_output=True)
    return done.returncode


def test_the_health_check_of_the_image_asks_whether_the_service_is_ready():
    """Ready is more than alive: /readyz is 503 with a database that is not migrated."""
    responses = {"/healthz": 200, "/readyz": 503}

    class Unready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(responses[self.path])
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Unready)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert health_check(server.server_port) != 0
        responses["/readyz"] = 200
        assert health_check(server.server_port) == 0
    finally:
        server.shutdown()
        server.server_close()
