"""Each content limit of each platform: the last allowed value and the first refused one."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.limits import (
    COUNT,
    TOLERANCES,
    Bounds,
    Capabilities,
    MediaLimit,
    PostType,
    exceeds,
    violations,
    warnings,
)
from socialpublishing.measures import MEASURED
from socialpublishing.platforms import PLATFORMS
from socialpublishing.posts import Media, MediaKind, Post

STEP = {"ratio": 0.005, "frame_rate": 0.1, "duration_s": 0.1}
ALL_KINDS = [
    pytest.param(name, kind, id=f"{name}-{kind.name}")
    for name, platform in PLATFORMS.items()
    for kind in platform.capabilities.post_types
]
ALL_MEDIA = [
    pytest.param(name, kind, media, id=f"{name}-{kind.name}-{media}")
    for name, platform in PLATFORMS.items()
    for kind in platform.capabilities.post_types
    for media in kind.media
]


def make_file(kind: MediaKind, limit: MediaLimit, **facts: Any) -> Media:
    """A file within `limit` that differs in `facts`. Its other measures are unknown."""
    mime_type = sorted(limit.mime_types)[0]
    return Media(**{"kind": kind, "url": "x", "mime_type": mime_type, **facts})


def make_post(kind: PostType, *media: Media, text: str | None = None, **options: Any) -> Post:
    text = text if text is not None else "Hi" * bool(kind.max_text)
    required = dict.fromkeys(kind.required_options, True)
    return Post(text=text, media=media, options={"post_type": kind.name, **required, **options})


def minimum_media(kind: PostType, media: MediaKind, **facts: Any) -> list[Media]:
    """The minimum number of files for a post of `kind`. The first one has `facts`."""
    count = max(kind.min_media, 1)
    limit = kind.media[media]
    return [make_file(media, limit, **facts), *[make_file(media, limit)] * (count - 1)]


def required_media(kind: PostType) -> list[Media]:
    return minimum_media(kind, next(iter(kind.media))) if kind.min_media else []


def rules(name: str, post: Post) -> list[str]:
    return [violation.rule for violation in violations(post, PLATFORMS[name].capabilities)]


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_longest_text_is_accepted_and_one_more_is_refused(name, kind):
    if kind.max_text == 0:
        assert rules(name, make_post(kind, *required_media(kind), text="a")) == ["text_length"]
        return
    longest = "a" * kind.max_text
    assert COUNT[kind.text_unit](longest) == kind.max_text
    assert rules(name, make_post(kind, *required_media(kind), text=longest)) == []
    assert rules(name, make_post(kind, *required_media(kind), text=longest + "a")) == [
        "text_length"
    ]


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_missing_text_is_refused_where_it_is_required(name, kind):
    expected = ["text_required"] if kind.needs_text else []
    assert rules(name, make_post(kind, *required_media(kind), text="")) == expected


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
@pytest.mark.parametrize(
    ("rule", "words"),
    [("hashtags", "#a{}"), ("mentions", "@name{}"), ("cashtags", "$AB{}")],
)
def test_hashtags_mentions_and_cashtags_are_limited(name, kind, rule, words):
    limit = getattr(kind, f"max_{rule}")
    letters = ["".join(pair) for pair in itertools.product("abcdefghij", repeat=2)]
    for count in (1, 40) if limit is None else (limit, limit + 1):
        text = " ".join(words.format(letters[number]) for number in range(count))
        found = rules(name, make_post(kind, *required_media(kind), text=text))
        assert (rule in found) == (limit is not None and count > limit)


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_number_of_assets_is_limited(name, kind):
    for media, limit in kind.media.items():
        most = min(limit.max_count, kind.max_media)
        inside = make_post(kind, *[make_file(media, limit)] * most)
        assert rules(name, inside) == (["media_required"] if most < kind.min_media else [])
        outside = make_post(kind, *[make_file(media, limit)] * (most + 1))
        assert "media_count" in rules(name, outside)
    fewer = make_post(kind, *required_media(kind)[:-1])
    assert ("media_required" in rules(name, fewer)) == (kind.min_media > 0)


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_other_kinds_of_assets_are_refused(name, kind):
    for media in set(MediaKind) - set(kind.media):
        other = Media(kind=media, url="x", mime_type="x/y")
        assert "media_kind" in rules(name, make_post(kind, other))
    if len(kind.media) > 1:
        both = [make_file(media, limit) for media, limit in list(kind.media.items())[:2]]
        assert ("media_mix" in rules(name, make_post(kind, *both))) == (not kind.mixes_kinds)


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_options_of_other_kinds_are_refused(name, kind):
    for option, example in PLATFORMS[name].options.examples.items():
        if option != "post_type":
            found = rules(name, make_post(kind, *required_media(kind), **{option: example}))
            assert ("option" in found) == (option not in kind.options)


@pytest.mark.parametrize(("name", "kind", "media"), ALL_MEDIA)
def test_size_and_type_of_a_file_are_limited(name, kind, media):
    limit = kind.media[media]
    for mime_type in limit.mime_types:
        assert rules(name, make_post(kind, *minimum_media(kind, media, mime_type=mime_type))) == []
    assert rules(name, make_post(kind, *minimum_media(kind, media, mime_type="x/y"))) == [
        "media_type"
    ]
    largest, larger = limit.max_bytes, limit.max_bytes + 1
    assert rules(name, make_post(kind, *minimum_media(kind, media, size_bytes=largest))) == []
    assert rules(name, make_post(kind, *minimum_media(kind, media, size_bytes=larger))) == [
        "media_bytes"
    ]


@pytest.mark.parametrize(("name", "kind", "media"), ALL_MEDIA)
@pytest.mark.behaviour("Alt text that a platform does not carry is left out, with a warning")
def test_alt_text_is_limited_or_left_out_with_a_warning(name, kind, media):
    limits = PLATFORMS[name].capabilities
    longest = make_post(kind, *minimum_media(kind, media, alt_text="a" * kind.max_alt_text))
    longer = make_post(kind, *minimum_media(kind, media, alt_text="a" * (kind.max_alt_text + 1)))
    is_carried = kind.max_alt_text and kind.media[media].has_alt_text
    assert rules(name, longest) == []
    assert rules(name, longer) == (["alt_text_length"] if is_carried else [])
    expected = [] if is_carried else ["alt_text_left_out"]
    assert [each.code for each in warnings(longer, limits)] == expected


def facts_for(name: str, value: float) -> dict[str, float]:
    """The facts of a file whose measure `name` is `value`."""
    match name:
        case "ratio":
            return {"width": value * 100_000, "height": 100_000}
        case "pixels":
            return {"width": value, "height": 1}
    return {name: value}


def edges(bounds: Bounds, step: float) -> Iterator[tuple[float, bool]]:
    for edge, outward in ((bounds.low, -step), (bounds.high, step)):
        if edge is not None:
            yield edge, True
            yield edge + outward, False


@pytest.mark.parametrize(("name", "kind", "media"), ALL_MEDIA)
@pytest.mark.parametrize("measure", [measure.name for measure in MEASURED])
def test_measures_of_a_file_are_limited(name, kind, media, measure):
    limit = kind.media[media]
    bounds = getattr(limit, measure)
    rule = f"media_{measure.removesuffix('_s')}"
    if bounds is None:
        return
    is_advisory = measure in limit.advisory
    for value, is_inside in edges(bounds, STEP.get(measure, 1)):
        post = make_post(kind, *minimum_media(kind, media, **facts_for(measure, value)))
        warned = [each.code for each in warnings(post, PLATFORMS[name].capabilities)]
        assert (rule in rules(name, post)) == (not is_inside and not is_advisory), value
        assert warned == ["measure_outside"] * (not is_inside and is_advisory), value


@pytest.mark.parametrize(
    ("bounds", "facts", "is_inside"),
    [
        ({"duration_s": Bounds(low=3, high=60)}, {"duration_s": 60.06}, True),
        ({"duration_s": Bounds(low=3, high=60)}, {"duration_s": 2.95}, True),
        ({"duration_s": Bounds(low=3, high=60)}, {"duration_s": 60.5}, False),
        ({"frame_rate": Bounds(low=24, high=60)}, {"frame_rate": 60.02}, True),
        ({"frame_rate": Bounds(low=24, high=60)}, {"frame_rate": 23.976}, True),
        ({"frame_rate": Bounds(low=24, high=60)}, {"frame_rate": 23.8}, False),
        ({"ratio": Bounds(low=0.5625, high=1.778)}, {"width": 854, "height": 480}, True),
        ({"ratio": Bounds(low=0.5625, high=1.778)}, {"width": 480, "height": 854}, True),
        ({"ratio": Bounds(low=0.8, high=1.91)}, {"width": 1080, "height": 1351}, True),
        ({"ratio": Bounds(low=0.8, high=1.91)}, {"width": 1080, "height": 1440}, False),
        ({"width": Bounds(low=540)}, {"width": 539, "height": 960}, False),
    ],
)
@pytest.mark.behaviour("Bounds of pages are rounded; files are measured with a tolerance")
def test_measured_file_may_differ_a_little_from_rounded_bounds(bounds, facts, is_inside):
    def found(advisory: frozenset[str]) -> tuple[list[str], list[str]]:
        limit = MediaLimit(
            mime_types=frozenset({"video/mp4"}), max_bytes=10**9, advisory=advisory, **bounds
        )
        kind = PostType(
            description="",
            max_text=0,
            media={MediaKind.VIDEO: limit},
            max_media=1,
            source="",
            checked=dt.date(2026, 11, 27),
        )
        post = Post(media=(make_file(MediaKind.VIDEO, limit, **facts),))
        capabilities = Capabilities(post_types=(kind,))
        return (
            [each.rule for each in violations(post, capabilities)],
            [each.code for each in warnings(post, capabilities)],
        )

    [measure] = bounds
    refused = [f"media_{measure.removesuffix('_s')}"]
    assert found(frozenset()) == ([] if is_inside else refused, [])
    assert found(frozenset({measure})) == ([], [] if is_inside else ["measure_outside"])


@given(
    st.sampled_from(sorted(TOLERANCES)),
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.floats(0, 2000),
)
def test_tolerance_only_widens_bounds(measure, one, other, value):
    bounds = Bounds(low=min(one, other), high=max(one, other))
    tolerance = TOLERANCES[measure]
    if bounds.contains(value):
        assert bounds.contains(value, tolerance=tolerance)
    if exceeds(measure, value, bounds.high):
        assert not bounds.contains(value, tolerance=tolerance)
    assert not exceeds(measure, None, bounds.high)


def test_several_pictures_in_one_file_are_refused_only_where_they_are_no_jpeg():
    for accepts in (True, False):
        limit = MediaLimit(
            mime_types=frozenset({"image/jpeg"}), max_bytes=1000, accepts_mpo=accepts
        )
        kind = replace(
            PLATFORMS["linkedin"].capabilities.post_types[0], media={MediaKind.IMAGE: limit}
        )
        post = Post(media=(make_file(MediaKind.IMAGE, limit, is_mpo=True),))
        found = violations(post, Capabilities(post_types=(kind,)))
        assert [each.rule for each in found] == ([] if accepts else ["media_type"])
        assert accepts or "MPO" in found[0].message


def test_all_violations_are_reported_together_each_with_a_fix():
    platform = PLATFORMS["twitter"]
    pictures = [Media(kind=MediaKind.IMAGE, url="x", mime_type="image/tiff")] * 5
    found = violations(Post(text="a" * 300, media=tuple(pictures)), platform.capabilities)
    assert {"text_length", "media_count", "media_type"} <= {each.rule for each in found}
    assert all(each.message and each.fix for each in found)


@pytest.mark.parametrize(("name", "kind"), ALL_KINDS)
def test_missing_required_option_is_refused(name, kind):
    for option in kind.required_options:
        post = make_post(kind, *required_media(kind))
        others = {name: value for name, value in post.options.items() if name != option}
        assert rules(name, Post(text=post.text, media=post.media, options=others)) == [
            "option_required"
        ]
