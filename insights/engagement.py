"""Makes the engagement of an account's posts comparable.

Engagement is compared on a log scale, because effects multiply and the distribution has a heavy
tail. Kind, reach, age and the account's growth are *nuisance parameters*: a linear model estimates
them together with the effects of hours or hashtags. So the effect of reels is not taken for an
effect of the evening if the account publishes its reels in the evening.
"""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from insights.linear import Matrix, Vector, cholesky, solve

# A post has 1 - exp(-age / MATURING) of its final engagement. [memory] Platforms differ, from hours
# on X to weeks on Pinterest; the model corrects this from the account's young posts.
MATURING = dt.timedelta(hours=24)
MIN_SHARE = 0.1  # of its final engagement; younger posts are left out
MATURE = 0.999

DAY = dt.timedelta(days=1)
GROWTH_KNOT_POSTS = 40  # posts that it takes to detect a bend in the account's growth
MAX_GROWTH_KNOTS = 6

# Prior standard deviations on the log scale.
KIND_SD = 1.0
GROWTH_SD = 0.7
REACH_SLOPE_SD = 0.3  # around 1: engagement grows in step with reach
AGE_SLOPE_SD = 0.5  # around 1: MATURING is right
NOISE_SD = 1.0  # of a typical post
NOISE_WEIGHT = 8  # the number of posts that this prior counts as

CLIP = 2.0  # residuals beyond so many standard deviations of the noise are clipped


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One post of the account.

    `engagement` is the number of interactions and `reach` the number of people or views (None:
    unknown), both measured at `age` after `published_at` (None: just now). Posts of the same `kind`
    are comparable: "reel", "image".
    """

    published_at: dt.datetime
    engagement: float
    reach: float | None = None
    kind: str = ""
    age: dt.timedelta | None = None


# A post's row of the design matrix: (index of the unknown, value), by ascending index. All other
# values are zero.
Terms = tuple[tuple[int, float], ...]


def weighted_gram(weights: Sequence[float], posts: Sequence[Terms], size: int) -> Matrix:
    """The weighted products of all pairs of terms, summed over `posts`: the lower triangle."""
    gram = [[0.0] * size for _ in range(size)]
    for weight, terms in zip(weights, posts, strict=True):
        for count, (i, x) in enumerate(terms, 1):
            row, wx = gram[i], weight * x
            for j, z in terms[:count]:
                row[j] += wx * z
    return gram


def weighted_sums(
    weights: Sequence[float], posts: Sequence[Terms], values: Sequence[float], size: int
) -> Vector:
    """The weighted products of each term with the posts' `values`, summed over `posts`."""
    sums = [0.0] * size
    for weight, terms, value in zip(weights, posts, values, strict=True):
        value *= weight
        for i, x in terms:
            sums[i] += x * value
    return sums


class Posts:
    """The usable samples as columns, with the terms of the nuisance model. May be empty.

    Each post has up to five terms: its kind, two neighbouring knots of growth, and the deviations
    from the expected slope of reach and of age, where they are not 0.

    `values` are logs of engagement at the expected slopes, with outliers clipped. `weights` are the
    posts' weights in the fit; a mature recent post with many interactions has weight 1. `reweight`
    updates both, given the expected value of each post.
    """

    def __init__(self, samples: Sequence[Sample], now: dt.datetime) -> None:
        usable: list[tuple[int, Sample, float]] = []
        for i, sample in enumerate(samples):
            age = now - sample.published_at
            if sample.age is not None:
                age = min(age, sample.age)
            share = 1 - math.exp(-max(age / MATURING, 0.0))
            if share >= MIN_SHARE and sample.engagement >= 0:
                usable.append((i, sample, share))
        usable.sort(key=lambda entry: entry[1].published_at)
        self.samples = [sample for _, sample, _ in usable]
        self.indices = [i for i, _, _ in usable]  # positions in `samples`
        self.ages = [(now - sample.published_at) / DAY for sample in self.samples]
        self._shares = [share for _, _, share in usable]
        self._logs = [math.log(sample.engagement + 1) for sample in self.samples]
        # Reach grows with age too, so a rate needs no correction for age.
        self._offsets = [math.log(sample.reach or share) for _, sample, share in usable]
        level = [log - offset for log, offset in zip(self._logs, self._offsets, strict=True)]
        self.level = median(level) if level else 0.0
        self.variance = NOISE_SD**2  # of a value of weight 1
        self._build_terms()
        self._recency = [1.0] * len(self)
        self.reweight([self.level] * len(self))

    def __len__(self) -> int:
        return len(self.samples)

    def _build_terms(self) -> None:
        groups: dict[tuple[str, bool], int] = {}
        for sample in self.samples:
            # A rate and a count differ in level, so posts with and without reach are two kinds.
            groups.setdefault((sample.kind, bool(sample.reach)), len(groups))
        reaches = [math.log(sample.reach) for sample in self.samples if sample.reach]
        middle = sum(reaches) / len(reaches) if reaches else 0.0
        kinds = len(groups)
        knots = 2 + min(len(self) // GROWTH_KNOT_POSTS, MAX_GROWTH_KNOTS - 2)
        self.reach_slope = kinds + knots  # the index of its term
        newest = self.ages[-1] if self.ages else 0.0
        span = self.ages[0] - newest if self.ages else 0.0
        self.terms: list[Terms] = []
        for sample, age, share in zip(self.samples, self.ages, self._shares, strict=True):
            place = (age - newest) / span * (knots - 1) if span > 0 else 0.0
            knot = min(int(place), knots - 2)
            own = [
                (groups[sample.kind, bool(sample.reach)], 1.0),
                (kinds + knot, 1 - place + knot),
                (kinds + knot + 1, place - knot),
            ]
            if sample.reach:
                own.append((self.reach_slope, math.log(sample.reach) - middle))
            if share < MATURE:
                own.append((self.reach_slope + 1, math.log(share)))
            self.terms.append(tuple(own))
        spreads = [KIND_SD] * kinds + [GROWTH_SD] * knots + [REACH_SLOPE_SD, AGE_SLOPE_SD]
        self.precisions = [1 / spread**2 for spread in spreads]

    def discount_by_age(self, half_life: float) -> None:
        """Halve the weight of posts for every `half_life` days of their age."""
        self._recency = [0.5 ** (age / half_life) for age in self.ages]

    def penalised_gram(self) -> Matrix:
        """The left side of the nuisance model's normal equations: the lower triangle."""
        gram = weighted_gram(self.weights, self.terms, len(self.precisions))
        for i, precision in enumerate(self.precisions):
            gram[i][i] += self.variance * precision
        return gram

    def project(self, residuals: Sequence[float]) -> Vector:
        """The right side of the nuisance model's normal equations, for these `residuals`."""
        return weighted_sums(self.weights, self.terms, residuals, len(self.precisions))

    def predict(self, coefficients: Sequence[float]) -> Vector:
        """The expected value of each post in the nuisance model with these `coefficients`."""
        return [self.level + sum([coefficients[i] * x for i, x in terms]) for terms in self.terms]

    def fit(self, rounds: int = 3) -> Vector:
        """Fit the nuisance model alone. Returns the expected value of each post."""
        expected = [self.level] * len(self)
        for _ in range(rounds):
            right = self.project([value - self.level for value in self.values])
            expected = self.predict(solve(cholesky(self.penalised_gram()), right))
            self.reweight(expected)
        return expected

    def reweight(self, expected: Iterable[float]) -> None:
        """Update `values`, `weights` and `variance`, given the `expected` value of each post.

        Counts have noise of their own: two interactions where three were expected are weak
        evidence. The weight accounts for that, and the logarithm is linearised around the expected
        value.

        Outliers are clipped with Huber's pseudo-values: a residual beyond CLIP standard deviations
        is clipped, and all residuals are then scaled by the share of those that were not. Least
        squares on these values is the robust fit, and their variance gives its uncertainty.
        """
        expected = list(expected)
        weights: Vector = []
        residuals: Vector = []
        variance = self.variance
        bound = CLIP**2 * variance  # of a squared residual
        inside = squares = posts = 0.0
        exp, log = math.exp, math.log
        for logged, offset, share, recency, value in zip(
            self._logs, self._offsets, self._shares, self._recency, expected, strict=True
        ):
            count = exp(value + offset)
            noise = 1 + 1 / (count * variance)  # of the post, and of the count
            weight = share * recency / noise
            residual = (logged - log(count + 1)) * (1 + 1 / count)
            if residual * residual < bound * noise:
                inside += weight
            else:
                residual = math.copysign(math.sqrt(bound * noise), residual)
            squares += weight * residual * residual
            posts += share * recency
            residuals.append(residual)
            weights.append(weight)
        self.weights = weights
        kept = (inside + NOISE_WEIGHT) / (sum(self.weights) + NOISE_WEIGHT)
        self.values = [
            value + residual / kept for value, residual in zip(expected, residuals, strict=True)
        ]
        # The mean of weight · residual² is the variance times share and recency, for any count.
        self.variance = (squares / kept**2 + NOISE_WEIGHT * NOISE_SD**2) / (posts + NOISE_WEIGHT)
