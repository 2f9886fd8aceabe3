"""System checks of the settings."""

from __future__ import annotations

from config import checks


def test_old_name_of_a_setting_is_a_warning(monkeypatch):
    monkeypatch.delenv("PUBLISH_LANES", raising=False)
    assert checks.check_renamed_settings() == []

    monkeypatch.setenv("PUBLISH_LANES", "3")
    [warning] = checks.check_renamed_settings()

    assert warning.id == "socialpublishing.W012"
    assert "PUBLISH_PROCESSES" in warning.msg
