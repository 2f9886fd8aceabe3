"""Hashtag suggestions for keywords: from the platform, from the account's posts, from the words."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from connections.targets import PostingTarget
from insights.audience import (
    audience_of,
    cache_parts,
    connection_of,
    metrics_reader_type,
    only_connection_of,
    with_metrics_reader,
)
from insights.cache import cache_key, cached
from insights.confidence import Confidence
from insights.errors import InsightsNotAvailableError
from insights.evidence import Evidence, evidence_of, sample_of
from insights.sources import InsightResponse, Source, oldest_read_at
from insights.tag_lifts import TaggedPost, fold, tag_lifts
from socialpublishing.clock import database_now
from socialpublishing.errors import PlatformApiError
from socialpublishing.platforms.metrics import MetricsNotAvailableError, TagIdeas, TagQuery
from socialpublishing.text import find_hashtags, hashtag_of

OWN_POSTS = "own_posts"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """`score` is 0 to 1, as its `source` defines it; None where the source has no score."""

    tag: str  # without the # sign
    source: str
    score: float | None = None
    posts: int | None = None  # own posts with the tag
    confidence: Confidence | None = None


@dataclass(frozen=True, kw_only=True)
class Hashtags(InsightResponse):
    suggestions: tuple[Suggestion, ...]


def hashtags(
    *,
    user_id: str,
    platform: str,
    keywords: Sequence[str],
    industry: str = "",
    limit: int = 10,
    connection_id: uuid.UUID | None = None,
    destination_id: uuid.UUID | None = None,
) -> Hashtags:
    """Hashtags, alternating between the platform's and the account's own, then the keywords.

    Without a `connection_id` the user's only connection at the platform is used, if there is one. A
    source that fails is reported in `sources`; the others are still used.
    """
    connection = (
        connection_of(user_id, platform, connection_id)
        if connection_id
        else only_connection_of(user_id, platform)
    )
    lists: list[list[Suggestion]] = []
    sources: list[Source] = []
    if connection is not None:
        target = audience_of(connection, destination_id)
        query = TagQuery(
            keywords=tuple(keywords),
            industry=industry,
            limit=limit,
            max_reads=settings.INSIGHTS_MAX_BILLED_READS,
            timezone=connection.timezone,
        )
        for found, source in (_platform_tags(target, query), _own_tags(target, keywords)):
            lists.append(found)
            sources.append(source)
    keyword_tags, source = _keyword_tags(keywords, industry)
    sources.append(source)
    suggestions = _interleaved(lists, limit)
    known = {fold(suggestion.tag) for suggestion in suggestions}
    suggestions += [each for each in keyword_tags if fold(each.tag) not in known]
    if not suggestions:
        raise InsightsNotAvailableError("None of the keywords can be written as a hashtag.")
    return Hashtags(suggestions=tuple(suggestions[:limit]), sources=tuple(sources))


# --- The sources ---------------------------------------------------------------------------------


def _platform_tags(target: PostingTarget, query: TagQuery) -> tuple[list[Suggestion], Source]:
    """The platform's own hashtags for the keywords, read with the user's own token."""

    def make() -> dict[str, Any]:
        try:
            ideas = _tag_ideas(target, query)
        except MetricsNotAvailableError as error:
            return {"name": "platform", "meaning": str(error), "code": error.code, "ideas": []}
        return {
            "name": ideas.source,
            "meaning": ideas.meaning,
            "code": "",
            "ideas": [vars(idea) for idea in ideas.ideas],
        }

    folded = [fold(word) for word in query.keywords]
    key = cache_key(cache_parts(target), folded, query.industry, query.limit, query.timezone)
    try:
        response = cached(f"platform-tags:{key}", make)
    except PlatformApiError as error:
        return [], Source(name="platform", meaning=str(error), code=error.code)
    data = response.value
    source = Source(
        name=data["name"],
        meaning=data["meaning"],
        read_at=response.made_at,
        is_stale=response.is_stale,
        code=data["code"],
    )
    return [Suggestion(source=source.name, **idea) for idea in data["ideas"]], source


def _tag_ideas(target: PostingTarget, query: TagQuery) -> TagIdeas:
    reader = metrics_reader_type(target)
    if reader is None or not reader.has_tag_ideas:
        raise MetricsNotAvailableError("The platform offers no hashtags.")
    return with_metrics_reader(target, lambda reader: reader.tag_ideas(query))


def _own_tags(target: PostingTarget, keywords: Sequence[str]) -> tuple[list[Suggestion], Source]:
    """The account's tags that lift its engagement. Tags of posts with a keyword come first."""
    now = database_now()
    try:
        evidence = evidence_of(target, now=now)
    except PlatformApiError as error:
        return [], Source(name=OWN_POSTS, meaning=str(error), code=error.code)
    tagged = [
        TaggedPost(sample=sample_of(post, age), tags=find_hashtags(post.text))
        for post, age in evidence.posts
    ]
    zone = ZoneInfo(target.connection.timezone or "UTC")
    lifts = [
        lift for lift in tag_lifts(tagged, now=evidence.as_of or now, zone=zone) if lift.lift > 1
    ]
    related = _tags_with_keywords(keywords, evidence)
    lifts.sort(key=lambda lift: lift.tag not in related)
    source = Source(
        name=OWN_POSTS,
        meaning="Engagement of the account's posts with the tag against those without: "
        "score = lift / (1 + lift), so that 0.5 is no effect.",
        read_at=oldest_read_at(evidence.sources),
        is_stale=any(source.is_stale for source in evidence.sources),
        code="" if lifts else InsightsNotAvailableError.code,
    )
    return [
        Suggestion(
            tag=lift.tag,
            source=OWN_POSTS,
            score=lift.score,
            posts=lift.posts,
            confidence=lift.confidence,
        )
        for lift in lifts
    ], source


def _tags_with_keywords(keywords: Sequence[str], evidence: Evidence) -> set[str]:
    """The tags of posts whose text contains a keyword."""
    words = [fold(word) for word in keywords]
    return {
        fold(tag)
        for post, _ in evidence.posts
        if any(word in fold(post.text) for word in words)
        for tag in find_hashtags(post.text)
    }


def _keyword_tags(keywords: Sequence[str], industry: str) -> tuple[list[Suggestion], Source]:
    """The keywords and the industry, written as hashtags."""
    tags: dict[str, str] = {}
    for words in (*keywords, industry):
        if tag := hashtag_of(words):
            tags.setdefault(fold(tag), tag)
    meaning = "The keywords themselves as hashtags; their effect is not known."
    return (
        [Suggestion(tag=tag, source="keywords") for tag in tags.values()],
        Source(name="keywords", meaning=meaning),
    )


def _interleaved(lists: Iterable[list[Suggestion]], limit: int) -> list[Suggestion]:
    """Alternate between the lists, best first: scores of different sources are not comparable."""
    merged: dict[str, Suggestion] = {}
    remaining = [list(each) for each in lists]
    while any(remaining) and len(merged) < limit:
        for each in remaining:
            if each:
                suggestion = each.pop(0)
                merged.setdefault(fold(suggestion.tag), suggestion)
    return list(merged.values())
