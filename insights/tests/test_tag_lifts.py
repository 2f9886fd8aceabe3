import datetime as dt
import math
import random
import statistics
from zoneinfo import ZoneInfo

import pytest

from benchmarks.hashtags import plant, rank_correlation
from insights.confidence import Confidence
from insights.engagement import Sample
from insights.tag_lifts import TaggedPost, fold, tag_lifts

UTC = ZoneInfo("UTC")
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def make_posts():
    """One post of the last year per set of tags, with `lift` of them as its engagement."""

    def make(tags, lift=lambda own: 1.0, noise=0.5, seed=1, hour=None, **fields):
        rng = random.Random(seed)
        posts = []
        for own in tags:
            at = NOW - dt.timedelta(days=rng.uniform(3, 365))
            if hour is not None:
                at = at.replace(hour=hour)
            engagement = round(200 * lift(own) * math.exp(rng.gauss(0, noise)))
            sample = Sample(published_at=at, engagement=engagement, **fields)
            posts.append(TaggedPost(sample=sample, tags=own))
        return posts

    return make


def lifts_of(posts, **options):
    return {lift.tag: lift for lift in tag_lifts(posts, now=NOW, zone=UTC, **options)}


def test_without_posts_no_tag_is_returned():
    assert tag_lifts([], now=NOW, zone=UTC) == []


def test_helpful_tag_is_first_and_harmful_tag_is_last(make_posts):
    factors = {"sun": 2.0, "rain": 0.5, "wind": 1.0}
    tags = [[tag] if i % 4 else [] for i in range(160) for tag in [list(factors)[i % 3]]]

    lifts = tag_lifts(
        make_posts(tags, lambda own: math.prod(factors[tag] for tag in own)), now=NOW, zone=UTC
    )

    assert [lift.tag for lift in lifts] == ["sun", "wind", "rain"]
    assert lifts[0].confidence == lifts[2].confidence == Confidence.HIGH
    assert lifts[0].score > 0.6 > lifts[1].score > 0.4 > lifts[2].score > 0
    assert 1.4 < lifts[0].lift < 2.2


def test_tag_used_once_is_left_out(make_posts):
    tags = [["often"]] * 20 + [[]] * 20 + [["once"]]

    lifts = lifts_of(make_posts(tags, lambda own: 1000.0 if own == ["once"] else 1.0))

    assert set(lifts) == {"often"}


def test_min_support_is_an_option(make_posts):
    posts = make_posts([["often"]] * 20 + [[]] * 20 + [["twice"]] * 2)

    assert set(lifts_of(posts, min_support=2)) == {"often", "twice"}
    assert set(lifts_of(posts, min_support=21)) == set()


def test_lift_of_few_posts_stays_near_one(make_posts):
    def lift(own):
        return 3.0 if own else 1.0

    tags = [["few"]] * 3 + [["many"]] * 60 + [[]] * 60

    lifts = lifts_of(make_posts(tags, lift))

    assert 1 < lifts["few"].lift < lifts["many"].lift


def test_case_sign_and_unicode_form_do_not_distinguish_tags(make_posts):
    spellings = ["#Summer", "summer", "SUMMER", "\N{FULLWIDTH NUMBER SIGN}summer"]
    posts = make_posts([[spelling] for spelling in spellings * 5] + [[]] * 20)

    lifts = lifts_of(posts)

    assert {tag: lift.posts for tag, lift in lifts.items()} == {"summer": 20}
    assert fold(" #Straße ") == fold("STRASSE") == "strasse"


def test_tag_written_twice_in_a_post_counts_once(make_posts):
    assert lifts_of(make_posts([["#a", "#A", "#"]] * 5))["a"].posts == 5


def test_strong_tag_does_not_raise_the_tags_used_with_it(make_posts):
    tags = [["strong", "companion"]] * 60 + [["strong"]] * 30 + [["companion"]] * 30 + [[]] * 60

    lifts = lifts_of(make_posts(tags, lambda own: 2.0 if "strong" in own else 1.0))

    assert lifts["strong"].lift > 1.4
    assert 0.85 < lifts["companion"].lift < 1.2


def test_strong_kind_of_post_does_not_raise_its_tags(make_posts):
    videos = make_posts([["film"]] * 60 + [[]] * 30, lambda own: 5.0, kind="video")
    texts = make_posts([["film"]] * 10 + [[]] * 80, kind="text", seed=2)

    assert 0.8 < lifts_of([*videos, *texts])["film"].lift < 1.25


def test_strong_hour_does_not_raise_its_tags(make_posts):
    late = make_posts([["night"]] * 60 + [[]] * 40, lambda own: 1.6, hour=21)
    early = make_posts([["night"]] * 10 + [[]] * 90, hour=9, seed=2)

    assert 0.8 < lifts_of([*late, *early])["night"].lift < 1.25


def test_at_most_limit_tags_are_returned_best_first(make_posts):
    posts = make_posts([[f"t{i % 8}"] for i in range(80)])

    everything = tag_lifts(posts, now=NOW, zone=UTC)

    assert tag_lifts(posts, now=NOW, zone=UTC, limit=3) == everything[:3]
    assert len(everything) == 8
    assert [lift.lift for lift in everything] == sorted((x.lift for x in everything), reverse=True)


def test_posts_too_young_to_judge_do_not_count_as_support(make_posts):
    young = TaggedPost(sample=Sample(published_at=NOW, engagement=5), tags=["new"])

    assert lifts_of(make_posts([[]] * 10) + [young] * 5) == {}


def test_estimated_lifts_rank_like_the_planted_effects():
    correlations = []
    for seed in range(10):
        planted = plant(300, seed)
        scores = {lift.tag: lift.lift for lift in planted.lifts}
        correlations.append(rank_correlation(scores, planted.effects))

    assert statistics.fmean(correlations) > 0.55
