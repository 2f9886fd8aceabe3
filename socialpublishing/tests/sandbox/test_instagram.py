"""The sandbox's Instagram over HTTP: tokens, containers, publishing, Facebook Login."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from socialpublishing.tests.sandbox.callers import Client

AUTHORIZATION = {
    "client_id": "sandbox-instagram",
    "redirect_uri": "http://127.0.0.1/back",
    "response_type": "code",
    "scope": "instagram_business_basic,instagram_business_content_publish",
    "state": "s",
}
SECRET = {"client_id": "sandbox-instagram", "client_secret": "sandbox-secret"}


class Creator(Client):
    def __init__(self, server, account):
        super().__init__(f"{server.url}/instagram/v25.0", account["access_token"])
        self.id = account["account_id"]
        self.samples = f"{server.url}/samples"

    def container(self, name="harbour.jpg", **more):
        kind = "video_url" if name.endswith("mp4") else "image_url"
        return self.post(f"/{self.id}/media", json={kind: f"{self.samples}/{name}", **more})

    def publish(self, container):
        return self.post(f"/{self.id}/media_publish", json={"creation_id": container})

    def status(self, container):
        return self.get(f"/{container}?fields=status_code,status").json()


def error_of(response):
    error = response.json()["error"]
    return error["code"], error.get("error_subcode")


@pytest.fixture
def make_creator(server, control):
    control.post("/settings", json={"instagram_processing_seconds": 0, "processing_seconds": 0})
    return lambda **facts: Creator(server, control.account("instagram", **facts))


@pytest.fixture
def creator(make_creator):
    return make_creator()


# --- Tokens --------------------------------------------------------------------------------------


def authorized(site, **change):
    """Consent. Returns the parameters and the URL of the redirect to the app."""
    data = {**AUTHORIZATION, "allow": "1", **change}
    response = site.post("/instagram/oauth/authorize", data=data)
    location = urlsplit(response.headers["Location"])
    return {name: values[0] for name, values in parse_qs(location.query).items()}, location


def test_code_is_used_once_and_its_token_exchanged_for_a_long_lived_one(site):
    params, location = authorized(site)
    assert location.fragment == "_"
    form = {**SECRET, "grant_type": "authorization_code", "code": params["code"]}
    form["redirect_uri"] = AUTHORIZATION["redirect_uri"]
    short = site.post(
        "/instagram/oauth/access_token", files={k: (None, v) for k, v in form.items()}
    )
    data = short.json()
    assert "instagram_business_basic" in data["permissions"]
    again = site.post("/instagram/oauth/access_token", data=form)
    assert again.json()["error_type"] == "OAuthException"
    params = {
        "grant_type": "ig_exchange_token",
        "client_secret": "sandbox-secret",
        "access_token": data["access_token"],
    }
    long = site.get("/instagram/access_token", params=params).json()
    assert long["expires_in"] == 60 * 86400


def test_refresh_within_a_day_can_be_refused(site, control):
    control.post("/settings", json={"instagram_young_refresh": "refused"})
    token = control.account("instagram")["access_token"]
    params = {"grant_type": "ig_refresh_token", "access_token": token}
    assert site.get("/instagram/refresh_access_token", params=params).status_code == 400
    control.post("/clock", json={"advance_seconds": 86401})
    assert site.get("/instagram/refresh_access_token", params=params).json()["access_token"]


def test_app_scoped_id_differs_from_the_account_id(creator):
    data = creator.get("/me?fields=id,user_id,username").json()
    assert data["user_id"] == creator.id != data["id"]


def test_revoked_token_has_its_own_error(creator):
    assert creator.delete("/me/permissions").json() == {"success": True}
    assert error_of(creator.get("/me")) == (190, 458)


def test_missing_scope_is_a_permission_error(make_creator):
    creator = make_creator(scopes=["instagram_business_basic"])
    assert error_of(creator.container())[0] == 10


# --- Containers ----------------------------------------------------------------------------------


def test_container_finishes_processing_and_is_published_once(creator, control):
    control.post("/settings", json={"instagram_processing_seconds": 30})
    container = creator.container(caption="Hi", alt_text="A pier").json()["id"]
    assert creator.status(container)["status_code"] == "IN_PROGRESS"
    assert error_of(creator.publish(container)) == (9007, 2207027)
    control.post("/clock", json={"advance_seconds": 31})
    assert creator.status(container)["status_code"] == "FINISHED"
    media_id = creator.publish(container).json()["id"]
    assert creator.status(container)["status_code"] == "PUBLISHED"
    assert creator.publish(container).json()["id"] == media_id
    data = creator.get(f"/{media_id}?fields=caption,alt_text,media_product_type,permalink").json()
    assert (data["caption"], data["alt_text"], data["media_product_type"]) == (
        "Hi",
        "A pier",
        "FEED",
    )
    assert len(control.get("/posts").json()) == 1


def test_container_expires_after_a_day(creator, control):
    container = creator.container().json()["id"]
    control.post("/clock", json={"advance_seconds": 86401})
    assert creator.status(container)["status_code"] == "EXPIRED"
    assert error_of(creator.publish(container)) == (24, 2207008)


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("city.png", {}, (36001, 2207005)),
        ("clip.mp4", {"image_url": "set"}, (36001, 2207005)),
        ("nothing.jpg", {}, (9004, 2207052)),
        ("harbour.jpg", {"caption": "x" * 2201}, (36004, 2207010)),
        ("harbour.jpg", {"media_type": "PHOTO"}, (100, 2207023)),
        ("harbour.jpg", {"user_tags": [{"username": "a"}]}, (100, None)),
        ("harbour.jpg", {"collaborators": ["a", "b", "c", "d"]}, (100, None)),
        ("clip.mp4", {"media_type": "VIDEO"}, (100, None)),
    ],
)
def test_invalid_container_is_refused_at_once(creator, name, more, code):
    if more.get("image_url"):
        response = creator.post(
            f"/{creator.id}/media", json={"image_url": f"{creator.samples}/{name}"}
        )
    else:
        response = creator.container(name, **more)
    assert error_of(response) == code


@pytest.mark.parametrize(
    ("url", "more", "subcode"),
    [
        ("nothing.mp4", {}, "2207077"),
        ("harbour.jpg", {}, "2207026"),
        ("clip.mp4", {"thumb_offset": 60_000}, "2207057"),
    ],
)
def test_invalid_video_fails_in_processing(creator, url, more, subcode):
    body = {"video_url": f"{creator.samples}/{url}", "media_type": "REELS", **more}
    container = creator.post(f"/{creator.id}/media", json=body).json()["id"]
    data = creator.status(container)
    assert (data["status_code"], subcode in data["status"]) == ("ERROR", True)


def test_carousel_needs_two_to_ten_finished_children_of_its_account(creator, make_creator):
    child = creator.container(is_carousel_item=True).json()["id"]
    single = creator.container().json()["id"]
    foreign = make_creator(username="other").container(is_carousel_item=True).json()["id"]

    def carousel(*children):
        body = {"media_type": "CAROUSEL", "children": list(children)}
        return creator.post(f"/{creator.id}/media", json=body)

    assert error_of(carousel(child)) == (100, 2207028)
    assert error_of(carousel(child, single))[0] == 100
    assert error_of(carousel(child, foreign))[0] == 100
    assert carousel(child, child).status_code == 200
    body = {"media_type": "CAROUSEL", "children": f"{child},{child}"}
    assert creator.post(f"/{creator.id}/media", data=body).status_code == 200


def test_quota_is_reported_and_enforced(creator, control):
    control.post("/settings", json={"instagram_quota": 1})
    first, second = (creator.container().json()["id"] for _ in range(2))
    assert creator.get(f"/{creator.id}/content_publishing_limit").json() == {
        "data": [{"quota_usage": 0}]
    }
    creator.publish(first)
    path = f"/{creator.id}/content_publishing_limit?fields=config,quota_usage"
    [data] = creator.get(path).json()["data"]
    assert (data["quota_usage"], data["config"]["quota_total"]) == (1, 1)
    assert error_of(creator.publish(second)) == (9, 2207042)


def test_stories_are_listed_separately_for_a_day(creator, control):
    container = creator.container(media_type="STORIES", caption="gone").json()["id"]
    creator.publish(container)
    assert creator.get(f"/{creator.id}/media").json()["data"] == []
    assert len(creator.get(f"/{creator.id}/stories").json()["data"]) == 1
    control.post("/clock", json={"advance_seconds": 86401})
    assert creator.get(f"/{creator.id}/stories").json()["data"] == []


# --- Facebook Login ------------------------------------------------------------------------------


FACEBOOK = ["instagram_basic", "instagram_content_publish", "pages_show_list"]


def test_resumable_upload_needs_facebook_login(make_creator, server, sample):
    creator = make_creator()
    body = {"media_type": "REELS", "upload_type": "resumable"}
    assert "video_url" in creator.post(f"/{creator.id}/media", json=body).json()["error"]["message"]

    creator = make_creator(username="page", scopes=FACEBOOK)
    container = creator.post(f"/{creator.id}/media", json=body).json()
    token = creator.session.headers["Authorization"].removeprefix("Bearer ")
    data = sample("clip.mp4")

    def send(**change):
        headers = {"Authorization": f"OAuth {token}", "offset": "0", "file_size": str(len(data))}
        return Client("").post(container["uri"], data=data, headers={**headers, **change})

    assert "debug_info" in send(offset="5").json()
    assert creator.status(container["id"])["status_code"] == "IN_PROGRESS"
    assert send().json()["success"] is True
    assert creator.status(container["id"])["status_code"] == "FINISHED"


def test_linked_accounts_are_listed_in_portions(make_creator):
    creator = make_creator(scopes=FACEBOOK, linked=30)
    fields = "id,name,instagram_business_account{id,username}"
    first = creator.get(f"/me/accounts?fields={fields}&limit=25").json()
    after = first["paging"]["cursors"]["after"]
    rest = creator.get(f"/me/accounts?fields={fields}&limit=25&after={after}").json()
    pages = [*first["data"], *rest["data"]]
    assert sum("instagram_business_account" in page for page in pages) == 31
    assert len(pages) == 32


@pytest.mark.parametrize("metric", ["impressions", "reach,plays", ""])
def test_one_unsupported_metric_fails_the_request(make_creator, metric):
    creator = make_creator()
    media_id = creator.publish(creator.container().json()["id"]).json()["id"]
    assert error_of(creator.get(f"/{media_id}/insights?metric={metric}"))[0] == 100
    data = creator.get(f"/{media_id}/insights?metric=reach,saved").json()["data"]
    assert [each["name"] for each in data] == ["reach", "saved"]


# --- What real accounts meet ---------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("missing", (100, 33)), ("forbidden", (10, None))])
def test_hidden_container_can_be_published(creator, control, kind, code):
    control.post("/settings", json={"instagram_containers": kind})
    container = creator.container().json()["id"]
    assert error_of(creator.get(f"/{container}?fields=status_code")) == code
    assert creator.publish(container).status_code == 200
    assert len(creator.get(f"/{creator.id}/media").json()["data"]) == 1


@pytest.mark.parametrize(
    ("facts", "name", "more", "code"),
    [
        ({"account_type": "MEDIA_CREATOR"}, "harbour.jpg", {"media_type": "STORIES"}, (100, None)),
        ({"account_type": "PERSONAL"}, "harbour.jpg", {}, (100, None)),
        ({"restricted": True}, "harbour.jpg", {}, (25, 2207050)),
        ({}, "harbour.jpg", {"collaborators": ["unknown.one"]}, (110, 2207018)),
        ({}, "harbour.jpg", {"collaborators": ["@anna"]}, (110, 2207018)),
        (
            {"trial_reels": False},
            "clip.mp4",
            {"media_type": "REELS", "trial_params": {"graduation_strategy": "MANUAL"}},
            (10, 2207081),
        ),
        ({}, "clip.mp4", {"media_type": "REELS", "trial_params": {}}, (100, None)),
        (
            {},
            "clip.mp4",
            {
                "media_type": "VIDEO",
                "is_carousel_item": True,
                "user_tags": [{"username": "a", "x": 0.1, "y": 0.1}],
            },
            (100, 2207035),
        ),
        ({}, "harbour.jpg", {"is_carousel_item": True, "is_ai_generated": True}, (100, None)),
    ],
)
def test_account_or_name_is_refused(make_creator, facts, name, more, code):
    assert error_of(make_creator(**facts).container(name, **more)) == code


def test_old_post_fails_the_insights_of_all(make_creator, control):
    creator = make_creator(professional_since="2026-01-01T00:00:00Z")
    old = {"created_at": "2025-06-01T12:00:00Z", "text": "Old", "kind": "image"}
    body = {"platform": "instagram", "account_id": creator.id, "posts": [old]}
    control.post("/history", json=body)
    new = creator.publish(creator.container().json()["id"]).json()["id"]
    listed = creator.get(f"/{creator.id}/media?fields=id,insights.metric(reach)")
    assert error_of(listed) == (100, 2108006)
    assert creator.get(f"/{new}/insights?metric=reach").status_code == 200


def test_token_of_a_page_is_for_its_account_alone(make_creator):
    creator = make_creator(scopes=FACEBOOK, linked=1)
    fields = "id,access_token,instagram_business_account{id}"
    pages = creator.get(f"/me/accounts?fields={fields}").json()["data"]
    first, second = (each for each in pages if "instagram_business_account" in each)
    page = Client(creator.url, second["access_token"])
    own, other = (each["instagram_business_account"]["id"] for each in (second, first))
    assert page.get(f"/{own}/media").status_code == 200
    assert error_of(page.get(f"/{other}/media")) == (100, 33)


def test_pages_of_a_portfolio_are_listed_by_it_alone(make_creator):
    creator = make_creator(scopes=[*FACEBOOK, "business_management"], portfolio=True)
    assert creator.get("/me/accounts").json()["data"] == []
    fields = "owned_pages.limit(100){id,instagram_business_account{id}}"
    [portfolio] = creator.get(f"/me/businesses?fields={fields}").json()["data"]
    assert portfolio["owned_pages"]["data"][0]["instagram_business_account"]["id"] == creator.id
