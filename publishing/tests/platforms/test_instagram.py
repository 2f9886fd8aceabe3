"""Instagram, from our API to the posts in the sandbox."""

from __future__ import annotations

import datetime as dt

import pytest
import requests

from conftest import consent, statuses
from connections.models import SocialConnection
from publishing.models import PublishJob
from socialpublishing.platforms.instagram.payloads import single_payload
from socialpublishing.posts import Media, Post
from socialpublishing.tests.meta_parameters import MetaParameters
from socialpublishing.tests.recording import record_requests

PUBLISH = "/media_publish$"
NODE = r"/v\d+\.0/\d+$"


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Checks all requests of each test against Meta's own lists of parameters."""
    with record_requests(f"{sandbox.url}/instagram/") as recorder:
        yield
    recorder.check_against(MetaParameters("instagram"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The worker's clock runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", processing_seconds=0, instagram_processing_seconds=0)
    return make_connection("instagram")


def job():
    return PublishJob.objects.get()


def outcome():
    return job().status, job().error_code


def containers(sandbox):
    return len(sandbox.calls("/media", "POST")) - len(sandbox.calls("/media_publish", "POST"))


def publishes(sandbox):
    return len(sandbox.calls("/media_publish", "POST"))


def options(**more):
    return {"platform_specific_options": more}


def graph_error(code, subcode=None, message="x", status=400):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": status, "body": {"error": error}}


def container_status(code, words=""):
    return {"code": 200, "body": {"status_code": code, "status": words, "id": "1"}}


# --- Containers ----------------------------------------------------------------------------------


def test_image_is_published_when_it_is_processed(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", instagram_processing_seconds=30)
    api.publish(connection, "Rye", assets=[sandbox.picture()])
    worker.work_ahead(20)
    assert outcome() == ("Processing", "")
    assert publishes(sandbox) == 0

    sandbox.call("POST", "clock", advance_seconds=31)
    worker.work_ahead()

    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert (post["text"], post["details"]["media_product_type"]) == ("Rye", "FEED")
    assert post["media"][0]["alt_text"] == "A harbour in the morning"
    assert requests.get(job().post_url, timeout=5).ok
    assert containers(sandbox) == 1


def test_carousel_has_its_files_in_their_order(api, connection, sandbox, worker):
    names = ["harbour.jpg", "mountains.jpg", "bakery.jpg"]
    assets = [sandbox.picture(name) for name in names] + [sandbox.clip()]
    api.publish(connection, "Four", assets=assets)
    worker.work_ahead()

    [post] = sandbox.posts()
    assert [media["kind"] for media in post["media"]] == ["image"] * 3 + ["video"]
    assert len({media["sha256"] for media in post["media"]}) == 4
    assert containers(sandbox) == 5


def test_single_video_in_the_feed_becomes_a_reel(api, connection, sandbox, worker):
    api.publish(connection, "Film", assets=[sandbox.clip()])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"] == {"media_product_type": "REELS", "share_to_feed": True}


def test_story_has_no_caption(api, connection, sandbox, worker):
    picture = {**sandbox.picture(), "alt_text": None}
    refused = api.publish(connection, "Words", assets=[picture], **options(post_type="story"))
    assert [each["rule"] for each in refused.json()["violations"]] == ["text_length"]

    api.publish(connection, "", assets=[picture], **options(post_type="story"))
    worker.work_ahead()
    [post] = sandbox.posts()
    assert post["details"]["media_product_type"] == "STORY"
    assert requests.get(job().post_url, timeout=5).ok


def test_text_alone_is_refused(api, connection):
    response = api.publish(connection, "Only words", assets=[])
    assert [each["rule"] for each in response.json()["violations"]] == ["media_required"]


@pytest.mark.parametrize(
    ("tag", "is_accepted"),
    [({"username": "anna", "x": 0.1, "y": 0.9}, True), ({"username": "anna"}, False)],
)
def test_tags_on_an_image_need_a_position(api, connection, sandbox, tag, is_accepted):
    response = api.publish(
        connection, "Anna", assets=[sandbox.picture()], **options(user_tags=[tag])
    )
    assert (response.status_code == 202) == is_accepted
    if not is_accepted:
        assert [each["rule"] for each in response.json()["violations"]] == ["user_tags_place"]


@pytest.mark.parametrize("tag", [{}, {"username": 5}, {"username": "a", "x": 2}, {"name": "a"}])
def test_malformed_tags_are_refused(api, connection, sandbox, tag):
    response = api.publish(
        connection, "Anna", assets=[sandbox.picture()], **options(user_tags=[tag])
    )
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_png_is_refused_before_anything_is_sent(api, connection, sandbox):
    asset = {**sandbox.picture("city.png"), "mime_type": "image/png"}
    response = api.publish(connection, "Png", assets=[asset])
    assert "media_type" in [each["rule"] for each in response.json()["violations"]]


def test_tagged_people_in_a_reel_have_no_position(sandbox):
    clip = Media.from_asset({**sandbox.clip("reel.mp4")})
    post = Post(
        text="x",
        media=(clip,),
        options={"post_type": "reel", "user_tags": [{"username": "a", "x": 0.1, "y": 0.2}]},
    )
    assert "x" not in single_payload(post)["user_tags"][0]


# --- Failures of containers ----------------------------------------------------------------------


def test_expired_container_is_created_again(api, connection, sandbox, worker):
    sandbox.fault("status", container_status("EXPIRED"), method="GET", path=NODE)
    api.publish(connection, "Again", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert containers(sandbox) == 2


@pytest.mark.parametrize(
    ("subcode", "expected", "made"),
    [
        ("2207026", "ContentRejected", 1),  # an unsupported format
        ("2207077", "Published", 2),  # could not be fetched
        ("2207053", "Published", 2),
    ],
)
def test_failed_container_is_refused_or_created_again(
    api, connection, sandbox, worker, subcode, expected, made
):
    words = f"Error: Media upload has failed with error code {subcode}"
    sandbox.fault("status", container_status("ERROR", words), method="GET", path=NODE)
    api.publish(connection, "Film", assets=[sandbox.clip()])
    worker.work_ahead()
    assert job().status == expected
    assert containers(sandbox) == made


def test_file_that_meta_cannot_fetch_is_retried(api, connection, sandbox, worker):
    error = {"code": 9004, "error_subcode": 2207052, "message": "Only photo or video"}
    value = {"code": 400, "body": {"error": error}}
    sandbox.fault("status", value, method="POST", path="/media$", times=2)
    api.publish(connection, "Flaky", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")


def test_publish_request_that_came_too_early_is_retried(api, connection, sandbox, worker):
    error = {"code": 9007, "error_subcode": 2207027, "message": "Media ID is not available"}
    sandbox.fault("status", {"code": 400, "body": {"error": error}}, path=PUBLISH)
    api.publish(connection, "Early", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert containers(sandbox) == 1


@pytest.mark.parametrize(
    "subcode", ["2207004", "2207005", "2207009", "2207010", "2207057", "2207040"]
)
def test_container_that_failed_because_of_its_content_is_refused(
    api, connection, sandbox, worker, subcode
):
    words = f"Error: Media upload has failed with error code {subcode}"
    sandbox.fault("status", container_status("ERROR", words), method="GET", path=NODE, times=999)
    api.publish(connection, "Film", assets=[sandbox.clip()])
    worker.work_ahead(7200)
    assert job().status == "ContentRejected"


@pytest.mark.parametrize("body", [{"success": True}, {}, []])
def test_container_response_without_an_id_is_retried(api, connection, sandbox, worker, body):
    sandbox.fault("status", {"code": 200, "body": body}, method="POST", path="/media$")
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}


# --- Limits --------------------------------------------------------------------------------------


def test_exhausted_quota_defers_the_post(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", instagram_quota=1)
    for text in ("First", "Second"):
        api.publish(connection, text, assets=[sandbox.picture()], late_grace_seconds=6 * 86400)
    worker.work_ahead(600)
    assert len(sandbox.posts()) == 1
    assert publishes(sandbox) == 1  # the quota was read before, so nothing was refused
    waiting = PublishJob.objects.exclude(status="Published").get()
    assert (waiting.status, waiting.error_code) == ("Pending", "rate_limited")
    assert "1 posts of an account in 24 hours" in waiting.error_message

    sandbox.call("POST", "clock", advance_seconds=86401)
    worker.work_ahead(7300)
    assert len(sandbox.posts()) == 2


@pytest.mark.parametrize(("code", "subcode"), [(9, 2207042), (4, None), (80002, None), (17, None)])
def test_rate_limits_defer_the_post(api, connection, sandbox, worker, code, subcode):
    error = {"code": code, "message": "limit"} | ({"error_subcode": subcode} if subcode else {})
    sandbox.fault("status", {"code": 400, "body": {"error": error}}, path=PUBLISH)
    api.publish(connection, "Later", assets=[sandbox.picture()])
    worker.work()
    assert (job().status, job().error_code) == ("Pending", "rate_limited")
    worker.work_ahead()
    assert outcome() == ("Published", "")


def test_unreadable_quota_does_not_block_publishing(api, connection, sandbox, worker):
    sandbox.fault(
        "status", graph_error(10, None, status=403), path="/content_publishing_limit", times=999
    )
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead()
    assert statuses() == {"Published": 1}


def test_post_that_waited_too_long_reports_the_reason(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", instagram_quota=1)
    for text in ("a", "b"):
        api.publish(connection, text, assets=[sandbox.picture()])
    worker.work_ahead(5 * 3600)
    waiting = PublishJob.objects.exclude(status="Published").get()
    assert "posts" in waiting.error_message


def test_spam_block_limits_the_account_for_a_day(api, connection, sandbox, worker):
    sandbox.fault("status", graph_error(4, 2207051), path=PUBLISH, times=999)
    api.publish(connection, "Once", assets=[sandbox.picture()])

    worker.work_ahead(7200)

    assert len(sandbox.calls("/media_publish", "POST")) == 1
    connection.refresh_from_db()
    assert connection.limited_until > connection.last_refreshed_at + dt.timedelta(hours=23)
    assert (job().status, job().error_code) == ("Failed", "too_late")
    assert "publish again at" in job().error_message


# --- Connecting ----------------------------------------------------------------------------------


def connect(api, **query):
    started = api.get("connections/connect/instagram", data={"redirect": "false", **query}).json()
    back = api.get(consent(started["authorization_url"])).json()
    response = api.post(
        "connections/confirm", {name: back[name] for name in ("attempt_id", "completion_code")}
    )
    assert response.status_code == 200, response.json()
    return SocialConnection.objects.get(pk=response.json()["id"])


@pytest.mark.parametrize("shape", ["flat", "data"])
def test_instagram_login_gives_a_token_of_sixty_days(api, sandbox, shape):
    sandbox.call("POST", "settings", instagram_token_shape=shape)
    account = sandbox.account("instagram", username="harbour.bakery")
    connection = connect(api)
    assert connection.external_user_id == account["account_id"]
    assert connection.external_display_name == "harbour.bakery"
    assert "instagram_business_content_publish" in connection.scopes
    left = connection.expires_at - connection.last_refreshed_at
    assert abs(left - dt.timedelta(days=60)) < dt.timedelta(minutes=1)


def test_token_is_refreshed_without_a_refresh_token(api, connection, sandbox, worker):
    SocialConnection.objects.update(
        expires_at=connection.last_refreshed_at + dt.timedelta(days=2),
        last_refreshed_at=connection.last_refreshed_at - dt.timedelta(days=58),
    )
    api.publish(connection, "Fresh", assets=[sandbox.picture()])
    worker.work_ahead()
    assert outcome() == ("Published", "")
    assert len(sandbox.calls("/refresh_access_token")) == 1


def test_facebook_login_connects_the_accounts_behind_pages(api, sandbox, worker):
    sandbox.call("POST", "settings", instagram_processing_seconds=0)
    sandbox.account("instagram", username="works", linked=130)
    connection = connect(api, login="facebook")
    assert connection.login == "facebook"
    assert (
        connection.destinations.count() == 131
    )  # on several pages of the list, and one Page without an account

    body = {"assets": [sandbox.picture()]}
    assert api.publish(connection, "Where to?", **body).json()["code"] == "destination_required"
    chosen = connection.destinations.get(name="works.7")
    api.publish(connection, "There", **body, **options(instagram_account_id=chosen.external_id))
    worker.work_ahead()
    assert outcome() == ("Published", ""), job().error_message
    [post] = sandbox.posts()
    assert post["account_id"] == chosen.external_id


def test_option_of_facebook_login_is_refused_for_other_logins(api, connection, sandbox):
    response = api.publish(
        connection, "Hi", assets=[sandbox.picture()], **options(instagram_account_id="1")
    )
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_scopes_of_facebook_login_are_the_granted_ones(api, sandbox):
    sandbox.account("instagram", username="works")
    query = {"redirect": "false", "login": "facebook"}
    started = api.get("connections/connect/instagram", data=query).json()
    back = api.get(consent(started["authorization_url"])).json()
    confirm = {name: back[name] for name in ("attempt_id", "completion_code")}
    assert "instagram_content_publish" in api.post("connections/confirm", confirm).json()["scopes"]
    assert sandbox.calls("/me/permissions", "GET")
