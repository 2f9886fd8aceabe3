"""Logins and scopes by setting, and why connecting fails."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from conftest import consent
from connections.models import SocialConnection
from connections.tests.test_destinations import connect
from socialpublishing.oauth import read_tokens
from socialpublishing.platforms import PLATFORMS, platform_named

LOGINS = [("instagram", "facebook"), ("linkedin", "self_serve")]


def requested(api, platform, login="") -> set[str]:
    query = f"?login={login}" if login else ""
    started = api.get(f"connections/connect/{platform}{query}")
    assert started.status_code == 307, started.json()
    params = parse_qs(urlsplit(started.headers["Location"]).query)
    separator = PLATFORMS[platform].app.oauth.scope_separator
    return set(params["scope"][0].split(separator))


def scopes(platform, login="") -> set[str]:
    return set(platform_named(platform, login).app.requested_scopes())


@pytest.mark.parametrize(("platform", "other"), LOGINS)
def test_setting_chooses_the_login_of_callers_that_name_none(
    api, sandbox, settings, platform, other
):
    usual = PLATFORMS[platform].app.login
    assert requested(api, platform) == scopes(platform)
    assert requested(api, platform, other) == scopes(platform, other)

    setattr(settings, f"{platform.upper()}_LOGIN", other)

    assert requested(api, platform) == scopes(platform, other)
    assert requested(api, platform, usual) == scopes(platform)
    assert connect(api, platform).login == other
    [described] = [each for each in api.get("platforms").json() if each["name"] == platform]
    assert (described["logins"], described["default_login"]) == ([usual, other], other)


@pytest.mark.parametrize(("platform", "other"), LOGINS)
def test_unknown_login_is_refused_with_the_known_ones(api, sandbox, platform, other):
    response = api.get(f"connections/connect/{platform}?login=x")
    assert (response.status_code, response.json()["code"]) == (400, "unknown_login")
    assert other in response.json()["detail"]
    assert PLATFORMS[platform].app.login in response.json()["detail"]
    assert api.get("connections/connect/twitter?login=twitter").json()["code"] == "unknown_login"


def test_login_works_without_the_credentials_of_another_login(api, settings, monkeypatch):
    settings.INSTAGRAM_LOGIN = "facebook"
    monkeypatch.setenv("FACEBOOK_APP_ID", "1")
    monkeypatch.setenv("FACEBOOK_APP_SECRET", "secret")

    assert api.get("connections/connect/instagram").status_code == 307
    callback = api.get("connections/connect/instagram/callback?state=x&code=y")
    assert callback.json()["code"] == "invalid_state"
    assert api.get("connections/connect/instagram?login=instagram").json()["code"] == (
        "platform_not_configured"
    )
    offered = {each["name"]: each["is_offered"] for each in api.get("platforms").json()}
    assert offered["instagram"] is True
    assert api.get("insights/instagram/best-times?connection_id=x").json()["code"] != (
        "platform_not_configured"
    )


@pytest.mark.behaviour(
    "LinkedIn refuses the whole consent for one scope that the app lacks: the operator lists those "
    "to ask for."
)
def test_scopes_are_those_of_the_settings(api, sandbox, settings, monkeypatch):
    monkeypatch.setenv("LINKEDIN_SCOPES", "r_basicprofile, w_member_social")
    monkeypatch.setenv("LINKEDIN_OPTIONAL_SCOPES", "")
    monkeypatch.setenv("LINKEDIN_SELF_SERVE_SCOPES", "openid w_member_social")
    assert requested(api, "linkedin") == {"r_basicprofile", "w_member_social"}
    assert requested(api, "linkedin", "self_serve") == {"openid", "w_member_social"}

    # LINKEDIN_SCOPES holds for the default login, whichever that is.
    settings.LINKEDIN_LOGIN = "self_serve"
    monkeypatch.delenv("LINKEDIN_SELF_SERVE_SCOPES")
    monkeypatch.setenv("LINKEDIN_COMMUNITY_MANAGEMENT_SCOPES", "r_basicprofile w_member_social")
    monkeypatch.setenv("LINKEDIN_COMMUNITY_MANAGEMENT_OPTIONAL_SCOPES", "")
    monkeypatch.setenv("LINKEDIN_SCOPES", "openid")
    assert requested(api, "linkedin") == {"openid"}
    assert requested(api, "linkedin", "community_management") == {
        "r_basicprofile",
        "w_member_social",
    }


def test_scope_that_was_not_granted_is_shown(api, sandbox, make_connection, monkeypatch):
    connection = make_connection("pinterest")
    assert api.get(f"connections/{connection.pk}").json()["missing_scopes"] == []

    monkeypatch.setenv("PINTEREST_OPTIONAL_SCOPES", "ads:read")

    [listed] = api.get("connections/").json()
    assert listed["missing_scopes"] == ["ads:read"]


class AsksAgain(PLATFORMS["facebook"].app.__class__):
    def authorize_params(self, *, was_declined):
        params = super().authorize_params(was_declined=was_declined)
        return {**params, "asks_again": str(was_declined)}


@pytest.mark.behaviour(
    "Facebook asks again for a declined permission only with auth_type=rerequest: a connect "
    "takes it where the account lacks one."
)
def test_connect_knows_whether_a_scope_was_declined(api, make_connection, sandbox, monkeypatch):
    monkeypatch.setattr(PLATFORMS["facebook"], "app", AsksAgain())

    def asks_again() -> str:
        started = api.get("connections/connect/facebook")
        return parse_qs(urlsplit(started.headers["Location"]).query)["asks_again"][0]

    make_connection("facebook", user="bob", scopes=["pages_show_list"])
    assert asks_again() == "False"
    mine = make_connection("facebook")
    SocialConnection.objects.filter(pk=mine.pk).update(
        scopes=list(PLATFORMS["facebook"].app.requested_scopes())
    )
    assert asks_again() == "False"
    SocialConnection.objects.filter(pk=mine.pk).update(scopes=["pages_show_list"])
    assert asks_again() == "True"


# --- Token responses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("a b", ("a", "b")),
        ("a,b", ("a", "b")),
        (["a", "b"], ("a", "b")),
        ("", None),
        (" ", None),
        ([], None),
        (None, None),
        ("Tweet.Read, users.read a", ("Tweet.Read", "users.read", "a")),
        ("a a", ("a",)),
        # Unknown, which is not all that was asked for.
        (5, ()),
        ([5], ()),
        (["a", None], ()),
        ({"a": 1}, ()),
        ("a\r\nb", ()),
        ("ä", ()),
    ],
)
def test_scopes_of_a_token_response(scope, expected):
    response = {"access_token": "t", "scope": scope}
    assert read_tokens(response, PLATFORMS["twitter"].app.oauth).scopes == expected


def test_scope_counts_as_granted_in_any_case():
    connection = SocialConnection(scopes=["Tweet.Read", "r_member_postAnalytics"])
    assert connection.lacks(["tweet.read", "R_member_postanalytics"]) == []
    assert connection.lacks(["tweet.write"]) == ["tweet.write"]


@pytest.mark.behaviour(
    "A token of Meta without expires_in, such as that of a system user, has no end."
)
@pytest.mark.parametrize(("platform", "login"), [("facebook", ""), ("instagram", "facebook")])
def test_token_of_meta_without_a_lifetime_has_no_end(platform, login):
    oauth = platform_named(platform, login).app.oauth
    assert read_tokens({"access_token": "t"}, oauth).lifetime is None
    assert read_tokens({"access_token": "t", "expires_in": 60}, oauth).lifetime is not None


# --- Why connecting fails ------------------------------------------------------------------------


def failed_connect(api, sandbox, caplog, *, path, body, status=400, platform="facebook"):
    started = api.get(f"connections/connect/{platform}")
    callback = consent(started.headers["Location"])
    value = {"code": status, "body": body, "headers": {"x-fb-trace-id": "trace-1"}}
    sandbox.fault("status", value, path=path, platform=platform)
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="connections"):
        response = api.get(callback)
    assert response.status_code == 400
    assert response.json()["code"] == "oauth_failed"
    [record] = [each for each in caplog.records if each.name.startswith("connections")]
    return response.json()["detail"], record


@pytest.mark.behaviour(
    "Code 100 'Unsupported request - method type: get' at Meta's token exchange or /me: an app "
    "without access, or an account that is no tester. The log has the platform's words."
)
@pytest.mark.parametrize("path", ["/oauth/access_token", "/me$"])
def test_operator_sees_why_connecting_fails(api, sandbox, caplog, path):
    words = "Unsupported request - method type: get"
    error = {"message": words, "type": "IGApiException", "code": 100, "fbtrace_id": "AbCdEf123"}

    _, record = failed_connect(api, sandbox, caplog, path=path, body={"error": error})

    assert words in record.getMessage()
    assert record.platform == "facebook"
    assert record.status == 400
    assert "100" in record.platform_code
    assert record.platform_request_id == "AbCdEf123"
    assert (record.code, record.login) == ("oauth_failed", "")
    assert record.error_code
    assert record.error.endswith("Error")


def test_user_reads_when_only_the_operator_can_help(api, sandbox, caplog):
    detail, record = failed_connect(
        api,
        sandbox,
        caplog,
        path="/oauth2/token",
        body={"error": "invalid_client", "error_description": "Client authentication failed"},
        status=401,
        platform="twitter",
    )

    assert "operator" in detail
    assert record.who_acts == "operator"


def test_log_of_a_failed_connect_has_no_code_and_no_secret(api, sandbox, caplog):
    started = api.get("connections/connect/facebook")
    callback = consent(started.headers["Location"])
    code = parse_qs(urlsplit(callback).query)["code"][0]
    error = {"message": f"The code {code} and sandbox-secret are wrong", "code": 100}
    sandbox.fault("status", {"code": 400, "body": {"error": error}}, path="/oauth/access_token")

    with caplog.at_level(logging.DEBUG):
        response = api.get(callback)

    assert code not in caplog.text + str([vars(each) for each in caplog.records])
    assert "sandbox-secret" not in caplog.text
    assert code not in response.content.decode()


@pytest.mark.behaviour(
    "LinkedIn sends a consent back with unauthorized_scope_error for a scope that the app lacks: "
    "the operator acts, not the user."
)
@pytest.mark.parametrize(
    ("error", "code", "is_operators"),
    [
        ("unauthorized_scope_error", "oauth_failed", True),
        ("invalid_scope", "oauth_failed", True),
        ("unauthorized_client", "oauth_failed", True),
        ("server_error", "oauth_failed", False),
        ("temporarily_unavailable", "oauth_failed", False),
        ("access_denied", "oauth_denied", False),
        ("user_cancelled_authorize", "oauth_denied", False),
        ("something else", "oauth_denied", False),
    ],
)
def test_error_of_a_consent_page_is_read(api, sandbox, caplog, error, code, is_operators):
    started = api.get("connections/connect/linkedin")
    query = parse_qs(urlsplit(started.headers["Location"]).query)
    words = 'Scope "r_member_postAnalytics" is not authorized for your application'
    [state] = query["state"]
    sent = {"state": state, "error": error, "error_description": f"{words} {state}"}

    with caplog.at_level(logging.INFO, logger="connections"):
        response = api.get(f"connections/connect/linkedin/callback?{urlencode(sent)}")

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert ("operator" in response.json()["detail"]) is is_operators
    assert words not in response.json()["detail"]
    [record] = [each for each in caplog.records if each.name.startswith("connections")]
    assert words in record.getMessage()
    assert state not in record.getMessage()
    assert (record.platform_code, record.login) == (error, "community_management")
