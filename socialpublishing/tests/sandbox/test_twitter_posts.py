import pytest

DUPLICATE = {
    "detail": "You are not allowed to create a Tweet with duplicate content.",
    "type": "about:blank",
    "title": "Forbidden",
    "status": 403,
}


def test_create_returns_id_and_text(x):
    body = {"text": "Hello"}
    response = x.post("/2/tweets", json=body)
    assert response.status_code == 201
    data = response.json()["data"]
    assert data["text"] == "Hello"
    assert data["id"].isdecimal()
    assert data["edit_history_tweet_ids"] == data["edit_history_post_ids"] == [data["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"text": ""},
        {"text": " \u200b"},
        {"text": 5},
        {"text": None},
        {"text": "Hello", "colour": "red"},
        {"text": "Hello", "reply_settings": "everyone"},
        {"text": "Hello", "made_with_ai": "yes"},
        {"text": "Hello", "media": {}},
        {"text": "Hello", "media": {"media_ids": []}},
        {"text": "Hello", "media": {"media_ids": ["1", "2", "3", "4", "5"]}},
        {"text": "Hello", "media": {"media_ids": ["abc"]}},
        {"text": "Hello", "media": {"media_ids": [17]}},
        {"text": "Hello", "media": {"media_ids": ["17"]}},
        {"text": "Hello", "media": {"media_ids": ["17"], "alt": "x"}},
        {"text": "Hello", "poll": {"options": ["One"], "duration_minutes": 5}},
        {"text": "Hello", "poll": {"options": ["One", "Two"], "duration_minutes": 4}},
        {"text": "Hello", "poll": {"options": ["One", "x" * 26], "duration_minutes": 5}},
        {"text": "Hello", "reply": {}},
        {"text": "Hello", "geo": {}},
    ],
)
def test_body_that_breaks_the_schema_is_refused(x, control, body):
    response = x.post("/2/tweets", json=body)
    assert response.status_code == 400
    problem = response.json()
    assert problem["title"] == "Invalid Request"
    assert problem["errors"][0]["message"]
    assert control.posts() == []


def test_long_text_needs_a_subscription(make_x):
    ordinary, premium = make_x(), make_x(username="rich", subscription_type="Premium")
    assert ordinary.tweet("x" * 280)
    assert ordinary.tweet("https://example.com/" + "x" * 400 + " " + "x" * 256)
    response = ordinary.post("/2/tweets", json={"text": "字" * 141})
    assert (response.status_code, response.json()["title"]) == (403, "Forbidden")

    assert premium.tweet("x" * 25_000)
    assert premium.post("/2/tweets", json={"text": "x" * 25_001}).status_code == 403


def test_long_text_is_cut_and_stored_in_full_as_a_note(make_x):
    x = make_x(subscription_type="Premium")
    tweet = x.tweet("x" * 300)
    assert tweet["text"] == "x" * 140 + "…"
    fields = {"tweet.fields": "note_tweet"}
    data = x.get(f"/2/tweets/{tweet['id']}", params=fields).json()["data"]
    assert data["note_tweet"]["text"] == "x" * 300


def test_duplicate_is_refused_with_the_message_of_x(x, make_x, control):
    x.tweet("Hello")
    response = x.post("/2/tweets", json={"text": "Hello"})
    assert (response.status_code, response.json()) == (403, DUPLICATE)
    assert len(control.posts()) == 1
    assert make_x(username="other").tweet("Hello")


def test_duplicate_is_refused_even_if_the_first_one_was_deleted(x):
    x.delete(f"/2/tweets/{x.tweet('Hello')['id']}")
    assert x.post("/2/tweets", json={"text": "Hello"}).status_code == 403


def test_same_text_is_accepted_after_the_window(x, control):
    x.tweet("Hello")
    control.advance(901)
    assert x.tweet("Hello")


def test_same_text_with_other_images_is_no_duplicate(x, sample):
    def body(name):
        return {"text": "Look", "media": {"media_ids": [x.upload(sample(name))["id"]]}}

    assert x.post("/2/tweets", json=body("city.png")).status_code == 201
    assert x.post("/2/tweets", json=body("bakery.jpg")).status_code == 201
    assert x.post("/2/tweets", json=body("city.png")).status_code == 403


def test_four_images_keep_their_order(x, sample, control):
    names = ["city.png", "bakery.jpg", "balloons.webp", "mountains.jpg"]
    images = [sample(name) for name in names]
    x.tweet("", media={"media_ids": [x.upload(image)["id"] for image in images]})
    sizes = [item["bytes"] for item in control.posts()[0]["media"]]
    assert sizes == [len(image) for image in images]


def test_animation_cannot_be_combined_with_images(x, sample, control):
    ids = [x.upload(sample("city.png"))["id"], x.upload(sample("waves.gif"), "tweet_gif")["id"]]
    control.advance(5)
    response = x.post("/2/tweets", json={"media": {"media_ids": ids}})
    assert response.status_code == 400


def test_foreign_or_repeated_media_is_refused(x, make_x, sample):
    own = x.upload(sample("city.png"))["id"]
    foreign = make_x(username="other").upload(sample("city.png"))["id"]
    for ids in ([foreign], [own, foreign], [own, own]):
        response = x.post("/2/tweets", json={"media": {"media_ids": ids}})
        assert response.status_code == 400
        assert response.json()["errors"][0]["message"] == "Your media IDs are invalid."


def test_media_poll_and_quote_exclude_each_other(x, sample):
    body = {
        "text": "Hello",
        "media": {"media_ids": [x.upload(sample("city.png"))["id"]]},
        "poll": {"options": ["One", "Two"], "duration_minutes": 5},
    }
    assert x.post("/2/tweets", json=body).status_code == 400


def test_one_cashtag_is_allowed_and_two_are_not(x):
    assert x.tweet("Buy $TSLA")
    response = x.post("/2/tweets", json={"text": "Buy $TSLA and $AAPL"})
    assert response.status_code == 403
    assert "maximum of one cashtag" in response.json()["detail"]


def test_quote_and_edit_are_refused(x):
    target = x.tweet("First")["id"]
    for more in ({"quote_tweet_id": target}, {"edit_options": {"previous_post_id": target}}):
        assert x.post("/2/tweets", json={"text": "Second", **more}).status_code == 403


def test_reply_to_an_own_post_is_accepted(x):
    first = x.tweet("First")["id"]
    second = x.tweet("Second", reply={"in_reply_to_tweet_id": first})["id"]
    fields = {"tweet.fields": "conversation_id,in_reply_to_user_id,referenced_tweets"}
    data = x.get(f"/2/tweets/{second}", params=fields).json()["data"]
    assert data["conversation_id"] == first
    assert data["in_reply_to_user_id"] == x.id
    assert data["referenced_tweets"] == [{"type": "replied_to", "id": first}]


def test_reply_to_others_requires_a_mention(x, make_x):
    other = make_x(username="other")
    stranger, friend = other.tweet("Hello all"), other.tweet("Hello @someone")
    reply = {"in_reply_to_tweet_id": stranger["id"]}
    response = x.post("/2/tweets", json={"text": "Hi", "reply": reply})
    assert response.status_code == 403
    assert response.json()["type"].endswith("/not-authorized-for-resource")
    assert x.tweet("Hi", reply={"in_reply_to_tweet_id": friend["id"]})


def test_reply_to_a_deleted_post_is_not_found(x):
    target = x.tweet("First")["id"]
    x.delete(f"/2/tweets/{target}")
    body = {"text": "Second", "reply": {"in_reply_to_tweet_id": target}}
    response = x.post("/2/tweets", json=body)
    assert response.status_code == 404
    assert response.json()["type"].endswith("/resource-not-found")


def test_links_are_wrapped_and_markup_is_escaped(x):
    tweet = x.tweet(
        "A & B <i> https://www.example.com/a/very/long/path/to/something #tag @jonas $TSLA"
    )
    data = x.get(f"/2/tweets/{tweet['id']}?tweet.fields=entities").json()["data"]
    text, entities = data["text"], data["entities"]

    assert text == tweet["text"]
    assert text.startswith("A &amp; B &lt;i&gt; https://t.co/")
    [url] = entities["urls"]
    assert text[url["start"] : url["end"]] == url["url"]
    assert len(url["url"]) == 23
    assert url["expanded_url"] == "https://www.example.com/a/very/long/path/to/something"
    assert url["display_url"] == "example.com/a/very/long/pa…"
    for kind, name, sign in (
        ("hashtags", "tag", "#"),
        ("mentions", "username", "@"),
        ("cashtags", "tag", "$"),
    ):
        [entity] = entities[kind]
        assert text[entity["start"] : entity["end"]] == sign + entity[name]


def test_image_adds_a_link_to_the_text(x, sample):
    media = x.upload(sample("city.png"))
    tweet = x.tweet("Night", media={"media_ids": [media["id"]]})
    data = x.get(f"/2/tweets/{tweet['id']}?tweet.fields=entities").json()["data"]
    [url] = data["entities"]["urls"]
    assert data["text"] == f"Night {url['url']}"
    assert data["text"][url["start"] : url["end"]] == url["url"]
    assert url["media_key"] == media["media_key"]
    assert url["expanded_url"].endswith(f"/someone/status/{tweet['id']}/photo/1")


def test_text_is_stored_in_normal_form_c(x):
    assert x.tweet("Cafe\u0301")["text"] == "Caf\u00e9"


def test_own_post_can_be_deleted(x, control):
    tweet = x.tweet()
    response = x.delete(f"/2/tweets/{tweet['id']}")
    assert response.status_code == 200
    assert response.json() == {"data": {"deleted": True}}
    assert control.posts() == []
    assert x.get(f"/2/tweets/{tweet['id']}").json()["errors"]


def test_foreign_post_cannot_be_deleted(x, make_x, control):
    tweet = make_x(username="other").tweet()
    assert x.delete(f"/2/tweets/{tweet['id']}").status_code == 403
    assert len(control.posts()) == 1
