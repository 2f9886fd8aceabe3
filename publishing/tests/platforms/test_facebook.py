"""Facebook: text, links and photos on Pages, and the rules for all posts."""

from __future__ import annotations

import pytest
import requests

from conftest import statuses
from connections.models import SocialConnection
from publishing.models import PublishJob, Status
from socialpublishing.tests.meta_parameters import PLACES, MetaParameters
from socialpublishing.tests.recording import record_requests


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Checks all requests of each test against Meta's own lists of parameters."""
    with record_requests(f"{sandbox.url}/facebook/") as recorder:
        yield recorder
    recorder.check_against(MetaParameters("facebook"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The worker's clock runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0)
    return make_connection("facebook")


def job():
    return PublishJob.objects.get()


def graph_error(code, subcode=None, message="x"):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": 400, "body": {"error": error}}


def asset_of(sandbox, name):
    return sandbox.clip("reel.mp4") if name == "reel" else {**sandbox.picture(), "alt_text": None}


CARDS = [{"link": "https://example.com/rye"}, {"link": "https://example.com/spelt"}]


@pytest.mark.parametrize(
    ("options", "asset", "rules"),
    [
        ({"link": "https://example.com/news"}, None, []),
        ({"link": "https://example.com/news"}, "picture", ["link_alone"]),
        ({"video_title": "Dawn"}, "clip", []),
        ({"link": "https://example.com/", "link_details": {"title": "News"}}, None, []),
        ({"link_details": {"title": "News"}}, None, ["link_details_need_link"]),
        ({"link": "https://example.com/", "call_to_action": "SHOP_NOW"}, None, []),
        ({"call_to_action": "SHOP_NOW"}, None, ["call_to_action_needs_link"]),
        ({"link": "https://example.com/", "link_cards": CARDS}, None, []),
        ({"link_cards": CARDS}, None, ["link_cards_need_link"]),
        ({"cover_url": "{sandbox}/samples/harbour.jpg"}, "clip", []),
        ({"cover_url": "{sandbox}/samples/harbour.jpg"}, "picture", ["cover_needs_video"]),
        ({"place": "1"}, None, []),
        ({"place": "1"}, "clip", ["place_without_video"]),
        ({"video_title": "Dawn"}, "picture", ["title_needs_video"]),
        ({"video_title": "Dawn"}, None, ["title_needs_video"]),
    ],
)
def test_cross_field_rules(api, connection, sandbox, options, asset, rules):
    if "cover_url" in options:
        options = {"cover_url": options["cover_url"].format(sandbox=sandbox.url)}
    body = {
        "connection_id": str(connection.pk),
        "text_content": "Hi",
        "assets": [getattr(sandbox, asset)()] if asset else [],
        "platform_specific_options": options,
    }

    response = api.post("publishing/validate", body).json()

    assert [broken["rule"] for broken in response["violations"]] == rules


@pytest.mark.parametrize(
    "targeting",
    [
        {"countries": ["Germany"]},
        {"countries": []},
        {"age_min": 14},
        {"age_min": "18"},
        {"cities": ["Hamburg"]},
        {"locales": [0]},
        [],
    ],
)
def test_malformed_targeting_is_refused_with_its_field_name(api, connection, targeting):
    response = api.publish(connection, "Hi", platform_specific_options={"targeting": targeting})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "targeting" in response.json()["violations"][0]["field"]


def test_requests_cover_every_list_of_parameters(api, connection, sandbox, worker, recorded):
    judge = MetaParameters("facebook")
    picture, film = sandbox.picture(), sandbox.clip()
    upright, still = asset_of(sandbox, "reel"), asset_of(sandbox, "photo")
    lost = "/(feed|photo_stories)$"  # then both are looked up
    sandbox.fault("drop_after", method="POST", path=lost, times=2)
    for text, assets, kind in [
        ("Two", [picture, picture], "feed"),
        ("Film", [film], "feed"),
        ("Reel", [upright], "reel"),
        ("", [upright], "story"),
        ("", [still], "story"),
    ]:
        options = {"post_type": kind}
        if kind == "reel":
            options["cover_url"] = f"{sandbox.url}/samples/bakery.jpg"
        response = api.publish(connection, text, assets=assets, platform_specific_options=options)
        assert response.status_code == 202, response.json()
        worker.work_ahead()

    assert statuses() == {"Published": 5}
    recorded.check_against(judge)
    assert judge.seen == {*PLACES["facebook"].values()}


# --- Lookups -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("With @[123456] today", "With Sandbox Bakery today"),
        ("Line\r\nLine", "Line\nLine"),
        ("Cafe\u0301", "Caf\u00e9"),
    ],
)
def test_post_is_found_though_facebook_changed_its_text(
    api, connection, sandbox, worker, text, shown
):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    assert api.publish(connection, text).status_code == 202
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "message": shown,
                    "permalink_url": "https://www.facebook.com/1",
                    "created_time": "2030-01-01T00:00:00+0000",
                }
            ],
            "paging": {},
        },
    }
    sandbox.fault("status", value, method="GET", path="/published_posts$", times=999)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_post_is_found_by_its_photos_though_facebook_changed_its_text(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    api.publish(connection, "With @[123456]", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    [photo_id] = job().progress["handle"]["photo_ids"]
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "message": "With Sandbox Bakery",
                    "attachments": {"data": [{"target": {"id": photo_id}}]},
                    "permalink_url": "https://www.facebook.com/1",
                    "created_time": "2030-01-01T00:00:00+0000",
                }
            ],
            "paging": {},
        },
    }
    sandbox.fault("status", value, method="GET", path="/published_posts$", times=999)
    worker.work_ahead(3600)
    assert statuses() == {"Published": 1}


def test_photo_posted_by_hand_is_not_taken_for_a_text_post_with_the_same_text(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_before", method="POST", path="/feed$")
    api.publish(connection, "Happy Friday!")
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    dest = connection.destinations.get()
    token = dest.account.token.reveal()
    headers = {"Authorization": f"Bearer {token}"}
    requests.post(
        f"{sandbox.url}/facebook/v27.0/{dest.external_id}/photos",
        data={"url": f"{sandbox.url}/samples/bakery.jpg", "message": "Happy Friday!"},
        headers=headers,
    )
    worker.work_ahead()
    assert len(sandbox.posts()) == 2


@pytest.mark.behaviour(
    "A list of posts without `data`, whatever its status, does not show that a post is absent."
)
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"data": None},
        {"data": {}},
        {"paging": {}},
        {"error": {"code": 190, "message": "x"}},
    ],
)
@pytest.mark.parametrize("kind", ["feed", "story"])
def test_list_without_data_is_no_evidence(api, connection, sandbox, worker, body, kind):
    edge = "/published_posts$" if kind == "feed" else "/stories$"
    sandbox.fault("drop_after", method="POST", path="/(feed|photo_stories)$")
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path=edge, times=8)
    text, assets = ("Hello", []) if kind == "feed" else ("", [asset_of(sandbox, "photo")])
    options = {"post_type": kind}
    api.publish(connection, text, assets=assets, platform_specific_options=options)

    worker.work_ahead(3600)

    assert (statuses(), len(sandbox.posts())) == ({"Published": 1}, 1)


def test_post_is_looked_up_after_its_retry_is_refused(api, connection, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    sandbox.fault(
        "status", graph_error(368, 1346003, "deemed abusive"), method="POST", path="/feed$"
    )
    api.publish(connection, "Hello")
    sandbox.call("POST", "settings", list_delay_seconds=300)
    worker.work_ahead()
    assert job().status in ("Published", "Unconfirmed")


@pytest.mark.parametrize("lag", [91, 120, 240])
def test_post_that_appears_late_in_the_list_is_not_duplicated(
    api, connection, sandbox, worker, lag
):
    sandbox.fault("drop_after", method="POST", path="/feed$")
    sandbox.call("POST", "settings", list_delay_seconds=lag)
    api.publish(connection, "Hello")
    worker.work_ahead(600, sandbox=sandbox)
    assert len(sandbox.posts()) == 1


# --- Pages, tokens and permissions ---------------------------------------------------------------


def test_page_that_is_gone_does_not_block_another_page(api, make_connection, sandbox, worker):
    connection = make_connection("facebook", pages=2)
    one, two = connection.destinations.order_by("external_id")
    sandbox.fault(
        "status",
        graph_error(100, 33, "Object does not exist"),
        method="POST",
        path=f"/{one.external_id}/feed$",
        times=999,
    )
    api.publish(connection, "One", platform_specific_options={"page_id": one.external_id})
    worker.work_ahead(120)
    connection.refresh_from_db()
    api.publish(connection, "Two", platform_specific_options={"page_id": two.external_id})
    worker.work_ahead(300)
    assert statuses().get("Published") == 1


@pytest.mark.parametrize("refusal", [(190, 492), (190, 460)])
def test_refused_token_of_one_page_does_not_end_the_connection(
    api, make_connection, sandbox, worker, refusal
):
    connection = make_connection("facebook", pages=2)
    one, two = connection.destinations.order_by("external_id")
    sandbox.fault(
        "status", graph_error(*refusal), method="POST", path=f"/{one.external_id}/feed$", times=999
    )
    api.publish(connection, "One", platform_specific_options={"page_id": one.external_id})
    worker.work_ahead(120)
    connection.refresh_from_db()
    api.publish(connection, "Two", platform_specific_options={"page_id": two.external_id})
    worker.work_ahead(4000)
    assert connection.status == "active"


def test_wrong_app_secret_does_not_reject_the_post(api, connection, sandbox, worker):
    sandbox.fault(
        "status",
        graph_error(100, None, "Invalid appsecret_proof provided in the API argument"),
        method="POST",
        path="/feed$",
        times=99,
    )
    api.publish(connection, "One")
    worker.work_ahead(600)
    assert job().status != "ContentRejected"


@pytest.mark.parametrize("login", ["facebook", ""])
def test_disconnecting_revokes_no_authorization_that_another_connection_uses(
    api, connection, sandbox, login
):
    """Meta revokes the login of a person for both platforms."""
    SocialConnection.objects.create(
        user_id="alice",
        platform="instagram",
        login=login,
        external_user_id=connection.external_user_id,
        access_token=connection.access_token,
    )

    assert api.delete(f"connections/{connection.pk}").status_code == 200

    revoked = sandbox.calls("/me/permissions", "DELETE")
    assert len(revoked) == (0 if login == "facebook" else 1)


def test_owner_learns_that_the_page_must_confirm_its_identity(api, connection, sandbox, worker):
    error = graph_error(368, 4854002, "Confirm your identity")
    sandbox.fault("status", error, method="POST", path="/feed$")
    api.publish(connection, "Hello")
    worker.work()
    assert (job().error_code, job().who_acts) == ("account_blocked", "owner")
    assert "identity" in job().error_message
    worker.work_ahead()
    assert statuses() == {"Published": 1}


# --- Refusals and limits -------------------------------------------------------------------------


def refuse_feed(sandbox, code, subcode=None, message="x", *, status=400, times=1, **more):
    error = {"code": code, "message": message, "fbtrace_id": "Abc", **more}
    if subcode:
        error["error_subcode"] = subcode
    value = {"code": status, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/feed$", times=times)


@pytest.mark.behaviour(
    "Code 100 is for every wrong parameter or object: the reason is unknown, so the post is tried "
    "again within its grace and its author is not blamed."
)
@pytest.mark.parametrize(
    ("subcode", "message"),
    [
        (33, "Unsupported post request. Object with ID '1' does not exist"),
        (None, "Unsupported post request."),
        (None, "(#100) Object does not exist, cannot be loaded due to missing permission"),
    ],
)
def test_refusal_of_unknown_reason_is_retried_within_the_grace(
    api, connection, sandbox, worker, subcode, message
):
    refuse_feed(sandbox, 100, subcode, message, times=2)
    api.publish(connection, "Hello")

    worker.work()
    assert (job().status, job().error_code) == ("Pending", "platform_refused")
    assert message in job().error_message
    worker.work_ahead()

    connection.refresh_from_db()
    assert (statuses(), job().attempts, connection.status) == ({"Published": 1}, 0, "active")


def test_refusal_of_unknown_reason_ends_with_facebooks_words(api, connection, sandbox, worker):
    refuse_feed(sandbox, 100, 33, "Object with ID '1' does not exist", times=999)
    api.publish(connection, "Hello", late_grace_seconds=600)

    worker.work_ahead(3600)

    assert (job().status, job().error_code) == ("Failed", "platform_refused")
    assert "does not exist" in job().error_message


@pytest.mark.behaviour("Codes 4 and 341 are limits of the whole app: all of its accounts wait.")
@pytest.mark.parametrize("code", [4, 341])
def test_limit_of_the_app_holds_every_account(api, make_connection, sandbox, worker, code):
    one, two = make_connection("facebook"), make_connection("facebook")
    refuse_feed(sandbox, code, None, "(#4) Application request limit reached", status=403)
    api.publish(one, "One")
    worker.work()
    api.publish(two, "Two")
    worker.work()
    assert statuses() == {"Pending": 2}
    assert len(sandbox.calls("/feed", "POST")) == 1
    worker.work_ahead()
    assert statuses() == {"Published": 2}


@pytest.mark.behaviour("Codes 80000 to 80014 and 368 are limits: the post waits and goes out.")
@pytest.mark.parametrize("code", [17, 32, 613, 80001, 80002, 80009, 80014, 368])
def test_limits_of_an_account_are_waited_for(api, connection, sandbox, worker, code):
    refuse_feed(sandbox, code, None, "There have been too many calls.")
    api.publish(connection, "Hello")
    worker.work()
    assert (job().error_code, job().waiting_for) == ("rate_limited", "rate_limit")
    worker.work_ahead()
    assert (statuses(), job().attempts) == ({"Published": 1}, 0)


@pytest.mark.behaviour("The subcode of 368 is about the content or about the account.")
@pytest.mark.parametrize(
    ("subcode", "status", "code"),
    [
        (1346003, "ContentRejected", "content_rejected"),
        (1404102, "ContentRejected", "content_rejected"),
        (1404112, "Pending", "account_blocked"),
        (1390008, "Pending", "rate_limited"),
    ],
)
def test_subcodes_of_a_block(api, connection, sandbox, worker, subcode, status, code):
    refuse_feed(sandbox, 368, subcode, "Blocked")
    api.publish(connection, "Hello")
    worker.work()
    assert (job().status, job().error_code) == (status, code)


@pytest.mark.behaviour("`is_transient: true` decides about a code that nobody knows.")
def test_unknown_transient_error_is_looked_up(api, connection, sandbox, worker):
    refuse_feed(sandbox, 1234567, None, "Try again", is_transient=True)
    api.publish(connection, "Hello")
    worker.work()
    assert (job().status, job().error_code) == ("Unconfirmed", "outcome_unknown")
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour("The headers of good responses report limits too: the next post waits.")
@pytest.mark.parametrize(
    ("usage", "seconds"),
    [({"facebook_page_wait_minutes": 30}, 1800), ({"facebook_app_usage": 100}, 60)],
)
def test_usage_in_a_good_response_holds_the_next_post(
    api, connection, sandbox, worker, usage, seconds
):
    sandbox.call("POST", "settings", **usage)
    api.publish(connection, "One")
    worker.work()
    sandbox.call("POST", "settings", facebook_page_wait_minutes=0, facebook_app_usage=1)
    api.publish(connection, "Two")
    worker.work()
    assert statuses() == {"Published": 1, "Pending": 1}
    assert len(sandbox.calls("/feed", "POST")) == 1
    worker.work_ahead(seconds + 60)
    assert statuses() == {"Published": 2}


@pytest.mark.behaviour(
    "Some refusals with the codes 190 and 200 are about the person's role at the Page."
)
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (190, "pages_read_engagement must be granted before impersonating a user's page."),
        (
            200,
            "(#200) requires pages_manage_posts as an admin with sufficient administrative "
            "permission",
        ),
    ],
)
def test_owner_learns_of_a_missing_role(api, connection, sandbox, worker, code, words):
    refuse_feed(sandbox, code, None, words, times=99)
    api.publish(connection, "Hello")
    worker.work_ahead()
    connection.refresh_from_db()
    assert (job().status, job().error_code, job().who_acts) == (
        "Failed",
        "permission_missing",
        "owner",
    )
    assert "One of the Page's admins" in job().error_message
    assert connection.status == "active"


@pytest.mark.behaviour("Facebook documents photos up to 10 MB, and refuses some above 4 MB.")
def test_large_photo_is_accepted_with_a_warning(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", facebook_photo_megabytes=0)
    api.publish(connection, "Hello", assets=[sandbox.picture()])
    worker.work()
    assert (job().status, job().error_code) == ("ContentRejected", "content_rejected")
    assert "smaller than 4 MB" in job().error_message


@pytest.mark.behaviour("WebP is accepted although no page of Facebook lists it.")
def test_webp_is_posted_with_a_warning(api, connection, sandbox, worker):
    picture = {**sandbox.picture("balloons.webp"), "mime_type": "image/webp"}
    accepted = api.publish(connection, "Hello", assets=[picture])
    assert accepted.status_code == 202, accepted.json()
    assert [each["code"] for each in accepted.json()["warnings"]] == ["measure_outside"]
    worker.work()
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("is_granted", [True, False])
def test_connecting_stores_whether_insights_may_be_read(make_connection, is_granted):
    scopes = ["pages_show_list", "pages_manage_posts", "pages_read_engagement"]
    connection = make_connection("facebook", scopes=scopes + ["read_insights"] * is_granted)
    assert connection.destinations.get().account.profile == {"tells_insights": is_granted}
