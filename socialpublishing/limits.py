"""Content limits: would the platform accept this post? Rules are data with a source and a date."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from socialpublishing import text
from socialpublishing.errors import Violation
from socialpublishing.file_types import help_for, words_for
from socialpublishing.measures import MEASURED, Measure
from socialpublishing.posts import DEFAULT_POST_TYPE, Media, MediaKind, Post, PostWarning

MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE


class TextUnit(StrEnum):
    """How a platform counts text."""

    CHARACTERS = "characters"
    WEIGHTED = "weighted characters"
    UTF16 = "UTF-16 code units"


COUNT: Mapping[TextUnit, Callable[[str], int]] = {
    TextUnit.CHARACTERS: len,
    TextUnit.WEIGHTED: text.weighted_length,
    TextUnit.UTF16: text.utf16_length,
}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """From `low` to `high`, both included; None: no bound."""

    low: float | None = None
    high: float | None = None

    def contains(self, value: float, *, tolerance: float = 0) -> bool:
        is_above = self.low is None or value >= self.low - tolerance
        return is_above and (self.high is None or value <= self.high + tolerance)

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"at most {self.high:g}" if self.low is None else f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, kw_only=True)
class MediaLimit:
    """The limits for one kind of media. All except `max_count` apply to each file."""

    max_count: int = 1
    mime_types: frozenset[str]
    max_bytes: int
    width: Bounds | None = None  # pixels
    height: Bounds | None = None
    pixels: Bounds | None = None
    ratio: Bounds | None = None  # width / height
    duration_s: Bounds | None = None
    frame_rate: Bounds | None = None
    has_alt_text: bool = True
    # A JPEG file with several pictures (MPO) counts as JPEG.
    accepts_mpo: bool = True
    # Names of measures whose bounds the platform documents vaguely or does not enforce: a file
    # outside them gets a warning, no violation.
    advisory: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class PostType:
    """The limits of one kind of post. `source` is the page they are from, `checked` the date."""

    name: str = DEFAULT_POST_TYPE
    description: str
    max_text: int
    text_unit: TextUnit = TextUnit.CHARACTERS
    needs_text: bool = False
    media: Mapping[MediaKind, MediaLimit] = field(default_factory=dict)
    min_media: int = 0
    max_media: int = 0
    # Whether one post may have images and videos.
    mixes_kinds: bool = False
    max_alt_text: int = 0
    max_hashtags: int | None = None
    max_mentions: int | None = None
    max_cashtags: int | None = None
    # The options that it accepts besides `post_type`, and those that it requires.
    options: frozenset[str] = frozenset()
    required_options: frozenset[str] = frozenset()
    # Those that say something only of this kind of media: a post without it does not need them.
    options_of_media: Mapping[MediaKind, frozenset[str]] = field(default_factory=dict)
    # Those that are content, such as a poll: the post needs neither text nor media beside one.
    content_options: frozenset[str] = frozenset()
    # The scopes that it needs; empty: the app's `publish_scopes`.
    scopes: frozenset[str] = frozenset()
    source: str
    checked: dt.date


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of a kind of post: its media, besides its text."""

    name: str
    media: tuple[MediaKind, ...] = ()


def forms(kind: PostType) -> Iterator[Form]:
    """All forms of a kind of post: text only, one or several files of each kind, a mix."""
    if kind.min_media == 0:
        yield Form(name="text")
    for media, limit in kind.media.items():
        most = min(limit.max_count, kind.max_media)
        if kind.min_media <= 1:
            yield Form(name=media, media=(media,))
        if most >= 2:
            yield Form(name=f"{media}s", media=(media,) * max(2, kind.min_media))
    if kind.mixes_kinds and len(kind.media) > 1:
        yield Form(name="mixed", media=tuple(kind.media))


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a platform accepts, by kind of post. The first kind is the default."""

    post_types: tuple[PostType, ...]

    def named(self, name: str) -> PostType | None:
        return next((kind for kind in self.post_types if kind.name == name), None)

    def of(self, post: Post) -> PostType:
        return self.named(post.post_type) or self.post_types[0]

    @property
    def max_media(self) -> int:
        return max(kind.max_media for kind in self.post_types)

    def limit_of(self, media: Media, post: Post) -> MediaLimit:
        """The limit that applies to `media` of an accepted `post`."""
        return self.of(post).media[media.kind]

    def adapted(self, **changes: Any) -> Capabilities:
        """A copy with `changes` in every kind of post, for an account with other limits."""
        return replace(self, post_types=tuple(replace(kind, **changes) for kind in self.post_types))


def violations(post: Post, limits: Capabilities) -> list[Violation]:
    """Every rule that `post` breaks; an empty list if the platform would accept it."""
    kind = limits.of(post)
    found = [*_text_violations(post, kind), *_option_violations(post, kind)]
    return [*found, *_count_violations(post, kind), *_asset_violations(post, kind)]


def _text_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    length = COUNT[kind.text_unit](post.text)
    if length > kind.max_text:
        yield Violation(
            rule="text_length",
            limit=kind.max_text,
            actual=length,
            message=f"The text has {length} {kind.text_unit}, {kind.max_text} are allowed.",
            fix=f"Shorten it by {length - kind.max_text}.",
        )
    if kind.needs_text and text.is_blank(post.text):
        yield Violation(
            rule="text_required",
            limit=1,
            actual=0,
            message=f"A {kind.name} post needs a text.",
            fix="Add a text.",
        )
    for rule, limit, count, example in (
        ("hashtags", kind.max_hashtags, text.count_hashtags, "#summer"),
        ("mentions", kind.max_mentions, text.count_mentions, "@name"),
        ("cashtags", kind.max_cashtags, text.count_cashtags, "$ABC"),
    ):
        if limit is not None and (actual := count(post.text)) > limit:
            yield Violation(
                rule=rule,
                limit=limit,
                actual=actual,
                message=f"The text has {actual} {rule} (such as {example}); at most {limit} are "
                "allowed.",
                fix=f"Remove {actual - limit}.",
            )


def _option_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    for name in sorted(set(post.options) - kind.options - {"post_type"}):
        yield Violation(
            rule="option",
            limit=sorted(kind.options),
            actual=name,
            message=f"A {kind.name} post does not accept the option {name}.",
            fix="Remove it, or choose another post_type.",
        )

    kinds = {media.kind for media in post.media}
    of_others = [names for each, names in kind.options_of_media.items() if each not in kinds]
    for name in sorted(kind.required_options.difference(post.options, *of_others)):
        yield Violation(
            rule="option_required",
            limit=sorted(kind.required_options),
            actual=None,
            message=f"A {kind.name} post needs the option {name}.",
            fix="Set it in platform_specific_options.",
        )


def _count_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    counts = Counter(media.kind for media in post.media)
    if len(post.media) > kind.max_media:
        yield Violation(
            rule="media_count",
            limit=kind.max_media,
            actual=len(post.media),
            message=f"The post has {len(post.media)} assets, {kind.max_media} are allowed.",
            fix=f"Remove {len(post.media) - kind.max_media}.",
        )
    if len(post.media) < kind.min_media:
        wanted = " or ".join(sorted(kind.media))
        yield Violation(
            rule="media_required",
            limit=kind.min_media,
            actual=len(post.media),
            message=f"A {kind.name} post needs at least {kind.min_media} {wanted}.",
            fix=f"Add {kind.min_media - len(post.media)}.",
        )
    if len(counts) > 1 and not kind.mixes_kinds:
        yield Violation(
            rule="media_mix",
            limit=1,
            actual=len(counts),
            message=f"A post can have only one kind of media, not {' and '.join(sorted(counts))}.",
            fix="Create one post for each kind.",
        )
    for media_kind, count in counts.items():
        limit = kind.media.get(media_kind)
        if limit is None:
            yield Violation(
                rule="media_kind",
                limit=sorted(kind.media),
                actual=media_kind,
                message=f"A {kind.name} post cannot have a {media_kind}.",
                fix="Remove it, or choose another post_type.",
            )
        elif limit.max_count < count <= kind.max_media:
            yield Violation(
                rule="media_count",
                limit=limit.max_count,
                actual=count,
                message=f"The post has {count} assets of kind {media_kind}, "
                f"{limit.max_count} allowed.",
                fix=f"Remove {count - limit.max_count}.",
            )


def _asset_violations(post: Post, kind: PostType) -> Iterator[Violation]:
    for number, media in enumerate(post.media, start=1):
        limit = kind.media.get(media.kind)
        if limit is not None:
            yield from _type_violations(number, media, limit)
            yield from _measure_violations(number, media, limit)
        max_alt_text = kind.max_alt_text
        if carries_alt_text(media, kind) and len(media.alt_text) > max_alt_text:
            yield Violation(
                rule="alt_text_length",
                limit=max_alt_text,
                actual=len(media.alt_text),
                message=f"The alt text of asset {number} has {len(media.alt_text)} characters, "
                f"{max_alt_text} are allowed.",
                fix=f"Shorten it by {len(media.alt_text) - max_alt_text}.",
            )


def carries_alt_text(media: Media, kind: PostType) -> bool:
    """Does the platform carry the alt text of `media` in a post of this kind?"""
    limit = kind.media.get(media.kind)
    return kind.max_alt_text > 0 and (limit is None or limit.has_alt_text)


def _type_violations(number: int, media: Media, limit: MediaLimit) -> Iterator[Violation]:
    allowed = sorted(limit.mime_types)
    if media.mime_type not in limit.mime_types:
        yield Violation(
            rule="media_type",
            limit=allowed,
            actual=media.mime_type,
            message=f"Asset {number} is {words_for(media.mime_type)} ({media.mime_type}), allowed "
            f"are {', '.join(allowed)}.",
            fix=help_for(media.mime_type),
        )
    elif media.is_mpo and not limit.accepts_mpo:
        yield Violation(
            rule="media_type",
            limit=allowed,
            actual="image/mpo",
            message=f"Asset {number} has several pictures in one JPEG file (MPO), of which only "
            "one is allowed.",
            fix="Save its first picture as a JPEG of its own.",
        )


def _measure_violations(number: int, media: Media, limit: MediaLimit) -> Iterator[Violation]:
    if media.size_bytes is not None and media.size_bytes > limit.max_bytes:
        yield Violation(
            rule="media_bytes",
            limit=limit.max_bytes,
            actual=media.size_bytes,
            message=f"Asset {number} has {media.size_bytes / MEGABYTE:.1f} MB, "
            f"{limit.max_bytes / MEGABYTE:g} MB are allowed.",
            fix="Make the file smaller.",
        )
    for measure, bounds, actual in _outside(media, limit):
        if measure.name not in limit.advisory:
            yield Violation(
                rule=f"media_{measure.name.removesuffix('_s')}",
                limit=str(bounds),
                actual=round(actual, 3),
                message=f"Asset {number} has {measure.words} {actual:g}; {bounds} is allowed.",
                fix=measure.fix,
            )


def _outside(media: Media, limit: MediaLimit) -> Iterator[tuple[Measure, Bounds, float]]:
    """The measures of `media` that are outside of their bounds by more than their tolerance."""
    for measure in MEASURED:
        bounds: Bounds | None = getattr(limit, measure.name)
        actual = measure.of(media)
        if bounds is None or actual is None:
            continue
        if not bounds.contains(actual, tolerance=TOLERANCES.get(measure.name, 0)):
            yield measure, bounds, actual


# --- Warnings ------------------------------------------------------------------------------------


def warnings(post: Post, limits: Capabilities) -> list[PostWarning]:
    """What the author of an acceptable `post` should know."""
    return list(_asset_warnings(post, limits.of(post)))


def _asset_warnings(post: Post, kind: PostType) -> Iterator[PostWarning]:
    for number, media in enumerate(post.media, start=1):
        if media.alt_text and not carries_alt_text(media, kind):
            yield PostWarning(
                code="alt_text_left_out",
                message=f"The alt text of asset {number} is left out: in a {kind.name} post the "
                f"platform carries none for a {media.kind}.",
            )
        limit = kind.media.get(media.kind)
        if limit is None:
            continue
        for measure, bounds, actual in _outside(media, limit):
            if measure.name in limit.advisory:
                yield PostWarning(
                    code="measure_outside",
                    message=f"Asset {number} has {measure.words} {actual:g}; the platform "
                    f"documents {bounds}, but may accept it.",
                )


# --- Measures of files ---------------------------------------------------------------------------

# Pages round their bounds, files are measured. Up to this far outside of a bound, a file counts as
# inside.
TOLERANCES: Mapping[str, float] = {
    # The sides are whole and mostly even numbers of pixels: 854 x 480 has 1.779 for 16:9.
    "ratio": 0.004,
    # The last frame and the last block of sound end after the cut: 60.06 for a minute.
    "duration_s": 0.09,
    # 24, 30 and 60 stand for 23.976, 29.97 and 59.94 too; clocks of phones drift: 60.02.
    "frame_rate": 0.09,
}


def exceeds(measure: str, actual: float | None, most: float) -> bool:
    """Is a measure of a file above `most` by more than its tolerance? No if it is unknown."""
    return actual is not None and actual > most + TOLERANCES.get(measure, 0)
