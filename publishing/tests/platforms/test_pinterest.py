"""Pinterest: images in the call itself, videos through S3, boards that a post goes to.

All that our client sends here is held against Pinterest's own OpenAPI description.
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
from socialpublishing.tests.watching import watching

VIDEO_CALLS = [
    ("POST", "^/v5/media$"),
    ("POST", "^/media-upload$"),
    ("GET", r"^/v5/media/\d+$"),
    ("POST", "^/v5/pins$"),
]


@pytest.fixture(autouse=True)
def watched(sandbox):
    """Every request and every whole answer is as the description says."""
    with watching(f"{sandbox.url}/pinterest/v5/") as watcher:
        yield watcher
    assert watcher.calls
    watcher.check_against(described("pinterest", "/v5"))


@pytest.fixture
def connection(make_connection, sandbox):
    # The lane's time runs ahead, the sandbox's does not.
    sandbox.call("POST", "settings", pinterest_processing_seconds=0)
    return make_connection("pinterest")


def sha256_of(url):
    return hashlib.sha256(requests.get(url, timeout=5).content).hexdigest()


def one_film(sandbox):
    [post] = sandbox.posts("pinterest")
    assert [media["sha256"] for media in post["media"]] == [sha256_of(sandbox.clip()["url"])]
    return post


# --- Images --------------------------------------------------------------------------------------


def test_images_travel_in_one_call_as_bytes(api, connection, sandbox, worker, watched):
    pictures = [sandbox.picture(), sandbox.picture("mountains.jpg")]
    api.publish(connection, "Two", assets=pictures)

    worker.work()

    [post] = sandbox.posts("pinterest")
    assert [m["sha256"] for m in post["media"]] == [sha256_of(p["url"]) for p in pictures]
    [request] = [call.request for call in watched.calls if call.request.method == "POST"]
    assert json.loads(request.body)["media_source"]["source_type"] == "multiple_image_base64"


@pytest.mark.parametrize("count", [1, 2])
def test_large_images_are_fetched_by_pinterest(
    api, connection, sandbox, worker, monkeypatch, watched, count
):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    picture = sandbox.picture()
    api.publish(connection, "Large", assets=[picture] * count)

    worker.work()

    [post] = sandbox.posts("pinterest")
    assert [m["sha256"] for m in post["media"]] == [sha256_of(picture["url"])] * count
    assert all(
        picture["url"].encode() in call.request.body for call in watched.calls if call.request.body
    )


def test_crawler_that_fails_is_asked_again(api, connection, sandbox, worker, monkeypatch):
    monkeypatch.setattr(client, "MAX_INLINE_BYTES", 1000)
    data = {"code": 400, "body": {"code": 1, "message": "Sorry we could not fetch the image."}}
    sandbox.fault("status", data, method="POST", path="^/v5/pins$")
    api.publish(connection, "Large", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.posts("pinterest")) == 1


@pytest.fixture
def shelf(settings):
    """A file server that may be closed. It serves a picture."""
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


def test_image_that_cannot_be_had_at_the_moment_leaves_no_doubt(
    api, connection, sandbox, worker, shelf
):
    asset = {"url": shelf.url, "asset_type": "image", "mime_type": "image/jpeg"}
    assert api.publish(connection, "Later", assets=[asset]).status_code == 202
    shelf.is_closed = True
    worker.work()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Pending", "asset_unreachable")
    # Nothing was sent, so there is nothing to look for.
    assert job.publish_started_at is None

    shelf.is_closed = False
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/pins", "POST")) == 1
    assert sandbox.calls(f"/v5/boards/{connection.destinations.get().external_id}/pins") == []


def test_images_that_come_too_slowly_send_nothing(api, connection, sandbox, worker, monkeypatch):
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
@pytest.mark.parametrize(("method", "path"), VIDEO_CALLS)
def test_lost_answer_at_any_call_of_a_video(api, connection, sandbox, worker, method, path, action):
    sandbox.fault(action, method=method, path=path)
    options = {"title": "Waves"}
    clip = {**sandbox.clip(), "alt_text": "The sea"}
    api.publish(connection, "A film", assets=[clip], platform_specific_options=options)

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    post = one_film(sandbox)
    assert post["media"][0]["alt_text"] == "The sea"
    assert post["details"]["cover_image_key_frame_time"] == 0


def test_video_waits_until_it_is_processed_and_holds_nobody(
    api, connection, sandbox, worker, watched
):
    sandbox.call("POST", "settings", pinterest_processing_seconds=300)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work()
    worker.work_ahead(seconds=60)

    job = PublishJob.objects.get()
    assert (job.status, job.publish_started_at) == ("Processing", None)
    # What a form to S3 was signed with is stored nowhere.
    assert list(job.progress["handle"]) == ["media_id"]
    assert len(sandbox.calls("/media-upload")) == 1

    sandbox.call("POST", "clock", advance_seconds=300)
    worker.work_ahead()
    assert statuses() == {"Published": 1}
    one_film(sandbox)


def test_worker_that_dies_while_processing_leaves_the_upload(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_processing_seconds=300)
    api.publish(connection, "A film", assets=[sandbox.clip()])
    worker.work()
    PublishJob.objects.update(lease_owner="dead-lane:1", next_attempt_at=timezone.now())
    sandbox.call("POST", "clock", advance_seconds=300)

    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/media-upload")) == 1


def test_form_that_storage_refuses_is_asked_for_anew(api, connection, sandbox, worker):
    xml = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
    sandbox.fault("status", {"code": 403, "body": xml}, path="^/media-upload$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/media", "POST")) == 2


def test_upload_that_is_gone_when_its_pin_is_made_is_made_anew(api, connection, sandbox, worker):
    gone = {"code": 404, "body": {"code": 404, "message": "Media not found."}}
    sandbox.fault("status", gone, method="POST", path="^/v5/pins$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    assert statuses() == {"Published": 1}
    one_film(sandbox)
    assert len(sandbox.calls("/media-upload")) == 2


def test_video_that_cannot_be_processed_is_refused(api, connection, sandbox, worker):
    data = {"media_id": "1", "media_type": "video", "status": "failed"}
    sandbox.fault("status", {"code": 200, "body": data}, method="GET", path=r"/v5/media/\d+$")
    api.publish(connection, "A film", assets=[sandbox.clip()])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("ContentRejected", "content_rejected")
    assert "could not process" in job.error_message
    assert sandbox.posts() == []


# --- Boards --------------------------------------------------------------------------------------


def test_boards_are_read_to_the_last_page(make_connection, watched):
    connection = make_connection("pinterest", boards=[{"name": f"B{n}"} for n in range(260)])
    assert connection.destinations.count() == 260
    assert sum("/boards" in call.request.url for call in watched.calls) == 2


def test_board_is_chosen_or_asked_for(api, make_connection, sandbox, worker):
    connection = make_connection("pinterest", boards=[{"name": "A"}, {"name": "B"}])
    picture = {"assets": [sandbox.picture()]}
    refused = api.publish(connection, "Where?", **picture)
    assert (refused.status_code, refused.json()["code"]) == (400, "destination_required")

    ids = [board.external_id for board in connection.destinations.all()]
    for board in ids:
        api.publish(connection, "Here", **picture, platform_specific_options={"board_id": board})
    worker.work()

    assert sorted(post["details"]["board_id"] for post in sandbox.posts()) == sorted(ids)


def test_board_that_is_gone_wants_another(api, connection, sandbox, worker):
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


def test_carousel_of_two_shapes_is_refused_at_once(api, connection, sandbox):
    pictures = [sandbox.picture(), sandbox.picture("bakery.jpg")]
    response = api.publish(connection, "Two shapes", assets=pictures)
    assert response.status_code == 400
    assert [each["rule"] for each in response.json()["violations"]] == ["carousel_ratio"]
    assert sandbox.calls("/v5/pins") == []


# --- Noes and limits -----------------------------------------------------------------------------


def test_trial_access_is_the_operators(api, connection, sandbox, worker):
    sandbox.call("POST", "settings", pinterest_access="trial")
    api.publish(connection, "Too early", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Failed", "platform_configuration")
    assert "Standard access" in job.error_message
    assert len(sandbox.calls("/v5/pins", "POST")) == 1


def test_account_without_the_right_to_its_boards_is_refused_at_once(api, make_connection, sandbox):
    scopes = ["boards:read", "pins:read", "pins:write", "user_accounts:read"]
    connection = make_connection("pinterest", scopes=scopes)
    response = api.publish(connection, "May I?", assets=[sandbox.picture()])
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")


def test_missing_scope_is_no_expired_token(api, connection, sandbox, worker):
    missing = {"code": 3, "message": "Not sufficient permissions. Missing: ['boards:write']"}
    sandbox.fault("status", {"code": 401, "body": missing}, method="POST", path="^/v5/pins$")
    api.publish(connection, "May I?", assets=[sandbox.picture()])

    worker.work()
    worker.work_ahead()

    assert PublishJob.objects.get().error_code == "permission_missing"
    assert sandbox.calls("/oauth/token") == []


def test_expired_token_is_refreshed_once_and_the_new_pair_is_kept(api, connection, sandbox, worker):
    sandbox.call("POST", "tokens/expire", account_id=connection.external_user_id)
    old = connection.refresh_token
    api.publish(connection, "Fresh again", assets=[sandbox.picture()])

    worker.work()

    assert statuses() == {"Published": 1}
    assert len(sandbox.calls("/v5/oauth/token")) == 1
    connection.refresh_from_db()
    assert connection.refresh_token not in {None, old}
    assert (connection.refresh_expires_at - timezone.now()).days in {59, 60}


def test_spam_guard_lets_the_account_rest(api, connection, sandbox, worker):
    data = {"code": 429, "body": {"code": 9, "message": "Blocked as spam."}}
    sandbox.fault("status", data, method="POST", path="^/v5/pins$")
    api.publish(connection, "Again", assets=[sandbox.picture()], late_grace_seconds=6 * 3600)

    worker.work()
    worker.work_ahead(seconds=2 * 3600)
    job = PublishJob.objects.get()
    assert (job.status, job.error_code) == ("Pending", "rate_limited")
    assert "spam" in job.error_message
    assert len(sandbox.calls("/v5/pins", "POST")) == 1

    worker.work_ahead(seconds=4 * 3600)
    assert statuses() == {"Published": 1}


@pytest.mark.parametrize("text", ["With words", ""])
def test_lost_answer_is_found_among_pins_of_others(api, connection, sandbox, worker, text):
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
    job = PublishJob.objects.get(platform_specific_options=options)
    assert (job.remote_id, job.post_url) == (mine["id"], mine["url"])
    assert len(sandbox.posts()) == 3


@pytest.mark.parametrize(
    ("kept", "status"),
    [("Rye &amp; spelt, cafe\u0301", "Published"), ("Something else", "Unconfirmed")],
)
def test_lost_pin_in_other_words_is_not_taken_for_absent(
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


def test_picture_that_pinterest_cannot_fetch_is_tried_again_for_minutes(
    api, connection, sandbox, worker
):
    words = {"code": 1, "message": "Sorry we could not fetch the image."}
    refusal = {"code": 400, "body": words}
    sandbox.fault("status", refusal, method="POST", path="^/v5/pins$", times=3)
    api.publish(connection, "Patience", assets=[sandbox.picture()])

    worker.work_ahead(300)
    assert statuses() == {"Pending": 1}
    worker.work_ahead(600)
    assert statuses() == {"Published": 1}
