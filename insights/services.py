"""The two questions, answered: which hours, which hashtags."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from connections.models import ConnectionNotFoundError, SocialConnection
from connections.targets import PostingTarget
from insights import best_times as estimator
from insights import hashtags as own_tags
from insights.cache import cached, key_of
from insights.confidence import Confidence
from insights.evidence import (
    Evidence,
    Source,
    audience_of,
    cache_parts,
    evidence_of,
    metrics_reader_of,
    metrics_reader_type,
    sample_of,
)
from insights.models import WeekEstimate
from socialpublishing.clock import database_now
from socialpublishing.errors import PlatformApiError, SocialPublishingBaseError
from socialpublishing.platforms import offered_platform
from socialpublishing.platforms.metrics import MetricsNotAvailableError, TagQuery
from socialpublishing.text import find_hashtags, hashtag_of

MIN_POSTS = 10  # fewer say nothing worth an answer
# So many accounts make a platform's mean, none of which can be seen in it.
MIN_ACCOUNTS, MAX_ACCOUNTS = 20, 200


class TooLittleKnownError(SocialPublishingBaseError):
    code = "insights_not_available"


def connection_of(user_id: str, platform: str, connection_id: uuid.UUID) -> SocialConnection:
    """Raises InvalidSocialPlatformError, PlatformNotConfiguredError, ConnectionNotFoundError."""
    offered_platform(platform)
    connection = (
        SocialConnection.objects.of(user_id).filter(pk=connection_id, platform=platform).first()
    )
    if connection is None:
        raise ConnectionNotFoundError
    return connection


def forget_connection(connection: SocialConnection, actor: str) -> int:
    """What was learnt from an account ends with its connection. No job is cancelled by it."""
    WeekEstimate.objects.filter(connection=connection).delete()
    return 0


def refresh_insights(connection: SocialConnection, *, actor: str = "", reason: str = "") -> None:
    """Estimate the rhythm of all that the connection carries, for the console.

    Raises the first of the errors that `best_times` does.
    """
    platform = connection.platform_type
    places: list[uuid.UUID | None] = [None] if platform.posts_as_account else []
    if platform.metrics_reader is not None and platform.metrics_reader.by_destination:
        eligible = connection.destinations.filter(can_publish=True)
        places += eligible.values_list("pk", flat=True)
    for place in places or [None]:
        best_times(connection, destination_id=place)


# --- Hours ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class InsightResponse:
    """It is as old as the oldest of what it was made from."""

    sources: tuple[Source, ...]

    @property
    def generated_at(self) -> dt.datetime | None:
        return oldest_read_at(self.sources)

    @property
    def stale(self) -> bool:
        return any(source.is_stale for source in self.sources)


@dataclass(frozen=True, kw_only=True)
class BestTimes(InsightResponse):
    """`suggested_times` in `timezone`, best first; see insights.best_times for what they mean."""

    platform: str
    connection_id: uuid.UUID
    timezone: str
    suggested_times: tuple[estimator.Slot, ...]
    confidence: Confidence
    posts_used: int
    missing_posts: int
    lift: float


def best_times(
    connection: SocialConnection, *, zone_name: str = "", destination_id: uuid.UUID | None = None
) -> BestTimes:
    """The week's best hours for what `connection` carries, in `zone_name` or its own time zone.

    Raises TooLittleKnownError, which says how many more posts it takes, and PlatformApiError.
    """
    target = audience_of(connection, destination_id)
    evidence = evidence_of(target, now=database_now())
    zone = zone_name or connection.timezone or "UTC"
    estimate = _estimated(target, evidence, zone)
    if estimate.posts_used < MIN_POSTS:
        raise TooLittleKnownError(_too_little(estimate, evidence))
    return BestTimes(
        platform=connection.platform,
        connection_id=connection.pk,
        timezone=zone,
        suggested_times=estimate.slots,
        confidence=estimate.confidence,
        posts_used=estimate.posts_used,
        missing_posts=estimate.missing_posts,
        lift=estimate.lift,
        sources=evidence.sources,
    )


def _estimated(target: PostingTarget, evidence: Evidence, zone: str) -> estimator.Estimate:
    """Made once for the same posts, as it takes its time; then also kept for the console."""
    now = evidence.as_of or database_now()
    of_what = [(post.id, post.metrics.engagement) for post, _ in evidence.posts]
    usual = _usual_effects(target.connection, zone)

    def make() -> dict[str, Any]:
        alone = estimator.best_times(evidence.samples, zone=ZoneInfo(zone), now=now)
        estimate = alone
        if usual is not None:
            estimate = estimator.best_times(
                evidence.samples, zone=ZoneInfo(zone), now=now, prior=usual
            )
        if alone.posts_used:
            _keep(target, evidence, zone, estimate, alone.effects, now)
        return dataclasses.asdict(estimate)

    data = cached(f"rhythm:{key_of(cache_parts(target), zone, of_what)}", make).value
    return estimator.Estimate(
        **{
            **data,
            "slots": tuple(estimator.Slot(**slot) for slot in data["slots"]),
            "confidence": Confidence(data["confidence"]),
        }
    )


def _usual_effects(connection: SocialConnection, zone: str) -> list[float] | None:
    """What is usual on the platform by the clocks of accounts' own time zones.

    It says nothing of accounts whose people live nobody knows where.
    """
    if not connection.timezone or zone != connection.timezone:
        return None
    others = WeekEstimate.objects.filter(platform=connection.platform, posts_used__gte=MIN_POSTS)
    effects = others.exclude(connection__timezone="").values_list("effects", flat=True)
    found = list(effects.order_by("-made_at")[:MAX_ACCOUNTS])
    return estimator.mean_effects(found) if len(found) >= MIN_ACCOUNTS else None


def _keep(
    target: PostingTarget,
    evidence: Evidence,
    zone: str,
    estimate: estimator.Estimate,
    effects: Sequence[float],
    now: dt.datetime,
) -> None:
    home = target.connection.timezone
    if home and zone != home:
        return  # asked in passing; the account's own zone is what can be compared
    WeekEstimate.objects.update_or_create(
        connection=target.connection,
        account=target.key,
        defaults={
            "account_name": target.name,
            "platform": target.connection.platform,
            "timezone": zone,
            "made_at": now,
            "sources": [source.name for source in evidence.sources if not source.code],
            "confidence": estimate.confidence.value,
            "lift": estimate.lift,
            "posts_used": estimate.posts_used,
            "missing_posts": estimate.missing_posts,
            "slots": [vars(slot) for slot in estimate.slots],
            "surface": estimate.surface,
            "effects": effects,
            "posts": [
                {
                    "published_at": post.published_at.isoformat(),
                    "kind": post.kind,
                    "engagement": post.metrics.engagement,
                    "audience": post.metrics.audience,
                }
                for post, _ in evidence.posts
            ],
        },
    )


def _too_little(estimate: estimator.Estimate, evidence: Evidence) -> str:
    known = f"Only {estimate.posts_used} posts" if estimate.posts_used else "No posts"
    first = MIN_POSTS - estimate.posts_used
    sentences = [
        f"{known} of this account can be read so far. It takes {first} more for a first answer, "
        f"and about {max(estimate.missing_posts, first)} more for one to rely on."
    ]
    sentences += [source.meaning for source in evidence.sources if source.code]
    return " ".join(sentences)


# --- Hashtags ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """`score` 0 to 1, as its `source` means it; None where nothing is known of how the tag does."""

    tag: str  # without its sign
    source: str
    score: float | None = None
    posts: int | None = None  # own posts that carry it
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
    """Tags for `keywords`: what the platform names, what the account's own posts show, and last
    the keywords themselves.

    Without a `connection_id` the user's only connection at the platform is asked, if there is one.
    A source that fails is told as such, and keeps no other from answering.
    """
    offered_platform(platform)
    connection: SocialConnection | None
    if connection_id is not None:
        connection = connection_of(user_id, platform, connection_id)
    else:
        own = list(SocialConnection.objects.of(user_id).filter(platform=platform)[:2])
        connection = own[0] if len(own) == 1 else None
    lists: list[list[Suggestion]] = []
    sources: list[Source] = []
    if connection is not None:
        target = audience_of(connection, destination_id)
        for data, source in (
            _platforms_tags(target, keywords, industry, limit),
            _own_tags(target, keywords),
        ):
            lists.append(data)
            sources.append(source)
    words, source = _keyword_tags(keywords, industry)
    sources.append(source)
    suggestions = _merged(lists, limit)
    suggestions += [
        word
        for word in words
        if own_tags.fold(word.tag) not in {own_tags.fold(known.tag) for known in suggestions}
    ]
    if not suggestions:
        raise TooLittleKnownError("Nothing is known that would make a hashtag of these keywords.")
    return Hashtags(suggestions=tuple(suggestions[:limit]), sources=tuple(sources))


def _platforms_tags(
    target: PostingTarget, keywords: Sequence[str], industry: str, limit: int
) -> tuple[list[Suggestion], Source]:
    """What the platform itself names for the keywords, read with the user's own token."""
    zone = target.connection.timezone

    def make() -> dict[str, Any]:
        try:
            reader = metrics_reader_type(target)
            if reader is None or not reader.has_tag_ideas:
                raise MetricsNotAvailableError("The platform names no hashtags.")
            data = metrics_reader_of(target).tag_ideas(
                TagQuery(
                    keywords=tuple(keywords),
                    industry=industry,
                    limit=limit,
                    max_reads=settings.INSIGHTS_MAX_BILLED_READS,
                    timezone=zone,
                )
            )
        except MetricsNotAvailableError as error:
            return {"name": "platform", "why": str(error), "code": error.code, "ideas": []}
        ideas = [vars(idea) for idea in data.ideas]
        return {"name": data.source, "why": data.meaning, "code": "", "ideas": ideas}

    folded = [own_tags.fold(word) for word in keywords]
    key = key_of(cache_parts(target), folded, industry, limit, zone)
    try:
        response = cached(f"tags:{key}", make)
    except PlatformApiError as error:
        return [], Source(name="platform", meaning=str(error), code=error.code)
    said = response.value
    source = Source(
        name=said["name"],
        meaning=said["why"],
        read_at=response.made_at,
        is_stale=response.is_stale,
        code=said["code"],
    )
    return [Suggestion(source=said["name"], **idea) for idea in said["ideas"]], source


def _own_tags(target: PostingTarget, keywords: Sequence[str]) -> tuple[list[Suggestion], Source]:
    """The account's tags that lift its engagement; those that go with the keywords come first."""
    now = database_now()
    name = "own_posts"
    try:
        evidence = evidence_of(target, now=now)
    except PlatformApiError as error:
        return [], Source(name=name, meaning=str(error), code=error.code)
    now = evidence.as_of or now
    tagged = [
        own_tags.TaggedPost(sample=sample_of(post, age), tags=find_hashtags(post.text))
        for post, age in evidence.posts
    ]
    zone = ZoneInfo(target.connection.timezone or "UTC")
    sought = [own_tags.fold(word) for word in keywords]
    related = {
        own_tags.fold(tag)
        for post, _ in evidence.posts
        if any(word in own_tags.fold(post.text) for word in sought)
        for tag in find_hashtags(post.text)
    }
    lifts = [lift for lift in own_tags.tag_lifts(tagged, now=now, zone=zone) if lift.lift > 1]
    lifts.sort(key=lambda lift: lift.tag not in related)
    source = Source(
        name=name,
        meaning="Engagement of the account's posts with the tag against those without: "
        "score = lift / (1 + lift), so that 0.5 is no effect.",
        read_at=oldest_read_at(evidence.sources),
        is_stale=any(source.is_stale for source in evidence.sources),
        code="" if lifts else "insights_not_available",
    )
    return [
        Suggestion(
            tag=lift.tag,
            source=name,
            score=lift.score,
            posts=lift.posts,
            confidence=lift.confidence,
        )
        for lift in lifts
    ], source


def _keyword_tags(keywords: Sequence[str], industry: str) -> tuple[list[Suggestion], Source]:
    """What was asked with, written as hashtags: honest, and better than nothing."""
    tags: dict[str, str] = {}
    for words in (*keywords, industry):
        if tag := hashtag_of(words):
            tags.setdefault(own_tags.fold(tag), tag)
    meaning = "The keywords themselves as hashtags; nothing is known of how they do."
    return (
        [Suggestion(tag=tag, source="keywords") for tag in tags.values()],
        Source(name="keywords", meaning=meaning),
    )


def _merged(lists: Iterable[list[Suggestion]], limit: int) -> list[Suggestion]:
    """In turns, the best of each first, as scores of different sources cannot be compared."""
    merged: dict[str, Suggestion] = {}
    waiting = [list(each) for each in lists]
    while any(waiting) and len(merged) < limit:
        for each in waiting:
            if each:
                suggestion = each.pop(0)
                merged.setdefault(own_tags.fold(suggestion.tag), suggestion)
    return list(merged.values())


def oldest_read_at(sources: Iterable[Source]) -> dt.datetime | None:
    return min((source.read_at for source in sources if source.read_at), default=None)
