import base64

import pytest
import requests

from socialpublishing.tests.sandbox.callers import (
    REDIRECT_URI,
    VERIFIER,
    Client,
    consent_query,
    form_of,
    redirect_params,
)

BASIC = ("sandbox-twitter", "sandbox-secret")
AUTHORIZE = "/twitter/i/oauth2/authorize"


def code_of(site, **changes):
    response = site.post(f"{AUTHORIZE}?{consent_query('twitter', **changes)}", data={"allow": "1"})
    return redirect_params(response)["code"]


def exchange(site, code, auth=BASIC, changes=()):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    } | dict(changes)
    return site.post("/twitter/2/oauth2/token", data=form, auth=auth)


def refresh(site, token, auth=BASIC):
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return site.post("/twitter/2/oauth2/token", data=form, auth=auth)


def test_consent_gives_the_app_tokens(site, server):
    page = site.get(f"{AUTHORIZE}?{consent_query('twitter')}")
    fields, action = form_of(page)
    assert fields["account"] == server.state.accounts("twitter")[0].id

    response = redirect_params(site.post(action, data={**fields, "allow": "1"}))

    assert response["state"] == "a state"
    tokens = exchange(site, response["code"]).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 7200)
    assert set(tokens["scope"].split()) == set(fields["scope"].split())
    x = Client(f"{server.url}/twitter", tokens["access_token"])
    assert x.get("/2/users/me").json()["data"]["id"] == fields["account"]


def test_newest_account_is_preselected_and_another_can_be_selected(site, control, server):
    created = control.account(username="newest")
    query = consent_query("twitter")
    fields, action = form_of(site.get(f"{AUTHORIZE}?{query}"))
    assert fields["account"] == created["account_id"]

    oldest = server.state.accounts("twitter")[0]
    response = redirect_params(
        site.post(action, data={**fields, "account": oldest.id, "allow": "1"})
    )

    token = exchange(site, response["code"]).json()["access_token"]
    assert (
        Client(f"{server.url}/twitter", token).get("/2/users/me").json()["data"]["id"] == oldest.id
    )


def test_consent_page_shows_the_app_and_its_scopes(site):
    html = site.get(f"{AUTHORIZE}?{consent_query('twitter')}").text
    for words in ("sandbox-twitter", "127.0.0.1:8000", "Upload media for you", "media.write"):
        assert words in html
    assert 'name="allow"' in html
    assert 'name="deny"' in html


def test_denied_consent_redirects_with_access_denied(site):
    response = site.post(f"{AUTHORIZE}?{consent_query('twitter')}", data={"deny": "1"})
    assert redirect_params(response) == {
        "from": "here",
        "error": "access_denied",
        "state": "a state",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "stranger"},
        {"client_id": None},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://"},
        {"redirect_uri": "http://["},
        {"redirect_uri": "http://a.test/\r\nSet-Cookie: a=b"},
        {"redirect_uri": None},
        {"response_type": "token"},
        {"code_challenge": None},
        {"code_challenge_method": "MD5"},
        {"scope": "tweet.read everything"},
        {"scope": None},
        {"state": "x" * 501},
    ],
)
def test_invalid_authorization_request_is_not_redirected(site, change):
    query = consent_query("twitter", **change)
    for response in (
        site.get(f"{AUTHORIZE}?{query}"),
        site.post(f"{AUTHORIZE}?{query}", data={"allow": 1}),
    ):
        assert response.status_code == 400
        assert "Something went wrong" in response.text
        assert "Location" not in response.headers


def test_unknown_account_is_refused(site):
    response = site.post(
        f"{AUTHORIZE}?{consent_query('twitter')}", data={"allow": "1", "account": "1"}
    )
    assert response.status_code == 400


def test_code_works_once(site):
    code = code_of(site)
    assert exchange(site, code).ok
    response = exchange(site, code)
    assert response.status_code == 400
    assert response.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the authorization code was invalid.",
    }


def test_code_expires_after_thirty_seconds(site, control):
    early, late = code_of(site), code_of(site)
    control.advance(29)
    assert exchange(site, early).ok
    control.advance(1)
    assert exchange(site, late).status_code == 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": "made-up"}, "authorization code"),
        ({"code_verifier": "another"}, "did not match the code challenge"),
        ({"redirect_uri": REDIRECT_URI + "/"}, "redirect uri"),
        ({"code_verifier": ""}, "[code_verifier]"),
        ({"grant_type": ""}, "grant type"),
        ({"grant_type": "password"}, "grant type"),
    ],
)
def test_exchange_with_an_invalid_parameter_is_refused(site, change, words):
    response = exchange(site, code_of(site), changes=change)
    assert response.status_code == 400
    assert words in response.json()["error_description"]


@pytest.mark.parametrize(
    "auth", [None, ("sandbox-twitter", "guess"), ("stranger", "sandbox-secret")]
)
@pytest.mark.parametrize("path", ["/2/oauth2/token", "/2/oauth2/revoke"])
def test_request_without_client_authentication_is_unauthorized(site, auth, path):
    response = site.post(f"/twitter{path}", data={"grant_type": "refresh_token"}, auth=auth)
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized_client")


def test_plain_challenge_is_accepted(site):
    query = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
    assert exchange(site, code_of(site, **query)).ok


def test_no_refresh_token_without_offline_access(site):
    tokens = exchange(site, code_of(site, scope="tweet.read users.read")).json()
    assert "refresh_token" not in tokens


def test_refresh_returns_a_new_refresh_token_and_revokes_the_old_one(site, x):
    first = x.account["refresh_token"]
    second = refresh(site, first).json()
    assert second["refresh_token"] != first
    assert x.get("/2/users/me", headers={"Authorization": f"Bearer {second['access_token']}"}).ok

    response = refresh(site, first)

    assert response.status_code == 400
    assert response.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the token was invalid.",
    }
    assert refresh(site, second["refresh_token"]).ok


def test_access_and_refresh_token_do_not_replace_each_other(site, x):
    assert refresh(site, x.account["access_token"]).status_code == 400
    headers = {"Authorization": f"Bearer {x.account['refresh_token']}"}
    assert x.get("/2/users/me", headers=headers).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_a_token_ends_its_grant(site, x, which):
    response = site.post("/twitter/2/oauth2/revoke", data={"token": x.account[which]}, auth=BASIC)
    assert (response.status_code, response.json()) == (200, {"revoked": True})
    assert x.get("/2/users/me").status_code == 401
    assert refresh(site, x.account["refresh_token"]).status_code == 400


def test_tokens_have_the_format_of_x(x):
    for name, kind in (("access_token", "at"), ("refresh_token", "rt")):
        value = x.account[name]
        plain = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
        assert plain.endswith(f":1:1:{kind}:1")


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_request_without_a_live_token_is_unauthorized(site, token):
    headers = {"Authorization": f"Bearer {token}"}
    response = site.get("/twitter/2/users/me", headers=headers)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "title": "Unauthorized",
        "detail": "Unauthorized",
        "type": "about:blank",
        "status": 401,
    }


def test_facebook_token_is_not_accepted_on_x(site, make_person):
    headers = {"Authorization": f"Bearer {make_person()['access_token']}"}
    assert site.get("/twitter/2/users/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("missing", "method", "path"),
    [
        ("media.write", "POST", "/2/media/upload"),
        ("media.write", "POST", "/2/media/upload/initialize"),
        ("media.write", "GET", "/2/media/upload"),
        ("media.write", "POST", "/2/media/metadata"),
        ("tweet.write", "POST", "/2/tweets"),
        ("tweet.write", "DELETE", "/2/tweets/1"),
        ("users.read", "GET", "/2/users/me"),
        ("tweet.read", "GET", "/2/tweets"),
    ],
)
def test_request_without_its_scope_is_forbidden(make_x, missing, method, path):
    scopes = {"tweet.read", "tweet.write", "users.read", "media.write"} - {missing}
    response = make_x(scopes=sorted(scopes)).call(method, path, json={"text": "Hello"})
    assert (response.status_code, response.json()["title"]) == (403, "Forbidden")


def test_app_only_token_can_read_but_not_write(site, x, server):
    form = {"grant_type": "client_credentials"}
    token = site.post("/twitter/oauth2/token", data=form, auth=BASIC).json()["access_token"]
    app = Client(f"{server.url}/twitter", token)
    tweet = x.tweet()
    assert app.get(f"/2/tweets/{tweet['id']}").ok
    response = app.post("/2/tweets", json={"text": "Hello"})
    assert response.status_code == 403
    assert response.json()["type"].endswith("/unsupported-authentication")


def test_responses_have_the_headers_of_x(x):
    first, second = (x.get("/2/users/me").headers for _ in range(2))
    assert first["x-rate-limit-limit"] == "75"
    assert int(first["x-rate-limit-remaining"]) - int(second["x-rate-limit-remaining"]) == 1
    assert first["x-rate-limit-reset"] == second["x-rate-limit-reset"]
    for name in ("x-transaction-id", "api-version"):
        assert first[name]
    refused = requests.get(f"{x.url}/2/users/me", timeout=10)
    assert "x-rate-limit-limit" in refused.headers


def test_remaining_requests_never_reach_zero(x):
    for _ in range(80):
        response = x.get("/2/users/me")
    assert response.ok
    assert int(response.headers["x-rate-limit-remaining"]) >= 1
