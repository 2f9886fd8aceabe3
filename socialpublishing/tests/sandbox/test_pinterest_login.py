import pytest

from socialpublishing.tests.sandbox.callers import (
    REDIRECT_URI,
    consent_query,
    form_of,
    redirect_params,
)
from socialpublishing.tests.sandbox.pinners import Pinner, check

BASIC = ("sandbox-pinterest", "sandbox-secret")
SCOPE = "boards:read,boards:write,pins:read,pins:write,user_accounts:read"


def query(**changes):
    return consent_query("pinterest", **{"scope": SCOPE, **changes})


def code_of(site, **changes):
    response = site.post(f"/pinterest/oauth/?{query(**changes)}", data={"allow": "1"})
    return redirect_params(response)["code"]


def token(site, auth=BASIC, **form):
    response = site.post("/pinterest/v5/oauth/token", data=form, auth=auth)
    check(response, is_invalid=not response.ok)
    return response


def exchange(site, code, auth=BASIC, **changes):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    return token(site, auth, **form, **{"continuous_refresh": "true", **changes})


def test_consent_gives_the_app_tokens(site, server):
    fields, action = form_of(site.get(f"/pinterest/oauth/?{query()}"))
    [account] = server.state.accounts("pinterest")
    assert fields["account"] == account.id

    response = redirect_params(site.post(action, data={**fields, "allow": "1"}))

    assert response["state"] == "a state"
    tokens = exchange(site, response["code"]).json()
    assert tokens["access_token"].startswith("pina_")
    assert tokens["refresh_token"].startswith("pinr.")
    assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (2592000, 5184000)
    assert set(tokens["scope"].split()) == set(SCOPE.split(","))
    pinner = Pinner(server, {"account_id": account.id, "boards": [], **tokens})
    me = pinner.get("/user_account").json()
    assert (me["id"], me["username"]) == (account.id, "sandbox_pins")
    assert len(pinner.get("/boards").json()["items"]) == 1


def test_denied_consent_redirects_with_an_error(site):
    response = site.post(f"/pinterest/oauth/?{query()}", data={"deny": "1"})
    assert redirect_params(response)["error"] == "access_denied"


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "other"},
        {"redirect_uri": "javascript:1"},
        {"response_type": "token"},
        {"scope": "boards:read,all"},
        {"scope": ""},
    ],
)
def test_invalid_authorization_request_is_refused(site, change):
    response = site.get(f"/pinterest/oauth/?{query(**change)}")
    assert response.status_code == 400
    assert "allow" not in response.text


def test_code_works_once_and_for_ten_minutes(site, control):
    code = code_of(site)
    assert exchange(site, code).status_code == 200
    again = exchange(site, code)
    assert (again.status_code, again.json()) == (
        401,
        {"code": 2, "message": again.json()["message"]},
    )

    late = code_of(site)
    control.advance(600)
    assert exchange(site, late).status_code == 401


def test_code_requires_its_redirect_uri(site):
    form = {"grant_type": "authorization_code", "code": code_of(site), "redirect_uri": "http://x"}
    assert token(site, **form).status_code == 401


@pytest.mark.parametrize(
    "auth", [None, ("sandbox-pinterest", "wrong"), ("other", "sandbox-secret")]
)
def test_client_authenticates_with_basic_only(site, auth):
    extra = {"client_id": BASIC[0], "client_secret": BASIC[1]}
    response = exchange(site, code_of(site), auth, **extra)
    assert (response.status_code, response.json()["code"]) == (401, 2)


def test_refresh_returns_a_new_refresh_token_for_sixty_days(site, control, server):
    first = exchange(site, code_of(site)).json()
    control.advance(59 * 86400)
    second = token(site, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    old = token(site, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (old.status_code, old.json()["code"]) == (401, 2)
    control.advance(59 * 86400)
    assert token(site, grant_type="refresh_token", refresh_token=second["refresh_token"]).ok


def test_access_token_expires_after_thirty_days(make_pinner, control):
    pinner = make_pinner()
    assert pinner.get("/user_account").ok
    control.advance(30 * 86400)
    response = pinner.get("/user_account")
    assert (response.status_code, response.json()["code"]) == (401, 2)


def test_missing_scopes_are_listed_in_a_401(make_pinner, sample):
    pinner = make_pinner(scopes=["boards:read", "pins:read", "pins:write"])
    response = pinner.pin(sample("harbour.jpg"))
    assert (response.status_code, response.json()["code"]) == (401, 3)
    assert "Missing: ['boards:write']" in response.json()["message"]


def test_responses_have_a_request_id_and_the_rate_limit_of_their_category(make_pinner):
    pinner = make_pinner()
    read = pinner.get("/boards").headers
    assert read["x-pinterest-rid"]
    assert (read["x-ratelimit-limit"], read["x-ratelimit-remaining"]) == ("1000", "999")
    assert 0 < int(read["x-ratelimit-reset"]) <= 60
    written = pinner.post("/boards", json={"name": "New"}).headers
    assert (written["x-ratelimit-limit"], written["x-ratelimit-remaining"]) == ("100", "99")


@pytest.mark.parametrize(
    "boards",
    ["x", [{"name": ""}], [{"name": "a", "size": 1}], [{"name": "a", "privacy": "x"}], [1]],
)
def test_account_with_invalid_boards_is_refused(control, boards):
    body = {"platform": "pinterest", "username": "a", "boards": boards}
    response = control.post("/accounts", json=body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_account")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 500, 503])
def test_status_fault_has_pinterests_error_format(make_pinner, control, status):
    pinner = make_pinner()
    control.fault("status", status, platform="pinterest")
    response = pinner.get("/user_account")
    assert response.status_code == status
    assert set(response.json()) == {"code", "message"}
