"""System checks of the settings."""

from __future__ import annotations

import pytest

from config import checks


@pytest.mark.parametrize(
    ("address", "sandbox", "warns"),
    [
        ("https://social.example.com", "", False),
        ("https://social.example.com:8443", "", True),
        ("http://127.0.0.1:8000", "", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001", False),
    ],
)
def test_address_that_platforms_cannot_pull_from_is_a_warning(settings, address, sandbox, warns):
    settings.SERVICE_BASE_URL, settings.SANDBOX_URL = address, sandbox
    found = [message.id for message in checks.check_addresses()]
    assert found == (["socialpublishing.W019"] if warns else [])


def test_old_name_of_a_setting_is_a_warning(monkeypatch):
    monkeypatch.delenv("PUBLISH_LANES", raising=False)
    assert checks.check_renamed_settings() == []

    monkeypatch.setenv("PUBLISH_LANES", "3")
    [warning] = checks.check_renamed_settings()

    assert warning.id == "socialpublishing.W012"
    assert "PUBLISH_PROCESSES" in warning.msg
