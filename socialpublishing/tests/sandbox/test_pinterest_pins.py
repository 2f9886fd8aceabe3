import base64
import datetime as dt
import hashlib
import http.server
import threading
import time

import pytest

from socialpublishing.tests.sandbox.callers import Client
from socialpublishing.tests.sandbox.pinners import as_carousel, as_source, send

ATTACK = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def test_image_pin_keeps_its_bytes_and_all_fields(pinner, control, sample, site):
    section = pinner.post(f"/boards/{pinner.board_id}/sections", json={"name": "Rye"}).json()
    fields = {
        "title": "Bread",
        "alt_text": "A loaf",
        "link": "https://example.com/?q=1&r=2",
        "board_section_id": section["id"],
        "dominant_color": "#AA5500",
    }
    response = pinner.pin(sample("bakery.jpg"), description="Fresh & <hot>", **fields)

    assert response.status_code == 201
    pin = response.json()
    assert {name: pin[name] for name in fields} == fields
    assert (pin["creative_type"], pin["media"]["media_type"]) == ("REGULAR", "image")
    assert pin["created_at"].count("-") == 2  # no zone
    assert pin["media"]["images"]["600x"]["height"] == 750
    [post] = control.posts("pinterest")
    assert (post["account_id"], post["text"]) == (pinner.id, "Fresh & <hot>")
    assert post["details"] == {"board_id": pinner.board_id, **fields}
    [media] = post["media"]
    assert media["sha256"] == hashlib.sha256(sample("bakery.jpg")).hexdigest()
    assert media["alt_text"] == "A loaf"
    page = site.session.get(post["url"], timeout=5)
    assert page.ok
    assert "Fresh &amp; &lt;hot&gt;" in page.text
    assert pinner.get(f"/pins/{pin['id']}").json() == pin


def test_image_is_fetched_from_its_url(pinner, control, site):
    url = f"{site.url}/samples/city.png"
    assert pinner.pin({"source_type": "image_url", "url": url}).status_code == 201
    assert control.posts()[0]["media"][0]["kind"] == "image"
    for wrong in (f"{site.url}/samples/none.jpg", "http://10.0.0.1/x.jpg", f"{site.url}/feed"):
        refused = pinner.pin({"source_type": "image_url", "url": wrong})
        assert refused.status_code == 400
        assert refused.json() == {"code": 1, "message": "Sorry we could not fetch the image."}


def test_carousel_has_two_to_five_images_of_one_ratio(pinner, control, sample):
    harbour, mountains, tall = map(sample, ("harbour.jpg", "mountains.jpg", "bakery.jpg"))
    created = pinner.pin(as_carousel(harbour, mountains, index=1), alt_text="Both").json()
    assert created["creative_type"] == "CAROUSEL"
    assert [item["item_type"] for item in created["media"]["items"]] == ["image"] * 2
    [post] = control.posts()
    assert len(post["media"]) == 2
    assert post["details"]["index"] == 1
    assert [media["alt_text"] for media in post["media"]] == ["", ""]

    ratio = pinner.pin(as_carousel(harbour, tall))
    assert "same width/height ratios" in ratio.json()["message"]
    for count in (1, 6):
        assert pinner.pin(as_carousel(*[harbour] * count), is_invalid=True).status_code == 400
    assert pinner.pin(as_carousel(harbour, harbour, index=2)).status_code == 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"board_id": None}, "board_id"),
        ({"board_id": "Bread"}, "pattern"),
        ({"title": "a" * 101}, "100"),
        ({"description": "a" * 801}, "800"),
        ({"alt_text": "a" * 501}, "500"),
        ({"link": "ftp://example.com"}, "link"),
        ({"link": f"https://example.com/{'a' * 2048}"}, "2048"),
        ({"media_source": None}, "media_source"),
        ({"media_source": {"source_type": "image_id"}}, "image_id"),
        ({"media_source": {"source_type": "image_base64"}}, "content_type"),
    ],
)
def test_invalid_pin_is_refused(pinner, control, sample, change, words):
    fields = {"media_source": as_source(sample("city.png")), **change}
    response = pinner.pin(b"", is_invalid=True, **fields)
    assert (response.status_code, response.json()["code"]) == (400, 1)
    assert words in response.json()["message"]
    assert control.posts() == []


def test_data_that_is_not_the_declared_image_is_refused(pinner, sample):
    png = as_source(sample("city.png"))
    text = {**png, "data": base64.b64encode(b"no image").decode()}
    for source in (text, {**png, "content_type": "image/jpeg"}, {**png, "data": "A"}):
        assert pinner.pin(source).status_code == 400


def test_pin_requires_an_existing_board_and_section(pinner, make_pinner, sample):
    other = make_pinner()
    foreign = pinner.pin(sample("city.png"), board_id=other.board_id)
    assert (foreign.status_code, foreign.json()["code"]) == (404, 40)
    assert pinner.pin(sample("city.png"), board_section_id="1").status_code == 404


def test_trial_access_cannot_create_pins(pinner, control, sample):
    control.settings(pinterest_access="trial")
    response = pinner.pin(sample("city.png"))
    assert (response.status_code, response.json()["code"]) == (403, 29)
    assert "api-sandbox.pinterest.com" in response.json()["message"]
    assert pinner.post("/boards", json={"name": "Allowed"}).status_code == 201


def test_same_request_twice_creates_two_pins(pinner, control, sample):
    for _ in range(2):
        pinner.pin(sample("city.png"), description="Twice")
    assert len(control.posts()) == 2


def test_pins_are_listed_newest_first_by_account_board_and_section(pinner, control, sample):
    section = pinner.post(f"/boards/{pinner.board_id}/sections", json={"name": "A"}).json()["id"]
    other = pinner.post("/boards", json={"name": "Other"}).json()["id"]
    first = pinner.pin(sample("city.png"), board_section_id=section).json()["id"]
    second = pinner.pin(sample("city.png")).json()["id"]
    third = pinner.pin(sample("city.png"), board_id=other).json()["id"]

    def ids(path, **params):
        return [pin["id"] for pin in pinner.get(path, params=params).json()["items"]]

    assert ids("/pins") == [third, second, first]
    assert ids("/pins", page_size=1) == [third]
    assert ids(f"/boards/{pinner.board_id}/pins") == [second, first]
    assert ids(f"/boards/{pinner.board_id}/sections/{section}/pins") == [first]
    assert pinner.get("/boards/1/pins").json()["code"] == 40

    assert pinner.delete(f"/pins/{second}").status_code == 204
    assert ids(f"/boards/{pinner.board_id}/pins") == [first]
    assert pinner.get(f"/pins/{second}").status_code == 404
    assert len(control.posts()) == 2

    control.settings(list_delay_seconds=60)
    late = pinner.pin(sample("city.png")).json()["id"]
    assert late not in ids("/pins")


def test_magic_words_in_the_description_cause_faults(pinner, control, sample):
    response = pinner.pin(sample("city.png"), description="[sandbox:reject]")
    assert (response.status_code, response.json()["code"]) == (400, 1)
    assert pinner.pin(sample("city.png"), description="[sandbox:429]").status_code == 429
    assert control.posts() == []


def test_fields_of_a_pin_are_escaped_in_the_feed(make_pinner, sample, site):
    pinner = make_pinner(name=ATTACK, boards=[{"name": ATTACK}])
    fields = {"title": ATTACK, "alt_text": ATTACK, "description": ATTACK}
    assert pinner.pin(sample("city.png"), link="https://example.com/<script>", **fields).ok
    html = site.get("/feed/pinterest").text
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "example.com" in html


def test_planted_pins_are_listed(pinner, control):
    old = {"created_at": "2026-10-01T10:00:00+00:00", "text": "Long ago", "kind": "image"}
    body = {"platform": "pinterest", "account_id": pinner.id, "posts": [old]}
    response = control.post("/history", json=body)
    assert response.status_code == 201, response.text
    [pin] = pinner.get("/pins").json()["items"]
    assert (pin["description"], pin["created_at"]) == ("Long ago", "2026-10-01T10:00:00")


@pytest.mark.parametrize(("age_days", "recent"), [(1, True), (200, False)])
def test_pin_has_metrics_when_requested(pinner, control, age_days, recent):
    at = dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=age_days)
    metrics = {"impressions": 100, "clicks": 8, "saves": 5, "likes": 4, "comments": 3}
    old = {"created_at": at.isoformat(), "text": "Old", "kind": "image", "metrics": metrics}
    body = {"platform": "pinterest", "account_id": pinner.id, "posts": [old]}
    [pin_id] = control.post("/history", json=body).json()["ids"]

    seen = {"impression": 100, "pin_click": 6, "clickthrough": 2, "save": 5}
    data = pinner.get(f"/pins/{pin_id}", params={"pin_metrics": "true"}).json()["pin_metrics"]
    assert data["lifetime_metrics"] == {**seen, "reaction": 4, "comment": 3}
    assert data["90d"] == (seen if recent else dict.fromkeys(seen, 0))
    assert (
        pinner.get("/pins", params={"pin_metrics": "true"}).json()["items"][0]["pin_metrics"]
        == data
    )
    assert pinner.get(f"/pins/{pin_id}").json()["pin_metrics"] is None


def test_list_of_all_pins_depends_on_privacy_and_filter(make_pinner, sample):
    boards = [{"name": "B", "privacy": privacy} for privacy in ("PUBLIC", "PROTECTED", "SECRET")]
    pinner = make_pinner(boards=boards)
    public, protected, secret = [board["id"] for board in pinner.account["boards"]]
    shown = pinner.pin(sample("city.png"), board_id=public).json()["id"]
    hidden = pinner.pin(sample("city.png"), board_id=protected).json()["id"]
    pinner.pin(sample("city.png"), board_id=secret)

    def ids(path="/pins", **params):
        return [pin["id"] for pin in pinner.get(path, params=params).json()["items"]]

    assert ids() == ids(pin_filter="exclude_repins") == [shown]
    assert ids(include_protected_pins="true") == [hidden, shown]
    assert ids(f"/boards/{protected}/pins") == [hidden]
    assert ids(pin_filter="has_been_promoted") == ids(pin_filter="exclude_native") == []
    for wrong in ({"pin_filter": "x"}, {"pin_metrics": "1"}, {"include_protected_pins": "x"}):
        assert pinner.get("/pins", params=wrong, is_invalid=True).status_code == 400


# --- Videos --------------------------------------------------------------------------------------


def status(pinner, media_id):
    return pinner.get(f"/media/{media_id}").json()["status"]


def video(media_id, **cover):
    return {"source_type": "video_id", "media_id": media_id, **cover}


def test_video_is_registered_uploaded_processed_and_pinned(pinner, control, sample, site):
    control.settings(pinterest_processing_seconds=60)
    created = pinner.register_upload()
    assert status(pinner, created["media_id"]) == "registered"
    assert send(created, sample("clip.mp4")).status_code == 204
    assert status(pinner, created["media_id"]) == "processing"
    early = pinner.pin(video(created["media_id"], cover_image_key_frame_time=0))
    assert early.status_code == 400
    control.advance(60)
    assert status(pinner, created["media_id"]) == "succeeded"

    bare = pinner.pin(video(created["media_id"]))
    assert "cover" in bare.json()["message"]
    pin = pinner.pin(
        video(created["media_id"], cover_image_key_frame_time=2), alt_text="Waves", title="Sea"
    ).json()

    assert (pin["creative_type"], pin["media"]["media_type"]) == ("VIDEO", "video")
    assert pin["media"]["duration"] == 5000
    [post] = control.posts()
    assert post["media"][0]["sha256"] == hashlib.sha256(sample("clip.mp4")).hexdigest()
    assert post["media"][0]["alt_text"] == "Waves"
    assert post["details"]["cover_image_key_frame_time"] == 2
    assert "<video" in site.get("/feed/pinterest").text


def test_cover_url_must_be_fetchable(pinner, control, sample, site):
    control.settings(pinterest_processing_seconds=0)
    media_id = pinner.upload_video(sample("clip.mp4"))
    gone = pinner.pin(video(media_id, cover_image_url=f"{site.url}/samples/none.jpg"))
    assert gone.json()["message"] == "Sorry we could not fetch the image."
    cover = f"{site.url}/samples/bakery.jpg"
    created = pinner.pin(video(media_id, cover_image_url=cover)).json()
    assert created["media"]["cover_image_url"] == cover


def test_processing_takes_half_a_second_by_default(pinner, sample):
    media_id = pinner.upload_video(sample("clip.mp4"))
    assert status(pinner, media_id) == "processing"
    time.sleep(0.6)
    assert status(pinner, media_id) == "succeeded"


def test_file_that_is_not_a_video_fails_without_a_reason(pinner, control, sample):
    control.settings(pinterest_processing_seconds=0)
    assert status(pinner, pinner.upload_video(sample("city.png"))) == "failed"


def test_storage_requires_the_exact_form(pinner, control, sample):
    created = pinner.register_upload()
    fields = list(created["upload_parameters"])
    wrong = {**created, "upload_parameters": {**created["upload_parameters"], "policy": "x"}}
    refused = [
        send(created, sample("clip.mp4"), order=["file", *fields]),
        send(created, sample("clip.mp4"), order=[*fields[1:], "file"]),
        send(created, sample("clip.mp4"), order=fields),
        send(wrong, sample("clip.mp4")),
        send(created, sample("clip.mp4"), headers={"Authorization": "Bearer x"}),
        Client("").call("PUT", created["upload_url"], data=sample("clip.mp4")),
    ]
    for response in refused:
        assert 400 <= response.status_code < 500
        assert response.text.startswith("<?xml")
    assert status(pinner, created["media_id"]) == "registered"
    control.advance(3600)
    assert send(created, sample("clip.mp4")).status_code == 403


def test_video_of_another_account_is_not_found(pinner, make_pinner, sample):
    media_id = make_pinner().upload_video(sample("clip.mp4"))
    assert pinner.get(f"/media/{media_id}").status_code == 404
    assert pinner.pin(video(media_id, cover_image_key_frame_time=0)).status_code == 404


def test_only_the_owner_can_change_a_pin(pinner, make_pinner, control, sample):
    pin = pinner.pin(sample("bakery.jpg"), description="Helo", title="Bred").json()
    changes = {"description": "Hello", "title": "Bread"}
    stranger = make_pinner()
    assert stranger.call("PATCH", f"/pins/{pin['id']}", json=changes).status_code == 404
    response = pinner.call("PATCH", f"/pins/{pin['id']}", json=changes)
    assert (response.status_code, response.json()["title"]) == (200, "Bread")
    [post] = control.posts("pinterest")
    assert (post["text"], post["details"]["title"]) == ("Hello", "Bread")


def test_uploads_are_listed_newest_first(pinner, make_pinner):
    created = [pinner.register_upload() for _ in range(3)]
    first = pinner.get("/media?page_size=2").json()
    rest = pinner.get(f"/media?page_size=2&bookmark={first['bookmark']}").json()
    listed = [each["media_id"] for each in first["items"] + rest["items"]]
    assert listed == [each["media_id"] for each in reversed(created)]
    assert make_pinner().get("/media").json()["items"] == []


def test_refusals_of_every_pin_are_chosen_by_settings(pinner, control, sample):
    for name, value, status, code in (
        ("pinterest_access", "trial", 403, 29),
        ("pinterest_spam_block", "on", 403, 9),
        ("pinterest_failure", "before_create", 400, 2787),
    ):
        before = control.get("/settings").json()[name]
        control.post("/settings", json={name: value})
        refused = pinner.pin(sample("bakery.jpg"))
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        control.post("/settings", json={name: before})
    assert control.posts() == []
    assert pinner.pin(sample("bakery.jpg")).status_code == 201


def test_pinterests_own_failure_may_come_after_the_pin_was_created(pinner, control, sample):
    control.post("/settings", json={"pinterest_failure": "after_create"})
    response = pinner.pin(sample("bakery.jpg"))
    assert (response.status_code, response.json()["code"]) == (400, 2787)
    assert len(control.posts()) == 1


def test_hidden_pin_is_seen_by_its_creator_alone(pinner, control, sample):
    control.post("/settings", json={"pinterest_access": "hidden"})
    pin = pinner.pin(sample("bakery.jpg")).json()
    assert control.posts() == []
    listed = pinner.get(f"/boards/{pinner.board_id}/pins").json()["items"]
    assert [each["id"] for each in listed] == [pin["id"]]


def test_slides_and_disclosures_are_shown(pinner, control, sample):
    carousel = as_carousel(sample("harbour.jpg"), sample("mountains.jpg"))
    carousel["items"][0] |= {"title": "Rye", "link": "https://example.com/rye"}
    disclosures = {"values": ["AI_MODIFIED", "SYNTHETIC_PERFORMER"]}
    pin = pinner.pin(carousel, ai_disclosures=disclosures).json()
    assert pin["media"]["items"][0]["title"] == "Rye"
    details = control.posts()[0]["details"]
    assert details["slides"] == [{"title": "Rye", "link": "https://example.com/rye"}, {}]
    assert details["ai_disclosures"] == disclosures
    wrong = pinner.pin(carousel, ai_disclosures={"values": ["AI_GENERATED"]})
    assert wrong.status_code == 400


@pytest.mark.parametrize(("follows", "status"), [("no", 400), ("yes", 201)])
def test_crawler_follows_redirects_by_setting(pinner, control, site, follows, status):
    control.post("/settings", json={"pinterest_follows_redirects": follows})
    target = f"{site.url}/samples/city.png"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        assert pinner.pin({"source_type": "image_url", "url": url}).status_code == status
        server.shutdown()
