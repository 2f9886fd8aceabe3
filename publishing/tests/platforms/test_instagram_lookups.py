"""Instagram: posts whose publish response was lost or is doubtful."""

from __future__ import annotations

import datetime as dt

import pytest
import requests

from conftest import statuses
from publishing.models import PublishJob, Status
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


def publishes(sandbox):
    return len(sandbox.calls("/media_publish", "POST"))


def options(**more):
    return {"platform_specific_options": more}


def graph_error(code, subcode=None, message="x", status=400):
    error = {"code": code, "message": message} | ({"error_subcode": subcode} if subcode else {})
    return {"code": status, "body": {"error": error}}


def container_status(code, words=""):
    return {"code": 200, "body": {"status_code": code, "status": words, "id": "1"}}


def spam_block():
    error = {"code": 4, "error_subcode": 2207051, "message": "Action is blocked"}
    return {"code": 400, "body": {"error": error}}


@pytest.mark.parametrize("kind", ["feed", "reel", "story"])
def test_post_is_found_by_its_container_after_a_lost_response(
    api, connection, sandbox, worker, kind
):
    asset = sandbox.clip() if kind == "reel" else {**sandbox.picture(), "alt_text": None}
    sandbox.fault("drop_after", path=PUBLISH)
    text = "" if kind == "story" else "Once"
    api.publish(connection, text, assets=[asset], **options(post_type=kind))
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert job().remote_id == post["id"]
    assert publishes(sandbox) == 1


def test_post_is_looked_up_after_a_spam_block(api, connection, sandbox, worker):
    # The sandbox responds so and creates nothing: the post is published after a lookup and a day.
    sandbox.fault("status", spam_block(), path=PUBLISH)
    api.publish(connection, "Once", assets=[sandbox.picture()], late_grace_seconds=2 * 86400)
    worker.work_ahead(26 * 3600)
    assert len(sandbox.posts()) == 1
    assert outcome() == ("Published", "")


@pytest.mark.parametrize("response", ["same", "error"])
def test_container_whose_status_is_late_is_published_once(
    api, connection, sandbox, worker, response
):
    """The retry uses the same container, however Instagram responds to it."""
    sandbox.call("POST", "settings", instagram_republish=response)
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", container_status("FINISHED"), method="GET", path=NODE, times=1)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead()
    assert len(sandbox.posts()) == 1
    assert outcome() == ("Published", "")


def test_post_without_a_readable_address_is_published(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", list_delay_seconds=86400)
    api.publish(connection, "Hidden", assets=[sandbox.picture()])
    worker.work_ahead()
    [post] = sandbox.posts()
    assert outcome() == ("Published", "")
    assert (job().remote_id, job().post_url) == (post["id"], "")


@pytest.mark.parametrize("refusal", [(24, 2207008), (24, 2207006), (-2, 2207020)])
def test_container_that_was_published_is_not_created_again(
    api, connection, sandbox, worker, refusal
):
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", graph_error(*refusal), path=PUBLISH)  # to the retry
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    # the container's status lags
    sandbox.fault("status", container_status("FINISHED"), method="GET", path=NODE, times=6)
    worker.work_ahead()
    assert len(sandbox.posts()) == 1


def test_post_is_looked_up_if_a_retry_finds_its_container_not_ready(
    api, connection, sandbox, worker
):
    sandbox.fault("drop_after", path=PUBLISH)
    sandbox.fault("status", graph_error(9007, 2207027), path=PUBLISH, times=999)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    sandbox.fault("status", container_status("FINISHED"), method="GET", path=NODE, times=6)
    worker.work_ahead(7200)
    assert len(sandbox.posts()) == 1
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize(
    "value", [graph_error(2, None, status=500), graph_error(10, None, status=403)]
)
def test_post_with_a_known_id_is_published_if_its_list_cannot_be_read(
    api, connection, sandbox, worker, value
):
    sandbox.fault("status", value, method="GET", path="/media$", times=999)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work_ahead(30 * 3600)
    assert len(sandbox.posts()) == 1
    assert statuses() == {"Published": 1}


def test_post_with_a_known_id_is_published_if_its_account_is_disconnected(
    api, connection, sandbox, worker
):
    sandbox.fault(
        "status", graph_error(2, None, status=500), method="GET", path="/media$", times=999
    )
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work()
    assert api.delete(f"connections/{connection.pk}").status_code in (200, 202, 204)
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}


def test_story_posted_by_hand_is_not_taken_for_ours(api, connection, sandbox, worker):
    """The response is lost; meanwhile somebody publishes another story by hand."""
    picture = {**sandbox.picture(), "alt_text": None}
    sandbox.fault("drop_after", path=PUBLISH)
    api.publish(connection, "", assets=[picture], platform_specific_options={"post_type": "story"})
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    token = connection.account.token.reveal()
    headers = {"Authorization": f"Bearer {token}"}
    edge = f"{sandbox.url}/instagram/v25.0/{connection.external_user_id}"
    container = requests.post(
        f"{edge}/media",
        json={"media_type": "STORIES", "image_url": f"{sandbox.url}/samples/bakery.jpg"},
        headers=headers,
    ).json()["id"]
    other_story = requests.post(
        f"{edge}/media_publish", json={"creation_id": container}, headers=headers
    ).json()["id"]
    worker.work_ahead()
    assert job().remote_id != other_story


def test_story_with_a_known_id_does_not_block_another(api, connection, sandbox, worker):
    picture = {**sandbox.picture(), "alt_text": None}
    sandbox.fault(
        "status", graph_error(2, None, status=500), method="GET", path="/stories$", times=999
    )
    for _ in range(2):
        api.publish(
            connection, "", assets=[picture], platform_specific_options={"post_type": "story"}
        )
    worker.work_ahead(26 * 3600)
    assert len(sandbox.posts()) == 2


def test_post_is_found_though_instagram_changed_its_caption(api, connection, sandbox, worker):
    sandbox.fault("drop_after", path=PUBLISH)
    api.publish(connection, "Once\r\nmore", assets=[sandbox.picture()])
    worker.work(until=lambda: job().status == Status.UNCONFIRMED)
    [own] = sandbox.posts()
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    value = {
        "code": 200,
        "body": {
            "data": [
                {
                    "id": own["id"],
                    "caption": "Once\nmore",
                    "timestamp": now,
                    "permalink": "https://www.instagram.com/p/x/",
                    "media_product_type": "FEED",
                }
            ]
        },
    }
    sandbox.fault("status", value, method="GET", path="/media$", times=999)
    worker.work_ahead()
    assert job().remote_id == own["id"]
