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
from socialpublishing.posts import DEFAULT_POST_TYPE, Media, MediaKind, Post

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

    def contains(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

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
            yield from _file_violations(number, media, limit)
        max_alt_text = kind.max_alt_text if limit is None or limit.has_alt_text else 0
        if len(media.alt_text) > max_alt_text:
            excess = len(media.alt_text) - max_alt_text
            yield Violation(
                rule="alt_text_length",
                limit=max_alt_text,
                actual=len(media.alt_text),
                message=f"The alt text of asset {number} has {len(media.alt_text)} characters, "
                f"{max_alt_text} are allowed.",
                fix=f"Shorten it by {excess}." if max_alt_text else "Remove it.",
            )


def _file_violations(number: int, media: Media, limit: MediaLimit) -> Iterator[Violation]:
    if media.mime_type not in limit.mime_types:
        allowed = ", ".join(sorted(limit.mime_types))
        yield Violation(
            rule="media_type",
            limit=sorted(limit.mime_types),
            actual=media.mime_type,
            message=f"Asset {number} is {media.mime_type}, allowed are {allowed}.",
            fix="Convert it.",
        )
    if media.size_bytes is not None and media.size_bytes > limit.max_bytes:
        yield Violation(
            rule="media_bytes",
            limit=limit.max_bytes,
            actual=media.size_bytes,
            message=f"Asset {number} has {media.size_bytes / MEGABYTE:.1f} MB, "
            f"{limit.max_bytes / MEGABYTE:g} MB are allowed.",
            fix="Make the file smaller.",
        )
    for measure in MEASURED:
        bounds: Bounds | None = getattr(limit, measure.name)
        actual = measure.of(media)
        if bounds is not None and actual is not None and not bounds.contains(actual):
            yield Violation(
                rule=f"media_{measure.name.removesuffix('_s')}",
                limit=str(bounds),
                actual=round(actual, 3),
                message=f"Asset {number} has {measure.words} {actual:g}; {bounds} is allowed.",
                fix=measure.fix,
            )


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a file that a limit bounds. `of` returns None if it is unknown."""

    name: str
    words: str
    of: Callable[[Media], float | None]
    fix: str


def _product(media: Media) -> float | None:
    return media.width * media.height if media.width and media.height else None


def _ratio(media: Media) -> float | None:
    return media.width / media.height if media.width and media.height else None


MEASURED = (
    Measure(name="width", words="a width of", of=lambda media: media.width, fix="Resize it."),
    Measure(name="height", words="a height of", of=lambda media: media.height, fix="Resize it."),
    Measure(name="pixels", words="a number of pixels of", of=_product, fix="Resize it."),
    Measure(name="ratio", words="an aspect ratio (width to height) of", of=_ratio, fix="Crop it."),
    Measure(
        name="duration_s",
        words="a duration in seconds of",
        of=lambda media: media.duration_s,
        fix="Cut it to length.",
    ),
    Measure(
        name="frame_rate",
        words="a frame rate (frames per second) of",
        of=lambda media: media.frame_rate,
        fix="Encode it with another frame rate.",
    ),
)
