"""What every platform of PLATFORMS must provide."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from requests_mock import ANY

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    InvalidSocialPlatformError,
    NoResponseError,
    PlatformNotConfiguredError,
    PlatformUnreachableError,
    RateLimitError,
    TokenExpiredError,
)
from socialpublishing.http import PlatformResponse
from socialpublishing.oauth import authorization_url, new_verifier
from socialpublishing.options import wrong_options
from socialpublishing.platforms import PLATFORMS, client_for, offered_platform, platform_named
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Post

# Instagram publishes a container.
PREPARED = Progress(handle={"container": "1"})

ACCOUNT = Account(id="1", token=Secret("canary-token"), profile={"username": "someone"})


@pytest.fixture
def client(platform):
    return client_for(platform, ACCOUNT)


def response(status: int, **headers: str) -> PlatformResponse:
    return PlatformResponse(status_code=status, headers=headers, json=None, text="<html>")


def test_register_finds_each_platform_by_its_name(platform):
    assert platform_named(platform).name == platform
    with pytest.raises(InvalidSocialPlatformError):
        platform_named("myspace")


def test_limits_have_a_source_and_a_date(platform):
    for kind in PLATFORMS[platform].capabilities.post_types:
        assert kind.source.startswith("https://")
        assert dt.date(2026, 1, 1) < kind.checked <= dt.datetime.now(tz=dt.UTC).date()
        assert kind.description


def test_hosts_are_https_and_are_replaced_only_by_their_variable(platform, settings, monkeypatch):
    settings.SANDBOX_URL = ""
    for role, host in PLATFORMS[platform].app.hosts.items():
        assert PLATFORMS[platform].app.host(role) == host.default
        assert host.default.startswith("https://")
        monkeypatch.setenv(host.variable, "https://moved.example/")
        assert PLATFORMS[platform].app.host(role) == "https://moved.example"
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    assert PLATFORMS[platform].app.host("api") == f"http://127.0.0.1:1/{platform}"


def test_platform_without_credentials_is_not_offered(platform, settings, monkeypatch):
    settings.SANDBOX_URL = ""
    with pytest.raises(PlatformNotConfiguredError):
        offered_platform(platform)
    monkeypatch.setenv(PLATFORMS[platform].app.client_id_variables[-1], "id")
    monkeypatch.setenv(PLATFORMS[platform].app.client_secret_variables[-1], "secret")
    assert offered_platform(platform).app.client_id() == "id"


def test_real_credentials_are_never_sent_to_the_sandbox(platform, settings, monkeypatch):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    monkeypatch.setenv(PLATFORMS[platform].app.client_secret_variables[0], "real")
    assert PLATFORMS[platform].app.client_secret() != Secret("real")


def test_authorization_url_requests_what_publishing_needs(platform):
    oauth = PLATFORMS[platform].app.oauth
    url = authorization_url(
        oauth,
        base_url="https://auth.example",
        client_id="id",
        redirect_uri="https://us.example/callback",
        state="s" * 43,
        verifier=new_verifier(),
        params=PLATFORMS[platform].app.authorize_params(was_declined=False),
    )
    params = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert params["response_type"] == "code"
    assert params["redirect_uri"] == "https://us.example/callback"
    assert set(params["scope"].split(oauth.scope_separator)) >= oauth.publish_scopes
    assert ("code_challenge" in params) == oauth.pkce


def test_each_option_has_an_example_and_no_other_is_accepted(platform):
    known = PLATFORMS[platform].options
    assert list(known.examples) == list(known().fields)
    assert wrong_options(known.examples, known) == []
    wrong = dict(wrong_options({"nonsense": "x", "post_type": "opera"}, known))
    assert set(wrong) == {"nonsense", "post_type"}


def test_each_option_belongs_to_a_kind_of_post(platform):
    kinds = PLATFORMS[platform].capabilities.post_types
    accepted = {option for kind in kinds for option in kind.options}
    assert accepted | {"post_type"} == set(PLATFORMS[platform].options().fields)
    post_type = PLATFORMS[platform].options().fields["post_type"]
    assert [kind.name for kind in kinds] == list(post_type.choices)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, TokenExpiredError),
        (429, RateLimitError),
        (500, NoResponseError),
        (503, NoResponseError),
    ],
)
def test_errors_with_an_unknown_body_are_read_by_their_status(client, status, error):
    assert type(client.read_error(response(status))) is error
    if status != 401:
        assert type(client.app.read_token_error(response(status))) is error


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("5", 5), ("0", None), ("-5", None), ("soon", None), ("\u00b2", None), ("9" * 30, 86400)],
)
def test_any_value_of_retry_after_is_read(client, value, seconds):
    now = dt.datetime.now(tz=dt.UTC)
    until = client.read_error(response(429, **{"Retry-After": value})).until
    if seconds is None:
        assert until is None
    else:
        assert abs((until - now).total_seconds() - seconds) < 5


def test_errors_of_any_shape_are_read(client):
    for body in (None, [], "x", 5, {"error": "x"}, {"error": {"code": "x"}}, {"errors": [5]}):
        for status in (400, 401, 403, 404, 418, 429, 500):
            data = PlatformResponse(status_code=status, headers={}, json=body, text="")
            assert client.read_error(data).code
            assert client.app.read_token_error(data).code


def test_refused_connection_is_a_request_that_was_never_sent(client, settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    with pytest.raises(PlatformUnreachableError):
        client_for(client.name, ACCOUNT).publish(Post(text="x"), PREPARED)


def test_token_in_a_platforms_message_is_masked(platform, settings, requests_mock):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    token = "t" * 60
    account = Account(id="1", token=Secret(token), profile={})
    body = {
        "detail": f"bad {token}",
        "message": f"bad {token}",
        "error": {"code": 100, "message": f"bad {token}"},
    }
    requests_mock.register_uri(ANY, ANY, status_code=400, json=body)
    with pytest.raises(Exception, match="bad") as caught:
        client_for(platform, account).publish(Post(text="x"), PREPARED)
    assert token not in str(caught.value)
