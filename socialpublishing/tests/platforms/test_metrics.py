"""Histories and metrics, on each platform that reports them."""

from __future__ import annotations

import datetime as dt

import pytest

from socialpublishing.crypto import Secret
from socialpublishing.errors import InsufficientPermissionsError, RateLimitError
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.facebook import Facebook
from socialpublishing.platforms.instagram import Instagram
from socialpublishing.platforms.instagram.facebook_login import InstagramWithFacebookLogin
from socialpublishing.platforms.linkedin import LinkedIn
from socialpublishing.platforms.metrics import MetricsNotAvailableError, TagQuery
from socialpublishing.platforms.tiktok import TikTok

NOW = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
LONG_AGO = NOW - dt.timedelta(days=500)
NUMBERS = {"impressions": 900, "reach": 700, "views": 950, "likes": 40, "comments": 5, "shares": 3}
FACEBOOK_SCOPES = [
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_insights",
    "pages_show_list",
]


class Reader:
    """An account with old posts, and its metrics reader."""

    def __init__(self, sandbox, platform, account_id, account):
        self.sandbox, self.platform, self.account_id = sandbox, platform, account_id
        self.client = platform(account)
        self.metrics_reader = platform.metrics_reader(self.client)

    def plant(self, posts):
        data = [
            {"created_at": at.isoformat(), "text": text, "kind": kind, "metrics": metrics}
            for at, text, kind, metrics in posts
        ]
        return self.sandbox.call(
            "POST",
            "history",
            platform=self.platform.name,
            account_id=self.account_id,
            posts=data,
        )["ids"]


def facebook(sandbox, **facts):
    page = sandbox.account("facebook", **facts)["pages"][0]
    account = Account(id=page["id"], token=Secret(page["access_token"]))
    return Reader(sandbox, Facebook, page["id"], account)


def instagram(sandbox, **facts):
    made = sandbox.account("instagram", **facts)
    account = Account(id=made["account_id"], token=Secret(made["access_token"]))
    return Reader(sandbox, Instagram, made["account_id"], account)


def linkedin(sandbox, **facts):
    made = sandbox.account("linkedin", **facts)
    organization = made["organizations"][0]["id"]
    urn = f"urn:li:organization:{organization}"
    account = Account(id=urn, token=Secret(made["access_token"]))
    return Reader(sandbox, LinkedIn, organization, account)


def tiktok(sandbox, **facts):
    made = sandbox.account("tiktok", **facts)
    account = Account(id=made["account_id"], token=Secret(made["access_token"]))
    return Reader(sandbox, TikTok, made["account_id"], account)


MAKERS = {each.__name__: each for each in (facebook, instagram, linkedin, tiktok)}


@pytest.fixture(params=sorted(MAKERS))
def reader(request, sandbox):
    return MAKERS[request.param](sandbox)


def ago(**age):
    return NOW - dt.timedelta(**age)


def test_history_has_the_posts_as_they_were_published(reader):
    kinds = ["video"] if reader.platform is TikTok else ["image", "carousel", "video"]
    planted = [(ago(days=n + 1), f"Post {n} #rye", kind, NUMBERS) for n, kind in enumerate(kinds)]
    ids = reader.plant([*planted, (ago(days=501), "Too old", kinds[0], NUMBERS)])

    read = reader.metrics_reader.history(since=LONG_AGO, limit=100)

    assert [post.id for post in read] == ids[:-1]
    assert [(post.published_at, post.text) for post in read] == [
        (at, text) for at, text, _, _ in planted
    ]
    data = {"reel": "video"}
    assert [data.get(post.kind, post.kind) for post in read] == kinds
    for post in read:
        counted = post.metrics
        assert (counted.likes, counted.comments, counted.shares) == (40, 5, 3)
        assert counted.impressions in {None, 900, 950}
        assert counted.reach in {None, 700}


def test_history_is_read_page_by_page_up_to_its_limit(reader):
    kind = "video" if reader.platform is TikTok else "image"
    reader.plant([(ago(hours=n), f"Post {n}", kind, NUMBERS) for n in range(1, 131)])
    everything = reader.metrics_reader.history(since=LONG_AGO, limit=1000)
    assert [post.text for post in everything] == [f"Post {n}" for n in range(1, 131)]
    assert len(reader.metrics_reader.history(since=LONG_AGO, limit=70)) == 70
    assert len(reader.metrics_reader.history(since=ago(hours=10, minutes=1), limit=1000)) == 10


def test_metrics_by_id_leave_out_unknown_posts(reader):
    kind = "video" if reader.platform is TikTok else "image"
    ids = reader.plant([(ago(hours=n), f"Post {n}", kind, NUMBERS) for n in range(1, 61)])
    unknown = ids[0][:-3] + "000"
    data = reader.metrics_reader.metrics([*ids, unknown])
    assert set(data) == set(ids)
    assert {each.likes for each in data.values()} == {40}


def test_account_without_posts_has_no_history(reader):
    assert reader.metrics_reader.history(since=LONG_AGO, limit=10) == []


def test_rate_limit_is_reported(reader, sandbox):
    sandbox.fault("status", 429, times=9)
    with pytest.raises(RateLimitError):
        reader.metrics_reader.history(since=LONG_AGO, limit=10)


@pytest.mark.parametrize(
    ("maker", "scopes"),
    [
        (linkedin, ["w_member_social", "w_organization_social"]),
        (tiktok, ["user.info.basic", "video.publish"]),
        (facebook, ["pages_show_list", "pages_manage_posts"]),
    ],
)
def test_missing_permission_is_reported(sandbox, maker, scopes):
    reader = maker(sandbox, scopes=scopes)
    with pytest.raises(InsufficientPermissionsError):
        reader.metrics_reader.history(since=LONG_AGO, limit=10)


# --- LinkedIn's members --------------------------------------------------------------------------


def test_members_have_metrics_and_no_history(sandbox):
    made = sandbox.account("linkedin")
    account = Account(id=made["account_id"], token=Secret(made["access_token"]))
    reader = Reader(sandbox, LinkedIn, made["account_id"], account)
    [urn] = reader.plant([(ago(days=2), "Hi", "image", NUMBERS)])
    with pytest.raises(MetricsNotAvailableError, match="members"):
        reader.metrics_reader.history(since=LONG_AGO, limit=10)
    data = reader.metrics_reader.metrics([urn])[urn]
    assert (data.impressions, data.reach, data.likes) == (900, 700, 40)


# --- Instagram's hashtags ------------------------------------------------------------------------


@pytest.fixture
def behind_a_page(sandbox):
    made = sandbox.account("instagram", scopes=FACEBOOK_SCOPES)
    account = Account(id=made["account_id"], token=Secret(made["access_token"]), login="facebook")
    return Reader(sandbox, InstagramWithFacebookLogin, made["account_id"], account)


def test_ideas_are_the_hashtags_beside_those_of_the_query(behind_a_page):
    texts = ["#rye #bread", "#rye #bread #harbour", "#rye", "#spelt #bread"]
    behind_a_page.plant([(ago(days=n + 1), text, "image", NUMBERS) for n, text in enumerate(texts)])
    data = behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=("Rye",), limit=3))
    assert data.source == "instagram_hashtag_search"
    assert [(idea.tag, round(idea.score, 2)) for idea in data.ideas] == [
        ("rye", 1.0),
        ("bread", 0.67),
        ("harbour", 0.33),
    ]


def test_thirty_hashtags_in_seven_days_are_the_limit(behind_a_page, sandbox):
    for number in range(10):
        keywords = tuple(f"tag{number}x{each}" for each in "abc")
        behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=keywords))
    with pytest.raises(RateLimitError):
        behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=("another",)))
    behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=("tag1xa",)))  # the same again is free
    sandbox.call("POST", "clock", advance_seconds=7 * 86400 + 1)
    behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=("another",)))


def test_instagram_login_cannot_search_hashtags(sandbox):
    with pytest.raises(MetricsNotAvailableError, match="Facebook Login"):
        instagram(sandbox).metrics_reader.tag_ideas(TagQuery(keywords=("rye",)))


def test_hashtag_search_needs_a_reviewed_feature(behind_a_page, sandbox):
    sandbox.call("POST", "settings", instagram_public_content="off")
    with pytest.raises(InsufficientPermissionsError):
        behind_a_page.metrics_reader.tag_ideas(TagQuery(keywords=("rye",)))
