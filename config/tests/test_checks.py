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


@pytest.mark.behaviour(
    "TWITTER_API_KEY is no OAuth 2.0 client id; where it is used as one, the check says so"
)
def test_api_key_of_x_as_client_id_is_a_warning(monkeypatch):
    monkeypatch.delenv("TWITTER_CLIENT_ID", raising=False)
    monkeypatch.setenv("TWITTER_API_KEY", "abc")
    monkeypatch.setenv("TWITTER_API_SECRET_KEY", "def")

    [warning] = checks.check_apps()

    assert warning.id == "socialpublishing.W013"
    assert "TWITTER_API_KEY is no OAuth 2.0 client id" in warning.msg
    assert "TWITTER_CLIENT_ID" in warning.msg
    monkeypatch.setenv("TWITTER_CLIENT_ID", "ghi")
    assert checks.check_apps() == []


@pytest.mark.parametrize(
    ("name", "value", "is_known"),
    [
        ("INSTAGRAM_LOGIN", "instagram", True),
        ("INSTAGRAM_LOGIN", "facebook", True),
        ("INSTAGRAM_LOGIN", "Facebook", False),
        ("LINKEDIN_LOGIN", "community_management", True),
        ("LINKEDIN_LOGIN", "self_serve", True),
        ("LINKEDIN_LOGIN", "selfserve", False),
        ("TWITTER_LOGIN", "basic", False),
    ],
)
def test_unknown_login_is_an_error(settings, name, value, is_known):
    setattr(settings, name, value)

    errors = [found for found in checks.check_platforms() if found.id == "socialpublishing.E013"]

    assert [error.msg.split()[0] for error in errors] == ([] if is_known else [name])


def test_missing_credentials_are_those_of_the_default_login(settings, monkeypatch):
    monkeypatch.setenv("FACEBOOK_APP_ID", "1")
    monkeypatch.setenv("FACEBOOK_APP_SECRET", "secret")
    assert "Instagram is not available" in str(checks.check_platforms())

    settings.INSTAGRAM_LOGIN = "facebook"

    assert "Instagram" not in str(checks.check_platforms())


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("LINKEDIN_SCOPES", "openid profile w_member_social", []),
        ("LINKEDIN_SELF_SERVE_SCOPES", "openid w_member_social", []),
        ("LINKEDIN_OPTIONAL_SCOPES", "", []),
        ("LINKEDIN_SCOPES", "openid", ["W015"]),
        ("LINKEDIN_SELFSERVE_SCOPES", "openid w_member_social", ["W014"]),
        ("TIKTOK_WEB_SCOPES", "user.info.basic", ["W014"]),
    ],
)
def test_scopes_that_cannot_work_are_warned_about(monkeypatch, name, value, ids):
    monkeypatch.setenv(name, value)
    found = checks.check_scopes()
    assert [warning.id for warning in found] == [f"socialpublishing.{each}" for each in ids]
    assert all(name in warning.msg for warning in found)
