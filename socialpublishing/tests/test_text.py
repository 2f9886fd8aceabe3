import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialpublishing.text import count_cashtags, find_urls, is_blank, weighted_length

CONFORMANCE = json.loads((Path(__file__).parent / "corpora/twitter_text.json").read_text("utf-8"))
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def cases(group):
    return [pytest.param(*case[1:], id=case[0]) for case in CONFORMANCE[group]]


@pytest.mark.parametrize(("text", "length"), cases("weighted_length"))
def test_text_has_the_weight_of_twitter_text(text, length):
    assert weighted_length(text) == length


@pytest.mark.parametrize(("text", "spans"), cases("urls"))
def test_links_are_those_of_twitter_text(text, spans):
    assert find_urls(text) == [tuple(span) for span in spans]


@pytest.mark.parametrize(("text", "count"), cases("cashtags"))
def test_cashtags_are_those_of_twitter_text(text, count):
    assert count_cashtags(text) == count


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("e\u0301", 1),  # normalised to NFC first
        ("\u00a9", 1),  # without a selector it is text
        ("\u00a9\ufe0f", 2),  # with the selector it is an emoji
        ("123", 3),
        ("1\ufe0f\u20e3", 2),
        (FAMILY + FAMILY, 4),
        ("\U0001fae8", 2),  # not in twitter-text's own list
        ("\U0001f600\u200d\U0001f600", 5),  # joined, but not an emoji of Unicode
        ("\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5", 4),
        ("example.com", 23),
        ("see example.com/" + "x" * 500, 27),
        ("example.nothing", 15),
        ("me@example.com", 14),
    ],
)
def test_weight_of_a_text(text, length):
    assert weighted_length(text) == length


@given(st.text(), st.text())
def test_weights_of_two_lines_add_up(one, other):
    assert weighted_length(f"{one}\n{other}") == weighted_length(one) + 1 + weighted_length(other)


@given(st.text())
def test_weight_is_at_most_two_per_character_outside_links(text):
    links = find_urls(text)
    assert weighted_length(text) <= 2 * len(text) + 23 * len(links)


@given(st.text(alphabet="ab.-_/:@#$(?)é中\u200d\U0001f468\ufe0f ", max_size=60))
def test_links_are_in_order_and_do_not_overlap(text):
    ends = [0] + [end for span in find_urls(text) for end in span]
    assert ends == sorted(ends)
    assert ends[-1] <= len(text)


def seconds_for(text):
    started = time.perf_counter()
    weighted_length(text)
    count_cashtags(text)
    is_blank(text)
    return time.perf_counter() - started


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "http://",
        "http://a.",
        "\u6545",
        "\u4e2d\u6587.com",
        "\u3042.a.",
        "@a",
        "$A ",
        "1",
        "1\ufe0f",
        "\U0001f468\u200d",
        FAMILY,
        "a.co/(",
        "a.co/!",
        "a.co?!",
        "a\u0323\u0300",
        "\u0323\u0300",
        "\u200b",
        "xn--a.",
    ],
    ids=ascii,
)
def test_hostile_text_takes_linear_time(unit):
    short, long = unit * (50_000 // len(unit)), unit * (100_000 // len(unit))

    assert min(seconds_for(long) for _ in range(3)) < 4 * min(seconds_for(short) for _ in range(3))


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "\n\n", "\u3000\xa0", "\u200b\u200b", "\ufeff", "\u2060\u00ad", "\u3164\uffa0"],
        *["\u2800", "\ufe0f", "\U000e0020", "\x00\x1b", "\u202e"],
    ],
    ids=ascii,
)
def test_text_without_visible_characters_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", [".", " a ", "\u200b\U0001f600", "\u0301", "\u05d0"], ids=ascii)
def test_text_with_a_visible_character_is_not_blank(text):
    assert not is_blank(text)
