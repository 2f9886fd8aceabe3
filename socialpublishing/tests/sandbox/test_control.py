import datetime as dt
import hashlib

import pytest


def test_posts_contain_the_sent_data_and_their_account(x, page, control, sample, site):
    picture = sample("mountains.jpg")
    media = x.upload(picture)
    x.post(
        "/2/media/metadata",
        json={"id": media["id"], "metadata": {"alt_text": {"text": "A valley"}}},
    )
    x.tweet("A & B https://example.com", media={"media_ids": [media["id"]]})
    page.publish(message="Hello")

    tweet, post = control.posts()

    assert tweet["text"] == "A & B https://example.com"
    assert (tweet["platform"], tweet["account_id"]) == ("twitter", x.id)
    assert tweet["media"] == [
        {
            "kind": "image",
            "sha256": hashlib.sha256(picture).hexdigest(),
            "bytes": len(picture),
            "alt_text": "A valley",
            "width": 1200,
            "height": 800,
            "duration_seconds": None,
        }
    ]
    assert tweet["details"] == post["details"] == {}
    assert dt.datetime.fromisoformat(tweet["created_at"]).utcoffset() == dt.timedelta(0)
    assert (post["platform"], post["account_id"]) == ("facebook", page.id)
    assert [each["id"] for each in control.posts("facebook")] == [post["id"]]
    for each in (tweet, post):
        assert site.session.get(each["url"], timeout=10).ok


def test_details_of_posts_have_the_platforms_names(x, page, control):
    poll = {"options": ["Mountains", "Sea"], "duration_minutes": 60}
    x.tweet("Where to?", poll=poll, reply_settings="following")
    page.publish(message="Menu", link="https://example.com/menu")
    tweet, post = control.posts()
    assert tweet["details"] == {"poll": poll, "reply_settings": "following"}
    assert post["details"] == {"link": "https://example.com/menu"}


def test_settings_include_those_of_the_platforms(control):
    usual = {
        "facebook_duplicates": "off",
        "twitter_names": "asked",
        "list_delay_seconds": 0,
        "read_delay_seconds": 0,
        "processing_seconds": 1,
    }
    assert usual.items() <= control.get("/settings").json().items()
    response = control.post("/settings", json={"twitter_names": "old", "read_delay_seconds": 2.5})
    changed = {**usual, "twitter_names": "old", "read_delay_seconds": 2.5}
    assert changed.items() <= response.json().items()


def test_one_invalid_setting_leaves_all_unchanged(control):
    control.post("/settings", json={"read_delay_seconds": 5, "processing_seconds": -1})
    assert control.get("/settings").json()["read_delay_seconds"] == 0


def test_deleted_and_unpublished_posts_are_not_listed(x, page, control):
    x.delete(f"/2/tweets/{x.tweet()['id']}")
    page.publish(message="Later", published="false")
    assert control.posts() == []


def test_calls_are_listed_with_their_status(x, control):
    x.get("/2/users/me")
    control.fault("drop_before", path="/tweets")
    with pytest.raises(OSError, match="Connection"):
        x.post("/2/tweets", json={"text": "Hello"})

    calls = control.get("/calls", params={"platform": "twitter"}).json()

    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("GET", "/2/users/me", 200),
        ("POST", "/2/tweets", None),
    ]
    assert dt.datetime.fromisoformat(calls[0]["at"])
    assert control.get("/calls", params={"platform": "facebook"}).json() == []


def test_new_account_on_x_has_valid_tokens(control, make_x):
    x = make_x(username="marta", name="Marta", subscription_type="Premium")
    data = x.get("/2/users/me?user.fields=subscription_type").json()["data"]
    assert data == {
        "id": x.id,
        "name": "Marta",
        "username": "marta",
        "subscription_type": "Premium",
    }
    assert x.account["expires_in"] == 7200
    assert x.account["refresh_token"]


def test_account_without_offline_access_has_no_refresh_token(make_x):
    x = make_x(scopes=["tweet.read", "users.read"])
    assert x.account["refresh_token"] is None
    assert x.account["scopes"] == ["tweet.read", "users.read"]


def test_new_person_on_facebook_has_pages(make_person):
    person = make_person(pages=[{"name": "Café"}, {"name": "Bar", "tasks": ["ANALYZE"]}])
    assert [page["name"] for page in person["pages"]] == ["Café", "Bar"]
    assert person["refresh_token"] is None
    assert make_person(pages=3)["pages"][2]["name"] == "someone 3"
    assert len(make_person()["pages"]) == 1
    assert make_person(pages=0)["pages"] == []


def test_expired_access_token_can_be_refreshed(x, control):
    control.post("/tokens/expire", json={"account_id": x.id})
    assert x.get("/2/users/me").status_code == 401
    fresh = x.post(
        "/2/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": x.account["refresh_token"]},
        auth=("sandbox-twitter", "sandbox-secret"),
    )
    assert fresh.status_code == 200


def test_refresh_token_expires_only_on_request(x, control):
    control.post("/tokens/expire", json={"account_id": x.id, "refresh": True})
    response = x.post(
        "/2/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": x.account["refresh_token"]},
        auth=("sandbox-twitter", "sandbox-secret"),
    )
    assert response.json()["error"] == "invalid_request"


def test_expiring_a_page_token_leaves_the_person_token_valid(page, make_person, site, control):
    person = make_person()
    [other] = person["pages"]
    control.post("/tokens/expire", json={"account_id": other["id"]})

    query = {"access_token": person["access_token"]}
    [listed] = site.get("/facebook/v27.0/me/accounts", params=query).json()["data"]

    assert listed["access_token"] != other["access_token"]
    expired = site.get("/facebook/me", params={"access_token": other["access_token"]}).json()
    assert expired["error"]["error_subcode"] == 463
    assert site.get("/facebook/me", params={"access_token": listed["access_token"]}).ok
    assert page.get("/me").ok


def test_expiring_a_person_expires_the_page_tokens(make_person, site, control):
    person = make_person()
    control.post("/tokens/expire", json={"account_id": person["account_id"]})
    for token in (person["access_token"], person["pages"][0]["access_token"]):
        response = site.get("/facebook/me", params={"access_token": token})
        assert response.json()["error"]["code"] == 190


def test_tokens_expire_by_the_sandboxs_clock(x, control):
    control.advance(7199)
    assert x.get("/2/users/me").ok
    control.advance(2)
    assert x.get("/2/users/me").status_code == 401


def test_reset_restores_the_initial_state(x, control, server):
    x.tweet()
    control.settings(facebook_duplicates="506")
    control.advance(1000)
    control.fault("status", 500)

    assert control.delete("/state").status_code == 204

    assert control.posts() == control.get("/calls").json() == control.get("/faults").json() == []
    assert control.get("/settings").json()["facebook_duplicates"] == "off"
    assert server.state.advanced_seconds == 0
    assert x.get("/2/users/me").status_code == 401
    assert [account.username for account in server.state.accounts("twitter")] == ["sandbox_x"]


def test_each_platform_has_one_built_in_account(server):
    [person] = server.state.accounts("facebook")
    [_] = server.state.accounts("facebook", owner_id=person.id)
    [_] = server.state.accounts("twitter")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/accounts", {}, "unsupported_platform"),
        ("/accounts", {"platform": ["twitter"], "username": "a"}, "unsupported_platform"),
        ("/accounts", {"platform": "twitter"}, "invalid_username"),
        ("/accounts", {"platform": "twitter", "username": "a/b"}, "invalid_username"),
        ("/accounts", {"platform": "twitter", "username": "a", "name": 1}, "invalid_name"),
        ("/accounts", {"platform": "twitter", "username": "a", "name": " "}, "invalid_name"),
        ("/accounts", {"platform": "twitter", "username": "a", "scopes": "x"}, "invalid_scopes"),
        ("/accounts", {"platform": "twitter", "username": "a", "scopes": ["x"]}, "invalid_account"),
        (
            "/accounts",
            {"platform": "twitter", "username": "a", "subscription_type": {}},
            "invalid_account",
        ),
        ("/accounts", {"platform": "twitter", "username": "a", "pages": 1}, "unknown_field"),
        ("/accounts", {"platform": "facebook", "username": "a", "pages": -1}, "invalid_account"),
        ("/accounts", {"platform": "facebook", "username": "a", "pages": True}, "invalid_account"),
        (
            "/accounts",
            {"platform": "facebook", "username": "a", "pages": [{"name": "P", "tasks": [[]]}]},
            "invalid_account",
        ),
        ("/faults", {}, "invalid_action"),
        ("/faults", {"action": []}, "invalid_action"),
        ("/faults", {"action": "explode"}, "invalid_action"),
        ("/faults", {"action": "status"}, "invalid_value"),
        ("/faults", {"action": "status", "value": 99}, "invalid_value"),
        ("/faults", {"action": "status", "value": True}, "invalid_value"),
        ("/faults", {"action": "status", "value": {"code": 500, "header": {}}}, "unknown_field"),
        (
            "/faults",
            {"action": "status", "value": {"code": 500, "headers": {"A": "b\r\nC: d"}}},
            "invalid_value",
        ),
        ("/faults", {"action": "delay", "value": -1}, "invalid_value"),
        ("/faults", {"action": "delay", "value": "long"}, "invalid_value"),
        ("/faults", {"action": "drop_after", "path": "("}, "invalid_path"),
        ("/faults", {"action": "drop_after", "path": 7}, "invalid_path"),
        ("/faults", {"action": "drop_after", "method": 7}, "invalid_method"),
        ("/faults", {"action": "drop_after", "times": 0}, "invalid_times"),
        ("/faults", {"action": "drop_after", "platform": "myspace"}, "unsupported_platform"),
        ("/faults", {"action": "drop_after", "when": "now"}, "unknown_field"),
        ("/tokens/expire", {}, "unknown_account"),
        ("/tokens/expire", {"account_id": "1", "then": 1}, "unknown_field"),
        ("/clock", {}, "invalid_advance_seconds"),
        ("/clock", {"advance_seconds": -1}, "invalid_advance_seconds"),
        ("/clock", {"advance_seconds": 1e99}, "invalid_advance_seconds"),
        ("/settings", {"facebook_duplicates": "maybe"}, "invalid_facebook_duplicates"),
        ("/settings", {"facebook_duplicates": []}, "invalid_facebook_duplicates"),
        ("/settings", {"list_delay_seconds": "1"}, "invalid_list_delay_seconds"),
        ("/settings", {"weather": "fine"}, "unknown_field"),
    ],
)
def test_invalid_input_is_refused_with_its_code(control, path, body, code):
    response = control.post(path, json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["detail"]


def test_unknown_platform_in_a_filter_is_refused(control):
    for path in ("/posts", "/calls"):
        response = control.get(path, params={"platform": "myspace"})
        assert (response.status_code, response.json()["code"]) == (400, "unsupported_platform")


def test_invalid_json_is_refused(control):
    response = control.post("/faults", data=b"{")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")
