"""Which of an account's own hashtags lift engagement.

Whether a tag helps is asked of the posts that carry it against all others, made comparable for
kind, reach, age, the account's growth (`insights.engagement`) and the time of day. All tags are
judged together: what always stands beside a strong tag gets no credit for it. And each is shrunk
towards no effect, the more the fewer posts carry it; how far tags differ at all is learnt from the
account.
"""

import datetime as dt
import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from zoneinfo import ZoneInfo

from insights.confidence import Confidence
from insights.engagement import Posts, Sample, Terms, weighted_gram, weighted_sums
from insights.linear import Vector, cholesky, dot, forward, solve

MIN_SUPPORT = 3  # posts that carry a tag before it is spoken of
MAX_TAGS = 80  # judged at once, the most used ones

# How much tags differ, as a standard deviation of the log: what is typical, and how many tags'
# worth of evidence that is.
TYPICAL_SD = 0.2
TYPICAL_WEIGHT = 5

ROUNDS = 3  # of fitting, learning how much tags differ and cutting off luck
PARTS_OF_DAY, PART_SD = 6, 0.3  # for tags that go with the evening

# The probability that a tag helps, or harms, as its lift says.
HIGH = 0.975
MEDIUM = 0.85

SIGNS = "#\N{FULLWIDTH NUMBER SIGN}"


@dataclass(frozen=True, kw_only=True)
class TaggedPost:
    """A post of the account and the tags it carries, with or without their signs."""

    sample: Sample
    tags: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class TagLift:
    """What a tag does for the account.

    `lift` is the expected engagement with the tag as a multiple of that without: 1 is no effect,
    and few posts keep it near that. `score` is the same between 0 and 1: lift / (1 + lift), with
    0.5 for no effect. The confidence is that of helping, or harming, at all: see HIGH and MEDIUM.
    """

    tag: str  # folded, without its sign
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
    """The account's tags by lift, best first; `limit` of them at most.

    Tags on fewer than `min_support` posts are left out. An empty list says that nothing is known.
    """
    columns = Posts([post.sample for post in posts], now)
    tags = [sorted({fold(tag) for tag in posts[i].tags} - {""}) for i in columns.indices]
    support = Counter(tag for own in tags for tag in own)
    judged = [tag for tag, count in support.most_common(MAX_TAGS) if count >= min_support]
    if not judged:
        return []
    hours = [sample.published_at.astimezone(zone).hour for sample in columns.samples]
    means, deviations = _fit(columns, hours, tags, judged)
    lifts = [
        _tag_lift(tag, mean, deviation, support[tag])
        for tag, mean, deviation in zip(judged, means, deviations, strict=True)
    ]
    return sorted(lifts, key=lambda lift: (-lift.lift, lift.tag))[:limit]


def fold(tag: str) -> str:
    """The tag as it is compared: without its sign, and blind to case and to forms of letters."""
    return unicodedata.normalize("NFKC", tag.strip().lstrip(SIGNS)).casefold()


def _tag_lift(tag: str, mean: float, deviation: float, posts: int) -> TagLift:
    certain = NormalDist().cdf(abs(mean) / deviation)
    if certain >= HIGH:
        confidence = Confidence.HIGH
    else:
        confidence = Confidence.MEDIUM if certain >= MEDIUM else Confidence.LOW
    lift = math.exp(mean)
    return TagLift(tag=tag, score=lift / (1 + lift), lift=lift, posts=posts, confidence=confidence)


def _fit(
    posts: Posts, hours: Sequence[int], tags: Sequence[Sequence[str]], judged: Sequence[str]
) -> tuple[Vector, Vector]:
    """The mean and the standard deviation of each judged tag's effect on the log of engagement."""
    nuisances = len(posts.precisions)
    first = nuisances + PARTS_OF_DAY
    index = {tag: first + i for i, tag in enumerate(judged)}
    terms: list[Terms] = []
    for own, hour, found in zip(posts.terms, hours, tags, strict=True):
        part = (nuisances + hour * PARTS_OF_DAY // 24, 1.0)
        carried = sorted(index[tag] for tag in found if tag in index)
        terms.append((*own, part, *((i, 1.0) for i in carried)))
    posts.fit()
    size = first + len(judged)
    spread = TYPICAL_SD**2  # the variance of tags' effects
    means: Vector = []
    variances: Vector = []
    for _ in range(ROUNDS):
        gram = weighted_gram(posts.weights, terms, size)
        precisions = posts.precisions + [1 / PART_SD**2] * PARTS_OF_DAY + [1 / spread] * len(judged)
        for i, precision in enumerate(precisions):
            gram[i][i] += posts.variance * precision
        factor = cholesky(gram)
        residuals = [value - posts.level for value in posts.values]
        right = weighted_sums(posts.weights, terms, residuals, size)
        solution = solve(factor, right)
        means = solution[first:]
        variances = []
        for i in range(len(judged)):
            # From the tag's row on: what stands before has no part in its variance.
            rest = [row[first + i :] for row in factor[first + i :]]
            column = forward(rest, [1.0] + [0.0] * (len(rest) - 1))
            variances.append(posts.variance * dot(column, column))
        # MacKay's update: the squares of the means, over how many tags' effects the posts decide.
        decided = sum(max(1 - variance / spread, 0.0) for variance in variances)
        squares = dot(means, means) + TYPICAL_WEIGHT * TYPICAL_SD**2
        spread = squares / (decided + TYPICAL_WEIGHT)
        posts.expect(posts.level + sum(solution[i] * x for i, x in own) for own in terms)
    return means, [math.sqrt(variance) for variance in variances]
