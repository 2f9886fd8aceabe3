"""System checks of the settings: what is dangerous or cannot work refuses the start."""

from __future__ import annotations

import base64
import functools
import re
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.checks import ERROR, run_checks

from config import checks
from config.numbers import BOUNDS
from config.run import ROOT
from config.secret_keys import weakness_of

BASE = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "JWT_KEY": secrets.token_urlsafe(64),
    "AES_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
}


def pem(private) -> str:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@functools.cache
def rsa_key(bits: int):
    return rsa.generate_private_key(65537, bits)


def private_pem() -> str:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return rsa_key(2048).private_bytes(*form).decode()


def der() -> str:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(rsa_key(2048).public_key().public_bytes(*form)).decode()


def aes(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
INTROSPECTION = "https://auth.example/introspect"
HTTPS = {"SERVICE_BASE_URL": "https://social.example.com"}
GOOD = [
    {},
    {"JWT_ALGORITHMS": ["HS512"]},
    {"JWT_KEY": secrets.token_hex(32)},
    {"JWT_KEY": secrets.token_urlsafe(24), "JWT_ALGORITHMS": ["HS256"]},
    {"JWT_KEY": pem(rsa_key(2048)), "JWT_ALGORITHMS": ["RS256", "ES256"]},
    {"JWT_KEY": pem(P256), "JWT_ALGORITHMS": ["RS256", "ES256"]},
    {"JWT_KEY": pem(P384), "JWT_ALGORITHMS": ["ES384"]},
    {"JWT_KEY": pem(ed25519.Ed25519PrivateKey.generate()), "JWT_ALGORITHMS": ["EdDSA"]},
    {"JWT_KEY": "", "JWT_JWKS_URL": "https://a.example/keys", "JWT_ALGORITHMS": ["RS256"]},
    {"JWT_KEY": "", "JWT_JWKS_URL": "http://127.0.0.1:1/keys", "JWT_ALGORITHMS": ["RS256"]},
    {"JWT_KEY": "", "JWT_JWKS_URL": "", "AUTH_INTROSPECTION_URL": INTROSPECTION},
    {"AES_KEYS_RETIRED": [aes(secrets.token_bytes(32)), aes(secrets.token_bytes(32))]},
    {**HTTPS, "ALLOWED_HOSTS": ["social.example.com"]},
    {"SANDBOX_URL": "http://sandbox:8001", "MEDIA_ALLOWED_ORIGINS": ["http://store:9000"]},
    {"METRICS_TOKEN": secrets.token_urlsafe(24), "WORKER_METRICS_BIND": "[::1]:9100"},
    {"PUBLISH_THREADS": 1, "LATE_PUBLISH_GRACE_SECONDS": 0, "INSIGHTS_CACHE_TTL_SECONDS": 0},
]
BAD = [
    ("E061", {"METRICS_TOKEN": "short"}),
    ("E062", {"WORKER_METRICS_BIND": "9100"}),
    ("E062", {"WORKER_METRICS_BIND": "0.0.0.0:99999"}),
    # Shared secrets
    ("E005", {"JWT_KEY": "abc"}),
    ("E005", {"JWT_KEY": secrets.token_urlsafe(24)[:31]}),
    ("E005", {"JWT_KEY": secrets.token_urlsafe(32)[:47], "JWT_ALGORITHMS": ["HS384"]}),
    ("E005", {"JWT_KEY": secrets.token_urlsafe(64)[:63], "JWT_ALGORITHMS": ["HS256", "HS512"]}),
    ("E005", {"JWT_KEY": "a" * 64}),
    ("E005", {"JWT_KEY": "secret" * 11}),
    ("E005", {"JWT_KEY": "0123456789abcdefghijklmnopqrstuvwxyz"}),
    ("E005", {"JWT_KEY": "your-256-bit-secret-your-256-bit-secret"}),
    ("E005", {"JWT_KEY": "a-string-secret-at-least-256-bits-long"}),
    ("E005", {"JWT_KEY": "change-me-change-me-change-me-now-please"}),
    # Public keys
    ("E005", {"JWT_KEY": der()}),
    ("E005", {"JWT_KEY": '{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}'}),
    ("E005", {"JWT_KEY": f"ssh-rsa {secrets.token_urlsafe(64)}"}),
    ("E005", {"JWT_KEY": secrets.token_urlsafe(64), "JWT_ALGORITHMS": ["RS256"]}),
    ("E005", {"JWT_KEY": "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----"}),
    ("E005", {"JWT_KEY": private_pem(), "JWT_ALGORITHMS": ["RS256"]}),
    ("E005", {"JWT_KEY": pem(rsa_key(1024)), "JWT_ALGORITHMS": ["RS256"]}),
    ("E005", {"JWT_KEY": pem(rsa_key(2048)), "JWT_ALGORITHMS": ["ES256"]}),
    ("E005", {"JWT_KEY": pem(rsa_key(2048)), "JWT_ALGORITHMS": ["HS256"]}),
    ("E005", {"JWT_KEY": pem(P256), "JWT_ALGORITHMS": ["ES384"]}),
    ("E005", {"JWT_KEY": pem(P384), "JWT_ALGORITHMS": ["RS256"]}),
    # Algorithms
    ("E004", {"JWT_ALGORITHMS": ["none"]}),
    ("E004", {"JWT_ALGORITHMS": ["HS256", "None"]}),
    ("E004", {"JWT_ALGORITHMS": ["HS256", "RS256"]}),
    ("E004", {"JWT_ALGORITHMS": ["hs256"]}),
    ("E004", {"JWT_ALGORITHMS": ["HS1"]}),
    ("E004", {"JWT_ALGORITHMS": []}),
    ("E004", {"JWT_KEY": "", "JWT_JWKS_URL": "https://a.example/k", "JWT_ALGORITHMS": ["HS256"]}),
    ("E003", {"JWT_KEY": "", "JWT_JWKS_URL": "", "JWT_ALGORITHMS": ["RS256"]}),
    # Addresses
    *[
        ("E023", {name: url})
        for name in ("JWT_JWKS_URL", "AUTH_SERVICE_URL")
        for url in (
            "http://auth.example/keys",
            "http://10.0.0.7/keys",
            "https://user:password@auth.example/keys",
            "auth.example",
            "ftp://auth.example",
            "https://",
            "https://[::1",
            "https://auth.example:port",
            "https://auth example",
            "file:///etc/passwd",
        )
    ],
    ("E006", {"SERVICE_BASE_URL": "http://social.example.com"}),
    ("E006", {"SERVICE_BASE_URL": "social.example.com"}),
    ("E006", {"SERVICE_BASE_URL": "https://a:b@social.example.com"}),
    ("E007", {"CORS_ALLOWED_ORIGINS": ["*"]}),
    ("E007", {"MEDIA_ALLOWED_ORIGINS": ["*"]}),
    ("E007", {"MEDIA_ALLOWED_ORIGINS": ["https://store.example/bucket"]}),
    ("E008", {"OAUTH_RETURN_TO": ["app.example.com"]}),
    ("E024", {"SANDBOX_URL": "sandbox"}),
    ("E024", {"OBJECT_STORE_ENDPOINT": "store:9000"}),
    ("E024", {"REDIS_URL": "localhost:6379"}),
    ("E028", {"OBJECT_STORE_ENDPOINT": "https://store.example", "OBJECT_STORE_BUCKET": ""}),
    ("E028", {"OBJECT_STORE_BUCKET": "media", "OBJECT_STORE_ACCESS_KEY": ""}),
    ("E025", {**HTTPS, "ALLOWED_HOSTS": ["*"]}),
    ("E026", {**HTTPS, "DEBUG": True}),
    # Our own keys
    ("E001", {"AES_KEY": ""}),
    ("E001", {"AES_KEY": "abc"}),
    ("E001", {"AES_KEY": aes(secrets.token_bytes(16))}),
    ("E001", {"AES_KEY": aes(bytes(32))}),
    ("E001", {"AES_KEYS_RETIRED": ["abc"]}),
    ("E021", {"AES_KEY": aes(b"0123456789abcdef0123456789abcdef")}),
    ("E021", {"AES_KEY": aes(b"correct horse battery staple, no")}),
    ("E021", {"AES_KEY": aes(bytes(range(32)))}),
    ("E021", {"AES_KEY": aes(bytes(range(32, 0, -1)))}),
    ("E021", {"AES_KEY": aes(secrets.token_bytes(16) * 2)}),
    ("E021", {"AES_KEYS_RETIRED": [aes(bytes(range(32)))]}),
    ("E022", {"SECRET_KEY": "changeme"}),
    ("E022", {"SECRET_KEY": "x" * 60}),
    ("E022", {"SECRET_KEY": "django-insecure-change-me-this-is-not-a-secret-key-0123456789"}),
    ("E022", {"SECRET_KEY": secrets.token_urlsafe(30)}),
    ("E002", {"SECRET_KEY": BASE["JWT_KEY"]}),
    ("E002", {"AES_KEYS_RETIRED": [BASE["AES_KEY"]]}),
    ("E002", {"AES_KEYS_RETIRED": [aes(bytes(range(7, 39)))] * 2}),
    ("E002", {"JWT_KEY": BASE["AES_KEY"]}),
    ("E002", {"JWT_KEY": base64.b64decode(BASE["AES_KEY"]).hex()}),
    ("E002", {"SECRET_KEY": BASE["AES_KEY"]}),
    # Numbers
    ("E020", {"PUBLISH_THREADS": 0}),
    ("E020", {"PUBLISH_PROCESSES": 0}),
    ("E029", {"WORKER_GROUP": ""}),
    ("E030", {"LABORATORY_TIME_DIVISOR": 30, "SANDBOX_URL": ""}),
    ("E029", {"WORKER_GROUP": "a/1"}),
    ("E029", {"WORKER_GROUP": "g" * 41}),
    ("E020", {"MEDIA_READS": 0}),
    ("E020", {"MEDIA_READS_PER_HOST": -1}),
    ("E020", {"MAX_API_RETRIES": -1}),
    ("E020", {"LATE_PUBLISH_GRACE_SECONDS": -1}),
    ("E020", {"INSIGHTS_CACHE_TTL_SECONDS": -60}),
    ("E020", {"API_RETRY_BACKOFF_FACTOR": 0.5}),
    ("E020", {"API_RETRY_BACKOFF_FACTOR": float("nan")}),
    ("E020", {"API_RETRY_DELAY_SECONDS": float("inf")}),
    ("E020", {"PUBLISH_THREADS": 10**9}),
    *[("E020", {"JWT_MAX_LIFETIME_HOURS": hours}) for hours in (0, -1, 10_000)],
    ("E020", {"JOB_CONTENT_RETENTION_DAYS": -1}),
    ("E020", {"EVENT_RETENTION_DAYS": 99_999}),
    ("E020", {"JOB_RETENTION_DAYS": -5}),
    # Introspection
    ("E032", {"AUTH_INTROSPECTION_URL": "http://auth.example/introspect"}),
    ("E033", {"AUTH_INTROSPECTION_URL": INTROSPECTION, "AUTH_INTROSPECTION_CLIENT_ID": "sps"}),
    ("E002", {"AUTH_INTROSPECTION_CLIENT_SECRET": BASE["JWT_KEY"]}),
]


def errors(settings, facts) -> dict[str, str]:
    for name, value in {**BASE, **facts}.items():
        setattr(settings, name, value)
    serious = [found for found in run_checks() if found.is_serious(ERROR)]
    return {found.id.removeprefix("socialpublishing."): found.msg for found in serious}


@pytest.mark.parametrize("facts", GOOD, ids=lambda facts: ",".join(facts) or "defaults")
def test_settings_that_work_have_no_error(settings, facts):
    assert errors(settings, facts) == {}


@pytest.mark.parametrize(("number", "facts"), BAD, ids=lambda value: str(value)[:60])
def test_settings_that_are_dangerous_or_cannot_work_are_errors(settings, number, facts):
    found = errors(settings, facts)

    assert number in found
    sentence = found[number]
    assert any(name in sentence for name in facts), f"{sentence!r} names no setting"
    secret = {str(value) for name, value in facts.items() if name.endswith("_KEY") and value}
    assert not any(value in sentence for value in secret)


@pytest.mark.parametrize(
    ("name", "value", "is_known"),
    [
        ("PINTEREST_ACCESS", "trial", True),
        ("PINTEREST_ACCESS", "Trial", True),
        ("PINTEREST_ACCESS", "trail", False),
        ("INSTAGRAM_FORCE_REAUTH", "off", True),
        ("INSTAGRAM_FORCE_REAUTH", "of", False),
    ],
)
def test_unknown_value_of_a_platforms_variable_is_an_error(
    settings, monkeypatch, name, value, is_known
):
    monkeypatch.setenv(name, value)
    assert ("E027" in errors(settings, {})) is not is_known


def test_every_number_has_bounds():
    text = (ROOT / "config/settings.py").read_text()
    names = set(re.findall(r"env\.(?:int|float)\(\s*\"(\w+)\"", text)) - {"PUBLISH_LANES"}
    assert names == set(BOUNDS)


def test_random_keys_are_not_called_weak():
    keys = [secrets.token_urlsafe(32) for _ in range(2000)]
    keys += [secrets.token_hex(32) for _ in range(2000)]
    assert [key for key in keys if weakness_of(key)] == []
    assert not any(weakness_of(secrets.token_bytes(32)) for _ in range(2000))


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
    "TWITTER_API_KEY is no OAuth 2.0 client id; where it is used as one, the check warns of it"
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


def test_half_of_the_credentials_is_a_warning(monkeypatch):
    monkeypatch.setenv("PINTEREST_APP_ID", "1")
    [warning] = [each for each in checks.check_platforms() if "Pinterest" in each.msg]
    assert warning.id == "socialpublishing.W016"
    assert "PINTEREST_APP_SECRET" in warning.msg


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
