"""The OpenAPI document has no findings of spectral and redocly, and TypeScript can use it.

They need Node.js: without it (or an older one) these tests are skipped. npm installs the linters
once, into config/tests/linters; `.ci/run` does so before the tests.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

FOLDER = Path(__file__).parent / "linters"
OLDEST_NODE = 20


@pytest.fixture(scope="module")
def linters():
    """The folder of the linters' commands."""
    node = shutil.which("node")
    version = node and subprocess.run([node, "-p", "process.versions.node"], capture_output=True)
    if not version or int(version.stdout.split(b".")[0]) < OLDEST_NODE or not shutil.which("npm"):
        pytest.skip(f"The linters of the API's description need Node.js {OLDEST_NODE} and npm.")
    commands = FOLDER / "node_modules/.bin"
    if not commands.exists():
        install = ["npm", "ci", "--prefix", FOLDER, "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, capture_output=True, text=True, timeout=300)
        if done.returncode:
            refuse = pytest.fail if os.environ.get("CI") else pytest.skip
            refuse(f"npm could not install the linters: {done.stderr[-500:]}")
    return commands


def run(*command):
    environment = {
        **os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    }  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def test_spectral_finds_nothing(linters, schema_file):
    rules = settings.BASE_DIR / ".spectral.yaml"
    done = run(linters / "spectral", "lint", "-r", rules, "-q", "-f", "json", schema_file)

    findings = [
        f"{each['code']} at {'/'.join(map(str, each['path']))}: {each['message']}"
        for each in json.loads(done.stdout)
    ]
    assert findings == []


def test_redocly_finds_nothing(linters, schema_file):
    rules = settings.BASE_DIR / "redocly.yaml"
    done = run(linters / "redocly", "lint", "--config", rules, "--format", "json", schema_file)

    findings = [
        f"{each['ruleId']} at {each['location'][0].get('pointer')}: {each['message']}"
        for each in json.loads(done.stdout)["problems"]
    ]
    assert findings == []


def test_typescript_accepts_the_types_and_a_caller(linters, schema_file, tmp_path):
    made = run(linters / "openapi-typescript", schema_file, "-o", tmp_path / "schema.ts")
    assert made.returncode == 0, made.stderr
    shutil.copy(FOLDER / "caller.ts", tmp_path)

    done = run(linters / "tsc", "--noEmit", "--strict", "--skipLibCheck", tmp_path / "caller.ts")

    assert done.returncode == 0, done.stdout
