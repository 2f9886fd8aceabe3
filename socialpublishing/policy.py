"""Would the platform take this post? Rules are data, dated and with their source."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from socialpublishing import text
from socialpublishing.errors import Violation
from socialpublishing.posts import MediaKind, Post

MEGABYTE = 1024 * 1024


class TextUnit(StrEnum):
    """How a platform counts text."""

    CHARACTERS = "characters"
    WEIGHTED = "weighted characters"


COUNT: Mapping[TextUnit, Callable[[str], int]] = {
    TextUnit.CHARACTERS: len,
    TextUnit.WEIGHTED: text.weighted_length,
}


@dataclass(frozen=True, kw_only=True)
class MediaLimit:
    """What a post may carry of one kind of media; `max_bytes` is for each."""

    max_count: int
    mime_types: frozenset[str]
    max_bytes: int


@dataclass(frozen=True, kw_only=True)
class Option:
    """One name that `platform_specific_options` takes: a text, if `choices` is empty any."""

    name: str
    description: str
    example: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a platform takes. `source` is the page it was read on, `checked` the day."""

    max_text: int
    text_unit: TextUnit
    media: Mapping[MediaKind, MediaLimit]
    max_media: int
    max_alt_text: int
    source: str
    checked: dt.date
    max_cashtags: int | None = None
    # One GIF or several images, but not both.
    mixes_kinds: bool = False
    post_types: tuple[str, ...] = ("feed",)
    options: tuple[Option, ...] = field(default=())


def violations(post: Post, limits: Capabilities) -> list[Violation]:
    """Every rule that `post` breaks; an empty list if the platform would take it."""
    return [*_text_violations(post, limits), *_media_violations(post, limits)]


def unknown_options(options: Mapping[str, Any], limits: Capabilities) -> Iterator[tuple[str, str]]:
    """Pairs of an option's name and what is wrong with it."""
    known = {option.name: option for option in limits.options}
    for name, value in options.items():
        if name == "post_type":
            if value not in limits.post_types:
                yield name, f"One of: {', '.join(limits.post_types)}."
        elif name not in known:
            names = ", ".join(["post_type", *known])
            yield name, f"This platform has no such option. It has: {names}."
        elif not isinstance(value, str) or not value:
            yield name, "A text that is not empty."
        elif known[name].choices and value not in known[name].choices:
            yield name, f"One of: {', '.join(known[name].choices)}."


def _text_violations(post: Post, limits: Capabilities) -> Iterator[Violation]:
    length = COUNT[limits.text_unit](post.text)
    if length > limits.max_text:
        yield Violation(
            rule="text_length",
            limit=limits.max_text,
            actual=length,
            message=f"The text has {length} {limits.text_unit}, {limits.max_text} are allowed.",
        )
    cashtags = text.count_cashtags(post.text)
    if limits.max_cashtags is not None and cashtags > limits.max_cashtags:
        yield Violation(
            rule="cashtags",
            limit=limits.max_cashtags,
            actual=cashtags,
            message=f"The text has {cashtags} cashtags such as $ABC, "
            f"{limits.max_cashtags} allowed.",
        )


def _media_violations(post: Post, limits: Capabilities) -> Iterator[Violation]:
    counts = Counter(media.kind for media in post.media)
    if len(post.media) > limits.max_media:
        yield Violation(
            rule="media_count",
            limit=limits.max_media,
            actual=len(post.media),
            message=f"The post has {len(post.media)} assets, {limits.max_media} are allowed.",
        )
    if len(counts) > 1 and not limits.mixes_kinds:
        yield Violation(
            rule="media_mix",
            limit=1,
            actual=len(counts),
            message=f"A post carries one kind of media, not {' and '.join(sorted(counts))}.",
        )
    for kind, count in counts.items():
        limit = limits.media.get(kind)
        if limit is None:
            yield Violation(
                rule="media_kind",
                limit=sorted(limits.media),
                actual=kind,
                message=f"We cannot publish {kind} media here yet.",
            )
        elif limit.max_count < count <= limits.max_media:
            yield Violation(
                rule="media_count",
                limit=limit.max_count,
                actual=count,
                message=f"The post has {count} assets of kind {kind}, {limit.max_count} allowed.",
            )
    for number, media in enumerate(post.media, start=1):
        limit = limits.media.get(media.kind)
        if limit and media.mime_type not in limit.mime_types:
            yield Violation(
                rule="media_type",
                limit=sorted(limit.mime_types),
                actual=media.mime_type,
                message=f"Asset {number} is {media.mime_type}, "
                f"allowed are {', '.join(sorted(limit.mime_types))}.",
            )
        if limit and media.size_bytes is not None and media.size_bytes > limit.max_bytes:
            yield Violation(
                rule="media_bytes",
                limit=limit.max_bytes,
                actual=media.size_bytes,
                message=f"Asset {number} has {media.size_bytes / MEGABYTE:.1f} MB, "
                f"{limit.max_bytes / MEGABYTE:.0f} MB are allowed.",
            )
        if len(media.alt_text) > limits.max_alt_text:
            yield Violation(
                rule="alt_text_length",
                limit=limits.max_alt_text,
                actual=len(media.alt_text),
                message=f"The alt text of asset {number} has {len(media.alt_text)} characters, "
                f"{limits.max_alt_text} are allowed.",
            )
