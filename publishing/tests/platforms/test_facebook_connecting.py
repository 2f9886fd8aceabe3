"""Facebook: login, the permissions it asks for, and the Pages that a person can post to."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import consent, statuses
from connections import tokens
from connections.models import SocialConnection
from socialpublishing.crypto import Secret
from socialpublishing.errors import NoResponseError, PlatformConfigurationError
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.facebook import Facebook
from socialpublishing.platforms.facebook.app import FacebookApp

ALL = ["pages_show_list", "pages_manage_posts", "pages_read_engagement", "business_management"]


def graph_error(code, subcode=None, message="x"):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": 400, "body": {"error": error}}


def connect(api):
    """Connect an account in a browser. Returns the response to the callback."""
    started = api.get("connections/connect/facebook")
    return api.get(consent(started.headers["Location"]))


def authorization_params(api):
    url = api.get("connections/connect/facebook?redirect=false").json()["authorization_url"]
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# --- Pages ---------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Pages of today's kind have tasks named PROFILE_PLUS_…; with the right ones they accept posts."
)
@pytest.mark.parametrize(
    ("tasks", "can_publish"),
    [
        (["PROFILE_PLUS_CREATE_CONTENT"], True),
        (["PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_ANALYZE"], True),
        (["PROFILE_PLUS_MANAGE"], True),
        (["MANAGE"], True),
        (None, True),
        (["PROFILE_PLUS_ANALYZE"], False),
        (["ANALYZE", "MODERATE"], False),
        ([], False),
    ],
)
def test_tasks_decide_about_posting(api, make_connection, sandbox, worker, tasks, can_publish):
    connection = make_connection("facebook", pages=[{"name": "Bakery", "tasks": tasks}])
    assert connection.destinations.get().can_publish is can_publish
    if can_publish:
        api.publish(connection, "Hello")
        worker.work()
        assert statuses() == {"Published": 1}


@pytest.mark.behaviour(
    "`me/accounts` may leave out the Pages of a business portfolio; they are found through the "
    "portfolio or the token itself."
)
@pytest.mark.parametrize("listed", ["owned", "client", "token"])
def test_page_that_me_accounts_leaves_out_is_found(api, make_connection, sandbox, worker, listed):
    connection = make_connection(
        "facebook", scopes=ALL, pages=[{"name": "Bakery", "listed": listed}]
    )
    page = connection.destinations.get()
    assert (page.name, page.can_publish) == ("Bakery", True)
    api.publish(connection, "Hello")
    worker.work()
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("listed", ["accounts", "owned", "token"])
def test_130_pages_are_found_with_a_few_requests(make_connection, sandbox, listed):
    pages = [{"name": f"Page {number}", "listed": listed} for number in range(130)]
    connection = make_connection("facebook", scopes=ALL, pages=pages)
    assert connection.destinations.filter(can_publish=True).count() == 130
    assert len(sandbox.calls()) <= 10


@pytest.mark.parametrize("path", ["/me/businesses$", "/debug_token$"])
@pytest.mark.parametrize("action", ["drop_after", "malformed", "status"])
def test_list_that_cannot_be_read_takes_nothing_away(
    make_connection, sandbox, path, action, caplog
):
    sandbox.fault(action, *([500] if action == "status" else []), path=path, times=9)
    connection = make_connection("facebook", scopes=ALL, pages=2)
    assert connection.destinations.filter(can_publish=True).count() == 2
    assert any("cannot be read" in record.message for record in caplog.records)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_pages_are_read_one_by_one_where_no_batch_can_be_read(make_connection, sandbox, count):
    sandbox.fault("status", 500, method="POST", path="/v27.0/$", times=9)
    pages = [{"name": f"Page {number}", "listed": "token"} for number in range(count)]
    connection = make_connection("facebook", scopes=ALL, pages=pages)
    assert connection.destinations.filter(can_publish=True).count() == count


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}, {"data": ["x"]}, []])
def test_list_of_pages_is_empty_only_with_empty_data(make_connection, sandbox, body):
    connection = make_connection("facebook")
    value = {"code": 200, "body": body}
    sandbox.fault("status", value, path="/me/accounts$", times=9)
    with pytest.raises(Exception, match="platform"):
        tokens.refresh(connection)
    assert connection.destinations.filter(can_publish=True).count() == 1


@pytest.mark.behaviour("A Page that no list shows is asked itself whether it still accepts posts.")
@pytest.mark.parametrize(
    ("refusal", "accepts"),
    [
        (None, True),
        ((190, 492), False),
        ((190, 460), False),
        ((100, 33), False),
        ((10, None), False),
    ],
)
def test_page_itself_is_asked(make_connection, sandbox, refusal, accepts):
    connection = make_connection("facebook")
    page = connection.destinations.get()
    if refusal:
        value = graph_error(*refusal)
        sandbox.fault("status", value, method="GET", path=f"/{page.external_id}$")
    client = tokens.client_of(connection, page)
    assert client.accepts_posts() is accepts


def test_failed_question_to_the_page_decides_nothing(make_connection, sandbox):
    connection = make_connection("facebook")
    page = connection.destinations.get()
    sandbox.fault("status", 500, method="GET", path=f"/{page.external_id}$")
    with pytest.raises(NoResponseError):
        tokens.client_of(connection, page).accepts_posts()


# --- Large lists ---------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "A list that is too large for Facebook is read in pages of 50, 25 and 10 items."
)
def test_large_lists_are_read_in_smaller_pages(api, make_connection, sandbox, worker):
    sandbox.call("POST", "settings", facebook_list_limit=10)
    connection = make_connection("facebook", pages=12)
    assert connection.destinations.count() == 12
    page = connection.destinations.first()
    options = {"page_id": page.external_id}
    sandbox.fault("drop_after", method="POST", path="/feed$")
    api.publish(connection, "Hello", platform_specific_options=options)
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


# --- Login ---------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Facebook Login for Business takes a configuration instead of scopes "
    "(FACEBOOK_LOGIN_CONFIG_ID)."
)
def test_login_configuration_replaces_the_scopes(api, sandbox, monkeypatch):
    monkeypatch.setenv("FACEBOOK_LOGIN_CONFIG_ID", "12345")
    params = authorization_params(api)
    assert (params["config_id"], params["override_default_response_type"]) == ("12345", "true")
    assert params["response_type"] == "code"
    assert "scope" not in params
    connect(api)
    connection = SocialConnection.objects.get()
    assert "pages_manage_posts" in connection.scopes
    assert connection.destinations.filter(can_publish=True).exists()


@pytest.mark.behaviour(
    "A scope that the app lacks ends the consent; settings name those that are asked for."
)
def test_scope_that_the_app_lacks_can_be_left_out(api, sandbox, monkeypatch):
    sandbox.call("POST", "settings", facebook_app_lacks_scope="business_management")
    monkeypatch.setenv("FACEBOOK_OPTIONAL_SCOPES", "")
    assert "business_management" not in authorization_params(api)["scope"]
    connect(api)
    assert SocialConnection.objects.get().destinations.filter(can_publish=True).exists()


@pytest.mark.behaviour(
    "Facebook asks again for declined permissions only with auth_type=rerequest."
)
@pytest.mark.parametrize("was_declined", [True, False])
def test_declined_permissions_are_asked_for_again(was_declined):
    params = FacebookApp().authorize_params(was_declined=was_declined)
    assert params.get("auth_type") == ("rerequest" if was_declined else None)


@pytest.mark.behaviour("A token without `expires_in`, such as that of a system user, has no end.")
def test_token_without_expires_in_has_no_end(api, sandbox):
    sandbox.call("POST", "settings", facebook_login_token="system_user")
    connect(api)
    connection = SocialConnection.objects.get()
    assert connection.expires_at is None
    assert not any("fb_exchange_token" in call["path"] for call in sandbox.calls())


@pytest.mark.behaviour("An empty `scope` in a token response means that the scopes are unknown.")
def test_empty_scope_is_unknown(api, sandbox):
    sandbox.call("POST", "settings", facebook_scope_field="empty")
    connect(api)
    assert "pages_manage_posts" in SocialConnection.objects.get().scopes


@pytest.mark.behaviour(
    "An app without Advanced Access gets code 100 for /me and /access_token: the operator acts."
)
@pytest.mark.parametrize(
    ("app", "code"), [("no_access", "100"), ("deleted", "190"), ("blocked", "200")]
)
def test_connecting_with_an_unusable_app_is_the_operators_problem(api, sandbox, app, code):
    sandbox.call("POST", "settings", facebook_app=app)
    assert connect(api).status_code == 400
    form = {"code": "x", "redirect_uri": "https://us.example", "verifier": Secret("v")}
    client = Facebook(Account(id="", token=Secret("x")))
    for request in (lambda: FacebookApp().exchange_code(**form), client.profile):
        with pytest.raises(PlatformConfigurationError) as raised:
            request()
        assert raised.value.platform_code == code
        assert raised.value.request_id


# --- Tokens of Pages -----------------------------------------------------------------------------


@pytest.mark.behaviour("The token of a Page has no end: posts do not wait for the person's token.")
def test_page_posts_after_the_token_of_its_person_has_ended(api, make_connection, sandbox, worker):
    connection = make_connection("facebook")
    connection.expires_at = connection.created_at
    connection.save()
    sandbox.fault("status", graph_error(190, 463), path="/oauth/access_token$", times=99)
    api.publish(connection, "Hello")
    worker.work()
    assert statuses() == {"Published": 1}
