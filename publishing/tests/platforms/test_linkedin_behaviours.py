"""LinkedIn as it is on the first day: consent, organizations, refusals, text, files, cards."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from django.utils import timezone

from conftest import consent
from connections.models import SocialConnection
from connections.tokens import is_renewable
from publishing.models import PublishJob
from socialpublishing.platforms import client_for
from socialpublishing.platforms.metrics import MetricsNotAvailableError
from socialpublishing.sandbox.pages import HERE
from socialpublishing.tests.file_server import FileServer, whole

SAMPLES = HERE / "samples"
ARTICLE = {"url": "https://example.com/bread", "title": "Bread"}


@pytest.fixture
def make_linkedin(make_connection, sandbox):
    # No processing time: the worker's clock jumps ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0, linkedin_processing_seconds=0)
    return lambda **facts: make_connection("linkedin", **facts)


@pytest.fixture
def connection(make_linkedin):
    return make_linkedin()


@pytest.fixture
def make_server(settings):
    servers = []

    def make(data=b"", **behaviour):
        server = FileServer()
        servers.append(server)
        server.file = whole(data)
        for name, value in behaviour.items():
            setattr(server, name, value)
        settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, server.origin]
        return server

    yield make
    for server in servers:
        server.close()


def only_job():
    return PublishJob.objects.get()


def outcome():
    job = only_job()
    return job.status, job.error_code


def warning_codes():
    return [each["code"] for each in only_job().warnings or []]


def sample(name):
    return (SAMPLES / name).read_bytes()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- Consent -------------------------------------------------------------------------------------


def connect(api, **parameters):
    data = {"redirect": "false", **parameters}
    started = api.get("connections/connect/linkedin", data=data).json()
    back = api.get(consent(started["authorization_url"])).json()
    if "completion_code" not in back:
        return back
    names = ("attempt_id", "completion_code")
    return api.post("connections/confirm", {name: back[name] for name in names}).json()


@pytest.mark.behaviour(
    "LinkedIn refuses the whole consent for one scope that the app lacks; we ask for no scope that "
    "only adds a feature, unless a setting lists it"
)
def test_app_without_member_analytics_can_be_connected(api, sandbox, monkeypatch):
    sandbox.call("POST", "settings", linkedin_member_analytics="off")
    assert connect(api)["status"] == "active"

    monkeypatch.setenv("LINKEDIN_OPTIONAL_SCOPES", "r_member_postAnalytics")
    assert connect(api)["code"] in {"oauth_denied", "oauth_failed"}
    sandbox.call("POST", "settings", linkedin_member_analytics="on")
    assert "r_member_postAnalytics" in connect(api)["scopes"]


@pytest.mark.behaviour(
    "A self-serve app gets no refresh tokens: its connections end after 60 days, and nobody but "
    "the owner can renew them"
)
def test_self_serve_connection_ends_after_sixty_days(api, sandbox):
    sandbox.call("POST", "settings", linkedin_refresh_tokens="off")
    connect(api, login="self_serve")
    connection = SocialConnection.objects.get()
    left = connection.expires_at - timezone.now()
    assert dt.timedelta(days=59, hours=23) < left <= dt.timedelta(days=60)
    assert (connection.refresh_token, connection.refresh_expires_at) == (None, None)
    assert not is_renewable(connection)


def test_refresh_token_keeps_its_end(api, sandbox):
    connect(api)
    first = SocialConnection.objects.get()
    sandbox.call("POST", "clock", advance_seconds=59 * 86400)
    assert api.post(f"connections/{first.pk}/refresh").status_code == 200
    left = SocialConnection.objects.get().refresh_expires_at - timezone.now()
    assert dt.timedelta(days=305, hours=23) < left <= dt.timedelta(days=306)


# --- Organizations -------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "LinkedIn shows the full record of an organization to its administrators only; we read the "
    "names of all in one lookup, and the URN is the name where there is none"
)
def test_each_organization_is_connected_by_itself(make_linkedin, sandbox):
    connection = make_linkedin(
        organizations=[
            {"name": "Works"},
            {"name": "Content", "role": "CONTENT_ADMINISTRATOR"},
            {"name": "Hidden", "lookup": "off"},
            {"name": "Left", "state": "REVOKED", "lookup": "off"},
            {"name": "Numbers", "role": "ANALYST"},
        ]
    )
    names = sorted(connection.destinations.values_list("name", flat=True))
    assert names[:2] == ["Content", "Works"]
    assert [name.startswith("urn:li:organization:") for name in names[2:]] == [True]


def test_fifty_organizations_are_two_requests(make_linkedin, sandbox):
    connection = make_linkedin(organizations=[{"name": f"Works {n}"} for n in range(50)])
    assert connection.destinations.count() == 50
    assert len(sandbox.calls("/rest/organization")) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"value": 403, "path": "^/rest/organizationAcls"},
        {"value": 500, "path": "^/rest/organizationAcls"},
        {"value": {"code": 200, "body": {"elements": None}}, "path": "^/rest/organizationAcls"},
    ],
)
def test_list_of_organizations_that_cannot_be_read_does_not_end_the_connect(
    make_linkedin, sandbox, fault
):
    sandbox.fault("status", **fault)
    assert make_linkedin().status == "active"


@pytest.mark.parametrize(
    "body",
    [
        {"code": 200, "body": {"results": None}},
        {"code": 200, "body": []},
        {"code": 200, "body": {"results": {"1": {"localizedName": 5}, "x": "y"}}},
        {"code": 500, "body": {}},
    ],
)
def test_organizations_without_a_lookup_have_their_urn_as_name(make_linkedin, sandbox, body):
    sandbox.fault("status", body, path="^/rest/organizationsLookup")
    [destination] = make_linkedin().destinations.all()
    assert destination.name == destination.external_id


@pytest.mark.behaviour(
    "An app in LinkedIn's development tier may not read in batches; the names of the first "
    "organizations are then read one by one"
)
def test_app_in_the_development_tier_has_names_of_some_organizations(make_linkedin, sandbox):
    sandbox.call("POST", "settings", linkedin_batches="off")
    connection = make_linkedin(
        organizations=[{"name": f"Works {number}"} for number in range(6)]
        + [{"name": "Content", "role": "CONTENT_ADMINISTRATOR"}]
    )
    names = list(connection.destinations.values_list("name", flat=True))
    assert len([name for name in names if name.startswith("urn:li:organization:")]) == 2
    assert len([name for name in names if name.startswith("Works")]) == 5


@pytest.mark.parametrize(
    ("organization", "is_accepted"),
    [
        ({}, True),
        ({"role": "CONTENT_ADMINISTRATOR"}, True),
        ({"state": "REVOKED"}, False),
        ({"role": "ANALYST"}, False),
    ],
)
def test_only_the_organization_itself_takes_the_right_away(
    make_linkedin, sandbox, organization, is_accepted
):
    connection = make_linkedin(organizations=[{"name": "Works"}])
    client = client_of_organization(connection)
    [role] = [{"organization": client.account.id, "role": "ADMINISTRATOR", "state": "APPROVED"}]
    body = {"elements": [{**role, **organization}], "paging": {}}
    sandbox.fault("status", {"code": 200, "body": body}, path="^/rest/organizationAcls")
    assert client.accepts_posts() == is_accepted


@pytest.mark.parametrize(("status", "is_accepted"), [(200, True), (403, True), (404, False)])
def test_organization_that_the_list_of_roles_leaves_out_is_asked(
    make_linkedin, sandbox, status, is_accepted
):
    client = client_of_organization(make_linkedin())
    empty = {"elements": [], "paging": {"links": []}}
    sandbox.fault("status", {"code": 200, "body": empty}, path="^/rest/organizationAcls")
    if status != 200:
        sandbox.fault("status", status, path="^/rest/organizations/")
    assert client.accepts_posts() == is_accepted


def client_of_organization(connection):
    return client_for("linkedin", connection.destinations.get().account)


def test_posting_options_name_the_account_and_its_organizations(make_linkedin):
    connection = make_linkedin(name="Linda Harbour")
    [destination] = connection.destinations.all()
    member = client_for("linkedin", connection.account).posting_options()
    assert member.display_name == "Linda Harbour"
    [choice] = member.choices["organization_urn"]
    assert (choice.value, choice.label) == (destination.external_id, destination.name)
    options = client_of_organization(connection).posting_options()
    assert options.display_name == destination.name
    assert [each.value for each in options.choices["visibility"]] == ["PUBLIC", "LOGGED_IN"]


# --- Refusals ------------------------------------------------------------------------------------


def refuse(sandbox, status, body, *, times=1, path="^/rest/posts$"):
    value = {"code": status, "body": body}
    sandbox.fault("status", value, method="POST", path=path, times=times)


@pytest.mark.behaviour(
    "LinkedIn retires a version of its API each month (426); posts wait for the operator within "
    "their grace, and go out when the version is active"
)
def test_retired_api_version_pauses_the_platform(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", linkedin_oldest_version=202610)
    job_id = api.publish(connection, "Hi").json()["job_id"]
    worker.work()

    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Pending", "platform_configuration")
    assert (state["waiting_for"], state["who_acts"]) == ("operator", "operator")
    assert "API version" in state["error_message"]

    sandbox.call("POST", "settings", linkedin_oldest_version=202601)
    worker.work_ahead()
    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "A refusal whose reason we do not know, such as 404 Resource … does not exist, is not the "
    "content's: it is kept with LinkedIn's words and tried again within the grace"
)
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, {"message": "Resource posts does not exist"}, "does not exist"),
        (400, {"code": "ILLEGAL_ARGUMENT", "message": "Query is odd"}, "Query is odd"),
        (
            422,
            {"errorDetails": {"inputErrors": [{"code": "NEW", "description": "Blank title"}]}},
            "Blank title",
        ),
        (422, {"errorDetails": [{"code": "NEW", "description": "In a list"}]}, "In a list"),
    ],
)
def test_refusal_of_unknown_reason_is_tried_again(
    api, connection, sandbox, worker, status, body, words
):
    refuse(sandbox, status, body, times=5)
    job_id = api.publish(connection, "Hi").json()["job_id"]
    worker.work()
    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Pending", "platform_refused")
    assert words in state["error_message"]

    worker.work_ahead(3600)
    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour(
    "LinkedIn refuses what the member's role at the Page does not allow; the message names the "
    "role and who gives it, not a new consent"
)
@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Data Processing Exception while processing fields [/author]", "no role"),
        ("permission to the ADMIN_ONLY VisibilityReduction for urn:li:organization:1", "no role"),
        ("Not enough permissions to access: partnerApiPostsExternal.CREATE", "operator gets it"),
    ],
)
def test_missing_role_and_missing_scope_read_differently(
    api, connection, sandbox, worker, message, words
):
    refuse(sandbox, 403, {"status": 403, "code": "ACCESS_DENIED", "message": message})
    job_id = api.publish(connection, "Hi").json()["job_id"]
    worker.work_ahead()
    state = api.get(f"publishing/jobs/{job_id}/status").json()
    assert (state["status"], state["error_code"]) == ("Failed", "permission_missing")
    assert words in state["error_message"]


def test_content_administrator_cannot_post_a_video(api, make_linkedin, sandbox, worker):
    connection = make_linkedin(organizations=[{"name": "Works", "role": "CONTENT_ADMINISTRATOR"}])
    options = {"organization_urn": connection.destinations.get().external_id}
    job = {"assets": [sandbox.clip()], "platform_specific_options": options}
    api.publish(connection, "A film", **job)
    worker.work_ahead()
    assert outcome() == ("Failed", "permission_missing")
    assert "no role" in only_job().error_message


def test_post_for_an_organization_needs_its_scope(api, make_linkedin):
    connection = make_linkedin(scopes=["r_basicprofile", "w_member_social"])
    connection.destinations.create(
        external_id="urn:li:organization:1", name="Works", kind="organization", can_publish=True
    )
    options = {"organization_urn": "urn:li:organization:1"}
    response = api.publish(connection, "Hi", platform_specific_options=options)
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
    assert "w_organization_social" in response.json()["detail"]
    assert api.publish(connection, "Hi").status_code == 202


@pytest.mark.behaviour(
    "An upload address that is not LinkedIn's own is refused before anything is sent: nothing was "
    "made, so another upload is begun"
)
@pytest.mark.parametrize("file", ["picture", "clip"])
def test_upload_address_of_another_host_leaves_nothing_in_doubt(
    api, connection, sandbox, worker, file
):
    kind = "images" if file == "picture" else "videos"
    part = {"uploadUrl": "https://evil.example/0", "firstByte": 0, "lastByte": 9}
    value = {"uploadUrl": "https://evil.example/0", "image": "urn:li:image:1"}
    value |= {"video": "urn:li:video:1", "uploadToken": "", "uploadInstructions": [part]}
    refuse(sandbox, 200, {"value": value}, path=f"^/rest/{kind}$", times=2)
    api.publish(connection, "A file", assets=[getattr(sandbox, file)()])
    worker.work_ahead()
    assert outcome() == ("Published", "")


# --- Text ----------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "LinkedIn counts the text as it is sent, with backslashes and templates of hashtags; so do we "
    "when a post is accepted"
)
@pytest.mark.parametrize("path", ["publish", "validate"])
def test_text_that_is_too_long_as_sent_is_refused_at_once(api, connection, path):
    text = "x" * 2924 + " #rye" * 5
    assert len(text) == 2949
    body = {"connection_id": str(connection.pk), "text_content": text, "assets": []}
    response = api.post(f"publishing/{path}", body).json()
    [violation] = response["violations"]
    assert (violation["rule"], violation["actual"]) == ("text_length", 3009)


@pytest.mark.parametrize("text", ["x" * 2864 + " #rye" * 5, "(" * 1500, "x" * 3000])
def test_text_of_the_longest_length_is_published(api, connection, sandbox, worker, text):
    assert api.publish(connection, text).status_code == 202
    worker.work_ahead()
    assert [post["text"] for post in sandbox.posts()] == [text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("By @[Acme (UK) Ltd](urn:li:organization:1) (new)", "By Acme (UK) Ltd (new)"),
        ("By @[A [x]](urn:li:person:a_b) _ok_", "By A [x] _ok_"),
        ("https://e.com/a_(b)?c#part and #rye", "https://e.com/a_(b)?c#part and #rye"),
    ],
)
def test_mentions_and_addresses_arrive_whole(api, connection, sandbox, worker, text, shown):
    api.publish(connection, text)
    worker.work_ahead()
    assert [post["text"] for post in sandbox.posts()] == [shown]


@pytest.mark.behaviour(
    "Reports disagree whether addresses need backslashes; LINKEDIN_ESCAPE_ADDRESSES=off leaves "
    "them as they are"
)
def test_addresses_can_be_left_as_they_are(api, connection, sandbox, worker, settings):
    text = "(https://e.com/a_(b)?c#part) and #rye"
    sandbox.call("POST", "settings", linkedin_addresses="plain")
    settings.LINKEDIN_ESCAPE_ADDRESSES = False
    api.publish(connection, text)
    worker.work_ahead()
    assert [post["text"] for post in sandbox.posts()] == [text]


def test_lost_post_with_a_mention_is_found_in_the_list(api, connection, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    text = "By @[Acme (UK)](urn:li:organization:1) https://e.com/a_b?#c #rye"
    options = {"organization_urn": connection.destinations.get().external_id}
    api.publish(connection, text, platform_specific_options=options)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/rest/posts", "POST")) == 1


# --- Content without text ------------------------------------------------------------------------


POLL = {"question": "Which?", "options": ["Rye", "Spelt"], "duration_days": 7}


@pytest.mark.behaviour("A poll or an article is a post without any text too")
@pytest.mark.parametrize(
    "options", [{"post_type": "poll", "poll": POLL}, {"article": ARTICLE}], ids=["poll", "article"]
)
def test_poll_or_article_alone_is_published(api, connection, sandbox, worker, options):
    body = {"connection_id": str(connection.pk), "platform_specific_options": options}
    assert api.post("publishing/publish", {**body, "text_content": ""}).status_code == 202
    worker.work_ahead()
    assert outcome() == ("Published", "")
    [post] = sandbox.posts()
    assert post["text"] == ""


def test_lost_article_without_text_is_not_taken_for_another_one(api, connection, sandbox, worker):
    target = {"organization_urn": connection.destinations.get().external_id}

    def publish(url):
        article = {**ARTICLE, "url": url}
        api.publish(connection, "", platform_specific_options={**target, "article": article})
        worker.work_ahead()

    publish("https://example.com/other")
    sandbox.fault("drop_before", method="POST", path="^/rest/posts$")
    publish("https://example.com/bread")
    assert {job.status for job in PublishJob.objects.all()} == {"Published"}
    sources = {post["details"]["article"]["source"] for post in sandbox.posts()}
    assert sources == {"https://example.com/other", "https://example.com/bread"}


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Some servers do not report a file's length; an image is then read whole, within its limit, "
    "before it is uploaded"
)
@pytest.mark.parametrize("has_ranges", [True, False])
def test_image_of_a_server_without_lengths_is_published(
    api, connection, sandbox, worker, make_server, has_ranges
):
    data = sample("harbour.jpg")
    server = make_server(data, has_lengths=False, has_ranges=has_ranges)
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    assert api.publish(connection, "A picture", assets=[asset]).status_code == 202
    worker.work_ahead()
    assert outcome() == ("Published", "")
    [post] = sandbox.posts()
    assert [each["sha256"] for each in post["media"]] == [sha256(data)]


@pytest.mark.parametrize(
    ("kind", "mime_type", "name"),
    [("video", "video/mp4", "clip.mp4"), ("document", "application/pdf", "document.pdf")],
)
def test_file_without_a_length_is_refused_clearly_or_published(
    api, connection, worker, make_server, kind, mime_type, name
):
    server = make_server(sample(name), has_lengths=False, has_ranges=False)
    asset = {"url": server.url, "asset_type": kind, "mime_type": mime_type}
    options = {"post_type": "document", "title": "A"} if kind == "document" else {}
    response = api.publish(connection, "A file", assets=[asset], platform_specific_options=options)
    if response.status_code == 400:
        assert response.json()["code"] == "asset_size_unknown"
    else:
        worker.work_ahead()
        assert outcome() == ("Published", "")


def test_file_that_changed_after_accept_is_named(api, connection, worker, make_server):
    server = make_server(sample("harbour.jpg"))
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    api.publish(connection, "A picture", assets=[asset])
    server.file = whole(sample("mountains.jpg"))
    worker.work_ahead()
    assert outcome() == ("Failed", "asset_changed")


@pytest.mark.parametrize("lengths", [True, False])
def test_image_behind_a_redirect_is_published(
    api, connection, sandbox, worker, make_server, lengths
):
    server = make_server(sample("harbour.jpg"), is_redirecting=True, has_lengths=lengths)
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    api.publish(connection, "A picture", assets=[asset])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert [each["sha256"] for each in post["media"]] == [sha256(sample("harbour.jpg"))]


@pytest.mark.parametrize("lengths", [True, False])
def test_address_that_expired_is_tried_within_the_grace(
    api, connection, sandbox, worker, make_server, lengths
):
    server = make_server(sample("harbour.jpg"), has_lengths=lengths)
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    api.publish(connection, "A picture", assets=[asset])
    server.refusal = lambda handler: 403
    worker.work_ahead(120)
    assert outcome() == ("Pending", "asset_unreachable")
    server.refusal = lambda handler: None
    worker.work_ahead(3600)
    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "LinkedIn does not know an asset for some seconds after its upload (404): for a minute that "
    "means not ready"
)
@pytest.mark.parametrize("file", ["picture", "clip"])
def test_asset_that_is_not_known_yet_is_waited_for(api, connection, sandbox, worker, file):
    sandbox.call("POST", "settings", linkedin_unknown_asset_seconds=25)
    api.publish(connection, "A file", assets=[getattr(sandbox, file)()])
    worker.work_ahead(sandbox=sandbox)
    assert outcome() == ("Published", "")
    uploads = sandbox.calls("/dms-uploads/", "PUT")
    assert len(uploads) == 1


def test_asset_that_stays_unknown_is_uploaded_again(api, connection, sandbox, worker):
    sandbox.fault("status", 404, method="GET", path="^/rest/images/", times=7)
    api.publish(connection, "A file", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/dms-uploads/", "PUT")) == 2


def test_publish_request_waits_for_an_asset_that_is_not_known_yet(api, connection, sandbox, worker):
    message = "Could not find image urn:li:image:D4E0AQ1"
    refuse(sandbox, 404, {"status": 404, "code": "NOT_FOUND", "message": message}, times=2)
    api.publish(connection, "A file", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "A video shows a thumbnail of the author's choice; if LinkedIn does not take it, the video "
    "goes out without it, with a warning"
)
def test_refused_thumbnail_is_a_warning(api, connection, sandbox, worker):
    refuse_thumbnail = {"method": "PUT", "path": "/thumbnail$"}
    sandbox.fault("status", 400, **refuse_thumbnail)
    options = {"thumbnail_url": f"{sandbox.url}/samples/bakery.jpg"}
    api.publish(connection, "A film", assets=[sandbox.clip()], platform_specific_options=options)
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert warning_codes() == ["thumbnail_left_out"]


# --- Cards ---------------------------------------------------------------------------------------


def page(image=""):
    metas = {"title": "Rye &amp; spelt", "description": "How it is made", "image": image}
    tags = "".join(f'<meta property="og:{k}" content="{v}">' for k, v in metas.items() if v)
    return f"<html><head>{tags}</head></html>".encode()


def publish_article(api, connection, worker, **article):
    api.publish(connection, "Read", platform_specific_options={"article": article})
    worker.work_ahead()


@pytest.mark.behaviour(
    "LinkedIn does not read the page of an article; we read its title, description and picture for "
    "what the post does not say"
)
def test_card_is_filled_from_the_page(api, connection, sandbox, worker, make_server):
    picture = make_server(sample("bakery.jpg"))
    server = make_server(page(picture.url))
    publish_article(api, connection, worker, url=server.url, title="Our title")
    [post] = sandbox.posts()
    assert post["details"]["article"] == {
        "source": server.url,
        "title": "Our title",
        "description": "How it is made",
    }
    assert [each["sha256"] for each in post["media"]] == [sha256(sample("bakery.jpg"))]
    assert warning_codes() == []


def test_image_of_the_post_wins_over_that_of_the_page(
    api, connection, sandbox, worker, make_server
):
    picture = make_server(sample("bakery.jpg"))
    server = make_server(page(picture.url))
    body = {"assets": [sandbox.picture()]}
    options = {"article": {"url": server.url}}
    api.publish(connection, "Read", platform_specific_options=options, **body)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"]["article"]["title"] == "Rye & spelt"
    assert [each["sha256"] for each in post["media"]] == [sha256(sample("harbour.jpg"))]
    assert picture.requests == []


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://nowhere.invalid/a"])
def test_page_that_cannot_be_read_is_a_warning(api, connection, sandbox, worker, url):
    publish_article(api, connection, worker, url=url)
    [post] = sandbox.posts()
    assert post["details"]["article"]["title"] in url
    assert warning_codes() == ["page_unreadable"]


@pytest.mark.parametrize("data", [b"no picture", "webp"], ids=["broken", "webp"])
def test_picture_that_linkedin_does_not_take_is_left_out(
    api, connection, sandbox, worker, make_server, data
):
    picture = make_server(sample("balloons.webp") if data == "webp" else data)
    server = make_server(page(picture.url))
    publish_article(api, connection, worker, url=server.url)
    [post] = sandbox.posts()
    assert (post["details"]["article"]["title"], post["media"]) == ("Rye & spelt", [])
    assert warning_codes() == ["page_unreadable"]


def test_page_picture_that_fails_processing_is_left_out(
    api, connection, sandbox, worker, make_server
):
    picture = make_server(sample("bakery.jpg"))
    server = make_server(page(picture.url))
    body = {"status": "PROCESSING_FAILED"}
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="^/rest/images/")
    publish_article(api, connection, worker, url=server.url)
    assert outcome() == ("Published", "")
    assert warning_codes() == ["page_unreadable"]


@pytest.mark.behaviour(
    "LinkedIn may refuse the picture of a link's page for a reason of its own: the article goes "
    "out without it, with a warning"
)
@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(("method", "path"), [("POST", "^/rest/images$"), ("PUT", "/dms-uploads/")])
def test_page_picture_whose_upload_is_refused_is_left_out(
    api, connection, sandbox, worker, make_server, method, path, status
):
    server = make_server(page(make_server(sample("bakery.jpg")).url))
    body = {"message": "Something about the image", "status": status}
    sandbox.fault("status", {"code": status, "body": body}, method=method, path=path, times=9999)
    publish_article(api, connection, worker, url=server.url)
    assert outcome() == ("Published", "")
    assert warning_codes() == ["page_unreadable"]


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"status": "PROCESSING"}), (404, {"status": 404})]
)
def test_page_picture_that_does_not_become_ready_is_left_out(
    api, connection, sandbox, worker, make_server, status, body
):
    server = make_server(page(make_server(sample("bakery.jpg")).url))
    value = {"code": status, "body": body}
    sandbox.fault("status", value, method="GET", path="^/rest/images/", times=9999)
    publish_article(api, connection, worker, url=server.url)
    assert outcome() == ("Published", "")
    assert warning_codes() == ["page_unreadable"]


# --- Processing that does not end ----------------------------------------------------------------


@pytest.mark.behaviour(
    "LinkedIn's processing of a file does not end: after half an hour the file is uploaded again"
)
def test_file_whose_processing_does_not_end_is_uploaded_again(api, connection, sandbox, worker):
    value = {"code": 200, "body": {"status": "PROCESSING"}}
    sandbox.fault("status", value, method="GET", path="/rest/images/", times=9999)
    api.publish(connection, "A file", assets=[sandbox.picture()])
    worker.work_ahead(1950)
    assert len(sandbox.calls("/rest/images", "POST")) == 2
    sandbox.call("DELETE", "faults")
    worker.work_ahead(2400)
    assert outcome() == ("Published", "")


def test_processing_that_does_not_end_is_named_at_the_end(api, connection, sandbox, worker):
    value = {"code": 200, "body": {"status": "PROCESSING"}}
    sandbox.fault("status", value, method="GET", path="/rest/images/", times=9999)
    api.publish(connection, "A file", assets=[sandbox.picture()])
    worker.work_ahead(3700)
    assert outcome() == ("Failed", "too_late")
    assert "LinkedIn was still processing it" in only_job().error_message


# --- Insights ------------------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Numbers of members' posts need r_member_postAnalytics, those of a Page an administrator: "
    "without them only the numbers are missing, and the reason names what is needed"
)
def test_numbers_that_may_not_be_read_name_what_is_missing(api, make_linkedin, sandbox, worker):
    connection = make_linkedin(
        scopes=["r_basicprofile", "w_member_social", "w_organization_social",
                "r_organization_social", "rw_organization_admin"],
        organizations=[{"name": "Works", "role": "CONTENT_ADMINISTRATOR"}],
    )  # fmt: skip
    member = client_for("linkedin", connection.account)
    with pytest.raises(MetricsNotAvailableError, match="r_member_postAnalytics"):
        member.metrics_reader(member).metrics(["urn:li:share:1"])
    organization = client_of_organization(connection)
    with pytest.raises(MetricsNotAvailableError, match="administrator"):
        organization.metrics_reader(organization).metrics(["urn:li:share:1"])


@pytest.mark.behaviour(
    "A list of LinkedIn is empty only if it has an empty list of elements: all else is no response"
)
@pytest.mark.parametrize("body", [{}, {"elements": None}, {"elements": {}}, [], {"message": "no"}])
def test_list_without_elements_is_not_an_empty_list(api, connection, sandbox, worker, body):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    lists = {"method": "GET", "path": "^/rest/posts$"}
    sandbox.fault("status", {"code": 200, "body": body}, times=4, **lists)
    options = {"organization_urn": connection.destinations.get().external_id}
    api.publish(connection, "Once", platform_specific_options=options)
    worker.work_ahead(7200)
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/rest/posts", "POST")) == 1
