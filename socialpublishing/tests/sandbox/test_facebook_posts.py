import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

MEGABYTE = 1024 * 1024


def error_of(response):
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("error_subcode")


@pytest.mark.parametrize("kind", ["data", "json", "params"])
def test_text_is_posted(page, control, kind):
    response = page.post(f"/{page.id}/feed", **{kind: {"message": "Hello"}})
    assert response.status_code == 200
    assert response.json()["id"].startswith(f"{page.id}_")
    [post] = control.posts()
    assert (post["text"], post["account_id"]) == ("Hello", page.id)


def test_text_is_posted_as_multipart(page, control):
    assert page.post(f"/{page.id}/feed", files={"message": (None, "Hello")}).ok
    assert [post["text"] for post in control.posts()] == ["Hello"]


def test_me_is_the_page_of_the_token(page):
    assert page.post("/me/feed", data={"message": "Hello"}).json()["id"].startswith(page.id)


def test_response_has_the_requested_fields(page):
    fields = {"message": "Hello", "fields": "id,permalink_url,is_published"}
    response = page.post(f"/{page.id}/feed", data=fields).json()
    assert set(response) == {"id", "permalink_url", "is_published"}
    assert "Hello" in page.session.get(response["permalink_url"], timeout=10).text


def test_generic_permalink_shows_the_post_to_a_browser(page, site):
    post_id = page.publish(message="Hello")
    response = site.get(f"/facebook/{post_id}", headers={"Accept": "text/html"})
    assert "Hello" in response.text


def test_link_is_posted_with_or_without_text(page, site):
    page.publish(link="https://example.com/menu")
    post_id = page.publish(message="Our menu", link="https://example.com/menu")
    [attachment] = page.get(f"/{post_id}?fields=attachments").json()["attachments"]["data"]
    assert attachment["url"] == "https://example.com/menu"
    assert "EXAMPLE.COM" in site.get("/feed").text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (400, 100, None)),
        ({"message": "  "}, (400, 100, None)),
        ({"message": "x" * 63_207}, (400, 100, None)),
        ({"link": "nowhere"}, (400, 1500, None)),
        ({"link": "http://["}, (400, 1500, None)),
        ({"link": "https://www.facebook.com/somebody"}, (403, 200, 1609008)),
        ({"message": "Hello", "attached_media": "{"}, (400, 100, None)),
        ({"message": "Hello", "attached_media": "{}"}, (400, 100, None)),
        ({"message": "Hello", "attached_media": '["1"]'}, (400, 100, None)),
        ({"message": "Hello", "attached_media[0]": '{"media_fbid": "1"}'}, (400, 100, None)),
        ({"message": "Hello", "published": "maybe"}, (400, 100, None)),
        ({"message": "Hello", "fields": "post_id"}, (400, 100, None)),
    ],
)
def test_invalid_post_is_refused(page, control, fields, expected):
    response = page.post(f"/{page.id}/feed", data=fields)
    assert error_of(response) == expected
    assert control.posts() == []


def test_longest_text_is_accepted(page):
    assert page.publish(message="x" * 63_206)


def test_number_as_message_is_refused(page):
    assert error_of(page.post(f"/{page.id}/feed", json={"message": 5})) == (400, 100, None)


def test_unpublished_post_is_not_public(page, control, site):
    post_id = page.publish(message="Not yet", published="false")
    assert control.posts() == []
    assert "Not yet" not in site.get("/feed").text
    response = page.get(f"/{post_id}?fields=is_published").json()
    assert response["is_published"] is False
    assert page.get(f"/{page.id}/published_posts").json()["data"] == []


def test_photo_is_posted_from_bytes(page, sample, control):
    picture = sample("bakery.jpg")
    response = page.photo(picture, message="Bread", alt_text_custom="A loaf")
    assert response["post_id"].startswith(f"{page.id}_")
    [post] = control.posts()
    assert (post["id"], post["text"]) == (response["post_id"], "Bread")
    [medium] = post["media"]
    assert (medium["bytes"], medium["alt_text"]) == (len(picture), "A loaf")
    query = {"fields": "page_story_id,alt_text_custom,images,width"}
    photo = page.get(f"/{response['id']}", params=query).json()
    assert (photo["page_story_id"], photo["alt_text_custom"]) == (response["post_id"], "A loaf")
    assert page.session.get(photo["images"][0]["source"], timeout=10).content == picture


def test_photo_is_posted_from_a_url(page, site, sample, control):
    fields = {"url": f"{site.url}/samples/bakery.jpg", "caption": "Bread"}
    assert page.post(f"/{page.id}/photos", data=fields).json()["post_id"]
    [post] = control.posts()
    assert (post["text"], post["media"][0]["bytes"]) == ("Bread", len(sample("bakery.jpg")))


@pytest.fixture
def other_server():
    """Another web server. The test sets its response: status, headers, body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = self.server.response
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client may close the connection early
                self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ((404, {}, b"gone"), (400, 324, 2069019)),
        ((200, {}, b"<html>"), (400, 100, 1366046)),
        ((200, {}, b"\xff\xd8\xff" + bytes(10 * MEGABYTE)), (400, 100, 1366046)),
        ((302, {"Location": "file:///etc/passwd"}, b""), (400, 324, 2069019)),
    ],
)
def test_photo_that_cannot_be_fetched_is_refused(page, other_server, control, response, expected):
    other_server.response = response
    url = f"http://127.0.0.1:{other_server.server_port}/photo.jpg"
    assert error_of(page.post(f"/{page.id}/photos", data={"url": url})) == expected
    assert control.posts() == []


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.jpg", "nowhere", "http://127.0.0.1:9/a.jpg", "http://["]
)
def test_photo_with_an_invalid_url_is_refused(page, url):
    assert error_of(page.post(f"/{page.id}/photos", data={"url": url})) == (400, 324, 2069019)


def test_photo_request_without_a_photo_is_refused(page):
    assert error_of(page.post(f"/{page.id}/photos", data={"message": "x"})) == (400, 324, None)


@pytest.mark.parametrize("name", ["balloons.webp", None])
def test_file_of_another_type_is_refused_as_a_photo(page, control, sample, name):
    control.settings(facebook_webp="refused")
    data = sample(name) if name else b"not a picture"
    response = page.post(f"/{page.id}/photos", files={"source": data})
    assert error_of(response) == (400, 100, 1366046)
    assert response.json()["error"]["error_user_title"]


def styles(ids):
    items = [{"media_fbid": photo_id} for photo_id in ids]
    return {
        "list in JSON": {"json": {"attached_media": items}},
        "list as text": {"data": {"attached_media": json.dumps(items)}},
        "indexed": {
            "data": {f"attached_media[{i}]": json.dumps(item) for i, item in enumerate(items)}
        },
        "indexed and named": {
            "data": {f"attached_media[{i}][media_fbid]": id_ for i, id_ in enumerate(ids)}
        },
    }


@pytest.mark.parametrize("style", styles([]))
def test_several_photos_become_one_post(page, sample, control, style):
    names = ["city.png", "bakery.jpg", "mountains.jpg"]
    staged = [page.photo(sample(name), published="false") for name in names]
    assert all(set(photo) == {"id"} for photo in staged)
    assert control.posts() == []
    ids = [photo["id"] for photo in staged]

    response = page.post(f"/{page.id}/feed", **styles(ids)[style])

    [post] = control.posts()
    assert post["id"] == response.json()["id"]
    assert [medium["bytes"] for medium in post["media"]] == [len(sample(name)) for name in names]
    query = {"fields": "attachments{media_type,target{id},subattachments}"}
    [album] = page.get(f"/{post['id']}", params=query).json()["attachments"]["data"]
    assert album["media_type"] == "album"
    targets = [photo["target"]["id"] for photo in album["subattachments"]["data"]]
    assert targets == ids


def test_unpublished_photo_has_no_post_until_it_is_attached(page, sample):
    photo_id = page.photo(sample("city.png"), published="false")["id"]
    before = page.get(f"/{photo_id}?fields=page_story_id").json()
    post_id = page.publish(attached_media=json.dumps([{"media_fbid": photo_id}]))
    after = page.get(f"/{photo_id}?fields=page_story_id").json()
    assert (before, after["page_story_id"]) == ({"id": photo_id}, post_id)


def test_photo_can_be_posted_only_once(page, sample):
    photo_id = page.photo(sample("city.png"), published="false")["id"]
    item = {"media_fbid": photo_id}
    twice = page.post(f"/{page.id}/feed", json={"attached_media": [item, item]})
    assert error_of(twice) == (400, 100, 1366051)
    page.publish(attached_media=json.dumps([item]))
    again = page.post(f"/{page.id}/feed", json={"attached_media": [item]})
    assert error_of(again) == (400, 100, 1366051)


def test_photo_of_another_page_cannot_be_attached(page, make_page, sample):
    foreign = make_page(username="other").photo(sample("city.png"), published="false")["id"]
    response = page.post(f"/{page.id}/feed", json={"attached_media": [{"media_fbid": foreign}]})
    assert error_of(response) == (400, 100, None)


def test_deleted_post_is_missing(page, control):
    post_id = page.publish(message="Hello")
    assert page.delete(f"/{post_id}").json() == {"success": True}
    assert control.posts() == []
    assert (
        error_of(page.get(f"/{post_id}")) == error_of(page.delete(f"/{post_id}")) == (400, 100, 33)
    )


def test_deleting_a_photo_deletes_its_post(page, sample, control):
    photo_id = page.photo(sample("city.png"), published="false")["id"]
    assert page.delete(f"/{photo_id}").json() == {"success": True}
    assert error_of(page.get(f"/{photo_id}")) == (400, 100, 33)

    photo = page.photo(sample("city.png"))
    assert len(control.posts()) == 1
    page.delete(f"/{photo['id']}")
    assert control.posts() == []


def test_another_page_cannot_delete_a_post(page, make_page, control):
    post_id = page.publish(message="Hello")
    assert error_of(make_page(username="other").delete(f"/{post_id}")) == (400, 100, 33)
    assert len(control.posts()) == 1


def test_posting_needs_the_token_of_the_page_itself(page, make_person, make_page, site):
    person = make_person(username="owner")
    [own] = person["pages"]
    token = {"access_token": person["access_token"], "message": "Hello"}
    by_person = site.post(f"/facebook/v27.0/{own['id']}/feed", data=token)
    assert error_of(by_person) == (403, 210, None)
    on_profile = site.post("/facebook/v27.0/me/feed", data=token)
    assert error_of(on_profile) == (403, 200, None)
    by_other_page = page.post(f"/{own['id']}/feed", data={"message": "Hello"})
    assert error_of(by_other_page) == (400, 100, 33)


@pytest.mark.parametrize("missing", ["pages_manage_posts", "pages_read_engagement"])
def test_posting_needs_both_permissions(make_page, control, sample, missing):
    scopes = {"pages_show_list", "pages_manage_posts", "pages_read_engagement"} - {missing}
    page = make_page(scopes=sorted(scopes))
    assert error_of(page.post(f"/{page.id}/feed", data={"message": "x"})) == (403, 200, None)
    response = page.post(f"/{page.id}/photos", files={"source": sample("city.png")})
    assert error_of(response) == (403, 200, None)
    assert control.posts() == []


def test_posting_needs_the_task_of_creating_content(make_page):
    page = make_page(pages=[{"name": "Read only", "tasks": ["ANALYZE"]}])
    assert error_of(page.post(f"/{page.id}/feed", data={"message": "x"})) == (403, 200, None)


def test_same_text_can_be_posted_twice_by_default(page, control):
    page.publish(message="Hello")
    page.publish(message="Hello")
    assert len(control.posts()) == 2


def test_setting_506_refuses_the_text_of_the_last_post(page, control):
    control.settings(facebook_duplicates="506")
    page.publish(message="Hello")
    response = page.post(f"/{page.id}/feed", data={"message": "Hello"})
    assert error_of(response) == (400, 506, 1455006)
    page.publish(message="Between")
    assert page.publish(message="Hello")


def test_setting_1404082_refuses_a_text_of_the_last_day(page, control):
    control.settings(facebook_duplicates="1404082")
    page.publish(message="Hello")
    page.publish(message="Between")
    response = page.post(f"/{page.id}/feed", data={"message": "Hello"})
    assert error_of(response) == (400, 368, 1404082)
    control.advance(86401)
    assert page.publish(message="Hello")


def test_setting_1366051_refuses_photos_of_earlier_posts(page, control, sample):
    control.settings(facebook_duplicates="1366051")
    page.photo(sample("city.png"))
    response = page.post(f"/{page.id}/photos", files={"source": sample("city.png")})
    assert error_of(response) == (400, 100, 1366051)
    assert page.photo(sample("bakery.jpg"))


def test_photo_may_have_ten_megabytes(page, sample):
    picture = sample("bakery.jpg")
    assert page.photo(picture + bytes(10 * MEGABYTE - len(picture)))
    too_large = picture + bytes(10 * MEGABYTE - len(picture) + 1)
    response = requests.post(
        f"{page.url}/{page.id}/photos",
        files={"source": too_large},
        data={"access_token": page.token},
        timeout=10,
    )
    assert error_of(response) == (400, 100, 1366046)


CARDS = [{"link": "https://example.com/rye", "name": "Rye"}, {"link": "https://example.com/spelt"}]


def test_link_can_have_cards_and_a_button(page, control):
    button = {"type": "SHOP_NOW", "value": {"link": "https://example.com"}}
    page.publish(
        link="https://example.com",
        child_attachments=json.dumps(CARDS),
        call_to_action=json.dumps(button),
    )
    [post] = control.posts()
    assert post["details"]["child_attachments"] == CARDS
    assert post["details"]["call_to_action"] == button


@pytest.mark.parametrize(
    "cards", ["{}", "no JSON", json.dumps(CARDS[:1]), json.dumps(CARDS * 3), json.dumps([{}] * 2)]
)
def test_invalid_cards_are_refused(page, control, cards):
    data = {"link": "https://example.com", "child_attachments": cards}
    response = page.post(f"/{page.id}/feed", data=data)
    assert response.json()["error"]["code"] == 100
    assert control.posts() == []


@pytest.mark.parametrize(
    ("seconds", "status"), [(500, 400), (700, 200), (74 * 86400, 200), (76 * 86400, 400)]
)
def test_post_can_be_scheduled_ten_minutes_to_75_days_ahead(page, control, seconds, status):
    data = {"message": "Later", "scheduled_publish_time": int(time.time()) + seconds}
    assert page.post(f"/{page.id}/feed", data=data).status_code == status
    assert control.posts() == []
