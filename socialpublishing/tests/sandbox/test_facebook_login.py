import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest

from socialpublishing.tests.sandbox.callers import (
    REDIRECT_URI,
    Client,
    consent_query,
    form_of,
    redirect_params,
)

APP = {"client_id": "sandbox-facebook", "client_secret": "sandbox-secret"}
DIALOG = "/facebook/v27.0/dialog/oauth"
DAY_S = 86400


@pytest.fixture
def graph(server):
    return Client(f"{server.url}/facebook/v27.0")


def code_of(site, **changes):
    query = consent_query("facebook", **changes)
    return redirect_params(site.post(f"{DIALOG}?{query}", data={"allow": "1"}))["code"]


def exchange(graph, code, method="GET", changes=()):
    fields = {**APP, "redirect_uri": REDIRECT_URI, "code": code} | dict(changes)
    kind = "params" if method == "GET" else "data"
    return graph.call(method, "/oauth/access_token", **{kind: fields})


def exchange_for_long_lived(graph, token):
    fields = {**APP, "grant_type": "fb_exchange_token", "fb_exchange_token": token}
    return graph.get("/oauth/access_token", params=fields)


def log_in(site, graph, **changes):
    return exchange(graph, code_of(site, **changes)).json()["access_token"]


def pages_of(graph, token, **query):
    return graph.get("/me/accounts", params={"access_token": token, **query}).json()


def debug(graph, token):
    query = {"input_token": token, "access_token": "sandbox-facebook|sandbox-secret"}
    return graph.get("/debug_token", params=query).json()["data"]


def error_of(response):
    error = response.json()["error"]
    return error["code"], error.get("error_subcode")


@pytest.mark.parametrize("version", ["v27.0", "v26.0", "v2.8"])
def test_consent_gives_the_app_a_token(site, graph, version):
    query = consent_query("facebook")
    fields, action = form_of(site.get(f"/facebook/{version}/dialog/oauth?{query}"))
    response = redirect_params(site.post(action, data={**fields, "allow": "1"}))
    assert response["state"] == "a state"

    tokens = exchange(graph, response["code"]).json()

    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 5400)
    me = graph.get("/me", params={"access_token": tokens["access_token"]}).json()
    assert me == {"name": "Sandy Box", "id": fields["account"]}


def test_denial_redirects_with_the_error(site):
    response = redirect_params(
        site.post(f"{DIALOG}?{consent_query('facebook')}", data={"deny": "1"})
    )
    assert response == {
        "from": "here",
        "error": "access_denied",
        "error_code": "200",
        "error_description": "Permissions error",
        "error_reason": "user_denied",
        "state": "a state",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "1"},
        {"redirect_uri": "ftp://example.com"},
        {"redirect_uri": None},
        {"scope": "pages_show_list,manage_pages"},
        {"response_type": "token"},
    ],
)
def test_invalid_request_shows_an_error_page_without_a_redirect(site, change):
    response = site.get(f"{DIALOG}?{consent_query('facebook', **change)}")
    assert response.status_code == 400
    assert "Something went wrong" in response.text


def test_unchecked_page_and_scope_are_not_granted(site, graph, make_person):
    person = make_person(pages=2)
    left_out, kept = person["pages"]
    fields, action = form_of(
        site.get(f"{DIALOG}?{consent_query('facebook', return_scopes='true')}")
    )
    del fields[f"page:{left_out['id']}"]
    del fields["scope:pages_manage_posts"]

    response = redirect_params(site.post(action, data={**fields, "allow": "1"}))
    token = exchange(graph, response["code"]).json()["access_token"]

    assert response["denied_scopes"] == "pages_manage_posts"
    assert "pages_show_list" in response["granted_scopes"].split(",")
    assert [page["id"] for page in pages_of(graph, token)["data"]] == [kept["id"]]
    permissions = graph.get("/me/permissions", params={"access_token": token}).json()["data"]
    assert {"permission": "pages_manage_posts", "status": "declined"} in permissions
    assert {"permission": "pages_show_list", "status": "granted"} in permissions
    [target] = [
        s for s in debug(graph, token)["granular_scopes"] if s["scope"] == "pages_show_list"
    ]
    assert target["target_ids"] == [kept["id"]]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_code_can_be_used_once(site, graph, method):
    code = code_of(site)
    assert exchange(graph, code, method).ok
    response = exchange(graph, code, method)
    assert (response.status_code, error_of(response)) == (400, (100, 36009))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"redirect_uri": REDIRECT_URI + "/"}, (100, 36008)),
        ({"redirect_uri": ""}, (191, None)),
        ({"code": "made-up"}, (100, None)),
        ({"client_secret": "guess"}, (1, None)),
        ({"client_id": "1"}, (101, None)),
        ({"client_id": ""}, (101, None)),
        ({"grant_type": "password"}, (100, None)),
    ],
)
def test_exchange_with_a_wrong_parameter_is_refused(site, graph, changes, expected):
    response = exchange(graph, code_of(site), changes=changes)
    assert (response.status_code, error_of(response)) == (400, expected)


def test_code_expires(site, graph, control):
    code = code_of(site)
    control.advance(601)
    assert error_of(exchange(graph, code)) == (100, 36007)


def test_app_gets_an_app_token(graph):
    response = graph.get("/oauth/access_token", params={**APP, "grant_type": "client_credentials"})
    assert response.json() == {
        "access_token": "sandbox-facebook|sandbox-secret",
        "token_type": "bearer",
    }


def test_short_lived_token_and_its_page_tokens_expire_together(site, graph, control):
    token = log_in(site, graph)
    [page] = pages_of(graph, token)["data"]
    control.advance(5401)
    for expired in (token, page["access_token"]):
        response = graph.get("/me", params={"access_token": expired})
        assert (response.status_code, error_of(response)) == (400, (190, 463))


def test_page_tokens_outlive_the_long_lived_token(site, graph, control):
    response = exchange_for_long_lived(graph, log_in(site, graph)).json()
    assert response["expires_in"] == 60 * DAY_S
    [page] = pages_of(graph, response["access_token"])["data"]
    control.advance(61 * DAY_S)
    assert error_of(graph.get("/me", params={"access_token": response["access_token"]})) == (
        190,
        463,
    )
    assert graph.get("/me", params={"access_token": page["access_token"]}).ok
    assert error_of(exchange_for_long_lived(graph, response["access_token"])) == (190, 463)


def test_page_token_stays_the_same_for_the_same_user_token(site, graph):
    token = exchange_for_long_lived(graph, log_in(site, graph)).json()["access_token"]
    first, second = (pages_of(graph, token)["data"][0]["access_token"] for _ in range(2))
    assert first == second


def test_pages_are_listed_in_portions(graph, make_person):
    person = make_person(pages=7)
    seen, response = [], pages_of(graph, person["access_token"], limit=3, fields="id,name")
    while True:
        seen += [page["id"] for page in response["data"]]
        assert set(response["data"][0]) == {"id", "name"}
        url = response["paging"].get("next")
        if url is None:
            break
        response = graph.session.get(url, timeout=10).json()
    assert seen == [page["id"] for page in person["pages"]]


def test_listed_page_has_the_requested_fields(graph, make_person):
    person = make_person(pages=[{"name": "Café", "username": "cafe", "tasks": ["ANALYZE"]}])
    fields = "id,name,username,category,tasks,access_token,picture{url},followers_count"
    [page] = pages_of(graph, person["access_token"], fields=fields)["data"]
    assert page["tasks"] == ["ANALYZE"]
    assert page["access_token"] == person["pages"][0]["access_token"]
    assert list(page["picture"]["data"]) == ["url"]
    [usual] = pages_of(graph, person["access_token"])["data"]
    assert set(usual) == {"access_token", "category", "category_list", "name", "id", "tasks"}


def test_page_of_a_business_needs_its_own_permission(make_person, graph):
    pages = [{"name": "Own"}, {"name": "Business", "business": True}]
    without = make_person(pages=pages)
    with_it = make_person(pages=pages, scopes=["pages_show_list", "business_management"])
    assert len(pages_of(graph, without["access_token"])["data"]) == 1
    assert len(pages_of(graph, with_it["access_token"])["data"]) == 2


def test_pages_are_hidden_without_the_permission_to_list_them(make_person, graph):
    person = make_person(scopes=["pages_manage_posts"])
    assert pages_of(graph, person["access_token"])["data"] == []


def test_node_of_a_page_contains_its_token(make_person, graph):
    person = make_person()
    [page] = person["pages"]
    query = {"fields": "access_token,name", "access_token": person["access_token"]}
    response = graph.get(f"/{page['id']}", params=query).json()
    assert response == {
        "access_token": page["access_token"],
        "name": page["name"],
        "id": page["id"],
    }


def test_debug_token_describes_a_token(make_person, graph):
    person = make_person()
    [page] = person["pages"]
    user, own = debug(graph, person["access_token"]), debug(graph, page["access_token"])
    assert (user["type"], user["is_valid"], user["user_id"]) == ("USER", True, person["account_id"])
    assert user["expires_at"] > user["issued_at"]
    assert (own["type"], own["expires_at"], own["profile_id"]) == ("PAGE", 0, page["id"])
    assert own["user_id"] == person["account_id"]
    unknown = debug(graph, "made-up")
    assert (unknown["is_valid"], unknown["error"]["code"]) == (False, 190)


def test_debug_token_needs_an_access_token(make_person, graph):
    response = graph.get("/debug_token", params={"input_token": make_person()["access_token"]})
    assert error_of(response) == (104, None)


def test_revoked_login_ends_all_tokens(make_person, graph):
    person = make_person()
    query = {"access_token": person["access_token"]}
    assert graph.delete("/me/permissions", params=query).json() == {"success": True}
    for token in (person["access_token"], person["pages"][0]["access_token"]):
        response = graph.get("/me", params={"access_token": token})
        assert error_of(response) == (190, 458)
        assert debug(graph, token)["is_valid"] is False


def test_one_permission_can_be_revoked(make_person, graph):
    person = make_person()
    query = {"access_token": person["access_token"], "permission": "pages_manage_posts"}
    assert graph.delete(f"/{person['account_id']}/permissions", params=query).ok
    [page] = person["pages"]
    fields = {"message": "Hello", "access_token": page["access_token"]}
    response = graph.post(f"/{page['id']}/feed", data=fields)
    assert (response.status_code, error_of(response)) == (403, (200, None))


def test_proof_of_the_app_secret_is_verified_when_sent(make_person, graph):
    token = make_person()["access_token"]
    proof = hmac.new(b"sandbox-secret", token.encode(), hashlib.sha256).hexdigest()
    query = {"access_token": token}
    assert graph.get("/me", params={**query, "appsecret_proof": proof}).ok
    response = graph.get("/me", params={**query, "appsecret_proof": "0" * 64})
    assert error_of(response) == (100, None)
    assert "appsecret_proof" in response.json()["error"]["message"]


@pytest.mark.parametrize("scheme", ["Bearer", "OAuth"])
def test_token_can_be_in_the_header(make_person, graph, scheme):
    headers = {"Authorization": f"{scheme} {make_person()['access_token']}"}
    assert graph.get("/me", headers=headers).ok


@pytest.mark.parametrize(("token", "code"), [("", 104), ("made-up", 190)])
def test_request_without_a_valid_token_is_refused(graph, token, code):
    response = graph.get("/me", params={"access_token": token})
    assert (response.status_code, error_of(response)[0]) == (400, code)


def test_token_of_x_is_invalid_on_facebook(x, graph):
    query = {"access_token": x.account["access_token"]}
    assert error_of(graph.get("/me", params=query))[0] == 190


@pytest.mark.parametrize(
    ("requested", "served"),
    [
        ("/v25.0", "v25.0"),
        ("/v27.0", "v27.0"),
        ("/v3.1", "v21.0"),
        ("/v99.0", "v27.0"),
        ("", "v27.0"),
    ],
)
def test_unsupported_version_gets_the_nearest_supported_one(site, requested, served):
    assert site.get(f"/facebook{requested}/me").headers["facebook-api-version"] == served


def test_responses_have_the_usage_headers(page):
    headers = page.get("/me").headers
    assert "call_count" in headers["X-App-Usage"]
    assert page.id in headers["X-Business-Use-Case-Usage"]
    assert headers["x-fb-trace-id"]


def test_redirect_keeps_the_query_of_the_redirect_uri(site):
    response = site.post(f"{DIALOG}?{consent_query('facebook')}", data={"allow": "1"})
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    assert query["from"] == ["here"]
