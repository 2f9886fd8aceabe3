"""Estimates which of an account's own hashtags lift engagement.

The estimate compares the posts that have a tag with all others, adjusted for kind, reach, age, the
account's growth (`insights.engagement`) and the time of day. One model estimates all tags together,
so a tag that always appears with a strong tag is not rated higher because of it. Each effect is
shrunk towards zero, more so for tags on few posts. The variance of the tags' effects is estimated
from the account itself.
"""

import datetime as dt
import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from zoneinfo import ZoneInfo

from insights.confidence import Confidence
from insights.engagement import Posts, Sample, Terms, weighted_gram, weighted_sums
from insights.linear import Matrix, Vector, cholesky, dot, forward, solve

MIN_SUPPORT = 3  # tags on fewer posts are left out
MAX_TAGS = 80  # only the most used ones are estimated

# The prior standard deviation of the tags' effects on the log scale, and the number of tags that
# this prior counts as.
TYPICAL_SD = 0.2
TYPICAL_WEIGHT = 5

ROUNDS = 3  # each fits the effects, then updates their variance and clips outliers
PARTS_OF_DAY, PART_SD = 6, 0.3  # for tags that are used mostly at one time of day

# The probability that the direction of the lift (helps or harms) is right.
HIGH = 0.975
MEDIUM = 0.85

SIGNS = "#\N{FULLWIDTH NUMBER SIGN}"


@dataclass(frozen=True, kw_only=True)
class TaggedPost:
    """A post of the account and its tags, with or without the # sign."""

    sample: Sample
    tags: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class TagLift:
    """The estimated effect of a tag for the account.

    `lift` is the expected engagement with the tag as a multiple of that without: 1 is no effect.
    With few posts it stays near 1. `score` maps it to a number between 0 and 1: lift / (1 + lift),
    with 0.5 for no effect. The confidence is about the direction of the lift: see HIGH and MEDIUM.
    """

    tag: str  # folded, without the # sign
    score: float
    lift: float
    posts: int
    confidence: Confidence


def tag_lifts(
    posts: Sequence[TaggedPost],
    *,
    now: dt.datetime,
    zone: ZoneInfo,
    limit: int | None = None,
    min_support: int = MIN_SUPPORT,
) -> list[TagLift]:
    """The account's tags by lift, best first; at most `limit` of them.

    Tags on fewer than `min_support` posts are left out, so the list may be empty.
    """
    columns = Posts([post.sample for post in posts], now)
    tags = [sorted({fold(tag) for tag in posts[i].tags} - {""}) for i in columns.indices]
    support = Counter(tag for own in tags for tag in own)
    estimated = [tag for tag, count in support.most_common(MAX_TAGS) if count >= min_support]
    if not estimated:
        return []
    hours = [sample.published_at.astimezone(zone).hour for sample in columns.samples]
    means, deviations = _fit(columns, hours, tags, estimated)
    lifts = [
        _tag_lift(tag, mean, deviation, support[tag])
        for tag, mean, deviation in zip(estimated, means, deviations, strict=True)
    ]
    return sorted(lifts, key=lambda lift: (-lift.lift, lift.tag))[:limit]


def fold(tag: str) -> str:
    """The tag without its # sign, normalised (NFKC) and case-folded, for comparison."""
    return unicodedata.normalize("NFKC", tag.strip().lstrip(SIGNS)).casefold()


def _tag_lift(tag: str, mean: float, deviation: float, posts: int) -> TagLift:
    probability = NormalDist().cdf(abs(mean) / deviation)
    if probability >= HIGH:
        confidence = Confidence.HIGH
    else:
        confidence = Confidence.MEDIUM if probability >= MEDIUM else Confidence.LOW
    lift = math.exp(mean)
    return TagLift(tag=tag, score=lift / (1 + lift), lift=lift, posts=posts, confidence=confidence)


def _fit(
    posts: Posts, hours: Sequence[int], tags: Sequence[Sequence[str]], estimated: Sequence[str]
) -> tuple[Vector, Vector]:
    """The mean and standard deviation of each tag's effect on the log of engagement."""
    n_nuisances = len(posts.precisions)
    first = n_nuisances + PARTS_OF_DAY  # the index of the first tag
    terms = _terms(posts, hours, tags, {tag: first + i for i, tag in enumerate(estimated)})
    posts.fit()
    size = first + len(estimated)
    spread = TYPICAL_SD**2  # the variance of the tags' effects
    means: Vector = []
    variances: Vector = []
    for _ in range(ROUNDS):
        gram = weighted_gram(posts.weights, terms, size)
        tag_precisions = [1 / spread] * len(estimated)
        precisions = posts.precisions + [1 / PART_SD**2] * PARTS_OF_DAY + tag_precisions
        for i, precision in enumerate(precisions):
            gram[i][i] += posts.variance * precision
        factor = cholesky(gram)
        residuals = [value - posts.level for value in posts.values]
        solution = solve(factor, weighted_sums(posts.weights, terms, residuals, size))
        means = solution[first:]
        variances = _variances(factor, first, posts.variance)
        # MacKay's update: the sum of the squared means over the effective number of parameters.
        effective = sum(max(1 - variance / spread, 0.0) for variance in variances)
        squares = dot(means, means) + TYPICAL_WEIGHT * TYPICAL_SD**2
        spread = squares / (effective + TYPICAL_WEIGHT)
        posts.reweight(posts.level + sum(solution[i] * x for i, x in own) for own in terms)
    return means, [math.sqrt(variance) for variance in variances]


def _terms(
    posts: Posts,
    hours: Sequence[int],
    tags: Sequence[Sequence[str]],
    index: Mapping[str, int],
) -> list[Terms]:
    """Each post's nuisance terms, its part of the day and its tags."""
    n_nuisances = len(posts.precisions)
    terms: list[Terms] = []
    for own, hour, used in zip(posts.terms, hours, tags, strict=True):
        part = (n_nuisances + hour * PARTS_OF_DAY // 24, 1.0)
        indices = sorted(index[tag] for tag in used if tag in index)
        terms.append((*own, part, *((i, 1.0) for i in indices)))
    return terms


def _variances(factor: Matrix, first: int, noise: float) -> Vector:
    """The posterior variances of the unknowns from index `first` on."""
    variances = []
    for i in range(first, len(factor)):
        # Rows above the unknown's own do not contribute to its variance.
        rest = [row[i:] for row in factor[i:]]
        column = forward(rest, [1.0] + [0.0] * (len(rest) - 1))
        variances.append(noise * dot(column, column))
    return variances
