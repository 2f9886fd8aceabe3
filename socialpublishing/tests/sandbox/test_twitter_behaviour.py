"""What settings and fields of an account choose."""

from __future__ import annotations

import pytest

from socialpublishing.sandbox.twitter.behaviour import REFUSALS, RESTRICTIONS


@pytest.mark.parametrize(
    ("refusal", "status"),
    [("credits", 402), ("spend_cap", 403), ("usage_cap", 429), ("app_access", 403), ("edge", 403)],
)
def test_app_is_refused_until_it_heals(x, control, refusal, status):
    control.settings(twitter_refusal=refusal, twitter_refusal_seconds=60)

    assert x.post("/2/tweets", json={"text": "Hello"}).status_code == status
    assert x.get("/2/users/me").status_code == status
    control.advance(61)

    assert x.post("/2/tweets", json={"text": "Hello"}).status_code == 201
    control.settings(twitter_refusal="none")
    assert x.get("/2/users/me").ok
    control.settings(twitter_refusal=refusal)
    assert x.get("/2/users/me").status_code == status
    assert refusal in REFUSALS


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_restricted_account_cannot_post(make_x, restriction):
    x = make_x(restriction=restriction)

    response = x.post("/2/tweets", json={"text": "Hello"})

    assert response.status_code == 403
    code, words = RESTRICTIONS[restriction]
    assert response.json()["detail"] == words
    assert ("errors" in response.json()) == bool(code)
    assert x.get("/2/users/me").ok


def test_post_cannot_be_replied_to_at_once(x, control):
    control.settings(twitter_reply_delay_seconds=10)
    first = x.post("/2/tweets", json={"text": "One"}).json()["data"]["id"]
    reply = {"text": "Two", "reply": {"in_reply_to_tweet_id": first}}

    refused = x.post("/2/tweets", json=reply)
    control.advance(11)

    assert refused.status_code == 403
    assert "deleted or not visible" in refused.json()["detail"]
    assert x.post("/2/tweets", json=reply).status_code == 201


def test_alt_text_of_a_video_is_refused(x, sample):
    data = sample("clip.mp4")
    upload = {
        "media_type": "video/mp4",
        "media_category": "tweet_video",
        "total_bytes": len(data),
    }
    media_id = x.post("/2/media/upload/initialize", json=upload).json()["data"]["id"]
    parts = {"data": {"segment_index": "0"}, "files": {"media": data}}
    assert x.post(f"/2/media/upload/{media_id}/append", **parts).ok
    assert x.post(f"/2/media/upload/{media_id}/finalize").ok
    body = {"id": media_id, "metadata": {"alt_text": {"text": "Waves"}}}

    assert x.post("/2/media/metadata", json=body).status_code == 400


def test_list_of_own_posts_can_be_refused_with_the_status_200(x, control):
    control.settings(twitter_own_posts="refused")

    response = x.get(f"/2/users/{x.id}/tweets")

    assert response.status_code == 200
    assert list(response.json()) == ["errors"]


def test_community_is_an_unknown_field(x):
    body = {"text": "Hello", "community_id": "1493446837214187523"}
    assert x.post("/2/tweets", json=body).status_code == 400
