"""Files as users have them: at any server, of any shape, in assets and in options."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import pytest
import requests
from django.utils import timezone

from conftest import plain_post
from publishing.models import PublishJob
from publishing.tests.test_every_kind import KINDS, publish, request_for
from socialpublishing.limits import Form
from socialpublishing.options import files_in
from socialpublishing.platforms import PLATFORMS
from socialpublishing.posts import Media, Post
from socialpublishing.sandbox.pages import HERE
from socialpublishing.tests.file_server import FileServer, Sparse, whole
from socialpublishing.tests.test_media_metadata import exif, jpeg, mpo, segment

# How a file is read is the same on any database.
pytestmark = pytest.mark.any_database

LENGTHLESS = {
    "chunked": {"has_lengths": False, "has_ranges": False, "is_chunked": True},
    "until_it_closes": {"has_lengths": False, "has_ranges": False},
    "ranges_of_an_unknown_size": {"has_lengths": False},
}
TAKEN = {
    **LENGTHLESS,
    "redirecting": {"is_redirecting": True},
    "slow": {"delay_s": 0.1},
    "without_ranges": {"has_ranges": False},
}
IN_EACH_RUN = {"chunked", "other bytes"}


def mostly_at_night(*names: str) -> list[Any]:
    return [
        pytest.param(name, marks=[] if name in IN_EACH_RUN else pytest.mark.night) for name in names
    ]


HTML = b"<!doctype html><html><title>Expired</title></html>"
# Each kind of file once in each kind of post.
WITH_FILES = [
    each
    for each in KINDS
    if each.values[2].media and each.values[2].name in {*each.values[2].media, "mixed"}
]


@pytest.fixture
def server(settings, sandbox):
    server = FileServer()
    settings.MEDIA_ALLOWED_ORIGINS = [*settings.MEDIA_ALLOWED_ORIGINS, server.origin]
    yield server
    server.close()


def request_at(server: FileServer, sandbox: Any, *form: Any) -> dict[str, Any]:
    """A request for such a post whose (last) file is at `server`."""
    request = request_for(sandbox, *form)
    data = requests.get(request["assets"][-1]["url"], timeout=5).content
    server.file = whole(data)
    request["assets"][-1]["url"] = f"{server.origin}/my picture_ü?token=1"
    return request


@pytest.mark.parametrize("behaviour", mostly_at_night(*TAKEN))
@pytest.mark.parametrize(("name", "kind", "media_form"), WITH_FILES)
@pytest.mark.behaviour(
    "Files are taken from servers that report no size, redirect, are slow or know no ranges"
)
def test_file_of_any_server_is_published(
    api, worker, sandbox, server, make_connection, name, kind, media_form, behaviour
):
    request = request_at(server, sandbox, name, kind, media_form)
    expected = hashlib.sha256(server.file.read(0, server.file.size)).hexdigest()
    for attribute, value in TAKEN[behaviour].items():
        setattr(server, attribute, value)

    post = publish(api, worker, sandbox, make_connection(name), request)

    assert post["media"][-1]["sha256"] == expected


@pytest.mark.parametrize("change", mostly_at_night("expires", "other bytes", "other type"))
@pytest.mark.parametrize(("name", "kind", "media_form"), WITH_FILES)
@pytest.mark.behaviour(
    "A file that has another size or type when it is sent ends the post as asset_changed, and one "
    "that cannot be read waits: never an error of ours, never a post"
)
def test_file_that_changes_or_expires_after_acceptance_is_never_published(
    api, worker, sandbox, server, make_connection, name, kind, media_form, change
):
    request = request_at(server, sandbox, name, kind, media_form)
    text = request.pop("text_content")
    response = api.publish(make_connection(name), text, late_grace_seconds=300, **request)
    assert response.status_code == 202, response.json()
    data = server.file.read(0, server.file.size)
    server.file = whole(data[: server.file.size // 2] if change == "other bytes" else data)
    if change == "expires":
        server.refusal = lambda handler: 403
    elif change == "other type":
        server.file = whole(HTML.ljust(len(data)))

    worker.work_ahead(3600)

    job = PublishJob.objects.get()
    expected = {"expires": {"too_late", "asset_unreachable"}}.get(change, {"asset_changed"})
    assert (job.status, job.error_code in expected) == ("Failed", True), job.error_message
    assert sandbox.posts(name) == []


@pytest.mark.parametrize("endpoint", ["publish", "validate"])
def test_large_file_without_a_size_is_refused_at_once(
    api, make_connection, sandbox, server, endpoint
):
    clip = requests.get(f"{sandbox.url}/samples/clip.mp4", timeout=5).content
    server.file = Sparse(size=10**8, places={0: clip})
    server.has_lengths = server.has_ranges = False
    asset = {"url": server.url, "asset_type": "video", "mime_type": "video/mp4"}
    response = api.post(
        f"publishing/{endpoint}", plain_post(make_connection(), "Hi", assets=[asset])
    )
    assert "asset_size_unknown" in json.dumps(response.json())
    assert "Content-Length" in json.dumps(response.json())
    assert response.status_code == (400 if endpoint == "publish" else 200)


@pytest.mark.parametrize(("name", "kind", "media_form"), WITH_FILES)
@pytest.mark.behaviour(
    "A file behind a redirect comes from our own address, or is refused with the word redirects"
)
def test_redirect_is_refused_where_we_cannot_serve_the_file(
    settings, sandbox, name, kind, media_form
):
    platform = PLATFORMS[name]
    request = request_for(sandbox, name, kind, media_form)
    media = [Media.from_asset({**each, "is_redirected": True}) for each in request["assets"]]
    post = Post(media=tuple(media), options=request["platform_specific_options"])
    for sandbox_url, base_url, is_refused in (
        ("", "http://localhost:8000", True),
        ("", "https://service.example.com", False),
        (sandbox.url, "http://localhost:8000", False),
    ):
        settings.SANDBOX_URL, settings.SERVICE_BASE_URL = sandbox_url, base_url
        found = [each for each in platform.violations(post, {}) if each.rule == "media_redirects"]
        assert len(found) == len(platform.pulled_media(post)) * is_refused
        assert all("redirects" in each.message for each in found)


# --- Pictures ------------------------------------------------------------------------------------


def test_picture_is_judged_as_shown(api, make_connection, server):
    connection = make_connection("instagram")
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    upright = jpeg(segment(0xE1, b"Exif\0\0" + exif(6)), width=1500, height=1000)
    server.file = whole(upright)

    response = api.publish(connection, assets=[asset])

    [violation] = response.json()["violations"]
    assert (violation["rule"], violation["actual"]) == ("media_ratio", 0.667)
    server.file = whole(jpeg(segment(0xE1, b"Exif\0\0" + exif(6)), width=1000, height=1500))
    assert api.publish(connection, assets=[asset]).status_code == 202


def test_several_pictures_in_one_file_are_no_jpeg_for_instagram(api, make_connection, server):
    server.file = whole(mpo(width=30))
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/jpeg"}
    body = plain_post(make_connection("instagram"), "Hi", assets=[asset])

    response = api.post("publishing/validate", body)

    found = {each["rule"]: each["message"] for each in response.json()["violations"]}
    assert "MPO" in found["media_type"]


def test_violation_of_the_type_names_the_file_and_what_helps(api, make_connection, server):
    server.file = whole(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + heic_meta())
    asset = {"url": server.url, "asset_type": "image", "mime_type": "image/heic"}
    [violation] = api.publish(make_connection(), assets=[asset]).json()["violations"]
    assert "a HEIC picture" in violation["message"]
    assert "JPEG" in violation["fix"]


def heic_meta() -> bytes:
    from socialpublishing.tests.test_media_formats import heic

    return heic((30, 20)).partition(b"heic")[2].partition(b"mif1heic")[2]


# --- Alt text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind", "media_form"), WITH_FILES)
def test_alt_text_that_is_not_carried_is_left_out_with_a_warning(
    api, worker, sandbox, make_connection, name, kind, media_form
):
    request = request_for(sandbox, name, kind, media_form)
    is_carried = [kind.max_alt_text and kind.media[each].has_alt_text for each in media_form.media]
    for asset in request["assets"]:
        asset["alt_text"] = "A harbour"
    connection = make_connection(name)
    body = {"connection_id": str(connection.pk), **json.loads(json.dumps(request))}
    verdict = api.post("publishing/validate", body).json()
    assert verdict["is_valid"], verdict

    post = publish(api, worker, sandbox, connection, request)

    job = api.get(f"publishing/jobs/{PublishJob.objects.get().pk}").json()
    lost = [each for each in job["warnings"] if each["code"] == "alt_text_left_out"]
    assert lost == [each for each in verdict["warnings"] if each["code"] == "alt_text_left_out"]
    assert len(lost) == sum(not carried for carried in is_carried)
    assert [asset["alt_text"] for asset in job["assets"]] == ["A harbour"] * len(is_carried)
    for media, carried in zip(post["media"], is_carried, strict=True):
        assert carried or not media["alt_text"]


# --- Files that are options ----------------------------------------------------------------------

FILE_OPTIONS = sorted(
    {
        (name, path)
        for name, platform in PLATFORMS.items()
        for path, _, _ in files_in(platform.options.examples, platform.options)
    }
)
BAD_FILES = {
    "http": ("http://example.com/a.jpg", "https"),
    "private": ("https://10.0.0.1/a.jpg", "public server"),
    "script": ("javascript:1", "https"),
    "gone": ("{server}/gone", "404"),
    "html": ("{server}/page", "an HTML page"),
    "film": ("{server}/film", "larger than"),
    "clip": ("{server}/clip", "an MP4 video, allowed are image/"),
    "matroska": ("{server}/clip", "Give the address of a picture."),
    "text": ("cover", "object store"),
}


@pytest.mark.parametrize("bad", BAD_FILES)
@pytest.mark.parametrize(("name", "path"), FILE_OPTIONS)
@pytest.mark.behaviour("A file that an option names passes the gate and the probe of assets")
def test_bad_file_of_an_option_is_refused_by_the_name_of_the_option(
    api, sandbox, server, make_connection, name, path, bad
):
    platform = PLATFORMS[name]
    option = path.partition(".")[0]
    url, words = BAD_FILES[bad]
    server.file = {
        "html": whole(HTML),
        "clip": whole((HERE / "samples" / "clip.mp4").read_bytes()),
        "matroska": whole(b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x88matroska" + bytes(40)),
        "film": Sparse(size=15_000_000_000, places={0: b"\0\0\0\x18ftypmp42"}),
    }.get(bad, whole(b""))
    server.refusal = lambda handler: 404 if handler.path == "/gone" else None
    value = json.loads(
        json.dumps(platform.options.examples[option]).replace(
            next(
                at
                for each, at, _ in files_in(platform.options.examples, platform.options)
                if each == path
            ),
            url.format(server=server.origin),
        )
    )
    kind = next(kind for kind in platform.capabilities.post_types if option in kind.options)
    media_form = (
        Form(name="video", media=("video",)) if "video" in kind.media else Form(name="text")
    )
    request = request_for(sandbox, name, kind, media_form, **{option: value})
    body = {"connection_id": str(make_connection(name).pk), **request}

    refused = api.post("publishing/publish", body)
    verdict = api.post("publishing/validate", body).json()

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    [violation] = refused.json()["violations"]
    assert violation["field"] == f"platform_specific_options.{path}"
    assert words in violation["message"]
    [found] = [each for each in verdict["violations"] if each["actual"] == path]
    assert found["rule"].startswith(("asset_", "object_store"))
    assert not PublishJob.objects.exists()
    assert sandbox.calls(method="PUT") == []


def test_busy_service_is_no_fault_of_the_file(api, sandbox, make_connection, settings, monkeypatch):
    monkeypatch.setattr("socialpublishing.media.PROBE_S", 0.2)
    settings.MEDIA_READS = 0
    connection = make_connection("instagram")
    reel = {"post_type": "reel", "cover_url": sandbox.picture()["url"]}
    for more in (
        {"assets": [sandbox.picture()]},
        {"assets": [sandbox.clip()]},
        {"assets": [sandbox.clip()], "platform_specific_options": reel},
    ):
        for path in ("publishing/publish", "publishing/validate"):
            response = api.post(path, plain_post(connection, "Busy", **more))
            assert (response.status_code, response.json()["code"]) == (503, "media_busy")
    assert not PublishJob.objects.exists()


# --- Warnings about the authorization ------------------------------------------------------------


@pytest.mark.behaviour("A post that is due after the end of the authorization has a warning")
def test_post_after_the_end_of_a_token_that_cannot_be_renewed_has_a_warning(api, make_connection):
    connection = make_connection("linkedin")
    connection.refresh_token = None
    connection.expires_at = timezone.now() + dt.timedelta(days=10)
    connection.save()
    for days, expected in ((9, []), (11, ["token_ends_before"])):
        at = timezone.now() + dt.timedelta(days=days)
        body = plain_post(connection, f"In {days} days", schedule_time=at.isoformat())
        job = api.post("publishing/schedule", body).json()
        assert [each["code"] for each in job["warnings"]] == expected

    sooner = (timezone.now() + dt.timedelta(days=1)).isoformat()
    changed = api.client.patch(
        f"/api/v1/publishing/jobs/{job['job_id']}",
        {"schedule_time": sooner},
        content_type="application/json",
    )
    assert changed.status_code == 200
    assert changed.json()["warnings"] == []


def test_refresh_token_that_ends_first_has_a_warning_unless_it_rotates(api, make_connection):
    at = (timezone.now() + dt.timedelta(days=11)).isoformat()
    for name in ("linkedin", "twitter"):
        connection = make_connection(name)
        connection.refresh_expires_at = timezone.now() + dt.timedelta(days=10)
        connection.save()
        body = plain_post(connection, "Later", schedule_time=at)
        codes = [each["code"] for each in api.post("publishing/schedule", body).json()["warnings"]]
        rotates = connection.platform_type.app.oauth.rotates_refresh_token
        assert ("token_ends_before" in codes) == (not rotates)
