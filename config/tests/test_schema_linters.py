"""The OpenAPI document has no findings of spectral and redocly."""

import json
import os
import subprocess

from django.conf import settings


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
