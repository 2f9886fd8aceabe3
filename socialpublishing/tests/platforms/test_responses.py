"""Responses of another shape than described: only errors of ours leave a platform's client."""

from __future__ import annotations

import contextlib
import datetime as dt
from itertools import product

import pytest
from requests_mock import ANY

from socialpublishing.crypto import Secret
from socialpublishing.errors import (
    MalformedResponseError,
    MediaError,
    PlatformApiError,
    SocialPublishingBaseError,
    UploadAddressRefusedError,
)
from socialpublishing.oauth import new_verifier
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.accounts import Account, DestinationFacts, Profile
from socialpublishing.platforms.boards import Boards, NewBoard
from socialpublishing.platforms.instagram.client import OTHER_POST_IDS
from socialpublishing.platforms.metrics import Metrics, MetricsNotAvailableError, TagQuery
from socialpublishing.platforms.progress import Progress
from socialpublishing.posts import Media, MediaKind, Post

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SHAPES = [
    None,
    [],
    "x",
    5,
    [[5]],
    {},
    {"data": 5},
    {"data": [5]},
    {"data": {"id": 5, "user": []}},
    {"data": [{"id": 5, "created_time": 5, "timestamp": [], "attachments": 5, "insights": [5]}]},
    {"data": [{"id": "1", "created_at": "soon", "entities": [5], "public_metrics": 5}]},
    {"data": {"videos": [{"id": 5, "create_time": "x"}], "has_more": True}},
    {"items": [{"id": 5, "created_at": 5}], "bookmark": 5},
    {"elements": [{"id": "1", "createdAt": 10**30, "organization": 5}], "paging": 5},
    {"status": 5, "status_code": [], "id": {}, "name": 5},
    {"status": {"uploading_phase": 5, "processing_phase": [1]}, "id": "1"},
    {"value": [], "access_token": "t", "expires_in": [], "trends": 5},
    {"access_token": "t", "permissions": 5},
]
LOGINS = [
    platform
    for registered in PLATFORMS.values()
    for platform in (registered, *registered.logins.values())
]
PHOTO = Media(
    kind=MediaKind.IMAGE, url="https://127.0.0.1/1.jpg", mime_type="image/jpeg", size_bytes=10
)
FILM = Media(
    kind=MediaKind.VIDEO, url="https://127.0.0.1/1.mp4", mime_type="video/mp4", size_bytes=10
)
PUBLIC = {"privacy_level": "PUBLIC_TO_EVERYONE"}
TEXT = Post(text="Hi", options=PUBLIC)
IMAGE = Post(text="Hi", media=(PHOTO,), options=PUBLIC)
VIDEO = Post(text="Hi", media=(FILM,), options=PUBLIC)
REEL = Post(text="Hi", media=(FILM,), options={"post_type": "reel"})
STORY = Post(text="", media=(FILM,), options={"post_type": "story"})
POSTS = (TEXT, IMAGE, VIDEO, REEL, STORY)
# What was stored before, of all platforms together.
HANDLE = {
    "container": "1",
    "publish_id": "1",
    "offset": 0,
    "media_id": "1",
    "photo_ids": ["1"],
    "media_ids": [],
    "assets": [],
    "upload": {"id": "1", "session": "1", "offset": 10, "is_whole": True},
    "hosted": {"id": "1", "url": "http://127.0.0.1:1/x", "is_sent": True},
    "since": NOW.isoformat(),
    OTHER_POST_IDS: [],
}


@pytest.fixture(params=LOGINS, ids=lambda each: f"{each.name} {each.login}".strip())
def client(request, settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    account = Account(id="urn:li:organization:1", token=Secret("t"), login=request.param.login)
    return request.param(account)


def steps_of(client):
    """Every step with every post, also where the platform has no such post."""
    for verb, post in product(("prepare", "publish", "confirm", "lookup"), POSTS):
        more = {"since": NOW, "other_post_ids": ()} if verb == "lookup" else {}
        for handle in ({}, HANDLE):
            yield verb, (post, Progress(handle=handle)), more


def other_requests_of(client):
    yield "profile", (), {}
    yield "destinations", (), {}
    yield "renew", (Secret("t"),), {}
    yield "revoke", (Secret("t"),), {}
    if isinstance(client, Boards):
        yield "create_board", (NewBoard(name="Rye"),), {}
        yield "sections", ("1",), {}
        yield "create_section", ("1", "Rye"), {}


def call(receiver, verb, args, more):
    """Fails with whatever is neither a result nor an error of ours with a sentence."""
    # Files cannot be read here, and not every platform has every step.
    expected = (PlatformApiError, MediaError, MetricsNotAvailableError, NotImplementedError)
    with contextlib.suppress(*expected):
        try:
            getattr(receiver, verb)(*args, **more)
        except SocialPublishingBaseError as error:
            if " " not in str(error):
                pytest.fail(f"{verb} shows a key of the response: {error}")
            raise


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_misshapen_responses_become_errors_of_ours(client, shape, requests_mock):
    requests_mock.register_uri(ANY, ANY, json=shape)
    for verb, args, more in (*steps_of(client), *other_requests_of(client)):
        call(client, verb, args, more)
    exchange = {"code": "c", "redirect_uri": "https://a.example", "verifier": new_verifier()}
    call(client.app, "exchange_code", (), exchange)
    if client.metrics_reader is not None:
        reader = client.metrics_reader(client)
        call(reader, "history", (), {"since": NOW, "limit": 5})
        call(reader, "metrics", (["1", "urn:li:share:1"],), {})
        call(reader, "tag_ideas", (TagQuery(keywords=("rye",)),), {})


def test_misshapen_response_is_logged_once_with_its_traceback(settings, requests_mock, caplog):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    requests_mock.register_uri(ANY, ANY, json={"username": "me"})
    twitter = PLATFORMS["twitter"](Account(id="1", token=Secret("t")))
    with pytest.raises(MalformedResponseError) as caught:
        twitter.profile()
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.platform == "twitter"
    [record] = caplog.records
    assert record.exc_info[0] is KeyError


@pytest.mark.parametrize(
    "make",
    [
        lambda: Profile(id=5, display_name="A"),
        lambda: Profile(id="", display_name="A"),
        lambda: Profile(id="5", display_name=None),
        lambda: DestinationFacts(id="5", name=[], kind="page", can_publish=True),
        lambda: Metrics(likes="many"),
    ],
)
def test_values_of_a_wrong_type_are_not_handed_on(make):
    with pytest.raises(MalformedResponseError):
        make()


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "http://127.0.0.1:1.evil.example/", "//x", "https://[", ""],
)
def test_upload_address_of_another_host_is_refused_before_anything_is_sent(
    client, settings, address
):
    settings.SANDBOX_URL = ""
    with pytest.raises(UploadAddressRefusedError) as caught:
        client.upload_http(address)
    assert caught.value.nothing_was_created
