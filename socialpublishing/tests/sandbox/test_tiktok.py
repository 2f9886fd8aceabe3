"""TikTok in the sandbox, over HTTP: rotating tokens, chunks, statuses, limits."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from socialpublishing.tests.sandbox.callers import VERIFIER, Client

AUTHORIZATION = {
    "client_key": "sandbox-tiktok",
    "response_type": "code",
    "scope": "user.info.basic,video.publish",
    "redirect_uri": "http://127.0.0.1/back",
    "state": "s",
}
SECRET = {"client_key": "sandbox-tiktok", "client_secret": "sandbox-secret"}
POST_INFO = {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "Hi", "brand_content_toggle": False}
MB = 1_000_000


class Creator(Client):
    def __init__(self, server, account):
        super().__init__(f"{server.url}/tiktok/v2", account["access_token"])
        self.base = server.url

    def init(self, size, chunk=None, count=1, path="video/init/", **info):
        source = {
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": chunk or size,
            "total_chunk_count": count,
        }
        body = {"post_info": {**POST_INFO, **info}, "source_info": source}
        return self.post(f"/post/publish/{path}", json=body)

    def photos(self, *names, mode="DIRECT_POST", **info):
        body = {
            "media_type": "PHOTO",
            "post_mode": mode,
            "post_info": {**POST_INFO, **info},
            "source_info": {
                "source": "PULL_FROM_URL",
                "photo_images": [f"{self.base}/samples/{name}" for name in names],
            },
        }
        return self.post("/post/publish/content/init/", json=body)

    def status(self, publish_id):
        response = self.post("/post/publish/status/fetch/", json={"publish_id": publish_id})
        return response.json()["data"]


def put(url, data, first, total, **headers):
    content_range = {"Content-Range": f"bytes {first}-{first + len(data) - 1}/{total}"}
    return Client("").call("PUT", url, data=data, headers={**content_range, **headers})


def code_of(response):
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def make_creator(server, control):
    control.post("/settings", json={"processing_seconds": 0, "tiktok_review_processing_seconds": 0})
    return lambda **facts: Creator(server, control.account("tiktok", **facts))


@pytest.fixture
def creator(make_creator):
    return make_creator()


# --- Tokens --------------------------------------------------------------------------------------


def authorize(site, **change):
    response = site.post(
        "/tiktok/v2/auth/authorize/", data={**AUTHORIZATION, "allow": "1", **change}
    )
    query = parse_qs(urlsplit(response.headers.get("Location", "")).query)
    return response.status_code, {name: values[0] for name, values in query.items()}


def exchange(site, **form):
    return site.post("/tiktok/v2/oauth/token/", data={**SECRET, **form})


@pytest.mark.parametrize("is_hex", [True, False])
def test_challenge_must_be_in_hex(site, is_hex):
    digest = hashlib.sha256(VERIFIER.encode())
    challenge = digest.hexdigest() if is_hex else VERIFIER
    _, redirect = authorize(site, code_challenge=challenge, code_challenge_method="S256")
    assert "*" in redirect["code"]
    data = exchange(
        site,
        grant_type="authorization_code",
        code=redirect["code"],
        redirect_uri=AUTHORIZATION["redirect_uri"],
        code_verifier=VERIFIER,
    ).json()
    assert ("access_token" in data) == is_hex
    if is_hex:
        assert (data["expires_in"], data["refresh_expires_in"]) == (7200, 15_552_000)
        assert data["scope"] == "user.info.basic,video.publish"


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "user.info.basic video.publish"},
        {"client_key": "x"},
        {"redirect_uri": "http://a/?b"},
    ],
)
def test_invalid_authorization_request_is_refused(site, change):
    assert authorize(site, **change)[0] == 400


def test_user_can_decline_single_scopes(site):
    _, redirect = authorize(site, **{"scope:user.info.basic": "on"})
    assert redirect["scopes"] == "user.info.basic"


def test_refresh_revokes_the_old_refresh_token(site, control):
    old = control.account("tiktok")["refresh_token"]
    new = exchange(site, grant_type="refresh_token", refresh_token=old).json()
    assert new["refresh_token"] != old
    assert exchange(site, grant_type="refresh_token", refresh_token=old).json()["error"] == (
        "invalid_grant"
    )


def test_token_error_can_have_status_200(site, control):
    control.post("/settings", json={"tiktok_oauth_errors": "200"})
    response = exchange(site, grant_type="refresh_token", refresh_token="x")
    assert (response.status_code, response.json()["error"]) == (200, "invalid_grant")


def test_revoke_requires_the_client_secret(site, creator):
    token = creator.session.headers["Authorization"].removeprefix("Bearer ")
    site.post("/tiktok/v2/oauth/revoke/", data={"client_key": "sandbox-tiktok", "token": token})
    assert creator.get("/user/info/?fields=open_id").status_code == 200
    site.post("/tiktok/v2/oauth/revoke/", data={**SECRET, "token": token})
    assert code_of(creator.get("/user/info/?fields=open_id")) == (401, "access_token_invalid")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("open_id,display_name", (200, "ok")),
        ("open_id,username", (401, "scope_not_authorized")),
        ("", (400, "invalid_params")),
        ("nickname", (400, "invalid_params")),
    ],
)
def test_field_without_its_scope_fails_the_request(make_creator, fields, expected):
    creator = make_creator(scopes=["user.info.basic"])
    assert code_of(creator.get(f"/user/info/?fields={fields}")) == expected


def test_paths_end_with_a_slash(creator):
    assert creator.get("/user/info?fields=open_id").status_code == 404


# --- Init ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "chunk", "count", "is_accepted"),
    [
        (3 * MB, 3 * MB, 1, True),
        (64 * MB, 64 * MB, 1, True),
        (70 * MB, 70 * MB, 1, False),
        (50_000_123, 10 * MB, 5, True),
        (50_000_123, 10 * MB, 6, False),
        (50 * MB, 4 * MB, 12, False),
        (3 * MB, MB, 3, False),
        (0, 0, 0, False),
        (5 * 1024**3, 64 * MB, 83, False),
    ],
)
def test_chunk_plan_is_checked(creator, size, chunk, count, is_accepted):
    response = creator.init(size, chunk, count)
    assert (response.status_code == 200) == is_accepted


@pytest.mark.parametrize(
    ("facts", "info", "expected"),
    [
        ({}, {"privacy_level": "FOLLOWER_OF_CREATOR"}, (403, "privacy_level_option_mismatch")),
        ({"private": True}, {}, (403, "privacy_level_option_mismatch")),
        ({"comment_disabled": True}, {}, (400, "invalid_params")),
        ({"comment_disabled": True}, {"disable_comment": True}, (200, "ok")),
        ({}, {"title": "x" * 2200}, (200, "ok")),
        ({}, {"title": "\N{GRINNING FACE}" * 1101}, (400, "invalid_params")),
    ],
)
def test_post_info_must_fit_the_creator(make_creator, facts, info, expected):
    assert code_of(make_creator(**facts).init(MB, **info)) == expected


def test_unaudited_app_can_only_post_to_private_accounts(make_creator, control):
    control.post("/settings", json={"tiktok_audit": "unaudited"})
    code = "unaudited_client_can_only_post_to_private_accounts"
    assert code_of(make_creator().init(MB, privacy_level="SELF_ONLY")) == (403, code)
    private = make_creator(username="shy", private=True, duet_disabled=True, stitch_disabled=True)
    info = {"privacy_level": "SELF_ONLY", "disable_duet": True, "disable_stitch": True}
    assert private.init(MB, **info).status_code == 200


def test_six_inits_a_minute_are_accepted(creator, control):
    assert [creator.init(MB).status_code for _ in range(7)] == [200] * 6 + [429]
    control.post("/clock", json={"advance_seconds": 61})
    assert creator.init(MB).status_code == 200


# --- Chunks --------------------------------------------------------------------------------------


def test_last_chunk_publishes_the_video(creator, control, sample):
    clip = sample("clip.mp4")
    size = 11 * MB
    data = clip + b"\0\0\0\x01free" + (size - len(clip)).to_bytes(8, "big")
    data += bytes(size - len(data))
    initialized = creator.init(size, 5 * MB, 2).json()["data"]
    url, publish_id = initialized["upload_url"], initialized["publish_id"]
    first, last = data[: 5 * MB], data[5 * MB :]

    assert put(url, first, 0, size, Authorization="Bearer x").status_code == 400
    assert put(url, last, 5 * MB, size).status_code == 416
    response = put(url, first, 0, size)
    assert (response.status_code, response.headers["Content-Range"]) == (
        206,
        f"bytes 0-4999999/{size}",
    )
    assert put(url, first, 0, size).status_code == 416
    assert creator.status(publish_id)["uploaded_bytes"] == 5 * MB
    assert control.get("/posts").json() == []
    assert put(url, last, 5 * MB, size).status_code == 201

    status = creator.status(publish_id)
    [post] = control.get("/posts").json()
    assert status["status"] == "PUBLISH_COMPLETE"
    assert status["publicaly_available_post_id"] == [int(post["id"])]
    assert int(post["id"]) > 2**53
    assert post["media"][0]["sha256"] == hashlib.sha256(data).hexdigest()


def test_upload_url_expires_after_an_hour(creator, control, sample):
    clip = sample("clip.mp4")
    url = creator.init(len(clip)).json()["data"]["upload_url"]
    control.post("/clock", json={"advance_seconds": 3601})
    assert put(url, clip, 0, len(clip)).status_code == 403
    assert put(url.replace("upload_id=", "upload_id=9"), clip, 0, len(clip)).status_code == 404


@pytest.mark.parametrize(
    ("facts", "name", "reason"),
    [
        ({"max_video_seconds": 4}, "clip.mp4", "duration_check_failed"),
        ({}, "harbour.jpg", "file_format_check_failed"),
    ],
)
def test_unsuitable_video_fails_after_the_upload_with_a_reason(
    make_creator, sample, facts, name, reason, control
):
    creator, data = make_creator(**facts), sample(name)
    initialized = creator.init(len(data)).json()["data"]
    assert put(initialized["upload_url"], data, 0, len(data)).status_code == 201
    data = creator.status(initialized["publish_id"])
    assert (data["status"], data["fail_reason"]) == ("FAILED", reason)
    assert control.get("/posts").json() == []


def test_status_requires_the_token_of_the_creator(creator, make_creator):
    publish_id = creator.init(MB).json()["data"]["publish_id"]
    other = make_creator(username="other")
    response = other.post("/post/publish/status/fetch/", json={"publish_id": publish_id})
    assert code_of(response) == (400, "token_not_authorized_for_specified_publish_id")
    response = other.post("/post/publish/status/fetch/", json={"publish_id": "x"})
    assert code_of(response) == (400, "invalid_publish_id")


def test_only_a_task_in_progress_can_be_cancelled(creator, sample, control):
    clip = sample("clip.mp4")
    initialized = creator.init(len(clip)).json()["data"]
    publish_id = {"publish_id": initialized["publish_id"]}
    control.post("/settings", json={"processing_seconds": 60})
    put(initialized["upload_url"], clip, 0, len(clip))
    assert creator.post("/post/publish/cancel/", json=publish_id).status_code == 200
    assert creator.status(initialized["publish_id"])["fail_reason"] == "publish_cancelled"
    response = creator.post("/post/publish/cancel/", json=publish_id)
    assert code_of(response) == (400, "publish_not_cancellable")


# --- Drafts, photos, lists -----------------------------------------------------------------------


def test_sixth_pending_draft_is_refused(creator, sample, control):
    clip = sample("clip.mp4")
    for _ in range(5):
        initialized = creator.init(len(clip), path="inbox/video/init/", title="lost").json()["data"]
        put(initialized["upload_url"], clip, 0, len(clip))
    assert creator.status(initialized["publish_id"])["status"] == "SEND_TO_USER_INBOX"
    assert {post["text"] for post in control.get("/posts").json()} == {""}
    response = creator.init(len(clip), path="inbox/video/init/")
    assert code_of(response) == (403, "spam_risk_too_many_pending_share")


@pytest.mark.parametrize(
    ("names", "status", "reason"),
    [
        (["harbour.jpg", "balloons.webp"], "PUBLISH_COMPLETE", None),
        (["city.png"], "FAILED", "file_format_check_failed"),
        (["nothing.jpg"], "FAILED", "photo_pull_failed"),
    ],
)
def test_photos_are_pulled(creator, names, status, reason):
    publish_id = creator.photos(*names).json()["data"]["publish_id"]
    data = creator.status(publish_id)
    assert (data["status"], data.get("fail_reason")) == (status, reason)


@pytest.mark.parametrize("count", [0, 36])
def test_photos_outside_1_to_35_are_refused(creator, count):
    assert creator.photos(*["harbour.jpg"] * count).status_code == 400


def test_lists_have_public_posts_only(creator):
    creator.photos("harbour.jpg", description="x" * 200)
    creator.photos("harbour.jpg", description="hidden", privacy_level="SELF_ONLY")
    response = creator.post("/video/list/?fields=id,video_description", json={"max_count": 20})
    [data] = response.json()["data"]["videos"]
    assert data["video_description"] == "x" * 150
    assert creator.post("/video/list/?fields=id", json={"max_count": 21}).status_code == 400
    ids = {"filters": {"video_ids": [data["id"], "1"]}}
    found = creator.post("/video/query/?fields=id", json=ids).json()["data"]["videos"]
    assert found == [{"id": data["id"]}]


# --- What differs between creators and apps ------------------------------------------------------


@pytest.mark.parametrize("medium", ["video", "photo"])
def test_branded_content_cannot_be_private(creator, medium):
    info = {"privacy_level": "SELF_ONLY", "brand_content_toggle": True}
    response = creator.init(MB, **info) if medium == "video" else creator.photos("a.jpg", **info)
    assert code_of(response) == (400, "invalid_params")


def test_photos_obey_switched_off_comments(make_creator):
    creator = make_creator(comment_disabled=True)
    assert code_of(creator.photos("harbour.jpg")) == (400, "invalid_params")
    assert creator.photos("harbour.jpg", disable_comment=True).status_code == 200


def test_banned_creator_cannot_post(make_creator):
    creator = make_creator(banned=True)
    code = "spam_risk_user_banned_from_posting"
    assert code_of(creator.post("/post/publish/creator_info/query/", json={})) == (200, code)
    assert code_of(creator.init(MB)) == (403, code)
    assert code_of(creator.init(MB, path="inbox/video/init/")) == (403, code)
    assert code_of(creator.photos("harbour.jpg")) == (403, code)
    assert code_of(creator.photos("harbour.jpg", mode="MEDIA_UPLOAD")) == (403, code)


def test_app_has_a_limit_of_active_creators(make_creator, control):
    control.post("/settings", json={"tiktok_active_creators": 1})
    first, second = make_creator(), make_creator()
    assert first.photos("harbour.jpg").status_code == 200
    assert first.photos("harbour.jpg").status_code == 200
    assert code_of(second.photos("harbour.jpg")) == (403, "reached_active_user_cap")
    info = second.post("/post/publish/creator_info/query/", json={})
    assert code_of(info) == (200, "reached_active_user_cap")


def test_photos_are_pulled_from_the_verified_prefix_only(creator, control, server):
    control.post("/settings", json={"tiktok_verified_prefix": "https://cdn.example/"})
    assert code_of(creator.photos("harbour.jpg")) == (403, "url_ownership_unverified")
    control.post("/settings", json={"tiktok_verified_prefix": f"{server.url}/samples/"})
    assert creator.photos("harbour.jpg").status_code == 200
    response = control.post("/settings", json={"tiktok_verified_prefix": 5})
    assert response.json()["code"] == "invalid_tiktok_verified_prefix"


def test_small_chunks_may_be_refused(creator, control):
    control.post("/settings", json={"tiktok_least_chunk_bytes": 20 * MB})
    response = creator.init(80 * MB, 10 * MB, 8)
    assert response.json()["error"]["message"] == "The chunk size is invalid"
    assert creator.init(80 * MB, 40 * MB, 2).status_code == 200
    assert creator.init(3 * MB).status_code == 200


def test_upload_host_may_be_another(creator, control):
    control.post("/settings", json={"tiktok_upload_host": "other"})
    url = creator.init(MB).json()["data"]["upload_url"]
    assert url.startswith("https://uploads.example/")


def test_scopes_belong_to_kinds_of_posts(make_creator):
    poster = make_creator(scopes=["video.publish"])
    drafter = make_creator(scopes=["video.upload"])
    assert poster.init(MB).status_code == 200
    assert code_of(poster.init(MB, path="inbox/video/init/")) == (401, "scope_not_authorized")
    assert drafter.init(MB, path="inbox/video/init/").status_code == 200
    assert code_of(drafter.init(MB)) == (401, "scope_not_authorized")
    assert code_of(drafter.photos("harbour.jpg")) == (401, "scope_not_authorized")
    info = drafter.post("/post/publish/creator_info/query/", json={})
    assert code_of(info) == (401, "scope_not_authorized")
