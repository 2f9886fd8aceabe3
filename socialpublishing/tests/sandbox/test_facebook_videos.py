import hashlib
import time

import pytest


def phase(page, name, **fields):
    file = fields.pop("chunk", None)
    files = {"video_file_chunk": file} if file is not None else None
    return page.post(f"/{page.id}/videos", data={"upload_phase": name, **fields}, files=files)


def subcode(response):
    assert response.status_code == 400, response.text
    return response.json()["error"].get("error_subcode")


def start_session(page, size):
    response = phase(page, "start", file_size=size)
    assert response.status_code == 200, response.text
    return response.json()


def upload(page, data, **fields):
    """Upload in all phases, with the parts that the responses name. Returns the video's id."""
    session = wanted = start_session(page, len(data))
    named = {"upload_session_id": session["upload_session_id"]}
    while wanted["start_offset"] != wanted["end_offset"]:
        start, end = int(wanted["start_offset"]), int(wanted["end_offset"])
        response = phase(page, "transfer", start_offset=start, chunk=data[start:end], **named)
        wanted = response.json()
        assert wanted["start_offset"] == str(end)
    assert phase(page, "finish", **named, **fields).json() == {"success": True}
    return session["video_id"]


def test_chunks_become_one_video(page, control, sample):
    data = sample("clip.mp4")

    upload(page, data, description="Dawn", title="The bakery")

    [post] = control.posts()
    assert (post["text"], post["details"]["title"]) == ("Dawn", "The bakery")
    [video] = post["media"]
    assert (video["kind"], video["sha256"]) == ("video", hashlib.sha256(data).hexdigest())


def test_part_of_another_size_is_refused_with_the_offsets_to_send(page, control):
    control.settings(facebook_part_bytes=2000)
    session = start_session(page, 5000)["upload_session_id"]
    response = phase(page, "transfer", start_offset=0, chunk=b"x" * 2001, upload_session_id=session)
    assert subcode(response) == 1363037
    wanted = {"start_offset": "0", "end_offset": "2000"}
    assert response.json()["error"]["error_data"] == wanted


def test_parts_are_refused_as_often_as_the_setting_has_it(page, control, sample):
    control.settings(facebook_part_bytes=100_000, facebook_spontaneous_offsets=1)
    data = sample("clip.mp4")
    named = {"upload_session_id": start_session(page, len(data))["upload_session_id"]}
    statuses = [
        phase(page, "transfer", start_offset=at, chunk=data[at : at + 100_000], **named).status_code
        for at in (0, 100_000, 200_000, 200_000)
    ]
    assert statuses == [200, 200, 400, 200]


def test_video_has_its_processing_status(page, control, sample):
    video_id = upload(page, sample("clip.mp4"))
    path = f"/{video_id}?fields=status,published,post_id,permalink_url,length"
    data = page.get(path).json()
    assert (data["status"]["video_status"], data["published"]) == ("processing", False)

    control.advance(2)

    data = page.get(path).json()
    assert data["status"]["publishing_phase"]["publish_status"] == "published"
    assert (data["published"], data["length"]) == (True, 5.0)
    assert page.session.get(data["permalink_url"], timeout=10).status_code == 200


def test_finishing_twice_publishes_one_post(page, control, sample):
    data = sample("clip.mp4")
    session = start_session(page, len(data))["upload_session_id"]
    phase(page, "transfer", start_offset=0, chunk=data, upload_session_id=session)

    for _ in range(2):
        assert phase(page, "finish", upload_session_id=session).status_code == 200

    assert len(control.posts()) == 1


def test_processing_of_invalid_bytes_fails_and_the_post_is_not_public(page, control):
    video_id = upload(page, b"no film at all " * 100)
    control.advance(2)

    status = page.get(f"/{video_id}?fields=status").json()["status"]

    assert status["video_status"] == "error"
    assert status["processing_phase"]["errors"][0]["message"]
    assert control.posts() == []


@pytest.mark.parametrize(
    ("size", "expected"), [(1023, 1363022), (2 * 1024**3 + 1, 1363023), ("x", None)]
)
def test_size_outside_the_limits_is_refused_at_the_start(page, size, expected):
    assert subcode(phase(page, "start", file_size=size)) == expected


@pytest.mark.parametrize("size", [1024, 2 * 1024**3])
def test_size_at_the_limits_is_accepted(page, size):
    assert start_session(page, size)["start_offset"] == "0"


def test_wrong_offset_unknown_session_and_missing_bytes_are_refused(page, make_page):
    session = start_session(page, 5000)["upload_session_id"]
    named = {"upload_session_id": session}
    assert subcode(phase(page, "transfer", start_offset=7, chunk=b"x", **named)) == 1363037
    assert subcode(phase(page, "finish", **named)) == 1363041
    assert subcode(phase(page, "finish", upload_session_id="9")) == 1363030
    assert subcode(phase(make_page(), "finish", **named)) == 1363030
    assert phase(page, "stop").json()["error"]["code"] == 100
    assert phase(page, "transfer", start_offset=0, **named).json()["error"]["code"] == 100


def upload_at_once(page, data=None, **fields):
    files = {"source": data} if data is not None else None
    return page.post(f"/{page.id}/videos", data=fields, files=files)


def test_video_can_be_sent_at_once_or_by_url(page, control, sample, site):
    data = sample("clip.mp4")
    by_bytes = upload_at_once(page, data, description="Bytes")
    by_url = upload_at_once(page, file_url=f"{site.url}/samples/clip.mp4", description="URL")
    assert by_bytes.json()["id"] != by_url.json()["id"]
    sent = {post["text"]: post["media"][0]["sha256"] for post in control.posts()}
    assert sent == dict.fromkeys(["Bytes", "URL"], hashlib.sha256(data).hexdigest())


def test_missing_file_is_refused(page, site):
    response = upload_at_once(page, file_url=f"{site.url}/samples/none.mp4")
    assert (response.status_code, response.json()["error"]["code"]) == (400, 389)
    assert upload_at_once(page).json()["error"]["code"] == 382
    assert subcode(upload_at_once(page, b"x")) == 1363022


@pytest.mark.parametrize("fields", [{"published": "false"}, {"scheduled_publish_time": 3600}])
def test_unpublished_or_scheduled_video_is_not_public(page, control, sample, fields):
    if "scheduled_publish_time" in fields:
        fields = {"scheduled_publish_time": int(time.time()) + 3600}
    video_id = upload(page, sample("clip.mp4"), **fields)
    control.advance(2)
    assert page.get(f"/{video_id}?fields=published").json()["published"] is False
    assert control.posts() == []


def test_cancelled_upload_cannot_be_finished(page):
    named = {"upload_session_id": start_session(page, 5000)["upload_session_id"]}
    assert phase(page, "cancel", **named).json() == {"success": True}
    assert subcode(phase(page, "finish", **named)) == 1363030


def test_cover_is_sent_with_the_publish_request(page, control, sample):
    cover = sample("bakery.jpg")
    response = page.post(
        f"/{page.id}/videos", files={"source": sample("clip.mp4"), "thumb": cover}, data={}
    )
    assert response.status_code == 200
    assert control.posts()[0]["details"]["thumb"] == hashlib.sha256(cover).hexdigest()


def test_videos_of_a_page_are_listed(page, make_page, sample):
    assert page.get(f"/{page.id}/videos").json()["data"] == []
    video_id = upload(page, sample("clip.mp4"), description="A film")
    [listed] = page.get(f"/{page.id}/videos?fields=id,description").json()["data"]
    assert listed == {"id": video_id, "description": "A film"}
    assert page.get(f"/{make_page().id}/videos").status_code == 400
