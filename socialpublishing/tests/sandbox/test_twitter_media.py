import base64

import pytest

MEGABYTE = 1024 * 1024


def initialize(x, size, category="tweet_image", media_type="image/jpeg"):
    body = {"total_bytes": size, "media_category": category, "media_type": media_type}
    response = x.post("/2/media/upload/initialize", json=body)
    assert response.status_code == 200, response.text
    return response.json()["data"]["id"]


def append(x, media_id, index, data):
    return x.post(
        f"/2/media/upload/{media_id}/append",
        files={"media": data},
        data={"segment_index": str(index)},
    )


def finalize(x, media_id):
    return x.post(f"/2/media/upload/{media_id}/finalize")


def test_image_is_uploaded_in_one_request(x, sample):
    image = sample("sailboat.jpg")
    response = x.post(
        "/2/media/upload", files={"media": image}, data={"media_category": "tweet_image"}
    )
    assert response.status_code == 200
    data = response.json()["data"]
    assert data["size"] == len(image)
    assert data["media_key"] == f"3_{data['id']}"
    assert data["expires_after_secs"] == 86400
    assert data["image"] == {"image_type": "image/jpeg", "w": 1000, "h": 1000}
    assert "processing_info" not in data


def test_image_is_uploaded_as_base64(x, sample):
    body = {
        "media": base64.b64encode(sample("city.png")).decode(),
        "media_category": "tweet_image",
    }
    response = x.post("/2/media/upload", json=body)
    assert response.json()["data"]["image"] == {"image_type": "image/png", "w": 960, "h": 640}


def test_image_is_uploaded_in_segments_in_any_order(x, sample, control):
    image = sample("sailboat.jpg")
    media_id = initialize(x, len(image))
    for index in (1, 0):  # in any order
        response = append(x, media_id, index, image[index * 30_000 : (index + 1) * 30_000])
        assert response.status_code == 200
    response = finalize(x, media_id)
    assert response.json()["data"]["size"] == len(image)

    x.tweet("", media={"media_ids": [media_id]})

    [item] = control.posts()[0]["media"]
    assert item["bytes"] == len(image)


def test_segment_can_be_base64_and_be_repeated(x, sample):
    image = sample("city.png")
    media_id = initialize(x, len(image))
    body = {"media": base64.b64encode(image).decode(), "segment_index": 0}
    for _ in range(2):
        assert x.post(f"/2/media/upload/{media_id}/append", json=body).status_code == 200
    assert finalize(x, media_id).status_code == 200


@pytest.mark.parametrize("indexes", [[0], [1], [0, 2], []])
def test_finalize_refuses_missing_segments_or_bytes(x, sample, indexes):
    image = sample("sailboat.jpg")
    media_id = initialize(x, len(image))
    for index in indexes:
        append(x, media_id, index, image[index * 30_000 : (index + 1) * 30_000])
    response = finalize(x, media_id)
    assert response.status_code == 400
    assert response.json()["type"].endswith("/invalid-request")


def test_animation_can_be_posted_only_after_processing(x, sample, control):
    control.settings(processing_seconds=100)
    animation = sample("waves.gif")
    media_id = initialize(x, len(animation), "tweet_gif", "image/gif")
    append(x, media_id, 0, animation)

    states = [finalize(x, media_id).json()["data"]["processing_info"]["state"]]
    refused = x.post("/2/tweets", json={"media": {"media_ids": [media_id]}})
    for _ in range(2):
        control.advance(51)
        response = x.get("/2/media/upload", params={"command": "STATUS", "media_id": media_id})
        states.append(response.json()["data"]["processing_info"]["state"])

    assert states == ["pending", "in_progress", "succeeded"]
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (
        400,
        "Your media IDs are invalid.",
    )
    assert x.tweet("", media={"media_ids": [media_id]})


@pytest.mark.parametrize(
    ("category", "name"),
    [("tweet_image", "waves.gif"), ("tweet_gif", "waves.gif"), ("dm_image", "city.png")],
)
def test_file_that_fits_its_category_is_accepted(x, sample, category, name):
    assert x.upload(sample(name), category)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"<svg/>", {"media_category": "tweet_image"}),
        (b"GIF89a", {"media_category": "tweet_image"}),
        (b"", {"media_category": "tweet_image"}),
        (b"BM" + bytes(60), {"media_category": "tweet_image"}),
        (b"\xff\xd8\xff" + bytes(5 * MEGABYTE), {"media_category": "tweet_image"}),
        (b"x", {}),
        (b"x", {"media_category": "poem"}),
        (b"x", {"media_category": "dm_video"}),
        (b"x", {"media_category": "tweet_image", "colour": "red"}),
    ],
)
def test_invalid_upload_is_refused(x, data, fields):
    response = x.post("/2/media/upload", files={"media": data}, data=fields)
    assert response.status_code == 400
    assert response.json()["type"].endswith("/invalid-request")


def test_still_image_is_refused_as_an_animation(x, sample):
    response = x.post(
        "/2/media/upload",
        files={"media": sample("city.png")},
        data={"media_category": "tweet_gif"},
    )
    assert response.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"total_bytes": "5"},
        {"total_bytes": True},
        {"total_bytes": -1},
        {"total_bytes": 5 * MEGABYTE + 1, "media_category": "tweet_image"},
        {"total_bytes": 15 * MEGABYTE + 1, "media_category": "tweet_gif"},
        {"total_bytes": 5, "media_category": "dm_video"},
        {"total_bytes": 5, "name": "x"},
        {"total_bytes": 5, "additional_owners": ["me"]},
        [],
    ],
)
def test_initialize_checks_its_body(x, body):
    assert x.post("/2/media/upload/initialize", json=body).status_code == 400


@pytest.mark.parametrize("index", ["-1", "1000", "first", ""])
def test_segment_index_is_checked(x, index):
    assert append(x, initialize(x, 5), index, b"x").status_code == 400


def test_chunk_over_eight_megabytes_is_too_large(x):
    assert append(x, initialize(x, 5), 0, bytes(8 * MEGABYTE + 1)).status_code == 413


def test_media_of_another_account_is_not_found(x, make_x, sample):
    foreign = make_x(username="other").upload(sample("city.png"))["id"]
    for response in (
        x.get("/2/media/upload", params={"media_id": foreign}),
        append(x, foreign, 0, b"x"),
        finalize(x, foreign),
        x.post("/2/media/metadata", json={"id": foreign}),
        x.get("/2/media/upload", params={"media_id": "17"}),
        x.get("/2/media/upload"),
    ):
        assert response.status_code == 400
        assert response.json()["errors"][0]["message"] == "BadRequest: Not found"


def test_alt_text_is_stored(x, sample, control):
    media_id = x.upload(sample("city.png"))["id"]
    body = {"id": media_id, "metadata": {"alt_text": {"text": "The city at night"}}}
    response = x.post("/2/media/metadata", json=body)
    assert response.status_code == 200
    x.tweet("", media={"media_ids": [media_id]})
    assert control.posts()[0]["media"][0]["alt_text"] == "The city at night"


@pytest.mark.parametrize(("length", "status"), [(1000, 200), (1001, 400)])
def test_alt_text_has_a_limit(x, sample, length, status):
    body = {
        "id": x.upload(sample("city.png"))["id"],
        "metadata": {"alt_text": {"text": "x" * length}},
    }
    assert x.post("/2/media/metadata", json=body).status_code == status


@pytest.mark.parametrize(
    "metadata", [{"alt_text": {}}, {"alt_text": "x"}, "x", {"alt_text": {"text": 1}}]
)
def test_malformed_alt_text_is_refused(x, sample, metadata):
    body = {"id": x.upload(sample("city.png"))["id"], "metadata": metadata}
    assert x.post("/2/media/metadata", json=body).status_code == 400


def test_media_expires_after_a_day(x, sample, control):
    media_id = x.upload(sample("city.png"))["id"]
    refresh = {"grant_type": "refresh_token", "refresh_token": x.account["refresh_token"]}
    control.advance(86401)
    token = x.post("/2/oauth2/token", data=refresh, auth=("sandbox-twitter", "sandbox-secret"))
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    response = x.post("/2/tweets", json={"media": {"media_ids": [media_id]}}, headers=headers)
    assert response.status_code == 400
