"""Reels and stories, with the requests of Meta's guides."""

import hashlib
import socket
import time
from urllib.parse import urlsplit

import pytest


def error_of(response):
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("error_subcode")


def start(page, edge="video_reels"):
    response = page.post(f"/{page.id}/{edge}", data={"upload_phase": "start"})
    assert response.status_code == 200, response.text
    return response.json()


def send(page, started, data, **headers):
    usual = {"Authorization": f"OAuth {page.token}", "offset": "0", "file_size": str(len(data))}
    return page.session.post(
        started["upload_url"], data=data, headers={**usual, **headers}, timeout=10
    )


def finish(page, started, edge="video_reels", **fields):
    form = {"upload_phase": "finish", "video_id": started["video_id"], **fields}
    return page.post(f"/{page.id}/{edge}", data=form)


def publish(page, data, edge="video_reels", **fields):
    started = start(page, edge)
    assert send(page, started, data).json() == {"success": True}
    if edge == "video_reels":
        fields = {"video_state": "PUBLISHED", **fields}
    response = finish(page, started, edge, **fields)
    assert response.status_code == 200, response.text
    return started["video_id"], response.json()


def status_of(page, video_id):
    return page.get(f"/{video_id}?fields=status").json()["status"]


def stories(page, **query):
    return page.get(f"/{page.id}/stories", params=query).json()["data"]


# --- The upload host -----------------------------------------------------------------------------


def test_reel_is_uploaded_then_published(page, control, sample):
    data = sample("reel.mp4")
    video_id, response = publish(page, data, description="Dawn", title="The bakery")
    assert response == {"success": True}
    [post] = control.posts()
    assert (post["text"], post["details"]["title"]) == ("Dawn", "The bakery")
    assert post["media"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    control.advance(2)
    data = page.get(f"/{video_id}?fields=permalink_url,published,post_id").json()
    assert (data["permalink_url"], data["published"]) == (f"/reel/{video_id}/", True)
    assert post["id"].endswith(data["post_id"])
    host = page.url.removesuffix("/v27.0")
    assert page.session.get(f"{host}{data['permalink_url']}", timeout=10).status_code == 200


def test_video_can_be_fetched_from_a_url(page, control, sample, site):
    started = start(page)
    url = f"{site.url}/samples/reel.mp4"
    headers = {"Authorization": f"OAuth {page.token}", "file_url": url}
    response = page.session.post(started["upload_url"], headers=headers, timeout=10)
    assert response.json() == {"success": True}
    finish(page, started, video_state="PUBLISHED")
    sha256 = hashlib.sha256(sample("reel.mp4")).hexdigest()
    assert control.posts()[0]["media"][0]["sha256"] == sha256


def test_bytes_before_a_broken_connection_are_kept(page, sample):
    data, started = sample("reel.mp4"), start(page)
    parts = urlsplit(started["upload_url"])
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nAuthorization: OAuth {page.token}\r\n"
        f"offset: 0\r\nfile_size: {len(data)}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(head.encode() + data[:1000])
        connection.shutdown(socket.SHUT_WR)
        response = connection.makefile("rb").read()
    assert b'"retriable": true' in response
    status = status_of(page, started["video_id"])
    assert status["uploading_phase"] == {"status": "in_progress", "bytes_transfered": 1000}

    rest = {"offset": "1000", "file_size": str(len(data))}
    assert send(page, started, data[1000:], **rest).json() == {"success": True}

    status = status_of(page, started["video_id"])
    assert status["video_status"] == "upload_complete"
    assert status["uploading_phase"] == {"status": "complete", "bytes_transfered": len(data)}


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"offset": "7"}, "OffsetInvalidError"),
        ({"offset": "x"}, "OffsetInvalidError"),
        ({"file_size": "99999999"}, "PartialRequestError"),
        ({"file_size": "1"}, "PartialRequestError"),
        ({"Authorization": "Bearer x"}, "ProcessingFailedError"),
    ],
)
def test_upload_with_wrong_headers_is_refused_and_stores_nothing(page, sample, headers, kind):
    started = start(page)
    response = send(page, started, sample("reel.mp4"), **headers)
    assert response.status_code == 400
    assert response.json()["debug_info"]["type"] == kind
    assert status_of(page, started["video_id"])["uploading_phase"]["bytes_transfered"] == 0


def test_another_page_cannot_use_an_upload(page, make_page, sample):
    started = start(page)
    stranger = make_page(username="stranger")
    assert send(stranger, started, sample("reel.mp4")).status_code == 400
    assert error_of(finish(stranger, started, video_state="PUBLISHED")) == (400, 100, None)


def test_failed_fetch_is_an_error(page, site):
    started = start(page)
    headers = {"Authorization": f"OAuth {page.token}", "file_url": f"{site.url}/samples/none"}
    response = page.session.post(started["upload_url"], headers=headers, timeout=10)
    assert response.json()["debug_info"]["type"] == "ProcessingFailedError"


# --- Publishing ----------------------------------------------------------------------------------


def test_reel_without_bytes_is_not_published(page):
    assert error_of(finish(page, start(page), video_state="PUBLISHED")) == (400, 6000, None)


@pytest.mark.parametrize("fields", [{}, {"video_state": "OUT"}, {"upload_phase": "transfer"}])
def test_wrong_state_or_phase_is_refused(page, sample, fields):
    started = start(page)
    send(page, started, sample("reel.mp4"))
    assert error_of(finish(page, started, **fields)) == (400, 100, None)


def test_finishing_twice_publishes_one_reel(page, control, sample):
    started = start(page)
    send(page, started, sample("reel.mp4"))
    for _ in range(2):
        assert finish(page, started, video_state="PUBLISHED").json() == {"success": True}
    assert len(control.posts()) == 1


def test_draft_is_not_public(page, control, sample):
    video_id, _ = publish(page, sample("reel.mp4"), video_state="DRAFT")
    control.advance(2)
    assert status_of(page, video_id)["publishing_phase"]["publish_status"] == "draft"
    assert page.get(f"/{video_id}?fields=published").json()["published"] is False
    assert control.posts() == []


@pytest.mark.parametrize(
    ("seconds", "status"), [(500, 400), (700, 200), (28 * 86400, 200), (30 * 86400, 400)]
)
def test_reel_can_be_scheduled_ten_minutes_to_29_days_ahead(page, control, sample, seconds, status):
    started = start(page)
    send(page, started, sample("reel.mp4"))
    at = int(time.time()) + seconds
    response = finish(page, started, video_state="SCHEDULED", scheduled_publish_time=at)
    assert response.status_code == status
    assert control.posts() == []


def test_page_can_publish_thirty_reels_a_day(page, control, sample):
    data = sample("reel.mp4")
    for _ in range(30):
        publish(page, data)
    started = start(page)
    send(page, started, data)
    assert error_of(finish(page, started, video_state="PUBLISHED")) == (400, 613, None)
    control.advance(86401)
    assert finish(page, started, video_state="PUBLISHED").status_code == 200


@pytest.mark.parametrize("spelling", ["guide", "reference"])
@pytest.mark.parametrize(("data", "code"), [("clip.mp4", 1363040), (b"no film " * 500, 1363024)])
def test_processing_of_an_invalid_video_fails(page, control, sample, spelling, data, code):
    control.settings(facebook_spelling=spelling)
    video_id, _ = publish(page, sample(data) if isinstance(data, str) else data)
    control.advance(2)
    phase = status_of(page, video_id)["processing_phase"]
    [fault] = phase["errors" if spelling == "guide" else "error"]
    assert (phase["status"], fault["code"]) == ("error", code)
    assert control.posts() == []


def test_reels_are_listed_with_the_fields_of_videos(page, sample):
    video_id, _ = publish(page, sample("reel.mp4"), description="Dawn")
    path = f"/{page.id}/video_reels?fields=description,post_id"
    [reel] = page.get(path).json()["data"]
    assert (reel["id"], reel["description"]) == (video_id, "Dawn")
    assert reel["post_id"]


def test_video_can_be_read_only_after_the_delay(page, control):
    control.settings(read_delay_seconds=60)
    video_id = start(page)["video_id"]
    assert error_of(page.get(f"/{video_id}?fields=status")) == (400, 100, 33)
    control.advance(61)
    assert page.get(f"/{video_id}?fields=status").status_code == 200


# --- Stories -------------------------------------------------------------------------------------


def test_video_story_is_listed_after_processing(page, control, sample):
    video_id, response = publish(page, sample("reel.mp4"), "video_stories")
    assert stories(page) == []
    control.advance(2)
    [story] = stories(page)
    assert (story["media_id"], story["post_id"]) == (video_id, response["post_id"])
    assert (story["status"], story["media_type"]) == ("published", "video")


def test_photo_story_uses_an_unpublished_photo(page, sample):
    photo_id = page.photo(sample("bakery.jpg"), published="false")["id"]
    response = page.post(f"/{page.id}/photo_stories", data={"photo_id": photo_id})
    [story] = stories(page)
    assert (story["media_id"], story["post_id"]) == (photo_id, response.json()["post_id"])


def test_posted_photo_cannot_become_a_story(page, sample):
    photo_id = page.photo(sample("bakery.jpg"))["id"]
    response = page.post(f"/{page.id}/photo_stories", data={"photo_id": photo_id})
    assert error_of(response) == (400, 100, 1366051)


def test_story_expires_after_a_day_and_is_not_among_the_posts(page, control, sample):
    publish(page, sample("reel.mp4"), "video_stories")
    control.advance(86000)
    assert len(stories(page)) == 1
    assert page.get(f"/{page.id}/published_posts").json()["data"] == []
    control.advance(500)
    assert stories(page) == []
