"""Pinterest: images in the publish request, videos through S3, boards as destinations.

Every request of our client is checked against Pinterest's own OpenAPI description.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from conftest import statuses
from publishing.models import PublishJob, Status
from socialpublishing.platforms.pinterest import client
from socialpublishing.sandbox import pages
from socialpublishing.tests.openapi import described
from socialpublishing.tests.recording import record_requests

VIDEO_REQUESTS = [
    ("POST", "^/v5/media$"),
    ("POST", "^/media-upload$"),
    ("GET", r"^/v5/media/\d+$"),
    ("POST", "^/v5/pins$"),
]


@pytest.fixture(autouse=True)
def recorded(sandbox):
    """Every request and every complete response has to match the description."""
    with record_requests(f"{sandbox.url}/pinterest/v5/") as recorder:
        yield recorder
    assert recorder.calls
    recorder.check_against(described("pinterest", "/v5"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The worker's clock is moved forward, the sandbox's is not.
    sandbox.call("POST", "settings", pinterest_processing_seconds=0)
    return make_connection("pinterest")


def sha256_of(url):
    return hashlib.sha256(requests.get(url, timeout=5).content).hexdigest()


def published_clip(sandbox):
    [post] = sandbox.posts("pinterest")
    assert [media["sha256"] for media in post["media"]] == [sha256_of(sandbox.clip()["url"])]
    return post


# --- Images --------------------------------------------------------------------------------------


def test_images_are_sent_as_bytes_in_the_publish_request(
    api, connection, sandbox, worker, recorded
):
    pictures = [sandbox.picture(), sandbox.picture("mountains.jpg")]
    api.publish(connection, "Two", assets=pictures)

    worker.work()

    [post] = sandbox.posts("pinterest")
    assert [m["sha256"] for m in post["media"]] == [sha256_of(p["url"]) for p in pictures]
    [request] = [call.request for call in recorded.calls if call.request.method == "POST"]
    assert json.loads(request.body)["media_source"]["source_type"] == "multiple_image_base64"


@pytest.mark.parametrize("count", [1, 2])
def test_pinterest_fetches_large_images_itself(
    api, connection, sandbox, worker, monkeypatch, recorded, count
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    picture = sandbox.picture()
    api.publish(connection, "Large", assets=[picture] * count)

    worker.work()

    [post] = sandbox.posts("pinterest")
    assert [m["sha256"] for m in post["media"]] == [sha256_of(picture["url"])] * count
    assert all(
        picture["url"].encode() in call.request.body for call in recorded.calls if call.request.body
    )


def test_publish_request_is_retried_after_the_crawler_failed(
    api, connection, sandbox, worker, monkeypatch
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    refusal = {"code": 400, "body": {"code": 1, "message": "Sorry we could not fetch the image."}}
    sandbox.fault("status", refusal, method="POST", path="^/v5/pins$")
    api.publish(connection, "Large", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts("pinterest")) == 1


@pytest.fixture
def picture_server(settings):
    """A server with one picture. While `is_closed`, it responds with 503."""
    picture = (Path(pages.HERE) / "samples" / "harbour.jpg").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(503 if server.is_closed else 200)
            body = b"" if server.is_closed else picture
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.is_closed = False
    server.url = f"http://127.0.0.1:{server.server_port}/a.jpg"
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, server.url[:-6]]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_unreachable_image_does_not_leave_the_job_in_doubt(
    api, connection, sandbox, worker, picture_server
):
    asset = {"url": picture_server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    assert api.publish(connection, "Later", assets=[asset]).status_code == 202
    picture_server.is_closed = True
    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Pending", "asset_unreachable")
    # Nothing was sent, so that no lookup is needed.
    assert job.publish_started_at is None

    picture_server.is_closed = False
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/pins", "POST")) == 1
    assert sandbox.calls(f"/v5/boards/{connection.destinations.get().external_id}/pins") == []


def test_nothing_is_sent_if_the_images_load_too_slowly(
    api, connection, sandbox, worker, monkeypatch
):
    api.publish(connection, "Slow", assets=[sandbox.picture()])
    with monkeypatch.context() as slow:
        slow.setattr(client, "MAX_FETCH_S", -1)
        worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Pending", "platform_unreachable")
    assert (job.publish_started_at, sandbox.calls("/v5/pins", "POST")) == (None, [])

    worker.work_ahead()
    assert statuses() == {"Published": 1}


# --- Videos --------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
@pytest.mark.parametrize(("method", "path"), VIDEO_REQUESTS)
def test_lost_response_to_any_request_of_a_video_makes_one_post(
    api, connection, sandbox, worker, method, path, action
):
    sandbox.fault(action, method=method, path=path)
    options = {"title": "Waves"}
    clip = {**sandbox.clip(), "alt_text": "The sea"}
    api.publish(connection, "A film", assets=[clip], platform_specific_options=options)

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    post = published_clip(sandbox)
    assert post["media"][0]["alt_text"] == "The sea"
    assert post["details"]["cover_image_key_frame_time"] == 0


def test_job_waits_while_pinterest_processes_its_video(api, connection, sandbox, worker, recorded):
    sandbox.call("POST", "settings", pinterest_processing_seconds=300)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work()
    worker.work_ahead(seconds=60)

    job = PublishJob.objects.get()
    assert (job.status, job.publish_started_at) == ("Processing", None)
    # The signature of the form for S3 is not stored.
    assert list(job.progress["handle"]) == ["media_id"]
    assert len(sandbox.calls("/media-upload")) == 1

    sandbox.call("POST", "clock", advance_seconds=300)
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    published_clip(sandbox)


def test_upload_survives_a_worker_that_dies_during_processing(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_processing_seconds=300)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work()
    PublishJob.objects.update(lease_owner="dead-worker:1", next_attempt_at=timezone.now())
    sandbox.call("POST", "clock", advance_seconds=300)

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/media-upload")) == 1


def test_form_that_storage_refuses_is_requested_again(api, connection, sandbox, worker):
    xml = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
    sandbox.fault("status", {"code": 403, "body": xml}, path="^/media-upload$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/media", "POST")) == 2


def test_lost_upload_is_repeated(api, connection, sandbox, worker):
    gone = {"code": 404, "body": {"code": 404, "message": "Media not found."}}
    sandbox.fault("status", gone, method="POST", path="^/v5/pins$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    published_clip(sandbox)
    assert len(sandbox.calls("/media-upload")) == 2


@pytest.mark.behaviour(
    "Pinterest's processing of a video does not end: after half an hour it is uploaded again"
)
def test_video_whose_processing_does_not_end_is_uploaded_again(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_processing_seconds=86400)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work_ahead(1700)
    assert len(sandbox.calls("/media-upload")) == 1
    sandbox.call("POST", "settings", pinterest_processing_seconds=0)
    worker.work_ahead(2400)
    assert len(sandbox.calls("/media-upload")) == 2
    assert statuses() == {"Published": 1}


def test_video_that_cannot_be_processed_is_refused(api, connection, sandbox, worker):
    body = {"media_id": "1", "media_type": "video", "status": "failed"}
    sandbox.fault("status", {"code": 200, "body": body}, method="GET", path=r"/v5/media/\d+$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "could not process" in job.error_message
    assert sandbox.posts() == []


# --- Boards --------------------------------------------------------------------------------------


def test_boards_are_read_to_the_last_page(make_connection, recorded):
    connection = make_connection("pinterest", boards=[{"name": f"B{n}"} for n in range(260)])
    assert connection.destinations.count() == 260
    assert sum("/boards" in call.request.url for call in recorded.calls) == 2


def test_one_of_several_boards_has_to_be_chosen(api, make_connection, sandbox, worker):
    connection = make_connection("pinterest", boards=[{"name": "A"}, {"name": "B"}])
    picture = {"assets": [sandbox.picture()]}
    refused = api.publish(connection, "Where?", **picture)
    assert (refused.status_code, refused.json()["code"]) == (400, "destination_required")

    ids = [board.external_id for board in connection.destinations.all()]
    for board in ids:
        api.publish(connection, "Here", **picture, platform_specific_options={"board_id": board})
    worker.work()

    assert sorted(post["details"]["board_id"] for post in sandbox.posts()) == sorted(ids)


def test_post_to_a_deleted_board_is_refused_once(api, connection, sandbox, worker):
    board = connection.destinations.get().external_id
    gone = {"code": 404, "body": {"code": 40, "message": "Board not found."}}
    sandbox.fault("status", gone, method="POST", path="^/v5/pins$")
    options = {"board_id": board}
    api.publish(
        connection, "Nowhere", assets=[sandbox.picture()], platform_specific_options=options
    )

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "Choose another" in job.error_message
    assert len(sandbox.calls("/v5/pins", "POST")) == 1


@pytest.mark.behaviour(
    "Only Pinterest knows an account's boards of this minute: callers get them live, as choices"
)
def test_callers_get_the_boards_and_sections_of_now(api, make_connection, sandbox):
    connection = make_connection("pinterest", boards=[{"name": "Rye"}])
    rye = connection.destinations.get()
    section = api.post(
        f"connections/{connection.pk}/destinations/{rye.pk}/sections", {"name": "Loaves"}
    ).json()
    headers = {"Authorization": f"Bearer {connection.access_token.reveal()}"}
    made = requests.post(
        f"{sandbox.url}/pinterest/v5/boards", json={"name": "Spelt"}, headers=headers, timeout=5
    ).json()

    offered = api.get(f"connections/{connection.pk}/posting-options").json()

    assert offered["can_post"]
    assert offered["choices"] == {
        "board_id": [
            {"value": rye.external_id, "label": "Rye"},
            {"value": made["id"], "label": "Spelt"},
        ],
        "board_section_id": [{"value": section["id"], "label": "Loaves"}],
    }


@pytest.mark.behaviour(
    "Pinterest's list may leave out a board that accepts Pins: the board itself is asked"
)
def test_board_that_the_list_leaves_out_keeps_its_right(api, make_connection, sandbox, worker):
    connection = make_connection("pinterest", boards=[{"name": "Rye"}])
    board = connection.destinations.get()
    for body, can_publish in (
        ({"code": 200, "body": {"id": board.external_id, "name": "Rye"}}, True),
        ({"code": 404, "body": {"code": 40, "message": "Board not found."}}, False),
    ):
        empty = {"code": 200, "body": {"items": [], "bookmark": None}}
        sandbox.fault("status", empty, path="^/v5/boards$")
        sandbox.fault("status", body, path=f"^/v5/boards/{board.external_id}$")
        assert api.post(f"connections/{connection.pk}/refresh").status_code == 200
        board.refresh_from_db()
        assert board.can_publish is can_publish


def test_carousel_of_two_shapes_is_refused_at_accept(api, connection, sandbox):
    pictures = [sandbox.picture(), sandbox.picture("bakery.jpg")]
    response = api.publish(connection, "Two shapes", assets=pictures)
    assert response.status_code == 400
    assert [each["rule"] for each in response.json()["violations"]] == ["carousel_ratio"]
    assert sandbox.calls("/v5/pins") == []


# --- Refusals and limits -------------------------------------------------------------------------


@pytest.mark.behaviour(
    "Pinterest refuses Pins of an app with Trial access: its posts wait for the operator"
)
def test_posts_wait_while_the_app_has_trial_access(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_access="trial")
    for text in ("Too early", "Too early too"):
        api.publish(connection, text, assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead(600)

    for job in PublishJob.objects.all():
        assert (job.status, job.error_code) == ("Pending", "platform_configuration")
        assert (job.waiting_for, job.who_acts) == ("operator", "operator")
        assert "Standard access" in job.error_message
    tried = len(sandbox.calls("/v5/pins", "POST"))
    assert tried < 12  # one job at a time is tried

    sandbox.call("POST", "settings", pinterest_access="standard")
    worker.work_ahead(3000)
    assert statuses() == {"Published": 2}
    assert len(sandbox.posts()) == 2


def test_post_of_an_account_without_the_scope_for_boards_is_refused_at_accept(
    api, make_connection, sandbox
):
    scopes = ["boards:read", "pins:read", "pins:write", "user_accounts:read"]
    connection = make_connection("pinterest", scopes=scopes)
    response = api.publish(connection, "May I?", assets=[sandbox.picture()])
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")


def test_missing_scope_does_not_refresh_the_token(api, connection, sandbox, worker):
    missing = {"code": 3, "message": "Not sufficient permissions. Missing: ['boards:write']"}
    sandbox.fault("status", {"code": 401, "body": missing}, method="POST", path="^/v5/pins$")
    api.publish(connection, "May I?", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    assert PublishJob.objects.get().error_code == "permission_missing"
    assert sandbox.calls("/oauth/token") == []


def test_expired_token_is_refreshed_once_and_both_new_tokens_are_stored(
    api, connection, sandbox, worker
):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    old = connection.refresh_token
    api.publish(connection, "Fresh again", assets=[sandbox.picture()])

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/oauth/token")) == 1
    connection.refresh_from_db()
    assert connection.refresh_token not in {None, old}
    assert (connection.refresh_expires_at - timezone.now()).days in {59, 60}


@pytest.mark.behaviour(
    "Pinterest blocks an account as spam with 403 and code 9: its owner must act, the post waits"
)
def test_post_waits_while_pinterest_blocks_the_account_as_spam(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_spam_block="on")
    api.publish(connection, "Again", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead(1500)
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Pending", "account_blocked")
    assert (job.waiting_for, job.who_acts) == ("owner", "owner")
    assert "combat spam" in job.error_message
    assert len(sandbox.calls("/v5/pins", "POST")) <= 3

    sandbox.call("POST", "settings", pinterest_spam_block="off")
    worker.work_ahead(3000)
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour(
    "Pinterest reports a failure of its own with 400 and code 2787: the Pin may exist, so it is "
    "looked up"
)
@pytest.mark.parametrize("failure", ["before_create", "after_create"])
def test_pinterests_own_failure_leads_to_one_pin(api, connection, sandbox, worker, failure):
    sandbox.call("POST", "settings", pinterest_failure=failure)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work()
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Unconfirmed", "outcome_unknown")

    sandbox.call("POST", "settings", pinterest_failure="none")
    worker.work_ahead(1200)
    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1


@pytest.mark.behaviour(
    "Pinterest refuses a Pin for a reason that we do not know: it is never called the content's "
    "fault, and a refusal that may come after the Pin was created is looked up"
)
@pytest.mark.parametrize(
    ("refusal", "lookups"),
    [
        ({"code": 403, "body": "<html><title>Attention Required!</title></html>"}, 0),
        ({"code": 403, "body": {"code": 4711, "message": "Not today."}}, 1),
        ({"code": 400, "body": {"code": 4711, "message": "Not today."}}, 1),
    ],
)
def test_unknown_refusal_is_retried_with_its_words(
    api, connection, sandbox, worker, refusal, lookups
):
    sandbox.fault("status", refusal, method="POST", path="^/v5/pins$", times=2)
    api.publish(connection, "Why?", assets=[sandbox.picture()])

    worker.work()
    job = PublishJob.objects.get()
    assert job.status == ("Unconfirmed" if lookups else "Pending")
    assert "Not today." in job.error_message or "Attention Required!" in job.error_message
    worker.work_ahead(3000)

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts()) == 1
    board = connection.destinations.get().external_id
    assert bool(sandbox.calls(f"/v5/boards/{board}/pins")) == bool(lookups)


@pytest.mark.behaviour(
    "A response without a list is no proof that there is no Pin: nothing is published twice"
)
@pytest.mark.parametrize("body", [{}, {"items": None}, {"bookmark": None, "errors": ["denied"]}])
def test_response_without_a_list_never_leads_to_a_second_pin(
    api, connection, sandbox, worker, body, recorded
):
    sandbox.fault("drop_after", method="POST", path="^/v5/pins$")
    board = connection.destinations.get().external_id
    sandbox.fault("status", {"code": 200, "body": body}, path=f"^/v5/boards/{board}/pins$", times=5)
    api.publish(connection, "Once", assets=[sandbox.picture()])
    worker.work()
    worker.work_ahead(3600)
    recorded.calls[:] = [call for call in recorded.calls if "/boards/" not in call.request.url]

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/pins", "POST")) == 1


@pytest.mark.parametrize("text", ["With words", ""])
def test_lookup_finds_the_pin_of_a_lost_response_among_similar_pins(
    api, connection, sandbox, worker, text
):
    sandbox.fault("drop_after", method="POST", path="^/v5/pins$")
    options = {"title": "Mine", "link": "https://example.com/?utm_id=1"}
    api.publish(connection, text, assets=[sandbox.picture()], platform_specific_options=options)
    worker.work()
    assert PublishJob.objects.get().status == Status.UNCONFIRMED
    [mine] = sandbox.posts()

    for title in ("Theirs", "Mine too"):
        more = {"title": title, "link": "https://example.com/?utm_id=2"}
        api.publish(
            connection, text + title, assets=[sandbox.picture()], platform_specific_options=more
        )
    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 3}
    job = PublishJob.objects.get(text=text)
    assert (job.remote_id, job.post_url) == (mine["id"], mine["url"])
    assert len(sandbox.posts()) == 3


@pytest.mark.parametrize(
    ("kept", "status"),
    [("Rye &amp; spelt, cafe\u0301", "Published"), ("Something else", "Unconfirmed")],
)
def test_pin_whose_text_was_changed_is_not_published_again(
    api, connection, sandbox, worker, kept, status
):
    sandbox.fault("drop_after", method="POST", path="^/v5/pins$")
    api.publish(connection, "Rye & spelt, caf\u00e9", assets=[sandbox.picture()])
    worker.work()
    [pin] = sandbox.posts()
    headers = {"Authorization": f"Bearer {connection.access_token.reveal()}"}
    url = f"{sandbox.url}/pinterest/v5/pins/{pin['id']}"
    changed = requests.patch(url, json={"description": kept}, headers=headers, timeout=5)
    assert changed.ok

    worker.work_ahead(3600)

    assert statuses() == {status: 1}
    assert len(sandbox.calls("/v5/pins", "POST")) == 1


def test_image_that_pinterest_cannot_fetch_is_retried_for_minutes(api, connection, sandbox, worker):
    body = {"code": 1, "message": "Sorry we could not fetch the image."}
    refusal = {"code": 400, "body": body}
    sandbox.fault("status", refusal, method="POST", path="^/v5/pins$", times=3)
    api.publish(connection, "Patience", assets=[sandbox.picture()])

    worker.work_ahead(300)
    assert statuses() == {"Pending": 1}
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}
