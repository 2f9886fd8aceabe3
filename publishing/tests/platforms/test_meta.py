"""Facebook and Instagram: faults of Meta's own, limits, and waits without an end."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.utils import timezone

from conftest import statuses
from publishing.models import PublishJob
from socialpublishing import http
from socialpublishing.errors import UploadLostError
from socialpublishing.http import MultipartBody, PlatformResponse
from socialpublishing.platforms.facebook.client import Facebook
from socialpublishing.platforms.pauses import PlatformPause

pytestmark = pytest.mark.usefixtures("instant_processing")
NODE = r"/v\d+\.0/\d+$"
TRANSIENT = {"is_transient": True, "message": "Please retry your request later."}


def job():
    return PublishJob.objects.get()


def work_for(worker, seconds, step=10):
    for after in range(0, seconds, step):
        worker.finish(timezone.now() + dt.timedelta(seconds=after))


def graph_error(status=400, **error):
    return {"code": status, "body": {"error": error}}


# --- Faults of Meta's own ------------------------------------------------------------------------


@pytest.fixture
def respond_after(monkeypatch):
    """The first request to a path that has these words is carried out; then comes an error."""

    def respond(path, status, error, *, form=""):
        real, seen = http.Http._send, []

        def send(self, request):
            response = real(self, request)
            body = request.body if isinstance(request.body, str) else repr(request.body)
            if seen or path not in request.url or form not in body:
                return response
            seen.append(response.status_code)
            data = {"error": error}
            return PlatformResponse(
                status_code=status, headers={}, json=data, text=json.dumps(data)
            )

        monkeypatch.setattr(http.Http, "_send", send)
        return seen

    return respond


@pytest.mark.behaviour(
    "Meta may create a post and then report a fault of its own, also with a subcode that elsewhere "
    "means that nothing was created: the post is looked up and not sent again"
)
@pytest.mark.parametrize(
    ("platform", "kind", "path", "status", "error"),
    [
        ("facebook", "clip", "/videos", 500, {"code": 2, "error_subcode": 1363030, **TRANSIENT}),
        ("facebook", "clip", "/videos", 400, {"code": 1, "error_subcode": 1363030}),
        ("facebook", "text", "/feed", 500, {"code": 100, "message": "(#100) picture"}),
        ("facebook", "text", "/feed", 503, {"code": 368, "error_subcode": 1346003}),
        ("facebook", "text", "/feed", 400, {"code": 190, **TRANSIENT}),
        ("facebook", "photo_story", "/photo_stories", 500, {"code": 100, "error_subcode": 33}),
        ("facebook", "reel", "/video_reels", 500, {"code": 6000, "error_subcode": 1363022}),
        *[
            ("instagram", "picture", "/media_publish", status, error)
            for status, error in (
                (500, {"code": 2, "error_subcode": 2207085, **TRANSIENT}),
                (500, {"code": -1, "error_subcode": 2207032, **TRANSIENT}),
                (400, {"code": -1, "error_subcode": 2207032}),
                (429, {"code": 4, "error_subcode": 2207051, "message": "Limit reached"}),
                (429, {"code": 1, "message": "An unknown error occurred"}),
                (500, {"code": 100, "message": "The container is published already."}),
            )
        ],
    ],
)
def test_post_that_exists_after_a_fault_is_not_sent_again(
    api, make_connection, sandbox, worker, respond_after, platform, kind, path, status, error
):
    assets = {
        "text": [],
        "picture": [sandbox.picture()],
        "photo_story": [{**sandbox.picture(), "alt_text": None}],
        "clip": [sandbox.clip()],
        "reel": [sandbox.clip("reel.mp4")],
    }
    post_type = {"reel": "reel", "photo_story": "story"}.get(kind, "feed")
    form = "finish" if kind in {"clip", "reel"} else ""
    connection = make_connection(platform)
    statuses_sent = respond_after(path, status, error, form=form)
    text = "" if post_type == "story" else "Once"
    options = {"post_type": post_type}
    api.publish(
        connection,
        text,
        assets=assets[kind],
        platform_specific_options=options,
        late_grace_seconds=2 * 86400,
    )

    worker.work_ahead(26 * 3600)

    assert statuses_sent == [200]
    assert len(sandbox.posts(platform)) == 1
    assert statuses() == {"Published": 1}


@pytest.mark.behaviour(
    "Code 10 of Instagram is a missing permission only where one is named; else it is a passing "
    "refusal"
)
@pytest.mark.parametrize("edge", ["/media_publish$", "/media$"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("(#10) Application does not have permission for this action", "Published"),
        ("(#10) Requires instagram_content_publish permission to manage the object", "Failed"),
    ],
)
def test_code_10_is_a_missing_permission_where_one_is_named(
    api, make_connection, sandbox, worker, edge, words, expected
):
    connection = make_connection("instagram")
    error = graph_error(code=10, message=words, type="OAuthException")
    sandbox.fault("status", error, platform="instagram", method="POST", path=edge)
    api.publish(connection, "x", assets=[sandbox.picture()])

    work_for(worker, 600)

    assert statuses() == {expected: 1}


# --- Extras of a reel ----------------------------------------------------------------------------


@pytest.mark.behaviour("A reel goes out whatever Facebook responds to its cover or invitations")
@pytest.mark.parametrize("path", ["/collaborators$", "/thumbnails$"])
@pytest.mark.parametrize(
    "fault",
    [
        graph_error(code=3, message="Application does not have the capability for this API call."),
        graph_error(500, code=1, message="An unknown error occurred"),
        graph_error(code=368, error_subcode=1404006, message="Blocked"),
    ],
)
def test_reel_goes_out_without_its_extras(api, make_connection, sandbox, worker, path, fault):
    connection = make_connection("facebook")
    sandbox.fault("status", fault, method="POST", path=path, times=9999)
    options = {
        "post_type": "reel",
        "collaborators": ["123456789012"],
        "cover_url": f"{sandbox.url}/samples/bakery.jpg",
    }
    api.publish(
        connection, "Reel", assets=[sandbox.clip("reel.mp4")], platform_specific_options=options
    )

    worker.work_ahead(300)

    assert not PlatformPause.objects.exists()
    assert statuses() == {"Published": 1}
    [warning] = job().warnings
    assert fault["body"]["error"]["message"] in warning["message"]


# --- Waits without an end ------------------------------------------------------------------------


@pytest.mark.behaviour("Files that Instagram does not finish to process are sent again")
@pytest.mark.parametrize(("name", "minutes"), [("picture", 10), ("clip", 30)])
def test_container_that_is_never_processed_is_created_again(
    api, make_connection, sandbox, worker, name, minutes
):
    connection = make_connection("instagram")
    state = {"code": 200, "body": {"status_code": "IN_PROGRESS", "id": "1"}}
    sandbox.fault("status", state, method="GET", path=NODE, times=9999)
    asset = getattr(sandbox, name)()
    api.publish(connection, "x", assets=[asset], late_grace_seconds=86400)

    worker.work_ahead(minutes * 60 - 30)
    assert len(sandbox.calls("/media", "POST")) == 1
    worker.work_ahead(86400)

    assert statuses() == {"Failed": 1}
    assert f"not processed the media in {minutes} minutes" in job().error_message


@pytest.mark.behaviour("A reel of which no more bytes arrive at Facebook is uploaded again")
def test_upload_that_stands_still_starts_again(api, make_connection, sandbox, worker):
    connection = make_connection("facebook")
    state = {"id": "1", "status": {"uploading_phase": {"status": "in_progress"}}}
    sandbox.fault("status", {"code": 200, "body": state}, method="GET", path=NODE, times=9999)
    options = {"post_type": "reel"}
    clip = sandbox.clip("reel.mp4")
    api.publish(
        connection,
        "x",
        assets=[clip],
        platform_specific_options=options,
        late_grace_seconds=86400,
    )

    worker.work_ahead(86400)

    assert statuses() == {"Failed": 1}
    assert "no more of the video for ten minutes" in job().error_message


@pytest.mark.behaviour("An upload that Facebook sends back and forth starts again")
def test_upload_that_goes_back_and_forth_starts_again(
    api, make_connection, sandbox, worker, monkeypatch
):
    """Each good part is followed by a refusal that asks for the first bytes again."""
    connection = make_connection("facebook")
    real, transfers = Facebook.call_page, []

    def call_page(self, method, edge, **body):
        if not isinstance(body.get("data"), MultipartBody):
            return real(self, method, edge, **body)
        body["data"].read()
        transfers.append(edge)
        if len(transfers) % 2:
            return {"start_offset": 1000, "end_offset": 2000}
        error = UploadLostError("Another offset.")
        error.details = {"start_offset": 0, "end_offset": 1000}
        raise error

    monkeypatch.setattr(Facebook, "call_page", call_page)
    api.publish(connection, "x", assets=[sandbox.clip()])

    worker.work_ahead(3600)

    assert statuses() == {"Failed": 1}
    assert len(transfers) < 200
