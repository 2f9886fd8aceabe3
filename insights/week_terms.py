"""The terms of the week model: their values, their prior and their posterior.

A *place* is an hour of the model's week. Place 0 is Monday at DAY_STARTS. The model's days are
circles of 24 hours, so they start at an hour of little activity: an evening that lasts past
midnight then belongs to one day.

A surface over the week is a sum of *terms*: for each day, a few waves of the hour. Their prior is
normal with a covariance (a *shape* and a *size*) in which neighbouring hours, neighbouring days,
weekdays, and the two days of a weekend are correlated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from insights.linear import (
    Matrix,
    Vector,
    backward,
    cholesky,
    dot,
    forward,
    inverse,
    log_determinant,
)

DAYS, HOURS = 7, 24
SLOTS = DAYS * HOURS
DAY_STARTS = 4  # o'clock

# The length scale of a peak: the correlation of two hours is exp(-x²/2), x their distance in these
# units. The shortest wave of the model lasts about five hours.
SMOOTHNESS_HOURS = (1.8, 3.2)
WAVES_PER_DAY = 5
DAY_LEVEL = 0.15  # the share of the variance that is between days, not between hours of a day

# How the days are correlated: the shares of the variance that are common to all days, to the
# weekdays or the weekend, to neighbouring days, and to one day alone.
DAY_SHARES = ((0.75, 0.12, 0.08, 0.05), (0.35, 0.25, 0.33, 0.07))
NEAR_DAYS = 1.5

SIZES = (0.05, 0.2)  # the variance of the surface on the log scale


# --- Values --------------------------------------------------------------------------------------


def _waves() -> list[Vector]:
    """The waves of a day, as their values at its 24 hours."""
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
    return [places[start : start + HOURS] for start in range(0, len(places), HOURS)]


def project(places: Sequence[float]) -> Vector:
    """The scalar product of each term with the values at all `places`, of a week or of a day."""
    return [dot(hours, wave) for hours in _by_day(places) for wave in WAVES]


def surface(coefficients: Sequence[float]) -> Vector:
    """The sum of the terms with these `coefficients`, at each place."""
    days = [coefficients[start : start + N_WAVES] for start in range(0, N_TERMS, N_WAVES)]
    return [dot(day, waves) for day in days for waves in AT_HOUR]


def gram(weights: Sequence[float]) -> Matrix:
    """The weighted products of all pairs of terms, summed over places: the lower triangle."""
    rows: Matrix = []
    for day, hours in enumerate(_by_day(weights)):
        other_days = [0.0] * (day * N_WAVES)
        rows += [
            other_days + [dot(hours, product) for product in products] for products in WAVE_PRODUCTS
        ]
    return rows


def contrast(places: Sequence[int]) -> Vector:
    """The factors by which coefficients give the mean over `places` minus the week's mean."""
    factors = [0.0] * N_TERMS
    for place in places:
        day, hour = divmod(place, HOURS)
        for i, value in enumerate(AT_HOUR[hour], day * N_WAVES):
            factors[i] += value / len(places)
    for i in range(0, N_TERMS, N_WAVES):  # the mean of all other waves is 0
        factors[i] -= 1 / DAYS
    return factors


# --- Prior and posterior -------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """The prior of a surface of size 1: covariance of days times variance of waves."""

    day_precision: Matrix
    wave_precisions: Vector
    log_determinant: float  # of the covariance

    @classmethod
    def of(cls, smoothness: float, days: Matrix) -> "Shape":
        powers = [
            math.exp(-((2 * math.pi * k * smoothness / HOURS) ** 2) / 2)
            for k in range(1, WAVES_PER_DAY + 1)
        ]
        scale = (1 - DAY_LEVEL) / sum(powers)
        waves = [DAY_LEVEL, *chain.from_iterable((p * scale, p * scale) for p in powers)]
        return cls(
            inverse(days),
            [1 / wave for wave in waves],
            N_WAVES * log_determinant(cholesky(days)) + len(days) * sum(map(math.log, waves)),
        )


def _day_covariances(shares: Sequence[float]) -> Matrix:
    return [[_day_covariance(i, j, shares) for j in range(DAYS)] for i in range(DAYS)]


def _day_covariance(i: int, j: int, shares: Sequence[float]) -> float:
    common, group, near, own = shares
    gap = min((i - j) % DAYS, (j - i) % DAYS)
    return (
        common
        + group * ((i < 5) == (j < 5))
        + near * math.exp(-((gap / NEAR_DAYS) ** 2) / 2)
        + own * (i == j)
    )


NEAR, FAR = SMOOTHNESS_HOURS
SIMILAR, DIFFERENT = map(_day_covariances, DAY_SHARES)
# The priors that are averaged, as shapes and sizes: half of all combinations are enough.
PRIORS = (
    (Shape.of(NEAR, SIMILAR), SIZES[0]),
    (Shape.of(NEAR, DIFFERENT), SIZES[1]),
    (Shape.of(FAR, SIMILAR), SIZES[1]),
    (Shape.of(FAR, DIFFERENT), SIZES[0]),
)
TYPICAL = PRIORS[0][0], 0.1
DAILY = Shape.of(NEAR, [[1.0]]), 0.1  # of a week whose days are all equal


class Fit:
    """The posterior of the terms for one shape and size of the prior.

    `products` and `right` are the two sides of the normal equations, with noise of `variance`.
    `evidence` is the log Bayes factor against a flat week.
    """

    def __init__(
        self, products: Matrix, right: Vector, variance: float, shape: Shape, size: float
    ) -> None:
        ratio = variance / size
        precision = [list(row) for row in products]
        for i, days in enumerate(shape.day_precision):
            for a, wave in enumerate(shape.wave_precisions):
                row = precision[i * N_WAVES + a]
                for j in range(i + 1):
                    row[j * N_WAVES + a] += days[j] * wave * ratio
        self._factor = cholesky(precision)
        self._half = forward(self._factor, right)
        self._noise = math.sqrt(variance)
        self.evidence = (
            dot(self._half, self._half) / variance
            - log_determinant(self._factor)
            - shape.log_determinant
            + len(right) * math.log(ratio)
        ) / 2

    def coefficients(self) -> Vector:
        return backward(self._factor, self._half)

    def spread(self, factors: Sequence[float]) -> Vector:
        """A vector for `factors`; the dot product of two such is their posterior covariance."""
        return [self._noise * value for value in forward(self._factor, factors)]
