"""How an account's engagement rises and falls over the week: a smooth surface and its uncertainty.

A *place* is an hour of the model's week. Place 0 is Monday at DAY_STARTS, so that the circle of a
day's hours closes where nobody is awake, and an evening that lasts past midnight stays in one
piece.

The surface is a sum of *terms*: for each day, a few waves of the hour. Before any post is seen they
are normal, with a covariance (a *shape* and a *size*) by which neighbouring hours, neighbouring
days, and weekdays or weekend days resemble each other. Several shapes and sizes are tried, and
flatness too; each weighs as much as it explains the posts (its evidence). That is Gaussian process
regression, on a basis small enough for plain Python.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist

from insights.engagement import Posts
from insights.linear import (
    Matrix,
    Vector,
    cholesky,
    dot,
    forward,
    inverse,
    log_determinant,
    solve,
)

DAYS, HOURS = 7, 24
SLOTS = DAYS * HOURS
DAY_STARTS = 4  # o'clock

# How long a rush lasts: hours that far apart still resemble each other (as in exp(-x²/2)). The
# fastest wave that is told apart takes about five hours.
SMOOTHNESS_HOURS = (2.5, 3.5)
WAVES_PER_DAY = 5
DAY_LEVEL = 0.15  # the share in all variation of a whole day being better, not an hour of it

# How the days differ: the shares of what is common to all, to the weekdays or the weekend, to days
# that are near, and to one day alone.
DAY_SHARES = ((0.75, 0.12, 0.08, 0.05), (0.35, 0.25, 0.33, 0.07))
NEAR_DAYS = 1.5

# How large the rhythm is: the variance of its logarithm. And the odds, before all evidence, that
# there is none at all.
SIZES = (0.05, 0.2)
FLAT = 0.3

# After how many days an audience's past counts half; the evidence that it takes to forget so fast.
HALF_LIVES = {900.0: 0.0, 240.0: 0.4, 75.0: 0.8}
MIN_POSTS_TO_FORGET = 60
SPLIT = 0.85  # of the posts are older, the others are foretold

ROUNDS = 2  # of fitting and cutting off luck anew
LEAST_WEIGHT = 0.03  # what explains less of the posts is dropped
CANDIDATES = 30  # the most promising places, among which the best is looked for
DRAWS = 300

NORMAL = NormalDist()


# --- Terms ---------------------------------------------------------------------------------------


def _waves() -> list[Vector]:
    """The waves that a day is made of, as their values at its hours."""
    waves = [[1.0] * HOURS]
    for k in range(1, WAVES_PER_DAY + 1):
        angles = [2 * math.pi * k * hour / HOURS for hour in range(HOURS)]
        waves += [[math.cos(angle) for angle in angles], [math.sin(angle) for angle in angles]]
    return waves


WAVES = _waves()
N_WAVES = len(WAVES)
N_TERMS = DAYS * N_WAVES
AT_HOUR = [list(values) for values in zip(*WAVES, strict=True)]
WAVE_PRODUCTS = [
    [[x * y for x, y in zip(left, right, strict=True)] for right in WAVES[: i + 1]]
    for i, left in enumerate(WAVES)
]


def _by_day(places: Sequence[float]) -> list[Sequence[float]]:
    return [places[start : start + HOURS] for start in range(0, SLOTS, HOURS)]


def project(places: Sequence[float]) -> Vector:
    """The product of each term with the values at all `places`."""
    return [dot(hours, wave) for hours in _by_day(places) for wave in WAVES]


def surface(coefficients: Sequence[float]) -> Vector:
    """The values at all places that the terms with these `coefficients` add up to."""
    days = [coefficients[start : start + N_WAVES] for start in range(0, N_TERMS, N_WAVES)]
    return [dot(day, waves) for day in days for waves in AT_HOUR]


def gram(weights: Sequence[float]) -> Matrix:
    """The products of all pairs of terms, weighted by place: the lower triangle's rows."""
    rows: Matrix = []
    for day, hours in enumerate(_by_day(weights)):
        elsewhere = [0.0] * (day * N_WAVES)
        rows += [
            elsewhere + [dot(hours, product) for product in products] for products in WAVE_PRODUCTS
        ]
    return rows


def contrast(places: Sequence[int]) -> Vector:
    """The coefficients' factors in the mean over `places`, less the mean over the week."""
    factors = [0.0] * N_TERMS
    for place in places:
        day, hour = divmod(place, HOURS)
        for i, value in enumerate(AT_HOUR[hour], day * N_WAVES):
            factors[i] += value / len(places)
    for i in range(0, N_TERMS, N_WAVES):  # the other waves have no mean
        factors[i] -= 1 / DAYS
    return factors


# --- Shapes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """The prior of a rhythm of size 1: covariance of days times variance of waves."""

    day_precision: Matrix
    wave_precisions: Vector
    log_determinant: float  # of the covariance

    @classmethod
    def of(cls, smoothness: float, shares: Sequence[float]) -> "Shape":
        powers = [
            math.exp(-((2 * math.pi * k * smoothness / HOURS) ** 2) / 2)
            for k in range(1, WAVES_PER_DAY + 1)
        ]
        scale = (1 - DAY_LEVEL) / sum(powers)
        waves = [DAY_LEVEL, *chain.from_iterable((p * scale, p * scale) for p in powers)]
        days = [[_kinship(i, j, shares) for j in range(DAYS)] for i in range(DAYS)]
        return cls(
            inverse(days),
            [1 / wave for wave in waves],
            N_WAVES * log_determinant(cholesky(days)) + DAYS * sum(map(math.log, waves)),
        )


def _kinship(i: int, j: int, shares: Sequence[float]) -> float:
    common, group, near, own = shares
    gap = min((i - j) % DAYS, (j - i) % DAYS)
    return (
        common
        + group * ((i < 5) == (j < 5))
        + near * math.exp(-((gap / NEAR_DAYS) ** 2) / 2)
        + own * (i == j)
    )


SHAPES = [Shape.of(smoothness, shares) for smoothness in SMOOTHNESS_HOURS for shares in DAY_SHARES]
TYPICAL = SHAPES[0], 0.1


class Fit:
    """What the posts say of the rhythm, if it has this shape and size.

    `products` and `right` are the normal equations' two sides at noise of `variance`; `evidence` is
    the logarithm of how much likelier they are so than if the week were flat.
    """

    def __init__(
        self, products: Matrix, right: Vector, variance: float, shape: Shape, size: float
    ) -> None:
        ratio = variance / size
        precision = [list(row) for row in products]
        for i, kin in enumerate(shape.day_precision):
            for a, wave in enumerate(shape.wave_precisions):
                row = precision[i * N_WAVES + a]
                for j in range(i + 1):
                    row[j * N_WAVES + a] += kin[j] * wave * ratio
        self._factor = cholesky(precision)
        self._half = forward(self._factor, right)
        self._noise = math.sqrt(variance)
        self.evidence = (
            dot(self._half, self._half) / variance
            - log_determinant(self._factor)
            - shape.log_determinant
            + N_TERMS * math.log(ratio)
        ) / 2
        self._right = right

    def coefficients(self) -> Vector:
        return solve(self._factor, self._right)

    def spread(self, factors: Sequence[float]) -> Vector:
        """A vector whose product with another's is the posterior covariance of the two."""
        return [self._noise * value for value in forward(self._factor, factors)]


# --- The rhythm ----------------------------------------------------------------------------------


class _Equations:
    """The terms' normal equations, from which the nuisances have been eliminated."""

    def __init__(self, posts: Posts, places: Sequence[int], usual: Sequence[float]) -> None:
        residuals = [
            value - posts.level - usual[place]
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
        """Their coefficients, given those of the terms."""
        rest = [
            value - dot(row, coefficients)
            for value, row in zip(self._nuisance, self._shared, strict=True)
        ]
        return solve(self._factor, rest)


class WeekModel:
    """The rhythm behind `posts` made at `places`; `usual` is what one expects of it beforehand.

    `effects` are the expected log lifts over the week's mean, by place.
    """

    def __init__(self, posts: Posts, places: Sequence[int], usual: Sequence[float]) -> None:
        self._usual = _centred(usual)
        expected = posts.fit()
        posts.forget(self._half_life(posts, places, expected))
        posts.expect(expected)
        for _ in range(ROUNDS):
            equations = _Equations(posts, places, self._usual)
            coefficients = equations.fit(*TYPICAL).coefficients()
            week_model = surface(coefficients)
            known = posts.explain(equations.nuisances(coefficients))
            posts.expect(
                value + week_model[place] + self._usual[place]
                for value, place in zip(known, places, strict=True)
            )
        equations = _Equations(posts, places, self._usual)
        self._mix([equations.fit(shape, size) for shape in SHAPES for size in SIZES])

    def _half_life(self, posts: Posts, places: Sequence[int], expected: Sequence[float]) -> float:
        """The half-life with which the older posts foretell the newest best."""
        if len(posts) < MIN_POSTS_TO_FORGET:
            return next(iter(HALF_LIVES))
        split = int(len(posts) * SPLIT)
        since = posts.ages[split]
        # So far nothing is forgotten, and weights speak of the posts alone.
        residuals = [
            value - known - self._usual[place]
            for value, known, place in zip(posts.values, expected, places, strict=True)
        ]
        scores = {}
        for half_life, handicap in HALF_LIVES.items():
            weights, sums = [0.0] * SLOTS, [0.0] * SLOTS
            evidence = []
            for part in (slice(split), slice(split, None)):
                for age, own, place, residual in zip(
                    posts.ages[part],
                    posts.weights[part],
                    places[part],
                    residuals[part],
                    strict=True,
                ):
                    weight = own * 0.5 ** (max(age - since, 0.0) / half_life)
                    weights[place] += weight
                    sums[place] += weight * residual
                fit = Fit(gram(weights), project(sums), posts.variance, *TYPICAL)
                evidence.append(fit.evidence)
            scores[half_life] = evidence[1] - evidence[0] - handicap
        return max(scores, key=lambda half_life: scores[half_life])

    def _mix(self, fits: Sequence[Fit]) -> None:
        """Weigh the `fits`, and flatness, whose evidence is 0 by definition."""
        most = max(0.0, *(fit.evidence for fit in fits))
        each = (1 - FLAT) / len(fits)
        weights = [each * math.exp(fit.evidence - most) for fit in fits]
        flat = FLAT * math.exp(-most)
        self.flat = flat / (flat + sum(weights))
        kept = [
            (weight, fit)
            for weight, fit in zip(weights, fits, strict=True)
            if weight >= LEAST_WEIGHT * sum(weights)
        ]
        scale = (1 - self.flat) / sum(weight for weight, _ in kept)
        self._parts = [
            (weight * scale, fit, _sum(self._usual, _centred(surface(fit.coefficients()))))
            for weight, fit in kept
        ]
        self.effects = [self.flat * value for value in self._usual]
        for weight, _, values in self._parts:
            self.effects = [
                total + weight * value for total, value in zip(self.effects, values, strict=True)
            ]

    def probability_of_best(self, places: Sequence[int]) -> float:
        """That the best place of the week is one of `places`; by simulation, always the same."""
        rng = random.Random(0)  # noqa: S311 - a simulation, and meant to be repeatable
        peak = max(self._usual)
        ties = [place for place, value in enumerate(self._usual) if value == peak]
        total = self.flat * len({*ties} & {*places}) / len(ties)
        for weight, fit, values in self._parts:
            ranked = sorted(range(SLOTS), key=lambda place: -values[place])
            others = [place for place in ranked if place not in places]
            candidates = [*places, *others][:CANDIDATES]
            spreads = [fit.spread(contrast([place])) for place in candidates]
            covariance = [
                [dot(spread, other) for other in spreads[: i + 1]]
                for i, spread in enumerate(spreads)
            ]
            for i, row in enumerate(covariance):
                row[i] += 1e-6  # neighbours are nearly the same, which rounding must not undo
            factor = cholesky(covariance)
            means = [values[place] for place in candidates]
            draws = math.ceil(DRAWS * weight)
            hits = 0
            for _ in range(draws):
                normal = [rng.gauss(0.0, 1.0) for _ in candidates]
                drawn = [mean + dot(row, normal) for mean, row in zip(means, factor, strict=True)]
                hits += drawn.index(max(drawn)) < len(places)
            total += weight * hits / draws
        return total

    def probability_of_lift(self, places: Sequence[int], least: float) -> float:
        """That the log lift of `places`, on average, is `least` or more."""
        factors = contrast(places)
        total = self.flat * (_mean(self._usual, places) >= least)
        for weight, fit, values in self._parts:
            spread = fit.spread(factors)
            deviation = math.sqrt(dot(spread, spread))
            total += weight * NORMAL.cdf((_mean(values, places) - least) / deviation)
        return total


def _mean(values: Sequence[float], places: Sequence[int]) -> float:
    return sum(values[place] for place in places) / len(places)


def _centred(values: Sequence[float]) -> Vector:
    middle = sum(values) / len(values)
    return [value - middle for value in values]


def _sum(left: Sequence[float], right: Sequence[float]) -> Vector:
    return [x + y for x, y in zip(left, right, strict=True)]
