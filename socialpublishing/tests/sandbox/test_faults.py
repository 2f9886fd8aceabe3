import re
import time

import pytest
import requests


def tweets(control):
    return [post["text"] for post in control.posts("twitter")]


def test_status_fault_has_the_platforms_error_and_creates_nothing(x, control):
    control.fault("status", 503, platform="twitter", method="POST", path="^/2/tweets$")

    response = x.post("/2/tweets", json={"text": "Hello"})

    assert response.status_code == 503
    assert response.json()["title"] == "Service Unavailable"
    assert tweets(control) == []
    assert x.tweet("Hello")


def test_status_fault_can_have_headers_and_a_body(x, control):
    control.fault("status", {"code": 429, "headers": {"Retry-After": 7}, "body": {"errors": []}})
    response = x.get("/2/users/me")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.json() == {"errors": []}


def test_text_body_of_a_fault_is_sent_as_it_is(x, control):
    control.fault("status", {"code": 502, "body": "<html>Bad gateway"})
    response = x.get("/2/users/me")
    assert (response.text, response.headers["Content-Type"]) == (
        "<html>Bad gateway",
        "text/html; charset=utf-8",
    )


def test_rate_limit_fault_has_x_headers(x, control):
    control.fault("status", 429)
    response = x.get("/2/users/me")
    assert response.headers["x-rate-limit-remaining"] == "0"
    assert int(response.headers["x-rate-limit-reset"]) > time.time()


@pytest.mark.parametrize(
    ("status", "code", "subcode"),
    [(400, 100, None), (401, 190, 463), (403, 200, None), (429, 80001, None), (500, 2, None)],
)
def test_status_fault_on_facebook_is_a_graph_error(page, control, status, code, subcode):
    control.fault("status", status, platform="facebook")
    response = page.post(f"/{page.id}/feed", data={"message": "Hello"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error.get("error_subcode")) == (
        status,
        code,
        subcode,
    )
    assert error["fbtrace_id"]


def test_drop_before_creates_no_post(x, control):
    control.fault("drop_before", method="POST", path="/tweets")
    with pytest.raises(requests.ConnectionError, match="without response"):
        x.post("/2/tweets", json={"text": "Hello"})
    assert tweets(control) == []


def test_drop_after_creates_the_post(x, control):
    control.fault("drop_after", method="POST", path="/tweets")
    with pytest.raises(requests.ConnectionError, match="without response"):
        x.post("/2/tweets", json={"text": "Hello"})
    assert tweets(control) == ["Hello"]


def test_fault_drops_a_reused_connection(x, control):
    x.get("/2/users/me")
    control.fault("drop_before")
    with pytest.raises(requests.ConnectionError):
        x.get("/2/users/me")
    assert x.get("/2/users/me").ok


def test_malformed_response_comes_after_the_post_was_created(x, control):
    control.fault("malformed", path="/tweets")
    response = x.post("/2/tweets", json={"text": "Hello"})
    assert response.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert tweets(control) == ["Hello"]


def test_delay_comes_before_the_post_is_created(x, control):
    control.fault("delay", 0.5, path="/tweets")
    with pytest.raises(requests.ReadTimeout):
        x.post("/2/tweets", json={"text": "Hello"}, timeout=0.1)
    assert tweets(control) == []
    time.sleep(0.8)
    assert tweets(control) == ["Hello"]


def test_delay_after_comes_after_the_post_is_created(x, control):
    control.fault("delay_after", 0.5, path="/tweets")
    with pytest.raises(requests.ReadTimeout):
        x.post("/2/tweets", json={"text": "Hello"}, timeout=0.2)
    assert tweets(control) == ["Hello"]


def test_fault_happens_as_often_as_planned(x, control):
    control.fault("status", 500, times=2)
    assert [x.get("/2/users/me").status_code for _ in range(3)] == [500, 500, 200]


def test_fault_applies_only_to_matching_requests(x, page, control):
    control.fault("status", 500, platform="facebook", method="get", path="/published_posts$")
    assert x.get("/2/users/me").ok
    assert page.publish(message="Hello")
    assert page.get(f"/{page.id}/published_posts").status_code == 500


def test_faults_can_be_listed_and_cleared(x, control):
    fault_id = control.fault("status", 500, path="/me", times=3)
    x.get("/2/users/me")
    [fault] = control.get("/faults").json()
    assert (fault["id"], fault["path"], fault["times"]) == (fault_id, "/me", 2)
    assert fault["value"]["code"] == 500

    assert control.delete("/faults").status_code == 204
    assert control.get("/faults").json() == []
    assert x.get("/2/users/me").ok


@pytest.mark.parametrize("status", [429, 500, 403])
def test_magic_words_set_the_status(x, page, control, status):
    text = f"Hello [sandbox:{status}]"
    assert x.post("/2/tweets", json={"text": text}).status_code == status
    assert page.post(f"/{page.id}/feed", data={"message": text}).status_code == status
    assert control.posts() == []


def test_magic_words_with_once_accept_the_second_attempt(x):
    body = {"text": "Hello [sandbox:500 once]"}
    assert [x.post("/2/tweets", json=body).status_code for _ in range(2)] == [500, 201]


def test_magic_words_drop_the_connection_after_the_post(page, sample, control):
    with pytest.raises(requests.ConnectionError):
        page.photo(sample("city.png"), message="Night [sandbox:drop_after]")
    assert len(control.posts("facebook")) == 1


def test_magic_words_reject_the_content(x, page):
    text = "[sandbox:reject]"
    assert (
        x.post("/2/tweets", json={"text": text})
        .json()["detail"]
        .startswith("The Tweet contains an invalid URL")
    )
    response = page.post(f"/{page.id}/feed", json={"message": text})
    assert response.json()["error"]["code"] == 368


def test_index_explains_every_magic_word(site):
    words = set(re.findall(r"\[sandbox:(\w+)", site.get("/").text))
    assert words >= {"429", "500", "drop_before", "drop_after", "malformed", "slow", "reject"}


def test_credits_fault_has_an_integer_beyond_javascript_and_no_status(x, control):
    control.fault("status", 402)
    body = x.get("/2/users/me").json()
    assert body["account_id"] > 2**53
    assert body["title"] == "CreditsDepleted"
    assert "status" not in body
