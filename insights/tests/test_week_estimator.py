import datetime as dt
import math
import random
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from benchmarks.accounts import make_account, read_of
from benchmarks.best_times import (
    METHODS,
    REPORT_SEED,
    RUSH,
    RUSH_SIZE,
    STUDIED,
    reached,
    report,
    run,
)
from insights.confidence import Confidence
from insights.engagement import Sample
from insights.week_estimator import Basis, estimate_week, mean_effects
from insights.week_terms import SLOTS

BERLIN, UTC, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def make_samples():
    """Posts of the last year. `lift` gives their relative engagement, `hour` their hour."""

    def make(count, *, zone=UTC, lift=lambda local: 1.0, hour=None, noise=0.8, seed=1, **fields):
        rng = random.Random(seed)
        samples = []
        for _ in range(count):
            at = NOW - dt.timedelta(days=rng.uniform(3, 365))
            local = at.astimezone(zone)
            if hour is not None:
                local = local.replace(hour=hour(rng), minute=rng.randrange(60))
            engagement = 100 * lift(local) * math.exp(rng.gauss(0, noise))
            samples.append(Sample(published_at=local, engagement=round(engagement), **fields))
        return samples

    return make


def evening(local):
    return 1 + 3 * math.exp(-(((local.hour + local.minute / 60 - 19) / 2) ** 2) / 2)


def hours_of(estimate):
    return [slot.hour_of_day for slot in estimate.slots]


def at(slot):
    return slot.day_of_week, slot.hour_of_day


def test_without_posts_the_estimate_is_flat_and_counts_missing_posts():
    estimate = estimate_week([], zone=UTC, now=NOW)

    assert estimate.confidence == Confidence.LOW
    assert estimate.posts_used == 0
    assert 100 < estimate.missing_posts < 300
    assert estimate.surface == (1.0,) * SLOTS
    assert estimate.lift == 1


def test_strong_evenings_are_the_best_slots(make_samples):
    estimate = estimate_week(make_samples(300, lift=evening), zone=UTC, now=NOW)

    assert all(17 <= hour <= 20 for hour in hours_of(estimate))
    assert estimate.confidence != Confidence.LOW
    assert estimate.missing_posts == 0
    assert estimate.lift > 1.5
    assert [slot.score for slot in estimate.slots] == sorted(estimate.surface, reverse=True)[:3]
    assert estimate.slots[0].score == 1
    assert all(slot.posts > 0 for slot in estimate.slots)


def test_weekend_may_differ_from_weekdays(make_samples):
    def lift(local):
        centre = 11 if local.weekday() >= 5 else 19
        return 1 + 4 * math.exp(-(((local.hour - centre) / 2) ** 2) / 2)

    surface = estimate_week(make_samples(800, lift=lift), zone=UTC, now=NOW).surface

    assert surface[6 * 24 + 11] > 2 * surface[6 * 24 + 19]
    assert surface[2 * 24 + 19] > 2 * surface[2 * 24 + 11]


def test_one_outstanding_day_is_estimated_with_high_confidence(make_samples):
    def lift(local):
        return evening(local) ** 1.8 if local.weekday() == 3 else 1

    estimate = estimate_week(make_samples(1000, lift=lift, noise=0.4), zone=UTC, now=NOW)

    assert at(estimate.slots[0]) in {(3, 18), (3, 19)}
    assert estimate.confidence == Confidence.HIGH
    assert estimate.high_probability > 0.9


def test_one_outlier_does_not_move_the_best_slots(make_samples):
    samples = make_samples(100, lift=evening)
    outlier = Sample(published_at=NOW - dt.timedelta(days=20), engagement=1_000_000)

    estimate = estimate_week([*samples, outlier], zone=UTC, now=NOW)

    assert 12 not in hours_of(estimate)


def test_number_of_posts_at_an_hour_is_no_evidence(make_samples):
    samples = make_samples(300, hour=lambda rng: rng.choice((9, 9, 9, 9, 15)))

    estimate = estimate_week(samples, zone=UTC, now=NOW)

    assert estimate.confidence == Confidence.LOW
    assert min(estimate.surface) > 0.8


def test_strong_kind_of_post_does_not_raise_its_hour(make_samples):
    texts = make_samples(200, kind="text", hour=lambda rng: rng.choice((8, 10, 12, 20)))
    videos = make_samples(
        100, kind="video", hour=lambda rng: rng.choice((12, 20, 20)), lift=lambda local: 6, seed=2
    )

    surface = estimate_week([*texts, *videos], zone=UTC, now=NOW).surface

    assert 0.8 < surface[2 * 24 + 20] / surface[2 * 24 + 8] < 1.25


def test_growth_of_the_account_does_not_raise_its_newest_hours():
    rng = random.Random(3)
    samples = []
    for day in range(5, 365):
        published_at = (NOW - dt.timedelta(days=day)).replace(hour=20 if day < 90 else 9)
        engagement = 1000 * math.exp(-2 * day / 365 + rng.gauss(0, 0.5))
        samples.append(Sample(published_at=published_at, engagement=engagement))

    surface = estimate_week(samples, zone=UTC, now=NOW).surface

    assert 0.7 < surface[2 * 24 + 20] / surface[2 * 24 + 9] < 1.4


@pytest.fixture
def make_rush():
    """Posts of the last year, at any hour; a threefold rush on each day at 19:30.

    `through_reach` is the share of its (log) effect that works through reach.
    """

    def make(count, through_reach, seed=1, rush=3.0):
        rng = random.Random(seed)
        samples = []
        for _ in range(count):
            at = NOW - dt.timedelta(days=rng.uniform(8, 365))
            gap = at.hour + at.minute / 60 - 19.5
            lift = math.log(rush) * math.exp(-((gap / 2) ** 2) / 2)
            reach = 2000 * math.exp(through_reach * lift + rng.gauss(0, 0.5))
            rate = 0.05 * math.exp((1 - through_reach) * lift + rng.gauss(0, 0.8))
            samples.append(
                Sample(published_at=at, engagement=round(reach * rate), reach=round(reach))
            )
        return samples

    return make


@pytest.mark.parametrize("through_reach", [0, 0.5, 1])
def test_rush_counts_whether_it_works_through_reach_or_rate(make_rush, through_reach):
    estimates = [
        estimate_week(make_rush(700, through_reach, seed), zone=UTC, now=NOW) for seed in range(4)
    ]

    assert all(each.confidence != Confidence.LOW for each in estimates)
    assert sum(hours_of(each)[0] in {18, 19, 20} for each in estimates) >= 3
    assert all(each.lift > 1.6 for each in estimates)


def test_reach_is_judged_alone_if_it_is_the_basis(make_rush):
    by_rate, by_reach = (
        estimate_week(make_rush(300, through), zone=UTC, now=NOW, basis=Basis.REACH)
        for through in (0, 1)
    )

    assert by_rate.confidence == Confidence.LOW
    assert by_rate.lift < 1.2
    assert by_reach.confidence != Confidence.LOW
    assert all(18 <= hour <= 20 for hour in hours_of(by_reach))


def test_posts_that_nobody_saw_count_as_reach(make_rush):
    unseen = [
        Sample(published_at=NOW - dt.timedelta(days=9 + day, hours=4), engagement=0, reach=0)
        for day in range(30)
    ]
    unknown = Sample(published_at=NOW - dt.timedelta(days=9), engagement=10)

    estimate = estimate_week(
        [*make_rush(60, 0), *unseen, unknown], zone=UTC, now=NOW, basis=Basis.REACH
    )

    assert estimate.posts_used == 90
    assert estimate.surface[2 * 24 + 8] < 0.6


def test_posts_with_and_without_reach_are_combined(make_samples):
    known = make_samples(150, lift=evening, reach=5_000)
    unknown = make_samples(150, lift=evening, seed=2)

    estimate = estimate_week([*known, *unknown], zone=UTC, now=NOW)

    assert estimate.posts_used == 300
    assert all(17 <= hour <= 20 for hour in hours_of(estimate))


def test_young_posts_are_judged_by_their_age(make_samples):
    samples = make_samples(100, hour=lambda rng: 9)
    young = [
        Sample(published_at=NOW - dt.timedelta(hours=hours), engagement=100 * share)
        for hours, share in ((16, 0.49), (17, 0.51), (15, 0.46), (18, 0.53))
    ]
    early = [
        Sample(
            published_at=NOW - dt.timedelta(days=30 + i, hours=16),
            engagement=22,
            age=dt.timedelta(hours=6),
        )
        for i in range(20)
    ]

    estimate = estimate_week([*samples, *young, *early], zone=UTC, now=NOW)

    assert estimate.posts_used == 124
    assert min(estimate.surface) > 0.75


def test_posts_too_young_or_in_the_future_are_left_out():
    samples = [
        Sample(published_at=NOW + dt.timedelta(hours=1), engagement=5),
        Sample(published_at=NOW - dt.timedelta(minutes=30), engagement=0),
        Sample(published_at=NOW - dt.timedelta(days=2), engagement=5, age=dt.timedelta()),
        Sample(published_at=NOW - dt.timedelta(days=2), engagement=-1),
    ]

    assert estimate_week(samples, zone=UTC, now=NOW).posts_used == 0


def test_hours_are_local_before_and_after_a_clock_change(make_samples):
    def sharp(local):
        return 1 + 6 * math.exp(-((local.hour + local.minute / 60 - 18.5) ** 2) / 2)

    samples = [
        Sample(published_at=sample.published_at.astimezone(dt.UTC), engagement=sample.engagement)
        for sample in make_samples(600, zone=BERLIN, lift=sharp, noise=0.4)
    ]

    estimate = estimate_week(samples, zone=BERLIN, now=NOW)

    assert set(hours_of(estimate)) == {18}
    assert {sample.published_at.hour for sample in samples if sample.engagement > 600} >= {16, 17}


def test_hours_are_in_the_requested_time_zone(make_samples):
    samples = make_samples(400, zone=UTC, lift=evening, noise=0.4)

    in_utc = estimate_week(samples, zone=UTC, now=NOW)
    in_kolkata = estimate_week(samples, zone=KOLKATA, now=NOW)

    # 19:00 UTC is half past midnight in Kolkata.
    assert all(18 <= hour <= 19 for hour in hours_of(in_utc))
    assert all(hour in {23, 0, 1} for hour in hours_of(in_kolkata))


def test_recent_change_of_the_audience_outweighs_old_posts(make_samples):
    def moved(local):
        centre = 20 if NOW - local < dt.timedelta(days=120) else 9
        return 1 + 5 * math.exp(-(((local.hour - centre) / 2) ** 2) / 2)

    surface = estimate_week(make_samples(600, lift=moved), zone=UTC, now=NOW).surface

    assert surface[2 * 24 + 20] > 1.5 * surface[2 * 24 + 9]


def at_seven(height):
    return [height if slot % 24 == 7 else 0.0 for slot in range(SLOTS)]


def test_without_posts_the_prior_decides_the_hours_and_gives_no_confidence():
    estimate = estimate_week([], zone=UTC, now=NOW, prior=at_seven(0.5))

    assert hours_of(estimate) == [7, 7, 7]
    assert estimate.surface[8] == pytest.approx(math.exp(-0.25))
    assert estimate.confidence == Confidence.LOW


def test_prior_helps_few_posts_that_agree_with_it(make_samples):
    prior = estimate_week(make_samples(600, lift=evening), zone=UTC, now=NOW).effects

    estimates = [
        estimate_week(make_samples(40, lift=evening, seed=2), zone=UTC, now=NOW, prior=each)
        for each in (None, prior)
    ]

    assert all(17 <= hour <= 20 for hour in hours_of(estimates[1]))
    assert estimates[1].lift > estimates[0].lift


def test_posts_that_contradict_the_prior_outweigh_it(make_samples):
    samples = make_samples(150, lift=evening)

    without, with_prior = (
        estimate_week(samples, zone=UTC, now=NOW, prior=prior) for prior in (None, at_seven(1.0))
    )

    assert all(17 <= hour <= 20 for hour in hours_of(with_prior))
    assert with_prior.surface == pytest.approx(without.surface, abs=0.1)


def test_mean_effects_are_the_mean_of_the_accounts(make_samples):
    lively = estimate_week(make_samples(300, lift=evening), zone=UTC, now=NOW)
    silent = estimate_week([], zone=UTC, now=NOW)

    mean = mean_effects([lively.effects, silent.effects])

    assert mean == pytest.approx([effect / 2 for effect in lively.effects])
    assert mean_effects([]) == [0.0] * SLOTS


def test_order_of_posts_does_not_change_the_estimate(make_samples):
    samples = make_samples(120, lift=evening)

    assert estimate_week(samples, zone=UTC, now=NOW) == estimate_week(
        samples[::-1], zone=UTC, now=NOW
    )


def test_estimate_has_the_requested_number_of_slots(make_samples):
    estimate = estimate_week(make_samples(50, lift=evening), zone=UTC, now=NOW, top=10)

    assert len({at(slot) for slot in estimate.slots}) == 10


@pytest.mark.parametrize("engagement", [0, 1, 10**9])
def test_constant_engagement_gives_a_flat_week(make_samples, engagement):
    samples = [
        Sample(published_at=sample.published_at, engagement=engagement)
        for sample in make_samples(100)
    ]

    estimate = estimate_week(samples, zone=UTC, now=NOW)

    assert estimate.confidence == Confidence.LOW
    assert min(estimate.surface) > 0.95


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_posts_give_a_nearly_flat_week(make_samples, count):
    estimate = estimate_week(make_samples(count), zone=UTC, now=NOW)

    assert estimate.confidence == Confidence.LOW
    assert estimate.missing_posts > 50
    assert min(estimate.surface) > 0.7


# --- A slice of the study ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    return run(sizes=(100,), accounts=2, seed=REPORT_SEED)


def test_ours_reaches_more_lift_than_the_simple_methods(study):
    uneven = [trial for (name, _), cell in study.items() if name != "flat" for trial in cell]
    ours, *others = (reached(uneven, method) for method in METHODS)
    assert ours > 1.3 * max(others)


def test_threefold_rush_in_reach_is_found(study):
    trials = study[RUSH, RUSH_SIZE]
    assert all(trial.is_rush_found for trial in trials)
    assert all(trial.estimate.confidence != Confidence.LOW for trial in trials)


def test_flat_accounts_get_no_high_confidence(study):
    assert all(trial.estimate.confidence != Confidence.HIGH for trial in study["flat", 100])


def test_study_reports_every_class_and_size(study):
    text = report(study)

    assert all(f"| {name} | 100 |" in text for name in STUDIED if name != "flat")
    assert f"| {RUSH} | {RUSH_SIZE} |" in text


def test_reads_are_spread_over_the_hours_of_the_day():
    account = make_account("avoids the best", 1000, REPORT_SEED)
    newest = sorted(account.samples, key=lambda sample: sample.published_at)[-100:]
    spread = read_of(account.samples, 100)

    assert len(spread) <= 100
    rarest = [
        sorted(Counter(post.published_at.hour for post in posts).values())[:12]
        for posts in (newest, spread)
    ]
    assert sum(rarest[1]) > sum(rarest[0])
