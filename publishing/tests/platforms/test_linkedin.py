"""LinkedIn: from our API to the posts at the sandbox."""

from __future__ import annotations

import datetime as dt
import hashlib
from urllib.parse import quote

import pytest
import requests
from django.db.models import F
from django.utils import timezone

from conftest import consent
from publishing.models import PublishJob
from publishing.tests.platform_requests import PUBLISH_REQUESTS, UPLOAD_REQUESTS, add_fault
from socialpublishing.platforms.linkedin.app import VERSION
from socialpublishing.platforms.linkedin.client import DUPLICATE_WINDOW
from socialpublishing.sandbox.pages import HERE
from socialpublishing.tests.file_server import FileServer, whole
from socialpublishing.tests.sample_videos import long_box

PART = 4_194_304


@pytest.fixture
def connection(make_connection, sandbox):
    # No processing time: the worker's clock jumps ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0, linkedin_processing_seconds=0)
    return make_connection("linkedin")


@pytest.fixture
def organization(connection):
    return {"organization_urn": connection.destinations.get().external_id}


def only_job():
    return PublishJob.objects.get()


def outcome():
    job = only_job()
    return job.status, job.error_code


# --- Authors -------------------------------------------------------------------------------------


def test_author_is_the_member_unless_the_post_names_an_organization(
    api, connection, organization, sandbox, worker
):
    api.publish(connection, "As me")
    api.publish(connection, "For them", platform_specific_options=organization)
    worker.work_ahead()
    authors = {post["text"]: post["details"]["author"] for post in sandbox.posts()}
    assert authors == {
        "As me": f"urn:li:person:{connection.external_user_id}",
        "For them": organization["organization_urn"],
    }


def test_default_organization_is_the_author_until_it_is_removed(api, connection, sandbox, worker):
    path = f"connections/{connection.pk}/destinations/default"
    assert api.put(path, {"destination_id": str(connection.destinations.get().pk)}).json()
    api.publish(connection, "For them")
    assert api.delete(path).status_code == 204
    api.publish(connection, "As me")
    worker.work_ahead()
    authors = {post["text"]: post["details"]["author"] for post in sandbox.posts()}
    assert ":organization:" in authors["For them"]
    assert ":person:" in authors["As me"]


def test_organization_of_another_account_is_refused(api, connection):
    options = {"organization_urn": "urn:li:organization:1"}
    response = api.publish(connection, "For them", platform_specific_options=options)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_all_organizations_with_a_role_that_may_post_are_destinations(make_connection):
    two_pages = [{"name": f"Works {number}"} for number in range(130)]
    other_roles = [
        {"name": "Content", "role": "CONTENT_ADMINISTRATOR"},
        {"name": "Numbers only", "role": "ANALYST"},
    ]
    connection = make_connection("linkedin", organizations=[*two_pages, *other_roles])
    names = set(connection.destinations.values_list("name", flat=True))
    assert names == {organization["name"] for organization in two_pages} | {"Content"}


# --- Text and options ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Half price (today only) *really*",
        r"a\b {c} [d] <e> ~f~ _g_ |h| @i #",
        "#one #two_three, #größe und #हिन्दी; no#tag",
        "By @[Sandbox Works](urn:li:organization:1) and (others)",
        "line\nbreak\n\n(and more)",
    ],
)
def test_text_is_published_unchanged(api, connection, sandbox, worker, text):
    api.publish(connection, text)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["text"] == text.replace("@[Sandbox Works](urn:li:organization:1)", "Sandbox Works")


def test_image_of_the_post_is_the_thumbnail_of_the_article(api, connection, sandbox, worker):
    article = {"url": "https://example.com/bread", "title": "Bread"}
    api.publish(
        connection,
        "Read",
        assets=[sandbox.picture()],
        platform_specific_options={"article": article},
    )
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"]["article"] == {"source": article["url"], "title": "Bread"}
    assert len(post["media"]) == 1


@pytest.mark.parametrize(
    ("assets", "is_accepted"), [(["picture"], True), (["picture"] * 2, False), (["clip"], False)]
)
def test_article_accepts_at_most_one_image(api, connection, sandbox, assets, is_accepted):
    options = {"article": {"url": "https://example.com/", "title": "Bread"}}
    body = {"assets": [getattr(sandbox, name)() for name in assets]}
    response = api.publish(connection, "Read", platform_specific_options=options, **body)
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert [violation["rule"] for violation in response.json()["violations"]] == [
            "article_media"
        ]


@pytest.mark.parametrize(("asset", "is_accepted"), [("clip", True), ("picture", False)])
def test_title_is_accepted_only_with_a_video(api, connection, sandbox, asset, is_accepted):
    response = api.publish(
        connection,
        "Look",
        assets=[getattr(sandbox, asset)()],
        platform_specific_options={"title": "A video"},
    )
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert [violation["rule"] for violation in response.json()["violations"]] == [
            "title_needs_file"
        ]


@pytest.mark.parametrize("days", [1, 3, 7, 14])
def test_poll_is_published_with_each_documented_duration(api, connection, sandbox, worker, days):
    poll = {"question": "Which?", "options": ["Rye", "Spelt"], "duration_days": days}
    api.publish(connection, "Vote", platform_specific_options={"post_type": "poll", "poll": poll})
    worker.work_ahead()
    assert outcome() == ("Published", "")


@pytest.mark.parametrize("days", [0, 2, 15, "3", True])
def test_poll_with_another_duration_is_refused(api, connection, days):
    poll = {"question": "Which?", "options": ["Rye", "Spelt"], "duration_days": days}
    options = {"post_type": "poll", "poll": poll}
    response = api.publish(connection, "Vote", platform_specific_options=options)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_post_of_an_organization_cannot_be_limited_to_connections(api, connection, organization):
    options = {**organization, "visibility": "CONNECTIONS"}
    response = api.publish(connection, "For some", platform_specific_options=options)
    assert response.status_code == 400
    rules = [violation["rule"] for violation in response.json()["violations"]]
    assert rules == ["visibility_of_organization"]


# --- Uploads -------------------------------------------------------------------------------------


def video_parts(sandbox):
    return sandbox.calls("/dms-uploads/", "PUT")


@pytest.fixture
def long_video(settings, file_server):
    """A video of three parts, the last one short; and its SHA-256."""
    clip = (HERE / "samples" / "clip.mp4").read_bytes()
    rest = 2 * PART + 1_000_000 - len(clip)
    data = clip + long_box(b"free", rest, bytes(rest - 16))
    file_server.file = whole(data)
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, file_server.origin]
    asset = {"url": file_server.url, "asset_type": "video", "mime_type": "video/mp4"}
    return asset, hashlib.sha256(data).hexdigest()


@pytest.fixture
def file_server():
    server = FileServer()
    yield server
    server.close()


def test_video_is_uploaded_in_parts_and_arrives_unchanged(
    api, connection, sandbox, worker, long_video
):
    asset, sha256 = long_video
    api.publish(connection, "A video", assets=[asset])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert [media["sha256"] for media in post["media"]] == [sha256]
    assert len(video_parts(sandbox)) == 3


def test_upload_resumes_at_the_stored_part(api, connection, sandbox, worker, long_video):
    asset, sha256 = long_video
    api.publish(connection, "A video", assets=[asset])
    sandbox.fault("drop_before", method="PUT", path="/dms-uploads/.*/1$")
    worker.work_ahead()
    assert outcome()[0] == "Published"
    [post] = sandbox.posts()
    assert [media["sha256"] for media in post["media"]] == [sha256]
    parts = [call["path"].rpartition("/")[2] for call in video_parts(sandbox)]
    assert parts.count("0") <= 2
    assert len({call["path"].split("/")[-2] for call in video_parts(sandbox)}) == 1


def test_parts_of_a_video_are_sent_without_our_token(api, connection, sandbox, worker):
    # The sandbox refuses a part with a token.
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead()
    assert outcome() == ("Published", "")


def test_expired_upload_is_restarted(api, connection, sandbox, worker):
    body = {"status": 400, "code": "EXPIRED_UPLOAD_URL", "message": "expired"}
    value = {"code": 400, "body": body}
    sandbox.fault("status", value, method="PUT", path="/dms-uploads/")
    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/rest/videos", "POST")) == 3  # two initialized, one finalized


def test_image_that_cannot_be_processed_rejects_the_post(api, connection, sandbox, worker):
    body = {"status": "PROCESSING_FAILED"}
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path="/rest/images/")
    api.publish(connection, "A picture", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("ContentRejected", "content_rejected")


@pytest.mark.parametrize("file", ["picture", "clip"])
def test_upload_whose_state_may_not_be_read_is_published_after_a_wait(
    api, connection, sandbox, worker, file
):
    message = "Accessing this resource is forbidden"
    refusal = {"code": 403, "body": {"status": 403, "code": "ACCESS_DENIED", "message": message}}
    sandbox.fault("status", refusal, method="GET", path="^/rest/(images|videos)/", times=9)

    api.publish(connection, "A file", assets=[getattr(sandbox, file)()])
    worker.work_ahead()

    assert outcome() == ("Published", "")


def test_publishing_waits_for_a_file_that_is_not_ready(api, connection, sandbox, worker):
    body = {"status": 400, "code": "MEDIA_ASSET_WAITING_UPLOAD", "message": "not ready"}
    refusal = {"code": 400, "body": body}
    sandbox.fault("status", refusal, method="POST", path="^/rest/posts$", times=20)

    api.publish(connection, "A video", assets=[sandbox.clip()])
    worker.work_ahead(3600)

    assert outcome() == ("Published", "")
    assert len(sandbox.posts()) == 1


# --- Lost responses ------------------------------------------------------------------------------


def test_lost_post_of_a_member_is_found_by_a_repeated_request(api, connection, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    api.publish(connection, "Once")
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert only_job().remote_id == post["id"]
    assert len(sandbox.calls("/rest/posts", "POST")) == 2


def test_post_of_a_member_that_does_not_exist_is_created_by_a_repeated_request(
    api, connection, sandbox, worker
):
    sandbox.fault("malformed", method="POST", path="^/rest/posts$")
    sandbox.fault("status", 502, method="POST", path="^/rest/posts$")
    api.publish(connection, "Once")
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_post_of_a_member_is_not_repeated_after_the_duplicate_window(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    api.publish(connection, "Once")
    worker.work()
    # The worker was down during the window.
    worker.finish(only_job().next_attempt_at + DUPLICATE_WINDOW)
    worker.work_ahead(3600)
    assert len(sandbox.posts()) == 1
    assert outcome() == ("Unconfirmed", "outcome_unknown")


@pytest.mark.parametrize(("status", "times"), [(429, 4), (403, 1), (401, 3), (422, 1)])
def test_refused_repeat_leaves_the_outcome_of_a_members_post_unknown(
    api, connection, sandbox, worker, status, times
):
    """The response to the repeat does not settle the first request, which may have posted."""
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    for _ in range(times):
        sandbox.fault("status", status, method="POST", path="^/rest/posts$")
    job_id = api.publish(connection, "Once").json()["job_id"]

    worker.work_ahead(7200, sandbox=sandbox)
    assert api.post(f"publishing/jobs/{job_id}/cancel").json()["code"] == "already_submitting"
    api.post(f"publishing/jobs/{job_id}/retry")
    sandbox.call("POST", "clock", advance_seconds=900)
    worker.finish(timezone.now() + dt.timedelta(seconds=900))

    assert len(sandbox.posts()) == 1
    assert outcome() in {("Unconfirmed", "outcome_unknown"), ("Published", "")}


def test_lost_post_of_a_member_waits_for_a_person_after_the_duplicate_window(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    job_id = api.publish(connection, "Once").json()["job_id"]
    worker.work()
    worker.finish(only_job().next_attempt_at + DUPLICATE_WINDOW)

    assert only_job().next_attempt_at is None
    data = api.get(f"publishing/jobs/{job_id}/status").json()
    assert "look at the platform" in data["error_message"]
    response = api.post(f"publishing/jobs/{job_id}/resolve", {"outcome": "published"})
    assert response.json()["status"] == "Published"


def test_disconnecting_does_not_cancel_a_post_that_may_exist(api, connection, sandbox, worker):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    sandbox.fault("status", 429, method="POST", path="^/rest/posts$")
    api.publish(connection, "Once")
    worker.work_ahead(100)
    assert outcome() == ("Pending", "rate_limited")

    api.delete(f"connections/{connection.pk}")
    worker.work_ahead(3600)

    assert outcome() == ("Unconfirmed", "outcome_unknown")


def delete_at_linkedin(connection, sandbox, post):
    headers = {
        "Authorization": f"Bearer {connection.access_token.reveal()}",
        "LinkedIn-Version": VERSION,
        "X-Restli-Protocol-Version": "2.0.0",
    }
    url = f"{sandbox.url}/linkedin/rest/posts/{quote(post['id'], safe='')}"
    assert requests.delete(url, headers=headers, timeout=5).status_code == 204


@pytest.mark.parametrize("is_deleted_duplicate", [False, True], ids=["made by hand", "deleted"])
def test_duplicate_is_not_the_post_of_a_member_if_no_request_is_in_doubt(
    api, connection, sandbox, worker, is_deleted_duplicate
):
    sandbox.call("POST", "settings", linkedin_ghosts="on")
    api.publish(connection, "Hello")
    worker.work_ahead()
    PublishJob.objects.all().delete()  # so that the first post is not one of ours
    if is_deleted_duplicate:
        delete_at_linkedin(connection, sandbox, sandbox.posts()[0])
    sandbox.fault("status", 429, method="POST", path="^/rest/posts$")

    api.publish(connection, "Hello")
    worker.work_ahead()

    assert outcome() == ("ContentRejected", "duplicate_content")


def test_refused_upload_does_not_make_a_duplicate_ours(api, connection, sandbox, worker):
    """No publish request was sent before the one that meets the post made by hand."""
    unknown = {"code": 404, "body": {"message": "Resource x does not exist", "status": 404}}
    add_fault(sandbox, UPLOAD_REQUESTS, "linkedin", "status", unknown)
    made_by_hand = "x.y.BadRequest: Content is a duplicate of urn:li:share:712"
    duplicate = {"code": 422, "body": {"message": made_by_hand, "status": 422}}
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", duplicate)

    api.publish(connection, "Hello", assets=[sandbox.picture()])
    worker.work()
    assert outcome() == ("Pending", "platform_refused")
    worker.work_ahead()

    assert outcome() == ("ContentRejected", "duplicate_content")


def test_duplicate_that_belongs_to_an_older_job_is_not_the_post_of_a_newer_one(
    api, connection, sandbox, worker
):
    first = api.publish(connection, "Hello").json()["job_id"]
    worker.work_ahead()
    PublishJob.objects.update(
        published_at=F("published_at") - dt.timedelta(minutes=6),
        created_at=F("created_at") - dt.timedelta(minutes=6),
    )
    sandbox.fault("drop_before", method="POST", path="^/rest/posts$")

    second = api.publish(connection, "Hello").json()["job_id"]
    worker.work_ahead(3600)

    statuses = {str(job.pk): job.status for job in PublishJob.objects.all()}
    assert statuses == {first: "Published", second: "Unconfirmed"}


def test_duplicate_made_by_a_person_is_not_the_post_of_an_organization(
    api, connection, organization, sandbox, worker
):
    api.publish(connection, "Hello", platform_specific_options=organization)
    worker.work_ahead()
    PublishJob.objects.all().delete()
    sandbox.call("POST", "clock", advance_seconds=300)
    sandbox.fault("drop_before", method="POST", path="^/rest/posts$")

    api.publish(connection, "Hello", platform_specific_options=organization)
    worker.finish(timezone.now() + dt.timedelta(seconds=300))
    worker.work_ahead(2 * 86400)

    # The post may be ours and missing from the list, so a person has to resolve the job.
    assert outcome() == ("Unconfirmed", "outcome_unknown")
    assert len(sandbox.posts()) == 1


def test_lost_post_of_an_organization_is_found_in_its_list(
    api, connection, organization, sandbox, worker
):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    text = "Once (with #brackets) and _lines_"
    api.publish(connection, text, platform_specific_options=organization)
    worker.work_ahead()
    [post] = sandbox.posts()
    assert only_job().remote_id == post["id"]
    assert len(sandbox.calls("/rest/posts", "POST")) == 1


def test_deleted_duplicate_rejects_the_post_of_an_organization(
    api, connection, organization, sandbox, worker
):
    sandbox.call("POST", "settings", linkedin_ghosts="on")
    api.publish(connection, "Hello", platform_specific_options=organization)
    worker.work_ahead()
    [first] = sandbox.posts()
    delete_at_linkedin(connection, sandbox, first)
    sandbox.fault("status", 500, method="POST", path="^/rest/posts$")

    repeated = api.publish(connection, "Hello", platform_specific_options=organization).json()
    worker.work_ahead(3600)

    state = api.get(f"publishing/jobs/{repeated['job_id']}/status").json()
    assert (state["status"], state["error_code"]) == ("ContentRejected", "content_rejected")
    assert "was deleted" in state["error_message"]
    assert sandbox.posts() == []


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_duplicate_that_cannot_be_read_is_looked_up_in_the_list(
    api, connection, organization, sandbox, worker, status
):
    sandbox.fault("drop_after", method="POST", path="^/rest/posts$")
    # The list lacks the post at first. So the request is repeated, and LinkedIn names the post.
    empty = {"code": 200, "body": {"elements": [], "paging": {"links": []}}}
    sandbox.fault("status", empty, method="GET", path="^/rest/posts$", times=5)
    sandbox.fault("status", status, method="GET", path="^/rest/posts/", times=3)
    api.publish(connection, "Hello", platform_specific_options=organization)

    worker.work_ahead(3600)

    assert len(sandbox.calls("/rest/posts", "POST")) == 2
    assert [post["text"] for post in sandbox.posts()] == ["Hello"]
    assert outcome() == ("Published", "")


@pytest.mark.behaviour(
    "LinkedIn names the first post of a duplicate in words alone: a member's post whose response "
    "was lost is recognised by them"
)
def test_duplicate_named_in_words_is_the_lost_post_of_a_member(
    api, make_connection, sandbox, worker
):
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "drop_after")
    api.publish(make_connection("linkedin"), "Once")
    worker.work()
    [post] = sandbox.posts("linkedin")
    body = {"message": f"x.y.BadRequest: Content is a duplicate of {post['id']}", "status": 422}
    refusal = {"code": 422, "body": body}
    add_fault(sandbox, PUBLISH_REQUESTS, "linkedin", "status", refusal, times=99)
    worker.work_ahead(3600)
    job = PublishJob.objects.get()
    assert (job.status, job.remote_id) == ("Published", post["id"])


def test_post_with_the_same_text_is_refused_as_a_duplicate(api, connection, sandbox, worker):
    api.publish(connection, "Twice")
    worker.work_ahead()
    second = api.publish(connection, "Twice").json()["job_id"]
    worker.work_ahead()
    job = PublishJob.objects.get(pk=second)
    assert (job.status, job.error_code) == ("ContentRejected", "duplicate_content")
    assert len(sandbox.posts()) == 1


# --- Connecting ----------------------------------------------------------------------------------


def test_member_who_connected_by_the_self_serve_login_can_post(api, make_api, sandbox, worker):
    sandbox.call("POST", "settings", linkedin_processing_seconds=0)
    sandbox.account("linkedin", organizations=[])
    started = api.get(
        "connections/connect/linkedin", data={"login": "self_serve", "redirect": "false"}
    )
    assert "openid+profile+w_member_social" in started.json()["authorization_url"]
    back = api.get(consent(started.json()["authorization_url"])).json()
    connected = api.post(
        "connections/confirm",
        {name: back[name] for name in ("attempt_id", "completion_code")},
    ).json()
    body = {"connection_id": connected["id"], "text_content": "Hi", "assets": [sandbox.picture()]}
    assert api.post("publishing/publish", body).status_code == 202
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert sandbox.calls("/rest/images/") == []  # a self-serve app may not read them


def test_post_url_leads_to_the_post(api, connection, sandbox, worker):
    api.publish(connection, "Look")
    worker.work_ahead()
    assert requests.get(only_job().post_url, timeout=5).ok
    assert only_job().post_url.endswith(f"/feed/update/{only_job().remote_id}/")
