def test_me_has_three_fields_and_more_on_request(x):
    data = x.get("/2/users/me").json()["data"]
    assert data == {"id": x.id, "name": "someone", "username": "someone"}
    fields = "profile_image_url,verified,verified_type,subscription_type,public_metrics,created_at"
    response = x.get("/2/users/me", params={"user.fields": fields})
    assert set(response.json()["data"]) == {"id", "name", "username", *fields.split(",")}
    assert response.json()["data"]["profile_image_url"].endswith("_normal.svg")


def test_profile_image_can_be_fetched(x):
    url = x.get("/2/users/me?user.fields=profile_image_url").json()["data"]["profile_image_url"]
    response = x.session.get(url.replace("_normal", "_400x400"), timeout=10)
    assert response.headers["Content-Type"] == "image/svg+xml"


def test_users_are_found_by_id_and_by_name(x, make_x):
    other = make_x(username="Baker", name="The Baker")
    wanted = {"id": other.id, "name": "The Baker", "username": "Baker"}
    assert x.get(f"/2/users/{other.id}").json()["data"] == wanted
    assert x.get("/2/users/by/username/baker").json()["data"] == wanted
    both = x.get(f"/2/users?ids={other.id},1").json()
    assert both["data"] == [wanted]
    assert [error["resource_id"] for error in both["errors"]] == ["1"]
    assert "data" not in x.get("/2/users/by/username/nobody").json()
    assert x.get("/2/users?ids=me").status_code == 400


def test_users_are_found_by_a_list_of_names(x, make_x):
    other = make_x(username="Baker", name="The Baker")
    data = x.get("/2/users/by?usernames=baker,nobody").json()
    assert [each["id"] for each in data["data"]] == [other.id]
    assert [error["resource_id"] for error in data["errors"]] == ["nobody"]
    assert x.get("/2/users/by").status_code == 400
    assert x.get("/2/users/somebody").status_code == 400
