import datetime as dt

import pytest


def timeline(x, **query):
    return x.get(f"/2/users/{x.id}/tweets", params=query)


def with_new_token(x, control, seconds):
    """The same account `seconds` later, with a live token."""
    form = {"grant_type": "refresh_token", "refresh_token": x.account["refresh_token"]}
    control.advance(seconds)
    response = x.post("/2/oauth2/token", data=form, auth=("sandbox-twitter", "sandbox-secret"))
    x.session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
    return x


def test_posts_are_found_by_their_ids(x):
    first, second = x.tweet("One")["id"], x.tweet("Two")["id"]
    response = x.get("/2/tweets", params={"ids": f"{second},17,{first}"})
    assert response.status_code == 200
    assert [post["id"] for post in response.json()["data"]] == [second, first]
    [error] = response.json()["errors"]
    assert (error["resource_id"], error["title"]) == ("17", "Not Found Error")


def test_post_has_the_requested_fields(x):
    tweet = x.tweet("Hello")
    plain = x.get(f"/2/tweets/{tweet['id']}").json()["data"]
    assert plain["text"] == "Hello"
    assert set(plain) <= {"id", "text", "edit_history_tweet_ids", "edit_history_post_ids"}

    query = {
        "tweet.fields": "created_at,author_id,public_metrics",
        "expansions": "author_id",
        "user.fields": "verified",
    }
    response = x.get(f"/2/tweets/{tweet['id']}", params=query).json()
    assert dt.datetime.fromisoformat(response["data"]["created_at"])
    assert response["data"]["public_metrics"]["retweet_count"] == 0
    assert response["includes"]["users"][0]["id"] == response["data"]["author_id"] == x.id


def test_missing_post_is_an_error_with_status_200(x):
    response = x.get("/2/tweets/17")
    assert (response.status_code, "data" in response.json()) == (200, False)


def test_media_are_included_with_the_expansion(x, sample):
    media = x.upload(sample("city.png"))
    alt = {"id": media["id"], "metadata": {"alt_text": {"text": "Night"}}}
    x.post("/2/media/metadata", json=alt)
    tweet = x.tweet("", media={"media_ids": [media["id"]]})
    query = {"expansions": "attachments.media_keys", "media.fields": "url,alt_text,width"}
    response = x.get(f"/2/tweets/{tweet['id']}", params=query).json()
    assert response["data"]["attachments"] == {"media_keys": [media["media_key"]]}
    [item] = response["includes"]["media"]
    assert (item["type"], item["alt_text"], item["width"]) == ("photo", "Night", 960)
    assert x.session.get(item["url"], timeout=10).content == sample("city.png")


@pytest.mark.parametrize(
    ("setting", "query", "has_old", "has_new"),
    [
        ("asked", {"tweet.fields": "public_metrics"}, True, False),
        ("asked", {"post.fields": "public_metrics"}, False, True),
        ("mixed", {"tweet.fields": "public_metrics"}, True, True),
        ("new", {"tweet.fields": "public_metrics"}, False, True),
        ("old", {"post.fields": "public_metrics"}, True, False),
    ],
)
def test_field_names_follow_the_request_or_the_setting(
    x, control, setting, query, has_old, has_new
):
    control.settings(twitter_names=setting)
    x.tweet()
    response = timeline(x, **query).json()
    post = response["data"][0]
    assert ("edit_history_tweet_ids" in post, "edit_history_post_ids" in post) == (has_old, has_new)
    metrics = post["public_metrics"]
    assert ("retweet_count" in metrics, "repost_count" in metrics) == (has_old, has_new)


def test_timeline_has_pages_newest_first(x):
    ids = [x.tweet(f"Post {n}")["id"] for n in range(12)]
    seen, token = [], None
    while True:
        query = {"max_results": 5, **({"pagination_token": token} if token else {})}
        response = timeline(x, **query).json()
        seen += [post["id"] for post in response["data"]]
        meta = response["meta"]
        assert meta["result_count"] == len(response["data"])
        assert (meta["newest_id"], meta["oldest_id"]) == (
            response["data"][0]["id"],
            response["data"][-1]["id"],
        )
        token = meta.get("next_token")
        if token is None:
            break
    assert seen == ids[::-1]


def test_empty_timeline_has_no_data(x):
    assert timeline(x).json() == {"meta": {"result_count": 0}}


def test_timeline_is_filtered_by_id_and_time(x, control):
    first = x.tweet("First")["id"]
    control.advance(600)
    second = x.tweet("Second")["id"]
    control.advance(600)
    third = x.tweet("Third", reply={"in_reply_to_tweet_id": second})["id"]

    def ids(**query):
        return [post["id"] for post in timeline(x, **query).json().get("data", [])]

    fields = {"tweet.fields": "created_at"}
    middle = timeline(x, **fields).json()["data"][1]["created_at"]
    assert ids(since_id=first) == [third, second]
    assert ids(until_id=third) == [second, first]
    assert ids(start_time=middle) == [third, second]
    assert ids(end_time=middle) == [first]
    assert ids(exclude="replies") == [second, first]


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": 4},
        {"max_results": 101},
        {"max_results": "many"},
        {"start_time": "yesterday"},
        {"start_time": "2026-02-30T00:00:00Z"},
        {"start_time": "2026-02-03T00:00:00"},
        {"start_time": "2009-02-03T00:00:00Z"},
        {"since_id": "abc"},
        {"since_id": "1" * 20},
        {"pagination_token": "!"},
        {"pagination_token": "é"},
        {"exclude": "everything"},
        {"tweet.fields": "colour"},
        {"expansions": "colour"},
        {"user.fields": "colour"},
        {"media.fields": "colour"},
    ],
)
def test_invalid_parameter_is_named_in_the_error(x, query):
    response = timeline(x, **query)
    assert response.status_code == 400
    [name] = response.json()["errors"][0]["parameters"]
    assert name in query


@pytest.mark.parametrize("ids", ["", "abc", "1,,2", ",".join(["1"] * 101)])
def test_invalid_list_of_ids_is_refused(x, ids):
    assert x.get("/2/tweets", params={"ids": ids}).status_code == 400


def test_timeline_of_an_unknown_user_is_an_error_with_status_200(x):
    response = x.get("/2/users/17/tweets")
    assert response.json()["errors"][0]["resource_type"] == "user"


def test_new_post_is_listed_only_after_the_delay(x, control):
    control.settings(list_delay_seconds=60)
    tweet = x.tweet()
    assert "data" not in timeline(x).json()
    assert "data" in x.get(f"/2/tweets/{tweet['id']}").json()
    control.advance(61)
    assert "data" in timeline(x).json()


def test_new_post_can_be_read_only_after_the_delay(x, control):
    control.settings(read_delay_seconds=60)
    tweet = x.tweet()
    assert "data" not in x.get(f"/2/tweets/{tweet['id']}").json()
    control.advance(61)
    assert "data" in x.get(f"/2/tweets/{tweet['id']}").json()


def test_private_metrics_are_for_the_author_and_for_thirty_days(x, make_x, control):
    tweet = x.tweet()
    query = {"ids": tweet["id"], "post.fields": "non_public_metrics"}
    assert "non_public_metrics" in x.get("/2/tweets", params=query).json()["data"][0]

    reader, later = make_x(username="reader"), with_new_token(x, control, 31 * 86400)
    for response in (
        make_x(username="another").get("/2/tweets", params=query),
        later.get("/2/tweets", params=query),
    ):
        assert response.status_code == 200
        assert "non_public_metrics" not in response.json()["data"][0]
        assert response.json()["errors"][0]["type"].endswith("/not-authorized-for-field")
    assert reader.get("/2/tweets", params=query).status_code == 401


def test_polls_are_included_on_request(x, control):
    poll = {"options": ["Rye", "Spelt"], "duration_minutes": 60}
    tweet = x.tweet("Which one?", poll=poll)
    query = {
        "expansions": "attachments.poll_ids",
        "poll.fields": "duration_minutes,end_datetime,voting_status",
    }

    def data():
        return x.get(f"/2/tweets/{tweet['id']}", params=query).json()

    [shown] = data()["includes"]["polls"]
    assert data()["data"]["attachments"]["poll_ids"] == [shown["id"]]
    assert [option["label"] for option in shown["options"]] == poll["options"]
    assert (shown["duration_minutes"], shown["voting_status"]) == (60, "open")
    control.advance(3601)
    assert data()["includes"]["polls"][0]["voting_status"] == "closed"
    wrong = x.get(f"/2/tweets/{tweet['id']}", params={"poll.fields": "colour"})
    assert wrong.status_code == 400
