"""Metrics of a Page beyond those of all platforms: views and reach, if they may be read."""

from __future__ import annotations

import datetime as dt

import pytest

from socialpublishing.crypto import Secret
from socialpublishing.errors import ContentRejectedError, InsufficientPermissionsError
from socialpublishing.platforms.accounts import Account
from socialpublishing.platforms.facebook import Facebook, metrics
from socialpublishing.platforms.facebook.metrics import FacebookMetrics, metrics_of, past_post

NOW = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
LONG_AGO = NOW - dt.timedelta(days=90)
NUMBERS = {"impressions": 900, "reach": 700, "clicks": 12, "likes": 40, "comments": 5, "shares": 3}


@pytest.fixture
def make_reader(sandbox):
    """A metrics reader of a Page with one old post."""

    def make(*, can_read_insights, **facts):
        page = sandbox.account("facebook", **facts)["pages"][0]
        at = (NOW - dt.timedelta(days=2)).isoformat()
        post = {"created_at": at, "text": "Rye", "kind": "image", "metrics": NUMBERS}
        sandbox.call("POST", "history", platform="facebook", account_id=page["id"], posts=[post])
        profile = {"tells_insights": can_read_insights}
        account = Account(id=page["id"], token=Secret(page["access_token"]), profile=profile)
        return FacebookMetrics(Facebook(account))

    return make


def test_insights_are_read_with_the_list_if_permitted(make_reader, sandbox):
    [post] = make_reader(can_read_insights=True).history(since=LONG_AGO, limit=10)
    counted = post.metrics
    assert (counted.impressions, counted.reach, counted.clicks) == (900, 700, 12)
    assert (counted.likes, counted.comments, counted.shares) == (40, 5, 3)
    assert len(sandbox.calls("/published_posts")) == 1


def test_other_metrics_are_read_without_that_permission(make_reader):
    scopes = ["pages_show_list", "pages_read_engagement"]
    [post] = make_reader(can_read_insights=False, scopes=scopes).history(since=LONG_AGO, limit=10)
    counted = post.metrics
    assert (counted.impressions, counted.reach, counted.clicks) == (None, None, None)
    assert (counted.likes, counted.comments, counted.shares) == (40, 5, 3)


def test_permission_that_was_withdrawn_is_reported(make_reader):
    scopes = ["pages_show_list", "pages_read_engagement"]
    reader = make_reader(can_read_insights=True, scopes=scopes)
    with pytest.raises(InsufficientPermissionsError):
        reader.history(since=LONG_AGO, limit=10)


def test_metric_that_meta_has_ended_raises_an_error(make_reader, monkeypatch):
    monkeypatch.setattr(metrics, "INSIGHTS", "insights.metric(post_media_view,post_impressions)")
    with pytest.raises(ContentRejectedError, match="valid insights metric"):
        make_reader(can_read_insights=True).history(since=LONG_AGO, limit=10)


def test_metric_that_is_split_by_kinds_is_summed():
    values = [{"value": {"link clicks": 4, "other clicks": 5}}]
    insights = {"data": [{"name": "post_clicks", "values": values}]}
    assert metrics_of({"id": "1", "insights": insights}).clicks == 9


def test_page_with_few_fans_has_no_insights():
    assert metrics_of({"id": "1", "insights": {"data": []}}).reach is None


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "text"),
        ({"attachments": {"data": [{"media_type": "album"}]}}, "carousel"),
        ({"attachments": {"data": [{"media_type": "video"}]}}, "video"),
        (
            {
                "attachments": {"data": [{"media_type": "video"}]},
                "permalink_url": "https://www.facebook.com/reel/7/",
            },
            "reel",
        ),
        ({"attachments": {"data": [{"media_type": "life_event"}]}}, ""),
    ],
)
def test_kind_is_read_from_the_attachments(more, kind):
    post = {"id": "1_2", "created_time": "2026-11-20T08:00:00+0000", **more}
    assert past_post(post).kind == kind
