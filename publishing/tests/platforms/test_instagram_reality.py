"""Instagram as real accounts meet it: outages, unknown names, account types, lists, logins."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.core.cache import cache

from conftest import consent, statuses
from connections.models import SocialConnection
from connections.tokens import client_of
from publishing.models import PublishJob, Status
from socialpublishing.sandbox import pages
from socialpublishing.tests.file_server import whole
from socialpublishing.tests.meta_parameters import MetaParameters
from socialpublishing.tests.recording import body_of, record_requests

PUBLISH = "/media_publish$"
SAMPLES = Path(pages.HERE) / "samples"
NODE = r"/v\d+\.0/\d+$"


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Checks all requests of each test against Meta's own lists of parameters."""
    with record_requests(f"{sandbox.url}/instagram/") as recorder:
        yield recorder
    recorder.check_against(MetaParameters("instagram"))


@pytest.fixture
def make_account(make_connection, sandbox):
    """A connected account with these facts; nothing has to be processed."""

    def make(**facts):
        sandbox.call("POST", "settings", processing_seconds=0, instagram_processing_seconds=0)
        return make_connection("instagram", **facts)

    return make


@pytest.fixture
def connection(make_account):
    return make_account()


def job():
    return PublishJob.objects.get()


def outcome():
    return job().status, job().error_code


def publishes(sandbox):
    return len(sandbox.calls("/media_publish", "POST"))


def containers(sandbox):
    return len(sandbox.calls("/media", "POST")) - publishes(sandbox)


def options(**more):
    return {"platform_specific_options": more}


def rules(response):
    return [each["rule"] for each in response.json()["violations"]]


# --- Containers that Instagram does not show -----------------------------------------------------


@pytest.mark.behaviour(
    "Instagram may hide containers that it can publish: we wait for their usual time without using "
    "attempts, then publish"
)
@pytest.mark.parametrize("kind", ["missing", "forbidden"])
@pytest.mark.parametrize("form", ["image", "carousel", "reel"])
def test_hidden_container_is_published_after_its_usual_time(
    api, connection, sandbox, worker, kind, form
):
    sandbox.call("POST", "settings", instagram_containers=kind)
    picture, clip = sandbox.picture(), sandbox.clip()
    assets = {"image": [picture], "carousel": [picture, picture], "reel": [clip]}[form]
    api.publish(connection, "Hidden", assets=assets)
    worker.work_ahead(60)
    assert publishes(sandbox) == 0
    worker.work_ahead(1200)
    assert outcome() == ("Published", ""), job().error_message
    assert len(sandbox.posts()) == publishes(sandbox) == 1
    assert containers(sandbox) == (3 if form == "carousel" else 1)
    assert job().attempts <= 1


@pytest.mark.behaviour(
    "A hidden container that is not processed yet is refused with 9007, and published later"
)
def test_hidden_container_that_is_not_processed_is_published_later(
    api, connection, sandbox, worker
):
    sandbox.call(
        "POST", "settings", instagram_containers="missing", instagram_processing_seconds=400
    )
    api.publish(connection, "Slow", assets=[sandbox.picture()])
    worker.work_ahead(1500, sandbox=sandbox)
    assert outcome() == ("Published", ""), job().error_message
    assert len(sandbox.posts()) == 1
    assert publishes(sandbox) > 1


def test_hidden_child_does_not_end_the_wait_for_another(api, connection, sandbox, worker):
    for status in ({"status_code": "IN_PROGRESS", "id": "1"}, {}):  # the second is asked first
        value = {"code": 200, "body": status}
        sandbox.fault("status", value, method="GET", path=NODE)
    sandbox.call("POST", "settings", instagram_processing_seconds=400)
    api.publish(connection, "Two", assets=[sandbox.picture()] * 2)
    worker.work_ahead(300, sandbox=sandbox)
    assert containers(sandbox) == 2
    worker.work_ahead(1500, sandbox=sandbox)
    assert outcome() == ("Published", ""), job().error_message


@pytest.mark.behaviour(
    "Where a container is hidden after a lost response, the post is looked up in the account's list"
)
@pytest.mark.parametrize("kind", ["missing", "forbidden"])
@pytest.mark.parametrize("post_type", ["feed", "story"])
def test_post_of_a_hidden_container_is_found_in_the_list(
    api, connection, sandbox, worker, kind, post_type
):
    sandbox.call("POST", "settings", instagram_containers=kind)
    sandbox.fault("drop_after", path=PUBLISH)
    text = "" if post_type == "story" else "Once"
    picture = {**sandbox.picture(), "alt_text": None}
    api.publish(connection, text, assets=[picture], **options(post_type=post_type))
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert job().remote_id == post["id"]
    assert publishes(sandbox) == 1


@pytest.mark.behaviour(
    "A hidden container whose response was lost is published once, if it was not"
)
def test_hidden_container_that_was_not_published_is_published_once(
    api, connection, sandbox, worker
):
    sandbox.call("POST", "settings", instagram_containers="missing")
    sandbox.fault("drop_before", path=PUBLISH)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(1200)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1
    assert containers(sandbox) == 1


@pytest.mark.behaviour(
    "Neither a container nor a list may show a post for a while: it is published once all the same"
)
@pytest.mark.parametrize("response", ["same", "error"])
def test_post_that_nothing_shows_is_published_once(api, connection, sandbox, worker, response):
    sandbox.call(
        "POST",
        "settings",
        instagram_containers="missing",
        instagram_republish=response,
        list_delay_seconds=1800,
    )
    sandbox.fault("drop_after", path=PUBLISH)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(3 * 3600, sandbox=sandbox)
    assert outcome() == ("Published", ""), job().error_message
    assert len(sandbox.posts()) == 1


# --- Lists ---------------------------------------------------------------------------------------


@pytest.mark.behaviour("Only a list without items is empty: any other response does not say so")
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"data": None},
        {"data": {}},
        {"data": "x"},
        {"error": {"code": 1, "message": "x"}},
        {"data": [], "error": {"code": 1, "message": "x"}},
        {"data": [], "errors": [{"title": "Authorization Error"}], "error": {}},
    ],
)
def test_misshapen_list_does_not_make_the_post_absent(api, connection, sandbox, worker, body):
    sandbox.call("POST", "settings", instagram_containers="missing")
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="/media$", times=999)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(3 * 3600)
    assert job().status == Status.UNCONFIRMED
    assert publishes(sandbox) == 1

    sandbox.call("DELETE", "faults")
    worker.work_ahead(6 * 3600)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "An unknown user name in collaborators or tags is refused at once (110/2207018)"
)
@pytest.mark.parametrize(
    "more",
    [
        {"collaborators": ["unknown.one"]},
        {"user_tags": [{"username": "unknown.one", "x": 0.1, "y": 0.1}]},
    ],
)
def test_unknown_name_is_refused_at_once(api, connection, sandbox, worker, more):
    api.publish(connection, "Who?", assets=[sandbox.picture()], **options(**more))
    worker.work_ahead(3600)
    assert outcome() == ("ContentRejected", "content_rejected")
    assert "unknown.one" in job().error_message
    assert "user name in `collaborators`" in job().error_message
    assert containers(sandbox) == 1


@pytest.mark.behaviour(
    "A restricted account waits for its owner, who must act at Instagram (25/2207050)"
)
def test_restricted_account_waits_for_its_owner(api, make_account, sandbox, worker):
    connection = make_account(restricted=True)
    api.publish(connection, "Later", assets=[sandbox.picture()])
    worker.work_ahead(600)
    assert outcome() == ("Pending", "account_blocked")
    assert job().who_acts == "owner"
    assert "log in to Instagram" in job().error_message
    connection.refresh_from_db()
    assert connection.status == SocialConnection.Status.ACTIVE


@pytest.mark.behaviour("An account that is no longer professional waits for its owner")
def test_personal_account_waits_for_its_owner(api, make_account, sandbox, worker):
    connection = make_account(account_type="PERSONAL")
    api.publish(connection, "Later", assets=[sandbox.picture()])
    worker.work_ahead(600)
    assert outcome() == ("Pending", "account_blocked")
    assert "no longer a professional account" in job().error_message


@pytest.mark.behaviour("A container that failed for a restricted account is created again later")
def test_container_of_a_restricted_account_is_created_again(api, connection, sandbox, worker):
    body = {"status_code": "ERROR", "status": "25/2207050", "id": "1"}
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path=NODE, times=5)
    api.publish(connection, "Later", assets=[sandbox.picture()], late_grace_seconds=86400)
    worker.work_ahead(7200)
    assert outcome() == ("Published", "")
    assert containers(sandbox) == 6


@pytest.mark.behaviour(
    "A refusal of unknown reason (code 100) is not the content's: it is retried within the grace"
)
def test_unknown_refusal_is_retried(api, connection, sandbox, worker):
    error = {"code": 100, "message": "(#100) Invalid parameter"}
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/media$", times=6)
    api.publish(connection, "Later", assets=[sandbox.picture()], late_grace_seconds=86400)
    worker.work(until=lambda: job().error_code != "")
    assert outcome() == ("Pending", "platform_refused")
    assert "Invalid parameter" in job().error_message
    worker.work_ahead(86400)
    assert outcome() == ("Published", "")


@pytest.mark.behaviour("An unknown refusal of the publish request is looked up before a repeat")
@pytest.mark.parametrize("action", ["before", "after"])
def test_unknown_refusal_of_the_publish_request_is_looked_up(
    api, connection, sandbox, worker, action
):
    error = {"code": 100, "message": "(#100) Invalid parameter"}
    if action == "after":
        sandbox.fault("drop_after", path=PUBLISH)
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, path=PUBLISH)
    api.publish(connection, "Once", assets=[sandbox.picture()], late_grace_seconds=86400)
    worker.work_ahead(7200)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour(
    "The usage of limits comes with good responses too: at 100 % an account waits"
)
def test_used_up_limit_of_a_good_response_holds_the_account(api, connection, sandbox, worker):
    usage = '{"1": [{"type": "instagram", "estimated_time_to_regain_access": 19}]}'
    value = {
        "code": 200,
        "headers": {"X-Business-Use-Case-Usage": usage},
        "body": {"status_code": "FINISHED", "id": "1"},
    }
    sandbox.fault("status", value, method="GET", path=NODE)
    api.publish(connection, "One", assets=[sandbox.picture()])
    worker.work_ahead(60)
    connection.refresh_from_db()
    assert connection.limited_until is not None
    worker.work_ahead(3600)
    assert outcome() == ("Published", "")


# --- Kinds of accounts ---------------------------------------------------------------------------


@pytest.mark.behaviour("Instagram takes stories from business accounts, not from creators")
@pytest.mark.parametrize(
    ("account_type", "is_accepted"), [("BUSINESS", True), ("MEDIA_CREATOR", False)]
)
def test_story_of_a_creator_is_refused_before_it_is_scheduled(
    api, make_account, sandbox, account_type, is_accepted
):
    connection = make_account(account_type=account_type)
    picture = {**sandbox.picture(), "alt_text": None}
    response = api.publish(connection, "", assets=[picture], **options(post_type="story"))
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert rules(response) == ["account_type"]
    assert api.publish(connection, "A feed", assets=[sandbox.picture()]).status_code == 202


@pytest.mark.behaviour("Owners switch to a business account: the type is read again for a story")
def test_story_is_accepted_when_a_creator_has_become_a_business(api, connection, sandbox):
    SocialConnection.objects.update(profile={"username": "x", "account_type": "media_creator"})
    picture = {**sandbox.picture(), "alt_text": None}
    response = api.publish(connection, "", assets=[picture], **options(post_type="story"))
    assert response.status_code == 202


@pytest.mark.behaviour("A story is not refused where the type of the account is unknown")
def test_story_of_an_account_of_unknown_type_is_accepted(api, connection, sandbox, worker):
    SocialConnection.objects.update(profile={"username": "x"})
    picture = {**sandbox.picture(), "alt_text": None}
    api.publish(connection, "", assets=[picture], **options(post_type="story"))
    worker.work_ahead()
    assert outcome() == ("Published", "")


@pytest.mark.behaviour("The quota, the name and the kinds of posts of an account are read live")
def test_posting_options_are_read_from_the_account(api, make_account, sandbox, worker):
    sandbox.call("POST", "settings", instagram_quota=2)
    connection = make_account(username="harbour.bakery", account_type="MEDIA_CREATOR")
    api.publish(connection, "One", assets=[sandbox.picture()])
    worker.work_ahead()
    offered = api.get(f"connections/{connection.pk}/posting-options").json()
    assert (offered["display_name"], offered["can_post"]) == ("harbour.bakery", True)
    assert offered["avatar_url"].startswith(sandbox.url)
    assert offered["remaining"] == {"count": 1, "until": None}
    assert [each["value"] for each in offered["choices"]["post_type"]] == ["feed", "reel"]

    api.publish(connection, "Two", assets=[sandbox.picture()])
    worker.work_ahead()
    cache.clear()  # what was read is kept for a minute
    offered = api.get(f"connections/{connection.pk}/posting-options").json()
    assert (offered["can_post"], offered["remaining"]["count"]) == (False, 0)
    assert "2 posts" in offered["reason"]


@pytest.mark.behaviour("An account may post although Instagram does not report its quota")
def test_posting_options_need_no_quota(api, connection, sandbox):
    path = "/content_publishing_limit$"
    sandbox.fault("status", {"code": 403, "body": {"error": {"code": 10}}}, path=path)
    offered = api.get(f"connections/{connection.pk}/posting-options").json()
    assert (offered["can_post"], offered["remaining"]) == (True, None)


# --- Options and measures ------------------------------------------------------------------------


@pytest.mark.behaviour("Tags belong to one slide of a carousel; in a video they have no position")
def test_tags_are_on_the_slide_that_they_name(api, connection, sandbox, worker, recorded):
    tags = [
        {"username": "@anna", "x": 0.1, "y": 0.2},
        {"username": "ben", "asset": 2, "x": 0.5, "y": 0.5},
        {"username": "cleo", "asset": 3},
        {"username": "dan", "asset": 3, "x": 0.5, "y": 0.5},
    ]
    assets = [sandbox.picture(), sandbox.picture("bakery.jpg"), sandbox.clip()]
    api.publish(connection, "Three", assets=assets, **options(user_tags=tags))
    worker.work_ahead()
    assert outcome() == ("Published", ""), job().error_message
    sent = [body_of(call.request) or {} for call in recorded.calls]
    assert [body["user_tags"] for body in sent if "is_carousel_item" in body] == [
        [{"username": "anna", "x": 0.1, "y": 0.2}],
        [{"username": "ben", "x": 0.5, "y": 0.5}],
        [{"username": "cleo"}, {"username": "dan"}],
    ]


@pytest.mark.parametrize(
    ("tag", "rule"),
    [
        ({"username": "anna", "asset": 2, "x": 0.1, "y": 0.1}, "user_tags_asset"),
        ({"username": "anna", "x": 0.1}, "user_tags_place"),
    ],
)
def test_tag_that_no_asset_can_have_is_refused(api, connection, sandbox, tag, rule):
    response = api.publish(
        connection, "Anna", assets=[sandbox.picture()], **options(user_tags=[tag])
    )
    assert rules(response) == [rule]


@pytest.mark.behaviour("Names with an @ are the names without it; other wrong options are refused")
def test_collaborators_are_sent_without_an_at_sign(api, connection, sandbox, worker):
    api.publish(
        connection, "We", assets=[sandbox.picture()], **options(collaborators=["@anna", "ben"])
    )
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"]["collaborators"] == ["anna", "ben"]


@pytest.mark.parametrize(
    "more",
    [
        {"collaborators": ["https://instagram.com/anna"]},
        {"collaborators": ["anna b"]},
        {"collaborators": ["@"]},
        {"user_tags": [{"username": "anna!", "x": 0, "y": 0}]},
        {"location_id": "12a"},
        {"post_type": "reel", "cover_url": "javascript:1"},
        {"post_type": "reel", "trial_params": {"graduation_strategy": "LATER"}},
        {"post_type": "reel", "trial_params": {}},
    ],
)
def test_option_of_another_grammar_is_refused(api, connection, sandbox, more):
    asset = sandbox.clip() if "post_type" in more else sandbox.picture()
    response = api.publish(connection, "Hi", assets=[asset], **options(**more))
    assert response.status_code == 400, response.json()


@pytest.mark.behaviour("thumb_offset is a moment within the film")
@pytest.mark.parametrize(("offset", "is_accepted"), [(500, True), (3_600_000, False)])
def test_thumbnail_is_within_the_film(api, connection, sandbox, offset, is_accepted):
    response = api.publish(
        connection, "x", assets=[sandbox.clip()], **options(post_type="reel", thumb_offset=offset)
    )
    assert (response.status_code == 202) == is_accepted, response.json()
    if not is_accepted:
        assert rules(response) == ["thumb_offset"]


@pytest.mark.behaviour("Pictures of 3:4 are published: the documented 4:5 is a warning")
@pytest.mark.parametrize(
    ("size", "status", "warned"),
    [((1080, 1350), 202, False), ((1080, 1440), 202, True), ((1080, 1600), 400, False)],
)
def test_tall_picture_is_warned_of(api, connection, private_server, size, status, warned):
    private_server.file = whole(picture_of(*size))
    asset = {"url": private_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    response = api.publish(connection, "Tall", assets=[asset])
    assert response.status_code == status, response.json()
    if status == 202:
        codes = [each["code"] for each in response.json()["warnings"]]
        assert codes == (["measure_outside"] if warned else [])


def picture_of(width, height):
    """A sample with other measures in its header (the frame header of a JPEG)."""
    data = bytearray((SAMPLES / "bakery.jpg").read_bytes())
    old = (1350).to_bytes(2, "big") + (1080).to_bytes(2, "big")
    at = data.index(old)
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.behaviour("A reel can be a trial, which followers do not see at first")
def test_trial_reel_is_published(api, connection, sandbox, worker):
    trial = {"graduation_strategy": "SS_PERFORMANCE"}
    api.publish(
        connection, "Try", assets=[sandbox.clip()], **options(post_type="reel", trial_params=trial)
    )
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"] == {"media_product_type": "REELS", "trial_params": trial}


@pytest.mark.behaviour("An account without trial reels is refused at once (10/2207081)")
def test_trial_reel_of_an_ineligible_account_is_refused(api, make_account, sandbox, worker):
    connection = make_account(trial_reels=False)
    trial = {"graduation_strategy": "MANUAL"}
    api.publish(
        connection, "Try", assets=[sandbox.clip()], **options(post_type="reel", trial_params=trial)
    )
    worker.work_ahead()
    assert outcome() == ("ContentRejected", "content_rejected")
    assert "trial reels" in job().error_message
    assert containers(sandbox) == 1


@pytest.mark.behaviour("A limit of trial reels does not limit the account's other posts")
def test_limit_of_trial_reels_leaves_other_posts_alone(api, connection, sandbox, worker):
    error = {"code": 9, "message": "You have reached the limit of trial reels"}
    sandbox.fault("status", {"code": 400, "body": {"error": error}}, path=PUBLISH)
    trial = {"graduation_strategy": "MANUAL"}
    api.publish(
        connection, "Try", assets=[sandbox.clip()], **options(post_type="reel", trial_params=trial)
    )
    worker.work()
    assert outcome() == ("Pending", "rate_limited")
    connection.refresh_from_db()
    assert connection.limited_until is None


@pytest.mark.behaviour("A # inside a link is no hashtag")
def test_fragments_of_links_are_no_hashtags(api, connection, sandbox):
    text = " ".join(f"https://e.com/?#a{number}" for number in range(31))
    assert api.publish(connection, text, assets=[sandbox.picture()]).status_code == 202
    tags = " ".join(f"#a{number}" for number in range(31))
    assert rules(api.publish(connection, tags, assets=[sandbox.picture()])) == ["hashtags"]


# --- Files that Instagram fetches ----------------------------------------------------------------


@pytest.mark.behaviour(
    "Instagram fetches files itself: it gets an address of ours where the source redirects or is "
    "private"
)
@pytest.mark.parametrize("is_redirecting", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_instagram_fetches_private_and_redirected_files_from_us(
    api, connection, sandbox, worker, recorded, private_server, settings, is_redirecting, count
):
    data = (SAMPLES / "harbour.jpg").read_bytes()
    private_server.file, private_server.is_redirecting = whole(data), is_redirecting
    asset = {"url": private_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    assert api.publish(connection, "Ours", assets=[asset] * count).status_code == 202
    worker.work_ahead()
    assert outcome() == ("Published", ""), job().error_message
    bodies = [body_of(call.request) or {} for call in recorded.calls]
    sent = [body["image_url"] for body in bodies if "image_url" in body]
    assert len(sent) == count
    assert all(each.startswith(f"{settings.SERVICE_BASE_URL}/media/") for each in sent)
    [post] = sandbox.posts()
    expected = hashlib.sha256(data).hexdigest()
    assert [media["sha256"] for media in post["media"]] == [expected] * count


# --- Insights ------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "One post from before the account was professional fails the insights of a page (100/2108006): "
    "they are then read one by one"
)
def test_old_post_does_not_take_the_insights_of_others(api, make_account, sandbox, worker):
    connection = make_account(professional_since="2026-01-01T00:00:00Z")
    old = [
        {"created_at": f"20{year}-06-01T12:00:00Z", "text": f"Of {year}", "kind": "image"}
        for year in (24, 25)
    ]
    sandbox.call(
        "POST", "history", platform="instagram", account_id=connection.external_user_id, posts=old
    )
    api.publish(connection, "New", assets=[sandbox.picture()])
    worker.work_ahead()
    client = client_of(connection)
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    history = client.metrics_reader(client).history(since=since, limit=10)
    assert [post.text for post in history] == ["New", "Of 25", "Of 24"]
    assert history[0].metrics.impressions is not None
    assert history[1].metrics.impressions is None
    assert history[1].metrics.likes is not None
    # After the first old one, no older one is asked for.
    assert len(sandbox.calls("/insights", "GET")) == 2


# --- Login ---------------------------------------------------------------------------------------


def start(api, **query):
    url = "connections/connect/instagram"
    return api.get(url, data={"redirect": "false", **query}).json()["authorization_url"]


def connect(api, **query):
    back = api.get(consent(start(api, **query))).json()
    confirm = {name: back[name] for name in ("attempt_id", "completion_code")}
    response = api.post("connections/confirm", confirm)
    assert response.status_code == 200, response.json()
    return SocialConnection.objects.get(pk=response.json()["id"])


def asked(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.behaviour("One scope that the app lacks breaks every consent: scopes are settings")
def test_scopes_are_settings(api, sandbox, monkeypatch):
    assert asked(start(api))["scope"].split(",") == [
        "instagram_business_basic",
        "instagram_business_content_publish",
        "instagram_business_manage_insights",
        "instagram_business_manage_comments",
    ]
    monkeypatch.setenv("INSTAGRAM_OPTIONAL_SCOPES", "")
    assert "insights" not in asked(start(api))["scope"]
    assert "business_management" in asked(start(api, login="facebook"))["scope"]
    monkeypatch.setenv("INSTAGRAM_FACEBOOK_OPTIONAL_SCOPES", "instagram_manage_insights")
    assert "business_management" not in asked(start(api, login="facebook"))["scope"]


@pytest.mark.behaviour("A browser that is logged in connects a second account only if it is asked")
@pytest.mark.parametrize(("switch", "expected"), [("on", 2), ("off", 1)])
def test_second_account_can_be_connected(api, sandbox, monkeypatch, switch, expected):
    monkeypatch.setenv("INSTAGRAM_FORCE_REAUTH", switch)
    sandbox.call("POST", "settings", instagram_browser_session="kept")
    for username in ("first.one", "second.one"):
        sandbox.account("instagram", username=username)
        connect(api)
    assert SocialConnection.objects.count() == expected


@pytest.mark.behaviour("A token response without expires_in is for a token without an end")
@pytest.mark.parametrize("login", [{}, {"login": "facebook"}])
def test_token_without_a_named_end_has_none(api, sandbox, login):
    sandbox.call("POST", "settings", instagram_token_end="missing")
    sandbox.account("instagram", username="harbour.bakery")
    assert connect(api, **login).expires_at is None


@pytest.mark.behaviour("Accounts behind Pages are used with the Page's token, which has no end")
def test_account_behind_a_page_has_the_token_of_the_page(api, sandbox, worker, recorded):
    sandbox.call("POST", "settings", instagram_processing_seconds=0)
    sandbox.account("instagram", username="works", linked=1)
    connection = connect(api, login="facebook")
    chosen = connection.destinations.get(name="works.2")
    assert chosen.access_token.reveal().startswith("EAAP")
    recorded.calls.clear()
    api.publish(
        connection,
        "There",
        assets=[sandbox.picture()],
        **options(instagram_account_id=chosen.external_id),
    )
    worker.work_ahead()
    assert outcome() == ("Published", ""), job().error_message
    used = {call.request.headers["Authorization"] for call in recorded.calls}
    assert used == {f"Bearer {chosen.access_token.reveal()}"}


@pytest.mark.behaviour("Accounts behind Pages of a business portfolio are found too")
def test_account_behind_a_page_of_a_portfolio_is_found(api, sandbox, worker):
    sandbox.call("POST", "settings", instagram_processing_seconds=0)
    sandbox.account("instagram", username="works", portfolio=True)
    connection = connect(api, login="facebook")
    api.publish(connection, "There", assets=[sandbox.picture()])
    worker.work_ahead()
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("A Page's token publishes although the person's token has ended")
def test_account_behind_a_page_needs_no_token_of_the_person(api, sandbox, worker):
    sandbox.call("POST", "settings", instagram_processing_seconds=0)
    sandbox.account("instagram", username="works", linked=1)
    connection = connect(api, login="facebook")
    chosen = connection.destinations.get(name="works.2")
    SocialConnection.objects.update(expires_at=connection.created_at)
    sandbox.fault("status", 500, path="/oauth/access_token", times=999)
    api.publish(
        connection,
        "There",
        assets=[sandbox.picture()],
        **options(instagram_account_id=chosen.external_id),
    )
    worker.work_ahead()
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour("The tasks of a person on a Page may be missing, or have their newer names")
@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ({}, True),
        ({"tasks": ["PROFILE_PLUS_CREATE_CONTENT"]}, True),
        ({"tasks": ["PROFILE_PLUS_FULL_CONTROL"]}, True),
        ({"tasks": ["ANALYZE"]}, False),
        ({"tasks": []}, False),
    ],
)
def test_tasks_of_todays_pages_allow_publishing(api, sandbox, tasks, expected):
    account = sandbox.account("instagram", username="works")
    page = {
        "id": "61",
        "name": "Works",
        "access_token": "EAAPx",
        "instagram_business_account": {"id": account["account_id"], "username": "works"},
        **tasks,
    }
    body = {"data": [page]}
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="/me/accounts$")
    connection = connect(api, login="facebook")
    assert connection.destinations.get().can_publish is expected


def test_sandbox_lists_no_account_twice(sandbox):
    """The fields of the control API are checked."""
    for wrong in ({"account_type": "X"}, {"restricted": 1}, {"professional_since": "soon"}):
        response = requests.post(
            f"{sandbox.url}/control/accounts",
            json={"platform": "instagram", "username": "a", **wrong},
            timeout=5,
        )
        assert response.status_code == 400
