import datetime as dt

import pytest


def search(x, query, **params):
    return x.get("/2/tweets/search/recent", params={"query": query, **params})


def texts(x, query, **params):
    response = search(x, query, **params)
    assert response.status_code == 200, response.text
    return [post["text"] for post in response.json().get("data", [])]


@pytest.fixture
def posts(x, make_x, sample):
    """Four posts of two accounts, oldest first."""
    other = make_x(username="reader")
    x.tweet("Rye bread #Rye #Bread")
    other.tweet("Bread of rye by @someone")
    first = x.tweet("Rye: no tag")["id"]
    x.tweet("#rye again", reply={"in_reply_to_tweet_id": first})
    media = x.upload(sample("city.png"))["id"]
    x.tweet("City", media={"media_ids": [media]})
    return x


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rye", [4, 3, 2, 1]),
        ('"rye bread"', [1]),
        ("rye bread", [2, 1]),
        ("#rye", [4, 1]),
        ("@someone", [2]),
        ("rye -bread", [4, 3]),
        ('"rye bread" OR again', [4, 1]),
        ('("rye bread" OR #rye OR "no such") has:hashtags', [4, 1]),
        ("rye -is:reply -is:retweet", [3, 2, 1]),
        ("rye has:mentions lang:en", [2]),
        ("from:reader", [2]),
        ("rye -(bread OR again)", [3]),
        ("city has:media has:images -has:videos", [5]),
        ("rye from:nobody", []),
    ],
)
def test_search_returns_the_matching_posts(posts, query, found):
    written = ["Rye bread #Rye #Bread", "Bread of rye by @someone", "Rye: no tag", "#rye again"]
    data = texts(posts, query)
    assert [text if "City" not in text else "City" for text in data] == [
        [*written, "City"][number - 1] for number in found
    ]


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("", {}),
        ("a" * 513, {}),
        ("has:hashtags", {}),
        ("-rye", {}),
        ("rye has:colour", {}),
        ("rye min_colour:5", {}),
        ("(rye", {}),
        ("rye)", {}),
        ("rye OR", {}),
        ("OR rye", {}),
        ('"rye', {}),
        ("rye", {"max_results": 9}),
        ("rye", {"max_results": 101}),
        ("rye", {"sort_order": "best"}),
        ("rye", {"next_token": "!"}),
        ("rye", {"start_time": "2020-01-01T00:00:00Z"}),
        ("rye", {"tweet.fields": "colour"}),
    ],
)
def test_invalid_search_is_refused(x, query, params):
    response = search(x, query, **params)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"]


def plant(x, control, *posts):
    now = dt.datetime.now(tz=dt.UTC)
    data = [
        {"created_at": (now - dt.timedelta(hours=hours)).isoformat(), "text": text, **more}
        for hours, text, more in posts
    ]
    body = {"platform": "twitter", "account_id": x.id, "posts": data}
    assert control.post("/history", json=body).status_code == 201


def test_search_covers_seven_days_in_pages(x, control):
    plant(x, control, *((hours, f"Rye {hours}", {}) for hours in (*range(1, 26), 170)))
    seen, token = [], None
    while True:
        query = {"max_results": 10, **({"next_token": token} if token else {})}
        response = search(x, "rye", **query).json()
        seen += [post["text"] for post in response["data"]]
        token = response["meta"].get("next_token")
        if token is None:
            break
    assert seen == [f"Rye {hours}" for hours in range(1, 26)]


def test_relevancy_puts_liked_posts_first(x, control):
    liked = {"metrics": {"likes": 5}}
    plant(x, control, (1, "Rye new", {"metrics": {}}), (9, "Rye liked", liked))
    assert texts(x, "rye") == ["Rye new", "Rye liked"]
    assert texts(x, "rye", sort_order="relevancy") == ["Rye liked", "Rye new"]


def test_metrics_of_a_post_are_those_of_its_audience(x, control):
    seen = {"impressions": 100, "clicks": 8}
    metrics = {**seen, "likes": 10, "comments": 3, "shares": 9, "saves": 2}
    plant(x, control, (1, "Rye", {"metrics": metrics}))
    fields = "public_metrics,non_public_metrics,organic_metrics"
    [post] = search(x, "rye", **{"post.fields": fields}).json()["data"]
    assert post["public_metrics"] == {
        "impression_count": 100,
        "like_count": 10,
        "reply_count": 3,
        "repost_count": 7,
        "quote_count": 2,
        "bookmark_count": 2,
    }
    assert post["non_public_metrics"] == {
        "impression_count": 100,
        "engagements": 32,
        "url_link_clicks": 6,
        "user_profile_clicks": 2,
    }
    assert post["organic_metrics"]["repost_count"] == 7


def test_videos_and_polls_have_their_own_fields(x, control):
    plant(x, control, (1, "Rye video", {"kind": "video"}))
    poll = {"options": ["Rye", "Oats"], "duration_minutes": 5}
    x.tweet("Rye poll", poll=poll)
    query = {"expansions": "attachments.media_keys", "media.fields": "duration_ms,url,width"}
    response = search(x, "rye", **query).json()
    assert response["data"][0]["attachments"]["poll_ids"]
    [item] = response["includes"]["media"]
    assert (item["type"], item["duration_ms"]) == ("video", 5000)
    assert item["media_key"].startswith("13_")
    assert "url" not in item
