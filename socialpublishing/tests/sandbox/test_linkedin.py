"""LinkedIn in the sandbox, over HTTP: versions, tokens, uploads, little text, duplicates."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from socialpublishing.sandbox.linkedin import little_text
from socialpublishing.tests.sandbox.callers import Client

VERSION = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}
PART = 4_194_304


class Member(Client):
    def __init__(self, server, account):
        super().__init__(f"{server.url}/linkedin", account["access_token"])
        self.session.headers.update(VERSION)
        self.account = account
        self.urn = f"urn:li:person:{account['account_id']}"
        self.organizations = [
            f"urn:li:organization:{each['id']}" for each in account["organizations"]
        ]

    def create_post(self, commentary="Hi", author=None, **more):
        body = {
            "author": author or self.urn,
            "commentary": commentary,
            "visibility": "PUBLIC",
            "distribution": {"feedDistribution": "MAIN_FEED"},
            "lifecycleState": "PUBLISHED",
            **more,
        }
        return self.post("/rest/posts", json=body)

    def initialize_upload(self, kind, owner=None, **more):
        body = {"initializeUploadRequest": {"owner": owner or self.urn, **more}}
        response = self.post(f"/rest/{kind}?action=initializeUpload", json=body)
        return response.json().get("value", response)

    def upload_image(self, data, owner=None):
        upload = self.initialize_upload("images", owner)
        assert self.session.put(upload["uploadUrl"], data=data).status_code == 201
        return upload["image"]


@pytest.fixture
def make_member(server, control):
    control.post("/settings", json={"linkedin_processing_seconds": 0, "processing_seconds": 0})
    return lambda **facts: Member(server, control.account("linkedin", **facts))


@pytest.fixture
def member(make_member):
    return make_member()


def post_of(control):
    [post] = control.get("/posts").json()
    return post


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        (None, 400, "VERSION_MISSING"),
        ("202511", 426, "NONEXISTENT_VERSION"),
        ("20260901", 426, "NONEXISTENT_VERSION"),
        ("202601", 200, None),
        ("202609", 200, None),
    ],
)
def test_request_requires_an_active_version(member, version, status, code):
    member.session.headers.pop("LinkedIn-Version")
    headers = {"LinkedIn-Version": version} if version else {}
    response = member.get("/rest/organizationAcls?q=roleAssignee", headers=headers)
    assert (response.status_code, response.json().get("code")) == (status, code)
    assert response.headers["x-li-uuid"]


def test_versions_retire(member, control):
    control.post("/settings", json={"linkedin_oldest_version": 202610})
    response = member.get("/rest/organizationAcls?q=roleAssignee")
    assert (response.status_code, response.json()["code"]) == (426, "NONEXISTENT_VERSION")


def test_profile_requires_no_version(make_member):
    member = make_member(scopes=["openid", "profile"], name="Linda Harbour")
    member.session.headers.pop("LinkedIn-Version")
    data = member.get("/v2/userinfo").json()
    assert (data["name"], data["given_name"], "email" in data) == ("Linda Harbour", "Linda", False)
    assert member.get("/v2/me").status_code == 403


# --- Tokens --------------------------------------------------------------------------------------


AUTHORIZATION = {
    "response_type": "code",
    "client_id": "sandbox-linkedin",
    "redirect_uri": "http://127.0.0.1/back",
    "state": "s",
    "scope": "openid profile w_member_social",
}


def consent(site, **change):
    response = site.post(
        "/linkedin/oauth/v2/authorization", data={**AUTHORIZATION, "allow": "1", **change}
    )
    return response, {
        k: v[0] for k, v in parse_qs(urlsplit(response.headers.get("Location", "")).query).items()
    }


def exchange(site, **form):
    usual = {"client_id": "sandbox-linkedin", "client_secret": "sandbox-secret"}
    return site.post("/linkedin/oauth/v2/accessToken", data={**usual, **form})


def test_code_works_once_and_a_refresh_keeps_the_expiry_of_the_refresh_token(site, control):
    _, back = consent(site)
    form = {"grant_type": "authorization_code", "code": back["code"]}
    form["redirect_uri"] = f"{AUTHORIZATION['redirect_uri']}?ignored=1"
    first = exchange(site, **form).json()
    assert first["expires_in"] == 5_184_000
    assert exchange(site, **form).json()["error"] == "invalid_request"

    control.post("/clock", json={"advance_seconds": 59 * 86400})
    again = exchange(site, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert again["refresh_token_expires_in"] <= 306 * 86400


def test_denied_and_invalid_authorization_requests(site):
    _, back = consent(site, deny="1")
    assert (back["error"], back["state"]) == ("user_cancelled_authorize", "s")
    assert consent(site, scope="everything")[0].status_code == 400
    assert consent(site, client_id="other")[0].status_code == 400


def test_self_serve_app_gets_no_refresh_token(site, control):
    control.post("/settings", json={"linkedin_refresh_tokens": "off"})
    _, back = consent(site)
    form = {"grant_type": "authorization_code", "code": back["code"]}
    data = exchange(site, **form, redirect_uri=AUTHORIZATION["redirect_uri"]).json()
    assert "refresh_token" not in data


def test_authorization_with_other_scopes_ends_earlier_grants(site, server, control):
    first = Member(server, control.account("linkedin", scopes=["r_basicprofile"]))
    consent(site)
    response = first.get("/v2/me")
    assert (response.status_code, response.json()["code"]) == (401, "REVOKED_ACCESS_TOKEN")


def test_scope_that_the_app_lacks_ends_the_consent(site, control):
    control.post("/settings", json={"linkedin_member_analytics": "off"})
    _, back = consent(site, scope="r_basicprofile r_member_postAnalytics")
    assert (back["error"], back["state"]) == ("unauthorized_scope_error", "s")
    assert "code" in consent(site, scope="r_basicprofile")[1]


# --- Organizations -------------------------------------------------------------------------------


ORGANIZATIONS = [
    {"name": "Works"},
    {"name": "Content", "role": "CONTENT_ADMINISTRATOR"},
    {"name": "Hidden", "lookup": "off"},
    {"name": "Left", "state": "REVOKED"},
]


def test_full_record_is_for_administrators_and_the_lookup_is_for_each_by_itself(
    make_member, control
):
    member = make_member(organizations=ORGANIZATIONS)
    numbers = [urn.rpartition(":")[2] for urn in member.organizations]
    statuses = [member.get(f"/rest/organizations/{number}").status_code for number in numbers]
    assert statuses == [200, 403, 200, 403]

    path = f"/rest/organizationsLookup?ids=List({','.join([*numbers, '1'])})"
    data = member.get(path).json()
    names = {number: record["localizedName"] for number, record in data["results"].items()}
    assert sorted(names.values()) == ["Content", "Left", "Works"]
    assert data["statuses"][numbers[2]] == 403
    assert "ADMIN_ONLY" in data["errors"][numbers[2]]["message"]
    assert data["statuses"]["1"] == 404

    control.post("/settings", json={"linkedin_batches": "off"})
    assert member.get(path).status_code == 403
    assert member.get("/rest/organizationsLookup?ids=1").status_code == 403


def test_roles_of_all_states_are_listed_unless_one_is_asked_for(make_member):
    member = make_member(organizations=ORGANIZATIONS)
    acls = member.get("/rest/organizationAcls?q=roleAssignee").json()["elements"]
    assert [acl["state"] for acl in acls].count("REVOKED") == 1
    path = "/rest/organizationAcls?q=roleAssignee&state=APPROVED&role=ADMINISTRATOR"
    assert len(member.get(path).json()["elements"]) == 2
    assert member.create_post(author=member.organizations[3]).status_code == 403


@pytest.mark.parametrize("wrong", [{"state": "GONE"}, {"lookup": "no"}, {"color": "red"}])
def test_organization_with_wrong_fields_is_refused(control, wrong):
    body = {"platform": "linkedin", "username": "a", "organizations": [{"name": "A", **wrong}]}
    assert control.post("/accounts", json=body).status_code == 400


# --- Posts ---------------------------------------------------------------------------------------


def test_create_returns_the_urn_in_a_header_and_no_body(member, control):
    response = member.create_post("Hello")
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["x-restli-id"] == post_of(control)["id"]


@pytest.mark.parametrize(
    ("commentary", "visible"),
    [
        (r"By @[Acme \(UK\)](urn:li:organization:1)!", "By Acme (UK)!"),
        ("By @[Acme (UK)](urn:li:organization:1)!", "By "),
        (r"@[A](urn:li:person:a\_b)!", "A!"),
        ("Hi @[A](urn:li:person:a_b)!", "Hi "),
        ("https://e.com/?#part", "https://e.com/?#part"),
        ("https://e.com/a_b", "https://e.com/a"),
        ("before (after)", "before "),
        (r"all \(of it\)", "all (of it)"),
        (r"{hashtag|\#|rye} and #spelt", "#rye and #spelt"),
        ("@[Works](urn:li:organization:1) bakes", "Works bakes"),
        ("a*b", "a"),
    ],
)
def test_text_ends_at_the_first_unescaped_character(member, control, commentary, visible):
    member.create_post(commentary)
    assert post_of(control)["text"] == visible


def test_addresses_may_need_no_backslashes(member, control):
    control.post("/settings", json={"linkedin_addresses": "plain"})
    member.create_post(r"\(https://e.com/a_(b)#c\) and https://e.com/a\_b #rye")
    assert post_of(control)["text"] == r"(https://e.com/a_(b)#c) and https://e.com/a\_b #rye"


def test_lists_return_commentary_with_hashtag_templates(member):
    author = member.organizations[0]
    member.create_post("#rye \\(new\\)", author=author)
    urn = quote(author, safe="")
    [data] = member.get(f"/rest/posts?author={urn}&q=author").json()["elements"]
    assert data["commentary"] == r"{hashtag|\#|rye} \(new\)"
    assert little_text.read(data["commentary"])[0] == "#rye (new)"


def test_posts_of_a_member_cannot_be_read(member):
    urn = quote(member.urn, safe="")
    assert member.get(f"/rest/posts?author={urn}&q=author").status_code == 403


def test_duplicate_is_refused_for_ten_minutes_with_the_urn_of_the_first(member, control):
    first = member.create_post("Twice").headers["x-restli-id"]
    response = member.create_post("Twice")
    assert response.status_code == 422
    assert first in response.json()["message"]
    assert member.create_post("Other").status_code == 201
    control.post("/clock", json={"advance_seconds": 601})
    assert member.create_post("Twice").status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"visibility": "NOBODY"}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"lifecycleState": "DRAFT"}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"commentary": "x" * 3001}, 400, "FIELD_LENGTH_TOO_LONG"),
        ({"commentary": 5}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"author": "abc"}, 400, "INVALID_URN_TYPE"),
        ({"author": "urn:li:person:other"}, 403, "ACCESS_DENIED"),
        ({"content": {"poll": {"question": "?", "options": []}}}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"content": {"article": {"source": "https://a"}}}, 400, "MISSING_FIELD"),
        ({"content": {"media": {"id": "urn:li:image:1"}}}, 400, "INVALID_URN_ID"),
        ({"content": {"media": {}, "poll": {}}}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"content": {"multiImage": {"images": [{}]}}}, 400, "INVALID_VALUE_FOR_FIELD"),
    ],
)
def test_invalid_post_is_refused(member, change, status, code):
    response = member.create_post(**change)
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("role", ["ANALYST", "CURATOR"])
def test_role_without_permission_cannot_post(make_member, role):
    member = make_member(organizations=[{"name": "Works", "role": role}])
    assert member.create_post(author=member.organizations[0]).status_code == 403


def test_post_of_an_organization_requires_its_scope(make_member):
    member = make_member(scopes=["w_member_social"])
    response = member.create_post(author=member.organizations[0])
    assert "Organization permissions" in response.json()["message"]


def test_delete_can_be_repeated(member):
    author = member.organizations[0]
    urn = quote(member.create_post(author=author).headers["x-restli-id"], safe="")
    assert [member.delete(f"/rest/posts/{urn}").status_code for _ in range(2)] == [204, 204]
    assert member.get(f"/rest/posts/{urn}").status_code == 404


# --- Uploads -------------------------------------------------------------------------------------


def test_upload_of_an_image_requires_a_token_and_of_a_video_refuses_one(member, site, sample):
    upload = member.initialize_upload("images")
    path = upload["uploadUrl"].removeprefix(site.url)
    assert site.call("PUT", path, data=sample("harbour.jpg")).status_code == 401
    video = member.initialize_upload("videos", fileSizeBytes=100_000)
    url = video["uploadInstructions"][0]["uploadUrl"]
    assert member.session.put(url, data=b"x" * 100_000).status_code == 400
    response = site.call("PUT", url.removeprefix(site.url), data=b"x" * 100_000)
    assert (response.status_code, bool(response.headers["ETag"])) == (200, True)


def test_status_of_media_is_refused_to_write_only_tokens(make_member, sample):
    member = make_member(scopes=["w_member_social"])
    urn = quote(member.upload_image(sample("harbour.jpg")), safe="")
    assert member.get(f"/rest/images/{urn}").status_code == 403


def test_media_must_be_ready_and_belong_to_the_author(member, sample, control):
    control.post("/settings", json={"linkedin_processing_seconds": 60})
    urn = member.upload_image(sample("harbour.jpg"))
    early = member.create_post(content={"media": {"id": urn}})
    assert early.json()["code"] == "MEDIA_ASSET_WAITING_UPLOAD"
    control.post("/clock", json={"advance_seconds": 61})
    other = member.create_post(author=member.organizations[0], content={"media": {"id": urn}})
    assert other.status_code == 403
    assert member.create_post(content={"media": {"id": urn}}).status_code == 201


def test_file_that_is_not_an_image_fails_processing(member):
    urn = member.upload_image(b"not an image")
    response = member.create_post(content={"media": {"id": urn}})
    assert response.json()["code"] == "MEDIA_ASSET_PROCESSING_FAILED"


def test_parts_are_joined_in_the_order_of_their_ids(member, site, sample):
    clip = sample("clip.mp4")
    data = clip + b"\0\0\0\x01free" + (PART + 16).to_bytes(8, "big") + bytes(PART)
    upload = member.initialize_upload("videos", fileSizeBytes=len(data))
    etags = []
    for part in upload["uploadInstructions"]:
        piece = data[part["firstByte"] : part["lastByte"] + 1]
        response = site.call("PUT", part["uploadUrl"].removeprefix(site.url), data=piece)
        etags.append(response.headers["ETag"].strip('"'))
    upload = {"video": upload["video"], "uploadToken": upload["uploadToken"]}
    urn = quote(upload["video"], safe="")

    def finalize(**change):
        body = {"finalizeUploadRequest": {**upload, "uploadedPartIds": etags, **change}}
        return member.post("/rest/videos?action=finalizeUpload", json=body).status_code

    assert finalize(uploadToken="other") == 400
    assert finalize(uploadedPartIds=etags[:1]) == 400
    assert member.get(f"/rest/videos/{urn}").json()["status"] == "WAITING_UPLOAD"
    assert finalize() == 200
    assert member.get(f"/rest/videos/{urn}").json()["status"] == "AVAILABLE"


def test_asset_is_not_found_shortly_after_its_upload(member, sample, control):
    control.post("/settings", json={"linkedin_unknown_asset_seconds": 30})
    urn = member.upload_image(sample("harbour.jpg"))
    assert member.get(f"/rest/images/{quote(urn, safe='')}").status_code == 404
    assert member.create_post(content={"media": {"id": urn}}).status_code == 404
    control.post("/clock", json={"advance_seconds": 31})
    assert member.create_post(content={"media": {"id": urn}}).status_code == 201


def test_video_has_a_thumbnail_if_its_upload_asks_for_one(member, site, sample, control):
    clip, picture = sample("clip.mp4"), sample("bakery.jpg")
    upload = member.initialize_upload("videos", fileSizeBytes=len(clip), uploadThumbnail=True)
    path = upload["thumbnailUploadUrl"].removeprefix(site.url)
    assert site.call("PUT", path, data=picture).status_code == 400
    headers = {"media-type-family": "STILLIMAGE"}
    assert site.call("PUT", path, data=picture, headers=headers).status_code == 201
    [part] = upload["uploadInstructions"]
    response = site.call("PUT", part["uploadUrl"].removeprefix(site.url), data=clip)
    etags = [response.headers["ETag"].strip('"')]
    body = {"video": upload["video"], "uploadToken": "", "uploadedPartIds": etags}
    finalize = {"finalizeUploadRequest": body}
    member.post("/rest/videos?action=finalizeUpload", json=finalize)
    member.create_post(content={"media": {"id": upload["video"]}})
    assert post_of(control)["details"]["thumbnail"] == hashlib.sha256(picture).hexdigest()
    assert "thumbnailUploadUrl" not in member.initialize_upload("videos", fileSizeBytes=99)


def test_content_administrator_uploads_no_videos(make_member):
    member = make_member(organizations=[{"name": "Works", "role": "CONTENT_ADMINISTRATOR"}])
    [owner] = member.organizations
    response = member.initialize_upload("videos", owner, fileSizeBytes=99)
    assert response.status_code == 403
    assert "image" in member.initialize_upload("images", owner)


def test_document_requires_a_title(member, sample):
    upload = member.initialize_upload("documents")
    member.session.put(upload["uploadUrl"], data=sample("document.pdf"))
    content = {"media": {"id": upload["document"]}}
    assert member.create_post(content=content).json()["code"] == "MISSING_FIELD"
    content["media"]["title"] = "Our year"
    assert member.create_post(content=content).status_code == 201


# --- Numbers -------------------------------------------------------------------------------------


def test_statistics_accept_unencoded_restli_lists_only(member):
    author = member.organizations[0]
    urn = member.create_post(author=author).headers["x-restli-id"]
    finder = "/rest/organizationalEntityShareStatistics?q=organizationalEntity"
    finder += f"&organizationalEntity={quote(author, safe='')}"
    good = f"{finder}&shares=List({quote(urn, safe='')})"
    assert member.get(good).json()["elements"] == []  # nobody has seen it yet
    encoded = f"{finder}&shares=List%28{quote(urn, safe='')}%29"
    assert member.get(encoded).status_code == 400
    assert member.get(f"{finder}&ugcPosts=List({quote(urn, safe='')})").status_code == 400


@pytest.mark.parametrize(("version", "is_text"), [("202604", False), ("202605", True)])
def test_metric_type_is_a_string_since_version_202605(make_member, version, is_text):
    member = make_member()
    urn = quote(member.create_post().headers["x-restli-id"], safe="")
    path = f"/rest/memberCreatorPostAnalytics?q=entity&entity=(share:{urn})&queryType=REACTION"
    [data] = member.get(path, headers={"LinkedIn-Version": version}).json()["elements"]
    assert isinstance(data["metricType"], str) == is_text


def test_batch_returns_posts_and_a_404_for_missing_ones(member, make_member):
    [organization] = member.organizations
    urn = member.create_post("For them", author=organization).headers["x-restli-id"]
    nobody = "urn:li:share:1"

    path = f"/rest/posts?ids=List({quote(urn)},{quote(nobody)})"
    data = member.get(path).json()

    assert data["results"][urn]["commentary"] == "For them"
    assert data["statuses"] == {urn: 200, nobody: 404}
    assert make_member().get(path).status_code == 403


def test_introspection_reports_status_and_scopes_of_a_token(member, server):
    form = {"client_id": "sandbox-linkedin", "client_secret": "sandbox-secret"}
    url = f"{server.url}/linkedin/oauth/v2/introspectToken"
    data = member.session.post(url, data={**form, "token": member.account["access_token"]}).json()
    assert (data["active"], data["status"], data["auth_type"]) == (True, "active", "3L")
    assert "w_member_social" in data["scope"].split(",")
    assert member.session.post(url, data={**form, "token": "x"}).json() == {"active": False}
    wrong = {**form, "client_secret": "guess", "token": "x"}
    assert member.session.post(url, data=wrong).status_code == 401
