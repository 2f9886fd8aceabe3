import datetime as dt
import json
import time

import pytest


def error_of(response):
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("error_subcode")


def list_posts(page, **query):
    response = page.get(f"/{page.id}/published_posts", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_person_and_page_have_name_and_id(make_person, site):
    person = make_person(name="Ida Berg")
    [page] = person["pages"]
    me = site.get("/facebook/me", params={"access_token": person["access_token"]}).json()
    assert me == {"name": "Ida Berg", "id": person["account_id"]}
    own = site.get("/facebook/me", params={"access_token": page["access_token"]}).json()
    assert own == {"name": page["name"], "id": page["id"]}


def test_picture_of_a_page_can_be_fetched(page):
    url = page.get("/me?fields=picture{url}").json()["picture"]["data"]["url"]
    response = page.session.get(url, timeout=10)
    assert response.headers["Content-Type"] == "image/svg+xml"


def test_page_without_a_username_lacks_the_field(page):
    assert set(page.get("/me?fields=username,name").json()) == {"name", "id"}


def test_post_has_the_requested_fields(page):
    post_id = page.publish(message="Hello")
    fields = (
        "id,message,created_time,permalink_url,status_type,is_published,shares,from,"
        "comments.limit(0).summary(true),reactions.limit(0).summary(true){summary}"
    )
    post = page.get(f"/{post_id}", params={"fields": fields}).json()
    assert (post["id"], post["message"], post["is_published"]) == (post_id, "Hello", True)
    created = dt.datetime.strptime(post["created_time"], "%Y-%m-%dT%H:%M:%S%z")
    assert abs(created.timestamp() - time.time()) < 10
    assert "shares" not in post  # Facebook leaves it out for zero
    assert post["comments"]["summary"]["total_count"] == 0
    assert post["from"] == {"name": "someone 1", "id": page.id}


@pytest.mark.parametrize(
    "fields",
    ["post_id", "colour", "id,", "id{", "id}", "id,name{", "}{", "id;name", "a" * 5000, "{" * 5000],
)
def test_unknown_or_invalid_fields_fail_the_request(page, fields):
    post_id = page.publish(message="Hello")
    response = page.get(f"/{post_id}", params={"fields": fields})
    if fields in ("id,", "id{"):  # Graph accepts an unfinished end
        assert response.status_code == 200
    else:
        assert error_of(response) == (400, 100, None)


def test_posts_are_listed_page_by_page_newest_first(page):
    ids = [page.publish(message=f"Post {n}") for n in range(7)]
    seen, response = [], list_posts(page, limit=3, fields="id")
    while True:
        seen += [post["id"] for post in response["data"]]
        assert set(response["paging"]["cursors"]) == {"before", "after"}
        url = response["paging"].get("next")
        if url is None:
            break
        response = page.session.get(url, timeout=10).json()
    assert seen == ids[::-1]


@pytest.mark.parametrize("edge", ["published_posts", "posts", "feed"])
def test_every_list_of_posts_contains_the_post(page, edge):
    post_id = page.publish(message="Hello")
    [post] = page.get(f"/{page.id}/{edge}").json()["data"]
    assert set(post) == {"created_time", "message", "id"}
    assert post["id"] == post_id
    assert page.get(f"/me/{edge}").json()["data"] == [post]


def test_list_can_be_limited_by_time(page, control):
    page.publish(message="Early")
    control.advance(3600)
    page.publish(message="Late")
    now = int(time.time()) + 1800
    iso = dt.datetime.fromtimestamp(now, dt.UTC).isoformat()
    assert [post["message"] for post in list_posts(page, since=now)["data"]] == ["Late"]
    assert [post["message"] for post in list_posts(page, since=iso)["data"]] == ["Late"]
    assert [post["message"] for post in list_posts(page, until=now)["data"]] == ["Early"]
    assert len(list_posts(page, since="2020-01-01")["data"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "all"},
        {"since": "soon"},
        {"until": "2026-02-30"},
        {"after": "x"},
    ],
)
def test_invalid_parameter_of_a_list_is_refused(page, query):
    response = page.get(f"/{page.id}/published_posts", params=query)
    assert error_of(response) == (400, 100, None)


def test_limit_is_capped_at_a_hundred(page):
    for number in range(101):
        page.publish(message=f"Post {number}")
    response = list_posts(page, limit=500)
    assert len(response["data"]) == 100
    assert response["paging"]["next"]


def test_new_post_is_listed_only_after_the_delay(page, control):
    control.settings(list_delay_seconds=60)
    post_id = page.publish(message="Hello")
    assert list_posts(page)["data"] == []
    assert page.get(f"/{post_id}").ok
    control.advance(61)
    assert len(list_posts(page)["data"]) == 1


def test_new_post_can_be_read_only_after_the_delay(page, control):
    control.settings(read_delay_seconds=60)
    post_id = page.publish(message="Hello")
    assert error_of(page.get(f"/{post_id}")) == (400, 100, 33)
    control.advance(61)
    assert page.get(f"/{post_id}").ok


def test_reading_posts_needs_the_permission(make_page):
    page = make_page(scopes=["pages_show_list"])
    response = page.get(f"/{page.id}/published_posts")
    assert error_of(response) == (403, 10, None)
    assert "pages_read_engagement" in response.json()["error"]["message"]


def test_nodes_of_others_are_missing(page, make_person, site, make_page):
    other = make_page(username="other")
    post_id = other.publish(message="Hello")
    stranger = make_person(username="stranger")
    for node in (post_id, other.id, "17", stranger["account_id"]):
        assert error_of(page.get(f"/{node}")) == (400, 100, 33)
    assert error_of(page.get(f"/{other.id}/published_posts")) == (400, 100, 33)
    assert error_of(page.get("/me/accounts")) == (400, 100, 33)


def test_person_can_read_the_posts_of_their_pages(make_person, site, server):
    person = make_person()
    [own] = person["pages"]
    query = {"access_token": own["access_token"], "message": "Hello"}
    post_id = site.post(f"/facebook/{own['id']}/feed", params=query).json()["id"]
    response = site.get(f"/facebook/{post_id}", params={"access_token": person["access_token"]})
    assert response.json()["message"] == "Hello"


METRICS = "post_media_view,post_total_media_view_unique,post_clicks"


def values_of(insights):
    return {each["name"]: each["values"][0]["value"] for each in insights["data"]}


def test_insights_can_be_read_per_post_or_in_a_list(page, control):
    post_id = page.publish(message="Rye")
    control.advance(86400)
    single = page.get(f"/{post_id}/insights?metric={METRICS}").json()
    assert set(values_of(single)) == set(METRICS.split(","))
    assert values_of(single)["post_media_view"] > 0

    [post] = list_posts(page, fields=f"id,insights.metric({METRICS})")["data"]
    assert values_of(post["insights"]) == values_of(single)


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        ("", (400, 3001, 1504028)),
        (".metric(post_impressions)", (400, 100, None)),
        (".metric(post_media_view,post_impressions_unique)", (400, 100, None)),
    ],
)
def test_missing_or_unsupported_metric_fails_the_request(page, requested, expected):
    page.publish(message="Rye")
    response = page.get(f"/{page.id}/published_posts", params={"fields": f"id,insights{requested}"})
    assert error_of(response) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"scopes": ["pages_show_list", "pages_read_engagement"]}, (403, 10, None)),
        (
            {"pages": [{"name": "P", "tasks": ["CREATE_CONTENT"]}]},
            (403, 200, None),
        ),
    ],
)
def test_insights_need_the_permission_and_the_task(make_page, facts, expected):
    page = make_page(**facts)
    fields = f"id,insights.metric({METRICS})"
    response = page.get(f"/{page.id}/published_posts", params={"fields": fields})
    assert error_of(response) == expected


def test_node_urls_can_end_with_a_slash(page):
    post_id = page.publish(message="Hello")
    for node in (page.id, post_id, "me"):
        assert page.get(f"/{node}/").json() == page.get(f"/{node}").json()


def test_only_its_page_can_edit_a_post(page, make_page, control):
    post_id = page.publish(message="Helo")
    assert error_of(make_page().post(f"/{post_id}", data={"message": "Mine"}))[:2] == (400, 100)
    assert page.post(f"/{post_id}", data={"message": "Hello"}).json() == {"success": True}
    assert [post["text"] for post in control.posts("facebook")] == ["Hello"]


def test_metrics_can_be_an_array(page):
    post_id = page.publish(message="Hello")
    both = ["post_media_view", "post_clicks"]
    for requested in (",".join(both), json.dumps(both)):
        data = page.get(f"/{post_id}/insights", params={"metric": requested}).json()["data"]
        assert [each["name"] for each in data] == both
