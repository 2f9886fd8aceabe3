"""POST /control/accounts with the username of an existing account."""

from __future__ import annotations

import pytest

from socialpublishing.sandbox.register import PLATFORMS


def change(control, platform, username="someone", **fields):
    body = {"platform": platform, "username": username, **fields}
    return control.post("/accounts", json=body)


def owned(server, platform, account):
    return {each.name: each.id for each in server.state.accounts(platform, owner_id=account)}


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_named_fields_change_and_the_others_stay(server, control, platform):
    made = control.account(platform)
    account = server.state.account(platform, made["account_id"])
    facts, scopes = dict(account.facts), made["scopes"]

    response = change(control, platform, name="Another Name", scopes=scopes[:1])

    assert (response.status_code, response.json()["account_id"]) == (200, made["account_id"])
    assert (account.name, account.facts) == ("Another Name", facts)
    token = server.state.tokens[made["access_token"]]
    assert server.state.is_live(token)
    assert token.grant.scopes >= set(scopes[:1])
    assert not token.grant.scopes >= set(scopes)
    people = server.state.accounts(platform)
    assert len([each for each in people if each.username == "someone"]) == 1


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_built_in_account_can_be_changed(server, control, platform):
    [account] = server.state.accounts(platform)
    assert change(control, platform, account.username, name="New").status_code == 200
    assert account.name == "New"


def test_same_username_at_another_platform_is_another_account(control):
    control.account("tiktok")
    assert change(control, "twitter").status_code == 201


@pytest.mark.parametrize(
    ("platform", "fields", "fact"),
    [
        ("tiktok", {"comment_disabled": True}, "comment_disabled"),
        ("tiktok", {"max_video_seconds": 60}, "max_video_seconds"),
        ("twitter", {"subscription_type": "Premium"}, "subscription_type"),
    ],
)
def test_facts_change_and_change_back(server, control, platform, fields, fact):
    account = server.state.account(platform, control.account(platform)["account_id"])
    before = account.facts[fact]
    change(control, platform, **fields)
    assert account.facts[fact] == fields[fact]
    change(control, platform, **{fact: before})
    assert account.facts[fact] == before


def test_boards_of_the_same_name_keep_their_ids(server, control):
    made = control.account("pinterest", boards=[{"name": "Bread"}, {"name": "Cake"}])
    change(control, "pinterest", boards=[{"name": "Bread"}, {"name": "New"}])
    boards = server.state.account("pinterest", made["account_id"]).facts["boards"]
    assert [board.name for board in boards.values()] == ["Bread", "New"]
    assert made["boards"][0]["id"] in boards


@pytest.mark.parametrize(
    ("platform", "field", "first", "second"),
    [
        ("facebook", "pages", [{"name": "A"}, {"name": "B"}], [{"name": "B"}, {"name": "C"}]),
        (
            "linkedin",
            "organizations",
            [{"name": "A"}, {"name": "B"}],
            [{"name": "B", "role": "ANALYST"}, {"name": "C"}],
        ),
    ],
)
def test_owned_accounts_of_the_same_name_keep_their_ids(
    server, control, platform, field, first, second
):
    account = control.account(platform, **{field: first})["account_id"]
    before = owned(server, platform, account)
    change(control, platform, **{field: second})
    after = owned(server, platform, account)
    assert (list(before), sorted(after)) == (["A", "B"], ["B", "C"])
    assert after["B"] == before["B"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"comment_disabled": "no"}, "invalid_account"),
        ({"max_video_seconds": 0}, "invalid_account"),
        ({"scopes": ["x"]}, "invalid_account"),
        ({"pages": 1}, "unknown_field"),
    ],
)
def test_wrong_value_changes_nothing(server, control, fields, code):
    account = server.state.account("tiktok", control.account("tiktok")["account_id"])
    facts = dict(account.facts)
    response = change(control, "tiktok", **fields)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert account.facts == facts
