"""A smooth model of an account's engagement over the hours of a week, and its uncertainty.

The model averages several priors (shapes and sizes, see `insights.week_terms`) and a flat week,
weighted by their evidence (marginal likelihood). This is Gaussian process regression with a basis
that is small enough for plain Python.
"""

import math
import random
from collections.abc import Sequence

from insights.engagement import Posts
from insights.linear import Vector, cholesky, dot, forward, solve
from insights.week_terms import (
    DAILY,
    HOURS,
    PRIORS,
    SLOTS,
    TYPICAL,
    Fit,
    Shape,
    contrast,
    gram,
    project,
    surface,
)

FLAT = 0.3  # the prior probability of a flat week

TRUST = 0.5  # the probability that a prior is about the account, before any post

# Half-lives of a post's weight, in days, and the log evidence that each must gain to be chosen.
HALF_LIVES = {900.0: 0.0, 240.0: 0.4, 75.0: 0.8}
MIN_POSTS_TO_DISCOUNT = 60
SPLIT = 0.85  # the share of older posts, from which the newer ones are predicted

ROUNDS = 2  # of clipping outliers, before the week is fitted
MIN_WEIGHT = 0.03  # fits with a smaller share of the weight are dropped
SIMULATED = 2  # fits, those of the most weight


class _Equations:
    """The normal equations of the terms, with the nuisance parameters eliminated."""

    def __init__(self, posts: Posts, places: Sequence[int], prior: Sequence[float]) -> None:
        residuals = [
            value - posts.level - prior[place]
            for value, place in zip(posts.values, places, strict=True)
        ]
        weights, sums = [0.0] * SLOTS, [0.0] * SLOTS
        shared = [[0.0] * SLOTS for _ in posts.precisions]
        for weight, terms, place, residual in zip(
            posts.weights, posts.terms, places, residuals, strict=True
        ):
            weights[place] += weight
            sums[place] += weight * residual
            for i, x in terms:
                shared[i][place] += weight * x
        self._shared = [project(row) for row in shared]
        self._factor = cholesky(posts.penalised_gram())
        self._nuisance = posts.project(residuals)
        half = forward(self._factor, self._nuisance)
        columns = [forward(self._factor, column) for column in zip(*self._shared, strict=True)]
        self.right = [
            value - dot(column, half) for value, column in zip(project(sums), columns, strict=True)
        ]
        self.products = [
            [value - dot(column, other) for value, other in zip(row, columns, strict=False)]
            for row, column in zip(gram(weights), columns, strict=True)
        ]
        self._variance = posts.variance

    def fit(self, shape: Shape, size: float) -> Fit:
        return Fit(self.products, self.right, self._variance, shape, size)

    def nuisances(self, coefficients: Sequence[float]) -> Vector:
        """The coefficients of the nuisance model, given those of the terms."""
        rest = [
            value - dot(row, coefficients)
            for value, row in zip(self._nuisance, self._shared, strict=True)
        ]
        return solve(self._factor, rest)


class WeekModel:
    """The model of the week for `posts` published at `places`; `prior` is its mean, as far as
    the posts do not contradict it.

    `effects` are the expected log lifts over the week's mean, by place. `reach_slope` is the power
    of a post's reach with which its engagement grows.
    """

    def __init__(self, posts: Posts, places: Sequence[int], prior: Sequence[float]) -> None:
        expected = posts.fit(ROUNDS)
        trust = _trust(posts, places, expected, _centred(prior))
        self._prior = [trust * value for value in _centred(prior)]
        posts.discount_by_age(self._half_life(posts, places, expected))
        posts.reweight(expected)
        equations = _Equations(posts, places, self._prior)
        coefficients = equations.fit(*TYPICAL).coefficients()
        lifts = surface(coefficients)
        nuisances = equations.nuisances(coefficients)
        self.reach_slope = 1 + nuisances[posts.reach_slope]
        posts.reweight(
            value + lifts[place] + self._prior[place]
            for value, place in zip(posts.predict(nuisances), places, strict=True)
        )
        equations = _Equations(posts, places, self._prior)
        self._average([equations.fit(shape, size) for shape, size in PRIORS])

    def _half_life(self, posts: Posts, places: Sequence[int], expected: Sequence[float]) -> float:
        """The half-life with which the older posts predict the newest best."""
        if len(posts) < MIN_POSTS_TO_DISCOUNT:
            return next(iter(HALF_LIVES))
        # No post is discounted yet, so the weights do not depend on age.
        residuals = [
            value - mean - self._prior[place]
            for value, mean, place in zip(posts.values, expected, places, strict=True)
        ]
        scores = {
            half_life: _predictive_evidence(posts, places, residuals, half_life) - handicap
            for half_life, handicap in HALF_LIVES.items()
        }
        return max(scores, key=lambda half_life: scores[half_life])

    def _average(self, fits: Sequence[Fit]) -> None:
        """Average the `fits` and the flat week, whose evidence is 0 by definition."""
        most = max(0.0, *(fit.evidence for fit in fits))
        each = (1 - FLAT) / len(fits)
        weights = [each * math.exp(fit.evidence - most) for fit in fits]
        flat = FLAT * math.exp(-most)
        self.flat = flat / (flat + sum(weights))
        kept = [
            (weight, fit)
            for weight, fit in zip(weights, fits, strict=True)
            if weight >= MIN_WEIGHT * sum(weights)
        ]
        scale = (1 - self.flat) / sum(weight for weight, _ in kept)
        self._parts = [
            (weight * scale, fit, _sum(self._prior, _centred(surface(fit.coefficients()))))
            for weight, fit in kept
        ]
        self.effects = [self.flat * value for value in self._prior]
        for weight, _, values in self._parts:
            self.effects = [
                total + weight * value for total, value in zip(self.effects, values, strict=True)
            ]

    def draw(self, places: Sequence[int], count: int, rng: random.Random) -> list[Vector]:
        """`count` draws of the log lifts of `places` over the week's mean, in random order.

        If the posts show no effect of the hour, the week is flat, whatever the prior: a confidence
        has to come from the account's own posts.
        """
        parts = sorted(self._parts, key=lambda part: -part[0])[:SIMULATED]
        rest = (1 - self.flat) / sum(weight for weight, _, _ in parts)
        flat = [0.0] * len(places)
        draws = [flat] * round(self.flat * count)
        for weight, fit, values in parts:
            own = min(math.ceil(weight * rest * count), count - len(draws))
            draws += _draws(fit, [values[place] for place in places], places, own, rng)
        rng.shuffle(draws)
        return draws


def _trust(
    posts: Posts, places: Sequence[int], expected: Sequence[float], prior: Sequence[float]
) -> float:
    """The probability that `prior` is the account's mean, and not a flat week."""
    if not any(prior):
        return 0.0
    logs = []
    for mean in (prior, [0.0] * SLOTS):
        weights, sums, squares = [0.0] * SLOTS, [0.0] * SLOTS, 0.0
        for weight, value, level, place in zip(
            posts.weights, posts.values, expected, places, strict=True
        ):
            residual = value - level - mean[place]
            weights[place] += weight
            sums[place] += weight * residual
            squares += weight * residual * residual
        fit = Fit(gram(weights), project(sums), posts.variance, *TYPICAL)
        logs.append(fit.evidence - squares / posts.variance / 2)
    return 1 / (1 + math.exp(min(logs[1] - logs[0], 700.0)) * (1 - TRUST) / TRUST)


def _predictive_evidence(
    posts: Posts, places: Sequence[int], residuals: Sequence[float], half_life: float
) -> float:
    """The log evidence that the newest posts add to that of the older ones, days taken as equal."""
    split = int(len(posts) * SPLIT)
    since = posts.ages[split]
    weights, sums = [0.0] * HOURS, [0.0] * HOURS
    evidence = []
    for part in (slice(split), slice(split, None)):
        for age, own, place, residual in zip(
            posts.ages[part], posts.weights[part], places[part], residuals[part], strict=True
        ):
            weight = own * 0.5 ** (max(age - since, 0.0) / half_life)
            weights[place % HOURS] += weight
            sums[place % HOURS] += weight * residual
        fit = Fit(gram(weights), project(sums), posts.variance, *DAILY)
        evidence.append(fit.evidence)
    return evidence[1] - evidence[0]


def _draws(
    fit: Fit, means: Sequence[float], places: Sequence[int], count: int, rng: random.Random
) -> list[Vector]:
    spreads = [fit.spread(contrast([place])) for place in places]
    covariance = [
        [dot(spread, other) for other in spreads[: i + 1]] for i, spread in enumerate(spreads)
    ]
    for i, row in enumerate(covariance):
        row[i] += 1e-6  # neighbours are nearly equal; this keeps the matrix positive definite
    factor = cholesky(covariance)
    draws = []
    for _ in range(count):
        normal = [rng.gauss(0.0, 1.0) for _ in places]
        draws.append([mean + dot(row, normal) for mean, row in zip(means, factor, strict=True)])
    return draws


def _centred(values: Sequence[float]) -> Vector:
    middle = sum(values) / len(values)
    return [value - middle for value in values]


def _sum(left: Sequence[float], right: Sequence[float]) -> Vector:
    return [x + y for x, y in zip(left, right, strict=True)]
